// SPDX-License-Identifier: Apache-2.0
#include "dataset/segment_merge.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/error_makers.h"
#include "base/memory_file_system.h"
#include "base/test_support.h"
#include "columnar/text_io.h"
#include "dataset/listed_files.h"
#include "dataset/segment_erase.h"
#include "manifest/test_support.h"

namespace braid::dataset {
namespace {

using Lines = std::vector<std::string>;

constexpr const char* kDay = "2026-11-22";

/// Segments of a stream "k text, n int8" of three partitions.
class SegmentMerge : public testing::Test {
  protected:
    SegmentMerge() {
        spec_.folder = "dataset/t-3";
        spec_.log = {"0123456789abcdef0123456789abcdef"};
        spec_.columns = {{{"k", Type::of(TypeKind::kText)}, {"n", Type::of(TypeKind::kInt8)}}};
    }

    /// So many records of each partition, behind what is there; every seventh does not decode.
    manifest::Segment write(const std::vector<int64_t>& counts) {
        const std::string path = segment_path(spec_.folder, kDay, spec_.log, end_);
        std::unique_ptr<SegmentWriter> writer;
        for (uint32_t index = 0; index < counts.size(); ++index) {
            if (counts[index] == 0) continue;
            const PartitionId partition{index};
            const Offset from = end_.of(partition);
            if (writer) {
                writer->go_to(partition, from);
            } else {
                writer = SegmentWriter::create(files_, spec_, path, partition, from).value();
            }
            add(*writer, partition, counts[index]);
        }
        return writer->move_in().value();
    }
    void add(SegmentWriter& writer, PartitionId partition, int64_t count) {
        const Offset from = end_.of(partition);
        const Offset to{from.value + count};
        std::vector<std::string> records;
        for (int64_t at = from.value; at < to.value; ++at) {
            records.push_back(at % 7 == 6
                                  ? fmt::format("no JSON {}", at)
                                  : fmt::format(R"({{"k":"p{}","n":{}}})", partition.value, at));
        }
        const std::vector<std::string_view> raw(records.begin(), records.end());
        operators::RecordSlice slice{partition, Offsets(from), at_us_, raw, {}, {}};
        operators::DecodedSlice decoded;
        operators::make_decoder(decoder_).value()->decode(slice, wanted(), decoded);
        ASSERT_OK(writer.add(decoded, raw, at_us_++, to));
        end_.at[partition.value] = to;
    }
    std::vector<bool> wanted() const {
        return std::vector<bool>(spec_.columns.fields.size() + operators::kRecordColumnCount, true);
    }
    /// All columns of all rows, with what is bad.
    Lines scan(const manifest::Segment& segment) {
        const auto rows = SegmentScan::open(files_, spec_, decoder_, segment,
                                            {wanted(), end_, Positions::zero(3)})
                              .value();
        Lines lines;
        operators::DecodedSlice slice;
        while (rows->next(slice).value()) {
            for (uint32_t row = 0; row < slice.batch.length; ++row) {
                std::string line;
                for (const Column& column : slice.batch.columns) {
                    line += " ";
                    if (!column.is_null(row)) format_text(column, row, utc_format(), line);
                }
                lines.push_back(line);
            }
            for (const operators::BadRecord& bad : slice.bad) lines.push_back(bad.reason);
        }
        std::ranges::sort(lines);
        return lines;
    }
    Result<manifest::Segment> merge(const std::vector<manifest::Segment>& segments) {
        return merge_segments(files_, spec_, segments, merged_path(segments.front(), {77}), go_on_);
    }

