// SPDX-License-Identifier: Apache-2.0
#include "batch/view_builder.h"

#include <gtest/gtest.h>

#include "base/memory_file_system.h"
#include "base/random.h"
#include "base/test_support.h"
#include "batch/run_merge.h"
#include "operators/fold/fold_test_support.h"

namespace braid::batch {
namespace {

using Records = std::vector<std::string>;

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

void fold(ViewBuilder& builder, const Records& records) {
    const operators::TestFold folded = operators::fold_records(records);
    const operators::FoldTarget target = builder.target();
    target.table->merge(folded.table);
    target.account->counted += folded.account.counted;
    target.account->filtered += folded.account.filtered;
    target.account->quarantined += folded.account.quarantined;
}

TEST(ViewBuilder, GivesTheSameRunHoweverOftenItSpills) {
    const Records records = history(1, 200);
    const operators::TestFold expected = operators::fold_records(records);
    for (const size_t pieces : {1U, 2U, 5U}) {
        MemoryFileSystem files;
        MemoryFileSystem local;
        ViewBuilder builder(local, aggregates(), "spill/1");
        for (size_t piece = 0; piece < pieces; ++piece) {
            if (piece > 0) {
                ASSERT_OK(builder.spill());
            }
            const size_t from = records.size() * piece / pieces;
            const size_t to = records.size() * (piece + 1) / pieces;
            fold(builder, Records(records.begin() + static_cast<ptrdiff_t>(from),
                                  records.begin() + static_cast<ptrdiff_t>(to)));
        }
        EXPECT_EQ(builder.spill_count(), pieces - 1);
        runs::RunFile file(files, "runs/1/3.run");
        ASSERT_OK_AND_ASSIGN(const manifest::Run run, builder.finish(file));
        ASSERT_OK(file.put());
        ASSERT_OK_AND_ASSIGN(const manifest::Run whole,
                             runs::write_table(files, "whole", expected.table));
        EXPECT_EQ(run.digest, whole.digest) << pieces;
        EXPECT_EQ(run.rows, expected.table.size());
        EXPECT_EQ(run.counted, expected.account.counted);
        EXPECT_EQ(run.filtered, expected.account.filtered);
        EXPECT_EQ(run.quarantined, 1U);
        const auto left = local.list("spill/1");
        EXPECT_TRUE(!left || left->empty()) << "spills are deleted";
        ASSERT_OK_AND_ASSIGN(const auto reader, runs::RunReader::open(files, run));
        EXPECT_EQ(digest_of_merge({reader}, aggregates()).value(), whole.digest);
    }
}

TEST(ViewBuilder, ASpillEmptiesTheTable) {
    MemoryFileSystem files;
    MemoryFileSystem local;
    ViewBuilder builder(local, aggregates(), "spill/1");
    const uint64_t empty = builder.bytes_used();
    fold(builder, history(2, 2000));
    EXPECT_GT(builder.bytes_used(), empty);
    ASSERT_OK(builder.spill());
    EXPECT_EQ(builder.bytes_used(), empty);
}

TEST(ViewBuilder, OfNothingIsARunWithoutFiles) {
    MemoryFileSystem files;
    MemoryFileSystem local;
    ViewBuilder builder(local, aggregates(), "spill/1");
    runs::RunFile file(files, "runs/1/3.run");
    ASSERT_OK_AND_ASSIGN(const manifest::Run run, builder.finish(file));
    ASSERT_OK(file.put());
    EXPECT_FALSE(files.exists("runs/1/3.run").value());
    EXPECT_TRUE(run.parts.empty());
    EXPECT_EQ(run.rows, 0U);
}

TEST(ViewBuilder, SaysThatTheDiskIsFull) {
    MemoryFileSystem files;
    MemoryFileSystem local;
    ViewBuilder builder(local, aggregates(), "spill/1");
    fold(builder, history(3, 100));
    files.set_free_bytes(10);
    runs::RunFile file(files, "runs/1/3.run");
    EXPECT_ERROR(builder.finish(file), ErrorCode::kExhausted);
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
    ASSERT_OK(
        merge_runs(readers, aggregates(), [&](uint32_t section, const operators::StateRow& row) {
            std::tuple next(section, std::string(row.key), std::string(row.subkey));
            EXPECT_LT(last, next);
            last = std::move(next);
            return merged.merge_row(section, row);
        }));
    EXPECT_EQ(operators::lines_of(merged), operators::lines_of(expected));
    ASSERT_OK_AND_ASSIGN(const manifest::Run whole, runs::write_table(files, "whole", expected));
    EXPECT_EQ(digest_of_merge(readers, aggregates()).value(), whole.digest);
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
    EXPECT_EQ(digest_of_merge(readers, aggregates()).value(), whole.digest);
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
