// SPDX-License-Identifier: Apache-2.0
#include "batch/view_builder.h"

#include <array>

#include <gtest/gtest.h>

#include "base/memory_file_system.h"
#include "base/random.h"
#include "base/test_support.h"
#include "batch/run_merge.h"
#include "operators/fold/fold_test_support.h"
#include "runs/test_support.h"

namespace braid::batch {
namespace {

using Records = std::vector<std::string>;

const std::vector<runs::KeyRange> kAll(1);

const std::vector<plan::Aggregate>& aggregates() {
    static const auto kAggregates = operators::test_bound_view({}, {}).plan->aggregates;
    return kAggregates;
}

Records history(uint64_t seed, size_t count) {
    Random random(seed);
    Records records;
    for (size_t index = 0; index < count; ++index) {
        records.push_back(fmt::format(R"({{"k":"key {}","n":{}}})", random.below(30),
                                      static_cast<int64_t>(random.below(9)) - 1));
    }
    records.emplace_back("nonsense");
    return records;
}

Records part_of(const Records& records, size_t piece, size_t pieces) {
    const size_t from = records.size() * piece / pieces;
    const size_t to = records.size() * (piece + 1) / pieces;
    return {records.begin() + static_cast<ptrdiff_t>(from),
            records.begin() + static_cast<ptrdiff_t>(to)};
}

/// The groups of some records in so many tables, as a fold on several threads has them.
class Sharded {
  public:
    Sharded(const Records& records, size_t count) {
        for (size_t shard = 0; shard < count; ++shard) tables_.emplace_back(aggregates());
        const operators::TestFold folded = operators::fold_records(records);
        for (operators::GroupTable::Group group = 0; group < folded.table.size(); ++group) {
            const size_t shard = operators::GroupTable::shard_of(folded.table.key_of(group), count);
            tables_[shard].merge(folded.table, std::array{group});
        }
        for (const operators::GroupTable& table : tables_) pointers_.push_back(&table);
    }
    ViewBuilder::Tables tables() const { return pointers_; }

