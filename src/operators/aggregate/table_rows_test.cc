// SPDX-License-Identifier: Apache-2.0
#include "operators/aggregate/table_rows.h"

#include <map>
#include <numeric>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "base/random.h"
#include "base/test_support.h"

namespace braid::operators {
namespace {

const Type kInt8 = Type::of(TypeKind::kInt8);

plan::Aggregate aggregate(plan::AggregateKind kind) {
    plan::Aggregate made;
    made.kind = kind;
    if (kind != plan::AggregateKind::kCountRows) made.arguments = {plan::column_ref(0, kInt8)};
    made.result_type = kInt8;
    return made;
}

/// Of each group so many different values, and a row of each twice.
GroupTable table_of(const std::vector<int64_t>& values_by_group) {
    std::vector<int64_t> keys;
    std::vector<int64_t> values;
    for (size_t group = 0; group < values_by_group.size(); ++group) {
        for (int64_t value = 0; value < 2 * values_by_group[group]; ++value) {
            keys.push_back(static_cast<int64_t>(group * 7919 % 1009));
            values.push_back(value * 2'654'435'761 % values_by_group[group]);
        }
    }
    std::vector<uint32_t> rows(keys.size());
    std::iota(rows.begin(), rows.end(), 0U);
    const std::vector<Column> columns = {Column::flat<int64_t>(kInt8, std::move(keys))};
    EncodedKeys encoded;
    encode_keys(columns, rows, encoded);
    const Column value = Column::flat<int64_t>(kInt8, std::move(values));
    GroupTable table({aggregate(plan::AggregateKind::kCountRows),
                      aggregate(plan::AggregateKind::kCountDistinct),
                      aggregate(plan::AggregateKind::kMode)});
    table.fold(encoded, std::vector<AggregateInput>{{}, {{value}, {}}, {{value}, {}}});
    return table;
}

using Rows = std::vector<std::pair<std::pair<std::string, std::string>, std::string>>;

Rows by_visit(const GroupTable& table, uint32_t section) {
    Rows rows;
    EXPECT_OK(table.visit_rows([&](uint32_t of, const StateRow& row) -> Result<void> {
        if (of == section) {
            rows.push_back(
                {{std::string(row.key), std::string(row.subkey)}, std::string(row.state)});
        }
        return {};
    }));
    return rows;
}

Rows by_cursor(const GroupTable& table, uint32_t section) {
    Rows rows;
    const RowCursorPtr cursor = table_rows(table, table.sorted_groups(), section);
    StateRow row;
    while (true) {
        const auto has_row = cursor->next(row);
        EXPECT_OK(has_row);
        if (!*has_row) return rows;
        rows.push_back({{std::string(row.key), std::string(row.subkey)}, std::string(row.state)});
    }
}

TEST(TableRows, ComeAsAVisitGivesThem) {
    // Below, at and beyond what is sorted at a time, some of it several times.
    const GroupTable table = table_of({1, 16'383, 16'384, 16'385, 3, 70'000, 2});
    for (const uint32_t section : {0U, 1U, 2U}) {
        const Rows rows = by_cursor(table, section);
        EXPECT_EQ(rows.size(), section == 0 ? 7U : 119'158U);
        EXPECT_EQ(rows, by_visit(table, section)) << section;
    }
}

TEST(TableRows, OfNoGroupsThereAreNone) {
    const GroupTable table = table_of({4});
    const RowCursorPtr cursor = table_rows(table, {}, 1);
    StateRow row;
    const auto has_row = cursor->next(row);
    ASSERT_OK(has_row);
    EXPECT_FALSE(*has_row);
}

TEST(TableRows, OfSomeGroupsAreTheirs) {
    const GroupTable table = table_of({4, 9, 5});
    const GroupTable::Group second = table.sorted_groups()[1];
    const RowCursorPtr cursor = table_rows(table, {second}, 1);
    StateRow row;
    size_t rows = 0;
    while (true) {
        const auto has_row = cursor->next(row);
        ASSERT_OK(has_row);
        if (!*has_row) break;
        EXPECT_EQ(row.key, table.key_of(second));
        ++rows;
    }
    EXPECT_EQ(rows, table.subkey_count(1, second));
}

}  // namespace
}  // namespace braid::operators
