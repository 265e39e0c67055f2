// SPDX-License-Identifier: Apache-2.0
#include "archive/archiver.h"

#include <functional>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error_makers.h"
#include "base/memory_file_system.h"
#include "base/test_support.h"
#include "base/trace.h"
#include "dataset/segment.h"
#include "log/embedded_log.h"
#include "log/memory_log.h"
#include "manifest/test_support.h"
#include "operators/decode/declared_decoder.h"
#include "plan/view_plan.h"

namespace braid::archive {
namespace {

constexpr int64_t kDayUs = 24LL * 3600 * 1'000'000;

/// A stream of two partitions, "at timestamptz, price numeric(10,2)", whose log rolls often.
class ArchiverTest : public testing::Test {
  protected:
    void SetUp() override {
        ASSERT_OK_AND_ASSIGN(manifest_, manifest::Manifest::open(files_, clock_, "manifest"));
        ASSERT_OK(files_.create_directories("dataset"));
        table_ = manifest::test_table(manifest_->new_id().value(), "t", 2);
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
    /// Of the first segment.
    std::string first_path() const {
        return dataset::segment_path(table_.dataset_folder, "2023-11-14", table_.log,
                                     manifest::at({0, 0}));
    }
    /// A segment of partition 0 from offset 0 on, in its place, that no manifest version names.
    void write_leftover(const std::vector<std::string>& records) {
        const dataset::SegmentSpec spec = dataset::SegmentSpec::of(table_);
        ASSERT_OK_AND_ASSIGN(const auto decoder, operators::make_decoder_of(table_));
        const std::vector<std::string_view> raw(records.begin(), records.end());
        operators::RecordSlice slice;
        slice.records = raw;
        operators::DecodedSlice decoded;
        const size_t columns = table_.columns.fields.size() + plan::kSystemColumnCount;
        decoder->decode(slice, std::vector<bool>(columns, true), decoded);
        ASSERT_OK_AND_ASSIGN(const auto writer, dataset::SegmentWriter::create(
                                                    files_, spec, first_path(), {0}, Offset{0}));
        ASSERT_OK(
            writer->add(decoded, raw, clock_.wall_us() + 1, {static_cast<int64_t>(raw.size())}));
        ASSERT_OK(writer->move_in());
    }
    /// The dataset and what the manifest knows of it are lost; the log is not.
    void forget() {
        for (const manifest::Segment& each : segments()) ASSERT_OK(files_.remove(each.file));
        ASSERT_OK_AND_ASSIGN(const auto names, files_.list("manifest"));
        for (const std::string& name : names) {
            if (name == "_tmp") continue;
            ASSERT_OK(files_.remove("manifest/" + name));
        }
        archiver_.reset();
        ASSERT_OK_AND_ASSIGN(manifest_, manifest::Manifest::open(files_, clock_, "manifest"));
        ASSERT_OK(manifest_->commit({manifest::CreateTable{table_}}));
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
    ASSERT_EQ(found.size(), 1U) << "of all partitions";
    EXPECT_EQ(found[0].box, Box::between(manifest::at({0, 0}), manifest::at({2, 1})));
    EXPECT_EQ(found[0].rows, 3U);
    EXPECT_EQ(found[0].bad_rows, 1U) << "a bad record is kept";
    EXPECT_TRUE(files_.exists(found[0].file).value());
    ASSERT_OK(archiver_->archive_to(table_.id, log_->durable_end()));
    EXPECT_EQ(segments().size(), 1U) << "nothing new: nothing to do";
}

TEST_F(ArchiverTest, ManyPartitionsAreOneFileAndOneCommit) {
    constexpr uint32_t kMany = 256;
    table_ = manifest::test_table(manifest_->new_id().value(), "wide", kMany);
    table_.columns.fields = {{"price", Type::numeric(10, 2)}};
    ASSERT_OK(manifest_->commit({manifest::CreateTable{table_, Positions::zero(kMany)}}));
    log_ = std::make_shared<log::MemoryLog>(clock_, table_.log, Positions::zero(kMany));
    start();
    for (int interval = 1; interval <= 3; ++interval) {
        for (uint32_t partition = 0; partition < kMany; ++partition) {
            append_prices(partition, 1 + static_cast<int>(partition % 3));
        }
        const ManifestNumber before = manifest_->head()->number;
        ASSERT_OK(archiver_->archive_to(table_.id, log_->durable_end()));
        EXPECT_EQ(manifest_->head()->number.value, before.value + 1);
        EXPECT_EQ(segments().size(), static_cast<size_t>(interval));
    }
    EXPECT_EQ(state().archive_end, log_->durable_end());
    EXPECT_EQ(segments()[1].box.intervals.size(), kMany);
    EXPECT_EQ(segments()[1].rows, segments()[1].box.width());
    ASSERT_OK_AND_ASSIGN(const log::RecordBatch batch,
                         archiver_->refill(table_.id, {{255}, {1}, {3}}, 10));
    EXPECT_EQ(batch.records, log_->read({{255}, {1}, {2}}, 1).value().records);
}

/// At midnight some partitions are a day ahead of others.
TEST_F(ArchiverTest, ASegmentHoldsOneDayOfAllPartitions) {
    append_prices(1, 2);
    clock_.advance_us(kDayUs);
    append_prices(0, 1);
    append_prices(1, 3);
    ASSERT_OK(archiver_->archive_to(table_.id, log_->durable_end()));
    std::vector<std::string> found;
    for (const manifest::Segment& each : segments()) {
        found.push_back(each.ingest_day + " " + each.box.to_string());
    }
    EXPECT_EQ(found, (std::vector<std::string>{"2023-11-15 0:[0,1)", "2023-11-14 1:[0,2)",
                                               "2023-11-15 1:[2,5)"}));
}

TEST_F(ArchiverTest, ASegmentThatIsFullEndsInThePartitionThatFillsIt) {
    options_.segment_rows_max = 3;
    start();
    for (uint32_t partition = 0; partition < 2; ++partition) {
        for (int index = 0; index < 2; ++index) {
            append_prices(partition, 1);
            clock_.advance_us(1);  // records of one time are read, and written, together
        }
    }
    ASSERT_OK(archiver_->archive_to(table_.id, log_->durable_end()));
    ASSERT_EQ(segments().size(), 2U);
    EXPECT_EQ(segments()[0].box.to_string(), "0:[0,2) 1:[0,1)");
    EXPECT_EQ(segments()[1].box.to_string(), "1:[1,2)");
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
        ASSERT_EQ(each.box.intervals.size(), 1U);
        const Interval& range = each.box.intervals.front();
        EXPECT_EQ(range.from, end);
        end = range.to;
        EXPECT_EQ(each.ingest_day, range.from.value < 2 ? "2023-11-14" : "2023-11-15");
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
    EXPECT_ERROR(archiver_->refill(table_.id, {{0}, {0}, {10}}, 10), ErrorCode::kCorrupt);
    ASSERT_OK(archiver_->archive_to(table_.id, log_->durable_end()));
    ASSERT_OK_AND_ASSIGN(const log::RecordBatch batch,
                         archiver_->refill(table_.id, {{0}, {1}, {10}}, 10));
    EXPECT_EQ(batch.offsets[0], Offset{1});
    EXPECT_EQ(batch.next, Offset{3});
    EXPECT_EQ(batch.ingested_at_us, clock_.wall_us());
    EXPECT_EQ(batch.records, (std::vector<std::string_view>{"nonsense", R"({"price":"2"})"}));
    EXPECT_ERROR(archiver_->refill(table_.id, {{0}, {3}, {10}}, 10), ErrorCode::kCorrupt);
    EXPECT_ERROR(archiver_->refill({99}, {{0}, {0}, {10}}, 10), ErrorCode::kNotFound);
}

TEST_F(ArchiverTest, CommitsAgainWhatItHasMovedInItself) {
    append_prices(0, 3);
    files_.set_fault_hook([](const FileOperation& operation) -> Result<void> {
        const bool is_move = operation.kind == FileOperation::Kind::kMove;
        if (is_move && operation.path.starts_with("manifest/")) return io_error("no more room");
        return {};
    });
    EXPECT_ERROR(archiver_->archive_to(table_.id, log_->durable_end()), ErrorCode::kIo);
    files_.clear_faults();
    append_prices(0, 2);
    ASSERT_OK(archiver_->archive_to(table_.id, log_->durable_end()));
    const std::vector<manifest::Segment> found = segments();
    ASSERT_EQ(found.size(), 2U);
    EXPECT_EQ(found[0].box.to_string(), "0:[0,3)") << "the file that was there";
    EXPECT_EQ(found[1].box.to_string(), "0:[3,5)");
}

/// Each step of an archiving fails once: the next one goes on, each record is in one segment, and
/// no file is there that the manifest does not name.
TEST_F(ArchiverTest, ArchivesAgainAfterAnyStepHasFailedAndLeavesNothingBehind) {
    const auto files = [this] {
        std::set<std::string> found;
        const auto collect = [&](const auto& self, const std::string& path) -> void {
            const std::vector<std::string> names = files_.list(path).value();
            for (const std::string& name : names) {
                const std::string below = path + "/" + name;
                if (files_.info(below)->is_directory) {
                    self(self, below);
                } else {
                    found.insert(below);
                }
            }
        };
        collect(collect, "dataset");
        return found;
    };
    size_t failures = 0;
    bool is_over = false;
    for (uint64_t failing = 0; !is_over; ++failing) {
        SCOPED_TRACE(failing);
        append_prices(0, 1);
        uint64_t step = 0;
        files_.set_fault_hook([&](const FileOperation& operation) -> Result<void> {
            const bool is_unknown = operation.kind == FileOperation::Kind::kSyncDirectory &&
                                    operation.path == "manifest";
            if (operation.path.starts_with("log") || is_unknown || step++ != failing) return {};
            return exhausted("too many open files");
        });
        const auto archived = archiver_->archive_to(table_.id, log_->durable_end());
        is_over = step <= failing;
        files_.clear_faults();
        if (!archived) ++failures;
        append_prices(0, 1);
        ASSERT_OK(archiver_->archive_to(table_.id, log_->durable_end()));
        uint64_t rows = 0;
        std::set<std::string> named;
        for (const manifest::Segment& segment : segments()) {
            rows += segment.rows;
            named.insert(segment.file);
        }
        EXPECT_EQ(rows, 2 * (failing + 1));
        EXPECT_EQ(files(), named);
        EXPECT_TRUE(files_.list("_tmp")->empty());
    }
    EXPECT_GT(failures, 8U);
}

TEST_F(ArchiverTest, TakesNoLeftoverByItsName) {
    const std::vector<std::string> records = {R"({"price":"1"})", "nonsense", R"({"price":"3"})"};
    append(0, records);
    using Leave = std::function<void(const std::string& path)>;
    const std::pair<const char*, Leave> kinds[] = {
        {"as the log says", [&](const std::string&) { write_leftover(records); }},
        {"other records",
         [&](const std::string&) {
             write_leftover({R"({"price":"7"})", "x", R"({"price":"9"})"});
         }},
        {"fewer records", [&](const std::string&) { write_leftover({records[0]}); }},
        {"more than the log has",
         [&](const std::string&) { write_leftover({"a", "b", "c", R"({"price":"8"})"}); }},
        {"a flipped bit",
         [&](const std::string& path) {
             write_leftover(records);
             ASSERT_OK(files_.flip_bit(path, 40, 3));
         }},
        {"no Parquet", [&](const std::string& path) {
             ASSERT_OK(put_new(files_, path, as_bytes("PAR1, or not")));
         }}};
    const std::string path = first_path();
    ASSERT_OK(files_.create_directories(parent_directory(path)));
    for (const auto& [kind, leave] : kinds) {
        SCOPED_TRACE(kind);
        leave(path);
        start();
        ASSERT_OK(archiver_->archive_to(table_.id, log_->durable_end()));
        ASSERT_EQ(state().archive_end, manifest::at({3, 0}));
        ASSERT_OK_AND_ASSIGN(const log::RecordBatch batch,
                             archiver_->refill(table_.id, {{0}, {0}, {10}}, 10));
        EXPECT_THAT(batch.records, testing::ElementsAreArray(records));
        EXPECT_EQ(batch.ingested_at_us, log_->read({{0}, {0}, {1}}, 1).value().ingested_at_us);
        EXPECT_EQ(segments()[0].bad_rows, 1U);
        forget();
    }
}

/// Its file lies where ours would: of a segment of another process that took the directory over, or
/// commits beside us, and this one's manifest is not told.
TEST_F(ArchiverTest, ASegmentThatAnotherHasCommittedIsNotReplaced) {
    append_prices(0, 3);
    {
        ASSERT_OK_AND_ASSIGN(const auto manifest,
                             manifest::Manifest::open(files_, clock_, "manifest"));
        Archiver other({&files_, &clock_, manifest.get(), &metrics_}, options_, workers_);
        ASSERT_OK(other.add_table(table_, log_));
        ASSERT_OK(other.archive_to(table_.id, log_->durable_end()));
    }
    append_prices(0, 2);
    ASSERT_EQ(state().archive_end, manifest::at({0, 0}));
    const auto late = archiver_->archive_to(table_.id, log_->durable_end());
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().code(), ErrorCode::kConflict) << late.error().to_string();
    ASSERT_EQ(state().archive_end, manifest::at({3, 0}));
    ASSERT_OK(archiver_->archive_to(table_.id, log_->durable_end()));
    EXPECT_EQ(state().archive_end, manifest::at({5, 0}));
    ASSERT_OK_AND_ASSIGN(const log::RecordBatch batch,
                         archiver_->refill(table_.id, {{0}, {0}, {10}}, 10));
    EXPECT_EQ(batch.records.size(), 3U);
}

TEST_F(ArchiverTest, ALogWithHolesComesBackRecordByRecordAtItsOffsets) {
    log_ = std::make_shared<log::MemoryLog>(clock_, table_.log, Positions::zero(2),
                                            log::seeded_holes(7));
    options_.segment_rows_max = 9;
    start();
    append_prices(0, 40);
    append(1, {"nonsense"});
    const Positions end = log_->durable_end();
    ASSERT_OK(archiver_->archive_to(table_.id, end));
    EXPECT_EQ(state().archive_end, end);
    uint64_t rows = 0;
    for (const manifest::Segment& segment : segments()) rows += segment.rows;
    EXPECT_EQ(rows, 41U);
    for (Offset at{0}; at < end.at[0];) {
        const Interval range{{0}, at, end.at[0]};
        ASSERT_OK_AND_ASSIGN(const log::RecordBatch kept, archiver_->refill(table_.id, range, 1));
        ASSERT_OK_AND_ASSIGN(const log::RecordBatch was, log_->read(range, 1));
        ASSERT_LT(at, kept.next);
        at = kept.next;
        if (kept.records.empty()) continue;  // the rest of a segment holds none
        EXPECT_EQ(kept.records, was.records);
        EXPECT_EQ(kept.offsets[0], was.offsets[0]);
    }
}

TEST_F(ArchiverTest, ALogMayBeginAnywhereAndGetPartitions) {
    table_ = manifest::test_table(manifest_->new_id().value(), "far", 1);
    table_.columns.fields = {{"price", Type::numeric(10, 2)}};
    const Positions origin = manifest::at({1'000});
    ASSERT_OK(manifest_->commit({manifest::CreateTable{table_, origin}}));
    const auto log = std::make_shared<log::MemoryLog>(clock_, table_.log, origin);
    log_ = log;
    start();
    append_prices(0, 3);
    log->add_partition({50});
    append(1, {R"({"price":"9"})"});
    clock_.advance_us(options_.interval_us);
    workers_.run_until_idle();
    EXPECT_EQ(state().archive_end, manifest::at({1'003})) << "nobody has folded the other yet";
    EXPECT_ERROR(archiver_->archive_to(table_.id, log_->durable_end()), ErrorCode::kInternal);
    ASSERT_OK(manifest_->commit({manifest::Grow{table_.id, log_->origin()}}));
    clock_.advance_us(options_.interval_us);
    workers_.run_until_idle();
    EXPECT_EQ(state().archive_end, manifest::at({1'003, 51}));
    ASSERT_EQ(segments().size(), 2U);
    EXPECT_EQ(segments()[0].box.to_string(), "0:[1000,1003)");
    EXPECT_EQ(segments()[1].box.to_string(), "1:[50,51)");
    ASSERT_OK_AND_ASSIGN(const log::RecordBatch kept,
                         archiver_->refill(table_.id, {{1}, {50}, {51}}, 9));
    EXPECT_EQ(kept.records, std::vector<std::string_view>{R"({"price":"9"})"});
    EXPECT_EQ(kept.offsets[0], Offset{50});
}

TEST_F(ArchiverTest, WhereNoRecordLiesASegmentSaysSo) {
    log_ = std::make_shared<log::MemoryLog>(clock_, table_.log, Positions::zero(2),
                                            [](PartitionId) { return 5; });
    start();
    append(0, {R"({"price":"1.5"})"});  // at 5; the log ends at 11
    ASSERT_OK(archiver_->archive_to(table_.id, manifest::at({5, 0})));
    ASSERT_OK(archiver_->archive_to(table_.id, manifest::at({7, 0})));
    ASSERT_OK(archiver_->archive_to(table_.id, log_->durable_end()));
    std::vector<uint64_t> rows;
    for (const manifest::Segment& segment : segments()) rows.push_back(segment.rows);
    EXPECT_EQ(rows, (std::vector<uint64_t>{0, 1, 0}));
    EXPECT_EQ(state().archive_end, manifest::at({11, 0}));
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

TEST_F(ArchiverTest, ASegmentThatIsGoneWithItsPartOfTheLogIsRefused) {
    append_prices(0, 30);
    ASSERT_OK(archiver_->archive_to(table_.id, log_->durable_end()));
    const std::string file = segments().front().file;
    ASSERT_OK(files_.remove(file));
    set_trace_sink([](TraceLevel, std::string_view, std::string_view) {});
    start();  // the log still has it all
    set_trace_sink({});
    ASSERT_OK(log_->trim({0}, Offset{30}));
    archiver_.reset();
    Archiver archiver({&files_, &clock_, manifest_.get(), &metrics_}, options_, workers_);
    const auto refused = archiver.add_table(table_, log_);
    ASSERT_ERROR(refused, ErrorCode::kCorrupt);
    EXPECT_NE(refused.error().message().find(file), std::string::npos);
}

}  // namespace
}  // namespace braid::archive
