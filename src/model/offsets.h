// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "base/check.h"
#include "model/ids.h"

namespace braid {

/// The offsets of some records of one partition, in order, rising: record i lies at offset [i].
/// Where none is left out between them only the first is kept, for as many records as there are; so
/// the usual case costs nothing. An immutable value that is cheap to copy.
class Offsets {
  public:
    Offsets() = default;
    /// first, first + 1, …
    explicit Offsets(Offset first) : first_(first) {}
    /// These, one for each record; they must rise.
    static Offsets of(std::vector<int64_t> each) {
        if (each.empty()) return {};
        CHECK(std::ranges::adjacent_find(each, std::ranges::greater_equal{}) == each.end());
        Offsets offsets({each.front()});
        const bool has_holes = each.back() - each.front() >= std::ssize(each);
        if (has_holes)
            offsets.each_ = std::make_shared<const std::vector<int64_t>>(std::move(each));
        return offsets;
    }

    Offset operator[](size_t record) const {
        if (each_) return {(*each_)[record]};
        return {first_.value + static_cast<int64_t>(record)};
    }
    bool has_holes() const { return each_ != nullptr; }
    /// Of the first `count` records; what comes behind the last of them lies above it.
    std::vector<int64_t> values(size_t count) const {
        std::vector<int64_t> values(count);
        for (size_t record = 0; record < count; ++record) values[record] = (*this)[record].value;
        return values;
    }

  private:
    Offset first_;
    std::shared_ptr<const std::vector<int64_t>> each_;  // null: no holes
};

}  // namespace braid
