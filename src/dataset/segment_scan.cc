// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <functional>
#include <numeric>
#include <utility>

#include <arrow/api.h>
#include <fmt/format.h>
#include <parquet/arrow/reader.h>
#include <parquet/file_reader.h>
#include <parquet/metadata.h>
#include <parquet/statistics.h>

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

/// Least and greatest value of an integer column in a row group; all values where it does not tell.
template <typename Physical>
std::pair<int64_t, int64_t> bounds_of(const parquet::RowGroupMetaData& group, int column) {
    const auto statistics = group.ColumnChunk(column)->statistics();
    if (!statistics || !statistics->HasMinMax()) return {INT64_MIN, INT64_MAX};
    const auto& typed = static_cast<const parquet::TypedStatistics<Physical>&>(*statistics);
    return {typed.min(), typed.max()};
}

/// Whether a row group may hold an offset of the partition's range [from, end), which may be empty.
using IsWanted = std::function<bool(PartitionId partition, int64_t least, int64_t greatest)>;

/// By what the row group's footer says of `_partition` and `_offset`.
bool may_hold(const parquet::FileMetaData& file, int number, const Box& box,
              const IsWanted& is_wanted) {
    const auto group = file.RowGroup(number);
    const auto* schema = file.schema();
    const auto partitions =
        bounds_of<parquet::Int32Type>(*group, schema->ColumnIndex("_partition"));
    auto offsets = bounds_of<parquet::Int64Type>(*group, schema->ColumnIndex("_offset"));
    // The bounds of the offsets of several partitions say nothing of each.
    if (partitions.first != partitions.second) offsets = {INT64_MIN, INT64_MAX};
    return std::ranges::any_of(box.intervals, [&](const Interval& each) {
        return each.partition.value >= partitions.first &&
               each.partition.value <= partitions.second &&
               is_wanted(each.partition, offsets.first, offsets.second);
    });
}

bool is_tombstone(const arrow::StringArray& errors, int64_t row) {
    return !errors.IsNull(row) && errors.GetView(row) == kErased;
}

class ParquetSegmentScan final : public SegmentScan {
  public:
    ParquetSegmentScan(const SegmentSpec& spec, operators::DecoderSpec decoder,
                       manifest::Segment segment, ScanSpec scan)
        : spec_(spec),
          decoder_spec_(std::move(decoder)),
          segment_(std::move(segment)),
          scan_(std::move(scan)),
          declared_(spec_.columns.fields.size()),
          has_holes_(segment_.rows != segment_.box.width()) {}

    Result<void> open(std::shared_ptr<SegmentInput> input) {
        file_ = TRY(open_segment(std::move(input), segment_.file, segment_.crc, text_columns()));
        decodes_again_ =
            file_.meta(kMetaDecoder) != fmt::format("{}", operators::kDecoderVersion) ||
            file_.meta(kMetaColumnsComplete) != "1";
        if (decodes_again_) decoder_ = TRY(operators::make_decoder(decoder_spec_));
        choose_columns();
        choose_row_groups();
        return {};
    }

    Result<bool> next(operators::DecodedSlice& slice) override {
        while (TRY(has_rows())) {
            Stretch stretch = next_stretch();
            const int64_t first = batch_row_ + stretch.skipped;
            batch_row_ += stretch.rows;
            if (stretch.wanted == 0) continue;
            slice.partition = stretch.partition;
            slice.offsets = stretch.offsets;
            const auto rows = TRY(without_erased(batch_->Slice(first, stretch.wanted), slice));
            if (rows->num_rows() == 0) continue;
            TRY(decodes_again_ ? decode(*rows, slice) : convert(*rows, slice));
            return true;
        }
        return false;
    }
    uint64_t erased() const override { return erased_; }

