// SPDX-License-Identifier: Apache-2.0
#include "dataset/segment_merge.h"

#include <algorithm>
#include <charconv>
#include <memory>
#include <numeric>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include <arrow/api.h>
#include <fmt/format.h>
#include <parquet/arrow/reader.h>

#include "base/check.h"
#include "base/error_makers.h"
#include "columnar/arrow_result.h"
#include "dataset/listed_files.h"
#include "dataset/segment_input.h"
#include "dataset/segment_internal.h"
#include "dataset/segment_output_internal.h"

namespace braid::dataset {

namespace {

/// Of each segment that is read; and rows that are written at a time, so that many partitions of a
/// few rows each cost no more than one.
constexpr int64_t kBatchRows = 4096;

/// A decoder version that no decoder has.
constexpr int kSeveralDecoders = 0;

/// The rows of one segment, partition by partition.
class Source {
  public:
    explicit Source(const manifest::Segment& segment) : segment_(segment) {}

    Result<void> open(Store& store, const arrow::Schema& schema) {
        file_ = TRY(open_segment(store, segment_.file, segment_.crc, {}));
        file_.reader->set_batch_size(kBatchRows);
        std::shared_ptr<arrow::Schema> found;
        TRY(file_.reader->GetSchema(&found));
        if (!found->Equals(schema, /*check_metadata=*/false)) {
            return corrupt("segment {} has other columns than its stream", segment_.file);
        }
        std::vector<int> groups(static_cast<size_t>(file_.reader->num_row_groups()));
        std::iota(groups.begin(), groups.end(), 0);
        std::vector<int> columns(static_cast<size_t>(schema.num_fields()));
        std::iota(columns.begin(), columns.end(), 0);
        partition_ = schema.GetFieldIndex("_partition");
        batches_ = TRY(file_.reader->GetRecordBatchReader(groups, columns));
        return {};
    }

    /// Rows of the partition that come next; null: there are no more, and what comes is of others.
    Result<std::shared_ptr<arrow::RecordBatch>> next_of(PartitionId partition) {
        while (!batch_ || row_ == batch_->num_rows()) {
            row_ = 0;
            TRY(internal::as_result(batches_->ReadNext(&batch_))
                    .context("reading " + segment_.file));
            if (!batch_) return batch_;
        }
        const auto& partitions = static_cast<const arrow::Int32Array&>(*batch_->column(partition_));
        const int32_t* begin = partitions.raw_values() + row_;
        const int32_t* all_end = partitions.raw_values() + partitions.length();
        const auto wanted = static_cast<int32_t>(partition.value);
        if (*begin != wanted) return std::shared_ptr<arrow::RecordBatch>();
        const int64_t rows = std::upper_bound(begin, all_end, wanted) - begin;
        auto found = batch_->Slice(row_, rows);
        row_ += rows;
        return found;
    }

    std::string meta(const char* key) const { return file_.meta(key); }
    std::optional<int64_t> number(const char* key) const {
        const std::string text = meta(key);
        int64_t value = 0;
        const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
        if (text.empty() || parsed.ec != std::errc()) return std::nullopt;
        return value;
    }

  private:
    const manifest::Segment& segment_;
    OpenSegment file_;
    int partition_ = -1;
    std::unique_ptr<arrow::RecordBatchReader> batches_;
    std::shared_ptr<arrow::RecordBatch> batch_;
    int64_t row_ = 0;  // the next of the batch
};

class Merge {
  public:
    Merge(const SegmentSpec& spec, const std::string& path,
          const std::function<Result<void>(uint64_t)>& go_on)
        : output_(spec, unlisted_path(path)), go_on_(go_on) {}

    Result<void> open(Store& store, std::span<const manifest::Segment> segments) {
        for (const manifest::Segment& segment : segments) {
            auto& source = sources_.emplace_back(std::make_unique<Source>(segment));
            TRY(source->open(store, *output_.schema()));
            add_footer(segment, *source);
        }
        return output_.open(store);
    }

