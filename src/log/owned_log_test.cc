// SPDX-License-Identifier: Apache-2.0
// Two processes on one directory: the second has removed the lock of the first, which still runs.
#include <algorithm>

#include <gtest/gtest.h>

#include "base/error_makers.h"
#include "log/takeover.h"
#include "log/test_support.h"

namespace braid::log {
namespace {

using test::kFirst;
using test::kLogId;
using test::read_from;
using test::request_of;
using test::tiny_extents;
using Records = std::vector<std::string>;

/// A process with the log.
struct Process {
    std::unique_ptr<DirectoryOwner> owner;
    std::unique_ptr<Takeover> takeover;
    std::unique_ptr<PartitionedLog> log;

    Result<AppendOutcome> append(const std::string& record) const {
        const Records records = {record};
        return log->append(kFirst, request_of(records));
    }
    Records read() const {
        auto records = read_from(*log, kFirst, log->start().at[0]);
        EXPECT_OK(records);
        return records ? *records : Records();
    }
};

class OwnedLogTest : public testing::Test {
  protected:
    Result<Process> begin(uint64_t epoch) {
        Process process;
        process.owner = TRY(DirectoryOwner::take(files_));
        TRY(process.owner->begin_epoch(epoch));
        TRY(files_.create_directories("log"));
        process.takeover = TRY(Takeover::begin(files_, "log", epoch));
        process.log = TRY(
            open_embedded_log(files_, clock_, "log/7", kLogId, 1, tiny_extents(), nullptr,
                              {.owner = process.owner.get(), .takeover = process.takeover.get()}));
        TRY(process.takeover->finish({}));
        return process;
    }
    Process start(uint64_t epoch) {
        auto process = begin(epoch);
        EXPECT_OK(process);
        return *std::move(process);
    }
    void remove_lock() { ASSERT_OK(files_.remove(DirectoryOwner::kLockName)); }

