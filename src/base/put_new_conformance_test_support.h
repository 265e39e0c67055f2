// SPDX-License-Identifier: Apache-2.0
// What put_new of every Store must do: all or nothing, never over a file that is there, durable
// once it says so. A form's test includes this, instantiates PutNewConformance, and
// PutNewFaultConformance with its faulty face.
#pragma once

#include <algorithm>
#include <latch>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/conformance_test_support.h"
#include "base/test_support.h"
#include "base/thread.h"

namespace braid {

class PutNewConformance : public testing::TestWithParam<TestForm<Store>> {
  protected:
    void SetUp() override {
        store_ = GetParam().make();
        ASSERT_NE(store_, nullptr);
    }
    PutOutcome put(const std::string& path, std::string_view text) {
        auto outcome = put_new(*store_, path, as_bytes(text));
        EXPECT_OK(outcome);
        return outcome ? *outcome : PutOutcome::kUnknown;
    }
    std::string read(const std::string& path) {
        auto text = store_->read_all(path);
        return text ? *text : text.error().to_string();
    }

    std::shared_ptr<Store> store_;
};

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(PutNewConformance);

TEST_P(PutNewConformance, PutsWholeFilesAlsoEmptyOnes) {
    EXPECT_EQ(put("a", "one"), PutOutcome::kDone);
    EXPECT_EQ(read("a"), "one");
    EXPECT_EQ(put("empty", ""), PutOutcome::kDone);
    EXPECT_EQ(read("empty"), "");
    EXPECT_EQ(store_->info("empty")->bytes, 0u);
}

TEST_P(PutNewConformance, NeverOverwrites) {
    EXPECT_EQ(put("d/a", "one"), PutOutcome::kDone);
    EXPECT_EQ(put("d/a", "two"), PutOutcome::kExists);
    EXPECT_EQ(put("d/a", "more than one"), PutOutcome::kExists);
    EXPECT_EQ(put("d/a", ""), PutOutcome::kExists);
    EXPECT_EQ(read("d/a"), "one");
    EXPECT_EQ(put("empty", ""), PutOutcome::kDone);
    EXPECT_EQ(put("empty", "x"), PutOutcome::kExists);
    EXPECT_EQ(read("empty"), "");
}

TEST_P(PutNewConformance, MakesTheDirectoriesOnTheWay) {
    EXPECT_EQ(put("a/b/c/d", "deep"), PutOutcome::kDone);
    EXPECT_EQ(put("a/b/e", "less"), PutOutcome::kDone);
    EXPECT_EQ(read("a/b/c/d"), "deep");
    ASSERT_OK(store_->remove("a/b/c/d"));
    ASSERT_OK(store_->remove_directory("a/b/c"));
    EXPECT_EQ(put("a/b/c/d", "again"), PutOutcome::kDone);
    EXPECT_EQ(read("a/b/c/d"), "again");
}

TEST_P(PutNewConformance, TakesAFileInPiecesAndShowsItWhole) {
    const std::string piece(100'000, 'x');
    ASSERT_OK_AND_ASSIGN(const auto file, store_->begin_put("d/large"));
    std::string whole;
    for (int each = 0; each < 30; ++each) {
        ASSERT_OK(file->append(as_bytes(piece)));
        ASSERT_OK(file->append(as_bytes(std::to_string(each))));
        whole += piece + std::to_string(each);
        EXPECT_EQ(file->size(), whole.size());
        EXPECT_FALSE(store_->exists("d/large").value());
    }
    ASSERT_OK_AND_ASSIGN(const PutOutcome outcome, file->put());
    EXPECT_EQ(outcome, PutOutcome::kDone);
    EXPECT_EQ(store_->read_all("d/large").value(), whole);
}

TEST_P(PutNewConformance, LeavesNothingOfAFileThatIsNotPut) {
    {
        ASSERT_OK_AND_ASSIGN(const auto file, store_->begin_put("d/a"));
        ASSERT_OK(file->append(as_bytes("half")));
    }
    EXPECT_FALSE(store_->exists("d/a").value());
    EXPECT_EQ(put("d/a", "whole"), PutOutcome::kDone);
    const auto left = store_->list("_tmp");
    EXPECT_TRUE(!left || left->empty());
}

TEST_P(PutNewConformance, MayPutAgainOnceTheNameIsFree) {
    EXPECT_EQ(put("a", "leftover"), PutOutcome::kDone);
    ASSERT_OK_AND_ASSIGN(const auto file, store_->begin_put("a"));
    ASSERT_OK(file->append(as_bytes("better")));
    ASSERT_OK_AND_ASSIGN(PutOutcome outcome, file->put());
    ASSERT_EQ(outcome, PutOutcome::kExists);
    EXPECT_EQ(read("a"), "leftover");
    ASSERT_OK(store_->remove("a"));
    ASSERT_OK_AND_ASSIGN(outcome, file->put());
    EXPECT_EQ(outcome, PutOutcome::kDone);
    EXPECT_EQ(read("a"), "better");
}

TEST_P(PutNewConformance, ManyFilesOfOneNameInDifferentPlacesDoNotMeet) {
    ASSERT_OK_AND_ASSIGN(const auto first, store_->begin_put("d/a"));
    ASSERT_OK_AND_ASSIGN(const auto second, store_->begin_put("e/a"));
    ASSERT_OK(first->append(as_bytes("first")));
    ASSERT_OK(second->append(as_bytes("second")));
    ASSERT_OK_AND_ASSIGN(PutOutcome outcome, second->put());
    EXPECT_EQ(outcome, PutOutcome::kDone);
    ASSERT_OK_AND_ASSIGN(outcome, first->put());
    EXPECT_EQ(outcome, PutOutcome::kDone);
    EXPECT_EQ(read("d/a"), "first");
    EXPECT_EQ(read("e/a"), "second");
}

/// Of writers of one name exactly one is told that it is theirs, and it is.
TEST_P(PutNewConformance, OneOfConcurrentWritersWins) {
    constexpr int kWriters = 8;
    constexpr int kRounds = 20;
    for (int round = 0; round < kRounds; ++round) {
        const std::string path = "d/" + std::to_string(round);
        std::vector<PutOutcome> outcomes(kWriters, PutOutcome::kUnknown);
        const auto text = [&](int writer) {
            return std::string(static_cast<size_t>(1000 + writer % 2), 'x') +
                   std::to_string(writer);
        };
        {
            std::latch start(kWriters);
            std::vector<Thread> threads;
            for (int writer = 0; writer < kWriters; ++writer) {
                threads.emplace_back("writer", [&, writer] {
                    start.arrive_and_wait();
                    const auto outcome = put_new(*store_, path, as_bytes(text(writer)));
                    ASSERT_OK(outcome);
                    outcomes[static_cast<size_t>(writer)] = *outcome;
                });
            }
            for (Thread& thread : threads) thread.join();
        }
        ASSERT_EQ(std::ranges::count(outcomes, PutOutcome::kDone), 1);
        ASSERT_EQ(std::ranges::count(outcomes, PutOutcome::kExists), kWriters - 1);
        const auto winner = std::ranges::find(outcomes, PutOutcome::kDone) - outcomes.begin();
        EXPECT_EQ(read(path), text(static_cast<int>(winner)));
    }
}

class PutNewFaultConformance : public testing::TestWithParam<TestForm<FaultyStore>> {
  protected:
    /// The steps of putting "d/a" into an empty store.
    uint64_t count_steps() {
        const auto whole = GetParam().make();
        EXPECT_OK(put_new(whole->store(), "d/a", as_bytes(kText)));
        return whole->steps();
    }
    /// The name must hold all of it or not be there.
    static void check_whole_or_absent(Store& store, bool must_be_there) {
        ASSERT_OK_AND_ASSIGN(const bool there, store.exists("d/a"));
        EXPECT_TRUE(there || !must_be_there);
        if (!there) return;
        EXPECT_EQ(store.read_all("d/a").value(), kText);
    }

    static constexpr std::string_view kText = "all of it, or nothing";
};

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(PutNewFaultConformance);

TEST_P(PutNewFaultConformance, IsAllOrNothingWhereverThePowerGoes) {
    const uint64_t steps = count_steps();
    ASSERT_GT(steps, 0u);
    for (const CrashFate fate :
         {CrashFate::kDropUnsynced, CrashFate::kKeepUnsynced, CrashFate::kTearUnsynced}) {
        for (uint64_t step = 0; step <= steps; ++step) {
            for (uint64_t seed = 0; seed < 16; ++seed) {
                SCOPED_TRACE(testing::Message() << "fate " << static_cast<int>(fate) << " step "
                                                << step << " seed " << seed);
                const auto machine = GetParam().make();
                machine->cut_power_after(step);
                const auto outcome = put_new(machine->store(), "d/a", as_bytes(kText));
                machine->crash(fate, seed);
                const bool is_done = outcome && *outcome == PutOutcome::kDone;
                EXPECT_EQ(is_done, step >= steps);
                check_whole_or_absent(machine->store(), is_done);
                // An error is no error of others: the name can be taken, or is.
                const auto again = put_new(machine->store(), "d/a", as_bytes("another's"));
                ASSERT_OK(again);
                EXPECT_NE(*again, PutOutcome::kUnknown);
            }
        }
    }
}

/// One step fails and the machine goes on: failed means that the name is free, unknown that it is
/// free or whole; done that it is whole for good.
TEST_P(PutNewFaultConformance, TellsTheTruthWhereverAStepFails) {
    const uint64_t steps = count_steps();
    for (uint64_t failing = 0; failing < steps; ++failing) {
        SCOPED_TRACE(failing);
        const auto machine = GetParam().make();
        machine->set_fault([&](uint64_t step) -> Result<void> {
            if (step != failing) return {};
            return Error(ErrorCode::kIo, "injected");
        });
        const auto outcome = put_new(machine->store(), "d/a", as_bytes(kText));
        machine->set_fault(nullptr);
        EXPECT_TRUE(!outcome || *outcome != PutOutcome::kExists);
        ASSERT_OK_AND_ASSIGN(const bool there, machine->store().exists("d/a"));
        if (!outcome) {
            EXPECT_FALSE(there);
        }
        check_whole_or_absent(machine->store(), outcome && *outcome == PutOutcome::kDone);
        if (there) continue;
        ASSERT_OK_AND_ASSIGN(const PutOutcome again,
                             put_new(machine->store(), "d/a", as_bytes(kText)));
        EXPECT_EQ(again, PutOutcome::kDone);
        machine->crash(CrashFate::kDropUnsynced, 0);
        check_whole_or_absent(machine->store(), true);
    }
}

/// What has failed once is not put as if it were whole.
TEST_P(PutNewFaultConformance, NeverPutsAFileOfWhichAPieceFailed) {
    for (uint64_t failing = 0; failing < 4; ++failing) {
        const auto machine = GetParam().make();
        ASSERT_OK_AND_ASSIGN(const auto file, machine->store().begin_put("d/a"));
        machine->set_fault([&](uint64_t step) -> Result<void> {
            if (step != failing) return {};
            return Error(ErrorCode::kIo, "injected");
        });
        bool has_failed = false;
        for (int piece = 0; piece < 4; ++piece) {
            has_failed = !file->append(as_bytes("piece")) || has_failed;
        }
        machine->set_fault(nullptr);
        if (!has_failed) continue;  // nothing was written yet
        EXPECT_FALSE(file->put());
        EXPECT_FALSE(machine->store().exists("d/a").value());
    }
}

}  // namespace braid
