// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <string>

#include "base/test_support.h"
#include "read/adhoc/plan_test_support.h"

namespace braid::read::test {
namespace {

class DuckAggregateTest : public DuckTest {
  protected:
    std::string one(const NodePtr& input, plan::AggregateCall call) {
        return run(aggregate(input, {}, {std::move(call)}));
    }
    std::string over(const NodePtr& input, std::vector<plan::WindowCall> calls) {
        const NodePtr all = window(input, std::move(calls));
        return run_sorted(all);
    }
};

plan::AggregateCall unique(plan::AggregateCall call) {
    call.is_distinct = true;
    return call;
}
plan::AggregateCall filtered(plan::AggregateCall call, ExprPtr filter) {
    call.filter = std::move(filter);
    return call;
}
plan::AggregateCall ordered(plan::AggregateCall call, std::vector<plan::SortKey> keys) {
    call.order_by = std::move(keys);
    return call;
}

TEST_F(DuckAggregateTest, CountsAndSumsWithPostgresTypes) {
    const NodePtr t = table("a int4, b int8, c numeric, d float8, e text",
                            "2147483647|9223372036854775807|1.50|0.1|x\n"
                            "2147483647|9223372036854775807|2.5|0.2|y\n"
                            "NULL|NULL|NULL|NULL|NULL\n"
                            "2|2|1.500|0.3|x");
    const NodePtr all =
        aggregate(t, {},
                  {agg("count", {}, "int8"), agg("count", {col(t, 0)}, "int8"),
                   unique(agg("count", {col(t, 2)}, "int8")), agg("sum", {col(t, 0)}, "int8"),
                   agg("sum", {col(t, 1)}, "numeric"), agg("sum", {col(t, 2)}, "numeric"),
                   agg("sum", {col(t, 3)}, "float8")});
    EXPECT_EQ(run(all), "4|3|2|4294967296|18446744073709551616|5.500|0.6\n");
    const NodePtr averages =
        aggregate(t, {},
                  {agg("avg", {col(t, 0)}, "numeric"), agg("avg", {col(t, 1)}, "numeric"),
                   agg("avg", {col(t, 2)}, "numeric"), agg("avg", {col(t, 3)}, "float8")});
    EXPECT_EQ(run(averages), "1431655765.33333333|6148914691236517205|1.8333333333333333|0.2\n");
    const NodePtr distinct = aggregate(
        t, {},
        {unique(agg("sum", {col(t, 0)}, "int8")), unique(agg("sum", {col(t, 2)}, "numeric")),
         unique(agg("avg", {col(t, 2)}, "numeric")), unique(agg("count", {col(t, 4)}, "int8"))});
    EXPECT_EQ(run(distinct), "2147483649|4.000|2.0000000000000000|2\n");
}

TEST_F(DuckAggregateTest, OfNothing) {
    const NodePtr t = table("a int4, b int8, c numeric, d float8, e text", "");
    const NodePtr all =
        aggregate(t, {},
                  {agg("count", {}, "int8"), agg("sum", {col(t, 0)}, "int8"),
                   agg("sum", {col(t, 1)}, "numeric"), agg("avg", {col(t, 2)}, "numeric"),
                   agg("sum", {col(t, 3)}, "float8"), agg("min", {col(t, 2)}, "numeric"),
                   agg("string_agg", {col(t, 4), str(",")}, "text"),
                   agg("array_agg", {col(t, 4)}, "_text"), agg("stddev", {col(t, 3)}, "float8"),
                   agg("avg", {col(t, 0)}, "numeric"), agg("avg", {col(t, 3)}, "float8")});
    EXPECT_EQ(run(all), "0|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL\n");
    EXPECT_EQ(run(aggregate(t, {col(t, 0)}, {agg("count", {}, "int8")})), "");
    EXPECT_EQ(run(aggregate(t, {}, {})), "1 rows\n");
}

TEST_F(DuckAggregateTest, SumsThatDoNotFitFail) {
    const NodePtr t = table("a int4, b numeric, c float8",
                            "2147483647|99999999999999999999999999999999999999|1e308\n"
                            "2147483647|1|1e308");
    EXPECT_EQ(one(t, agg("sum", {col(t, 1)}, "numeric")), "22003 value overflows numeric format");
    EXPECT_EQ(one(t, agg("sum", {col(t, 2)}, "float8")), "22003 value out of range: overflow");
    const NodePtr many = join(Node::JoinKind::kCross, t,
                              table_function("generate_series", {num(1), num(10)}, "n int4"));
    EXPECT_EQ(one(many, agg("sum", {col(t, 0)}, "int8")), "42949672940\n");
}

TEST_F(DuckAggregateTest, FloatsAreSummedExactlyWithPostgresSpecials) {
    const NodePtr t = table(
        "k int4, a float8",
        "1|1e300\n 1|1\n 1|-1e300\n 2|Infinity\n 2|1\n 3|Infinity\n 3|-Infinity\n 4|NaN\n 4|1\n"
        "5|1e308\n 5|1e-308\n 5|-1e308");
    EXPECT_EQ(run_sorted(aggregate(t, {col(t, 0)}, {agg("sum", {col(t, 1)}, "float8")})),
              "1|1\n2|Infinity\n3|NaN\n4|NaN\n5|1e-308\n");
}

TEST_F(DuckAggregateTest, Variances) {
    const NodePtr t = table("a float8", "1\n 2\n 4\n NULL");
    const NodePtr all =
        aggregate(t, {},
                  {agg("variance", {col(t, 0)}, "float8"), agg("var_pop", {col(t, 0)}, "float8"),
                   agg("stddev", {col(t, 0)}, "float8"), agg("stddev_pop", {col(t, 0)}, "float8")});
    EXPECT_EQ(run(all),
              "2.3333333333333335|1.5555555555555556|1.5275252316519468|1.247219128924647\n");
    const NodePtr single = table("a float8", "1");
    EXPECT_EQ(run(aggregate(single, {},
                            {agg("var_samp", {col(single, 0)}, "float8"),
                             agg("var_pop", {col(single, 0)}, "float8")})),
              "NULL|0\n");
    const NodePtr wild = table("a float8", "1\n NaN");
    EXPECT_EQ(one(wild, agg("stddev_samp", {col(wild, 0)}, "float8")), "NaN\n");
    const NodePtr numerics = table("a numeric", "1");
    EXPECT_EQ(one(numerics, agg("stddev", {col(numerics, 0)}, "numeric")),
              "0A000 stddev of numeric is not supported in a query");
}

TEST_F(DuckAggregateTest, GroupsNumericsByValue) {
    const NodePtr t = table(
        "a numeric, b interval, c int4",
        "1.0|1 mon|1\n 1.00|30 days|2\n 1|30 days|4\n 2.50|1 day|8\n NULL|NULL|16\n NULL|NULL|32");
    const NodePtr sums = aggregate(t, {col(t, 0)}, {agg("sum", {col(t, 2)}, "int8")});
    EXPECT_EQ(run_sorted(sums), "1|7\n2.50|8\nNULL|48\n");
    const NodePtr spans = aggregate(t, {col(t, 1)}, {agg("sum", {col(t, 2)}, "int8")});
    EXPECT_EQ(run_sorted(project(spans, {col(spans, 1)})), "48\n7\n8\n");
    EXPECT_EQ(
        run(aggregate(t, {},
                      {agg("min", {col(t, 0)}, "numeric"), agg("max", {col(t, 0)}, "numeric"),
                       agg("min", {col(t, 1)}, "interval"), agg("max", {col(t, 1)}, "interval")}))
            .substr(0, 20),
        "1|2.50|1 day|30 days");
    const NodePtr computed =
        aggregate(t, {fn("+(numeric,numeric)", {col(t, 0), lit("numeric", "0.5")})},
                  {agg("count", {}, "int8")});
    EXPECT_EQ(run_sorted(computed), "1.5|3\n3.00|1\nNULL|2\n");
}

TEST_F(DuckAggregateTest, FiltersShieldArguments) {
    const NodePtr t = table("a int4, b int4", "6|0\n 6|2\n 6|3");
    const ExprPtr quotient = fn("/(int4,int4)", {col(t, 0), col(t, 1)});
    const ExprPtr is_safe = fn("<>(int4,int4)", {col(t, 1), num(0)});
    EXPECT_EQ(one(t, filtered(agg("sum", {quotient}, "int8"), is_safe)), "5\n");
    EXPECT_EQ(one(t, agg("sum", {quotient}, "int8")), "22012 division by zero");
    EXPECT_EQ(one(t, filtered(agg("count", {}, "int8"), fn(">(int4,int4)", {col(t, 1), num(2)}))),
              "1\n");
}

TEST_F(DuckAggregateTest, TextsAndArrays) {
    const NodePtr t = table("a text, b int4, c text", "y|2|-\n x|1|+\n NULL|3|/\n y|4|*\n a b|5|.");
    EXPECT_EQ(one(t, ordered(agg("string_agg", {col(t, 0), str(", ")}, "text"), {asc(col(t, 1))})),
              "x, y, y, a b\n");
    EXPECT_EQ(one(t, ordered(agg("string_agg", {col(t, 0), str(", ")}, "text"), {desc(col(t, 1))})),
              "a b, y, y, x\n");
    EXPECT_EQ(one(t, unique(agg("string_agg", {col(t, 0), str("'; DROP")}, "text"))),
              "a b'; DROPx'; DROPy\n");
    EXPECT_EQ(one(t, ordered(agg("string_agg", {col(t, 0), col(t, 2)}, "text"), {asc(col(t, 1))})),
              "x-y*y.a b\n");
    EXPECT_EQ(
        one(t, ordered(agg("string_agg", {col(t, 0), null_of("text")}, "text"), {asc(col(t, 1))})),
        "xyya b\n");
    EXPECT_EQ(one(t, ordered(agg("array_agg", {col(t, 0)}, "_text"), {asc(col(t, 1))})),
              "{x,y,NULL,y,\"a b\"}\n");
    EXPECT_EQ(one(t, ordered(agg("array_agg", {col(t, 1)}, "_text"), {desc(col(t, 1))})),
              "{5,4,3,2,1}\n");
    EXPECT_EQ(one(t, filtered(ordered(agg("array_agg", {col(t, 1)}, "_text"), {asc(col(t, 1))}),
                              fn(">(int4,int4)", {col(t, 1), num(3)}))),
              "{4,5}\n");
    EXPECT_EQ(one(t, agg("percentile_cont", {col(t, 1)}, "float8")),
              "0A000 aggregate function \"percentile_cont\" is not supported in a query");
}

TEST_F(DuckAggregateTest, BooleansAndBits) {
    const NodePtr t = table("a bool, b int4", "t|6\n f|3\n NULL|NULL");
    EXPECT_EQ(
        run(aggregate(t, {},
                      {agg("bool_and", {col(t, 0)}, "bool"), agg("bool_or", {col(t, 0)}, "bool"),
                       agg("every", {col(t, 0)}, "bool"), agg("bit_and", {col(t, 1)}, "int4"),
                       agg("bit_or", {col(t, 1)}, "int4")})),
        "f|t|f|2|7\n");
}

TEST_F(DuckAggregateTest, ManyGroupsOnTwoThreads) {
    constexpr size_t kRows = 400'000;
    const Schema schema = schema_of("k int4, v numeric, f float8");
    std::vector<int32_t> keys(kRows);
    std::vector<Numeric> numerics(kRows);
    std::vector<double> floats(kRows);
    for (size_t i = 0; i < kRows; ++i) {
        keys[i] = static_cast<int32_t>(i % 1000);
        numerics[i] = {static_cast<int128>(i), static_cast<int16_t>(i % 2 == 0 ? 2 : 3),
                       Numeric::Kind::kFinite};
        floats[i] = i % 3 == 0 ? 1e300 : (i % 3 == 1 ? 0.1 : -1e300);
    }
    Batch rows{kRows,
               {Column::flat<int32_t>(schema.fields[0].type, keys),
                Column::flat<Numeric>(schema.fields[1].type, numerics),
                Column::flat<double>(schema.fields[2].type, floats)}};
    const NodePtr t = table_of(schema, std::move(rows));
    const NodePtr sums =
        aggregate(t, {col(t, 0)}, {agg("sum", {col(t, 1)}, "numeric"), agg("count", {}, "int8")});
    const std::string text = run(limit(sort(sums, {asc(col(sums, 0))}), num(2)));
    // Key 0: 0, 1000, …, all even, at scale 2; key 1 odd, at scale 3.
    EXPECT_EQ(text, "0|798000.00|400\n1|79800.400|400\n");
    EXPECT_EQ(one(t, agg("sum", {col(t, 2)}, "float8")).substr(0, 7), "1e+300\n");
    EXPECT_EQ(one(t, unique(agg("count", {col(t, 1)}, "int8"))), "400000\n");
}

TEST_F(DuckAggregateTest, WindowFunctions) {
    const NodePtr t = table("g text, a int4", "x|1\n x|2\n x|2\n y|5\n y|NULL");
    const std::vector<ExprPtr> by_g = {col(t, 0)};
    const std::vector<plan::SortKey> by_a = {asc(col(t, 1))};
    EXPECT_EQ(
        over(t, {win("row_number", {}, "int8", by_g, by_a), win("rank", {}, "int8", by_g, by_a),
                 win("dense_rank", {}, "int8", by_g, by_a),
                 win("percent_rank", {}, "float8", by_g, by_a),
                 win("cume_dist", {}, "float8", by_g, by_a),
                 win("ntile", {num(2)}, "int4", by_g, by_a)}),
        "x|1|1|1|1|0|0.3333333333333333|1\nx|2|2|2|2|0.5|1|1\nx|2|3|2|2|0.5|1|2\n"
        "y|5|1|1|1|0|0.5|1\ny|NULL|2|2|2|1|1|2\n");
    EXPECT_EQ(over(t, {win("lag", {col(t, 1)}, "int4", by_g, by_a),
                       win("lead", {col(t, 1), num(1), num(-1)}, "int4", by_g, by_a),
                       win("first_value", {col(t, 1)}, "int4", by_g, by_a),
                       win("last_value", {col(t, 1)}, "int4", by_g, by_a,
                           "ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING"),
                       win("nth_value", {col(t, 1), num(2)}, "int4", by_g, by_a)}),
              "x|1|NULL|2|1|2|NULL\nx|2|1|2|1|2|2\nx|2|2|-1|1|2|2\ny|5|NULL|NULL|5|NULL|NULL\ny|"
              "NULL|5|-1|5|NULL|NULL\n");
    EXPECT_EQ(over(t, {win("ntile", {num(0)}, "int4", by_g, by_a)}),
              "22014 argument of ntile must be greater than zero");
}

TEST_F(DuckAggregateTest, AggregatesAsWindows) {
    const NodePtr t = table("g text, a int4, b numeric, c float8",
                            "x|1|1.5|0.5\n x|2|2.50|1.5\n x|3|NULL|NULL\n y|4|4|2.5");
    const std::vector<ExprPtr> by_g = {col(t, 0)};
    const std::vector<plan::SortKey> by_a = {asc(col(t, 1))};
    const std::string both = "ROWS BETWEEN 1 PRECEDING AND CURRENT ROW";
    EXPECT_EQ(
        over(project(t, {col(t, 0), col(t, 1)}),
             {win("sum", {col(t, 1)}, "int8", by_g), win("sum", {col(t, 1)}, "int8", by_g, by_a),
              win("count", {}, "int8"), win("avg", {col(t, 1)}, "numeric", by_g, by_a, both)}),
        "x|1|6|1|4|1.00000000000000000000\nx|2|6|3|4|1.5000000000000000\nx|3|6|6|4|2."
        "5000000000000000\n"
        "y|4|4|4|4|4.0000000000000000\n");
    EXPECT_EQ(
        over(t, {win("sum", {col(t, 2)}, "numeric"), win("sum", {col(t, 2)}, "numeric", by_g),
                 win("sum", {col(t, 2)}, "numeric", by_g, by_a), win("avg", {col(t, 3)}, "float8"),
                 win("sum", {col(t, 3)}, "float8", by_g, by_a, both),
                 win("max", {col(t, 2)}, "numeric", by_g)}),
        "x|1|1.5|0.5|8.00|4.00|1.5|1.5|0.5|2.50\nx|2|2.50|1.5|8.00|4.00|4.00|1.5|2|2.50\n"
        "x|3|NULL|NULL|8.00|4.00|4.00|1.5|1.5|2.50\ny|4|4|2.5|8.00|4|4|1.5|2.5|4\n");
}

TEST_F(DuckAggregateTest, WindowsOverManyRows) {
    const NodePtr series = table_function("generate_series", {num(1), num(20'000)}, "n int4");
    const ExprPtr value = fn("cast:numeric(int4)", {col(series, 0)});
    const NodePtr t =
        project(series, {col(series, 0), value, fn("%(int4,int4)", {col(series, 0), num(7)})});
    const std::vector<plan::SortKey> by_n = {asc(col(t, 0))};
    const NodePtr w =
        window(t, {win("sum", {col(t, 1)}, "numeric"), win("sum", {col(t, 1)}, "numeric", {}, by_n),
                   win("sum", {col(t, 1)}, "numeric", {col(t, 2)}),
                   win("sum", {col(t, 1)}, "numeric", {col(t, 2)}, by_n,
                       "ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING")});
    EXPECT_EQ(run(limit(sort(project(w, {col(w, 0), col(w, 3), col(w, 4), col(w, 5), col(w, 6)}),
                             {desc(col(w, 0))}),
                        num(1))),
              "20000|200010000|200010000|28581429|28581429\n");
}

TEST_F(DuckAggregateTest, WindowsOrderNumericsByValue) {
    const NodePtr t = table("a numeric, b int4", "1.0|1\n 1.00|2\n 2|4");
    EXPECT_EQ(over(t, {win("rank", {}, "int8", {}, {asc(col(t, 0))}),
                       win("sum", {col(t, 1)}, "int8", {col(t, 0)})}),
              "1.00|2|1|3\n1.0|1|1|3\n2|4|3|4\n");
    EXPECT_EQ(over(t, {win("sum", {col(t, 1)}, "int8", {}, {asc(col(t, 1))},
                           "RANGE BETWEEN 1 PRECEDING AND CURRENT ROW EXCLUDE CURRENT ROW")}),
              "1.00|2|1\n1.0|1|NULL\n2|4|NULL\n");
    EXPECT_EQ(over(t, {win("sum", {col(t, 1)}, "int8", {}, {asc(col(t, 1))}, "ROWS 1; DROP")})
                  .substr(0, 5),
              "XX000");
}

}  // namespace
}  // namespace braid::read::test
