// SPDX-License-Identifier: Apache-2.0
#include "archive/archiver.h"

#include <gtest/gtest.h>

#include "base/error_makers.h"
#include "base/memory_file_system.h"
#include "base/test_support.h"
#include "base/trace.h"
#include "log/embedded_log.h"
#include "manifest/test_support.h"

namespace braid::archive {
namespace {

constexpr int64_t kDayUs = 24LL * 3600 * 1'000'000;

/// A stream of two partitions, "at timestamptz, price numeric(10,2)", whose log rolls often.
class ArchiverTest : public testing::Test {
  protected:
    void SetUp() override {
        ASSERT_OK_AND_ASSIGN(manifest_, manifest::Manifest::open(files_, clock_, "manifest"));
        ASSERT_OK(files_.create_directories("dataset"));
        table_ = manifest::test_table(manifest_->new_id(), "t", 2);
        ASSERT_OK(manifest_->commit({manifest::CreateTable{table_}}));
        log::EmbeddedLogOptions options;
        options.extent_bytes_max = 400;
        options.keep_free_bytes = 0;
        ASSERT_OK_AND_ASSIGN(
            log_, log::open_embedded_log(files_, clock_, "log/1", table_.log, 2, options, nullptr));
        start();
    }
    void start() {
        archiver_ = std::make_unique<Archiver>(
            ArchiveParts{&files_, &clock_, manifest_.get(), &metrics_}, options_, workers_);
        ASSERT_OK(archiver_->add_table(table_, log_));
    }
    void append(uint32_t partition, const std::vector<std::string>& records) {
        log::AppendRequest request;
        request.records.assign(records.begin(), records.end());
        ASSERT_OK(log_->append(PartitionId{partition}, request));
    }
    void append_prices(uint32_t partition, int count) {
        for (int index = 0; index < count; ++index) {
            append(partition, {fmt::format(R"({{"price":"{}.25"}})", index)});
        }
    }
    void seal_all() {
        const Positions end = log_->durable_end();
        const Box box = Box::between(state().sealed_frontier, end);
        ASSERT_OK(manifest_->commit({manifest::Seal{table_.id, box, {}}}));
    }
    const manifest::TableState& state() const {
        head_ = manifest_->head();
        return *head_->table(table_.id);
    }
    std::vector<manifest::Segment> segments() const {
        return {state().segments.begin(), state().segments.end()};
    }

