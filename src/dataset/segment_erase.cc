// SPDX-License-Identifier: Apache-2.0
#include "dataset/segment_erase.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <memory>
#include <numeric>
#include <optional>
#include <string>
#include <utility>

#include <arrow/api.h>
#include <fmt/format.h>
#include <parquet/arrow/reader.h>

#include "base/error_makers.h"
#include "base/file_system.h"
#include "columnar/arrow_result.h"
#include "dataset/segment_internal.h"
#include "dataset/segment_output_internal.h"

namespace braid::dataset {

namespace {

/// Read and written at a time: records may be large.
constexpr int64_t kBatchRows = 4096;

/// Rows [from, to) of a batch that are all erased, or all kept.
struct Stretch {
    int64_t from = 0;
    int64_t to = 0;
    bool is_erased = false;
};

class Rewrite {
  public:
    Rewrite(const SegmentSpec& spec, const manifest::Segment& segment, const EventSet& events,
            const std::string& path)
        : spec_(spec), segment_(segment), events_(events), output_(spec, path) {}

    Result<manifest::Segment> run(Store& store) {
        TRY(open(store));
        while (true) {
            std::shared_ptr<arrow::RecordBatch> batch;
            TRY(internal::as_result(batches_->ReadNext(&batch))
                    .context("reading " + segment_.file));
            if (!batch) break;
            TRY(write(*batch));
        }
        uint64_t wanted = 0;
        for (const auto& [partition, offsets] : events_) wanted += offsets.size();
        if (erased_ != wanted || output_.rows() != segment_.rows) {
            return corrupt("segment {} does not hold what was found in it", segment_.file);
        }
        manifest::Segment written = TRY(output_.put(footer_, {}));
        written.ingest_day = segment_.ingest_day;
        written.raw_bytes = segment_.raw_bytes - std::min(segment_.raw_bytes, erased_bytes_);
        written.level = segment_.level;
        return written;
    }

  private:
    Result<void> open(Store& store) {
        file_ = TRY(open_segment(store, segment_.file, segment_.crc, {}));
        file_.reader->set_batch_size(kBatchRows);
        std::shared_ptr<arrow::Schema> schema;
        TRY(file_.reader->GetSchema(&schema));
        if (!schema->Equals(*output_.schema(), /*check_metadata=*/false)) {
            return corrupt("segment {} has other columns than its stream", segment_.file);
        }
        footer_.box = segment_.box;
        footer_.bad_rows = segment_.bad_rows;
        footer_.erased_rows = segment_.erased_rows;
        footer_.newest_us = segment_.newest_us;  // tombstones go with the rest
        const std::string decoder = file_.meta(kMetaDecoder);
        std::from_chars(decoder.data(), decoder.data() + decoder.size(), footer_.decoder_version);
        footer_.columns_complete = file_.meta(kMetaColumnsComplete) == "1";
        const int event_time = spec_.event_time.empty() ? -1 : spec_.columns.find(spec_.event_time);
        const bool is_time =
            event_time >= 0 && schema->field(event_time)->type()->id() == arrow::Type::TIMESTAMP;
        if (is_time) event_time_ = event_time;
        std::vector<int> groups(static_cast<size_t>(file_.reader->num_row_groups()));
        std::iota(groups.begin(), groups.end(), 0);
        std::vector<int> columns(static_cast<size_t>(schema->num_fields()));
        std::iota(columns.begin(), columns.end(), 0);
        batches_ = TRY(file_.reader->GetRecordBatchReader(groups, columns));
        return output_.open(store);
    }

    Result<void> write(const arrow::RecordBatch& batch) {
        const std::vector<Stretch> stretches = stretches_of(batch);
        const bool has_erased =
            std::ranges::any_of(stretches, [](const Stretch& each) { return each.is_erased; });
        arrow::ArrayVector columns = batch.columns();
        if (has_erased) {
            note_erased(batch, stretches);
            for (int column = 0; column < batch.num_columns(); ++column) {
                if (!is_kept(column)) {
                    columns[static_cast<size_t>(column)] =
                        TRY(erase(batch.column(column), column, stretches));
                }
            }
        }
        if (event_time_) note_event_times(*columns[static_cast<size_t>(*event_time_)]);
        return output_.write(
            *arrow::RecordBatch::Make(output_.schema(), batch.num_rows(), std::move(columns)));
    }

