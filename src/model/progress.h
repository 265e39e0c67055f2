// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace braid {

/// How far a long piece of work over events has got.
struct Progress {
    uint64_t events_done = 0;
    uint64_t events_all = 0;
};

}  // namespace braid
