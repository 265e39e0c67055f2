// SPDX-License-Identifier: Apache-2.0
#include "read/adhoc/duck_engine.h"

#include <string>

#include "base/test_support.h"
#include "read/adhoc/plan_test_support.h"

namespace braid::read::test {
namespace {

using Kind = Expr::Kind;
using JoinKind = Node::JoinKind;
using SubqueryKind = Expr::SubqueryKind;

class DuckEngineTest : public DuckTest {};

TEST_F(DuckEngineTest, GivesEveryTypeBackAsItWas) {
    const NodePtr all = table(
        "a bool, b int4, c int8, d numeric, e float8, f text, g date, h timestamp, i timestamptz, "
        "j interval",
        R"(
        t | 1 | 9000000000 | 1.50 | 0.1 | añb | 2024-02-29 | 2024-02-29 12:00:00.5 | )"
        R"(2024-02-29 12:00:00+00 | 1 mon 2 days
        NULL | NULL | NULL | NULL | NULL | NULL | NULL | NULL | NULL | NULL
        f | -2147483648 | -9223372036854775808 | NaN | Infinity | )"
        R"(a text longer than twelve bytes | infinity | -infinity | infinity | 30 days
    )");
    EXPECT_EQ(
        run(sort(all, {asc(col(all, 1))})),
        "f|-2147483648|-9223372036854775808|NaN|Infinity|a text longer than twelve bytes|infinity|"
        "-infinity|infinity|30 days\n"
        "t|1|9000000000|1.50|0.1|añb|2024-02-29|2024-02-29 12:00:00.5|2024-02-29 12:00:00+00|"
        "1 mon 2 days\n"
        "NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL\n");
}

TEST_F(DuckEngineTest, FiltersAndProjects) {
    const NodePtr t = table("a int4, b int4", "1|0\n 2|1\n 3|2\n 4|NULL");
    EXPECT_EQ(run(filter(t, fn(">(int4,int4)", {col(t, 0), num(2)}))), "3|2\n4|NULL\n");
    const ExprPtr quotient = fn("/(int4,int4)", {col(t, 0), col(t, 1)});
    EXPECT_EQ(run(project(t, {quotient})), "22012 division by zero");
    const ExprPtr is_safe = fn("<>(int4,int4)", {col(t, 1), num(0)});
    EXPECT_EQ(run(filter(t, all_of({is_safe, fn(">(int4,int4)", {quotient, num(0)})}))),
              "2|1\n3|2\n");
    EXPECT_EQ(run(project(t, {case_(Type::of(TypeKind::kInt4), {is_safe, quotient, num(-1)})})),
              "-1\n2\n1\n-1\n");
    EXPECT_EQ(run(project(filter(t, is_safe), {quotient})), "2\n1\n");
}

TEST_F(DuckEngineTest, SelectsWithoutFrom) {
    EXPECT_EQ(run(project(one_row(), {num(1), str("x"), lit("numeric", "1.50"), null_of("int8")})),
              "1|x|1.50|NULL\n");
    EXPECT_EQ(run(one_row()), "1 rows\n");
    const NodePtr rows = values({{num(1), str("a")}, {num(2), null_of("text")}});
    EXPECT_EQ(run(rows), "1|a\n2|NULL\n");
}

