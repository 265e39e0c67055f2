// SPDX-License-Identifier: Apache-2.0
// Flipped bits, cut, lost and swapped files: an exact report or proven no effect, never a wrong
// answer.
#include <functional>

#include <gtest/gtest.h>

#include "base/error_makers.h"
#include "base/hash.h"
#include "log/block.h"
#include "log/extent.h"
#include "log/test_support.h"

namespace braid::log {
namespace {

using test::from;
using test::kFirst;
using test::kLogId;
using test::read_from;
using test::request_of;
using test::tiny_extents;
using Records = std::vector<std::string>;

const std::string kDirectory = "log/0/";

/// A small log of three extents. `files` can be damaged and opened.
struct SmallLog {
    explicit SmallLog(bool ends_in_peace) {
        auto log = open();
        EXPECT_OK(log);
        for (int index = 0; index < 10; ++index) {
            const Records records = {fmt::format("first {}", index),
                                     fmt::format("second {}", index)};
            AppendRequest request = request_of(records);
            request.positions = {{"source", std::to_string(index)}};
            request.key = IdempotencyKey{"key " + std::to_string(index), 1};
            if (!ends_in_peace && index == 9) last_group_bytes = bytes_of_last();
            EXPECT_OK((*log)->append(kFirst, request));
            all.insert(all.end(), records.begin(), records.end());
        }
        if (!ends_in_peace) files.crash(CrashFate::kKeepUnsynced, 0);
        log = internal_error("closed");
        names = files.list("log/0").value();
        EXPECT_EQ(names.size(), 3u);
        EXPECT_TRUE(ends_in_peace || last_group_bytes > kExtentHeaderBytes);
    }

    Result<std::unique_ptr<PartitionedLog>> open() {
        return open_embedded_log(files, clock, "log", kLogId, 1, tiny_extents(), nullptr);
    }
    uint64_t bytes_of_last() { return bytes_of(files.list("log/0")->back()); }
    uint64_t bytes_of(const std::string& name) { return files.info(kDirectory + name)->bytes; }

