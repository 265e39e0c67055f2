// SPDX-License-Identifier: Apache-2.0
#include <string>

#include "base/test_support.h"
#include "read/adhoc/plan_test_support.h"
#include "read/adhoc/table_call_internal.h"

namespace braid::read::test {
namespace {

using JoinKind = Node::JoinKind;

class DuckFunctionTest : public DuckTest {};

TEST_F(DuckFunctionTest, SeriesOfNumbers) {
    const auto series = [&](std::string_view field, std::vector<ExprPtr> arguments) {
        return run(table_function("generate_series", std::move(arguments), field));
    };
    EXPECT_EQ(series("n int4", {num(1), num(4)}), "1\n2\n3\n4\n");
    EXPECT_EQ(series("n int4", {num(5), num(1), num(-2)}), "5\n3\n1\n");
    EXPECT_EQ(series("n int4", {num(5), num(1)}), "");
    EXPECT_EQ(series("n int4", {num(5), null_of("int4")}), "");
    EXPECT_EQ(series("n int4", {num(1), num(2), num(0)}), "22023 step size cannot equal zero");
    EXPECT_EQ(series("n int4", {num(2147483646), num(2147483647)}), "2147483646\n2147483647\n");
    EXPECT_EQ(series("n int8", {lit("int8", "9223372036854775806"),
                                lit("int8", "9223372036854775807"), lit("int8", "5")}),
              "9223372036854775806\n");
    EXPECT_EQ(
        series("n numeric", {lit("numeric", "0"), lit("numeric", "1"), lit("numeric", "0.4")}),
        "0\n0.4\n0.8\n");
    EXPECT_EQ(series("n numeric", {lit("numeric", "0"), lit("numeric", "NaN")}),
              "22023 stop value cannot be NaN");
    EXPECT_EQ(series("n int4, o int8", {num(7), num(8)}), "7|1\n8|2\n");
}

TEST_F(DuckFunctionTest, SeriesOfTimes) {
    const auto series = [&](std::string_view type, std::string_view from, std::string_view to,
                            std::string_view step) {
        return run(table_function("pg_catalog.generate_series",
                                  {lit(type, from), lit(type, to), lit("interval", step)},
                                  "t " + std::string(type)));
    };
    EXPECT_EQ(
        series("timestamp", "2024-01-31", "2024-04-30", "1 month"),
        "2024-01-31 00:00:00\n2024-02-29 00:00:00\n2024-03-29 00:00:00\n2024-04-29 00:00:00\n");
    EXPECT_EQ(series("timestamp", "2024-01-01", "2024-01-02", "12 hours"),
              "2024-01-01 00:00:00\n2024-01-01 12:00:00\n2024-01-02 00:00:00\n");
    EXPECT_EQ(series("timestamptz", "2024-01-02Z", "2024-01-01Z", "-1 day"),
              "2024-01-02 00:00:00+00\n2024-01-01 00:00:00+00\n");
    EXPECT_EQ(series("timestamp", "2024-01-01", "2024-01-02", "0 days"),
              "22023 step size cannot equal zero");
}

TEST_F(DuckFunctionTest, LongSeriesStream) {
    const NodePtr series = table_function(
        "generate_series", {lit("int8", "1"), lit("int8", "1000000000000")}, "n int8");
    EXPECT_EQ(run(limit(series, num(2))), "1\n2\n");
    const NodePtr million = table_function("generate_series", {num(1), num(1'000'000)}, "n int4");
    EXPECT_EQ(run(aggregate(million, {}, {agg("sum", {col(million, 0)}, "int8")})),
              "500000500000\n");
}

TEST_F(DuckFunctionTest, UnnestsArrayTexts) {
    const auto unnest = [&](std::string_view text, std::string_view field) {
        return run(table_function("unnest", {str(std::string(text))}, field));
    };
    EXPECT_EQ(unnest(R"({a,"b c",NULL,"NULL","q\"uote","",null})", "x text"),
              "a\nb c\nNULL\nNULL\nq\"uote\n\nNULL\n");
    EXPECT_EQ(unnest("{}", "x text"), "");
    EXPECT_EQ(unnest("{{1,2},{3,4}}", "x int4"), "1\n2\n3\n4\n");
    EXPECT_EQ(unnest("{10,20}", "x oid, n int4"), "10|1\n20|2\n");
    EXPECT_EQ(unnest("{1,x}", "x int4").substr(0, 5), "22P02");
    EXPECT_EQ(unnest("oops", "x text"),
              "22P02 malformed array literal: \"oops\" | Array value must start with "
              "\"{\" or dimension information.");
    EXPECT_EQ(run(table_function("unnest", {null_of("text")}, "x text")), "");
    const ExprPtr vector = plan::constant(
        Datum{Type::aliased(TypeKind::kText, TypeAlias::kInt2Vector), std::string("3 1 2")});
    EXPECT_EQ(run(table_function("information_schema._pg_expandarray", {vector}, "x int4, n int4")),
              "3|1\n1|2\n2|3\n");
}

TEST_F(DuckFunctionTest, LateralCalls) {
    const NodePtr t = table("a int4, b text", "1|{x}\n 3|{y,z}\n 0|{}\n NULL|NULL");
    const NodePtr up_to_a = table_function("generate_series", {num(1), outer(t, 0)}, "n int4");
    EXPECT_EQ(run_sorted(project(join(JoinKind::kCross, t, up_to_a, nullptr, true),
                                 {col(t, 0), plan::column_ref(2, Type::of(TypeKind::kInt4))})),
              "1|1\n3|1\n3|2\n3|3\n");
    const NodePtr parts = table_function("unnest", {outer(t, 1)}, "x text, n int8");
    EXPECT_EQ(run_sorted(join(JoinKind::kLeft, t, parts, nullptr, true)),
              "0|{}|NULL|NULL\n1|{x}|x|1\n3|{y,z}|y|1\n3|{y,z}|z|2\nNULL|NULL|NULL|NULL\n");
    const NodePtr zero = table_function("generate_series", {num(1), num(2), outer(t, 0)}, "n int4");
    EXPECT_EQ(run(join(JoinKind::kCross, t, zero, nullptr, true)),
              "22023 step size cannot equal zero");
    const NodePtr days =
        table("f timestamp, t timestamp", "2024-01-31|2024-03-31\n 2024-05-01|2024-05-01");
    const NodePtr months =
        table_function("generate_series",
                       {outer(days, 0), outer(days, 1), lit("interval", "1 month")}, "m timestamp");
    EXPECT_EQ(
        run_sorted(project(join(JoinKind::kCross, days, months, nullptr, true),
                           {plan::column_ref(2, Type::of(TypeKind::kTimestamp))})),
        "2024-01-31 00:00:00\n2024-02-29 00:00:00\n2024-03-29 00:00:00\n2024-05-01 00:00:00\n");
    const NodePtr numerics = table("a numeric, b numeric", "0.5|2");
    const NodePtr steps =
        table_function("generate_series", {outer(numerics, 0), outer(numerics, 1)}, "n numeric");
    EXPECT_EQ(run_sorted(join(JoinKind::kCross, numerics, steps, nullptr, true)),
              "0.5|2|0.5\n0.5|2|1.5\n");
}

TEST_F(DuckFunctionTest, ListsHaveALimit) {
    const NodePtr t = table("a int8", "1000000000000");
    const NodePtr endless =
        table_function("generate_series", {lit("int8", "1"), outer(t, 0)}, "n int8");
    EXPECT_EQ(run(join(JoinKind::kCross, t, endless, nullptr, true)),
              "54000 table function gives more than 10000000 rows");
}

TEST_F(DuckFunctionTest, OthersGoToWhoeverOpensLeaves) {
    const NodePtr other = table_function("pg_catalog.pg_get_keywords", {}, "word text");
    DuckStatement asked = statement(other);
    asked.open_leaf = [](const Node& leaf) -> Result<RowPiecesPtr> {
        return Error(ErrorCode::kUnsupported, "asked for " + leaf.relation.name);
    };
    EXPECT_EQ(run(std::move(asked), other->output), "0A000 asked for pg_catalog.pg_get_keywords");
}

}  // namespace
}  // namespace braid::read::test