TEST_F(DuckEngineTest, JoinsOfEveryKind) {
    const NodePtr l = table("a int4, b text", "1|x\n 2|y\n 3|z\n NULL|n");
    const NodePtr r = table("c int8, d text", "2|Y\n 3|Z\n 3|ZZ\n 4|W");
    const ExprPtr c = plan::column_ref(2, Type::of(TypeKind::kInt8));
    const ExprPtr on = fn("=(int4,int8)", {col(l, 0), c});
    EXPECT_EQ(run_sorted(join(JoinKind::kInner, l, r, on)), "2|y|2|Y\n3|z|3|Z\n3|z|3|ZZ\n");
    EXPECT_EQ(run_sorted(join(JoinKind::kLeft, l, r, on)),
              "1|x|NULL|NULL\n2|y|2|Y\n3|z|3|Z\n3|z|3|ZZ\nNULL|n|NULL|NULL\n");
    EXPECT_EQ(run_sorted(join(JoinKind::kRight, l, r, on)),
              "2|y|2|Y\n3|z|3|Z\n3|z|3|ZZ\nNULL|NULL|4|W\n");
    EXPECT_EQ(run_sorted(join(JoinKind::kFull, l, r, on)),
              "1|x|NULL|NULL\n2|y|2|Y\n3|z|3|Z\n3|z|3|ZZ\nNULL|NULL|4|W\nNULL|n|NULL|NULL\n");
    EXPECT_EQ(run(aggregate(join(JoinKind::kCross, l, r), {}, {agg("count", {}, "int8")})), "16\n");
    // A side that is no plain column: still a hash join, computed by the kernel.
    const ExprPtr sum = fn("+(int4,int4)", {col(l, 0), num(1)});
    const NodePtr shifted = join(JoinKind::kInner, l, r, fn("=(int4,int8)", {sum, c}));
    EXPECT_EQ(run_sorted(shifted), "1|x|2|Y\n2|y|3|Z\n2|y|3|ZZ\n3|z|4|W\n");
    // Conditions that hash nothing, in an outer join.
    const ExprPtr like = fn("~~(text,text)", {col(l, 1), str("z%")});
    EXPECT_EQ(run_sorted(join(JoinKind::kLeft, l, r, all_of({on, like}))),
              "1|x|NULL|NULL\n2|y|NULL|NULL\n3|z|3|Z\n3|z|3|ZZ\nNULL|n|NULL|NULL\n");
    const ExprPtr length =
        fn("<(int4,int4)", {fn("length(text)", {col(l, 1)}),
                            fn("length(text)", {plan::column_ref(3, Type::of(TypeKind::kText))})});
    EXPECT_EQ(
        run_sorted(join(JoinKind::kFull, l, r, length)),
        "1|x|3|ZZ\n2|y|3|ZZ\n3|z|3|ZZ\nNULL|NULL|2|Y\nNULL|NULL|3|Z\nNULL|NULL|4|W\nNULL|n|3|ZZ\n");
}

TEST_F(DuckEngineTest, SelfJoinOpensEachScanOnItsOwn) {
    const NodePtr t = table("a int4, b int4", "1|2\n 2|3\n 3|1");
    const NodePtr both =
        join(JoinKind::kInner, t, t,
             fn("=(int4,int4)", {col(t, 1), plan::column_ref(2, Type::of(TypeKind::kInt4))}));
    EXPECT_EQ(run_sorted(both), "1|2|2|3\n2|3|3|1\n3|1|1|2\n");
    EXPECT_GE(opened_, 1);
}

TEST_F(DuckEngineTest, JoinsNumericsAndIntervalsByValue) {
    const NodePtr l = table("a numeric, b interval", "1.0|1 mon\n 2.50|1 day");
    const NodePtr r = table("c numeric, d interval", "1.000|30 days\n 2.5|24 hours");
    const ExprPtr on_numeric =
        fn("=(numeric,numeric)", {col(l, 0), plan::column_ref(2, Type::of(TypeKind::kNumeric))});
    const ExprPtr on_interval =
        fn("=(interval,interval)", {col(l, 1), plan::column_ref(3, Type::of(TypeKind::kInterval))});
    EXPECT_EQ(run_sorted(join(JoinKind::kInner, l, r, on_numeric)),
              "1.0|1 mon|1.000|30 days\n2.50|1 day|2.5|24:00:00\n");
    EXPECT_EQ(run_sorted(join(JoinKind::kInner, l, r, all_of({on_numeric, on_interval}))),
              "1.0|1 mon|1.000|30 days\n2.50|1 day|2.5|24:00:00\n");
}

TEST_F(DuckEngineTest, LateralJoinsSeeTheLeftSide) {
    const NodePtr l = table("a int4", "1\n 2\n 3");
    const NodePtr r = table("b int4, c text", "1|one\n 2|two\n 2|deux\n 5|five");
    const NodePtr inner = limit(sort(filter(r, fn("<=(int4,int4)", {col(r, 0), outer(l, 0)})),
                                     {desc(col(r, 0)), asc(col(r, 1))}),
                                num(1));
    EXPECT_EQ(run_sorted(join(JoinKind::kCross, l, inner, nullptr, true)),
              "1|1|one\n2|2|deux\n3|2|deux\n");
    const NodePtr none =
        filter(r, fn("=(int4,int4)", {col(r, 0), fn("+(int4,int4)", {outer(l, 0), num(2)})}));
    EXPECT_EQ(run_sorted(join(JoinKind::kLeft, l, none, nullptr, true)),
              "1|NULL|NULL\n2|NULL|NULL\n3|5|five\n");
    const NodePtr computed =
        project(one_row(), {fn("*(int4,int4)", {outer(l, 0), num(10)}), outer(l, 0)});
    EXPECT_EQ(run_sorted(join(JoinKind::kInner, l, computed, nullptr, true)),
              "1|10|1\n2|20|2\n3|30|3\n");
}

