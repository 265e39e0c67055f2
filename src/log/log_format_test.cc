// SPDX-License-Identifier: Apache-2.0
// The files under docs/formats/samples/log (version 1) and log_2 were written by earlier builds.
// They must open for ever.
#include <filesystem>
#include <map>

#include <gtest/gtest.h>

#include "base/posix_file_system.h"
#include "log/extent.h"
#include "log/test_support.h"

namespace braid::log {
namespace {

using test::from;
using test::kFirst;
using test::kLogId;
using test::read_from;
using Records = std::vector<std::string>;

// Tests run in the root of the tree.
constexpr const char* kSamples1 = "docs/formats/samples/log/0";
constexpr const char* kSamples2 = "docs/formats/samples/log_2/0";  // names without an epoch
constexpr const char* kSamples = "docs/formats/samples/log_names/0";

EmbeddedLogOptions options() {
    EmbeddedLogOptions options = test::tiny_extents();
    options.extent_bytes_max = 200;
    return options;
}

Result<std::unique_ptr<PartitionedLog>> open(FileSystem& files, const Clock& clock,
                                             const DirectoryOwner* owner = nullptr) {
    return open_embedded_log(files, clock, "log", kLogId, 1, options(), nullptr, {.owner = owner});
}

/// The history of the sample: preamble, positions, a key, an empty record, bytes that are not text;
/// two extents; ended in peace.
void write_history(FileSystem& files) {
    SteppedClock clock(1'790'000'000'000'000);
    ASSERT_OK_AND_ASSIGN(const auto owner, DirectoryOwner::take(files));
    ASSERT_OK(owner->begin_epoch(5));
    auto log = open(files, clock, owner.get());
    ASSERT_OK(log);
    const Records first = {R"(10.0.0.1,200)", "", std::string("\x00\xFF\n", 3)};
    AppendRequest request = test::request_of(first);
    request.preamble = "ip,status";
    request.positions = {{"2049:77:9f", "128"}, {"2049:78:9f", "5"}};
    ASSERT_OK((*log)->append(kFirst, request));
    clock.advance_us(1'000'000);
    const Records second = {R"({"a":1})", std::string(130, 'x')};
    request = test::request_of(second);
    request.key = IdempotencyKey{"order-17", 0x0123456789ABCDEF};
    request.positions = {{"2049:78:9f", ""}};
    ASSERT_OK((*log)->append(kFirst, request));
    clock.advance_us(1'000'000);
    const Records third = {"in the second extent"};
    ASSERT_OK((*log)->append(kFirst, test::request_of(third)));
}

std::map<std::string, std::string> contents(FileSystem& files, const std::string& directory) {
    std::map<std::string, std::string> all;
    auto names = files.list(directory);
    EXPECT_OK(names);
    if (!names) return all;
    for (const std::string& name : *names)
        all[name] = files.read_all(directory + "/" + name).value();
    return all;
}

std::map<std::string, std::string> samples(const char* place) {
    auto files = open_posix_file_system(place);
    EXPECT_OK(files);
    return files ? contents(**files, "") : std::map<std::string, std::string>();
}

void expect_history(const char* place) {
    MemoryFileSystem files;
    ASSERT_OK(files.create_directories("log/0"));
    for (const auto& [name, bytes] : samples(place)) {
        ASSERT_OK_AND_ASSIGN(const auto file, files.create("log/0/" + name));
        ASSERT_OK(file->append(as_bytes(bytes)));
    }
    const SteppedClock clock(1'790'000'009'000'000);
    ASSERT_OK_AND_ASSIGN(const auto log, open(files, clock));
    EXPECT_EQ(log->start().to_string(), "0:0");
    EXPECT_EQ(log->durable_end().to_string(), "0:6");
    ASSERT_OK_AND_ASSIGN(const Records records, read_from(*log, kFirst, Offset{0}));
    EXPECT_EQ(records, (Records{R"(10.0.0.1,200)", "", std::string("\x00\xFF\n", 3), R"({"a":1})",
                                std::string(130, 'x'), "in the second extent"}));
    ASSERT_OK_AND_ASSIGN(const RecordBatch batch, log->read(from(Offset{1}), 10));
    EXPECT_EQ(batch.preamble, "ip,status");
    EXPECT_EQ(batch.ingested_at_us, 1'790'000'000'000'000);
    const auto positions = log->source_positions(kFirst);
    ASSERT_EQ(positions.size(), 1u);
    EXPECT_EQ(positions[0].source + "=" + positions[0].position, "2049:77:9f=128");
    AppendRequest again;
    again.key = IdempotencyKey{"order-17", 0x0123456789ABCDEF};
    ASSERT_OK_AND_ASSIGN(const AppendOutcome outcome, log->append(kFirst, again));
    EXPECT_TRUE(outcome.was_duplicate);
    EXPECT_EQ(outcome.offsets[0], Offset{3});
    EXPECT_EQ(outcome.end, Offset{5});
}

TEST(LogFormat, TheSampleOpensAndTellsItsHistory) { expect_history(kSamples); }

TEST(LogFormat, ASampleWithOlderNamesOpensAndTellsItsHistory) { expect_history(kSamples2); }

TEST(LogFormat, AFileHasOneNameAndOnlyThat) {
    const ExtentName name{.base = {42}, .epoch = 7, .number = 0};
    EXPECT_EQ(name.text(), "00000000000000000042-7-0.extent");
    EXPECT_EQ(parse_extent_name(name.text()), name);
    EXPECT_EQ(ExtentName{{42}}.text(), "00000000000000000042.extent");
    EXPECT_EQ(parse_extent_name("00000000000000000042.extent"), ExtentName{{42}});
    for (const char* other :
         {"42-7-0.extent", "00000000000000000042-7.extent", "00000000000000000042-7-.extent",
          "00000000000000000042-07-0.extent", "00000000000000000042-7-0-1.extent",
          "00000000000000000042-0-0.extent", "-0000000000000000042-7-0.extent",
          "00000000000000000042-7--1.extent", "00000000000000000042-7-4294967296.extent",
          "00000000000000000042-7-0.extent.new", "", ".extent"}) {
        EXPECT_FALSE(parse_extent_name(other)) << other;
    }
}

TEST(LogFormat, ASampleOfVersion1OpensAndTellsItsHistory) { expect_history(kSamples1); }

TEST(LogFormat, ALogOfVersion1GoesOn) {
    MemoryFileSystem files;
    ASSERT_OK(files.create_directories("log/0"));
    for (auto [name, bytes] : samples(kSamples1)) {
        // Without the note of a clean end, so that the last group must be written again.
        if (name != samples(kSamples1).begin()->first) bytes.resize(bytes.size() - 72);
        ASSERT_OK_AND_ASSIGN(const auto file, files.create("log/0/" + name));
        ASSERT_OK(file->append(as_bytes(bytes)));
    }
    const SteppedClock clock(1'790'000'009'000'000);
    for (int round = 0; round < 2; ++round) {
        ASSERT_OK_AND_ASSIGN(const auto log, open(files, clock));
        EXPECT_EQ(log->durable_end().at[0], Offset{6 + round});
        ASSERT_OK_AND_ASSIGN(const Records records, read_from(*log, kFirst, Offset{4}));
        EXPECT_EQ(records[1], "in the second extent");
        ASSERT_OK_AND_ASSIGN(const RecordBatch old, log->read(from(Offset{5}), 10));
        EXPECT_EQ(old.sequence, 0u);
        EXPECT_EQ(old.records.size(), 1u);
        const Records more = {"more"};
        ASSERT_OK(log->append(kFirst, test::request_of(more)));
        AppendRequest again;
        again.key = IdempotencyKey{"order-17", 0x0123456789ABCDEF};
        ASSERT_OK_AND_ASSIGN(const AppendOutcome outcome, log->append(kFirst, again));
        EXPECT_TRUE(outcome.was_duplicate);
    }
}

TEST(LogFormat, TheSameHistoryStillGivesTheSameBytes) {
    MemoryFileSystem files;
    write_history(files);
    const auto written = contents(files, "log/0");
    if (written == samples(kSamples)) return;
    const std::filesystem::path place =
        std::filesystem::path(testing::TempDir()) / "braid-log-sample";
    std::filesystem::create_directories(place);
    auto out = open_posix_file_system(place);
    ASSERT_OK(out);
    for (const auto& [name, bytes] : written) {
        std::filesystem::remove(place / name);
        auto file = (*out)->create(name);
        ASSERT_OK(file);
        ASSERT_OK((*file)->append(as_bytes(bytes)));
    }
    FAIL() << "the bytes differ from " << kSamples
           << ": a new format needs a new version and a sample of "
           << "its own; what is written now lies in " << place;
}

}  // namespace
}  // namespace braid::log
