// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>

#include "base/mutex.h"

namespace braid {

/// The next number of splitmix64 (Steele et al. 2014), whose whole state is one word.
uint64_t split_mix(uint64_t& state);

/// Random numbers for ids and tests. Thread-safe. Never used by a view.
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