    MemoryFileSystem files_;
    SteppedClock clock_;
    const test::QuietTrace quiet_;
};

TEST_F(OwnedLogTest, WhoHasLostTheDirectoryAcknowledgesNothing) {
    const Process first = start(1);
    ASSERT_OK(first.append("a"));
    remove_lock();
    Process second = start(2);
    ASSERT_OK(second.append("b"));
    EXPECT_ERROR(first.append("lost"), ErrorCode::kUnavailable);
    ASSERT_OK(second.append("c"));
    EXPECT_ERROR(first.append("lost"), ErrorCode::kUnavailable);
    EXPECT_EQ(second.read(), (Records{"a", "b", "c"}));
    second.log.reset();
    second.owner->release();
    EXPECT_EQ(start(3).read(), (Records{"a", "b", "c"}));
}

TEST_F(OwnedLogTest, WhatIsTakenOverInMidAppendIsThereOnceOrNotAcknowledged) {
    // At each change of the disk by the first, the second takes over and writes; both end; then
    // what was acknowledged to anybody is there, in the order in which it was.
    for (int at = 0;; ++at) {
        files_ = MemoryFileSystem();
        Process first = start(1);
        for (int index = 0; index < 4; ++index)
            ASSERT_OK(first.append("filler " + std::string(80, 'x')));
        Process second;
        int operations = 0;
        files_.set_fault_hook([&](const FileOperation& operation) -> Result<void> {
            if (operation.kind == FileOperation::Kind::kRead || operations++ != at) return {};
            remove_lock();
            second = start(2);
            EXPECT_OK(second.append("second"));
            return {};
        });
        const auto outcome = first.append("first " + std::string(80, 'x'));
        files_.clear_faults();
        if (!second.log) {
            EXPECT_OK(outcome);
            EXPECT_GT(at, 1);
            break;
        }
        EXPECT_FALSE(outcome.has_value()) << at;
        EXPECT_FALSE(first.append("never").has_value()) << at;
        ASSERT_OK(second.append("second again"));
        const Records seen = second.read();
        first.log.reset();
        second.log.reset();
        second.owner->release();
        const Records all = start(3).read();
        EXPECT_EQ(all, seen) << at;
        EXPECT_EQ(all.back(), "second again");
        EXPECT_EQ(std::ranges::count(all, "second"), 1);
    }
}

TEST_F(OwnedLogTest, WhatComesAfterASuccessorThatWroteNothingIsNeverRead) {
    // At each change of the disk by the first, the second takes over, and appends nothing; what it
    // then shows is all that any later start shows. The log before was empty, or ended in good
    // order: then a start has nothing to write again.
    for (const bool is_empty : {true, false}) {
        for (int at = 0;; ++at) {
            files_ = MemoryFileSystem();
            if (!is_empty) {
                Process before = start(1);
                ASSERT_OK(before.append("a"));
                before.log.reset();
                before.owner->release();
            }
            Process first = start(2);
            Process second;
            int operations = 0;
            files_.set_fault_hook([&](const FileOperation& operation) -> Result<void> {
                if (operation.kind == FileOperation::Kind::kRead || operations++ != at) return {};
                remove_lock();
                second = start(3);
                return {};
            });
            const auto outcome = first.append("first");
            files_.clear_faults();
            if (!second.log) {
                EXPECT_OK(outcome);
                EXPECT_GT(at, 3);
                break;
            }
            EXPECT_FALSE(outcome.has_value()) << at;
            const Records seen = second.read();
            first.log.reset();
            second.log.reset();
            second.owner->release();
            Process third = start(4);
            EXPECT_EQ(third.read(), seen) << at;
            ASSERT_OK(third.append("third"));
            Records all = seen;
            all.emplace_back("third");
            third.log.reset();
            third.owner->release();
            EXPECT_EQ(start(5).read(), all) << at;
        }
    }
}

TEST_F(OwnedLogTest, AReplacementThatComesLateTakesNothingAway) {
    // The newest extent has a position and no records, so whoever appends begins one of the same
    // base. At each change of the disk by the first, also where it tidies up after a write that
    // failed, the second takes over and appends.
    for (const bool is_full : {false, true}) {
        for (int at = 0;; ++at) {
            files_ = MemoryFileSystem();
            Process before = start(1);
            AppendRequest position;
            position.positions = {{"source", "at 1"}};
            ASSERT_OK(before.log->append(kFirst, position));
            before.log.reset();
            before.owner->release();
            Process first = start(2);
            Process second;
            int operations = 0;
            bool is_within = false;
            files_.set_fault_hook([&](const FileOperation& operation) -> Result<void> {
                if (is_within || operation.kind == FileOperation::Kind::kRead) return {};
                if (operations++ == at) {
                    is_within = true;
                    remove_lock();
                    second = start(3);
                    EXPECT_OK(second.append("second"));
                    is_within = false;
                }
                const bool fails = is_full && operation.kind == FileOperation::Kind::kAppend;
                return fails ? exhausted("no space is left") : Result<void>();
            });
            const auto outcome = first.append("first");
            files_.clear_faults();
            if (!second.log) {
                EXPECT_EQ(outcome.has_value(), !is_full);
                EXPECT_GT(at, is_full ? 1 : 4);
                break;
            }
            EXPECT_FALSE(outcome.has_value()) << at;
            ASSERT_OK(second.append("second again"));
            const Records seen = second.read();
            EXPECT_EQ(seen.back(), "second again");
            first.log.reset();
            second.log.reset();
            second.owner->release();
            EXPECT_EQ(start(4).read(), seen) << at << (is_full ? " and full" : "");
        }
    }
}

TEST_F(OwnedLogTest, AStartThatDidNotComeToItsEndDecidesNothing) {
    Process first = start(1);
    {
        // It has looked at the log, and died.
        remove_lock();
        ASSERT_OK_AND_ASSIGN(const auto owner, DirectoryOwner::take(files_));
        ASSERT_OK_AND_ASSIGN(const auto takeover, Takeover::begin(files_, "log", 2));
        ASSERT_OK(open_embedded_log(files_, clock_, "log/7", kLogId, 1, tiny_extents(), nullptr,
                                    {.owner = owner.get(), .takeover = takeover.get()}));
    }
    ASSERT_OK(first.append("a"));
    first.log.reset();
    EXPECT_EQ(start(3).read(), Records{"a"});
}

TEST_F(OwnedLogTest, TheTakeoverBetweenSyncAndAcknowledgementIsSeen) {
    const Process first = start(1);
    ASSERT_OK(first.append("a"));
    Process second;
    bool is_synced = false;
    bool is_taken = false;
    files_.set_fault_hook([&](const FileOperation& operation) -> Result<void> {
        // The question after the sync is the first that is asked when the group lies in the file.
        if (operation.kind == FileOperation::Kind::kSync) is_synced = true;
        if (operation.kind != FileOperation::Kind::kRead || !is_synced || is_taken) return {};
        is_taken = true;
        remove_lock();
        second = start(2);
        return {};
    });
    EXPECT_ERROR(first.append("b"), ErrorCode::kUnavailable);
    files_.clear_faults();
    ASSERT_TRUE(second.log != nullptr);
    // It was synced before: so it is there, whole, though its outcome was never told.
    EXPECT_EQ(second.read(), (Records{"a", "b"}));
}

TEST_F(OwnedLogTest, TheLogOfALaterOwnerThanTheManifestKnowsIsRefused) {
    {
        Process process = start(7);
        ASSERT_OK(process.append("a"));
        process.log.reset();
        process.owner->release();
    }
    for (const uint64_t epoch : {3U, 7U}) {
        const auto refused = begin(epoch);
        ASSERT_ERROR(refused, ErrorCode::kCorrupt);
        EXPECT_NE(refused.error().to_string().find("manifest is older"), std::string::npos);
    }
    EXPECT_EQ(start(8).read(), Records{"a"});
}

}  // namespace
}  // namespace braid::log
