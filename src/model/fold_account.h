// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace braid {

/// What became of records in one view: counted + filtered + quarantined + expired = records seen.
struct FoldAccount {
    uint64_t counted = 0;
    uint64_t filtered = 0;
    uint64_t quarantined = 0;
    /// Of the quarantined: good records for which an expression of the view failed.
    uint64_t failed = 0;
    /// Of groups that the view did not keep any more when they came (model/horizon.h).
    uint64_t expired = 0;

    void add(const FoldAccount& other) {
        counted += other.counted;
        filtered += other.filtered;
        quarantined += other.quarantined;
        failed += other.failed;
        expired += other.expired;
    }
    friend bool operator==(const FoldAccount&, const FoldAccount&) = default;
};

}  // namespace braid