  private:
    /// Rows of the batch that are of one partition, of which some in the middle are wanted.
    struct Stretch {
        PartitionId partition;
        int64_t rows = 0;
        int64_t skipped = 0;  // before those that are wanted
        int64_t wanted = 0;
        Offsets offsets;  // of those
    };

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
            needed[declared_ + kIngestedColumn] = true;
            needed[declared_ + kRawColumn] = true;
        }
        if (has_holes_) {
            needed[declared_ + kPartitionColumn] = true;
            needed[declared_ + kOffsetColumn] = true;
        }
        if (segment_.bad_rows + segment_.erased_rows > 0) needed[declared_ + kErrorColumn] = true;
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

    /// Those that begin among the scan's rows and may hold something of its range.
    void choose_row_groups() {
        const auto metadata = file_.reader->parquet_reader()->metadata();
        const auto is_wanted = [&](PartitionId partition, int64_t least, int64_t greatest) {
            const int64_t from = scan_.from.of(partition).value;
            const int64_t end = scan_.end.of(partition).value;
            return from < end && greatest >= from && least < end;
        };
        uint64_t first = 0;
        for (int group = 0; group < metadata->num_row_groups(); ++group) {
            const auto rows = static_cast<uint64_t>(metadata->RowGroup(group)->num_rows());
            const bool is_of_scan = first >= scan_.rows.from && first < scan_.rows.to;
            if (is_of_scan && may_hold(*metadata, group, segment_.box, is_wanted)) {
                groups_.push_back({group, first});
            }
            first += rows;
        }
    }

    /// False when all row groups have been read.
    Result<bool> has_rows() {
        while (!batch_ || batch_row_ == batch_->num_rows()) {
            if (batches_) {
                row_ += batch_ ? static_cast<uint64_t>(batch_->num_rows()) : 0;
                batch_row_ = 0;
                TRY(internal::as_result(batches_->ReadNext(&batch_))
                        .context("reading " + segment_.file));
                if (batch_) continue;
            }
            if (next_group_ == groups_.size()) return false;
            const RowGroup& group = groups_[next_group_++];
            row_ = group.first;
            batches_ = TRY(file_.reader->GetRecordBatchReader({group.number}, read_));
        }
        return true;
    }

    Stretch next_stretch() const { return has_holes_ ? stretch_by_columns() : stretch_by_box(); }

    /// Without holes the box tells what a row is.
    Stretch stretch_by_box() const {
        uint64_t first = 0;
        auto place = segment_.box.intervals.begin();
        const uint64_t row = row_ + static_cast<uint64_t>(batch_row_);
        while (true) {
            const auto width = static_cast<uint64_t>(place->to.value - place->from.value);
            if (row < first + width) break;
            first += width;
            ++place;
        }
        const int64_t at = place->from.value + static_cast<int64_t>(row - first);
        const int64_t to = std::min(place->to.value, at + batch_->num_rows() - batch_row_);
        const int64_t low = std::clamp(scan_.from.of(place->partition).value, at, to);
        const int64_t high = std::clamp(scan_.end.of(place->partition).value, low, to);
        return {place->partition, to - at, low - at, high - low, Offsets(Offset{low})};
    }

    Stretch stretch_by_columns() const {
        const auto& partitions =
            static_cast<const arrow::Int32Array&>(*array(*batch_, declared_ + kPartitionColumn));
        const auto& offsets =
            static_cast<const arrow::Int64Array&>(*array(*batch_, declared_ + kOffsetColumn));
        const int32_t partition = partitions.Value(batch_row_);
        const int32_t* all_end = partitions.raw_values() + partitions.length();
        const int64_t rows =
            std::upper_bound(partitions.raw_values() + batch_row_, all_end, partition) -
            (partitions.raw_values() + batch_row_);
        const PartitionId id{static_cast<uint32_t>(partition)};
        const int64_t* begin = offsets.raw_values() + batch_row_;
        const int64_t* first = std::lower_bound(begin, begin + rows, scan_.from.of(id).value);
        const int64_t* last = std::lower_bound(first, begin + rows, scan_.end.of(id).value);
        return {id, rows, first - begin, last - first,
                Offsets::of(std::vector<int64_t>(first, last))};
    }

    std::shared_ptr<arrow::Array> array(const arrow::RecordBatch& batch, size_t column) const {
        CHECK_GE(position_[column], 0);
        return batch.column(position_[column]);
    }

    /// Takes tombstones out of the rows, and out of the slice's offsets.
    Result<std::shared_ptr<arrow::RecordBatch>> without_erased(
        std::shared_ptr<arrow::RecordBatch> rows, operators::DecodedSlice& slice) {
        if (segment_.erased_rows == 0) return rows;
        const auto errors =
            std::static_pointer_cast<arrow::StringArray>(array(*rows, declared_ + kErrorColumn));
        std::vector<int64_t> offsets;
        std::vector<arrow::ArrayVector> kept(static_cast<size_t>(rows->num_columns()));
        const int64_t length = rows->num_rows();
        for (int64_t from = 0; from < length;) {
            const bool is_erased = is_tombstone(*errors, from);
            int64_t to = from + 1;
            while (to < length && is_tombstone(*errors, to) == is_erased) ++to;
            for (int64_t row = from; !is_erased && row < to; ++row) {
                offsets.push_back(slice.offsets[static_cast<size_t>(row)].value);
            }
            for (size_t column = 0; !is_erased && column < kept.size(); ++column) {
                kept[column].push_back(
                    rows->column(static_cast<int>(column))->Slice(from, to - from));
            }
            from = to;
        }
        const auto left = static_cast<int64_t>(offsets.size());
        erased_ += static_cast<uint64_t>(length - left);
        if (left == length) return rows;
        if (left == 0) return rows->Slice(0, 0);
        arrow::ArrayVector columns;
        for (const arrow::ArrayVector& pieces : kept) {
            columns.push_back(TRY(arrow::Concatenate(pieces)));
        }
        slice.offsets = Offsets::of(std::move(offsets));
        return arrow::RecordBatch::Make(rows->schema(), left, std::move(columns));
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
        decoder_->decode({slice.partition, slice.offsets, times.Value(0), records, raw, {}},
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
    const bool has_holes_;  // fewer rows than positions: partitions and offsets are read
    bool decodes_again_ = false;
    uint64_t erased_ = 0;
    OpenSegment file_;
    std::unique_ptr<operators::Decoder> decoder_;
    std::vector<int> read_;      // columns of the file that are read
    std::vector<int> position_;  // of each column among them, -1 if it is not
    struct RowGroup {
        int number = 0;
        uint64_t first = 0;  // its first row's place in the file
    };
    std::vector<RowGroup> groups_;  // that are read
    size_t next_group_ = 0;
    std::unique_ptr<arrow::RecordBatchReader> batches_;  // of the one before
    std::shared_ptr<arrow::RecordBatch> batch_;
    uint64_t row_ = 0;       // of the batch's first row in the file
    int64_t batch_row_ = 0;  // of the next one in the batch
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
    return open_it().context(
        fmt::format("segment {} with {}", segment.file, segment.box.to_string()));
}

Result<RawRecords> read_raw_records(Store& store, const manifest::Segment& segment,
                                    const Interval& range, size_t records_max) {
    const OpenSegment file = TRY(open_segment(store, segment.file, segment.crc, {}));
    std::shared_ptr<arrow::Schema> schema;
    TRY(file.reader->GetSchema(&schema));
    const std::vector<int> columns = {
        schema->GetFieldIndex("_partition"), schema->GetFieldIndex("_offset"),
        schema->GetFieldIndex("_ingested_at"), schema->GetFieldIndex("_raw"),
        schema->GetFieldIndex("_error")};
    std::vector<int> groups;
    const auto metadata = file.reader->parquet_reader()->metadata();
    const auto is_wanted = [&](PartitionId partition, int64_t least, int64_t greatest) {
        return partition == range.partition && greatest >= range.from.value &&
               least < range.to.value;
    };
    for (int group = 0; group < metadata->num_row_groups(); ++group) {
        if (may_hold(*metadata, group, segment.box, is_wanted)) groups.push_back(group);
    }
    const auto batches = TRY(file.reader->GetRecordBatchReader(groups, columns));
    while (true) {
        std::shared_ptr<arrow::RecordBatch> batch;
        TRY(batches->ReadNext(&batch));
        if (!batch) break;
        const auto& partitions = static_cast<const arrow::Int32Array&>(*batch->column(0));
        const auto& offsets = static_cast<const arrow::Int64Array&>(*batch->column(1));
        const auto& times = static_cast<const arrow::TimestampArray&>(*batch->column(2));
        const auto& raw = static_cast<const arrow::BinaryArray&>(*batch->column(3));
        const auto& errors = static_cast<const arrow::StringArray&>(*batch->column(4));
        const auto of_partition =
            std::equal_range(partitions.raw_values(), partitions.raw_values() + partitions.length(),
                             static_cast<int32_t>(range.partition.value));
        const int64_t* begin =
            offsets.raw_values() + (of_partition.first - partitions.raw_values());
        const int64_t* end = offsets.raw_values() + (of_partition.second - partitions.raw_values());
        const int64_t* found = std::lower_bound(begin, end, range.from.value);
        if (found == end) continue;
        int64_t first = found - offsets.raw_values();
        const int64_t rows_end = end - offsets.raw_values();
        while (first < rows_end && is_tombstone(errors, first)) ++first;
        if (first == rows_end) continue;
        if (offsets.Value(first) >= range.to.value) break;
        int64_t last = first;
        size_t bytes = 0;
        while (last < rows_end && static_cast<size_t>(last - first) < records_max &&
               offsets.Value(last) < range.to.value && times.Value(last) == times.Value(first) &&
               !is_tombstone(errors, last)) {
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
    const Interval* of_segment = segment.box.find(range.partition);
    none.next = of_segment == nullptr ? range.to : std::min(of_segment->to, range.to);
    return none;
}

}  // namespace braid::dataset