    MemoryFileSystem files_;
    SegmentSpec spec_;
    operators::DecoderSpec decoder_{
        "json", {{{"k", Type::of(TypeKind::kText)}, {"n", Type::of(TypeKind::kInt8)}}}, {}};
    Positions end_ = Positions::zero(3);
    int64_t at_us_ = 1'795'305'600'000'000;
    uint64_t told_ = 0;
    std::function<Result<void>(uint64_t)> go_on_ = [this](uint64_t rows) -> Result<void> {
        told_ += rows;
        return {};
    };
};

TEST_F(SegmentMerge, HoldsEachRowAsItWas) {
    const std::vector<manifest::Segment> segments = {write({3, 0, 9}), write({0, 5, 6000}),
                                                     write({2, 8, 1}), write({10'000, 0, 0})};
    Lines expected;
    uint64_t bad_rows = 0;
    uint64_t raw_bytes = 0;
    for (const manifest::Segment& each : segments) {
        std::ranges::move(scan(each), std::back_inserter(expected));
        bad_rows += each.bad_rows;
        raw_bytes += each.raw_bytes;
    }
    std::ranges::sort(expected);
    ASSERT_OK_AND_ASSIGN(const manifest::Segment merged, merge(segments));
    EXPECT_EQ(scan(merged), expected);
    EXPECT_EQ(merged.box.to_string(), "0:[0,10005) 1:[0,13) 2:[0,6010)");
    EXPECT_EQ(merged.rows, 16'028U);
    EXPECT_EQ(told_, merged.rows);
    EXPECT_EQ(merged.bad_rows, bad_rows);
    EXPECT_EQ(merged.raw_bytes, raw_bytes);
    EXPECT_EQ(merged.level, 1U);
    EXPECT_EQ(merged.newest_us, at_us_ - 1) << "that of the newest";
    EXPECT_EQ(merged.ingest_day, kDay);
    EXPECT_EQ(merged.file, spec_.folder + "/ingest_day=" + kDay + "/" + spec_.log.hex +
                               "-00000000000000000000-77.parquet");
    EXPECT_FALSE(*files_.exists(merged.file)) << "not before it is committed";
    EXPECT_TRUE(*file_exists(files_, merged.file));
    // Merged again, with what came then.
    const manifest::Segment more = write({1, 1, 1});
    std::ranges::move(scan(more), std::back_inserter(expected));
    std::ranges::sort(expected);
    ASSERT_OK_AND_ASSIGN(const manifest::Segment again,
                         merge_segments(files_, spec_, std::vector{merged, more},
                                        merged_path(merged, {78}), go_on_));
    EXPECT_EQ(scan(again), expected);
    EXPECT_EQ(again.level, 2U);
    manifest::Segment unknown = again;
    unknown.newest_us.reset();
    const manifest::Segment last = write({1, 0, 0});
    for (const auto& both : {std::vector{unknown, last}, std::vector{again, last}}) {
        ASSERT_OK_AND_ASSIGN(const manifest::Segment third,
                             merge_segments(files_, spec_, both, merged_path(again, {79}), go_on_));
        ASSERT_OK(files_.remove(unlisted_path(third.file)));
        const bool is_known = both.front().newest_us.has_value();
        EXPECT_EQ(third.newest_us, is_known ? last.newest_us : std::nullopt);
    }
    EXPECT_TRUE(again.file.ends_with("-00000000000000000000-78.parquet"));
}

TEST_F(SegmentMerge, ATombstoneStaysWhereItIs) {
    const std::vector<manifest::Segment> whole = {write({3, 0, 9}), write({0, 5, 60}),
                                                  write({4, 4, 4})};
    Lines expected;
    std::vector<manifest::Segment> segments;
    uint64_t id = 50;
    for (const manifest::Segment& each : whole) {
        // The first event of each partition; of the last segment all.
        EventSet events;
        for (const Interval& of : each.box.intervals) {
            const int64_t count = &each == &whole.back() ? of.to.value - of.from.value : 1;
            for (int64_t at = 0; at < count; ++at) {
                events[of.partition].push_back(of.from.value + at);
            }
        }
        const std::string path = merged_path(each, {id++});
        ASSERT_OK_AND_ASSIGN(segments.emplace_back(),
                             erase_events(files_, spec_, each, events, path, unlisted_path(path)));
        std::ranges::move(scan(segments.back()), std::back_inserter(expected));
    }
    std::ranges::sort(expected);
    ASSERT_OK_AND_ASSIGN(const manifest::Segment merged, merge(segments));
    EXPECT_EQ(merged.erased_rows, 2U + 2U + 12U);
    EXPECT_EQ(merged.rows, 12U + 65U + 12U);
    EXPECT_EQ(merged.bad_rows, segments[0].bad_rows + segments[1].bad_rows + segments[2].bad_rows);
    EXPECT_EQ(scan(merged), expected);
    EXPECT_EQ(expected.size(), merged.rows - merged.erased_rows + merged.bad_rows);
    // And one that has some is erased from again.
    const Interval first = merged.box.intervals.front();
    const std::string path = merged_path(merged, {78});
    ASSERT_OK_AND_ASSIGN(
        const manifest::Segment again,
        erase_events(files_, spec_, merged, {{first.partition, {first.from.value + 1}}}, path,
                     unlisted_path(path)));
    EXPECT_EQ(again.erased_rows, merged.erased_rows + 1);
    EXPECT_EQ(scan(again).size(), expected.size() - 1);
}

TEST_F(SegmentMerge, RowsOfSeveralDecodersAreDecodedAgain) {
    spec_.decoder_version = operators::kDecoderVersion + 1;
    const manifest::Segment other = write({5, 5, 5});
    spec_.decoder_version = operators::kDecoderVersion;
    const manifest::Segment ours = write({5, 5, 5});
    Lines expected = scan(other);
    std::ranges::move(scan(ours), std::back_inserter(expected));
    std::ranges::sort(expected);
    ASSERT_OK_AND_ASSIGN(const manifest::Segment merged, merge({other, ours}));
    EXPECT_EQ(scan(merged), expected);
}

TEST_F(SegmentMerge, ASegmentWithoutRowsIsMergedToo) {
    const manifest::Segment some = write({5, 0, 0});
    const auto writer =
        SegmentWriter::create(files_, spec_, segment_path(spec_.folder, kDay, spec_.log, end_), {1},
                              {0})
            .value();
    writer->skip_to({9});
    const manifest::Segment none = writer->move_in().value();
    end_.at[1] = {9};
    ASSERT_OK_AND_ASSIGN(const manifest::Segment merged, merge({some, none}));
    EXPECT_EQ(merged.box.to_string(), "0:[0,5) 1:[0,9)");
    EXPECT_EQ(merged.rows, 5U);
    EXPECT_EQ(scan(merged), scan(some));
}

TEST_F(SegmentMerge, EndsWhenItIsTold) {
    const std::vector<manifest::Segment> segments = {write({9, 0, 0}), write({9, 0, 0})};
    go_on_ = [](uint64_t) { return Result<void>(cancelled("enough")); };
    EXPECT_ERROR(merge(segments), ErrorCode::kCancelled);
    EXPECT_FALSE(*files_.exists(unlisted_path(merged_path(segments.front(), {77}))));
}

TEST_F(SegmentMerge, TakesNothingThatIsDamaged) {
    const std::vector<manifest::Segment> segments = {write({9, 0, 0}), write({9, 0, 0})};
    ASSERT_OK(files_.flip_bit(segments[1].file, 40, 3));
    const auto refused = merge(segments);
    ASSERT_ERROR(refused, ErrorCode::kCorrupt);
    EXPECT_NE(refused.error().to_string().find(segments[1].file), std::string::npos);
}

}  // namespace
}  // namespace braid::dataset