    MemoryFileSystem files;
    SteppedClock clock;
    Records all;
    Records names;
    uint64_t last_group_bytes = 0;  // where the last group of the last extent begins
};

/// Opens and reads; what can be read must be right. Returns how many records the log has, or -1 if
/// it or a read was refused as Corrupt.
int64_t readable_records(SmallLog& small) {
    auto log = small.open();
    if (!log) {
        EXPECT_ERROR(log, ErrorCode::kCorrupt);
        return -1;
    }
    EXPECT_EQ((*log)->start().at[0], Offset{0});
    const auto records = read_from(**log, kFirst, Offset{0});
    if (!records) {
        EXPECT_ERROR(records, ErrorCode::kCorrupt);
        EXPECT_NE(records.error().message().find("offsets ["), std::string::npos);
        return -1;
    }
    EXPECT_EQ(*records, Records(small.all.begin(), small.all.begin() + std::ssize(*records)));
    const auto positions = (*log)->source_positions(kFirst);
    const auto appends = std::ssize(*records) / 2;
    EXPECT_EQ(positions.empty() ? "" : positions[0].position, std::to_string(appends - 1));
    AppendRequest again;
    again.key = IdempotencyKey{fmt::format("key {}", appends - 1), 1};
    const auto outcome = (*log)->append(kFirst, again);
    EXPECT_TRUE(outcome && outcome->was_duplicate);
    return std::ssize(*records);
}

class DamageTest : public testing::Test {
  protected:
    test::QuietTrace quiet_;
};

TEST_F(DamageTest, AFlippedBitAnywhereIsReportedOrHarmlessAfterAPeacefulEnd) {
    const SmallLog pattern(true);
    const auto full = std::ssize(pattern.all);
    int64_t reported = 0;
    for (const std::string& name : pattern.names) {
        const uint64_t size = SmallLog(true).bytes_of(name);
        for (uint64_t at = 0; at < size; ++at) {
            SCOPED_TRACE(fmt::format("byte {} of {}", at, name));
            SmallLog small(true);
            ASSERT_OK(small.files.flip_bit(kDirectory + name, at, static_cast<int>(at % 8)));
            const int64_t readable = readable_records(small);
            // Harmless are: the snapshots of old extents, and the closing note itself.
            EXPECT_TRUE(readable == full || readable == -1) << readable;
            reported += readable == -1 ? 1 : 0;
        }
    }
    EXPECT_GT(reported, 1000);
}

TEST_F(DamageTest, AfterACrashOnlyAFlipInTheLastGroupMayPassForATornTail) {
    const SmallLog pattern(false);
    const auto full = std::ssize(pattern.all);
    for (const std::string& name : pattern.names) {
        const uint64_t size = SmallLog(false).bytes_of(name);
        for (uint64_t at = 0; at < size; ++at) {
            SCOPED_TRACE(fmt::format("byte {} of {}", at, name));
            SmallLog small(false);
            ASSERT_OK(small.files.flip_bit(kDirectory + name, at, static_cast<int>(at % 8)));
            const int64_t readable = readable_records(small);
            if (name == pattern.names.back() && at >= pattern.last_group_bytes) {
                EXPECT_EQ(readable, full - 2);  // docs/formats/log.md says so; the manifest notices
            } else {
                EXPECT_TRUE(readable == full || readable == -1) << readable;
            }
        }
    }
}

TEST_F(DamageTest, ACutFileKeepsItsWholeGroupsIfItIsTheLastAndIsReportedElsewhere) {
    const SmallLog pattern(false);
    for (const std::string& name : pattern.names) {
        const bool is_last = name == pattern.names.back();
        const uint64_t size = SmallLog(false).bytes_of(name);
        for (uint64_t bytes = 0; bytes < size; ++bytes) {
            SCOPED_TRACE(fmt::format("{} cut to {}", name, bytes));
            SmallLog small(false);
            ASSERT_OK(small.files.truncate(kDirectory + name, bytes));
            const int64_t readable = readable_records(small);
            EXPECT_TRUE(is_last ? readable >= 0 && readable % 2 == 0 : readable == -1) << readable;
        }
    }
}

TEST_F(DamageTest, ALostFileInTheMiddleIsAGap) {
    SmallLog small(true);
    ASSERT_OK(small.files.remove(kDirectory + small.names[1]));
    const auto log = small.open();
    ASSERT_ERROR(log, ErrorCode::kCorrupt);
    EXPECT_NE(log.error().message().find("are missing"), std::string::npos)
        << log.error().to_string();
}

TEST_F(DamageTest, FilesUnderEachOthersNamesAreRefused) {
    SmallLog small(true);
    const std::string first = kDirectory + small.names[0];
    const std::string second = kDirectory + small.names[1];
    ASSERT_OK(small.files.move_no_replace(first, "aside"));
    ASSERT_OK(small.files.move_no_replace(second, first));
    ASSERT_OK(small.files.move_no_replace("aside", second));
    EXPECT_ERROR(small.open(), ErrorCode::kCorrupt);
}

TEST_F(DamageTest, AnExtentOfAnotherPartitionIsRefused) {
    MemoryFileSystem files;
    const SteppedClock clock;
    const auto open = [&] {
        return open_embedded_log(files, clock, "log", kLogId, 2, {}, nullptr);
    };
    {
        ASSERT_OK_AND_ASSIGN(const auto log, open());
        ASSERT_OK(log->append({1}, request_of({"a"})));
    }
    const std::string name = ExtentName{}.text();
    ASSERT_OK(files.move_no_replace("log/1/" + name, "log/0/" + name));
    EXPECT_ERROR(open(), ErrorCode::kCorrupt);
}

TEST_F(DamageTest, AnExtentOfALaterVersionIsUnsupported) {
    SmallLog small(true);
    const std::string path = kDirectory + small.names[0];
    std::string bytes = small.files.read_all(path).value();
    ASSERT_OK(small.files.remove(path));
    ASSERT_OK_AND_ASSIGN(const auto file, small.files.create(path));
    bytes[8] = 3;  // the version
    const uint32_t crc = crc32c(std::string_view(bytes).substr(0, kExtentHeaderBytes - 4));
    bytes.replace(kExtentHeaderBytes - 4, 4, reinterpret_cast<const char*>(&crc), 4);
    ASSERT_OK(file->append(as_bytes(bytes)));
    EXPECT_ERROR(small.open(), ErrorCode::kUnsupported);
}

TEST_F(DamageTest, FilesThatAreNoExtentsAreLeftAlone) {
    SmallLog small(true);
    ASSERT_OK(small.files.create(kDirectory + "notes.txt"));
    ASSERT_OK(small.files.create(kDirectory + "12.extent"));
    ASSERT_OK(small.files.create(kDirectory + "-0000000000000000012.extent"));
    EXPECT_EQ(readable_records(small), std::ssize(small.all));
    EXPECT_EQ(small.files.exists(kDirectory + "notes.txt").value(), true);
}

TEST_F(DamageTest, TheReportNamesOffsetsAndBytes) {
    SmallLog small(true);
    const std::string path = kDirectory + small.names[0];
    ASSERT_OK(small.files.flip_bit(path, small.bytes_of(small.names[0]) - 1, 0));
    ASSERT_OK_AND_ASSIGN(const auto log, small.open());
    const auto records = read_from(*log, kFirst, Offset{0});
    ASSERT_ERROR(records, ErrorCode::kCorrupt, "XX001");
    const std::string after = small.files.read_all(kDirectory + small.names[1]).value();
    const int64_t next = decode_extent_header(after)->base.value;
    EXPECT_EQ(records.error().message(),
              fmt::format("log is damaged: offsets [{}, {}) of partition 0 cannot be read",
                          next - 2, next));
    EXPECT_NE(records.error().detail().find(path), std::string::npos);
    // What lies behind the damage is still there for who asks for it.
    ASSERT_OK_AND_ASSIGN(const Records rest, read_from(*log, kFirst, Offset{next}));
    EXPECT_EQ(rest, Records(small.all.begin() + next, small.all.end()));
}

/// The blocks of one unsynced group may reach the disk in any order: a hole in it is a torn tail.
TEST_F(DamageTest, AHoleInTheUnfinishedGroupIsNoDamage) {
    MemoryFileSystem files;
    const SteppedClock clock;
    const auto open = [&] {
        return open_embedded_log(files, clock, "log", kLogId, 1, {}, nullptr);
    };
    ASSERT_OK_AND_ASSIGN(auto log, open());
    ASSERT_OK(log->append(kFirst, request_of({"kept"})));
    const std::string path = kDirectory + ExtentName{}.text();
    const uint64_t before = files.info(path)->bytes;
    files.set_fault_hook([](const FileOperation& operation) -> Result<void> {
        if (operation.kind == FileOperation::Kind::kSync) return io_error("power is gone");
        return {};
    });
    const Records large(1000, std::string(1000, 'x'));  // several blocks
    ASSERT_ERROR(log->append(kFirst, request_of(large)), ErrorCode::kIo);
    files.clear_faults();
    files.crash(CrashFate::kKeepUnsynced, 0);
    ASSERT_OK(files.flip_bit(path, before + 100, 0));
    ASSERT_OK_AND_ASSIGN(log, open());
    ASSERT_OK_AND_ASSIGN(const Records records, read_from(*log, kFirst, Offset{0}));
    EXPECT_EQ(records, Records{"kept"});
}

/// Somebody may log our own files: blocks inside a record must not be taken for blocks.
TEST_F(DamageTest, BlocksInsideRecordsAreOnlyBytes) {
    SmallLog small(true);
    const std::string hostile = small.files.read_all(kDirectory + small.names.back()).value();
    MemoryFileSystem files;
    const SteppedClock clock;
    EmbeddedLogOptions options;
    options.keep_free_bytes = 0;
    const auto open = [&] {
        return open_embedded_log(files, clock, "log", kLogId, 1, options, nullptr);
    };
    ASSERT_OK_AND_ASSIGN(auto log, open());
    ASSERT_OK(log->append(kFirst, request_of({"kept"})));
    files.set_free_bytes(hostile.size());  // the block does not fit as a whole
    ASSERT_ERROR(log->append(kFirst, request_of({hostile})), ErrorCode::kExhausted);
    files.crash(CrashFate::kKeepUnsynced, 0);
    files.set_free_bytes(1 << 20);
    ASSERT_OK_AND_ASSIGN(log, open());
    ASSERT_OK_AND_ASSIGN(const Records records, read_from(*log, kFirst, Offset{0}));
    EXPECT_EQ(records, Records{"kept"});
}

/// After a trim the only extent cannot be one that was never finished: its loss is no fresh log.
TEST_F(DamageTest, ATrimmedLogWhoseOnlyExtentIsBrokenIsNotTakenForAFreshOne) {
    SmallLog small(false);
    {
        ASSERT_OK_AND_ASSIGN(auto log, small.open());
        ASSERT_OK(log->trim(kFirst, Offset{1000}));
        small.files.crash(CrashFate::kKeepUnsynced, 0);
    }
    const std::string path = kDirectory + small.files.list("log/0")->front();
    for (const uint64_t at : {uint64_t{20}, uint64_t{kExtentHeaderBytes + 20}}) {
        ASSERT_OK(small.files.flip_bit(path, at, 0));
        EXPECT_ERROR(small.open(), ErrorCode::kCorrupt);
        ASSERT_OK(small.files.flip_bit(path, at, 0));
    }
    EXPECT_OK(small.open());
}

TEST_F(DamageTest, AReadErrorIsPassedOnAndTriedAgain) {
    SmallLog small(true);
    ASSERT_OK_AND_ASSIGN(auto log, small.open());
    small.files.set_fault_hook([](const FileOperation& operation) -> Result<void> {
        if (operation.kind == FileOperation::Kind::kRead) return io_error("bad sector");
        return {};
    });
    EXPECT_ERROR(log->read(from(Offset{0}), 10), ErrorCode::kIo);
    small.files.clear_faults();
    EXPECT_OK(log->read(from(Offset{0}), 10));
}

}  // namespace
}  // namespace braid::log
