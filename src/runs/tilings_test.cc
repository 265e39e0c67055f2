// SPDX-License-Identifier: Apache-2.0
#include "runs/tilings.h"

#include <gtest/gtest.h>

#include "base/memory_file_system.h"
#include "base/test_support.h"
#include "manifest/test_support.h"
#include "runs/run_file.h"

namespace braid::runs {
namespace {

using manifest::at;
using manifest::box;
using manifest::RunKind;
using manifest::test_run;

/// Stream "t" of two partitions with the populated view version "v".
struct TilingsTest : testing::Test, manifest::TestHistory {
    TableId table = add_table("t", 2);
    VersionId version = add_view(table, "v");
    MemoryFileSystem files;
    RunCache cache{files};
    Tilings tilings{cache};

    void SetUp() override {
        const auto run = test_run(new_run(), version, RunKind::kBatch, box({0, 0}, {0, 0}));
        ASSERT_OK(apply({manifest::Backfill{run}}));
    }
    manifest::StatePtr seal_to(std::vector<int64_t> to) {
        EXPECT_OK(apply({seal(table, at(std::move(to)))}));
        auto copy = std::make_shared<manifest::State>(state);
        copy->number = {++number_};
        return copy;
    }

  private:
    uint64_t number_ = 0;
};

TEST_F(TilingsTest, OneObjectServesAllAnswersOfAManifestVersion) {
    const auto head = seal_to({3, 1});
    const auto set = tilings.at(head);
    EXPECT_EQ(tilings.at(head), set);
    ASSERT_OK_AND_ASSIGN(const auto first, set->get(version, ReadMode::kLive, 0));
    ASSERT_OK_AND_ASSIGN(const auto second, tilings.at(head)->get(version, ReadMode::kLive, 0));
    EXPECT_EQ(first, second);
    EXPECT_EQ(first->runs.size(), 2U);
    EXPECT_EQ(first->end, at({3, 1}));
    EXPECT_EQ(first->listed->parts.size(), 2U);
    EXPECT_EQ(first->listed->stream, "t");
}

TEST_F(TilingsTest, AnOlderVersionLivesAsLongAsItIsHeld) {
    const auto old = seal_to({3, 1});
    auto held = tilings.at(old);
    const auto head = seal_to({5, 5});
    ASSERT_OK_AND_ASSIGN(const auto now, tilings.at(head)->get(version, ReadMode::kLive, 0));
    EXPECT_EQ(now->end, at({5, 5}));
    EXPECT_EQ(tilings.at(old), held);
    ASSERT_OK_AND_ASSIGN(const auto then, held->get(version, ReadMode::kLive, 0));
    EXPECT_EQ(then->end, at({3, 1}));
    EXPECT_EQ(tilings.at(head)->state(), head);
    const std::weak_ptr<TilingSet> gone = held;
    held.reset();
    EXPECT_TRUE(gone.expired());
}

TEST_F(TilingsTest, WhatCannotBeAnsweredIsAnErrorEachTime) {
    const auto set = tilings.at(seal_to({3, 1}));
    for (int time = 0; time < 2; ++time) {
        EXPECT_ERROR(set->get(version, ReadMode::kFinal, 0), ErrorCode::kUnavailable);
        EXPECT_ERROR(set->get({99}, ReadMode::kLive, 0), ErrorCode::kNotFound);
    }
}

}  // namespace
}  // namespace braid::runs
