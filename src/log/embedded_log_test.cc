// SPDX-License-Identifier: Apache-2.0
#include "log/embedded_log.h"

#include <filesystem>

#include <gtest/gtest.h>

#include "base/error_makers.h"
#include "base/posix_file_system.h"
#include "base/thread.h"
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

constexpr int64_t kHourUs = 3'600'000'000;

class EmbeddedLogTest : public testing::Test {
  protected:
    void open(EmbeddedLogOptions options = {}, uint32_t partition_count = 1) {
        log_.reset();
        auto log =
            open_embedded_log(files_, clock_, "log/7", kLogId, partition_count, options, &metrics_);
        ASSERT_OK(log);
        log_ = *std::move(log);
    }
    AppendOutcome append(const Records& records, PartitionId partition = kFirst) {
        auto outcome = log_->append(partition, request_of(records));
        EXPECT_OK(outcome);
        return outcome ? *outcome : AppendOutcome{};
    }
    Result<AppendOutcome> append_with_key(const std::string& key, uint64_t body_hash,
                                          const std::string& record,
                                          PartitionId partition = kFirst) {
        AppendRequest request;
        request.records = {record};
        request.key = IdempotencyKey{key, body_hash};
        return log_->append(partition, request);
    }
    Result<AppendOutcome> append_position(const std::string& source, const std::string& position) {
        AppendRequest request;
        request.positions = {{source, position}};
        return log_->append(kFirst, request);
    }
    Records read(int64_t from = 0, PartitionId partition = kFirst) {
        auto records = read_from(*log_, partition, Offset{from});
        EXPECT_OK(records);
        return records ? *records : Records{};
    }
    std::string positions() const {
        std::string text;
        for (const auto& [source, position] : log_->source_positions(kFirst)) {
            text += source + '=' + position + ' ';
        }
        return text;
    }
    Records extents() { return files_.list("log/7/0").value(); }

    MemoryFileSystem files_;
    SteppedClock clock_;
    Metrics metrics_;
    std::unique_ptr<PartitionedLog> log_;
};

TEST_F(EmbeddedLogTest, AFreshLogIsEmptyAndBeginsAtZero) {
    open({}, 2);
    EXPECT_EQ(log_->id(), kLogId);
    EXPECT_EQ(log_->partition_count(), 2u);
    EXPECT_EQ(log_->start(), Positions::zero(2));
    EXPECT_EQ(log_->durable_end(), Positions::zero(2));
    EXPECT_EQ(read(), Records{});
}

TEST_F(EmbeddedLogTest, ReadsBackWhatWasAppended) {
    open();
    const AppendOutcome first = append({"a", "", "ccc"});
    EXPECT_EQ(first.offsets[0], Offset{0});
    EXPECT_EQ(first.end, Offset{3});
    EXPECT_EQ(first.ingested_at_us, clock_.wall_us());
    EXPECT_FALSE(first.was_duplicate);
    EXPECT_EQ(append({std::string("\0\n\xFF", 3)}).offsets[0], Offset{3});
    EXPECT_EQ(log_->durable_end().at[0], Offset{4});
    EXPECT_EQ(read(), (Records{"a", "", "ccc", std::string("\0\n\xFF", 3)}));
}

TEST_F(EmbeddedLogTest, ReadsFromEveryOffsetWithEveryLimit) {
    open(tiny_extents());
    Records all;
    for (int index = 0; index < 60; ++index) all.push_back("record " + std::to_string(index));
    for (size_t at = 0; at < all.size(); at += 3) append({all[at], all[at + 1], all[at + 2]});
    EXPECT_GT(extents().size(), 3u);
    for (const size_t limit : {1, 2, 7, 100}) {
        for (size_t from = 0; from <= all.size(); ++from) {
            ASSERT_OK_AND_ASSIGN(
                const Records got,
                read_from(*log_, kFirst, Offset{static_cast<int64_t>(from)}, limit));
            EXPECT_EQ(got, Records(all.begin() + static_cast<ptrdiff_t>(from), all.end()));
        }
    }
}

