// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "catalog/catalog.h"

namespace braid::serving {

/// What became of the records of a request.
struct RecordCheck {
    struct Reason {
        size_t record;  // counted from 0
        std::string text;
    };
    size_t checked = 0;  // of the first ones
    size_t bad = 0;
    std::vector<Reason> reasons;  // the first few
};

/// Tells a sender which of its records go to quarantine; the layers find out for themselves.
/// Given by `app`, which has the decoders. Thread-safe.
class RecordChecker {
  public:
    virtual ~RecordChecker() = default;
    /// Looks at the first records, as many as cost little beside storing them.
    virtual RecordCheck check(const catalog::Table& table,
                              std::span<const std::string_view> records) = 0;
};

}  // namespace braid::serving