    Result<void> copy() {
        for (const Interval& each : footer_.box.intervals) {
            for (const auto& source : sources_) {
                while (auto rows = TRY(source->next_of(each.partition))) {
                    rows_ += rows->num_rows();
                    waiting_.push_back(std::move(rows));
                    if (rows_ >= kBatchRows) TRY(write());
                }
            }
        }
        return write();
    }

    uint64_t rows() const { return output_.rows(); }
    Result<manifest::Segment> put() { return output_.put(footer_, {}); }

  private:
    void add_footer(const manifest::Segment& segment, const Source& source) {
        auto box = join(footer_.box, segment.box);
        CHECK(box.has_value());  // they are neighbours
        footer_.box = *std::move(box);
        footer_.bad_rows += segment.bad_rows;
        footer_.erased_rows += segment.erased_rows;
        const int decoder =
            static_cast<int>(source.number(kMetaDecoder).value_or(kSeveralDecoders));
        const bool is_first = sources_.size() == 1;
        const bool is_same = is_first || footer_.decoder_version == decoder;
        footer_.decoder_version = is_same ? decoder : kSeveralDecoders;
        footer_.columns_complete =
            footer_.columns_complete && source.meta(kMetaColumnsComplete) == "1";
        // Of a segment that does not say it the day does: of all of them.
        const auto newest = segment.newest_us;
        footer_.newest_us = is_first || (newest && footer_.newest_us)
                                ? std::max(newest, footer_.newest_us)
                                : std::nullopt;
        const auto least = source.number(kMetaEventTimeMin);
        const auto greatest = source.number(kMetaEventTimeMax);
        if (!least || !greatest) return;
        footer_.event_time_min = std::min(footer_.event_time_min.value_or(*least), *least);
        footer_.event_time_max = std::max(footer_.event_time_max.value_or(*greatest), *greatest);
    }

    Result<void> write() {
        if (waiting_.empty()) return {};
        const auto table = TRY(internal::as_result(arrow::Table::FromRecordBatches(waiting_)));
        const auto batch = TRY(internal::as_result(table->CombineChunksToBatch()));
        waiting_.clear();
        TRY(output_.write(
            *arrow::RecordBatch::Make(output_.schema(), batch->num_rows(), batch->columns())));
        return go_on_(static_cast<uint64_t>(std::exchange(rows_, 0)));
    }

    SegmentOutput output_;
    const std::function<Result<void>(uint64_t)>& go_on_;
    std::vector<std::unique_ptr<Source>> sources_;
    SegmentFooter footer_;
    arrow::RecordBatchVector waiting_;  // to be written together
    int64_t rows_ = 0;                  // of them
};

}  // namespace

std::string merged_path(const manifest::Segment& first, RunId id) {
    const std::string& file = first.file;
    // "<log>-<begin>" of "<log>-<begin>.parquet" or "<log>-<begin>-<id>.parquet"
    const size_t name = file.rfind('/') + 1;
    const size_t end = file.find_first_of("-.", file.find('-', name) + 1);
    return fmt::format("{}-{}.parquet", file.substr(0, end), id.value);
}

Result<manifest::Segment> merge_segments(Store& store, const SegmentSpec& spec,
                                         std::span<const manifest::Segment> segments,
                                         const std::string& path,
                                         const std::function<Result<void>(uint64_t rows)>& go_on) {
    Merge merge(spec, path, go_on);
    TRY(merge.open(store, segments));
    TRY(merge.copy());
    uint64_t rows = 0;
    uint64_t raw_bytes = 0;
    uint32_t level = 0;
    for (const manifest::Segment& each : segments) {
        rows += each.rows;
        raw_bytes += each.raw_bytes;
        level = std::max(level, each.level);
    }
    if (merge.rows() != rows) {
        return corrupt("{} rows were found where segments have {}", merge.rows(), rows)
            .with_detail(fmt::format("The first of them is \"{}\".", segments.front().file));
    }
    manifest::Segment merged = TRY(merge.put());
    merged.file = path;
    merged.ingest_day = segments.front().ingest_day;
    merged.raw_bytes = raw_bytes;
    merged.level = level + 1;
    return merged;
}

}  // namespace braid::dataset