TEST_F(EmbeddedLogTest, ABatchTellsTimeAndPreamble) {
    open();
    const Records two = {"1", "2"};
    AppendRequest request = request_of(two);
    request.preamble = "a,b";
    ASSERT_OK(log_->append(kFirst, request));
    clock_.advance_us(5);
    append({"3"});
    ASSERT_OK_AND_ASSIGN(RecordBatch batch, log_->read(from(Offset{1}), 10));
    EXPECT_EQ(batch.preamble, "a,b");
    EXPECT_EQ(batch.records.size(), 1u);
    EXPECT_EQ(batch.next, Offset{2});
    EXPECT_EQ(batch.ingested_at_us, clock_.wall_us() - 5);
    ASSERT_OK_AND_ASSIGN(batch, log_->read(from(Offset{2}), 10));
    EXPECT_EQ(batch.preamble, "");
    EXPECT_EQ(batch.ingested_at_us, clock_.wall_us());
}

TEST_F(EmbeddedLogTest, ABatchIsOfOneGroupAndMayHoldSeveralOfItsBlocks) {
    open();
    append(Records(20'000, "x"));  // more than one block
    append({"y", "z"});
    for (int round = 0; round < 2; ++round) {
        ASSERT_OK_AND_ASSIGN(const RecordBatch large, log_->read(from(Offset{16'380}), 30'000));
        EXPECT_EQ(large.next, Offset{20'000});
        ASSERT_OK_AND_ASSIGN(const RecordBatch small, log_->read(from(large.next), 30'000));
        EXPECT_EQ(small.records.size(), 2u);
        EXPECT_LT(large.sequence, small.sequence);
        open();
    }
}

TEST_F(EmbeddedLogTest, LargeRequestsAndRecordsComeBackWhole) {
    open();
    Records records(40'000, "a record of some length");
    records.push_back(std::string(3 << 20, 'x'));
    records.emplace_back("end");
    const AppendOutcome outcome = append(records);
    EXPECT_EQ(outcome.end.value, static_cast<int64_t>(records.size()));
    EXPECT_EQ(read(), records);
    open();
    EXPECT_EQ(read(), records);
}

TEST_F(EmbeddedLogTest, PartitionsHaveOffsetsOfTheirOwn) {
    open({}, 3);
    append({"a", "b"}, {0});
    append({"c"}, {2});
    EXPECT_EQ(log_->durable_end().to_string(), "0:2,1:0,2:1");
    EXPECT_EQ(read(0, {2}), Records{"c"});
    EXPECT_ERROR(log_->append({3}, request_of({"d"})), ErrorCode::kInvalidInput);
}

TEST_F(EmbeddedLogTest, SurvivesRestarts) {
    Records all;
    for (int round = 0; round < 5; ++round) {
        open(tiny_extents());
        EXPECT_EQ(read(), all);
        for (int index = 0; index < 4; ++index) {
            all.push_back("round " + std::to_string(round));
            append({all.back()});
        }
        EXPECT_EQ(read(), all);
    }
}

TEST_F(EmbeddedLogTest, ACleanRestartWritesNothingToTheExtents) {
    open();
    append({"a"});
    log_.reset();
    const uint64_t bytes = files_.info("log/7/0/" + extents()[0]).value().bytes;
    open();
    EXPECT_EQ(extents().size(), 1u);
    EXPECT_EQ(files_.info("log/7/0/" + extents()[0]).value().bytes, bytes);
    EXPECT_EQ(read(), Records{"a"});
}

TEST_F(EmbeddedLogTest, AReaderNeverSeesBeyondTheDurableEnd) {
    open();
    append({"a"});
    bool looked = false;
    files_.set_fault_hook([&](const FileOperation& operation) -> Result<void> {
        if (operation.kind != FileOperation::Kind::kSync || looked) return {};
        looked = true;
        EXPECT_EQ(log_->durable_end().at[0], Offset{1});
        EXPECT_EQ(read(), Records{"a"});
        EXPECT_EQ(read(1), Records{});
        return {};
    });
    append({"b"});
    EXPECT_TRUE(looked);
    EXPECT_EQ(read(), (Records{"a", "b"}));
}

TEST_F(EmbeddedLogTest, ListenersAreCalledWhenTheRecordsCanBeRead) {
    open();
    std::vector<int64_t> ends;
    log_->on_durable([&] { ends.push_back(log_->durable_end().at[0].value); });
    log_->on_durable([&] { EXPECT_EQ(read(ends.back() - 1).size(), 1u); });
    append({"a"});
    append({"b", "c"});
    EXPECT_EQ(ends, (std::vector<int64_t>{1, 3}));
}

TEST_F(EmbeddedLogTest, IngestTimeFollowsTheWallClockBothWays) {
    open();
    const int64_t first = append({"a"}).ingested_at_us;
    clock_.jump_us(25 * kHourUs);
    EXPECT_EQ(append({"b"}).ingested_at_us, first + 25 * kHourUs);
    clock_.jump_us(-25 * kHourUs);
    EXPECT_EQ(append({"c"}).ingested_at_us, first);
    open();
    clock_.advance_us(1);
    EXPECT_EQ(append({"d"}).ingested_at_us, first + 1);
    EXPECT_EQ(read(), (Records{"a", "b", "c", "d"}));
}

TEST_F(EmbeddedLogTest, TheNewestPositionOfASourceWinsAndAnEmptyOneForgetsIt) {
    open();
    ASSERT_OK(append_position("a", "1"));
    ASSERT_OK(append_position("b", "1"));
    ASSERT_OK(append_position("a", "2"));
    EXPECT_EQ(positions(), "a=2 b=1 ");
    ASSERT_OK(append_position("b", ""));
    EXPECT_EQ(positions(), "a=2 ");
    open();
    EXPECT_EQ(positions(), "a=2 ");
}

TEST_F(EmbeddedLogTest, PositionsAndKeysSurviveRollTrimAndRestart) {
    open(tiny_extents());
    ASSERT_OK(append_position("a", "17"));
    ASSERT_OK(append_with_key("k", 1, "keyed"));
    for (int index = 0; index < 30; ++index) append({"filler of some length"});
    ASSERT_OK(log_->trim(kFirst, Offset{25}));
    open(tiny_extents());
    EXPECT_GT(log_->start().at[0], Offset{1});
    EXPECT_EQ(positions(), "a=17 ");
    ASSERT_OK_AND_ASSIGN(const AppendOutcome again, append_with_key("k", 1, "keyed"));
    EXPECT_TRUE(again.was_duplicate);
    EXPECT_EQ(again.offsets[0], Offset{0});
    EXPECT_EQ(again.end, Offset{1});
}

TEST_F(EmbeddedLogTest, AKeyStoresOnce) {
    open({}, 2);
    ASSERT_OK_AND_ASSIGN(const AppendOutcome first, append_with_key("k", 1, "a"));
    clock_.advance_us(9);
    ASSERT_OK_AND_ASSIGN(const AppendOutcome again, append_with_key("k", 1, "a", {1}));
    EXPECT_TRUE(again.was_duplicate);
    EXPECT_EQ(again.partition, first.partition);
    EXPECT_EQ(again.offsets[0], first.offsets[0]);
    EXPECT_EQ(again.ingested_at_us, first.ingested_at_us);
    EXPECT_EQ(log_->durable_end().to_string(), "0:1,1:0");
}

TEST_F(EmbeddedLogTest, AKeyWithAnotherBodyIsRefused) {
    open();
    ASSERT_OK(append_with_key("k", 1, "a"));
    const auto refused = append_with_key("k", 2, "b");
    ASSERT_ERROR(refused, ErrorCode::kInvalidInput, "22000");
    EXPECT_EQ(refused.error().message(), "idempotency key \"k\" was used with another body");
    EXPECT_EQ(read(), Records{"a"});
}

TEST_F(EmbeddedLogTest, KeysAreKeptForTheirAgeAndTheirNumber) {
    EmbeddedLogOptions options;
    options.keys_max = 2;
    options.key_age_us_max = 1000;
    open(options);
    for (const char* key : {"a", "b", "c"}) ASSERT_OK(append_with_key(key, 1, key));
    EXPECT_FALSE(append_with_key("a", 1, "a")->was_duplicate);
    EXPECT_TRUE(append_with_key("c", 1, "c")->was_duplicate);
    clock_.advance_us(1001);
    EXPECT_FALSE(append_with_key("c", 1, "c")->was_duplicate);
}

TEST_F(EmbeddedLogTest, KeysAreKeptWhereverTheWallClockJumps) {
    open();
    ASSERT_OK(append_with_key("a", 1, "a"));
    clock_.jump_us(25 * kHourUs);
    ASSERT_OK(append_with_key("b", 1, "b"));
    EXPECT_TRUE(append_with_key("a", 1, "a")->was_duplicate);
    open();
    EXPECT_TRUE(append_with_key("a", 1, "a")->was_duplicate);
    clock_.jump_us(-50 * kHourUs);
    ASSERT_OK(append_with_key("c", 1, "c"));
    open();
    for (const char* key : {"a", "b", "c"}) {
        EXPECT_TRUE(append_with_key(key, 1, key)->was_duplicate);
    }
    EXPECT_EQ(read().size(), 3u);
}

TEST_F(EmbeddedLogTest, KeysAgeByTheTimeThatTheLogWasOpenOverAllProcesses) {
    for (const bool is_killed : {false, true}) {
        MemoryFileSystem files;
        const auto reopen = [&] {
            log_.reset();
            auto log = open_embedded_log(files, clock_, "log/7", kLogId, 1, {}, nullptr);
            ASSERT_OK(log);
            log_ = *std::move(log);
        };
        reopen();
        ASSERT_OK(append_with_key("a", 1, "a"));
        for (int hour = 0; hour < 24; ++hour) {
            EXPECT_TRUE(append_with_key("a", 1, "a")->was_duplicate) << hour;
            clock_.advance_us(kHourUs);
            append({"filler"});
            if (is_killed) files.crash(CrashFate::kDropUnsynced, 1);
            log_.reset();
            clock_.advance_us(100 * kHourUs);  // while nobody has the log open
            reopen();
        }
        EXPECT_TRUE(append_with_key("a", 1, "a")->was_duplicate);
        clock_.advance_us(1);
        EXPECT_FALSE(append_with_key("a", 1, "a")->was_duplicate);
        log_.reset();
    }
}

TEST_F(EmbeddedLogTest, AKeyMustHaveASensibleLength) {
    open();
    EXPECT_ERROR(append_with_key("", 1, "a"), ErrorCode::kInvalidInput);
    EXPECT_ERROR(append_with_key(std::string(256, 'k'), 1, "a"), ErrorCode::kInvalidInput);
    EXPECT_OK(append_with_key(std::string(255, 'k'), 1, "a"));
}

TEST_F(EmbeddedLogTest, TheKeyOfAFailedAppendIsFree) {
    open(tiny_extents());
    append({"a"});
    files_.set_free_bytes(20);
    EXPECT_ERROR(append_with_key("k", 1, "b"), ErrorCode::kExhausted);
    files_.set_free_bytes(1 << 20);
    ASSERT_OK_AND_ASSIGN(const AppendOutcome outcome, append_with_key("k", 2, "c"));
    EXPECT_FALSE(outcome.was_duplicate);
}

TEST_F(EmbeddedLogTest, ManyKeysFitThroughASnapshot) {
    open();
    constexpr int kCount = 30'000;  // more than one block of a snapshot
    for (int index = 0; index < kCount; ++index) {
        ASSERT_OK(append_with_key("key number " + std::to_string(index), 1, "x"));
    }
    for (int round = 0; round < 2;
         ++round) {  // the first restart begins a new extent with a snapshot
        open();
        append({"y"});
    }
    for (const int index : {0, 1, 15'000, kCount - 1}) {
        EXPECT_TRUE(append_with_key("key number " + std::to_string(index), 1, "x")->was_duplicate);
    }
}

TEST_F(EmbeddedLogTest, TrimForgetsWholeExtentsOldestFirst) {
    open(tiny_extents());
    for (int index = 0; index < 30; ++index) append({"filler of some length"});
    const size_t before = extents().size();
    ASSERT_GT(before, 4u);
    ASSERT_OK(log_->trim(kFirst, Offset{0}));
    EXPECT_EQ(extents().size(), before);
    ASSERT_OK(log_->trim(kFirst, Offset{12}));
    const Offset start = log_->start().at[0];
    EXPECT_GT(start, Offset{0});
    EXPECT_LE(start, Offset{12});
    EXPECT_ERROR(log_->read(from(Offset{start.value - 1}), 1), ErrorCode::kNotFound);
    EXPECT_EQ(read(start.value).size(), static_cast<size_t>(30 - start.value));
    ASSERT_OK(log_->trim(kFirst, Offset{1000}));  // the newest extent stays
    EXPECT_EQ(extents().size(), 1u);
    open(tiny_extents());
    EXPECT_EQ(log_->durable_end().at[0], Offset{30});
}

TEST_F(EmbeddedLogTest, AnOffsetBeyondTheEndIsInvalid) {
    open();
    append({"a"});
    EXPECT_EQ(read(1), Records{});
    EXPECT_ERROR(log_->read(from(Offset{2}), 1), ErrorCode::kInvalidInput);
}

TEST_F(EmbeddedLogTest, AFailedSyncStopsTheLog) {
    open();
    append({"a"});
    files_.set_fault_hook([](const FileOperation& operation) -> Result<void> {
        if (operation.kind == FileOperation::Kind::kSync)
            return exhausted("no space, says the disk");
        return {};
    });
    EXPECT_ERROR(log_->append(kFirst, request_of({"b"})), ErrorCode::kIo, "58030");
    files_.clear_faults();
    EXPECT_ERROR(log_->append(kFirst, request_of({"c"})), ErrorCode::kIo);
    EXPECT_EQ(read(), Records{"a"});
    EXPECT_EQ(log_->durable_end().at[0], Offset{1});
}

/// The page cache shows the group although it is not on the disk: it must be written again.
TEST_F(EmbeddedLogTest, WhatAFailedSyncLeftIsMadeDurableBeforeItIsShown) {
    const test::QuietTrace quiet;
    for (const bool alone : {false, true}) {
        MemoryFileSystem files;
        auto open = [&] { return open_embedded_log(files, clock_, "log", kLogId, 1, {}, nullptr); };
        ASSERT_OK_AND_ASSIGN(auto log, open());
        if (!alone) {
            ASSERT_OK(log->append(kFirst, request_of({"a"})));
        }
        files.set_fault_hook([](const FileOperation& operation) -> Result<void> {
            if (operation.kind == FileOperation::Kind::kSync) return io_error("broken");
            return {};
        });
        EXPECT_ERROR(log->append(kFirst, request_of({"b"})), ErrorCode::kIo);
        files.clear_faults();
        log.reset();
        ASSERT_OK_AND_ASSIGN(log, open());
        const Records expected = alone ? Records{"b"} : Records{"a", "b"};
        ASSERT_OK_AND_ASSIGN(Records records, read_from(*log, kFirst, Offset{0}));
        EXPECT_EQ(records, expected);
        files.crash(CrashFate::kDropUnsynced, 0);
        ASSERT_OK_AND_ASSIGN(log, open());
        ASSERT_OK_AND_ASSIGN(records, read_from(*log, kFirst, Offset{0}));
        EXPECT_EQ(records, expected);
    }
}

TEST_F(EmbeddedLogTest, BelowTheReserveNothingIsAccepted) {
    EmbeddedLogOptions options;
    options.keep_free_bytes = 1000;
    open(options);
    append({"a"});
    files_.set_free_bytes(900);
    EXPECT_ERROR(log_->append(kFirst, request_of({"b"})), ErrorCode::kExhausted, "53100");
    EXPECT_EQ(read(), Records{"a"});
    files_.set_free_bytes(5000);
    append({"c"});
    EXPECT_EQ(read(), (Records{"a", "c"}));
}

TEST_F(EmbeddedLogTest, TheReserveIsKeptToTheByte) {
    EmbeddedLogOptions options;
    options.keep_free_bytes = 1000;
    open(options);
    append({"a"});
    const auto is_taken = [&](uint64_t free) {
        files_.set_free_bytes(free);
        const auto outcome = log_->append(kFirst, request_of({"b"}));
        if (!outcome.has_value()) {
            EXPECT_ERROR(outcome, ErrorCode::kExhausted, "53100");
            EXPECT_FALSE(outcome.error().hint().empty());
        }
        return outcome.has_value();
    };
    uint64_t too_little = 999;
    uint64_t enough = 5000;
    while (too_little + 1 < enough) {
        const uint64_t between = too_little + (enough - too_little) / 2;
        (is_taken(between) ? enough : too_little) = between;
    }
    EXPECT_GT(enough, 1000U) << "what is appended leaves the reserve alone";
    EXPECT_FALSE(is_taken(enough - 1));
    EXPECT_TRUE(is_taken(enough));
    EXPECT_TRUE(is_taken(enough + 1));
}

TEST_F(EmbeddedLogTest, AnAppendThatFillsTheDiskFailsAndTheLogGoesOnWhenThereIsRoom) {
    const test::QuietTrace quiet;
    for (uint64_t room = 0; room < 700; room += 7) {
        MemoryFileSystem files;
        const auto open = [&] {
            return open_embedded_log(files, clock_, "log", kLogId, 1, tiny_extents(), nullptr);
        };
        ASSERT_OK_AND_ASSIGN(auto log, open());
        if (room % 2 == 0) {
            ASSERT_OK(log->append(kFirst, request_of({"a"})));
        }
        files.set_free_bytes(room);
        Records expected(static_cast<size_t>(log->durable_end().at[0].value), "a");
        while (true) {
            const auto outcome = log->append(kFirst, request_of({"filler of some length"}));
            if (!outcome) {
                EXPECT_ERROR(outcome, ErrorCode::kExhausted, "53100");
                break;
            }
            expected.emplace_back("filler of some length");
        }
        files.set_free_bytes(1 << 20);
        ASSERT_OK(log->append(kFirst, request_of({"after"})));
        expected.emplace_back("after");
        ASSERT_OK_AND_ASSIGN(Records records, read_from(*log, kFirst, Offset{0}));
        EXPECT_EQ(records, expected);
        files.crash(CrashFate::kDropUnsynced, 0);
        ASSERT_OK_AND_ASSIGN(log, open());
        ASSERT_OK_AND_ASSIGN(records, read_from(*log, kFirst, Offset{0}));
        EXPECT_EQ(records, expected);
    }
}

TEST_F(EmbeddedLogTest, AnAppendThatFilledTheDiskIsNotThereAfterARestart) {
    const test::QuietTrace quiet;
    for (uint64_t room = 0; room < 400; room += 5) {
        for (const CrashFate fate : {CrashFate::kKeepUnsynced, CrashFate::kTearUnsynced}) {
            MemoryFileSystem files;
            const auto open = [&] {
                return open_embedded_log(files, clock_, "log", kLogId, 1, tiny_extents(), nullptr);
            };
            ASSERT_OK_AND_ASSIGN(auto log, open());
            ASSERT_OK(log->append(kFirst, request_of({"a"})));
            files.set_free_bytes(room);
            ASSERT_ERROR(log->append(kFirst, request_of({std::string(400, 'x')})),
                         ErrorCode::kExhausted);
            files.crash(fate, room);
            files.set_free_bytes(1 << 20);
            ASSERT_OK_AND_ASSIGN(log, open());
            ASSERT_OK_AND_ASSIGN(const Records records, read_from(*log, kFirst, Offset{0}));
            EXPECT_EQ(records, Records{"a"});
        }
    }
}

TEST_F(EmbeddedLogTest, CountsWhatItDoes) {
    open();
    append({"a", "b"});
    ASSERT_OK(append_with_key("k", 1, "c"));
    ASSERT_OK(append_with_key("k", 1, "c"));
    const std::string labels = "log=\"" + kLogId.hex + "\"";
    const auto count = [&](const char* name) {
        return metrics_.get(name, Metrics::Kind::kCounter, "", labels).get();
    };
    EXPECT_EQ(count("braid_log_records_total"), 3);
    EXPECT_EQ(count("braid_log_group_commits_total"), 2);
    EXPECT_EQ(count("braid_log_duplicates_total"), 1);
}

TEST_F(EmbeddedLogTest, ALogOfAnotherIdOrShapeIsRefused) {
    open({}, 2);
    append({"a"});
    log_.reset();
    const LogId other{"ffffffffffffffffffffffffffffffff"};
    EXPECT_ERROR(open_embedded_log(files_, clock_, "log/7", other, 2, {}, nullptr),
                 ErrorCode::kCorrupt);
    EXPECT_ERROR(open_embedded_log(files_, clock_, "log/7", kLogId, 1, {}, nullptr),
                 ErrorCode::kCorrupt);
}

TEST_F(EmbeddedLogTest, ConcurrentAppendsAllArriveInTheOrderOfTheirOffsets) {
    open(tiny_extents(), 2);
    constexpr int kThreads = 8;
    constexpr int kAppends = 50;
    std::vector<Thread> threads;
    for (int thread = 0; thread < kThreads; ++thread) {
        threads.emplace_back("appender", [&, thread] {
            int64_t last = -1;
            for (int index = 0; index < kAppends; ++index) {
                const std::string record = fmt::format("{}/{}", thread, index);
                const auto outcome =
                    log_->append({static_cast<uint32_t>(thread % 2)}, request_of({record}));
                ASSERT_OK(outcome);
                EXPECT_GT(outcome->offsets[0].value, last);
                last = outcome->offsets[0].value;
                EXPECT_EQ(read(last, outcome->partition).front(), record);
            }
        });
    }
    for (Thread& each : threads) each.join();
    EXPECT_EQ(log_->durable_end().to_string(), "0:200,1:200");
    std::vector<int> next(kThreads, 0);
    for (const PartitionId partition : {PartitionId{0}, PartitionId{1}}) {
        for (const std::string& record : read(0, partition)) {
            const int thread = record[0] - '0';
            EXPECT_EQ(record, fmt::format("{}/{}", thread, next.at(thread)++));
        }
    }
}

TEST_F(EmbeddedLogTest, ConcurrentAppendsWithOneKeyStoreOnce) {
    open({}, 4);
    for (int round = 0; round < 20; ++round) {
        std::vector<Thread> threads;
        std::atomic<int> stored = 0;
        for (uint32_t thread = 0; thread < 8; ++thread) {
            threads.emplace_back("appender", [&, thread] {
                const auto outcome =
                    append_with_key(fmt::format("k{}", round), 1, "x", {thread % 4});
                ASSERT_OK(outcome);
                if (!outcome->was_duplicate) ++stored;
            });
        }
        for (Thread& each : threads) each.join();
        EXPECT_EQ(stored, 1);
    }
    int64_t records = 0;
    for (const Offset end : log_->durable_end().at) records += end.value;
    EXPECT_EQ(records, 20);
}

TEST_F(EmbeddedLogTest, AReaderThatFollowsTheTailSeesEachRecordOnce) {
    open(tiny_extents());
    constexpr int64_t kCount = 300;
    Thread writer("writer", [&] {
        for (int64_t index = 0; index < kCount; ++index) append({std::to_string(index)});
    });
    for (Offset next{0}; next.value < kCount;) {
        const auto batch = log_->read(from(next), 10);
        ASSERT_OK(batch);
        for (const std::string_view record : batch->records) {
            EXPECT_EQ(record, std::to_string(next.value++));
        }
    }
    writer.join();
}

TEST_F(EmbeddedLogTest, ReadersAndTrimmingDoNotDisturbEachOther) {
    open(tiny_extents());
    std::atomic<bool> done = false;
    Thread reader("reader", [&] {
        while (!done) {
            const Offset from = log_->start().at[0];
            const auto records = read_from(*log_, kFirst, from, 3);
            if (!records) {
                EXPECT_ERROR(records, ErrorCode::kNotFound);
            }
        }
    });
    for (int64_t index = 0; index < 300; ++index) {
        append({"filler of some length"});
        ASSERT_OK(log_->trim(kFirst, Offset{index - 20}));
    }
    done = true;
    reader.join();
    EXPECT_GT(log_->start().at[0], Offset{200});
}

TEST(EmbeddedLogOnDisk, AppendsRollsTrimsAndRestarts) {
    std::string root = std::filesystem::temp_directory_path() / "braid-log-XXXXXX";
    ASSERT_NE(mkdtemp(root.data()), nullptr);
    {
        ASSERT_OK_AND_ASSIGN(const auto files, open_posix_file_system(root));
        const SystemClock clock;
        Records all;
        for (int round = 0; round < 3; ++round) {
            ASSERT_OK_AND_ASSIGN(auto log, open_embedded_log(*files, clock, "log/1", kLogId, 1,
                                                             tiny_extents(), nullptr));
            for (int index = 0; index < 8; ++index) {
                all.push_back(fmt::format("record {} of round {}", index, round));
                ASSERT_OK(log->append(kFirst, request_of({all.back()})));
            }
            ASSERT_OK_AND_ASSIGN(const Records records, read_from(*log, kFirst, Offset{0}));
            EXPECT_EQ(records, all);
        }
        ASSERT_OK_AND_ASSIGN(auto log, open_embedded_log(*files, clock, "log/1", kLogId, 1,
                                                         tiny_extents(), nullptr));
        ASSERT_OK(log->trim(kFirst, Offset{20}));
        const Offset start = log->start().at[0];
        EXPECT_GT(start, Offset{0});
        ASSERT_OK_AND_ASSIGN(const Records records, read_from(*log, kFirst, start));
        EXPECT_EQ(records, Records(all.begin() + start.value, all.end()));
    }
    std::filesystem::remove_all(root);
}

}  // namespace
}  // namespace braid::log
