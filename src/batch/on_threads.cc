// SPDX-License-Identifier: Apache-2.0
#include "batch/on_threads.h"

#include <algorithm>
#include <atomic>
#include <vector>

#include <fmt/format.h>

#include "base/thread.h"

namespace braid::batch {

Result<void> on_threads(size_t threads, const std::string& name,
                        const std::function<Result<void>(size_t)>& work) {
    std::vector<Result<void>> outcomes(threads);
    {
        std::vector<Thread> others;
        for (size_t number = 1; number < threads; ++number) {
            others.emplace_back(fmt::format("{} {}", name, number),
                                [&, number] { outcomes[number] = work(number); });
        }
        outcomes[0] = work(0);
    }  // joined
    for (Result<void>& outcome : outcomes) TRY(std::move(outcome));
    return {};
}

Result<void> for_each_on_threads(size_t threads, const std::string& name, size_t count,
                                 const std::function<Result<void>(size_t)>& work) {
    std::atomic<size_t> next = 0;
    return on_threads(std::clamp<size_t>(count, 1, threads), name, [&](size_t) -> Result<void> {
        for (size_t item = next++; item < count; item = next++) {
            Result<void> outcome = work(item);
            if (outcome) continue;
            next = count;
            return outcome;
        }
        return {};
    });
}

}  // namespace braid::batch