    MemoryFileSystem files_;
    SteppedClock clock_;
    SteppedWorkers workers_;
    Metrics metrics_;
    ArchiveOptions options_;
    std::unique_ptr<manifest::Manifest> manifest_;
    std::shared_ptr<log::PartitionedLog> log_;
    std::unique_ptr<Archiver> archiver_;
    catalog::Table table_;
    mutable manifest::StatePtr head_;
};

TEST_F(ArchiverTest, TurnsALogRangeIntoSegments) {
    append(0, {R"({"price":"1.5"})", "nonsense"});
    append(1, {R"({"price":"2"})"});
    ASSERT_OK(archiver_->archive_to(table_.id, log_->durable_end()));
    EXPECT_EQ(state().archive_end, manifest::at({2, 1}));
    const std::vector<manifest::Segment> found = segments();
    ASSERT_EQ(found.size(), 2U);
    EXPECT_EQ(found[0].rows, 2U);
    EXPECT_EQ(found[0].bad_rows, 1U) << "a bad record is kept";
    EXPECT_EQ(found[1].partition, PartitionId{1});
    EXPECT_TRUE(files_.exists(found[0].file).value());
    ASSERT_OK(archiver_->archive_to(table_.id, log_->durable_end()));
    EXPECT_EQ(segments().size(), 2U) << "nothing new: nothing to do";
}

TEST_F(ArchiverTest, StopsAtTheEndThatItIsGiven) {
    append_prices(0, 5);
    ASSERT_OK(archiver_->archive_to(table_.id, manifest::at({3, 0})));
    EXPECT_EQ(state().archive_end, manifest::at({3, 0}));
    EXPECT_FALSE(archiver_->archive_to(table_.id, manifest::at({6, 0})))
        << "the log does not reach so far";
    EXPECT_EQ(state().archive_end, manifest::at({5, 0}));
}

TEST_F(ArchiverTest, StartsAnotherSegmentWhenOneIsFullAndEachDay) {
    options_.segment_rows_max = 2;
    start();
    append(0, {R"({"price":"1"})"});
    append(0, {R"({"price":"2"})"});
    clock_.advance_us(kDayUs);
    for (const char* record : {R"({"price":"3"})", R"({"price":"4"})", R"({"price":"5"})"}) {
        append(0, {record});
        clock_.advance_us(1);  // records of one time are read, and written, together
    }
    ASSERT_OK(archiver_->archive_to(table_.id, log_->durable_end()));
    const std::vector<manifest::Segment> found = segments();
    ASSERT_EQ(found.size(), 3U);
    Offset end{0};
    for (const manifest::Segment& each : found) {
        EXPECT_EQ(each.from, end);
        end = each.to;
        EXPECT_EQ(each.ingest_day, each.from.value < 2 ? "2023-11-14" : "2023-11-15");
        EXPECT_NE(each.file.find("ingest_day=" + each.ingest_day), std::string::npos);
    }
    EXPECT_EQ(end, Offset{5});
}

TEST_F(ArchiverTest, TrimsOnlyWhatIsBothArchivedAndSealed) {
    append_prices(0, 30);
    ASSERT_OK(archiver_->archive_to(table_.id, log_->durable_end()));
    EXPECT_EQ(log_->start(), manifest::at({0, 0})) << "not sealed yet";
    seal_all();
    ASSERT_OK(archiver_->trim(table_.id));
    const Offset start = log_->start().at[0];
    EXPECT_GT(start, Offset{0});
    append_prices(0, 30);
    seal_all();
    ASSERT_OK(archiver_->trim(table_.id));
    EXPECT_LE(log_->start().at[0], Offset{30}) << "not archived yet";
}

TEST_F(ArchiverTest, GivesBackWhatTheLogNoLongerHolds) {
    append(0, {R"({"price":"1.5"})", "nonsense", R"({"price":"2"})"});
    EXPECT_ERROR(archiver_->refill(table_.id, {0}, {0}, 10), ErrorCode::kNotFound);
    ASSERT_OK(archiver_->archive_to(table_.id, log_->durable_end()));
    ASSERT_OK_AND_ASSIGN(const log::RecordBatch batch, archiver_->refill(table_.id, {0}, {1}, 10));
    EXPECT_EQ(batch.first, Offset{1});
    EXPECT_EQ(batch.ingested_at_us, clock_.wall_us());
    EXPECT_EQ(batch.records, (std::vector<std::string_view>{"nonsense", R"({"price":"2"})"}));
    EXPECT_ERROR(archiver_->refill(table_.id, {0}, {3}, 10), ErrorCode::kNotFound);
    EXPECT_ERROR(archiver_->refill({99}, {0}, {0}, 10), ErrorCode::kNotFound);
}

TEST_F(ArchiverTest, AdoptsASegmentThatWasMovedInButNeverCommitted) {
    append_prices(0, 3);
    files_.set_fault_hook([](const FileOperation& operation) -> Result<void> {
        if (operation.path.starts_with("manifest/")) return io_error("the disk is away");
        return {};
    });
    EXPECT_ERROR(archiver_->archive_to(table_.id, log_->durable_end()), ErrorCode::kIo);
    files_.clear_faults();
    append_prices(0, 2);
    ASSERT_OK(archiver_->archive_to(table_.id, log_->durable_end()));
    const std::vector<manifest::Segment> found = segments();
    ASSERT_EQ(found.size(), 2U);
    EXPECT_EQ(found[0].to, Offset{3}) << "the file that was there";
    EXPECT_EQ(found[1].to, Offset{5});
}

TEST_F(ArchiverTest, ArchivesByItselfWhenTheOldestRecordHasWaited) {
    append_prices(0, 2);
    workers_.run_until_idle();
    EXPECT_TRUE(segments().empty());
    clock_.advance_us(options_.interval_us);
    workers_.run_until_idle();
    EXPECT_EQ(state().archive_end, manifest::at({2, 0}));
}

TEST_F(ArchiverTest, ArchivesByItselfWhenMuchWaits) {
    options_.segment_rows_max = 3;
    start();
    append_prices(0, 3);
    workers_.run_until_idle();
    EXPECT_EQ(state().archive_end, manifest::at({3, 0}));
}

TEST_F(ArchiverTest, KnowsOnlyItsStreams) {
    archiver_->remove_table(table_.id);
    EXPECT_TRUE(workers_.names().empty());
    EXPECT_ERROR(archiver_->archive_to(table_.id, log_->durable_end()), ErrorCode::kNotFound);
    EXPECT_ERROR(archiver_->trim(table_.id), ErrorCode::kNotFound);
}

}  // namespace
}  // namespace braid::archive
