// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <numeric>

#include <arrow/api.h>
#include <fmt/format.h>
#include <parquet/arrow/reader.h>
#include <parquet/file_reader.h>

#include "base/check.h"
#include "base/error_makers.h"
#include "columnar/arrow_result.h"
#include "columnar/text_io.h"
#include "columnar/time_zone.h"
#include "dataset/arrow_columns.h"
#include "dataset/segment_input.h"
#include "dataset/segment_internal.h"

namespace braid::dataset {

namespace {

constexpr auto kSystemColumns = static_cast<size_t>(operators::kRecordColumnCount);

enum : size_t { kPartitionColumn, kOffsetColumn, kIngestedColumn, kRawColumn, kErrorColumn };

/// Text that SQL may see: bytes that are no UTF-8 become U+FFFD.
void append_as_text(std::string_view bytes, ColumnBuilder& builder) {
    if (is_valid_utf8(bytes) && bytes.find('\0') == std::string_view::npos) {
        builder.append_text(bytes);
        return;
    }
    std::string text;
    while (!bytes.empty()) {
        size_t length = 1;
        while (length < 4 && length < bytes.size() && !is_valid_utf8(bytes.substr(0, length)))
            ++length;
        if (is_valid_utf8(bytes.substr(0, length)) && bytes.front() != '\0') {
            text.append(bytes.substr(0, length));
            bytes.remove_prefix(length);
        } else {
            text.append("\xEF\xBF\xBD");
            bytes.remove_prefix(1);
        }
    }
    builder.append_text(text);
}

class ParquetSegmentScan final : public SegmentScan {
  public:
    ParquetSegmentScan(const SegmentSpec& spec, operators::DecoderSpec decoder,
                       manifest::Segment segment, ScanSpec scan)
        : spec_(spec),
          decoder_spec_(std::move(decoder)),
          segment_(std::move(segment)),
          scan_(std::move(scan)),
          declared_(spec_.columns.fields.size()) {
        const Offset end = scan_.end.of(segment_.partition);
        const Offset from = scan_.from.of(segment_.partition);
        is_clipped_ = from > segment_.from || end < segment_.to;
        next_ = segment_.from;
        const auto width = static_cast<uint64_t>(segment_.to.value - segment_.from.value);
        has_holes_ = segment_.rows != width;
    }

    Result<void> open(std::shared_ptr<SegmentInput> input) {
        file_ = TRY(open_segment(std::move(input), segment_.file, segment_.crc, text_columns()));
        decodes_again_ =
            file_.meta(kMetaDecoder) != fmt::format("{}", operators::kDecoderVersion) ||
            file_.meta(kMetaColumnsComplete) != "1";
        if (decodes_again_) decoder_ = TRY(operators::make_decoder(decoder_spec_));
        choose_columns();
        batches_ = TRY(file_.reader->GetRecordBatchReader(choose_row_groups(), read_));
        return {};
    }

    Result<bool> next(operators::DecodedSlice& slice) override {
        while (true) {
            std::shared_ptr<arrow::RecordBatch> batch;
            TRY(internal::as_result(batches_->ReadNext(&batch))
                    .context("reading " + segment_.file));
            if (!batch) return false;
            slice.partition = segment_.partition;
            const Offset first = next_;
            next_.value += batch->num_rows();
            const int64_t skipped = is_clipped_ ? clip(batch) : 0;
            if (batch->num_rows() == 0) continue;
            slice.offsets =
                has_holes_ ? offsets_of(*batch) : Offsets(Offset{first.value + skipped});
            TRY(decodes_again_ ? decode(*batch, slice) : convert(*batch, slice));
            return true;
        }
    }

  private:
    std::vector<int> text_columns() const {
        std::vector<int> columns;
        for (size_t index = 0; index < declared_; ++index) {
            if (spec_.columns.fields[index].type.kind == TypeKind::kText) {
                columns.push_back(static_cast<int>(index));
            }
        }
        return columns;
    }

    bool wants(size_t system_column) const { return scan_.wanted[declared_ + system_column]; }

    void choose_columns() {
        std::vector<bool> needed = scan_.wanted;
        if (decodes_again_) {
            std::fill(needed.begin(), needed.end(), false);
            needed[declared_ + kOffsetColumn] = true;
            needed[declared_ + kIngestedColumn] = true;
            needed[declared_ + kRawColumn] = true;
        }
        if (is_clipped_ || has_holes_) needed[declared_ + kOffsetColumn] = true;
        if (segment_.bad_rows > 0) needed[declared_ + kErrorColumn] = true;
        // A batch of no columns would not even tell its rows.
        if (std::ranges::none_of(needed, std::identity{}))
            needed[declared_ + kPartitionColumn] = true;
        position_.assign(needed.size(), -1);
        for (size_t index = 0; index < needed.size(); ++index) {
            if (!needed[index]) continue;
            position_[index] = static_cast<int>(read_.size());
            read_.push_back(static_cast<int>(index));
        }
    }

