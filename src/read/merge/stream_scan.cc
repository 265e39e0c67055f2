// SPDX-License-Identifier: Apache-2.0
#include "read/merge/stream_scan.h"

#include <algorithm>
#include <deque>

#include "base/error_makers.h"
#include "dataset/segment.h"
#include "operators/decode/declared_decoder.h"
#include "plan/view_plan.h"

namespace braid::read {

namespace {

constexpr size_t kSliceRecords = 4096;

class StreamScan final : public RowSource {
  public:
    StreamScan(const ReadParts& parts, catalog::Table table, std::vector<int> columns,
               StreamRows which)
        : parts_(parts), table_(std::move(table)), columns_(std::move(columns)), which_(which) {
        const size_t width = table_.columns.fields.size() + plan::kSystemColumnCount;
        wanted_.assign(width, false);
        for (const int column : columns_) wanted_[static_cast<size_t>(column)] = true;
        decoder_spec_ = operators::decoder_spec_of(table_);
        segment_spec_ = dataset::SegmentSpec::of(table_);
    }

    Result<void> start(const PinnedSnapshot& snapshot) {
        decoder_ = TRY(operators::make_decoder(decoder_spec_));
        end_ = TRY(snapshot.stream_end(table_.id));
        const manifest::TableState* state = snapshot.state()->table(table_.id);
        if (state == nullptr) return not_found("stream \"{}\" does not exist", table_.name);
        const PinnedSnapshot::Stream* stream = TRY(snapshot.stream(table_.id));
        log_ = stream->log;
        TRY(plan_segments(*state, state->start));
        return {};
    }

    Result<bool> next(Batch& batch) override {
        while (TRY(next_slice())) {
            const std::vector<uint32_t> rows = chosen_rows();
            if (rows.empty()) continue;
            Batch given;
            given.length = rows.size();
            const bool all = rows.size() == slice_.batch.length;
            for (const int column : columns_) {
                const Column& source = slice_.batch.columns[static_cast<size_t>(column)];
                given.columns.push_back(all ? source : source.gather(rows));
            }
            batch = std::move(given);
            return true;
        }
        return false;
    }

  private:
    /// Segments from `from` on; the log goes on where they end.
    Result<void> plan_segments(const manifest::TableState& state, Positions from) {
        // The state may be newer than the snapshot; of partitions that came since nothing is read.
        from.grow(state.origin);
        end_.grow(state.origin);
        Positions archived = state.archive_end;
        for (size_t index = 0; index < archived.at.size(); ++index) {
            archived.at[index] =
                std::max(from.at[index], std::min(archived.at[index], end_.at[index]));
        }
        const auto segments = TRY(dataset::segments_between(state, from, archived));
        segments_.assign(segments.begin(), segments.end());
        from_ = std::move(from);
        at_ = archived;
        return {};
    }

    Result<bool> next_slice() {
        while (true) {
            if (scan_) {
                if (TRY(scan_->next(slice_))) return true;
                scan_.reset();
            }
            if (!segments_.empty()) {
                dataset::ScanSpec scan{wanted_, end_, from_};
                scan_ = TRY(dataset::SegmentScan::open(*parts_.store, segment_spec_, decoder_spec_,
                                                       segments_.front(), std::move(scan)));
                segments_.pop_front();
                continue;
            }
            return next_log_slice();
        }
    }

    Result<bool> next_log_slice() {
        for (; partition_ < at_.partition_count(); ++partition_) {
            const Offset from = at_.at[partition_];
            const Offset end = end_.at[partition_];
            if (from >= end) continue;
            auto batch = log_->read({PartitionId{partition_}, from, end}, kSliceRecords);
            if (!batch && batch.error().code() == ErrorCode::kNotFound) {
                // Trimmed since the snapshot was taken: the same records are in newer segments.
                const manifest::TableState* state = newest().table(table_.id);
                if (state == nullptr) return not_found("stream \"{}\" was dropped", table_.name);
                if (state->archive_end.of(PartitionId{partition_}) <= from) {
                    return corrupt("offset {} of partition {} of stream \"{}\" is lost", from.value,
                                   partition_, table_.name)
                        .with_detail("Neither the log nor the dataset holds it.");
                }
                if (from < state->start.of(PartitionId{partition_})) {
                    return unavailable("snapshot too old: stream \"{}\" begins at {} now",
                                       table_.name, state->start.to_string())
                        .with_sqlstate("72000")
                        .with_hint(
                            "Begin another transaction: the retention of the stream has "
                            "taken away what this one was still to read.");
                }
                TRY(plan_segments(*state, at_));
                partition_ = 0;
                return next_slice();
            }
            log::RecordBatch records = TRY(std::move(batch));
            if (records.next == from) {
                return corrupt("log of stream \"{}\" ends at {} before {}", table_.name, from.value,
                               end.value);
            }
            at_.at[partition_] = records.next;
            const operators::RecordSlice slice{records.partition,        records.offsets,
                                               records.ingested_at_us,   records.records,
                                               Keepalive(records.bytes), records.preamble};
            decoder_->decode(slice, wanted_, slice_);
            return true;
        }
        return false;
    }

    /// Its segments are read to the end, whatever takes their place.
    const manifest::State& newest() {
        newest_ = parts_.manifest->pin();
        return *newest_.state;
    }

    std::vector<uint32_t> chosen_rows() const {
        if (which_ == StreamRows::kGood) return slice_.good;
        std::vector<uint32_t> rows;
        for (const operators::BadRecord& bad : slice_.bad) rows.push_back(bad.row);
        return rows;
    }

    const ReadParts& parts_;
    const catalog::Table table_;
    const std::vector<int> columns_;
    const StreamRows which_;
    std::vector<bool> wanted_;
    operators::DecoderSpec decoder_spec_;
    dataset::SegmentSpec segment_spec_;
    std::unique_ptr<operators::Decoder> decoder_;
    std::shared_ptr<log::PartitionedLog> log_;
    manifest::PinnedState newest_;  // beyond the snapshot's, once the log was trimmed
    std::deque<manifest::Segment> segments_;
    std::unique_ptr<dataset::SegmentScan> scan_;
    operators::DecodedSlice slice_;
    Positions from_;
    Positions at_;  // where the log goes on, per partition
    Positions end_;
    uint32_t partition_ = 0;
};

}  // namespace

Result<RowSourcePtr> open_stream_scan(const ReadParts& parts, const PinnedSnapshot& snapshot,
                                      const catalog::Table& table, std::vector<int> columns,
                                      StreamRows which) {
    auto scan = std::make_unique<StreamScan>(parts, table, std::move(columns), which);
    TRY(scan->start(snapshot));
    return RowSourcePtr(std::move(scan));
}

}  // namespace braid::read
