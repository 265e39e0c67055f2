// SPDX-License-Identifier: Apache-2.0
#include "dataset/segment.h"

#include <algorithm>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/memory_file_system.h"
#include "base/test_support.h"
#include "columnar/text_io.h"
#include "dataset/listed_files.h"
#include "dataset/segment_erase.h"
#include "dataset/segment_merge.h"
#include "manifest/test_support.h"

namespace braid::dataset {
namespace {

using Lines = std::vector<std::string>;

constexpr const char* kDay = "2026-11-22";
constexpr int64_t kIngestedUs = 1'795'305'600'000'000;

/// Records 10, 11, … of partition 1 of a stream "k text, n int8"; 12 and 15 do not decode.
const std::vector<std::string> kRecords = {
    R"({"k":"a","n":1})", R"({"k":"b","n":2})",  R"({"k":"c","n":"x"})", R"({"k":null,"n":4})",
    R"({"k":"a","n":5})", "no JSON \xff at all", R"({"k":"a"})"};
constexpr Offset kFrom{10};
constexpr PartitionId kPartition{1};

class SegmentTest : public testing::Test {
  protected:
    SegmentTest() {
        spec_.folder = "dataset/t-3";
        spec_.log = {"0123456789abcdef0123456789abcdef"};
        spec_.columns = {{{"k", Type::of(TypeKind::kText)}, {"n", Type::of(TypeKind::kInt8)}}};
    }
    void SetUp() override { ASSERT_OK(files_.create_directories("dataset")); }

    std::vector<bool> wanted(bool all) const {
        return std::vector<bool>(spec_.columns.fields.size() + operators::kRecordColumnCount, all);
    }
    std::string path_of(Offset from) const {
        return segment_path(spec_.folder, kDay, spec_.log, Positions{{from}});
    }
    Result<std::unique_ptr<SegmentWriter>> create(PartitionId partition, Offset from) {
        return SegmentWriter::create(files_, spec_, path_of(from), partition, from);
    }
    Result<void> add(SegmentWriter& writer, Offset from, const std::vector<std::string>& records) {
        return add(writer, kPartition, Offsets(from), records,
                   {from.value + static_cast<int64_t>(records.size())});
    }
    Result<void> add(SegmentWriter& writer, PartitionId partition, Offsets offsets,
                     const std::vector<std::string>& records, Offset next) {
        const auto decoder = TRY(operators::make_decoder(decoder_));
        const std::vector<std::string_view> raw(records.begin(), records.end());
        const operators::RecordSlice slice{partition, std::move(offsets), kIngestedUs, raw, {}, {}};
        operators::DecodedSlice decoded;
        decoder->decode(slice, wanted(true), decoded);
        return writer.add(decoded, raw, kIngestedUs, next);
    }
    /// "partition:offset n" of what a scan of several partitions gives.
    Result<Lines> scan_places(const manifest::Segment& segment, const Positions& from,
                              const Positions& end) {
        const auto rows =
            TRY(SegmentScan::open(files_, spec_, decoder_, segment, {wanted(true), end, from}));
        Lines lines;
        operators::DecodedSlice slice;
        while (TRY(rows->next(slice))) {
            EXPECT_GT(slice.batch.length, 0U);
            for (uint32_t row = 0; row < slice.batch.length; ++row) {
                EXPECT_EQ(shown(slice.batch.columns[2], row), shown(slice.partition));
                EXPECT_EQ(shown(slice.batch.columns[3], row), shown(slice.offsets[row]));
                lines.push_back(fmt::format("{}:{} {}", slice.partition.value,
                                            slice.offsets[row].value,
                                            shown(slice.batch.columns[1], row)));
            }
        }
        return lines;
    }
    static std::string shown(PartitionId partition) { return std::to_string(partition.value); }
    static std::string shown(Offset offset) { return std::to_string(offset.value); }
    Result<manifest::Segment> write(const std::vector<std::string>& records = kRecords,
                                    Offset from = kFrom) {
        const auto writer = TRY(create(kPartition, from));
        TRY(add(*writer, from, records));
        return writer->move_in();
    }
    /// "offset k n", or "offset ! reason" of a bad row, of what a scan gives.
    Result<Lines> scan(const manifest::Segment& segment, int64_t from = 0, int64_t end = 1000) {
        ScanSpec what{wanted(true), manifest::at({0, end}), manifest::at({0, from})};
        const auto rows = TRY(SegmentScan::open(files_, spec_, decoder_, segment, what));
        Lines lines;
        operators::DecodedSlice slice;
        while (TRY(rows->next(slice))) {
            EXPECT_GT(slice.batch.length, 0U);
            size_t bad = 0;
            const auto& offsets = slice.batch.columns[3];
            for (uint32_t row = 0; row < slice.batch.length; ++row) {
                EXPECT_EQ(slice.offsets[row].value, offsets.at<int64_t>(row));
            }
            for (uint32_t row = 0; row < slice.batch.length; ++row) {
                lines.push_back(shown(slice.batch.columns[3], row));
                if (bad < slice.bad.size() && slice.bad[bad].row == row) {
                    EXPECT_FALSE(slice.bad[bad++].reason.empty());
                    EXPECT_FALSE(std::ranges::binary_search(slice.good, row));
                    lines.back() += " !";
                    continue;
                }
                EXPECT_TRUE(std::ranges::binary_search(slice.good, row));
                for (const size_t column : {0U, 1U}) {
                    lines.back() += " " + shown(slice.batch.columns[column], row);
                }
            }
        }
        return lines;
    }
    static std::string shown(const Column& column, size_t row) {
        if (column.is_null(row)) return "NULL";
        std::string text;
        format_text(column, row, utc_format(), text);
        return text;
    }
    static Box box_to(int64_t to) { return {{{kPartition, kFrom, {to}}}}; }
    static Interval onward(int64_t from) { return {kPartition, {from}, {1000}}; }
    static Lines all() {
        return {"10 a 1", "11 b 2", "12 !", "13 NULL 4", "14 a 5", "15 !", "16 a NULL"};
    }

