// SPDX-License-Identifier: Apache-2.0
#include <string>

#include "base/test_support.h"
#include "read/adhoc/plan_test_support.h"

namespace braid::read::test {
namespace {

using Kind = Expr::Kind;
using JoinKind = Node::JoinKind;
using SubqueryKind = Expr::SubqueryKind;

class DuckSubqueryTest : public DuckTest {
  protected:
    DuckSubqueryTest() {
        o = table("a int4, b text", "1|x\n 2|y\n 3|z\n NULL|n");
        i = table("c int4, d text", "1|p\n 2|q\n 2|r\n NULL|s");
    }
    NodePtr matching() { return filter(i, fn("=(int4,int4)", {col(i, 0), outer(o, 0)})); }
    std::string value(ExprPtr expr) { return run_sorted(project(o, {col(o, 0), std::move(expr)})); }
    NodePtr o;
    NodePtr i;
};

TEST_F(DuckSubqueryTest, Scalar) {
    const NodePtr top = aggregate(i, {}, {agg("max", {col(i, 0)}, "int4")});
    EXPECT_EQ(value(subquery(SubqueryKind::kScalar, top)), "1|2\n2|2\n3|2\nNULL|2\n");
    const NodePtr count = aggregate(matching(), {}, {agg("count", {}, "int8")});
    EXPECT_EQ(value(subquery(SubqueryKind::kScalar, count)), "1|1\n2|2\n3|0\nNULL|0\n");
    const NodePtr names = project(matching(), {col(i, 1)});
    EXPECT_EQ(value(subquery(SubqueryKind::kScalar, names)),
              "21000 more than one row returned by a subquery used as an expression");
    const NodePtr first = limit(sort(names, {asc(col(names, 0))}), num(1));
    EXPECT_EQ(value(subquery(SubqueryKind::kScalar, first)), "1|p\n2|q\n3|NULL\nNULL|NULL\n");
    // Inside an expression of the kernel, beside columns.
    EXPECT_EQ(value(fn("+(int8,int4)", {subquery(SubqueryKind::kScalar, count), col(o, 0)})),
              "1|2\n2|4\n3|3\nNULL|NULL\n");
}

TEST_F(DuckSubqueryTest, Exists) {
    EXPECT_EQ(value(subquery(SubqueryKind::kExists, matching())), "1|t\n2|t\n3|f\nNULL|f\n");
    EXPECT_EQ(run_sorted(filter(o, not_(subquery(SubqueryKind::kExists, matching())))),
              "3|z\nNULL|n\n");
    const NodePtr like =
        filter(i, fn("~~(text,text)", {col(i, 1), fn("||(text,text)", {outer(o, 1), str("%")})}));
    EXPECT_EQ(run_sorted(filter(o, subquery(SubqueryKind::kExists, like))), "");
    EXPECT_EQ(
        run_sorted(filter(
            o, all_of({subquery(SubqueryKind::kExists, matching()),
                       fn(">(int4,int4)", {fn("/(int4,int4)", {num(2), col(o, 0)}), num(1)})}))),
        "1|x\n");
    const NodePtr empty = project(filter(i, plan::constant(Datum::boolean(false))), {});
    EXPECT_EQ(run(filter(o, subquery(SubqueryKind::kExists, empty))), "");
    const NodePtr bare = project(one_row(), {});
    EXPECT_EQ(run(project(o, {subquery(SubqueryKind::kExists, bare)})), "t\nt\nt\nt\n");
}

TEST_F(DuckSubqueryTest, ExistsByARangeAndAnInequality) {
    const NodePtr a = table("id int4, at int4, ip text", "1|1|a\n 2|2|a\n 3|3|b\n 4|NULL|b");
    const auto other = [&](std::string_view order) {
        return filter(a, all_of({fn(order, {col(a, 1), outer(a, 1)}),
                                 fn("<>(int4,int4)", {col(a, 0), outer(a, 0)})}));
    };
    const auto found = [&](const ExprPtr& condition) {
        return run_sorted(project(filter(a, condition), {col(a, 0)}));
    };
    const ExprPtr later = subquery(SubqueryKind::kExists, other(">=(int4,int4)"));
    const ExprPtr earlier = subquery(SubqueryKind::kExists, other("<=(int4,int4)"));
    EXPECT_EQ(found(later), "1\n2\n");
    EXPECT_EQ(found(not_(later)), "3\n4\n");
    EXPECT_EQ(found(earlier), "2\n3\n");
    EXPECT_EQ(found(not_(earlier)), "1\n4\n");
}

/// 10 / o.a in a subquery, where o.a may be 0.
TEST_F(DuckSubqueryTest, AGuardedSubqueryDoesNotFailForRowsThatItIsNotAskedAbout) {
    const NodePtr zero = table("a int4, b text", "0|x\n 1|y\n 5|x\n NULL|z");
    const ExprPtr quotient = fn("/(int4,int4)", {num(10), outer(zero, 0)});
    const ExprPtr scalar = subquery(
        SubqueryKind::kScalar, aggregate(filter(i, fn("<(int4,int4)", {col(i, 0), quotient})), {},
                                         {agg("count", {}, "int8")}));
    const ExprPtr bare = subquery(SubqueryKind::kScalar, project(one_row(), {quotient}));
    const ExprPtr exists =
        subquery(SubqueryKind::kExists, filter(i, fn("<(int4,int4)", {col(i, 0), quotient})));
    const ExprPtr is_zero = fn("=(int4,int4)", {col(zero, 0), num(0)});
    const ExprPtr not_zero = fn("<>(int4,int4)", {col(zero, 0), num(0)});
    const auto value_of = [&](const ExprPtr& expr) {
        return run_sorted(project(zero, {col(zero, 0), expr}));
    };
    EXPECT_EQ(value_of(bare), "22012 division by zero");
    EXPECT_EQ(value_of(plan::make(Kind::kCase, bare->type, {is_zero, num(-1), bare})),
              "0|-1\n1|10\n5|2\nNULL|NULL\n");
    EXPECT_EQ(
        value_of(plan::make(Kind::kCase, scalar->type, {not_zero, scalar, lit("int8", "-1")})),
        "0|-1\n1|3\n5|1\nNULL|-1\n");
    EXPECT_EQ(value_of(boolean(Kind::kOr, {is_zero, exists})), "0|t\n1|t\n5|t\nNULL|NULL\n");
    EXPECT_EQ(value_of(boolean(Kind::kAnd, {not_zero, exists})), "0|f\n1|t\n5|t\nNULL|f\n");
    EXPECT_EQ(
        value_of(plan::make(
            Kind::kCoalesce, bare->type,
            {plan::make(Kind::kCase, bare->type, {is_zero, num(-1), null_of("int4")}), bare})),
        "0|-1\n1|10\n5|2\nNULL|NULL\n");
    const ExprPtr is_y = fn("~(text,text)", {col(zero, 1), str("y|z")});
    EXPECT_EQ(run_sorted(filter(zero, all_of({is_y, exists}))), "1|y\n");
    // More than one row is an error of the same kind.
    const ExprPtr many = subquery(SubqueryKind::kScalar, project(i, {col(i, 0)}));
    EXPECT_EQ(value_of(plan::make(Kind::kCase, many->type,
                                  {boolean(Kind::kIsNull, {col(zero, 1)}), many, num(7)})),
              "0|7\n1|7\n5|7\nNULL|7\n");
}

TEST_F(DuckSubqueryTest, AnyAndAllKeepThreeValues) {
    const NodePtr c = project(i, {col(i, 0)});
    const NodePtr known = filter(c, boolean(Kind::kIsNotNull, {col(c, 0)}));
    const NodePtr none = filter(c, plan::constant(Datum::boolean(false)));
    const auto any = [&](const NodePtr& rows, std::string_view op) {
        return value(subquery(SubqueryKind::kAny, rows, {col(o, 0)}, op));
    };
    const auto all = [&](const NodePtr& rows, std::string_view op) {
        return value(subquery(SubqueryKind::kAll, rows, {col(o, 0)}, op));
    };
    EXPECT_EQ(any(c, "=(int4,int4)"), "1|t\n2|t\n3|NULL\nNULL|NULL\n");
    EXPECT_EQ(any(known, "=(int4,int4)"), "1|t\n2|t\n3|f\nNULL|NULL\n");
    EXPECT_EQ(any(none, "=(int4,int4)"), "1|f\n2|f\n3|f\nNULL|f\n");
    EXPECT_EQ(any(c, "<(int4,int4)"), "1|t\n2|NULL\n3|NULL\nNULL|NULL\n");
    EXPECT_EQ(any(known, "<>(int4,int4)"), "1|t\n2|t\n3|t\nNULL|NULL\n");
    EXPECT_EQ(all(c, "<>(int4,int4)"), "1|f\n2|f\n3|NULL\nNULL|NULL\n");
    EXPECT_EQ(all(known, "<>(int4,int4)"), "1|f\n2|f\n3|t\nNULL|NULL\n");
    EXPECT_EQ(all(none, "<>(int4,int4)"), "1|t\n2|t\n3|t\nNULL|t\n");
    EXPECT_EQ(all(known, ">=(int4,int4)"), "1|f\n2|t\n3|t\nNULL|NULL\n");
    EXPECT_EQ(all(known, "=(int4,int4)"), "1|f\n2|f\n3|f\nNULL|NULL\n");
    EXPECT_EQ(run_sorted(filter(
                  o, not_(subquery(SubqueryKind::kAny, known, {col(o, 0)}, "=(int4,int4)")))),
              "3|z\n");
}

TEST_F(DuckSubqueryTest, AnyAndAllWithComparisonsOfTheKernel) {
    const NodePtr patterns = table("p text", "x%\n NULL");
    const NodePtr known = table("p text", "x%\n y%");
    const auto like = [&](SubqueryKind kind, const NodePtr& rows) {
        return run_sorted(
            project(o, {col(o, 1), subquery(kind, rows, {col(o, 1)}, "~~(text,text)")}));
    };
    EXPECT_EQ(like(SubqueryKind::kAny, patterns), "n|NULL\nx|t\ny|NULL\nz|NULL\n");
    EXPECT_EQ(like(SubqueryKind::kAny, known), "n|f\nx|t\ny|t\nz|f\n");
    EXPECT_EQ(like(SubqueryKind::kAll, patterns), "n|f\nx|NULL\ny|f\nz|f\n");
    const NodePtr none = filter(known, plan::constant(Datum::boolean(false)));
    EXPECT_EQ(like(SubqueryKind::kAny, none), "n|f\nx|f\ny|f\nz|f\n");
    EXPECT_EQ(like(SubqueryKind::kAll, none), "n|t\nx|t\ny|t\nz|t\n");
    const NodePtr numerics = table("n numeric", "1.00\n 2.0");
    EXPECT_EQ(value(subquery(SubqueryKind::kAny, numerics, {fn("cast:numeric(int4)", {col(o, 0)})},
                             "=(numeric,numeric)")),
              "1|t\n2|t\n3|f\nNULL|NULL\n");
}

TEST_F(DuckSubqueryTest, Arrays) {
    const NodePtr names = project(matching(), {col(i, 1)});
    EXPECT_EQ(value(subquery(SubqueryKind::kArray, sort(names, {desc(col(names, 0))}))),
              "1|{p}\n2|{r,q}\n3|{}\nNULL|{}\n");
    const NodePtr sorted = sort(i, {asc(col(i, 0)), desc(col(i, 1))});
    EXPECT_EQ(
        run(project(one_row(), {subquery(SubqueryKind::kArray, project(sorted, {col(i, 0)}))})),
        "{1,2,2,NULL}\n");
}

TEST_F(DuckSubqueryTest, OuterColumnsReachThroughSeveralQueries) {
    // SELECT a, (SELECT max((SELECT count(*) FROM i k WHERE k.c <= i.c + o.a)) FROM i WHERE i.c <
    // o.a) FROM o
    const NodePtr k = table("c int4", "1\n 2\n 3\n 4\n 5");
    const ExprPtr bound = fn("+(int4,int4)", {outer(i, 0, 1), outer(o, 0, 2)});
    const NodePtr deep = aggregate(filter(k, fn("<=(int4,int4)", {col(k, 0), bound})), {},
                                   {agg("count", {}, "int8")});
    const NodePtr lower = filter(i, fn("<(int4,int4)", {col(i, 0), outer(o, 0)}));
    const NodePtr middle =
        aggregate(lower, {}, {agg("max", {subquery(SubqueryKind::kScalar, deep)}, "int8")});
    EXPECT_EQ(value(subquery(SubqueryKind::kScalar, middle)), "1|NULL\n2|3\n3|5\nNULL|NULL\n");
}

TEST_F(DuckSubqueryTest, UnderJoinsGroupsAndSorts) {
    const NodePtr count = aggregate(matching(), {}, {agg("count", {}, "int8")});
    const NodePtr counted = project(o, {col(o, 0), subquery(SubqueryKind::kScalar, count)});
    const NodePtr groups = aggregate(counted, {col(counted, 1)}, {agg("count", {}, "int8")});
    EXPECT_EQ(run_sorted(groups), "0|2\n1|1\n2|1\n");
    EXPECT_EQ(run(project(sort(o, {desc(subquery(SubqueryKind::kScalar, count)), asc(col(o, 0))}),
                          {col(o, 0)})),
              "2\n1\n3\nNULL\n");
    const NodePtr both =
        join(JoinKind::kLeft, o, i,
             fn("=(int4,int4)", {col(o, 0), plan::column_ref(2, col(i, 0)->type)}));
    const NodePtr same = filter(i, fn("=(text,text)", {col(i, 1), outer(both, 3)}));
    EXPECT_EQ(run_sorted(filter(both, subquery(SubqueryKind::kExists, same))),
              "1|x|1|p\n2|y|2|q\n2|y|2|r\n");
    const ExprPtr in_on =
        subquery(SubqueryKind::kExists, filter(i, fn("=(int4,int4)", {col(i, 0), outer(o, 0)})));
    EXPECT_EQ(run_sorted(join(JoinKind::kInner, o, project(i, {col(i, 1)}), in_on)).substr(0, 6),
              "1|x|p\n");
}

TEST_F(DuckSubqueryTest, WithQueriesInsideSubqueriesMayBeCorrelated) {
    const NodePtr body = matching();
    const NodePtr scan = cte_scan("inner_cte", body->output);
    const NodePtr query = with("inner_cte", body, aggregate(scan, {}, {agg("count", {}, "int8")}));
    EXPECT_EQ(value(subquery(SubqueryKind::kScalar, query)), "1|1\n2|2\n3|0\nNULL|0\n");
    // A scan of an outer WITH within a subquery.
    const NodePtr shared = cte_scan("shared", i->output);
    const NodePtr used = filter(shared, fn("=(int4,int4)", {col(shared, 0), outer(o, 0)}));
    EXPECT_EQ(run_sorted(with("shared", i, filter(o, subquery(SubqueryKind::kExists, used)))),
              "1|x\n2|y\n");
}

TEST_F(DuckSubqueryTest, ShieldedSubqueryArguments) {
    const NodePtr one = project(one_row(), {num(0)});
    const ExprPtr zero = subquery(SubqueryKind::kScalar, one);
    const ExprPtr guarded =
        case_(Type::of(TypeKind::kInt4),
              {fn("<>(int4,int4)", {zero, num(0)}), fn("/(int4,int4)", {num(1), zero}), num(-1)});
    EXPECT_EQ(value(guarded), "1|-1\n2|-1\n3|-1\nNULL|-1\n");
}

}  // namespace
}  // namespace braid::read::test
