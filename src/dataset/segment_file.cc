// SPDX-License-Identifier: Apache-2.0
#include <charconv>

#include <arrow/api.h>
#include <arrow/util/key_value_metadata.h>
#include <fmt/format.h>
#include <parquet/arrow/reader.h>
#include <parquet/properties.h>

#include "base/error_makers.h"
#include "columnar/arrow_result.h"
#include "dataset/arrow_columns.h"
#include "dataset/segment_input.h"
#include "dataset/segment_internal.h"

namespace braid::dataset {

namespace {

Result<int64_t> number_of(const OpenSegment& segment, const char* key, const std::string& path) {
    const std::string text = segment.meta(key);
    int64_t value = 0;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || parsed.ec != std::errc()) {
        return corrupt("segment {} has no \"{}\" in its footer", path, key);
    }
    return value;
}

}  // namespace

std::string segment_path(const std::string& folder, const std::string& ingest_day, const LogId& log,
                         PartitionId partition, Offset from) {
    return fmt::format("{}/ingest_day={}/{}-{}-{:020}.parquet", folder, ingest_day, log.hex,
                       partition.value, from.value);
}

SegmentSpec SegmentSpec::of(const catalog::Table& table) {
    SegmentSpec spec;
    spec.folder = table.dataset_folder;
    spec.log = table.log;
    spec.columns = table.columns;
    spec.event_time = table.option("event_time", "");
    return spec;
}

std::shared_ptr<arrow::Schema> arrow_schema_of(const Schema& declared) {
    arrow::FieldVector fields;
    for (const Field& field : declared.fields) {
        fields.push_back(arrow::field(field.name, arrow_type_of(field.type)));
    }
    fields.push_back(arrow::field("_partition", arrow::int32(), false));
    fields.push_back(arrow::field("_offset", arrow::int64(), false));
    fields.push_back(
        arrow::field("_ingested_at", arrow::timestamp(arrow::TimeUnit::MICRO, "UTC"), false));
    fields.push_back(arrow::field("_raw", arrow::binary(), false));
    fields.push_back(arrow::field("_error", arrow::utf8()));
    return arrow::schema(std::move(fields));
}

OpenSegment::OpenSegment() = default;
OpenSegment::OpenSegment(OpenSegment&&) noexcept = default;
OpenSegment& OpenSegment::operator=(OpenSegment&&) noexcept = default;
OpenSegment::~OpenSegment() = default;

std::string OpenSegment::meta(const char* key) const {
    if (!metadata) return {};
    const int index = metadata->FindKey(key);
    return index < 0 ? std::string() : metadata->value(index);
}

Result<OpenSegment> open_segment(Store& store, const std::string& path, std::optional<uint32_t> crc,
                                 const std::vector<int>& text_columns) {
    return open_segment(TRY(SegmentInput::open(store, path)), path, crc, text_columns);
}

Result<OpenSegment> open_segment(std::shared_ptr<SegmentInput> input, const std::string& path,
                                 std::optional<uint32_t> crc,
                                 const std::vector<int>& text_columns) {
    OpenSegment segment;
    segment.input = std::move(input);
    if (crc && segment.input->crc() != *crc) {
        return corrupt("segment {} is not the file that was committed: its checksum differs", path);
    }
    parquet::ArrowReaderProperties properties(/*use_threads=*/false);
    properties.set_batch_size(65'536);
    // A column of a row group is read when it is needed, and no sooner.
    properties.set_pre_buffer(false);
    for (const int column : text_columns) properties.set_read_dictionary(column, true);
    parquet::arrow::FileReaderBuilder builder;
    TRY(builder.Open(segment.input));
    segment.reader = TRY(builder.properties(properties)->Build());
    segment.metadata = segment.reader->parquet_reader()->metadata()->key_value_metadata();
    return segment;
}

Result<manifest::Segment> describe_segment(Store& store, const std::string& path) {
    const OpenSegment open = TRY(open_segment(store, path, std::nullopt, {}));
    manifest::Segment segment;
    segment.file = path;
    segment.partition = {static_cast<uint32_t>(TRY(number_of(open, kMetaPartition, path)))};
    segment.from = {TRY(number_of(open, kMetaFrom, path))};
    segment.to = {TRY(number_of(open, kMetaTo, path))};
    segment.bad_rows = static_cast<uint64_t>(TRY(number_of(open, kMetaBadRows, path)));
    segment.rows = static_cast<uint64_t>(open.reader->parquet_reader()->metadata()->num_rows());
    segment.bytes = open.input->bytes();
    segment.crc = open.input->crc();
    const std::string marker = "ingest_day=";
    const size_t day = path.find(marker);
    if (day != std::string::npos) segment.ingest_day = path.substr(day + marker.size(), 10);
    return segment;
}

Result<std::vector<manifest::Segment>> segments_between(const manifest::TableState& table,
                                                        const Positions& from,
                                                        const Positions& end) {
    std::vector<manifest::Segment> chosen;
    Positions at = from;
    for (const manifest::Segment& segment : table.segments) {
        const Offset low = from.of(segment.partition);
        const Offset high = end.of(segment.partition);
        if (low >= high || segment.to <= low || segment.from >= high) continue;
        Offset& reached = at.at[segment.partition.value];
        if (segment.from > reached) break;
        reached = segment.to;
        chosen.push_back(segment);
    }
    for (size_t index = 0; index < at.at.size(); ++index) {
        if (at.at[index] < end.at[index]) {
            return corrupt("the dataset lacks offset {} of partition {}", at.at[index].value,
                           index);
        }
    }
    return chosen;
}

Result<std::vector<manifest::Segment>> list_segments(Store& store, const std::string& folder) {
    std::vector<manifest::Segment> segments;
    if (!TRY(store.exists(folder))) return segments;
    for (const std::string& day : TRY(store.list(folder))) {
        for (const std::string& name : TRY(store.list(folder + "/" + day))) {
            segments.push_back(TRY(describe_segment(store, folder + "/" + day + "/" + name)));
        }
    }
    std::ranges::sort(segments, [](const auto& left, const auto& right) {
        return std::pair(left.partition, left.from) < std::pair(right.partition, right.from);
    });
    return segments;
}

}  // namespace braid::dataset
