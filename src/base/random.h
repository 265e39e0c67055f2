// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>

#include "base/mutex.h"

namespace braid {

/// Random numbers for ids and tests (splitmix64, Steele et al. 2014). Thread-safe. Never used by a
/// view.
class Random {
  public:
    explicit Random(uint64_t seed) : state_(seed) {}
    /// Seeded by the operating system.
    static std::unique_ptr<Random> from_system();

    uint64_t next();
    /// Uniform in [0, bound); bound > 0.
    uint64_t below(uint64_t bound);

  private:
    Mutex mutex_;
    uint64_t state_;
};

}  // namespace braid
