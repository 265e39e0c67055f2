// SPDX-License-Identifier: Apache-2.0
#include "model/directory_owner.h"

#include <gtest/gtest.h>

#include "base/memory_file_system.h"
#include "base/test_support.h"

namespace braid {
namespace {

class DirectoryOwnerTest : public testing::Test {
  protected:
    std::unique_ptr<DirectoryOwner> take(uint64_t epoch) {
        auto owner = DirectoryOwner::take(files_);
        EXPECT_OK(owner);
        EXPECT_OK((*owner)->begin_epoch(epoch));
        (*owner)->on_lost([this](const Error&) { ++lost_; });
        return *std::move(owner);
    }
    MemoryFileSystem files_;
    int lost_ = 0;
};

TEST_F(DirectoryOwnerTest, OneProcessAtATime) {
    const auto first = take(1);
    EXPECT_ERROR(DirectoryOwner::take(files_), ErrorCode::kUnavailable);
    EXPECT_OK(first->check());
    EXPECT_OK(first->watch());
    first->release();
    EXPECT_ERROR(first->check(), ErrorCode::kUnavailable);
    EXPECT_OK(take(2)->watch());
    EXPECT_EQ(lost_, 0) << "to give it up is not to lose it";
}

TEST_F(DirectoryOwnerTest, WhoseLockIsRemovedLosesTheDirectoryToTheNext) {
    const auto first = take(1);
    ASSERT_OK(files_.remove("LOCK"));
    EXPECT_OK(first->check()) << "nobody has taken it yet";
    const auto second = take(2);
    EXPECT_ERROR(first->check(), ErrorCode::kUnavailable);
    EXPECT_ERROR(first->watch(), ErrorCode::kUnavailable);
    EXPECT_EQ(lost_, 1);
    EXPECT_OK(second->check());
    EXPECT_OK(second->watch());
}

/// Two starts at one moment, after somebody has removed the lock: the later epoch keeps the
/// directory, whichever of them writes its name first, and whether or not the other has seen it.
TEST_F(DirectoryOwnerTest, OfTwoThatBeginAtOnceTheLaterEpochStays) {
    for (const bool has_seen_it : {false, true}) {
        auto earlier = DirectoryOwner::take(files_);
        ASSERT_OK(earlier);
        ASSERT_OK(files_.remove("LOCK"));
        std::unique_ptr<DirectoryOwner> later;
        const auto begun = (*earlier)->begin_epoch(5, [&]() -> Result<bool> {
            later = take(6);
            return !has_seen_it;
        });
        const Result<void> lost = has_seen_it ? begun : (*earlier)->check();
        EXPECT_ERROR(lost, ErrorCode::kUnavailable);
        EXPECT_OK(later->check());
        later->release();
        ASSERT_OK(files_.remove("OWNER-6"));
    }
    // The later one was there before the earlier one looked at all.
    auto earlier = DirectoryOwner::take(files_);
    ASSERT_OK(earlier);
    ASSERT_OK(files_.remove("LOCK"));
    const auto later = take(6);
    EXPECT_ERROR((*earlier)->begin_epoch(5, []() -> Result<bool> { return false; }),
                 ErrorCode::kUnavailable);
    EXPECT_OK(later->check());
}

TEST_F(DirectoryOwnerTest, WhoLooksFindsTheLockMissingWithoutAnother) {
    const auto first = take(1);
    ASSERT_OK(files_.remove("LOCK"));
    EXPECT_ERROR(first->watch(), ErrorCode::kUnavailable);
    EXPECT_ERROR(first->check(), ErrorCode::kUnavailable) << "lost is lost";
    EXPECT_EQ(lost_, 1);
}

TEST_F(DirectoryOwnerTest, ALockThatIsPutBackDoesNotHelp) {
    const auto first = take(1);
    ASSERT_OK(files_.move_no_replace("LOCK", "aside"));
    take(2)->release();
    ASSERT_OK(files_.remove("LOCK"));
    ASSERT_OK(files_.move_no_replace("aside", "LOCK"));
    EXPECT_ERROR(first->check(), ErrorCode::kUnavailable);
}

TEST_F(DirectoryOwnerTest, ALockOfAnotherFileOfThatNameIsNotOurs) {
    const auto first = take(1);
    ASSERT_OK(files_.remove("LOCK"));
    ASSERT_OK(files_.create("LOCK"));
    EXPECT_ERROR(first->watch(), ErrorCode::kUnavailable);
}

TEST_F(DirectoryOwnerTest, AnEpochThatAKilledProcessHasLeftIsNoHindrance) {
    take(1);
    files_.crash(CrashFate::kKeepUnsynced, 1);
    EXPECT_OK(take(1)->check());
}

}  // namespace
}  // namespace braid
