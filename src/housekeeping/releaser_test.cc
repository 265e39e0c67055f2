// SPDX-License-Identifier: Apache-2.0
#include "housekeeping/releaser.h"

#include <optional>
#include <set>

#include "housekeeping/test_support.h"
#include "runs/test_support.h"

namespace braid::housekeeping {
namespace {

constexpr int64_t kHourUs = 3'600'000'000;

class ReleaserTest : public KeptStream {
  protected:
    void SetUp() override {
        KeptStream::SetUp();
        releaser_.emplace(files_, *manifest_, clock_,
                          [this](RunId run) { forgotten_.insert(run); });
    }

    Result<uint64_t> release(int64_t undo_window_us) {
        return releaser_->release(undo_window_us, kHourUs);
    }

    std::optional<Releaser> releaser_;
    std::set<RunId> forgotten_;
};

TEST_F(ReleaserTest, ReleasesFilesOfRetiredRunsAfterTheUndoWindow) {
    seal("a", 1);
    const manifest::Run old = runs_of(version_)[0];
    publish();
    ASSERT_TRUE(exists(old));
    clock_.jump_us(25 * kHourUs);
    EXPECT_EQ(release(1'000'000).value(), 0U) << "the wall clock shortens no undo window";
    EXPECT_TRUE(exists(old));
    clock_.jump_us(-50 * kHourUs);
    clock_.advance_us(1'000'000);
    EXPECT_EQ(release(1'000'000).value(), 1U);
    EXPECT_FALSE(exists(old));
    EXPECT_TRUE(head()->retired.empty());
    EXPECT_EQ(forgotten_, std::set<RunId>{old.id});
    EXPECT_TRUE(exists(runs_of(version_)[0]));
    EXPECT_EQ(release(0).value(), 0U);
}

/// As many are released at a commit as are retired in it: their number stays, they do not.
TEST_F(ReleaserTest, CountsTheAgeOfEachRun) {
    seal("a", 1);
    publish();
    clock_.advance_us(1'000'000);
    EXPECT_EQ(release(1'000'000).value(), 1U);
    seal("b", 2);
    publish();
    ASSERT_EQ(head()->retired.size(), 2U);
    clock_.advance_us(999'999);
    EXPECT_EQ(release(1'000'000).value(), 0U);
    clock_.advance_us(1);
    EXPECT_EQ(release(1'000'000).value(), 2U);
}

TEST_F(ReleaserTest, AFileStaysAsLongAsOneOfItsRuns) {
    const ViewId other_view = manifest_->new_id().value();
    const VersionId other = create_view(other_view, "other");
    seal("a", 1);
    const manifest::Run dropped = runs_of(other)[0];
    const manifest::Run kept = runs_of(version_)[0];
    ASSERT_EQ(dropped.files(), kept.files());
    ASSERT_OK(manifest_->commit({manifest::DropView{other_view}}));
    EXPECT_EQ(release(0).value(), 1U);
    EXPECT_TRUE(exists(kept));
    EXPECT_EQ(answer(version_), expected());
    publish();
    EXPECT_EQ(release(0).value(), 1U);
    EXPECT_FALSE(exists(kept)) << "now nobody names it";
}

TEST_F(ReleaserTest, OnlyNamedFilesStay) {
    const auto write = [&](RunId id, const std::string& record) {
        return runs::write_table(files_, runs::run_path({1}, id),
                                 operators::fold_records({record}).table)
            .value();
    };
    const manifest::Run kept = write({1}, R"({"k":"a","n":1})");
    const manifest::Run garbage = write({2}, R"({"k":"a","n":2})");
    const std::set<std::string> named = kept.files();
    ASSERT_OK(remove_unnamed(files_, "runs", named));
    for (const manifest::Part& part : kept.parts) {
        EXPECT_TRUE(files_.exists(part.file).value());
    }
    EXPECT_FALSE(files_.exists(garbage.parts.front().file).value());
    EXPECT_EQ(files_.list("runs/1").value(), std::vector<std::string>{"1.run"});
    ASSERT_OK(remove_unnamed(files_, "runs", {}));
    EXPECT_TRUE(files_.list("runs").value().empty());
}

TEST_F(ReleaserTest, OrphansAreWhatNoVersionNames) {
    seal("a", 1);
    publish();
    const auto garbage = runs::write_table(files_, runs::run_path(table_.id, {77'777}),
                                           operators::fold_records(records_).table);
    ASSERT_OK(garbage);
    ASSERT_OK(remove_orphans(files_, files_, *head()));
    EXPECT_FALSE(exists(*garbage));
    EXPECT_TRUE(exists(runs_of(version_)[0]));
    EXPECT_TRUE(exists(head()->retired.front().run)) << "kept for the undo window";
}

/// Another process on the same directory has released them a moment before.
TEST_F(ReleaserTest, LeavesToOthersWhatTheyWereFasterWith) {
    seal("a", 1);
    publish();
    ASSERT_OK_AND_ASSIGN(const auto other, manifest::Manifest::open(files_, clock_, "manifest"));
    manifest::Release same;
    const manifest::StatePtr theirs = other->head();
    for (const manifest::Retired& each : theirs->retired) same.runs.push_back(each.run.id);
    ASSERT_EQ(same.runs.size(), 1U);
    ASSERT_OK(other->commit({same}));
    ASSERT_OK_AND_ASSIGN(const uint64_t released, release(0));
    EXPECT_EQ(released, 0U);
    seal("b", 2);
    publish();
    ASSERT_OK_AND_ASSIGN(const uint64_t more, release(0));
    EXPECT_EQ(more, 2U) << "the batch run of before, and what was sealed since";
}

}  // namespace
}  // namespace braid::housekeeping