  private:
    std::vector<operators::GroupTable> tables_;
    std::vector<const operators::GroupTable*> pointers_;
};

operators::FailedEvents some_failed() {
    operators::FailedEvents failed;
    for (int64_t event = 0; event < 5; ++event) failed.add({{0}, {event}}, "division by zero");
    return failed;
}

struct Shape {
    size_t threads;
    size_t shards;
    size_t pieces;
};

class ViewBuilderShapes : public testing::TestWithParam<Shape> {};

TEST_P(ViewBuilderShapes, GiveTheSameRunHoweverOftenItSpills) {
    const auto [threads, shards, pieces] = GetParam();
    const Records records = history(1, 400);
    const operators::TestFold expected = operators::fold_records(records);
    const operators::FailedEvents failed = some_failed();
    MemoryFileSystem files;
    MemoryFileSystem local;
    ViewBuilder builder(local, aggregates(), "spill/1", {.threads = threads, .range_rows_min = 1});
    for (size_t piece = 0; piece + 1 < pieces; ++piece) {
        ASSERT_OK(builder.spill(Sharded(part_of(records, piece, pieces), shards).tables()));
    }
    EXPECT_EQ(builder.spill_count(), pieces - 1);
    runs::RunFile file(files, "runs/1/3.run");
    const Sharded last(part_of(records, pieces - 1, pieces), shards);
    ASSERT_OK_AND_ASSIGN(manifest::Run run, builder.finish(last.tables(), failed, file));
    ASSERT_OK(file.put());
    ASSERT_OK_AND_ASSIGN(const manifest::Run whole,
                         runs::write_table(files, "whole", expected.table, failed));
    EXPECT_EQ(run.digest, whole.digest);
    EXPECT_EQ(run.rows, expected.table.size());
    EXPECT_EQ(run.parts.size() > whole.parts.size(), threads > 1) << "by ranges of keys";
    const auto left = local.list("spill/1");
    EXPECT_TRUE(!left || left->empty()) << "spills are deleted";
    ASSERT_OK_AND_ASSIGN(const auto reader, runs::RunReader::open(files, run));
    EXPECT_EQ(digest_of_merge({reader}, aggregates(), kAll, 1).value(), whole.digest);
}

INSTANTIATE_TEST_SUITE_P(, ViewBuilderShapes,
                         testing::Values(Shape{1, 1, 1}, Shape{1, 1, 2}, Shape{1, 1, 5},
                                         Shape{2, 2, 1}, Shape{2, 2, 3}, Shape{4, 4, 1},
                                         Shape{4, 4, 2}, Shape{4, 8, 5}));

TEST(ViewBuilder, OfNothingIsARunWithoutFiles) {
    for (const size_t threads : {1U, 2U}) {
        MemoryFileSystem files;
        MemoryFileSystem local;
        ViewBuilder builder(local, aggregates(), "spill/1", {.threads = threads});
        runs::RunFile file(files, "runs/1/3.run");
        ASSERT_OK_AND_ASSIGN(const manifest::Run run,
                             builder.finish(Sharded({}, threads).tables(), {}, file));
        ASSERT_OK(file.put());
        EXPECT_FALSE(files.exists("runs/1/3.run").value());
        EXPECT_TRUE(run.parts.empty());
        EXPECT_EQ(run.rows, 0U);
    }
}

TEST(ViewBuilder, SaysThatTheDiskIsFull) {
    MemoryFileSystem files;
    MemoryFileSystem local;
    ViewBuilder builder(local, aggregates(), "spill/1", {.threads = 2, .range_rows_min = 1});
    files.set_free_bytes(10);
    runs::RunFile file(files, "runs/1/3.run");
    EXPECT_ERROR(builder.finish(Sharded(history(3, 100), 2).tables(), {}, file),
                 ErrorCode::kExhausted);
}

TEST(ViewBuilder, LeavesNoSpillWhateverTheEnd) {
    MemoryFileSystem local;
    {
        ViewBuilder builder(local, aggregates(), "spill/1");
        ASSERT_OK(builder.spill(Sharded(history(5, 50), 1).tables()));
        ASSERT_TRUE(local.exists("spill/1/0.run").value());
    }
    EXPECT_FALSE(local.exists("spill/1/0.run").value());
}

TEST(MergeRuns, GivesRowsInOrderOfKeysAndSubkeysEachOnce) {
    MemoryFileSystem files;
    std::vector<std::shared_ptr<const runs::RunReader>> readers;
    operators::GroupTable expected(aggregates());
    for (uint64_t seed = 10; seed < 13; ++seed) {
        const operators::TestFold folded = operators::fold_records(history(seed, 60));
        expected.merge(folded.table);
        ASSERT_OK_AND_ASSIGN(
            const manifest::Run run,
            runs::write_table(files, fmt::format("runs/1/{}.run", seed), folded.table));
        ASSERT_OK_AND_ASSIGN(auto reader, runs::RunReader::open(files, run));
        readers.push_back(std::move(reader));
    }
    operators::GroupTable merged(aggregates());
    std::tuple<uint32_t, std::string, std::string> last;
    ASSERT_OK(merge_runs(
        readers, aggregates(), {}, [&](uint32_t section, const operators::StateRow& row) {
            std::tuple next(section, std::string(row.key), std::string(row.subkey));
            EXPECT_LT(last, next);
            last = std::move(next);
            return merged.merge_row(section, row);
        }));
    EXPECT_EQ(operators::lines_of(merged), operators::lines_of(expected));
    ASSERT_OK_AND_ASSIGN(const manifest::Run whole, runs::write_table(files, "whole", expected));
    EXPECT_EQ(digest_of_merge(readers, aggregates(), kAll, 1).value(), whole.digest);
}

TEST(MergeRuns, KeepsTheSmallestFailedEvents) {
    MemoryFileSystem files;
    const operators::GroupTable none(aggregates());
    operators::FailedEvents all;
    std::vector<std::shared_ptr<const runs::RunReader>> readers;
    for (int64_t run = 0; run < 3; ++run) {
        operators::FailedEvents failed;
        for (int64_t event = 0; event < 4'000; ++event) {
            failed.add({{0}, {3 * event + run}}, "division by zero");
        }
        all.merge(failed);
        ASSERT_OK_AND_ASSIGN(
            const manifest::Run written,
            runs::write_table(files, fmt::format("runs/1/{}.run", run), none, failed));
        ASSERT_OK_AND_ASSIGN(auto reader, runs::RunReader::open(files, written));
        readers.push_back(std::move(reader));
    }
    EXPECT_EQ(all.kept().size(), operators::FailedEvents::kKeptMax);
    ASSERT_OK_AND_ASSIGN(const manifest::Run whole, runs::write_table(files, "whole", none, all));
    EXPECT_EQ(digest_of_merge(readers, aggregates(), kAll, 1).value(), whole.digest);
}

/// Runs of random histories of the same keys, with failed events, and what they come to together.
struct SomeRuns {
    SomeRuns() {
        for (uint64_t seed = 10; seed < 13; ++seed) {
            const operators::TestFold folded = operators::fold_records(history(seed, 60));
            operators::FailedEvents failed;
            const auto partition = static_cast<uint32_t>(seed);
            failed.add({{partition}, {7}}, "division by zero");
            all.merge(folded.table);
            all_failed.merge(failed);
            runs.push_back(
                runs::write_table(files, fmt::format("runs/1/{}.run", seed), folded.table, failed)
                    .value());
            readers.push_back(runs::RunReader::open(files, runs.back()).value());
        }
        whole = runs::write_table(files, "whole", all, all_failed).value();
    }

