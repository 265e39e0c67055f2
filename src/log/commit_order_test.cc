// SPDX-License-Identifier: Apache-2.0
#include "log/commit_order.h"

#include <gtest/gtest.h>

#include "base/error_makers.h"
#include "log/test_support.h"

namespace braid::log {
namespace {

using test::read_from;
using test::request_of;
using test::tiny_extents;
using Records = std::vector<std::string>;

const LogId kIds[] = {{"00000000000000000000000000000001"}, {"00000000000000000000000000000002"}};

/// Two logs of two partitions on one order.
class CommitOrderTest : public testing::Test {
  protected:
    void SetUp() override { open(); }
    void open() {
        for (auto& log : logs_) log.reset();
        order_ = std::make_unique<CommitOrder>();
        for (size_t index = 0; index < 2; ++index) {
            auto log = open_embedded_log(files_, clock_, fmt::format("log/{}", index), kIds[index],
                                         2, tiny_extents(), nullptr, {.order = order_.get()});
            ASSERT_OK(log);
            logs_[index] = *std::move(log);
        }
    }
    void append(size_t log, uint32_t partition, const std::string& record) {
        const Records records = {record};
        ASSERT_OK(logs_[log]->append({partition}, request_of(records)));
    }
    static std::string text_of(const std::vector<Positions>& ends) {
        return ends[0].to_string() + " " + ends[1].to_string();
    }
    std::string ends() const {
        const PartitionedLog* const logs[] = {logs_[0].get(), logs_[1].get()};
        return text_of(order_->ends(logs));
    }
    Records read(size_t log, uint32_t partition) {
        auto records = read_from(*logs_[log], {partition}, Offset{0});
        EXPECT_OK(records);
        return records ? *records : Records();
    }
    uint64_t sequence_at(size_t log, uint32_t partition, int64_t offset) {
        const auto batch = logs_[log]->read({{partition}, {offset}, {offset + 1}}, 1);
        EXPECT_OK(batch);
        return batch ? batch->sequence : 0;
    }
    AppendPart part(size_t log, uint32_t partition, const std::string& record,
                    const std::string& key = "") {
        AppendPart part{.log = logs_[log].get(), .partition = {partition}, .request = {}};
        texts_.push_back(std::make_unique<std::string>(record));
        part.request.records = {*texts_.back()};
        if (!key.empty()) part.request.key = IdempotencyKey{key, 1};
        return part;
    }
    std::vector<AppendPart> one_of_each(const std::string& key = "") {
        return {part(1, 1, "d", key), part(0, 0, "a", key), part(0, 1, "b"), part(1, 0, "c"),
                part(0, 0, "aa")};
    }

