// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace braid::bench {

/// Where load goes: a stream of a running server.
struct LoadTarget {
    std::string host;
    uint16_t port = 0;
    std::string table;
};

/// The first `count` lines of a file (which is begun again at its end), 1,000 a request, over
/// several connections, each of which sends when its last request was answered.
struct LineLoad {
    std::string file;
    uint64_t connections = 1;
    uint64_t count = 0;
};
/// Gives the seconds from the first request to the last answer. Every request must be answered as
/// durable.
Result<double> send_lines(const LoadTarget& target, const LineLoad& load);

/// Records {"k":…,"v":…} with numbers [first, first + count) under `keys` keys, in an order that
/// jumps. With a rate, requests keep to it, evenly spread; 0 = as fast as answers come.
struct KeyLoad {
    uint64_t first = 0;
    uint64_t count = 0;
    uint64_t keys = 1;
    uint64_t per_second = 0;
};
Result<double> send_keys(const LoadTarget& target, const KeyLoad& load);

}  // namespace braid::bench
