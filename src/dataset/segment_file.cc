// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <charconv>
#include <map>
#include <set>

#include <arrow/api.h>
#include <arrow/util/key_value_metadata.h>
#include <fmt/format.h>
#include <parquet/arrow/reader.h>
#include <parquet/properties.h>

#include "base/error_makers.h"
#include "columnar/arrow_result.h"
#include "columnar/time_zone.h"
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

Result<Box> box_of(const OpenSegment& segment, const std::string& path) {
    const std::string text = segment.meta(kMetaBox);
    const char* at = text.data();
    const char* const end = at + text.size();
    bool is_well_formed = !text.empty();
    const auto take = [&](auto& value, char behind) {
        const auto parsed = std::from_chars(at, end, value);
        is_well_formed = is_well_formed && parsed.ec == std::errc() &&
                         (parsed.ptr == end ? behind == ' ' : *parsed.ptr == behind);
        at = parsed.ptr == end ? end : parsed.ptr + 1;
    };
    Box box;
    while (is_well_formed && at != end) {
        Interval& each = box.intervals.emplace_back();
        take(each.partition.value, ':');
        take(each.from.value, '-');
        take(each.to.value, ' ');
    }
    if (is_well_formed) return box;
    return corrupt("segment {} has no \"{}\" in its footer", path, kMetaBox);
}

/// Segments so that those of each partition follow one another.
std::vector<manifest::Segment> in_order(std::vector<manifest::Segment> segments) {
    std::map<PartitionId, std::set<Offset>> left;  // beginnings, by partition
    for (const manifest::Segment& segment : segments) {
        for (const Interval& each : segment.box.intervals) left[each.partition].insert(each.from);
    }
    const auto is_next = [&](const manifest::Segment& segment) {
        return std::ranges::all_of(segment.box.intervals, [&](const Interval& each) {
            const std::set<Offset>& of_partition = left[each.partition];
            return !of_partition.empty() && *of_partition.begin() == each.from;
        });
    };
    std::vector<manifest::Segment> ordered;
    while (!segments.empty()) {
        auto place = std::ranges::find_if(segments, is_next);
        if (place == segments.end()) place = segments.begin();  // some overlap
        for (const Interval& each : place->box.intervals) left[each.partition].erase(each.from);
        ordered.push_back(std::move(*place));
        segments.erase(place);
    }
    return ordered;
}

}  // namespace

std::string text_of(const Box& box) {
    std::string text;
    for (const Interval& each : box.intervals) {
        if (!text.empty()) text += ' ';
        text += fmt::format("{}:{}-{}", each.partition.value, each.from.value, each.to.value);
    }
    return text;
}

std::string ingest_day_of(int64_t unix_us) {
    const CivilTime civil = civil_from_us(unix_us + kUnixEpochUs);
    return fmt::format("{:04}-{:02}-{:02}", civil.year, civil.month, civil.day);
}

std::string segment_path(const std::string& folder, const std::string& ingest_day, const LogId& log,
                         const Positions& begin) {
    uint64_t sum = 0;
    for (const Offset at : begin.at) sum += static_cast<uint64_t>(at.value);
    return fmt::format("{}/ingest_day={}/{}-{:020}.parquet", folder, ingest_day, log.hex, sum);
}

std::string day_of(const std::string& path) {
    const std::string_view marker = "ingest_day=";
    const size_t day = path.find(marker);
    return day == std::string::npos ? std::string() : path.substr(day + marker.size(), 10);
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
    segment.box = TRY(box_of(open, path));
    segment.bad_rows = static_cast<uint64_t>(TRY(number_of(open, kMetaBadRows, path)));
    if (!open.meta(kMetaErasedRows).empty()) {
        segment.erased_rows = static_cast<uint64_t>(TRY(number_of(open, kMetaErasedRows, path)));
    }
    segment.rows = static_cast<uint64_t>(open.reader->parquet_reader()->metadata()->num_rows());
    segment.bytes = open.input->bytes();
    segment.crc = open.input->crc();
    segment.ingest_day = day_of(path);
    if (!open.meta(kMetaNewest).empty()) {
        segment.newest_us = TRY(number_of(open, kMetaNewest, path));
    }
    return segment;
}

Result<std::vector<manifest::Segment>> segments_between(const manifest::TableState& table,
                                                        const Positions& from,
                                                        const Positions& end) {
    std::vector<manifest::Segment> chosen;
    Positions at = from;
    for (const manifest::Segment& segment : table.segments) {
        bool is_chosen = false;
        for (const Interval& each : segment.box.intervals) {
            const Offset high = end.of(each.partition);
            Offset& reached = at.at[each.partition.value];
            // What does not reach so far lies below; beyond a gap nothing counts.
            if (reached >= high || each.to <= reached || each.from > reached) continue;
            reached = each.to;
            is_chosen = true;
        }
        if (is_chosen) chosen.push_back(segment);
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
    return in_order(std::move(segments));
}

}  // namespace braid::dataset
