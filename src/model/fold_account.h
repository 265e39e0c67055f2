// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace braid {

/// What became of records in one view.
struct FoldAccount {
    uint64_t counted = 0;
    uint64_t filtered = 0;
    uint64_t quarantined = 0;
    /// Of the quarantined: good records for which an expression of the view failed.
    uint64_t failed = 0;
    /// Of groups that the view did not keep any more when they came (model/horizon.h).
    uint64_t expired = 0;
    /// Tombstones: nothing is known of them but where they lie.
    uint64_t erased = 0;

    /// Records seen.
    uint64_t sum() const { return counted + filtered + quarantined + expired + erased; }
    void add(const FoldAccount& other) {
        counted += other.counted;
        filtered += other.filtered;
        quarantined += other.quarantined;
        failed += other.failed;
        expired += other.expired;
        erased += other.erased;
    }
    friend bool operator==(const FoldAccount&, const FoldAccount&) = default;
};

}  // namespace braid
