// SPDX-License-Identifier: Apache-2.0
#include "dataset/splits.h"

#include <algorithm>

namespace braid::dataset {

namespace {

/// Puts rows of a segment behind those that the split has.
void add(Split& split, const manifest::Segment& segment, RowRange rows) {
    const bool goes_on = !split.empty() && split.back().segment.file == segment.file;
    if (goes_on) {
        split.back().rows.to = rows.to;
    } else {
        split.push_back({segment, rows});
    }
}

}  // namespace

Result<std::vector<Split>> splits_between(const manifest::TableState& table, const Positions& from,
                                          const Positions& end, size_t count) {
    const std::vector<manifest::Segment> segments = TRY(segments_between(table, from, end));
    uint64_t all = 0;
    for (const manifest::Segment& segment : segments) all += segment.rows;
    std::vector<Split> splits(count);
    size_t number = 0;
    uint64_t taken = 0;
    for (const manifest::Segment& segment : segments) {
        uint64_t first = 0;
        do {
            // A split is full with its share; 128 bits, as rows times splits may need them.
            while (number + 1 < count && taken > 0 &&
                   static_cast<__uint128_t>(taken) * count >=
                       static_cast<__uint128_t>(all) * (number + 1)) {
                ++number;
            }
            const uint64_t next = first + kRowGroupRows;
            const bool is_last = next >= segment.rows;
            add(splits[number], segment, {first, is_last ? UINT64_MAX : next});
            taken += std::min(next, segment.rows) - first;
            first = next;
        } while (first < segment.rows);
    }
    return splits;
}

std::vector<Split> divide(const Split& split) {
    std::vector<Split> splits;
    for (const SplitPiece& piece : split) {
        uint64_t first = piece.rows.from;
        do {
            const uint64_t next = first + kRowGroupRows;
            const bool is_last = next >= std::min(piece.rows.to, piece.segment.rows);
            splits.push_back({{piece.segment, {first, is_last ? piece.rows.to : next}}});
            first = next;
        } while (first < std::min(piece.rows.to, piece.segment.rows));
    }
    return splits;
}

}  // namespace braid::dataset
