// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include <arrow/api.h>

#include "base/check.h"
#include "columnar/arrow_result.h"
#include "columnar/text_io.h"
#include "columnar/time_zone.h"
#include "dataset/arrow_columns.h"
#include "dataset/segment_output_internal.h"
#include "operators/fold/newest_event.h"

namespace braid::dataset {

namespace {

/// An array of one value repeated.
template <typename Builder, typename Value>
Result<std::shared_ptr<arrow::Array>> repeated(Builder builder, const Value& value, size_t count) {
    TRY(builder.Reserve(static_cast<int64_t>(count)));
    for (size_t index = 0; index < count; ++index) builder.UnsafeAppend(value);
    return TRY(builder.Finish());
}

class ParquetSegmentWriter final : public SegmentWriter {
  public:
    ParquetSegmentWriter(SegmentSpec spec, std::string path, PartitionId partition, Offset from)
        : spec_(std::move(spec)),
          output_(spec_, std::move(path)),
          event_time_(spec_.event_time.empty() ? -1 : spec_.columns.find(spec_.event_time)),
          newest_(spec_.columns, spec_.event_time) {
        footer_.box.intervals.push_back({partition, from, from});
        footer_.decoder_version = spec_.decoder_version;
    }

    Result<void> open(Store& store) { return output_.open(store); }

    Result<void> add(const operators::DecodedSlice& slice, std::span<const std::string_view> raw,
                     int64_t ingested_at_us, Offset next) override {
        const size_t count = slice.batch.length;
        CHECK_EQ(raw.size(), count);
        CHECK_GT(count, size_t{0});
        CHECK(end() <= slice.offsets[0] && slice.offsets[count - 1] < next);
        end() = next;
        arrow::ArrayVector arrays;
        for (size_t index = 0; index < spec_.columns.fields.size(); ++index) {
            const Column& column = slice.batch.columns[index];
            footer_.columns_complete = footer_.columns_complete && has_file_form(column);
            arrays.push_back(TRY(to_arrow(column)));
        }
        TRY(add_system_columns(slice, raw, ingested_at_us, arrays));
        note_event_times(slice);
        newest_.note(slice, ingested_at_us);
        const auto batch =
            arrow::RecordBatch::Make(output_.schema(), static_cast<int64_t>(count), arrays);
        TRY(output_.write(*batch));
        footer_.bad_rows += slice.bad.size();
        for (const std::string_view record : raw) raw_bytes_ += record.size();
        return {};
    }

    void skip_to(Offset next) override {
        CHECK(end() <= next);
        end() = next;
    }
    void go_to(PartitionId partition, Offset from) override {
        CHECK(footer_.box.intervals.back().partition < partition);
        footer_.box.intervals.push_back({partition, from, from});
    }

    uint64_t rows() const override { return output_.rows(); }
    uint64_t bytes_estimate() const override { return raw_bytes_; }
    Result<manifest::Segment> move_in(const std::function<Result<void>()>& may_replace) override {
        // A partition of which nothing came is none of the segment's.
        std::erase_if(footer_.box.intervals,
                      [](const Interval& each) { return each.from == each.to; });
        footer_.newest_us = newest_.time_us();
        manifest::Segment segment = TRY(output_.put(footer_, may_replace));
        segment.raw_bytes = raw_bytes_;
        return segment;
    }

  private:
    /// Where the records that were added end, in the partition that is written.
    Offset& end() { return footer_.box.intervals.back().to; }

    Result<void> add_system_columns(const operators::DecodedSlice& slice,
                                    std::span<const std::string_view> raw, int64_t ingested_at_us,
                                    arrow::ArrayVector& arrays) {
        const size_t count = raw.size();
        const auto partition = static_cast<int32_t>(footer_.box.intervals.back().partition.value);
        arrays.push_back(TRY(repeated(arrow::Int32Builder(), partition, count)));
        arrow::Int64Builder offsets;
        TRY(offsets.Reserve(static_cast<int64_t>(count)));
        for (size_t row = 0; row < count; ++row) {
            offsets.UnsafeAppend(slice.offsets[row].value);
        }
        arrays.push_back(TRY(offsets.Finish()));
        arrays.push_back(
            TRY(repeated(arrow::TimestampBuilder(arrow::timestamp(arrow::TimeUnit::MICRO, "UTC"),
                                                 arrow::default_memory_pool()),
                         ingested_at_us, count)));
        arrow::BinaryBuilder records;
        for (const std::string_view record : raw) TRY(records.Append(record));
        arrays.push_back(TRY(records.Finish()));
        arrow::StringBuilder errors;
        TRY(errors.Reserve(static_cast<int64_t>(count)));
        size_t bad = 0;
        for (uint32_t row = 0; row < count; ++row) {
            if (bad < slice.bad.size() && slice.bad[bad].row == row) {
                TRY(errors.Append(slice.bad[bad++].reason));
            } else {
                TRY(errors.AppendNull());
            }
        }
        arrays.push_back(TRY(errors.Finish()));
        return {};
    }

    void note_event_times(const operators::DecodedSlice& slice) {
        if (event_time_ < 0) return;
        const Column& column = slice.batch.columns[static_cast<size_t>(event_time_)];
        if (column.type().kind != TypeKind::kTimestamp &&
            column.type().kind != TypeKind::kTimestampTz) {
            return;
        }
        for (const uint32_t row : slice.good) {
            if (column.is_null(row)) continue;
            const int64_t at = column.at<int64_t>(row) - kUnixEpochUs;
            footer_.event_time_min = std::min(footer_.event_time_min.value_or(at), at);
            footer_.event_time_max = std::max(footer_.event_time_max.value_or(at), at);
        }
    }

    const SegmentSpec spec_;
    SegmentOutput output_;
    const int event_time_;
    operators::NewestEvent newest_;
    SegmentFooter footer_;  // of what was added
    uint64_t raw_bytes_ = 0;
};

}  // namespace

Result<std::unique_ptr<SegmentWriter>> SegmentWriter::create(Store& store, SegmentSpec spec,
                                                             std::string path,
                                                             PartitionId partition, Offset from) {
    auto writer =
        std::make_unique<ParquetSegmentWriter>(std::move(spec), std::move(path), partition, from);
    TRY(writer->open(store));
    return std::unique_ptr<SegmentWriter>(std::move(writer));
}

}  // namespace braid::dataset
