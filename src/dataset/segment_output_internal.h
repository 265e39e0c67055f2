// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <arrow/type_fwd.h>

#include "base/result.h"
#include "base/store.h"
#include "columnar/arrow_output.h"
#include "dataset/segment.h"
#include "model/box.h"

namespace parquet::arrow {
class FileWriter;
}

namespace braid::dataset {

/// What a segment's footer says of its rows.
struct SegmentFooter {
    Box box;
    uint64_t bad_rows = 0;
    uint64_t erased_rows = 0;
    int decoder_version = 0;
    bool columns_complete = true;
    std::optional<int64_t> event_time_min;  // Unix microseconds
    std::optional<int64_t> event_time_max;
    std::optional<int64_t> newest_us;  // manifest::Segment
};

/// The Parquet file of a segment while it is written.
class SegmentOutput {
  public:
    SegmentOutput(const SegmentSpec& spec, std::string path);
    SegmentOutput(const SegmentOutput&) = delete;
    SegmentOutput& operator=(const SegmentOutput&) = delete;
    ~SegmentOutput();

    Result<void> open(Store& store);
    /// Rows of the schema, behind those before.
    Result<void> write(const arrow::RecordBatch& batch);
    /// As SegmentWriter::move_in; what the manifest is to say of it, but for the raw bytes.
    Result<manifest::Segment> put(const SegmentFooter& footer,
                                  const std::function<Result<void>()>& may_replace);

    const std::shared_ptr<arrow::Schema>& schema() const { return schema_; }
    uint64_t rows() const { return rows_; }

  private:
    const LogId log_;
    const std::string path_;
    const std::shared_ptr<arrow::Schema> schema_;
    Store* store_ = nullptr;
    NewFile* file_ = nullptr;  // output_'s
    std::shared_ptr<ArrowOutput> output_;
    std::unique_ptr<parquet::arrow::FileWriter> writer_;
    uint64_t rows_ = 0;
};

}  // namespace braid::dataset
