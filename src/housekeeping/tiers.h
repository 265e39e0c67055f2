// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

namespace braid::housekeeping {

/// So many runs, or segments, of one level become one of the next: a row is written again once a
/// level, and n of them become at most (kFanIn - 1) · log_kFanIn(n) (a tiered log-structured merge
/// tree; O'Neil et al., Acta Informatica 33, 1996).
inline constexpr size_t kFanIn = 8;
/// More than that only where levels were left in disorder.
inline constexpr size_t kJoinedMax = 64;

/// Neighbours up to this level that end with one of it: younger ones below it have not had their
/// turn yet. Fewer than kFanIn: empty.
template <typename T>
std::span<const T* const> neighbours(std::span<const T* const> stretch, uint32_t level) {
    for (size_t from = 0; from < stretch.size(); ++from) {
        size_t to = from;
        for (size_t at = from; at < stretch.size() && stretch[at]->level <= level; ++at) {
            if (stretch[at]->level == level) to = at + 1;
        }
        if (to - from >= kFanIn) return stretch.subspan(from, std::min(to - from, kJoinedMax));
        from = std::max(from, to);
    }
    return {};
}

}  // namespace braid::housekeeping
