// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/race_oracle.h"

#include <algorithm>

#include <fmt/format.h>

namespace braid::testing {

namespace {

int64_t of(const Counts& counts, int writer) {
    const auto found = counts.find(writer);
    return found == counts.end() ? 0 : found->second;
}

}  // namespace

int64_t RaceOracle::send(int writer, int64_t count) {
    auto& requests = requests_[writer];
    const int64_t first = requests.empty() ? 0 : requests.back().end;
    requests.push_back({.end = first + count, .before = acknowledged_});
    return first;
}

void RaceOracle::acknowledge(int writer) {
    Request& last = requests_.at(writer).back();
    last.is_acknowledged = true;
    acknowledged_[writer] = last.end;
}

std::string RaceOracle::judge(const Counts& answer, const Counts& least) const {
    for (const auto& [writer, count] : least) {
        if (of(answer, writer) >= count) continue;
        return fmt::format("{} events of writer {}, {} were acknowledged", of(answer, writer),
                           writer, count);
    }
    for (const auto& [writer, count] : answer) {
        if (count == 0) continue;
        const auto sent = requests_.find(writer);
        if (sent == requests_.end()) return fmt::format("writer {} never sent anything", writer);
        const auto last = std::ranges::find(sent->second, count, &Request::end);
        if (last == sent->second.end()) {
            return fmt::format("{} events of writer {} are no whole requests", count, writer);
        }
        for (const auto& [other, before] : last->before) {
            if (of(answer, other) >= before) continue;
            return fmt::format(
                "{} events of writer {}, but {} of writer {}, of which {} had been acknowledged "
                "before",
                count, writer, of(answer, other), other, before);
        }
    }
    return {};
}

void RaceOracle::settle(const Counts& found) {
    for (auto& [writer, requests] : requests_) {
        if (requests.empty() || requests.back().is_acknowledged) continue;
        if (requests.back().end == of(found, writer)) {
            acknowledge(writer);
        } else {
            requests.pop_back();
        }
    }
}

}  // namespace braid::testing