    /// Those that begin among the scan's rows; the first row that is read moves behind the others.
    std::vector<int> choose_row_groups() {
        const auto metadata = file_.reader->parquet_reader()->metadata();
        std::vector<int> chosen;
        uint64_t first = 0;
        for (int group = 0; group < metadata->num_row_groups(); ++group) {
            const int64_t rows = metadata->RowGroup(group)->num_rows();
            if (first < scan_.rows.from) {
                next_.value += rows;
            } else if (first < scan_.rows.to) {
                chosen.push_back(group);
            }
            first += static_cast<uint64_t>(rows);
        }
        return chosen;
    }

    std::shared_ptr<arrow::Array> array(const arrow::RecordBatch& batch, size_t column) const {
        CHECK_GE(position_[column], 0);
        return batch.column(position_[column]);
    }

    Offsets offsets_of(const arrow::RecordBatch& batch) const {
        const auto& offsets =
            static_cast<const arrow::Int64Array&>(*array(batch, declared_ + kOffsetColumn));
        return Offsets::of(
            std::vector<int64_t>(offsets.raw_values(), offsets.raw_values() + offsets.length()));
    }

    /// Keeps the rows whose offsets lie in the scan's range; gives how many lay before them.
    int64_t clip(std::shared_ptr<arrow::RecordBatch>& batch) const {
        const auto offsets =
            std::static_pointer_cast<arrow::Int64Array>(array(*batch, declared_ + kOffsetColumn));
        const int64_t* begin = offsets->raw_values();
        const int64_t* end = begin + offsets->length();
        const int64_t* first =
            std::lower_bound(begin, end, scan_.from.of(segment_.partition).value);
        const int64_t* last = std::lower_bound(first, end, scan_.end.of(segment_.partition).value);
        batch = batch->Slice(first - begin, last - first);
        return first - begin;
    }

    Result<void> convert(const arrow::RecordBatch& batch, operators::DecodedSlice& slice) const {
        const auto length = static_cast<size_t>(batch.num_rows());
        slice.batch.length = length;
        slice.batch.columns.assign(declared_ + kSystemColumns, Column());
        for (size_t index = 0; index < declared_; ++index) {
            if (!scan_.wanted[index]) continue;
            slice.batch.columns[index] =
                TRY(from_arrow(array(batch, index), spec_.columns.fields[index].type));
        }
        TRY(convert_system(batch, slice));
        mark_bad_rows(batch, slice);
        return {};
    }

    Result<void> convert_system(const arrow::RecordBatch& batch,
                                operators::DecodedSlice& slice) const {
        const Schema& system = operators::record_columns();
        for (size_t index = 0; index < kSystemColumns; ++index) {
            if (!wants(index)) continue;
            const auto values = array(batch, declared_ + index);
            Column& column = slice.batch.columns[declared_ + index];
            if (index != kRawColumn) {
                column = TRY(from_arrow(values, system.fields[index].type));
                continue;
            }
            const auto& records = static_cast<const arrow::BinaryArray&>(*values);
            ColumnBuilder builder(Type::of(TypeKind::kText), slice.batch.length);
            for (int64_t row = 0; row < records.length(); ++row) {
                append_as_text(records.GetView(row), builder);
            }
            column = builder.finish();
        }
        return {};
    }

    void mark_bad_rows(const arrow::RecordBatch& batch, operators::DecodedSlice& slice) const {
        slice.bad.clear();
        const auto length = static_cast<uint32_t>(batch.num_rows());
        slice.good.resize(length);
        std::iota(slice.good.begin(), slice.good.end(), 0U);
        if (segment_.bad_rows == 0) return;
        const auto& errors =
            static_cast<const arrow::StringArray&>(*array(batch, declared_ + kErrorColumn));
        if (errors.null_count() == errors.length()) return;
        std::erase_if(slice.good, [&](uint32_t row) {
            if (errors.IsNull(row)) return false;
            slice.bad.push_back({row, std::string(errors.GetView(row))});
            return true;
        });
    }

    /// The columns of this file are of another decoder: `_raw` is the truth.
    Result<void> decode(const arrow::RecordBatch& batch, operators::DecodedSlice& slice) const {
        const auto& times =
            static_cast<const arrow::TimestampArray&>(*array(batch, declared_ + kIngestedColumn));
        const auto raw =
            std::static_pointer_cast<arrow::BinaryArray>(array(batch, declared_ + kRawColumn));
        std::vector<std::string_view> records;
        for (int64_t row = 0; row < raw->length(); ++row) records.push_back(raw->GetView(row));
        decoder_->decode({segment_.partition, slice.offsets, times.Value(0), records, raw, {}},
                         scan_.wanted, slice);
        if (!wants(kIngestedColumn)) return {};
        // The slice may span several ingest times.
        slice.batch.columns[declared_ + kIngestedColumn] = TRY(from_arrow(
            array(batch, declared_ + kIngestedColumn), Type::of(TypeKind::kTimestampTz)));
        return {};
    }

