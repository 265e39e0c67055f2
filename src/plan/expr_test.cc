// SPDX-License-Identifier: Apache-2.0
#include "plan/expr.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "plan/node.h"
#include "plan/view_plan.h"

namespace braid::plan {
namespace {

using Kind = Expr::Kind;

constexpr Type kInt4 = Type::of(TypeKind::kInt4);
constexpr Type kText = Type::of(TypeKind::kText);
constexpr Type kBool = Type::of(TypeKind::kBool);

ExprPtr function(std::string_view key, std::vector<ExprPtr> arguments) {
    return call(function_by_key(key), std::move(arguments));
}
ExprPtr int4(int32_t value) { return constant(Datum::int4(value)); }
ExprPtr text(std::string value) { return constant(Datum::text(std::move(value))); }

/// $0 + 1 < $2, and a condition on a text.
ExprPtr sample() {
    const ExprPtr sum = function("+(int4,int4)", {column_ref(0, kInt4), int4(1)});
    const ExprPtr less = function("<(int4,int4)", {sum, column_ref(2, kInt4)});
    const ExprPtr like = function("~~(text,text)", {column_ref(1, kText), text("it's %")});
    return make(Kind::kAnd, kBool, {less, like});
}

TEST(Expr, ReadsAsSql) {
    EXPECT_EQ(to_sql(*sample(), {"a", "b", "c"}), "(((a + 1) < c) AND (b ~~ 'it''s %'))");
    const ExprPtr cast = function("cast:int8(text)", {column_ref(1, kText)});
    EXPECT_EQ(to_sql(*cast, {"a", "b"}), "b::bigint");
    const ExprPtr choice = make(Kind::kCase, kInt4, {sample(), int4(1), int4(-2)});
    EXPECT_EQ(to_sql(*choice, {"a", "b", "c"}),
              "CASE WHEN (((a + 1) < c) AND (b ~~ 'it''s %')) THEN 1 ELSE -2 END");
}

TEST(Expr, CastsWithModifiersGiveTheirType) {
    const ExprPtr number = column_ref(0, Type::of(TypeKind::kNumeric));
    const ExprPtr cast = function("cast:numeric(numeric,int4,int4)", {number, int4(10), int4(2)});
    EXPECT_EQ(cast->type, Type::numeric(10, 2));
    EXPECT_EQ(to_sql(*cast, {"n"}), "n::numeric(10,2)");
    const ExprPtr varchar = function("cast:varchar(text,int4)", {column_ref(0, kText), int4(20)});
    EXPECT_EQ(varchar->type.name(), "character varying(20)");
}

TEST(Expr, HasOneFingerprintForOneMeaning) {
    EXPECT_EQ(fingerprint(*sample()), fingerprint(*sample()));
    EXPECT_NE(fingerprint(*int4(1)), fingerprint(*constant(Datum::int8(1))));
    EXPECT_NE(fingerprint(*text("NULL")), fingerprint(*constant(Datum::null(kText))));
    // A text cannot pretend to be two.
    const ExprPtr two = make(Kind::kCoalesce, kText, {text("a"), text("b")});
    const ExprPtr one = make(Kind::kCoalesce, kText, {text("a'::text, 1'b")});
    EXPECT_NE(fingerprint(*two), fingerprint(*one));
}

TEST(Expr, NamesItsColumns) {
    EXPECT_EQ(columns_of(*sample()), (std::vector<int>{0, 1, 2}));
    EXPECT_TRUE(columns_of(*int4(1)).empty());
}

TEST(Expr, SubstitutesColumns) {
    const std::vector<ExprPtr> columns = {int4(7), column_ref(5, kText), column_ref(0, kInt4)};
    const ExprPtr changed = substitute(sample(), columns);
    EXPECT_EQ(to_sql(*changed, {}), "(((7 + 1) < #1) AND (#6 ~~ 'it''s %'))");
    const ExprPtr fixed = int4(3);
    EXPECT_EQ(substitute(fixed, columns), fixed);
}

/// EXISTS (SELECT … WHERE inner column 0 = outer column 1).
ExprPtr exists_of_outer() {
    auto outer = std::make_shared<Expr>();
    outer->kind = Kind::kOuterColumn;
    outer->type = kInt4;
    outer->column = 1;
    outer->depth = 1;
    auto scan = std::make_shared<Node>();
    scan->kind = Node::Kind::kScan;
    scan->output.fields = {{"x", kInt4}};
    auto filter = std::make_shared<Node>();
    filter->kind = Node::Kind::kFilter;
    filter->output = scan->output;
    filter->inputs = {scan};
    filter->predicate = function("=(int4,int4)", {column_ref(0, kInt4), outer});
    auto exists = std::make_shared<Expr>();
    exists->kind = Kind::kSubquery;
    exists->type = kBool;
    exists->subquery_kind = Expr::SubqueryKind::kExists;
    exists->subquery = filter;
    return exists;
}

TEST(Expr, SeesOuterColumnsInSubqueries) {
    EXPECT_EQ(columns_of(*exists_of_outer()), std::vector<int>{1});
}

TEST(Expr, SubstitutesOuterColumnsInSubqueries) {
    const ExprPtr changed =
        substitute(exists_of_outer(), {int4(0), function("-(int4)", {column_ref(4, kInt4)})});
    EXPECT_EQ(columns_of(*changed), std::vector<int>{4});
    EXPECT_EQ(to_sql(*changed->subquery->predicate, {"x"}), "(x = (-outer1#5))");
}

TEST(Node, PrintsAsATree) {
    auto scan = std::make_shared<Node>();
    scan->kind = Node::Kind::kScan;
    scan->relation.name = "module_visits";
    scan->output.fields = {{"module", kText}, {"visits", kInt4}};
    auto filter = std::make_shared<Node>();
    filter->kind = Node::Kind::kFilter;
    filter->inputs = {scan};
    filter->output = scan->output;
    filter->predicate = function(">(int4,int4)", {column_ref(1, kInt4), int4(5)});
    auto sort = std::make_shared<Node>();
    sort->kind = Node::Kind::kSort;
    sort->inputs = {filter};
    sort->output = scan->output;
    sort->sort_keys = {{column_ref(1, kInt4), true, true}, {column_ref(0, kText), false, true}};
    auto limit = std::make_shared<Node>();
    limit->kind = Node::Kind::kLimit;
    limit->inputs = {sort};
    limit->limit = int4(10);
    EXPECT_EQ(to_text(*limit),
              "Limit 10\n"
              "  Sort: visits DESC, module NULLS FIRST\n"
              "    Filter: (visits > 5)\n"
              "      Scan view module_visits(module, visits)\n");
}

ViewPlan visits() {
    ViewPlan plan;
    plan.keys = {column_ref(3, kText), column_ref(4, kInt4)};
    plan.aggregates.resize(3);
    plan.aggregates[1].kind = AggregateKind::kCountDistinct;
    plan.aggregates[1].arguments = {column_ref(0, kText)};
    plan.outputs = {{"minute", column_ref(1, kInt4)},
                    {"visitors", column_ref(3, Type::of(TypeKind::kInt8))},
                    {"twice", function("*(int4,int4)", {column_ref(1, kInt4), int4(2)})}};
    return plan;
}

TEST(ViewPlan, KnowsWhatItsOutputsAre) {
    const ViewPlan plan = visits();
    EXPECT_EQ(subkey_sections(plan.aggregates), 1U);
    EXPECT_EQ(&aggregate_of_section(plan.aggregates, 1), &plan.aggregates[1]);
    EXPECT_EQ(plan.key_of_output(0), 1);
    EXPECT_EQ(plan.aggregate_of_output(0), -1);
    EXPECT_EQ(plan.key_of_output(1), -1);
    EXPECT_EQ(plan.aggregate_of_output(1), 1);
    EXPECT_EQ(plan.key_of_output(2), -1);
    EXPECT_EQ(plan.aggregate_of_output(2), -1);
    EXPECT_EQ(plan.output_schema().fields[2].name, "twice");
}

TEST(ViewPlan, WritesAggregatesAsSql) {
    ViewPlan plan = visits();
    plan.aggregates[1].filter = function("<(int4,int4)", {column_ref(1, kInt4), int4(400)});
    EXPECT_EQ(to_sql(plan.aggregates[0], {}), "count(*)");
    EXPECT_EQ(to_sql(plan.aggregates[1], {"ip", "status"}),
              "count(DISTINCT ip) FILTER (WHERE (status < 400))");
    EXPECT_EQ(system_columns().fields.size(), static_cast<size_t>(kSystemColumnCount));
    EXPECT_EQ(name_of(Exactness::kKeyLocal), "KEY-LOCAL");
}

}  // namespace
}  // namespace braid::plan
