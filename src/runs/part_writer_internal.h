// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/store.h"
#include "manifest/manifest.h"
#include "operators/aggregate/state_row.h"
#include "runs/part_format_internal.h"

namespace braid::runs {

/// Writes one file of a run. Rows come in order; the caller decides where a part ends.
class PartWriter {
  public:
    /// The file `<directory>/<section>-<number>.run`, or another name when a crash has left that
    /// one.
    static Result<std::unique_ptr<PartWriter>> create(Store& store, const std::string& directory,
                                                      uint32_t section, uint32_t number,
                                                      PartColumns columns);
    virtual ~PartWriter() = default;
    virtual Result<void> add(const operators::StateRow& row) = 0;
    /// No less than the size of the file if this row were its last.
    virtual uint64_t bytes_with(const operators::StateRow& row) const = 0;
    /// Completes the file and puts it: it is there for good.
    virtual Result<manifest::Part> finish() = 0;
};

}  // namespace braid::runs