TEST_F(DuckEngineTest, SortsAsPostgresDoes) {
    const NodePtr t =
        table("a text, b numeric, c float8",
              "b|1.0|NaN\n a|1.00|-0\n B|2|0\n é|-1|-Infinity\n NULL|NULL|NULL\n ab|1|Infinity");
    EXPECT_EQ(run(project(sort(t, {asc(col(t, 0))}), {col(t, 0)})), "B\na\nab\nb\né\nNULL\n");
    EXPECT_EQ(run(project(sort(t, {desc(col(t, 0))}), {col(t, 0)})), "NULL\né\nb\nab\na\nB\n");
    // Numerics that are equal leave the order to the next key.
    EXPECT_EQ(run(project(sort(t, {asc(col(t, 1)), asc(col(t, 0))}), {col(t, 1), col(t, 0)})),
              "-1|é\n1.00|a\n1|ab\n1.0|b\n2|B\nNULL|NULL\n");
    EXPECT_EQ(run(project(sort(t, {asc(col(t, 2)), asc(col(t, 0))}), {col(t, 2), col(t, 0)})),
              "-Infinity|é\n0|B\n-0|a\nInfinity|ab\nNaN|b\nNULL|NULL\n");
    const plan::SortKey first{col(t, 0), false, true};
    EXPECT_EQ(run(limit(project(sort(t, {first}), {col(t, 0)}), num(2))), "NULL\nB\n");
}