    const SegmentSpec spec_;
    const operators::DecoderSpec decoder_spec_;
    const manifest::Segment segment_;
    const ScanSpec scan_;
    const size_t declared_;
    Offset next_;             // of the next row of the file, if it has no holes
    bool has_holes_ = false;  // fewer rows than positions: offsets are read
    bool is_clipped_ = false;
    bool decodes_again_ = false;
    OpenSegment file_;
    std::unique_ptr<operators::Decoder> decoder_;
    std::vector<int> read_;      // columns of the file that are read
    std::vector<int> position_;  // of each column among them, -1 if it is not
    std::unique_ptr<arrow::RecordBatchReader> batches_;
};

}  // namespace

Result<std::unique_ptr<SegmentScan>> SegmentScan::open(Store& store, const SegmentSpec& spec,
                                                       const operators::DecoderSpec& decoder,
                                                       const manifest::Segment& segment,
                                                       ScanSpec scan) {
    SegmentFiles files(store);
    return open(files, spec, decoder, segment, std::move(scan));
}

Result<std::unique_ptr<SegmentScan>> SegmentScan::open(SegmentFiles& files, const SegmentSpec& spec,
                                                       const operators::DecoderSpec& decoder,
                                                       const manifest::Segment& segment,
                                                       ScanSpec scan) {
    const auto open_it = [&]() -> Result<std::unique_ptr<SegmentScan>> {
        auto opened = std::make_unique<ParquetSegmentScan>(spec, decoder, segment, std::move(scan));
        TRY(opened->open(TRY(files.get(segment.file))));
        return std::unique_ptr<SegmentScan>(std::move(opened));
    };
    return open_it().context(fmt::format("segment {} with offsets [{}, {}) of partition {}",
                                         segment.file, segment.from.value, segment.to.value,
                                         segment.partition.value));
}

Result<RawRecords> read_raw_records(Store& store, const manifest::Segment& segment,
                                    const Interval& range, size_t records_max) {
    const OpenSegment file = TRY(open_segment(store, segment.file, segment.crc, {}));
    std::shared_ptr<arrow::Schema> schema;
    TRY(file.reader->GetSchema(&schema));
    const std::vector<int> columns = {schema->GetFieldIndex("_offset"),
                                      schema->GetFieldIndex("_ingested_at"),
                                      schema->GetFieldIndex("_raw")};
    std::vector<int> groups(static_cast<size_t>(file.reader->num_row_groups()));
    std::iota(groups.begin(), groups.end(), 0);
    const auto batches = TRY(file.reader->GetRecordBatchReader(groups, columns));
    while (true) {
        std::shared_ptr<arrow::RecordBatch> batch;
        TRY(batches->ReadNext(&batch));
        if (!batch) break;
        const auto& offsets = static_cast<const arrow::Int64Array&>(*batch->column(0));
        const auto& times = static_cast<const arrow::TimestampArray&>(*batch->column(1));
        const auto& raw = static_cast<const arrow::BinaryArray&>(*batch->column(2));
        const int64_t* end = offsets.raw_values() + offsets.length();
        const int64_t first =
            std::lower_bound(offsets.raw_values(), end, range.from.value) - offsets.raw_values();
        if (first == offsets.length()) continue;
        if (offsets.Value(first) >= range.to.value) break;
        int64_t last = first;
        size_t bytes = 0;
        while (last < offsets.length() && static_cast<size_t>(last - first) < records_max &&
               offsets.Value(last) < range.to.value && times.Value(last) == times.Value(first)) {
            bytes += raw.GetView(last++).size();
        }
        auto held = std::make_shared<std::string>();
        held->reserve(bytes);
        RawRecords records;
        records.offsets = Offsets::of(
            std::vector<int64_t>(offsets.raw_values() + first, offsets.raw_values() + last));
        records.next = {offsets.Value(last - 1) + 1};
        records.ingested_at_us = times.Value(first);
        for (int64_t row = first; row < last; ++row) {
            const std::string_view record = raw.GetView(row);
            const size_t at = held->size();
            held->append(record);
            records.records.push_back(std::string_view(*held).substr(at, record.size()));
        }
        records.bytes = std::move(held);
        return records;
    }
    RawRecords none;
    none.next = std::min(segment.to, range.to);
    return none;
}

}  // namespace braid::dataset