    MemoryFileSystem files_;
    SegmentSpec spec_;
    operators::DecoderSpec decoder_{
        "json", {{{"k", Type::of(TypeKind::kText)}, {"n", Type::of(TypeKind::kInt8)}}}, {}};
};

TEST_F(SegmentTest, ComesBackRowByRowWithWhatIsBad) {
    ASSERT_OK_AND_ASSIGN(const manifest::Segment segment, write());
    EXPECT_EQ(segment.file, path_of(kFrom));
    EXPECT_EQ(segment.box, box_to(17));
    EXPECT_EQ(segment.rows, 7U);
    EXPECT_EQ(segment.bad_rows, 2U);
    EXPECT_EQ(segment.newest_us, kIngestedUs);
    EXPECT_EQ(segment.ingest_day, kDay);
    EXPECT_EQ(segment.bytes, files_.info(segment.file).value().bytes);
    ASSERT_OK_AND_ASSIGN(const Lines lines, scan(segment));
    EXPECT_EQ(lines, all());
}

TEST_F(SegmentTest, GivesExactlyTheOffsetsOfAnyRange) {
    ASSERT_OK_AND_ASSIGN(const manifest::Segment segment, write());
    for (int64_t from = 9; from <= 18; ++from) {
        for (int64_t end = from; end <= 18; ++end) {
            Lines expected;
            for (int64_t offset = 10; offset < 17; ++offset) {
                if (offset >= from && offset < end) {
                    expected.push_back(all()[static_cast<size_t>(offset - 10)]);
                }
            }
            ASSERT_OK_AND_ASSIGN(const Lines lines, scan(segment, from, end));
            EXPECT_EQ(lines, expected) << from << " to " << end;
        }
    }
}

TEST_F(SegmentTest, OffsetsMayLeaveSomeOut) {
    const std::vector<int64_t> places = {11, 12, 40, 41, 42, 90, 91};
    const auto decoder = operators::make_decoder(decoder_).value();
    const std::vector<std::string_view> raw(kRecords.begin(), kRecords.end());
    operators::RecordSlice slice{kPartition, Offsets::of(places), kIngestedUs, raw, {}, {}};
    operators::DecodedSlice decoded;
    decoder->decode(slice, wanted(true), decoded);
    ASSERT_OK_AND_ASSIGN(const auto writer, create(kPartition, kFrom));
    ASSERT_OK(writer->add(decoded, raw, kIngestedUs, {95}));
    writer->skip_to({100});
    ASSERT_OK_AND_ASSIGN(const manifest::Segment segment, writer->move_in());
    EXPECT_EQ(segment.box, box_to(100));
    EXPECT_EQ(segment.rows, 7U);
    ASSERT_OK_AND_ASSIGN(const auto listed, list_segments(files_, spec_.folder));
    ASSERT_EQ(listed.size(), 1U);
    EXPECT_EQ(listed[0].box, box_to(100));
    for (int64_t from = 9; from <= 101; ++from) {
        for (int64_t end = from; end <= 101; end += 3) {
            Lines expected;
            for (size_t row = 0; row < places.size(); ++row) {
                if (places[row] < from || places[row] >= end) continue;
                expected.push_back(std::to_string(places[row]) + all()[row].substr(2));
            }
            ASSERT_OK_AND_ASSIGN(const Lines lines, scan(segment, from, end));
            ASSERT_EQ(lines, expected) << from << " to " << end;
        }
    }
    ASSERT_OK_AND_ASSIGN(RawRecords read, read_raw_records(files_, segment, onward(13), 2));
    EXPECT_EQ(read.records, std::vector<std::string_view>(raw.begin() + 2, raw.begin() + 4));
    EXPECT_EQ(read.offsets[0], Offset{40});
    EXPECT_EQ(read.next, Offset{42});
    ASSERT_OK_AND_ASSIGN(read, read_raw_records(files_, segment, {kPartition, {13}, {41}}, 9));
    EXPECT_EQ(read.records.size(), 1U);
    ASSERT_OK_AND_ASSIGN(read, read_raw_records(files_, segment, onward(92), 9));
    EXPECT_TRUE(read.records.empty());
    EXPECT_EQ(read.next, Offset{100});
}

TEST_F(SegmentTest, MayHoldNoRecord) {
    ASSERT_OK_AND_ASSIGN(const auto writer, create(kPartition, kFrom));
    writer->skip_to({20});
    ASSERT_OK_AND_ASSIGN(const manifest::Segment segment, writer->move_in());
    EXPECT_EQ(segment.box, box_to(20));
    EXPECT_EQ(segment.rows, 0U);
    ASSERT_OK_AND_ASSIGN(const Lines lines, scan(segment));
    EXPECT_TRUE(lines.empty());
    ASSERT_OK_AND_ASSIGN(const RawRecords read, read_raw_records(files_, segment, onward(10), 9));
    EXPECT_EQ(read.next, Offset{20});
}

/// Partitions 0, 2 and 300, of which the second may have holes; nothing is of partition 1.
TEST_F(SegmentTest, HoldsManyPartitionsOfWhichEachRangeIsGivenExactly) {
    const auto records = [](int64_t first, int64_t count) {
        std::vector<std::string> made;
        for (int64_t n = first; n < first + count; ++n) {
            made.push_back(fmt::format(R"({{"n":{}}})", n));
        }
        return made;
    };
    constexpr uint32_t kLast = 300;
    for (const bool has_holes : {false, true}) {
        SCOPED_TRACE(has_holes);
        ASSERT_OK_AND_ASSIGN(const auto writer, create({0}, {5}));
        ASSERT_OK(add(*writer, {0}, Offsets(Offset{5}), records(0, 4), {9}));
        writer->go_to({1}, {17});
        writer->go_to({2}, {0});
        const std::vector<int64_t> places =
            has_holes ? std::vector<int64_t>{1, 2, 6} : std::vector<int64_t>{0, 1, 2};
        ASSERT_OK(add(*writer, {2}, Offsets::of(places), records(10, 3), {places.back() + 1}));
        writer->go_to({kLast}, {7});
        ASSERT_OK(add(*writer, {kLast}, Offsets(Offset{7}), records(20, 5), {12}));
        ASSERT_OK_AND_ASSIGN(const manifest::Segment segment, writer->move_in());
        EXPECT_EQ(segment.file, path_of({5}));
        EXPECT_EQ(segment.box.to_string(),
                  has_holes ? "0:[5,9) 2:[0,7) 300:[7,12)" : "0:[5,9) 2:[0,3) 300:[7,12)");
        EXPECT_EQ(segment.rows, 12U);
        std::vector<std::pair<std::pair<uint32_t, int64_t>, int64_t>> all;
        for (int64_t n = 0; n < 4; ++n) all.push_back({{0, 5 + n}, n});
        for (int64_t n = 0; n < 3; ++n)
            all.push_back({{2, places[static_cast<size_t>(n)]}, 10 + n});
        for (int64_t n = 0; n < 5; ++n) all.push_back({{kLast, 7 + n}, 20 + n});
        for (int64_t from = 0; from < 13; ++from) {
            for (int64_t end = from; end <= 13; end += 2) {
                // Another range in each partition.
                Positions low = Positions::zero(kLast + 1);
                Positions high = low;
                for (uint32_t partition = 0; partition <= kLast; ++partition) {
                    low.at[partition] = {from + partition % 3};
                    high.at[partition] = {end + partition % 2};
                }
                Lines expected;
                for (const auto& [place, n] : all) {
                    const auto [partition, offset] = place;
                    if (offset < low.at[partition].value || offset >= high.at[partition].value)
                        continue;
                    expected.push_back(fmt::format("{}:{} {}", partition, offset, n));
                }
                ASSERT_OK_AND_ASSIGN(const Lines lines, scan_places(segment, low, high));
                ASSERT_EQ(lines, expected) << from << " to " << end;
            }
        }
        ASSERT_OK_AND_ASSIGN(const auto listed, list_segments(files_, spec_.folder));
        ASSERT_EQ(listed.size(), 1U);
        EXPECT_EQ(listed[0].box, segment.box);
        const auto read = [&](uint32_t partition, int64_t from) {
            return read_raw_records(files_, segment, {{partition}, {from}, {100}}, 3).value();
        };
        EXPECT_EQ(read(0, 6).records.size(), 3U);
        EXPECT_EQ(read(0, 6).records[0], R"({"n":1})");
        EXPECT_EQ(read(2, 2).records.back(), R"({"n":12})");
        EXPECT_EQ(read(2, 2).next, Offset{places.back() + 1});
        EXPECT_EQ(read(kLast, 11).records[0], R"({"n":24})");
        EXPECT_TRUE(read(kLast, 12).records.empty());
        EXPECT_EQ(read(kLast, 12).next, Offset{12});
        ASSERT_OK(files_.remove(segment.file));
    }
}

TEST_F(SegmentTest, ManySlicesAreOneSegment) {
    ASSERT_OK_AND_ASSIGN(const auto writer, create(kPartition, kFrom));
    for (size_t index = 0; index < kRecords.size(); ++index) {
        ASSERT_OK(
            add(*writer, Offset{kFrom.value + static_cast<int64_t>(index)}, {kRecords[index]}));
        EXPECT_EQ(writer->rows(), index + 1);
    }
    EXPECT_GT(writer->bytes_estimate(), 50U);
    ASSERT_OK_AND_ASSIGN(const manifest::Segment segment, writer->move_in());
    ASSERT_OK_AND_ASSIGN(const Lines lines, scan(segment));
    EXPECT_EQ(lines, all());
}

TEST_F(SegmentTest, GivesRecordsBackByteForByte) {
    ASSERT_OK_AND_ASSIGN(const manifest::Segment segment, write());
    ASSERT_OK_AND_ASSIGN(const RawRecords raw, read_raw_records(files_, segment, onward(12), 4));
    EXPECT_EQ(raw.offsets[0], Offset{12});
    EXPECT_EQ(raw.next, Offset{16});
    EXPECT_EQ(raw.ingested_at_us, kIngestedUs);
    EXPECT_EQ(raw.records,
              std::vector<std::string_view>(kRecords.begin() + 2, kRecords.begin() + 6));
}

TEST_F(SegmentTest, HasNoNameUntilItIsWhole) {
    ASSERT_OK_AND_ASSIGN(const auto writer, create(kPartition, kFrom));
    ASSERT_OK(add(*writer, kFrom, kRecords));
    const std::string path = path_of(kFrom);
    EXPECT_FALSE(files_.exists(path).value());
    ASSERT_OK(writer->move_in());
    EXPECT_TRUE(files_.exists(path).value());
}

TEST_F(SegmentTest, SurvivesAPowerCutOnceItIsMovedIn) {
    ASSERT_OK(files_.sync_directory(""));
    ASSERT_OK_AND_ASSIGN(const manifest::Segment segment, write());
    files_.crash(CrashFate::kDropUnsynced, 0);
    ASSERT_OK_AND_ASSIGN(const Lines lines, scan(segment));
    EXPECT_EQ(lines, all());
}

TEST_F(SegmentTest, TakesThePlaceOfWhateverHasItsName) {
    ASSERT_OK_AND_ASSIGN(const manifest::Segment other,
                         write({R"({"k":"z","n":9})", R"({"k":"y","n":8})"}));
    ASSERT_OK_AND_ASSIGN(const manifest::Segment segment, write());
    EXPECT_EQ(segment.file, other.file);
    ASSERT_OK_AND_ASSIGN(const Lines lines, scan(segment));
    EXPECT_EQ(lines, all());
}

TEST_F(SegmentTest, LeavesALeftoverUntilItIsWholeItself) {
    ASSERT_OK_AND_ASSIGN(const manifest::Segment other, write());
    ASSERT_OK_AND_ASSIGN(const auto writer, create(kPartition, kFrom));
    ASSERT_OK(add(*writer, kFrom, kRecords));
    ASSERT_OK_AND_ASSIGN(const Lines lines, scan(other));
    EXPECT_EQ(lines, all());
}

TEST_F(SegmentTest, DamageIsNamedBeforeARowIsServed) {
    ASSERT_OK_AND_ASSIGN(const manifest::Segment segment, write());
    for (uint64_t byte = 0; byte < segment.bytes; byte += 97) {
        ASSERT_OK(files_.flip_bit(segment.file, byte, static_cast<int>(byte % 8)));
        const auto refused = scan(segment);
        ASSERT_ERROR(refused, ErrorCode::kCorrupt);
        EXPECT_NE(refused.error().to_string().find(segment.file), std::string::npos);
        EXPECT_NE(refused.error().to_string().find("1:[10,17)"), std::string::npos);
        EXPECT_ERROR(read_raw_records(files_, segment, onward(12), 4), ErrorCode::kCorrupt);
        ASSERT_OK(files_.flip_bit(segment.file, byte, static_cast<int>(byte % 8)));
    }
    ASSERT_OK(files_.remove(segment.file));
    EXPECT_ERROR(scan(segment), ErrorCode::kCorrupt);
}

TEST_F(SegmentTest, DecodesAgainWhatAnotherDecoderWrote) {
    spec_.decoder_version = operators::kDecoderVersion + 1;
    ASSERT_OK_AND_ASSIGN(const manifest::Segment segment, write());
    spec_.decoder_version = operators::kDecoderVersion;
    ASSERT_OK_AND_ASSIGN(const Lines lines, scan(segment));
    EXPECT_EQ(lines, all());
    ASSERT_OK_AND_ASSIGN(const Lines some, scan(segment, 12, 15));
    EXPECT_EQ(some, Lines(lines.begin() + 2, lines.begin() + 5));
}

TEST_F(SegmentTest, TheDirectoryTellsInWhichOrderThePartitionsFollow) {
    const auto write_box = [&](const Box& box) {
        const Interval& first = box.intervals.front();
        const auto writer = create(first.partition, first.from).value();
        for (const Interval& each : box.intervals) {
            if (each.partition != first.partition) writer->go_to(each.partition, each.from);
            writer->skip_to(each.to);
        }
        return writer->move_in().value();
    };
    const Box first{{{{1}, {3}, {5}}}};
    const Box second{{{{0}, {7}, {8}}, {{1}, {5}, {6}}}};
    ASSERT_EQ(write_box(second).box, second);
    ASSERT_EQ(write_box(first).box, first);
    ASSERT_OK_AND_ASSIGN(const auto found, list_segments(files_, "dataset/t-3"));
    ASSERT_EQ(found.size(), 2U);
    EXPECT_EQ(found[0].box, first) << "though its name comes later";
    EXPECT_EQ(found[1].box, second);
}

TEST_F(SegmentTest, TheDirectoryTellsWhatTheManifestWouldList) {
    EXPECT_TRUE(list_segments(files_, "dataset/t-3").value().empty());
    ASSERT_OK_AND_ASSIGN(const manifest::Segment second, write(kRecords, {17}));
    ASSERT_OK_AND_ASSIGN(const manifest::Segment first, write());
    ASSERT_OK_AND_ASSIGN(const auto found, list_segments(files_, "dataset/t-3"));
    ASSERT_EQ(found.size(), 2U);
    EXPECT_EQ(found[0].file, first.file);
    EXPECT_EQ(found[0].crc, first.crc);
    EXPECT_EQ(found[0].newest_us, first.newest_us);
    EXPECT_EQ(found[1].box, second.box);
}

TEST(SegmentsBetween, CoverTheRangeOrNameWhatIsMissing) {
    manifest::TableState table;
    table.segments.edit([](auto& list) {
        for (const auto& segment :
             {manifest::test_segment(0, 0, 3), manifest::test_segment(0, 3, 5),
              manifest::test_segment(1, 0, 4)}) {
            list.push_back(std::make_shared<const manifest::Segment>(segment));
        }
    });
    const auto count = [&](std::vector<int64_t> from, std::vector<int64_t> end) {
        const auto found = segments_between(table, manifest::at(from), manifest::at(end));
        return found ? static_cast<int>(found->size()) : -1;
    };
    EXPECT_EQ(count({0, 0}, {5, 4}), 3);
    EXPECT_EQ(count({0, 0}, {3, 0}), 1);
    EXPECT_EQ(count({2, 0}, {4, 1}), 3);
    EXPECT_EQ(count({3, 4}, {5, 4}), 1);
    EXPECT_EQ(count({2, 2}, {2, 2}), 0);
    EXPECT_EQ(count({0, 0}, {6, 4}), -1);
    const auto missing = segments_between(table, manifest::at({0, 0}), manifest::at({5, 6}));
    ASSERT_ERROR(missing, ErrorCode::kCorrupt);
    EXPECT_NE(missing.error().message().find("offset 4 of partition 1"), std::string::npos);
    table.segments.edit([](auto& list) { list.erase(list.begin()); });
    EXPECT_EQ(count({0, 0}, {5, 4}), -1) << "a gap at the beginning";
    EXPECT_EQ(count({3, 0}, {5, 4}), 2);
}

TEST_F(SegmentTest, ATombstoneIsNoEvent) {
    ASSERT_OK_AND_ASSIGN(const auto writer, create(kPartition, kFrom));
    ASSERT_OK(add(*writer, kFrom, kRecords));
    ASSERT_OK_AND_ASSIGN(const manifest::Segment segment, writer->move_in());
    const std::string path = merged_path(segment, {77});
    // One that is bad among them.
    const EventSet events = {{kPartition, {11, 12}}};
    ASSERT_OK_AND_ASSIGN(const manifest::Segment left,
                         erase_events(files_, spec_, segment, events, path, unlisted_path(path)));
    EXPECT_FALSE(files_.exists(path).value());
    EXPECT_EQ(left.file, path);
    EXPECT_EQ(left.box, segment.box);
    EXPECT_EQ(left.rows, segment.rows);
    EXPECT_EQ(left.erased_rows, 2U);
    EXPECT_EQ(left.bad_rows, segment.bad_rows - 1);
    EXPECT_EQ(left.raw_bytes, segment.raw_bytes - kRecords[1].size() - kRecords[2].size());
    EXPECT_EQ(left.ingest_day, kDay);
    const Positions from = manifest::at({0, 10});
    const Positions end = manifest::at({0, 17});
    ASSERT_OK_AND_ASSIGN(Lines places, scan_places(segment, from, end));
    places.erase(places.begin() + 1, places.begin() + 3);
    EXPECT_EQ(scan_places(left, from, end).value(), places);
    // Again, of what is left; then nothing is.
    ASSERT_OK_AND_ASSIGN(const manifest::Segment none,
                         erase_events(files_, spec_, left, {{kPartition, {10, 13, 14, 15, 16}}},
                                      merged_path(left, {78}), merged_path(left, {78})));
    EXPECT_EQ(none.erased_rows, 7U);
    EXPECT_EQ(none.bad_rows, 0U);
    EXPECT_EQ(none.raw_bytes, 0U);
    EXPECT_EQ(scan_places(none, from, end).value(), Lines());
    // What speed reads back passes over them.
    ASSERT_OK_AND_ASSIGN(const RawRecords raw,
                         read_raw_records(files_, left, {kPartition, {11}, {17}}, 100));
    EXPECT_EQ(raw.offsets[0], Offset{13});
    EXPECT_EQ(raw.records.front(), kRecords[3]);
    ASSERT_OK_AND_ASSIGN(const RawRecords nothing,
                         read_raw_records(files_, none, {kPartition, {11}, {17}}, 100));
    EXPECT_TRUE(nothing.records.empty());
    EXPECT_EQ(nothing.next, Offset{17});
    // The footer tells as much as the manifest.
    ASSERT_OK(files_.remove(segment.file));
    ASSERT_OK(files_.remove(unlisted_path(left.file)));
    ASSERT_OK_AND_ASSIGN(const auto listed, list_segments(files_, spec_.folder));
    ASSERT_EQ(listed.size(), 1U);
    EXPECT_EQ(listed[0].erased_rows, 7U);
    EXPECT_EQ(listed[0].crc, none.crc);
}

TEST_F(SegmentTest, EraseSaysWhatASegmentLacks) {
    ASSERT_OK_AND_ASSIGN(const auto writer, create(kPartition, kFrom));
    ASSERT_OK(add(*writer, kFrom, kRecords));
    ASSERT_OK_AND_ASSIGN(const manifest::Segment segment, writer->move_in());
    const std::string path = merged_path(segment, {77});
    EXPECT_ERROR(
        erase_events(files_, spec_, segment, {{kPartition, {11, 99}}}, path, unlisted_path(path)),
        ErrorCode::kCorrupt);
    EXPECT_FALSE(file_exists(files_, path).value());
}

}  // namespace
}  // namespace braid::dataset
