// SPDX-License-Identifier: Apache-2.0
#include "base/random.h"

#include <random>

#include "base/check.h"

namespace braid {

std::unique_ptr<Random> Random::from_system() {
    std::random_device device;
    const uint64_t high = device();
    return std::make_unique<Random>((high << 32) | device());
}

uint64_t split_mix(uint64_t& state) {
    uint64_t mixed = (state += 0x9E3779B97F4A7C15u);
    mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9u;
    mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EBu;
    return mixed ^ (mixed >> 31);
}

uint64_t Random::next() {
    ScopedLock lock(mutex_);
    return split_mix(state_);
}

uint64_t Random::below(uint64_t bound) {
    CHECK_GT(bound, uint64_t{0});
    // Draws under 2^64 mod bound would favour small values, so they are drawn again.
    const uint64_t least = -bound % bound;
    while (true) {
        const uint64_t draw = next();
        if (draw >= least) return draw % bound;
    }
}

}  // namespace braid
