// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

#include "base/result.h"
#include "bench/kernel_job.h"

namespace braid::bench {

struct SpeedFolded {
    uint64_t events = 0;
    double seconds = 0;  // of a clock on the wall
};

/// The speed layer takes all lines from a log in memory, with so many threads, until every view of
/// the job holds them; nothing is sealed. `await_start` is called when all lines are in the log:
/// the time runs from when it returns.
Result<SpeedFolded> fold_in_speed(const Job& job, LineSlices lines, size_t threads,
                                  const std::function<void()>& await_start);

}  // namespace braid::bench