TEST_F(DuckEngineTest, SortKeepsItsOrderAboveManyRows) {
    std::vector<int32_t> keys(300'000);
    for (size_t i = 0; i < keys.size(); ++i) keys[i] = static_cast<int32_t>((i * 7919) % 300'007);
    const Schema schema = schema_of("a int4");
    Batch rows{keys.size(), {Column::flat<int32_t>(schema.fields[0].type, keys)}};
    const NodePtr t = table_of(schema, std::move(rows));
    const NodePtr sorted =
        project(sort(t, {asc(col(t, 0))}), {fn("+(int4,int4)", {col(t, 0), num(0)})});
    ASSERT_OK_AND_ASSIGN(const RowSourcePtr source, engine().run(statement(sorted)));
    size_t count = 0;
    int32_t last = -1;
    Batch batch;
    for (;;) {
        ASSERT_OK_AND_ASSIGN(const bool more, source->next(batch));
        if (!more) break;
        ASSERT_LE(batch.length, 4096U);
        for (const int32_t value : batch.columns[0].values<int32_t>()) {
            ASSERT_GE(value, last);
            last = value;
            ++count;
        }
    }
    EXPECT_EQ(count, keys.size());
}

TEST_F(DuckEngineTest, LimitsAndOffsets) {
    const NodePtr t = table("a int4", "5\n 3\n 1\n 4\n 2");
    const NodePtr sorted = sort(t, {asc(col(t, 0))});
    EXPECT_EQ(run(limit(sorted, num(2), num(1))), "2\n3\n");
    EXPECT_EQ(run(limit(sorted, null_of("int8"), num(3))), "4\n5\n");
    EXPECT_EQ(run(limit(sorted, nullptr, num(4))), "5\n");
    EXPECT_EQ(run(limit(sorted, num(0))), "");
    EXPECT_EQ(run(limit(sorted, num(-1))), "2201W LIMIT must not be negative");
    EXPECT_EQ(run(limit(sorted, num(1), num(-1))), "2201X OFFSET must not be negative");
    const auto parameter = std::make_shared<Expr>();
    parameter->kind = Kind::kParameter;
    parameter->type = Type::of(TypeKind::kInt8);
    EXPECT_EQ(run(limit(sorted, parameter), {Datum::int8(1)}), "1\n");
    const NodePtr two = aggregate(filter(t, fn("<(int4,int4)", {col(t, 0), num(3)})), {},
                                  {agg("count", {}, "int8")});
    EXPECT_EQ(run(limit(sorted, subquery(SubqueryKind::kScalar, two))), "1\n2\n");
    // Only what is left is computed.
    const ExprPtr failing = fn("/(int4,int4)", {num(1), fn("-(int4,int4)", {col(t, 0), num(5)})});
    EXPECT_EQ(run(limit(project(sorted, {failing}), num(2))), "0\n0\n");
}

TEST_F(DuckEngineTest, DistinctRowsAndDistinctOn) {
    const NodePtr t =
        table("a text, b numeric, c int4", "x|1.0|1\n x|1.00|1\n x|1.0|2\n y|NULL|1\n y|NULL|1");
    EXPECT_EQ(run_sorted(distinct(t)), "x|1.0|1\nx|1.0|2\ny|NULL|1\n");
    EXPECT_EQ(run_sorted(distinct(project(t, {col(t, 0)}))), "x\ny\n");
    EXPECT_EQ(run(distinct(sort(t, {desc(col(t, 0)), desc(col(t, 2))}), {col(t, 0)})),
              "y|NULL|1\nx|1.0|2\n");
    EXPECT_EQ(run(distinct(sort(t, {asc(col(t, 1)), desc(col(t, 2))}), {col(t, 1)})),
              "x|1.0|2\ny|NULL|1\n");
}

TEST_F(DuckEngineTest, SetOperations) {
    using SetKind = Node::SetKind;
    const NodePtr l = table("a int4", "1\n 2\n 2\n 3\n NULL");
    const NodePtr r = table("a int4", "2\n 2\n 2\n 4\n NULL");
    EXPECT_EQ(run_sorted(set_operation(SetKind::kUnion, true, l, r)),
              "1\n2\n2\n2\n2\n2\n3\n4\nNULL\nNULL\n");
    EXPECT_EQ(run_sorted(set_operation(SetKind::kUnion, false, l, r)), "1\n2\n3\n4\nNULL\n");
    EXPECT_EQ(run_sorted(set_operation(SetKind::kIntersect, true, l, r)), "2\n2\nNULL\n");
    EXPECT_EQ(run_sorted(set_operation(SetKind::kIntersect, false, l, r)), "2\nNULL\n");
    EXPECT_EQ(run_sorted(set_operation(SetKind::kExcept, true, l, r)), "1\n3\n");
    EXPECT_EQ(run_sorted(set_operation(SetKind::kExcept, true, r, l)), "2\n4\n");
    EXPECT_EQ(run_sorted(set_operation(SetKind::kExcept, false, l, r)), "1\n3\n");
}

TEST_F(DuckEngineTest, SetOperationsOnNumericsGoByValue) {
    using SetKind = Node::SetKind;
    const NodePtr l = table("a numeric, b int4", "1.0|1\n 2.0|1\n 2.00|1\n 3|1\n NULL|1");
    const NodePtr r = table("a numeric, b int4", "2.000|1\n 2|1\n 2.0|1\n 4|1\n NULL|1");
    EXPECT_EQ(run_sorted(set_operation(SetKind::kUnion, false, l, r)),
              "1.0|1\n2.0|1\n3|1\n4|1\nNULL|1\n");
    EXPECT_EQ(run_sorted(set_operation(SetKind::kIntersect, true, l, r)), "2.0|1\n2.0|1\nNULL|1\n");
    EXPECT_EQ(run_sorted(set_operation(SetKind::kIntersect, false, l, r)), "2.0|1\nNULL|1\n");
    EXPECT_EQ(run_sorted(set_operation(SetKind::kExcept, true, r, l)), "2|1\n4|1\n");
    EXPECT_EQ(run_sorted(set_operation(SetKind::kExcept, false, l, r)), "1.0|1\n3|1\n");
}

TEST_F(DuckEngineTest, WithQueries) {
    const NodePtr t = table("a int4, b numeric", "1|0.5\n 2|1.5\n 3|2.5");
    const NodePtr body = filter(t, fn(">(int4,int4)", {col(t, 0), num(1)}));
    const NodePtr scan = cte_scan("cte_1", body->output);
    const NodePtr both =
        join(JoinKind::kInner, scan, scan,
             fn("<(int4,int4)", {col(scan, 0), plan::column_ref(2, Type::of(TypeKind::kInt4))}));
    EXPECT_EQ(run(with("cte_1", body, both)), "2|1.5|3|2.5\n");
    EXPECT_EQ(run_sorted(project(with("cte_1", body, scan), {col(scan, 1)})), "1.5\n2.5\n");
}

TEST_F(DuckEngineTest, RecursiveQueries) {
    const NodePtr start = project(one_row(), {num(1), lit("numeric", "1.5")});
    const NodePtr scan = cte_scan("cte_7", start->output);
    const NodePtr step = project(filter(scan, fn("<(int4,int4)", {col(scan, 0), num(4)})),
                                 {fn("+(int4,int4)", {col(scan, 0), num(1)}),
                                  fn("*(numeric,numeric)", {col(scan, 1), lit("numeric", "2")})});
    const NodePtr body = set_operation(Node::SetKind::kUnion, true, start, step);
    EXPECT_EQ(run_sorted(with("cte_7", body, scan, true)), "1|1.5\n2|3.0\n3|6.0\n4|12.0\n");
    const NodePtr narrow = set_operation(Node::SetKind::kUnion, false, start, step);
    EXPECT_EQ(run(with("cte_7", narrow, scan, true)).substr(0, 5), "0A000");
    // UNION ends a circle.
    const NodePtr edges = table("a int4, b int4", "1|2\n 2|3\n 3|1\n 7|8");
    const NodePtr one = project(one_row(), {num(1)});
    const NodePtr reached = cte_scan("r", one->output);
    const NodePtr next = project(
        join(JoinKind::kInner, reached, edges,
             fn("=(int4,int4)", {col(reached, 0), plan::column_ref(1, Type::of(TypeKind::kInt4))})),
        {plan::column_ref(2, Type::of(TypeKind::kInt4))});
    const NodePtr circle = set_operation(Node::SetKind::kUnion, false, one, next);
    EXPECT_EQ(run_sorted(with("r", circle, reached, true)), "1\n2\n3\n");
}

TEST_F(DuckEngineTest, NativeExpressionsMeanWhatPostgresMeans) {
    const NodePtr t = table("a int4, b text, c numeric", "1|x|1.0\n NULL|NULL|NULL\n 3|z|2.50");
    const auto value = [&](ExprPtr expr) { return run(project(t, {std::move(expr)})); };
    EXPECT_EQ(value(boolean(Kind::kIsNull, {col(t, 0)})), "f\nt\nf\n");
    EXPECT_EQ(value(boolean(Kind::kIsDistinctFrom, {col(t, 0), null_of("int4")})), "t\nf\nt\n");
    EXPECT_EQ(value(boolean(Kind::kIsNotDistinctFrom, {col(t, 2), lit("numeric", "2.5")})),
              "f\nf\nt\n");
    EXPECT_EQ(value(boolean(Kind::kIn, {col(t, 2), lit("numeric", "1.000"), null_of("numeric")})),
              "t\nNULL\nNULL\n");
    EXPECT_EQ(value(not_(boolean(Kind::kIn, {col(t, 1), str("x"), str("y")}))), "f\nNULL\nt\n");
    EXPECT_EQ(value(any_of({fn("=(int4,int4)", {col(t, 0), num(1)}), null_of("bool")})),
              "t\nNULL\nNULL\n");
    EXPECT_EQ(value(plan::make(Kind::kCoalesce, Type::of(TypeKind::kInt4), {col(t, 0), num(7)})),
              "1\n7\n3\n");
    EXPECT_EQ(value(plan::make(Kind::kGreatest, Type::of(TypeKind::kInt4), {col(t, 0), num(2)})),
              "2\n2\n3\n");
    EXPECT_EQ(value(case_(Type::of(TypeKind::kText),
                          {boolean(Kind::kIsNull, {col(t, 0)}), str("none"), col(t, 1)})),
              "x\nnone\nz\n");
    EXPECT_EQ(value(fn("<(text,text)", {col(t, 1), str("y")})), "t\nNULL\nf\n");
    EXPECT_EQ(value(fn("||(text,text)", {col(t, 1), str("!")})), "x!\nNULL\nz!\n");
}

TEST_F(DuckEngineTest, FiltersOnComputedColumnsStayAboveTheirGuards) {
    // SELECT … FROM (SELECT a / b AS q FROM t WHERE b <> 0) s WHERE q > 0
    const NodePtr t = table("a int4, b int4", "4|0\n 4|2\n 4|4\n 4|0");
    const NodePtr guarded = filter(t, fn("<>(int4,int4)", {col(t, 1), num(0)}));
    const NodePtr inner = project(guarded, {fn("/(int4,int4)", {col(t, 0), col(t, 1)})});
    EXPECT_EQ(run(filter(inner, fn(">(int4,int4)", {col(inner, 0), num(1)}))), "2\n");
    // The same through two levels, and with a condition of the kernel above.
    const ExprPtr own = fn(">(int4,int4)", {fn("/(int4,int4)", {num(2), col(inner, 0)}), num(1)});
    EXPECT_EQ(run(filter(project(inner, {col(inner, 0)}), own)), "1\n");
    const NodePtr guarded_twice =
        filter(filter(t, fn("<>(int4,int4)", {col(t, 1), num(0)})),
               fn(">(int4,int4)", {fn("/(int4,int4)", {num(8), col(t, 1)}), num(3)}));
    EXPECT_EQ(run(guarded_twice), "4|2\n");
}

}  // namespace
}  // namespace braid::read::test