    std::vector<Stretch> stretches_of(const arrow::RecordBatch& batch) const {
        const auto& partitions =
            static_cast<const arrow::Int32Array&>(*batch.GetColumnByName("_partition"));
        const auto& offsets =
            static_cast<const arrow::Int64Array&>(*batch.GetColumnByName("_offset"));
        std::vector<Stretch> stretches;
        for (int64_t row = 0; row < batch.num_rows(); ++row) {
            const auto of = events_.find({static_cast<uint32_t>(partitions.Value(row))});
            const bool is_erased =
                of != events_.end() && std::ranges::binary_search(of->second, offsets.Value(row));
            if (stretches.empty() || stretches.back().is_erased != is_erased) {
                stretches.push_back({row, row, is_erased});
            }
            stretches.back().to = row + 1;
        }
        return stretches;
    }

    void note_erased(const arrow::RecordBatch& batch, const std::vector<Stretch>& stretches) {
        const auto& raw = static_cast<const arrow::BinaryArray&>(*batch.GetColumnByName("_raw"));
        const auto errors = batch.GetColumnByName("_error");
        for (const Stretch& each : stretches) {
            if (!each.is_erased) continue;
            for (int64_t row = each.from; row < each.to; ++row) {
                erased_bytes_ += raw.GetView(row).size();
                if (!errors->IsNull(row)) --footer_.bad_rows;
            }
            erased_ += static_cast<uint64_t>(each.to - each.from);
            footer_.erased_rows += static_cast<uint64_t>(each.to - each.from);
        }
    }

    /// Where an event lay, and when it came in.
    bool is_kept(int column) const {
        const std::string& name = output_.schema()->field(column)->name();
        const auto declared = static_cast<int>(spec_.columns.fields.size());
        return column >= declared && name != "_raw" && name != "_error";
    }

    Result<std::shared_ptr<arrow::Array>> erase(const std::shared_ptr<arrow::Array>& column,
                                                int number,
                                                const std::vector<Stretch>& stretches) const {
        const auto declared = static_cast<int>(spec_.columns.fields.size());
        arrow::ArrayVector pieces;
        for (const Stretch& each : stretches) {
            const int64_t rows = each.to - each.from;
            if (!each.is_erased) {
                pieces.push_back(column->Slice(each.from, rows));
            } else if (number < declared) {
                pieces.push_back(TRY(arrow::MakeArrayOfNull(column->type(), rows)));
            } else if (column->type_id() == arrow::Type::BINARY) {
                pieces.push_back(TRY(arrow::MakeArrayFromScalar(arrow::BinaryScalar(""), rows)));
            } else {
                pieces.push_back(TRY(
                    arrow::MakeArrayFromScalar(arrow::StringScalar(std::string(kErased)), rows)));
            }
        }
        return TRY(arrow::Concatenate(pieces));
    }

    void note_event_times(const arrow::Array& column) {
        const auto& times = static_cast<const arrow::TimestampArray&>(column);
        for (int64_t row = 0; row < times.length(); ++row) {
            if (times.IsNull(row)) continue;
            const int64_t at = times.Value(row);
            footer_.event_time_min = std::min(footer_.event_time_min.value_or(at), at);
            footer_.event_time_max = std::max(footer_.event_time_max.value_or(at), at);
        }
    }

    const SegmentSpec& spec_;
    const manifest::Segment& segment_;
    const EventSet& events_;
    SegmentOutput output_;
    SegmentFooter footer_;
    OpenSegment file_;
    std::unique_ptr<arrow::RecordBatchReader> batches_;
    std::optional<int> event_time_;
    uint64_t erased_ = 0;
    uint64_t erased_bytes_ = 0;
};

}  // namespace

Result<manifest::Segment> erase_events(Store& store, const SegmentSpec& spec,
                                       const manifest::Segment& segment, const EventSet& events,
                                       const std::string& path, const std::string& put_at) {
    manifest::Segment written = TRY(Rewrite(spec, segment, events, put_at).run(store));
    written.file = path;
    return written;
}

}  // namespace braid::dataset
