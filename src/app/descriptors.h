// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "base/metric.h"
#include "base/result.h"

namespace braid::app {

/// Lets this process have as many file descriptors as it may: RLIMIT_NOFILE goes up to its hard
/// limit. Gives how many that are. Before there is a second thread.
Result<uint64_t> raise_descriptor_limit();

/// How many file descriptors the process has in use, and how many it may, as metrics.
/// Thread-safe.
class DescriptorWatch {
  public:
    explicit DescriptorWatch(Metrics& metrics);
    /// What cannot be counted stays as it was: without a free descriptor there is no counting.
    void look();

  private:
    Metric& open_;
    Metric& most_;
};

}  // namespace braid::app
