// SPDX-License-Identifier: Apache-2.0
#include "operators/aggregate/group_table.h"

#include <map>
#include <numeric>
#include <set>

#include <gtest/gtest.h>

#include "base/random.h"
#include "base/test_support.h"

namespace braid::operators {
namespace {

using plan::Aggregate;
using plan::AggregateKind;

const Type kInt4 = Type::of(TypeKind::kInt4);
const Type kInt8 = Type::of(TypeKind::kInt8);
const Type kNumeric = Type::of(TypeKind::kNumeric);
const Type kText = Type::of(TypeKind::kText);

Aggregate aggregate(AggregateKind kind, Type argument, Type result) {
    Aggregate out;
    out.kind = kind;
    if (kind != AggregateKind::kCountRows) out.arguments = {plan::column_ref(0, argument)};
    out.result_type = result;
    return out;
}

EncodedKeys encoded(const std::vector<Column>& columns) {
    std::vector<uint32_t> rows(columns[0].length());
    std::iota(rows.begin(), rows.end(), 0U);
    EncodedKeys keys;
    encode_keys(columns, rows, keys);
    return keys;
}

Column int8s(std::vector<int64_t> values) {
    return Column::flat<int64_t>(kInt8, std::move(values));
}

/// Arguments by aggregate; no filters.
std::vector<AggregateInput> inputs(std::vector<std::vector<Column>> arguments) {
    std::vector<AggregateInput> out;
    for (std::vector<Column>& each : arguments) out.push_back({std::move(each), Column()});
    return out;
}

/// One group, one aggregate, one argument column.
GroupTable folded(Aggregate of, const Column& argument, const Column& filter = Column()) {
    GroupTable table({std::move(of)});
    const std::vector<Column> keys = {Column::constant(Datum::int8(1), argument.length())};
    table.fold(encoded(keys), std::vector<AggregateInput>{{{argument}, filter}});
    return table;
}

Result<std::string> finished(const GroupTable& table) {
    const GroupTable::Group group = 0;
    const Column column = TRY(column_of(table.finish(0, {&group, 1})));
    if (column.is_null(0)) return std::string("NULL");
    std::string out;
    const Datum value = column.datum(0);
    if (value.type.kind == TypeKind::kNumeric) {
        format_numeric(value.as<Numeric>(), out);
    } else if (value.type.kind == TypeKind::kInt8) {
        out = std::to_string(value.as<int64_t>());
    } else if (value.type.kind == TypeKind::kText) {
        out = value.as<std::string>();
    }
    return out;
}

Column numerics(const std::vector<std::string>& texts) {
    ColumnBuilder builder(kNumeric);
    for (const std::string& text : texts) builder.append_numeric(*parse_numeric(text));
    return builder.finish();
}

std::string numeric_answer(AggregateKind kind, const std::vector<std::string>& texts) {
    const auto answer = finished(folded(aggregate(kind, kNumeric, kNumeric), numerics(texts)));
    return answer ? *answer : answer.error().message();
}

TEST(GroupTable, SumOfNoRowsIsNull) {
    const Column nulls = Column::constant(Datum::null(kInt8), 3);
    EXPECT_EQ(*finished(folded(aggregate(AggregateKind::kSum, kInt8, kNumeric), nulls)), "NULL");
    EXPECT_EQ(*finished(folded(aggregate(AggregateKind::kAvg, kInt8, kNumeric), nulls)), "NULL");
    EXPECT_EQ(*finished(folded(aggregate(AggregateKind::kCount, kInt8, kInt8), nulls)), "0");
    EXPECT_EQ(*finished(folded(aggregate(AggregateKind::kMin, kInt8, kInt8), nulls)), "NULL");
    EXPECT_EQ(*finished(folded(aggregate(AggregateKind::kCountDistinct, kInt8, kInt8), nulls)),
              "0");
}

TEST(GroupTable, SumOfInt8GoesBeyondInt8) {
    const Column big = int8s({INT64_MAX, INT64_MAX, INT64_MAX});
    EXPECT_EQ(*finished(folded(aggregate(AggregateKind::kSum, kInt8, kNumeric), big)),
              "27670116110564327421");
    const Column low = int8s({INT64_MIN, INT64_MIN});
    EXPECT_EQ(*finished(folded(aggregate(AggregateKind::kSum, kInt8, kNumeric), low)),
              "-18446744073709551616");
}

TEST(GroupTable, SumOfInt4OutOfInt8IsAnErrorAtFinishOnly) {
    GroupTable table({aggregate(AggregateKind::kSum, kInt4, kInt8)});
    // 2^62 rows of 4 would take a while: make the state.
    std::string state("\x01", 1);
    for (int i = 0; i < 9; ++i) state.push_back('\xfe');
    state.push_back('\x7f');
    ASSERT_OK(table.merge_row(0, {"k", {}, state}));
    EXPECT_ERROR(finished(table), ErrorCode::kInvalidInput, "22003");
    EXPECT_EQ(finished(table).error().message(), "bigint out of range");
}

// Every answer below is what PostgreSQL 15 prints.
TEST(GroupTable, NumericSumsShowTheGreatestScale) {
    EXPECT_EQ(numeric_answer(AggregateKind::kSum, {"1.5", "2.25", "3"}), "6.75");
    EXPECT_EQ(numeric_answer(AggregateKind::kSum, {"1.50", "-1.5"}), "0.00");
    EXPECT_EQ(numeric_answer(AggregateKind::kSum, {"1e20", "1e-10"}),
              "100000000000000000000.0000000001");
    EXPECT_EQ(numeric_answer(AggregateKind::kSum, {"1", "NaN", "2"}), "NaN");
    EXPECT_EQ(numeric_answer(AggregateKind::kSum, {"1", "Infinity"}), "Infinity");
    EXPECT_EQ(numeric_answer(AggregateKind::kSum, {"-Infinity", "Infinity"}), "NaN");
    EXPECT_EQ(numeric_answer(AggregateKind::kAvg, {"1.5", "2.25", "3"}), "2.2500000000000000");
    EXPECT_EQ(numeric_answer(AggregateKind::kAvg, {"1", "2"}), "1.5000000000000000");
    EXPECT_EQ(numeric_answer(AggregateKind::kAvg, {"10", "20", "20"}), "16.6666666666666667");
}

TEST(GroupTable, NumericSumsBeyond38DigitsFailAtFinishOnly) {
    const std::string big = "9" + std::string(37, '0');
    const std::string nines(38, '9');
    EXPECT_EQ(numeric_answer(AggregateKind::kSum, {nines, "-1"}), nines.substr(1) + "8");
    EXPECT_EQ(numeric_answer(AggregateKind::kSum, {nines, "1", "-1"}), nines);
    EXPECT_EQ(numeric_answer(AggregateKind::kSum, {nines, "1"}), "value overflows numeric format");
    EXPECT_EQ(numeric_answer(AggregateKind::kSum, {big, big}), "value overflows numeric format");
    EXPECT_EQ(numeric_answer(AggregateKind::kSum, {big, big, "-" + big}), big);
    EXPECT_EQ(numeric_answer(AggregateKind::kSum, {big, "0.0000000001", "-" + big}),
              "0.0000000001");
    EXPECT_EQ(numeric_answer(AggregateKind::kSum, {big, "0.0000000001"}),
              "value overflows numeric format");
}

TEST(GroupTable, AnAverageNeedsNo38DigitsOfTheSum) {
    const std::string big = "9" + std::string(37, '0');
    const std::string nines(38, '9');
    EXPECT_EQ(numeric_answer(AggregateKind::kAvg, {big, big}), big);
    EXPECT_EQ(numeric_answer(AggregateKind::kAvg, {"-" + big, "-" + big}), "-" + big);
    EXPECT_EQ(numeric_answer(AggregateKind::kAvg, {nines, nines.substr(1) + "8"}),
              "99999999999999999999999999999999999999");
    EXPECT_EQ(numeric_answer(AggregateKind::kAvg, {"1e22", "0.0000000000000001"}),
              "5000000000000000000000.0000000000000001");
    EXPECT_EQ(numeric_answer(AggregateKind::kAvg, {nines, "1e-30"}),
              "value overflows numeric format");
}

TEST(GroupTable, EqualNumericsOfDifferentScaleShowTheSmallestScale) {
    EXPECT_EQ(numeric_answer(AggregateKind::kMax, {"1.000", "1.0", "1.00"}), "1.0");
    EXPECT_EQ(numeric_answer(AggregateKind::kMin, {"1.0", "1.000", "1.00"}), "1.0");
    EXPECT_EQ(numeric_answer(AggregateKind::kMax, {"5", "NaN"}), "NaN");
    EXPECT_EQ(numeric_answer(AggregateKind::kMin, {"5", "NaN", "-Infinity"}), "-Infinity");
}

TEST(GroupTable, AveragesOfIntegersHaveSixteenDigits) {
    EXPECT_EQ(*finished(folded(aggregate(AggregateKind::kAvg, kInt8, kNumeric), int8s({1, 2, 2}))),
              "1.6666666666666667");
    EXPECT_EQ(*finished(folded(aggregate(AggregateKind::kAvg, kInt8, kNumeric),
                               int8s({100'000, 200'001}))),
              "150000.500000000000");
}

TEST(GroupTable, FilterTakesOnlyTrue) {
    const Type boolean = Type::of(TypeKind::kBool);
    const Column filter = Column::flat<uint8_t>(boolean, {1, 0, 1, 1}, {1, 1, 0, 1});
    const Column argument = int8s({1, 10, 100, 1000});
    EXPECT_EQ(*finished(folded(aggregate(AggregateKind::kSum, kInt8, kNumeric), argument, filter)),
              "1001");
    EXPECT_EQ(*finished(folded(aggregate(AggregateKind::kCount, kInt8, kInt8), argument, filter)),
              "2");
    EXPECT_EQ(
        *finished(folded(aggregate(AggregateKind::kCountDistinct, kInt8, kInt8), argument, filter)),
        "2");
    const Column none = Column::constant(Datum::boolean(false), 4);
    EXPECT_EQ(*finished(folded(aggregate(AggregateKind::kMax, kInt8, kInt8), argument, none)),
              "NULL");
}

TEST(GroupTable, ConstantArgumentsCountEachRow) {
    const Column twos = Column::constant(Datum::int8(2), 5000);
    EXPECT_EQ(*finished(folded(aggregate(AggregateKind::kSum, kInt8, kNumeric), twos)), "10000");
    EXPECT_EQ(*finished(folded(aggregate(AggregateKind::kCountDistinct, kInt8, kInt8), twos)), "1");
}

TEST(GroupTable, FoldsIntoManyGroups) {
    GroupTable table({aggregate(AggregateKind::kCountRows, {}, kInt8),
                      aggregate(AggregateKind::kSum, kInt8, kNumeric),
                      aggregate(AggregateKind::kCountDistinct, kInt8, kInt8)});
    Random random(1);
    std::map<std::pair<int64_t, std::string>, std::vector<int64_t>> expected;
    for (int slice = 0; slice < 40; ++slice) {
        std::vector<int64_t> first;
        std::vector<int64_t> values;
        ColumnBuilder second(kText);
        for (int i = 0; i < 3000; ++i) {
            const auto key = static_cast<int64_t>(random.below(5000));
            const std::string text = "module " + std::to_string(key % 7);
            const auto value = static_cast<int64_t>(random.below(4));
            first.push_back(key);
            second.append_text(text);
            values.push_back(value);
            expected[{key, text}].push_back(value);
        }
        const std::vector<Column> keys = {int8s(first), second.finish()};
        const Column argument = int8s(values);
        table.fold(encoded(keys), inputs({{}, {argument}, {argument}}));
    }
    ASSERT_EQ(table.size(), expected.size());
    const std::vector<GroupTable::Group> groups = table.sorted_groups();
    Schema schema;
    schema.fields = {{"a", kInt8}, {"b", kText}};
    ASSERT_OK_AND_ASSIGN(const std::vector<Column> keys, decode_keys(table, groups, schema));
    ASSERT_OK_AND_ASSIGN(const Column counts, column_of(table.finish(0, groups)));
    ASSERT_OK_AND_ASSIGN(const Column sums, column_of(table.finish(1, groups)));
    ASSERT_OK_AND_ASSIGN(const Column distinct, column_of(table.finish(2, groups)));
    size_t row = 0;
    for (const auto& [key, values] : expected) {
        ASSERT_EQ(keys[0].at<int64_t>(row), key.first);
        ASSERT_EQ(keys[1].at<std::string_view>(row), key.second);
        ASSERT_EQ(counts.at<int64_t>(row), static_cast<int64_t>(values.size()));
        const auto sum = std::accumulate(values.begin(), values.end(), int64_t{0});
        ASSERT_EQ(static_cast<int64_t>(sums.at<Numeric>(row).unscaled), sum);
        ASSERT_EQ(distinct.at<int64_t>(row),
                  static_cast<int64_t>(std::set(values.begin(), values.end()).size()));
        ASSERT_EQ(table.find(table.key_of(groups[row])), groups[row]);
        ++row;
    }
    EXPECT_EQ(table.find("nothing"), GroupTable::kNoGroup);
}

TEST(GroupTable, MergesInBoundedSteps) {
    const auto make = [](int64_t from, int64_t to) {
        std::vector<int64_t> values(static_cast<size_t>(to - from));
        std::iota(values.begin(), values.end(), from);
        GroupTable table({aggregate(AggregateKind::kCountDistinct, kInt8, kInt8)});
        const std::vector<Column> keys = {int8s(values)};
        table.fold(encoded(keys), inputs({{int8s(values)}}));
        return table;
    };
    GroupTable target = make(0, 5000);
    const GroupTable source = make(4000, 9000);
    for (GroupTable::Group from = 0; from < source.size(); from += 700) {
        target.merge(source, from, std::min<GroupTable::Group>(from + 700, 5000));
    }
    EXPECT_EQ(target.size(), 9000U);
    for (GroupTable::Group group = 0; group < target.size(); ++group) {
        ASSERT_EQ(target.subkey_count(1, group), 1U);
    }
}

TEST(GroupTable, MergesManyStatesAtOnce) {
    GroupTable table({aggregate(AggregateKind::kCountRows, {}, kInt8)});
    std::vector<std::string> keys;
    for (int i = 0; i < 3000; ++i) keys.push_back(std::to_string(i % 1000));
    const std::vector<std::string_view> views(keys.begin(), keys.end());
    const std::vector<std::string_view> states(keys.size(), "\x02");
    ASSERT_OK(table.merge_states(views, states));
    EXPECT_EQ(table.size(), 1000U);
    std::string state;
    table.encode_state(table.find("7"), state);
    EXPECT_EQ(state, "\x06");
}

TEST(GroupTable, AKeyOfTwoNumbersTakesFewBytes) {
    GroupTable table({aggregate(AggregateKind::kCountRows, {}, kInt8),
                      aggregate(AggregateKind::kSum, kInt8, kNumeric)});
    constexpr int64_t kKeys = 1'000'000;
    constexpr int64_t kSlice = 4096;
    for (int64_t from = 0; from < kKeys; from += kSlice) {
        std::vector<int64_t> values(static_cast<size_t>(std::min(kSlice, kKeys - from)));
        std::iota(values.begin(), values.end(), from);
        const std::vector<Column> keys = {int8s(values)};
        table.fold(encoded(keys), inputs({{}, {int8s(values)}}));
    }
    EXPECT_LE(table.bytes_used() / kKeys, 80U);
}

TEST(GroupTable, AFallingMinimumOfTextDoesNotGrow) {
    GroupTable table({aggregate(AggregateKind::kMin, kText, kText)});
    size_t before = 0;
    for (int slice = 0; slice < 50; ++slice) {
        ColumnBuilder builder(kText);
        for (int i = 0; i < 1000; ++i) {
            builder.append_text(std::string(40, 'a') +
                                std::to_string(2'000'000 - slice * 1000 - i));
        }
        const std::vector<Column> keys = {Column::constant(Datum::int8(1), 1000)};
        table.fold(encoded(keys), inputs({{builder.finish()}}));
        if (slice == 0) before = table.bytes_used();
    }
    EXPECT_EQ(table.bytes_used(), before);
    EXPECT_EQ(*finished(table), std::string(40, 'a') + "1950001");
}

}  // namespace
}  // namespace braid::operators
