// SPDX-License-Identifier: Apache-2.0
#include "housekeeping/housekeeper.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <set>
#include <string>

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "base/error_makers.h"
#include "base/trace.h"
#include "housekeeping/test_support.h"

namespace braid::housekeeping {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using testing::Truly;

class HousekeeperTest : public KeptStream {
  protected:
    void SetUp() override {
        KeptStream::SetUp();
        set_trace_sink([](TraceLevel, std::string_view, std::string_view) {});
        start();
    }
    void TearDown() override { set_trace_sink({}); }
    void start() {
        keeper_.emplace(
            HousekeepingParts{
                &files_,
                &clock_,
                manifest_.get(),
                &views_,
                &metrics_,
                &health_,
                &tasks_,
                {},
                {&files_, [](TableId table) { return fmt::format("log/{}", table.value); },
                 [this](TableId table) { return in_use_.contains(table); }},
                {},
                {},
                [this] { ++memory_given_back_; }},
            HousekeepingOptions{.undo_window_us = 10'000'000, .snapshot_max_us = 3'600'000'000},
            workers_);
    }
    void seal_times(int count) {
        for (int number = 0; number < count; ++number) {
            seal(fmt::format("k{}", number % 5), number);
        }
    }
    /// Until it has nothing to do.
    void keep_house() {
        while (workers_.step("housekeeping")) {
        }
    }
    /// Until the manifest has that version.
    void commit_to(uint64_t number) {
        while (head()->number.value < number) {
            ASSERT_OK(manifest_->commit({manifest::AllocateIds{1, 1}}));
        }
    }
    uint64_t oldest_version() {
        uint64_t oldest = head()->number.value;
        const std::vector<std::string> names = files_.list("manifest").value();
        for (const std::string& name : names) {
            uint64_t number = 0;
            std::from_chars(name.data(), name.data() + name.size(), number);
            oldest = std::min(oldest, number);
        }
        return oldest;
    }
    /// As log and archive would.
    std::vector<std::string> leave_files(const catalog::Table& table) {
        const std::string log = fmt::format("log/{}", table.id.value);
        const std::vector<std::string> files = {
            log + "/0/0.extent", log + "/1/0.extent", log + "/LOCK",
            table.dataset_folder + "/ingest_day=2026-11-22/a.parquet",
            fmt::format("runs/{}/unnamed.run", table.id.value)};
        for (const std::string& file : files) EXPECT_OK(put_new(files_, file, as_bytes("abc")));
        return files;
    }
    bool has_files(const catalog::Table& table) {
        return *files_.exists(fmt::format("log/{}", table.id.value)) ||
               *files_.exists(table.dataset_folder) ||
               *files_.exists(fmt::format("runs/{}", table.id.value));
    }
    int64_t counted(const char* name) {
        return metrics_.get(name, Metrics::Kind::kCounter, "").get();
    }

    SteppedWorkers workers_;
    Health health_{clock_, nullptr};
    Tasks tasks_{clock_};
    std::set<TableId> in_use_;
    int memory_given_back_ = 0;
    std::optional<Housekeeper> keeper_;
};

TEST_F(HousekeeperTest, JoinsRunsAndLetsTheOldOnesGo) {
    const VersionId other = create_view(manifest_->new_id().value(), "other");
    seal_times(8);
    const manifest::Run old = runs_of(version_)[0];
    keep_house();
    ASSERT_THAT(runs_of(version_), SizeIs(1));
    const manifest::Run joined = runs_of(version_)[0];
    EXPECT_EQ(joined.level, 1U);
    EXPECT_EQ(joined.box, manifest::box({0}, {8}));
    EXPECT_EQ(joined.counted, 8U);
    EXPECT_EQ(joined.files(), runs_of(other)[0].files());
    EXPECT_EQ(answer(version_), expected());
    EXPECT_EQ(answer(other), expected());
    EXPECT_EQ(count_run_files(), 9U) << "whoever reads goes on with the old ones";
    EXPECT_TRUE(exists(old));
    clock_.advance_us(10'000'000);
    keep_house();
    EXPECT_EQ(count_run_files(), 1U);
    EXPECT_THAT(head()->retired, IsEmpty());
    EXPECT_EQ(answer(version_), expected());
    EXPECT_EQ(counted("braid_compactions_total"), 1);
    EXPECT_EQ(counted("braid_runs_released_total"), 16);
}

TEST_F(HousekeeperTest, MemoryIsGivenBackOnceAMinuteWhereSomethingWasCommitted) {
    seal_times(1);
    keep_house();
    EXPECT_EQ(memory_given_back_, 1);
    for (int second = 1; second < 60; ++second) {
        clock_.advance_us(1'000'000);
        seal_times(1);
        keep_house();
        ASSERT_EQ(memory_given_back_, 1) << second;
    }
    clock_.advance_us(1'000'000);
    keep_house();
    EXPECT_EQ(memory_given_back_, 2);
    for (int minute = 0; minute < 20; ++minute) {
        clock_.advance_us(60'000'000);
        keep_house();
    }
    const ManifestNumber number = head()->number;
    const int given_back = memory_given_back_;
    clock_.advance_us(60'000'000);
    keep_house();
    EXPECT_EQ(head()->number, number);
    EXPECT_EQ(memory_given_back_, given_back) << "nothing was committed";
    seal_times(1);
    for (int minute = 0; minute < 3; ++minute) {
        clock_.advance_us(60'000'000);
        keep_house();
    }
    EXPECT_EQ(memory_given_back_, given_back + 2) << "and once after that";
}

TEST_F(HousekeeperTest, FilesAndManifestDoNotGrowWithAge) {
    for (int day = 0; day < 20; ++day) {
        for (int seals = 0; seals < 64; ++seals) {
            seal_times(1);
            clock_.advance_us(1'000'000);
            keep_house();
        }
        EXPECT_LE(runs_of(version_).size(), 7U * 4U);
        EXPECT_LE(count_run_files(), 7U * 4U + 16U);
        EXPECT_LE(files_.list("manifest").value().size(), 1'500U);
    }
    EXPECT_EQ(answer(version_), expected());
    EXPECT_GT(counted("braid_manifest_trimmed_total"), 1'000);
    ASSERT_OK(manifest::Manifest::open(files_, clock_, "manifest"));
}

/// Every 256th version is whole.
TEST_F(HousekeeperTest, TrimsTheManifestWhen128VersionsHaveCome) {
    keep_house();
    commit_to(700);
    keep_house();
    EXPECT_EQ(oldest_version(), 256U);
    commit_to(700 + 127);
    keep_house();
    EXPECT_EQ(oldest_version(), 256U);
    commit_to(700 + 128);
    keep_house();
    EXPECT_EQ(oldest_version(), 512U);
    commit_to(700 + 129);
    keep_house();
    EXPECT_EQ(oldest_version(), 512U);
}

TEST_F(HousekeeperTest, ManifestFilesAreBoundedHoweverOftenItIsStarted) {
    for (uint64_t number = 100; number < 2'000; number += 100) {
        commit_to(number);
        keeper_.reset();
        start();
        keep_house();
        EXPECT_LE(number - oldest_version(), 2 * 256U + 128U);
    }
}

/// A fault at each call of the file system that a compaction makes, then all is as it should be.
TEST_F(HousekeeperTest, WhatFailsIsTriedAgain) {
    seal_times(8);
    for (uint64_t call = 0;; ++call) {
        SCOPED_TRACE(call);
        ASSERT_LT(call, 1'000U);
        files_.fail_all_after(call);
        const bool progressed = workers_.step("housekeeping");
        files_.clear_faults();
        EXPECT_EQ(answer(version_), expected());
        if (progressed) break;
        EXPECT_EQ(health_.state(), HealthState::kDegraded);
        EXPECT_THAT(runs_of(version_), SizeIs(8));
        clock_.advance_us(30'000'000);
        if (manifest_->commit({manifest::AllocateIds{1, 1}})) continue;
        // Of unknown outcome: the directory is opened again.
        keeper_.reset();
        ASSERT_OK_AND_ASSIGN(manifest_, manifest::Manifest::open(files_, clock_, "manifest"));
        ASSERT_OK(remove_orphans(files_, files_, *head()));
        start();
        if (runs_of(version_).size() == 1) break;
    }
    keep_house();
    EXPECT_EQ(health_.state(), HealthState::kWell);
    EXPECT_THAT(runs_of(version_), SizeIs(1));
    EXPECT_EQ(answer(version_), expected());
    ASSERT_OK(remove_orphans(files_, files_, *head()));
    EXPECT_EQ(count_run_files(), 1U + 8U);
}

TEST_F(HousekeeperTest, ADamagedRunDoesNotStopTheRest) {
    seal_times(8);
    const std::string file = runs_of(version_)[3].parts[0].file;
    ASSERT_OK(files_.flip_bit(file, 40, 3));
    EXPECT_FALSE(workers_.step("housekeeping"));
    EXPECT_EQ(health_.state(), HealthState::kDegraded);
    const catalog::Table other = [&] {
        catalog::Table made = manifest::test_table(manifest_->new_id().value(), "u");
        made.columns = operators::test_stream_columns();
        return made;
    }();
    ASSERT_OK(manifest_->commit({manifest::CreateTable{other}}));
    table_ = other;
    records_.clear();
    const VersionId version = create_view(manifest_->new_id().value(), "w");
    seal_times(8);
    keep_house();
    EXPECT_THAT(runs_of(version), SizeIs(1));
    EXPECT_EQ(answer(version), expected());
    EXPECT_EQ(health_.state(), HealthState::kDegraded) << "as long as the stream waits";
}

/// A publish takes the place of what is being joined.
TEST_F(HousekeeperTest, WhoIsOvertakenLeavesNothing) {
    seal_times(8);
    const auto plan = plan_compaction(*head(), table_.id);
    ASSERT_TRUE(plan.has_value());
    publish();
    const uint64_t before = count_run_files();
    Compactor compactor({&files_, manifest_.get(), &views_});
    const auto done = compactor.compact(*plan, [](uint64_t) { return Result<void>(); });
    ASSERT_OK(done);
    EXPECT_FALSE(*done);
    EXPECT_EQ(count_run_files(), before);
    EXPECT_EQ(answer(version_), expected());
}

TEST_F(HousekeeperTest, ADropMeanwhileIsNoFailure) {
    seal_times(8);
    const auto plan = plan_compaction(*head(), table_.id);
    ASSERT_OK(manifest_->commit({manifest::DropView{view_}}));
    Compactor compactor({&files_, manifest_.get(), &views_});
    const uint64_t before = count_run_files();
    const auto done = compactor.compact(*plan, [](uint64_t) { return Result<void>(); });
    ASSERT_OK(done);
    EXPECT_FALSE(*done);
    EXPECT_EQ(count_run_files(), before);
}

/// Nothing of the table, in any of the three places.
TEST_F(HousekeeperTest, ADroppedTableIsFreed) {
    const std::vector<std::string> own = leave_files(table_);
    const std::vector<std::string> others = leave_files(manifest::test_table({7'777}, "t"));
    seal_times(2);
    ASSERT_OK(manifest_->commit({manifest::DropView{view_}, manifest::DropTable{table_.id}}));
    in_use_.insert(table_.id);
    keep_house();
    EXPECT_THAT(own, Each(Truly([&](const auto& file) { return *files_.exists(file); })));
    in_use_.clear();
    keep_house();
    EXPECT_EQ(count_run_files(), 0U);
    EXPECT_THAT(files_.list("log").value(), ElementsAre("7777"));
    EXPECT_THAT(files_.list("dataset").value(), ElementsAre("t-7777"));
    EXPECT_THAT(files_.list("runs").value(), ElementsAre("7777"));
    EXPECT_THAT(head()->dropped, IsEmpty());
    EXPECT_THAT(others, Each(Truly([&](const auto& file) { return *files_.exists(file); })));
    EXPECT_EQ(counted("braid_swept_files_total"), 5);
    EXPECT_EQ(counted("braid_swept_bytes_total"), 5 * 3);
}

TEST_F(HousekeeperTest, ADroppedViewIsFreedBeforeTheUndoWindow) {
    const VersionId other = create_view(manifest_->new_id().value(), "other");
    seal_times(1);
    publish();
    ASSERT_OK(manifest_->commit({manifest::DropView{view_}}));
    keep_house();
    EXPECT_THAT(head()->retired, SizeIs(1)) << "what was replaced stays";
    EXPECT_EQ(head()->retired[0].run.version, other);
    EXPECT_EQ(answer(other), expected());
}

TEST_F(HousekeeperTest, WhatIsPinnedStays) {
    seal_times(8);
    std::vector<std::string> files = leave_files(table_);
    for (const manifest::Run& run : runs_of(version_)) files.push_back(run.parts[0].file);
    const auto stay = Each(Truly([&](const auto& file) { return *files_.exists(file); }));
    manifest::PinnedState pinned = manifest_->pin();
    keep_house();
    clock_.advance_us(10'000'000);
    ASSERT_OK(manifest_->commit({manifest::DropView{view_}, manifest::DropTable{table_.id}}));
    keep_house();
    EXPECT_THAT(head()->retired, IsEmpty());
    EXPECT_THAT(files, stay);
    const manifest::PinnedState younger = manifest_->pin();
    clock_.advance_us(3'600'000'000 - 10'000'000);
    keep_house();
    EXPECT_THAT(files, stay);
    clock_.advance_us(1);
    keep_house();
    EXPECT_THAT(files, Each(Not(Truly([&](const auto& file) { return *files_.exists(file); }))))
        << "the pin is too old";
    EXPECT_THAT(head()->dropped, IsEmpty());
}

TEST_F(HousekeeperTest, WhatWasPinnedGoesWithThePin) {
    seal_times(8);
    std::optional<manifest::PinnedState> pinned = manifest_->pin();
    keep_house();
    clock_.advance_us(10'000'000);
    keep_house();
    EXPECT_EQ(count_run_files(), 9U);
    pinned.reset();
    keep_house();
    EXPECT_EQ(count_run_files(), 1U);
}

/// A run of a file that two share goes first.
TEST_F(HousekeeperTest, AFileStaysAsLongAsOneOfItsRunsIsPinned) {
    const ViewId second = manifest_->new_id().value();
    create_view(second, "other");
    seal_times(1);
    const std::string file = runs_of(version_)[0].parts[0].file;
    ASSERT_OK(manifest_->commit({manifest::DropView{second}}));
    keep_house();
    const manifest::PinnedState pinned = manifest_->pin();
    ASSERT_OK(manifest_->commit({manifest::DropView{view_}}));
    keep_house();
    EXPECT_THAT(head()->retired, IsEmpty());
    EXPECT_TRUE(files_.exists(file).value());
}

/// A crash, or a fault that lasts, at each call of the file system.
TEST_F(HousekeeperTest, NothingOfADropIsForgotten) {
    for (const CrashFate fate :
         {CrashFate::kDropUnsynced, CrashFate::kKeepUnsynced, CrashFate::kTearUnsynced}) {
        for (uint64_t call = 0;; ++call) {
            SCOPED_TRACE(call);
            ASSERT_LT(call, 1'000U);
            catalog::Table gone = manifest::test_table(manifest_->new_id().value(), "gone");
            leave_files(gone);
            ASSERT_OK(manifest_->commit({manifest::CreateTable{gone}}));
            ASSERT_OK(manifest_->commit({manifest::DropTable{gone.id}}));
            files_.fail_all_after(call);
            const bool progressed = workers_.step("housekeeping");
            EXPECT_TRUE(progressed || health_.state() == HealthState::kDegraded);
            keeper_.reset();
            files_.crash(fate, call);
            ASSERT_OK_AND_ASSIGN(manifest_, manifest::Manifest::open(files_, clock_, "manifest"));
            const bool is_done = head()->dropped.empty();
            EXPECT_FALSE(is_done && has_files(gone)) << "it was forgotten too early";
            start();
            keep_house();
            EXPECT_THAT(head()->dropped, IsEmpty());
            EXPECT_FALSE(has_files(gone));
            if (is_done) break;
        }
    }
}

TEST_F(HousekeeperTest, EndsWhenItIsToldTo) {
    seal_times(8);
    const auto plan = plan_compaction(*head(), table_.id);
    Compactor compactor({&files_, manifest_.get(), &views_});
    const uint64_t before = count_run_files();
    EXPECT_ERROR(
        compactor.compact(*plan, [](uint64_t) -> Result<void> { return cancelled("now"); }),
        ErrorCode::kCancelled);
    EXPECT_EQ(count_run_files(), before);
    EXPECT_THAT(runs_of(version_), SizeIs(8));
    EXPECT_THAT(tasks_.report(), IsEmpty());
}

/// A cut can be read for an undo window after the next one; then batches that went on are joined.
TEST_F(HousekeeperTest, ForgetsOldCutsAndJoinsIncrements) {
    seal_times(3);
    publish();
    for (int batch = 0; batch < 9; ++batch) {
        seal_times(2);
        publish_new();
        clock_.advance_us(1'000'000);
        keep_house();
    }
    EXPECT_THAT(head()->table(table_.id)->cuts, SizeIs(10));
    EXPECT_THAT(runs_of(version_), SizeIs(10));
    clock_.advance_us(9'500'000);
    keep_house();
    const auto cuts = head()->table(table_.id)->cuts;
    ASSERT_THAT(cuts, SizeIs(1));
    EXPECT_EQ(cuts[0].number, 10U);
    const auto runs = runs_of(version_);
    ASSERT_THAT(runs, SizeIs(2));
    EXPECT_EQ(runs[1].increments, 9U);
    EXPECT_EQ(runs[1].level, 1U);
    EXPECT_EQ(cuts[0].runs, (std::vector<RunId>{runs[0].id, runs[1].id}));
    EXPECT_EQ(answer(version_), expected());
    clock_.advance_us(11'000'000);
    keep_house();
    EXPECT_EQ(count_run_files(), 2U);
    EXPECT_EQ(answer(version_), expected());
}

}  // namespace
}  // namespace braid::housekeeping
