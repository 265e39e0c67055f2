// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <arrow/api.h>
#include <arrow/util/key_value_metadata.h>
#include <fmt/format.h>
#include <parquet/arrow/writer.h>

#include "base/check.h"
#include "base/error_makers.h"
#include "base/trace.h"
#include "columnar/arrow_output.h"
#include "columnar/arrow_result.h"
#include "columnar/text_io.h"
#include "columnar/time_zone.h"
#include "dataset/arrow_columns.h"
#include "dataset/segment_internal.h"

namespace braid::dataset {

namespace {

constexpr int64_t kDictionaryBytesMax = 4 << 20;

std::shared_ptr<parquet::WriterProperties> writer_properties() {
    parquet::WriterProperties::Builder builder;
    builder.compression(parquet::Compression::ZSTD)
        ->compression_level(1)
        ->dictionary_pagesize_limit(kDictionaryBytesMax)
        ->disable_dictionary("_raw")
        ->disable_dictionary("_offset")
        ->max_row_group_length(static_cast<int64_t>(kRowGroupRows))
        ->enable_page_checksum()
        ->created_by("braid");
    return builder.build();
}

/// An array of one value repeated.
template <typename Builder, typename Value>
Result<std::shared_ptr<arrow::Array>> repeated(Builder builder, const Value& value, size_t count) {
    TRY(builder.Reserve(static_cast<int64_t>(count)));
    for (size_t index = 0; index < count; ++index) builder.UnsafeAppend(value);
    return TRY(builder.Finish());
}

class ParquetSegmentWriter final : public SegmentWriter {
  public:
    ParquetSegmentWriter(Store& store, SegmentSpec spec, std::string path, PartitionId partition,
                         Offset from)
        : store_(store),
          spec_(std::move(spec)),
          path_(std::move(path)),
          box_({{{partition, from, from}}}),
          schema_(arrow_schema_of(spec_.columns)),
          event_time_(spec_.event_time.empty() ? -1 : spec_.columns.find(spec_.event_time)) {}

    Result<void> open() {
        auto file = TRY(store_.begin_put(path_));
        file_ = file.get();
        output_ = std::make_shared<ArrowOutput>(std::move(file));
        writer_ = TRY(output_->check(parquet::arrow::FileWriter::Open(
            *schema_, arrow::default_memory_pool(), output_, writer_properties())));
        return {};
    }

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
            columns_complete_ = columns_complete_ && has_file_form(column);
            arrays.push_back(TRY(to_arrow(column)));
        }
        TRY(add_system_columns(slice, raw, ingested_at_us, arrays));
        note_event_times(slice);
        const auto batch = arrow::RecordBatch::Make(schema_, static_cast<int64_t>(count), arrays);
        TRY(output_->check(writer_->WriteRecordBatch(*batch)));
        rows_ += count;
        bad_rows_ += slice.bad.size();
        for (const std::string_view record : raw) raw_bytes_ += record.size();
        return {};
    }

    void skip_to(Offset next) override {
        CHECK(end() <= next);
        end() = next;
    }
    void go_to(PartitionId partition, Offset from) override {
        CHECK(box_.intervals.back().partition < partition);
        box_.intervals.push_back({partition, from, from});
    }

    uint64_t rows() const override { return rows_; }
    uint64_t bytes_estimate() const override { return raw_bytes_; }
    Result<manifest::Segment> move_in(const std::function<Result<void>()>& may_replace) override {
        TRY(output_->check(writer_->AddKeyValueMetadata(metadata())));
        TRY(output_->check(writer_->Close()));
        PutOutcome outcome = TRY(file_->put());
        if (outcome == PutOutcome::kExists) {
            if (may_replace) TRY(may_replace());
            // Now that the new file is whole: until then the leftover may be the better copy.
            trace(TraceLevel::kInfo, "dataset",
                  "segment {} was never committed: it is written again from the log", path_);
            TRY(store_.remove(path_));
            outcome = TRY(file_->put());
        }
        TRY(must_be_done(outcome, path_));
        manifest::Segment segment;
        segment.file = path_;
        segment.box = box();
        segment.rows = rows_;
        segment.bad_rows = bad_rows_;
        segment.bytes = file_->size();
        segment.crc = output_->crc();
        segment.ingest_day = day_of(path_);
        return segment;
    }

  private:
    /// Where the records that were added end, in the partition that is written.
    Offset& end() { return box_.intervals.back().to; }

    /// Without partitions of which nothing came.
    Box box() const {
        Box box = box_;
        std::erase_if(box.intervals, [](const Interval& each) { return each.from == each.to; });
        return box;
    }

    Result<void> add_system_columns(const operators::DecodedSlice& slice,
                                    std::span<const std::string_view> raw, int64_t ingested_at_us,
                                    arrow::ArrayVector& arrays) {
        const size_t count = raw.size();
        const auto partition = static_cast<int32_t>(box_.intervals.back().partition.value);
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
            const int64_t at = column.at<int64_t>(row);
            event_time_min_ = std::min(event_time_min_.value_or(at), at);
            event_time_max_ = std::max(event_time_max_.value_or(at), at);
        }
    }

    std::shared_ptr<arrow::KeyValueMetadata> metadata() const {
        auto metadata = std::make_shared<arrow::KeyValueMetadata>();
        const auto add = [&](const char* key, const auto& value) {
            metadata->Append(key, fmt::format("{}", value));
        };
        add(kMetaFormat, kSegmentFormat);
        add(kMetaLog, spec_.log.hex);
        add(kMetaBox, text_of(box()));
        add(kMetaBadRows, bad_rows_);
        add(kMetaDecoder, spec_.decoder_version);
        add(kMetaColumnsComplete, columns_complete_ ? 1 : 0);
        if (event_time_min_) add(kMetaEventTimeMin, *event_time_min_ - kUnixEpochUs);
        if (event_time_max_) add(kMetaEventTimeMax, *event_time_max_ - kUnixEpochUs);
        return metadata;
    }

    Store& store_;
    const SegmentSpec spec_;
    const std::string path_;
    Box box_;  // of what was added
    const std::shared_ptr<arrow::Schema> schema_;
    const int event_time_;
    NewFile* file_ = nullptr;  // output_'s
    std::shared_ptr<ArrowOutput> output_;
    std::unique_ptr<parquet::arrow::FileWriter> writer_;
    uint64_t rows_ = 0;
    uint64_t bad_rows_ = 0;
    uint64_t raw_bytes_ = 0;
    bool columns_complete_ = true;
    std::optional<int64_t> event_time_min_;
    std::optional<int64_t> event_time_max_;
};

}  // namespace

Result<std::unique_ptr<SegmentWriter>> SegmentWriter::create(Store& store, SegmentSpec spec,
                                                             std::string path,
                                                             PartitionId partition, Offset from) {
    auto writer = std::make_unique<ParquetSegmentWriter>(store, std::move(spec), std::move(path),
                                                         partition, from);
    TRY(writer->open());
    return std::unique_ptr<SegmentWriter>(std::move(writer));
}

}  // namespace braid::dataset
