// SPDX-License-Identifier: Apache-2.0
#include <numeric>
#include <set>
#include <tuple>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/memory_file_system.h"
#include "base/random.h"
#include "base/test_support.h"
#include "runs/test_support.h"

namespace braid::runs {
namespace {

using operators::GroupTable;
using plan::AggregateKind;

const Type kInt8 = Type::of(TypeKind::kInt8);
const Type kText = Type::of(TypeKind::kText);

/// count(*), count(DISTINCT int8), sum(int8), count(DISTINCT text).
std::vector<plan::Aggregate> aggregates() {
    const auto of = [](AggregateKind kind, Type argument, Type result) {
        plan::Aggregate aggregate;
        aggregate.kind = kind;
        if (kind != AggregateKind::kCountRows) {
            aggregate.arguments = {plan::column_ref(0, argument)};
        }
        aggregate.result_type = result;
        return aggregate;
    };
    return {of(AggregateKind::kCountRows, kInt8, kInt8),
            of(AggregateKind::kCountDistinct, kInt8, kInt8),
            of(AggregateKind::kSum, kInt8, Type::of(TypeKind::kNumeric)),
            of(AggregateKind::kCountDistinct, kText, kInt8)};
}

GroupTable folded(uint64_t seed, uint64_t rows, uint64_t groups) {
    Random random(seed);
    std::vector<int64_t> keys;
    std::vector<int64_t> numbers;
    ColumnBuilder texts(kText);
    for (uint64_t row = 0; row < rows; ++row) {
        keys.push_back(static_cast<int64_t>(random.below(groups)));
        numbers.push_back(static_cast<int64_t>(random.below(50)));
        texts.append_text(fmt::format("visitor {}", random.below(300)));
    }
    std::vector<uint32_t> all(rows);
    std::iota(all.begin(), all.end(), 0U);
    const std::vector<Column> key_columns = {Column::flat<int64_t>(kInt8, keys)};
    EncodedKeys encoded;
    encode_keys(key_columns, all, encoded);
    const Column number = Column::flat<int64_t>(kInt8, numbers);
    const std::vector<operators::AggregateInput> inputs = {
        {}, {{number}, {}}, {{number}, {}}, {{texts.finish()}, {}}};
    GroupTable table(aggregates());
    table.fold(encoded, inputs);
    return table;
}

/// The run back as a table.
Result<GroupTable> merged(const RunReader& run) {
    GroupTable table(aggregates());
    operators::StateRow row;
    for (uint32_t section = 0; section <= 2; ++section) {
        const auto rows = TRY(run.scan(section, {}, {}));
        while (TRY(rows->next(row))) TRY(table.merge_row(section, row));
    }
    return table;
}

/// Of one key: section, subkey, state.
using Rows = std::set<std::tuple<uint32_t, std::string, std::string>>;

Result<manifest::Run> write_together(Store& store, const std::string& path,
                                     std::span<const GroupTable* const> tables) {
    RunFile file(store, path);
    manifest::Run run = TRY(write_tables(file, tables));
    TRY(file.put());
    return run;
}

TEST(WriteTable, GivesARunThatIsTheTable) {
    MemoryFileSystem files;
    const GroupTable table = folded(1, 20'000, 1'500);
    ASSERT_OK_AND_ASSIGN(const manifest::Run run, write_table(files, "runs/1/3.run", table, {},
                                                              {.part_bytes_max = 100'000}));
    EXPECT_EQ(run.rows, table.size());
    ASSERT_OK_AND_ASSIGN(const auto reader, RunReader::open(files, run));
    ASSERT_OK_AND_ASSIGN(const GroupTable back, merged(*reader));
    ASSERT_EQ(back.size(), table.size());
    ASSERT_OK_AND_ASSIGN(const manifest::Run again, write_table(files, "runs/1/4.run", back));
    EXPECT_EQ(again.digest, run.digest) << "one byte form for one value";
    for (const GroupTable::Group group : table.sorted_groups()) {
        std::string state;
        table.encode_state(group, state);
        const std::string_view key = table.key_of(group);
        ASSERT_OK_AND_ASSIGN(const auto found, find(*reader, key));
        ASSERT_EQ(found, std::optional<std::string_view>(state));
        Rows found_rows = {{0, "", state}};
        const auto add_to = [](Rows& rows) {
            return [&rows](uint32_t section, const operators::StateRow& row) -> Result<void> {
                rows.insert({section, std::string(row.subkey), std::string(row.state)});
                return {};
            };
        };
        for (const uint32_t section : {1U, 2U}) {
            ASSERT_OK(reader->find_rows(section, key, add_to(found_rows)));
        }
        Rows expected;
        ASSERT_OK(table.visit_rows_of({&group, 1}, add_to(expected)));
        ASSERT_EQ(found_rows, expected);
    }
}

TEST(WriteTable, HasTheDigestOfTheMergeOfItsPieces) {
    MemoryFileSystem files;
    GroupTable whole = folded(1, 5'000, 700);
    whole.merge(folded(2, 5'000, 700));
    ASSERT_OK_AND_ASSIGN(const auto first, write_table(files, "v/1", folded(1, 5'000, 700)));
    ASSERT_OK_AND_ASSIGN(const auto second, write_table(files, "v/2", folded(2, 5'000, 700)));
    GroupTable joined(aggregates());
    for (const manifest::Run& run : {second, first}) {
        ASSERT_OK_AND_ASSIGN(const auto reader, RunReader::open(files, run));
        ASSERT_OK_AND_ASSIGN(const GroupTable table, merged(*reader));
        joined.merge(table);
    }
    EXPECT_EQ(write_table(files, "v/3", joined)->digest, write_table(files, "v/4", whole)->digest);
}

TEST(WriteTable, GivesOneRunOfShardsWhateverTheirNumber) {
    MemoryFileSystem files;
    const GroupTable whole = folded(1, 20'000, 1'500);
    ASSERT_OK_AND_ASSIGN(const manifest::Run run, write_table(files, "v/0", whole));
    for (const size_t count : {1, 2, 4, 8, 32}) {
        std::vector<GroupTable> shards;
        for (size_t shard = 0; shard < count; ++shard) shards.emplace_back(aggregates());
        std::vector<std::vector<GroupTable::Group>> groups(count);
        for (GroupTable::Group group = 0; group < whole.size(); ++group) {
            groups[GroupTable::shard_of(whole.key_of(group), count)].push_back(group);
        }
        std::vector<const GroupTable*> tables;
        for (size_t shard = 0; shard < count; ++shard) {
            EXPECT_FALSE(groups[shard].empty());
            shards[shard].merge(whole, groups[shard]);
            tables.push_back(&shards[shard]);
        }
        ASSERT_OK_AND_ASSIGN(const manifest::Run same,
                             write_together(files, fmt::format("v/{}", count), tables));
        EXPECT_EQ(same.digest, run.digest);
        EXPECT_EQ(same.rows, run.rows);
    }
}

TEST(WriteTable, KeepsFailedEventsBehindEverySet) {
    MemoryFileSystem files;
    operators::FailedEvents failed;
    failed.add({{1}, {7}}, "division by zero");
    failed.add({{0}, {9}}, "integer out of range");
    const GroupTable table = folded(1, 100, 7);
    ASSERT_OK_AND_ASSIGN(const auto without, write_table(files, "v/1", table));
    ASSERT_OK_AND_ASSIGN(const auto run, write_table(files, "v/2", table, failed));
    EXPECT_EQ(run.rows, without.rows);
    EXPECT_NE(run.digest, without.digest);
    ASSERT_OK_AND_ASSIGN(const auto reader, RunReader::open(files, run));
    ASSERT_OK_AND_ASSIGN(const TestRows rows, read_rows(*reader, kFailedSection));
    EXPECT_EQ(rows, (TestRows{{operators::encode_event({{0}, {9}}), "integer out of range"},
                              {operators::encode_event({{1}, {7}}), "division by zero"}}));
    ASSERT_OK_AND_ASSIGN(const auto none, RunReader::open(files, without));
    ASSERT_OK_AND_ASSIGN(const TestRows nothing, read_rows(*none, kFailedSection));
    EXPECT_TRUE(nothing.empty());
    ASSERT_OK_AND_ASSIGN(const GroupTable back, merged(*reader));
    EXPECT_EQ(back.size(), table.size());
}

TEST(WriteTable, OfNoGroupsIsNoFile) {
    MemoryFileSystem files;
    ASSERT_OK_AND_ASSIGN(const auto run, write_table(files, "v/1", GroupTable(aggregates())));
    EXPECT_TRUE(run.parts.empty());
    EXPECT_FALSE(files.exists("v").value());
}

}  // namespace
}  // namespace braid::runs