    MemoryFileSystem files_;
    SteppedClock clock_;
    std::unique_ptr<CommitOrder> order_;
    std::unique_ptr<PartitionedLog> logs_[2];
    std::vector<std::unique_ptr<std::string>> texts_;
};

TEST_F(CommitOrderTest, SequencesRiseOverAllPartitionsAndLogs) {
    uint64_t last = 0;
    for (int round = 0; round < 3; ++round) {
        for (const size_t log : {1, 0}) {
            for (const uint32_t partition : {0U, 1U}) {
                append(log, partition, "x");
                const uint64_t sequence = sequence_at(log, partition, round);
                EXPECT_LT(last, sequence);
                last = sequence;
            }
        }
    }
    EXPECT_EQ(ends(), "0:3,1:3 0:3,1:3");
}

TEST_F(CommitOrderTest, SequencesGoOnAfterARestartAndWhatWasWrittenKeepsItsOwn) {
    append(0, 0, "a");
    append(1, 1, "b");
    const uint64_t last = sequence_at(1, 1, 0);
    files_.crash(CrashFate::kKeepUnsynced, 1);
    open();
    EXPECT_EQ(sequence_at(1, 1, 0), last) << "its group was written again, not anew";
    append(0, 0, "c");
    EXPECT_LT(last, sequence_at(0, 0, 1));
    open();  // after a clean end
    append(1, 0, "d");
    EXPECT_LT(sequence_at(0, 0, 1), sequence_at(1, 0, 0));
}

TEST_F(CommitOrderTest, AllEndsAreReadInOneStep) {
    append(0, 0, "a");
    // While the second group is being synced, the first alone is there, for every way of asking.
    files_.set_fault_hook([&](const FileOperation& operation) -> Result<void> {
        if (operation.kind == FileOperation::Kind::kSync) {
            EXPECT_EQ(ends(), "0:1,1:0 0:0,1:0");
            EXPECT_EQ(logs_[1]->durable_end(), Positions::zero(2));
        }
        return {};
    });
    append(1, 1, "b");
    files_.clear_faults();
    EXPECT_EQ(ends(), "0:1,1:0 0:0,1:1");
    EXPECT_EQ(logs_[1]->durable_end().to_string(), "0:0,1:1");
}

TEST_F(CommitOrderTest, ALogOfAnotherKindIsAskedItself) {
    ASSERT_OK_AND_ASSIGN(const auto other, open_embedded_log(files_, clock_, "log/9", kIds[0], 1,
                                                             tiny_extents(), nullptr));
    const Records records = {"x"};
    ASSERT_OK(other->append({0}, request_of(records)));
    const PartitionedLog* const logs[] = {other.get(), logs_[0].get()};
    EXPECT_EQ(text_of(order_->ends(logs)), "0:1 0:0,1:0");
}

TEST_F(CommitOrderTest, AJointAppendIsShownInOneStep) {
    append(1, 0, "before");
    int syncs = 0;
    files_.set_fault_hook([&](const FileOperation& operation) -> Result<void> {
        if (operation.kind != FileOperation::Kind::kSync) return {};
        ++syncs;
        EXPECT_EQ(ends(), "0:0,1:0 0:1,1:0");
        EXPECT_EQ(read(0, 0), Records());
        return {};
    });
    int calls = 0;
    for (const auto& log : logs_) {
        log->on_durable([&] {
            ++calls;
            EXPECT_EQ(ends(), "0:2,1:1 0:2,1:1");
        });
    }
    ASSERT_OK_AND_ASSIGN(const auto outcomes, append_jointly(*order_, one_of_each()));
    EXPECT_EQ(syncs, 4) << "one for each partition";
    EXPECT_GE(calls, 2);
    ASSERT_EQ(outcomes.size(), 5u);
    EXPECT_EQ(outcomes[1].offsets[0], Offset{0});
    EXPECT_EQ(outcomes[3].offsets[0], Offset{1});
    EXPECT_EQ(outcomes[4].offsets[0], Offset{1});
    for (int round = 0; round < 2; ++round) {
        EXPECT_EQ(read(0, 0), (Records{"a", "aa"}));
        EXPECT_EQ(read(1, 0), (Records{"before", "c"}));
        const uint64_t sequence = sequence_at(0, 0, 0);
        EXPECT_EQ(sequence_at(0, 0, 1), sequence);
        EXPECT_EQ(sequence_at(0, 1, 0), sequence);
        EXPECT_EQ(sequence_at(1, 0, 1), sequence);
        EXPECT_EQ(sequence_at(1, 1, 0), sequence);
        files_.clear_faults();
        open();
    }
}

TEST_F(CommitOrderTest, OfAJointAppendThatFailsNothingIsShownAndItCanBeRepeated) {
    append(0, 0, "before");
    for (int failing = 0; failing < 4; ++failing) {
        int writes = 0;
        files_.set_fault_hook([&](const FileOperation& operation) -> Result<void> {
            if (operation.kind != FileOperation::Kind::kAppend) return {};
            if (writes++ < failing) return {};
            return exhausted("no room");
        });
        EXPECT_ERROR(append_jointly(*order_, one_of_each("k")), ErrorCode::kExhausted);
        EXPECT_EQ(ends(), "0:1,1:0 0:0,1:0");
    }
    files_.clear_faults();
    append(0, 1, "between");
    ASSERT_OK_AND_ASSIGN(const auto outcomes, append_jointly(*order_, one_of_each("k")));
    EXPECT_FALSE(outcomes[0].was_duplicate);
    for (int round = 0; round < 2; ++round) {
        EXPECT_EQ(read(0, 0), (Records{"before", "a", "aa"}));
        EXPECT_EQ(read(0, 1), (Records{"between", "b"}));
        EXPECT_EQ(read(1, 0), Records{"c"});
        EXPECT_EQ(read(1, 1), Records{"d"});
        open();
    }
}

TEST_F(CommitOrderTest, AJointAppendAfterARestartWritesOnlyThePartsThatAreMissing) {
    const auto parts = [&] {
        return std::vector{part(0, 0, "a", "k"), part(0, 1, "b", "l"), part(1, 0, "c", "k")};
    };
    // The power fails with the sync of each part; then the same is asked for again.
    for (int failing = 0; failing < 3; ++failing) {
        files_.crash(CrashFate::kDropUnsynced, 1);
        files_ = MemoryFileSystem();
        open();
        int syncs = 0;
        files_.set_fault_hook([&](const FileOperation& operation) -> Result<void> {
            if (operation.kind != FileOperation::Kind::kSync || syncs++ < failing) return {};
            return io_error("the disk is away");
        });
        EXPECT_ERROR(append_jointly(*order_, parts()), ErrorCode::kIo);
        EXPECT_EQ(ends(), "0:0,1:0 0:0,1:0");
        files_.clear_faults();
        files_.crash(CrashFate::kDropUnsynced, 1);
        open();
        ASSERT_OK(append_jointly(*order_, parts()));
        EXPECT_EQ(ends(), "0:1,1:1 0:1,1:0");
        ASSERT_OK_AND_ASSIGN(const auto again, append_jointly(*order_, parts()));
        for (const AppendOutcome& outcome : again) EXPECT_TRUE(outcome.was_duplicate);
        EXPECT_EQ(ends(), "0:1,1:1 0:1,1:0");
    }
}

TEST_F(CommitOrderTest, AJointAppendRefusesWhatItCannotDoInOneStep) {
    ASSERT_OK_AND_ASSIGN(const auto other, open_embedded_log(files_, clock_, "log/9", kIds[0], 1,
                                                             tiny_extents(), nullptr));
    AppendPart stranger = part(0, 0, "x");
    stranger.log = other.get();
    EXPECT_ERROR(append_jointly(*order_, std::vector{part(0, 0, "a"), stranger}),
                 ErrorCode::kInvalidInput);
    EXPECT_ERROR(append_jointly(*order_, std::vector{part(0, 0, "a"), part(0, 7, "b")}),
                 ErrorCode::kInvalidInput);
    EXPECT_ERROR(append_jointly(*order_, std::vector{part(0, 0, "a", "k"), part(0, 1, "b", "k")}),
                 ErrorCode::kInvalidInput);
    EXPECT_EQ(ends(), "0:0,1:0 0:0,1:0");
    ASSERT_OK(append_jointly(*order_, std::vector<AppendPart>()));
}

}  // namespace
}  // namespace braid::log