    MemoryFileSystem files;
    operators::GroupTable all{aggregates()};
    operators::FailedEvents all_failed;
    std::vector<manifest::Run> runs;
    RunReaders readers;
    manifest::Run whole;
};

TEST(MergeRange, OfAdjacentRangesIsTheWholeMerge) {
    SomeRuns some;
    Random random(3);
    for (size_t count = 1; count < 40; ++count) {
        std::vector<runs::WeighedKey> keys;
        for (operators::GroupTable::Group group = 0; group < some.all.size(); ++group) {
            keys.push_back({std::string(some.all.key_of(group)), random.below(4)});
        }
        const std::vector<runs::KeyRange> ranges = runs::cut({}, std::move(keys), count);
        EXPECT_LE(ranges.size(), count);
        runs::RunFile file(some.files, fmt::format("merged {}", count));
        std::vector<manifest::Run> merged;
        for (const runs::KeyRange& range : ranges) {
            merged.push_back(
                merge_range(some.readers, aggregates(), range, file, {.part_bytes_max = 200})
                    .value());
        }
        ASSERT_OK(file.put());
        const manifest::Run run = runs::join(std::move(merged));
        EXPECT_EQ(run.digest, some.whole.digest) << count;
        EXPECT_EQ(run.rows, some.whole.rows) << count;
        ASSERT_OK_AND_ASSIGN(const auto reader, runs::RunReader::open(some.files, run));
        EXPECT_EQ(digest_of_merge({reader}, aggregates(), ranges, 2).value(), some.whole.digest)
            << "read in order of its parts";
    }
}

TEST(MergeRange, GivesFailedEventsToTheFirstRangeAlone) {
    SomeRuns some;
    const std::string middle(some.all.key_of(0));
    const auto failed_of = [&](const runs::KeyRange& range) {
        size_t failed = 0;
        EXPECT_OK(merge_runs(some.readers, aggregates(), range,
                             [&](uint32_t section, const operators::StateRow&) -> Result<void> {
                                 if (section == runs::kFailedSection) ++failed;
                                 return {};
                             }));
        return failed;
    };
    EXPECT_EQ(failed_of({"", middle}), 3U);
    EXPECT_EQ(failed_of({middle, ""}), 0U);
    EXPECT_EQ(failed_of({}), 3U);
}

TEST(RemoveFiles, MayBeDoneAgainAfterItWasCutShort) {
    MemoryFileSystem files;
    const std::string path = "runs/1/3.run";
    ASSERT_OK_AND_ASSIGN(
        const manifest::Run run,
        runs::write_table(files, path, operators::fold_records(history(4, 20)).table));
    ASSERT_GE(run.parts.size(), 2U);
    ASSERT_OK(remove_files(files, run.files()));
    EXPECT_FALSE(files.exists(path).value());
    ASSERT_OK(remove_files(files, run.files()));
}

}  // namespace
}  // namespace braid::batch
