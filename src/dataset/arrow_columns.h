// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include <arrow/type_fwd.h>

#include "base/result.h"
#include "columnar/column.h"

namespace braid::dataset {

/// How a column type lies in a segment: bool, int32, int64, double, utf8, date32, timestamp[us],
/// and UTC timestamp[us] for timestamptz; numeric(p,s) as decimal128, numeric without limits and
/// interval as their text.
std::shared_ptr<arrow::DataType> arrow_type_of(const Type& type);

/// Times are counted from 1970 in files and from 2000 here; infinities stay the extreme values.
Result<std::shared_ptr<arrow::Array>> to_arrow(const Column& column);

/// False if some value has no form in a file (NaN in numeric(p,s)): it is written as NULL, and the
/// segment must be decoded from `_raw` again.
bool has_file_form(const Column& column);

/// `type` is the declared one. Text that Parquet kept as a dictionary stays one.
Result<Column> from_arrow(const std::shared_ptr<arrow::Array>& array, const Type& type);

}  // namespace braid::dataset
