// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/error_makers.h"
#include "sql/bind/commands_internal.h"

// Definitions of materialized views. Only what merges exactly is let in; the rest is refused with
// the reason and the rewrite.

namespace braid::sql {
namespace {

using plan::AggregateKind;

constexpr std::string_view kJoinHint =
    "Make a materialized view of each stream and join the finished views in a plain CREATE VIEW.";
constexpr std::string_view kPlainHint =
    "Do this in a plain CREATE VIEW over the materialized view.";

Error refused(std::string_view what, std::string_view reason, std::string_view hint) {
    return unsupported("{} in a materialized view is not supported", what)
        .with_detail(std::string(reason))
        .with_hint(std::string(hint));
}

/// What the shape of the SELECT alone rules out.
Result<void> check_shape(const Select& select, const Binder& binder) {
    const auto position = [&](Error error) {
        return binder.at(std::move(error), first_place(select));
    };
    if (!select.with.empty()) {
        return binder.at(refused("WITH", "A view is one pass over one stream.", kPlainHint),
                         select.with[0].place);
    }
    if (select.operation != Select::SetOperation::kNone) {
        return position(
            refused("a set operation", "A view is one pass over one stream.", kJoinHint));
    }
    if (!select.values.empty()) {
        return position(
            refused("VALUES", "A view is kept up to date from a stream.", "Select from a stream."));
    }
    if (select.is_distinct) {
        return position(refused("DISTINCT",
                                "Rows of a view are groups, which are distinct by their keys.",
                                "Use GROUP BY with the columns that should be distinct."));
    }
    if (!select.order_by.empty()) {
        return binder.at(refused("ORDER BY", "A view has no order.", "Order when you read it."),
                         select.order_by[0].expr->place);
    }
    if (select.limit != nullptr || select.offset != nullptr) {
        const ExpressionPtr& limit = select.limit != nullptr ? select.limit : select.offset;
        return binder.at(
            refused("LIMIT or OFFSET",
                    "Which rows are first can change with every event and every merge.",
                    "Limit when you read it."),
            limit->place);
    }
    if (select.from.empty()) {
        return position(refused("a SELECT without FROM", "A view is kept up to date from a stream.",
                                "Select from a stream."));
    }
    if (select.from.size() > 1 || select.from[0]->kind == TableRef::Kind::kJoin) {
        const TableRef* ref = select.from.size() > 1 ? select.from[1].get() : select.from[0].get();
        while (ref->kind == TableRef::Kind::kJoin) ref = ref->right.get();
        return binder.at(
            refused("a join", "Events of two streams have no common order to merge by.", kJoinHint),
            ref->place);
    }
    const TableRef& ref = *select.from[0];
    if (ref.kind == TableRef::Kind::kSubquery) {
        return position(refused("a subquery", "A view is one pass over one stream.",
                                "Write the filter and the expressions into one SELECT."));
    }
    if (ref.kind == TableRef::Kind::kFunction) {
        return position(refused("a function in FROM", "A view is kept up to date from a stream.",
                                "Select from a stream."));
    }
    return {};
}

Result<const catalog::Table*> stream_of(const TableRef& ref, const Binder& binder) {
    const std::string& name = ref.names.back();
    const bool is_public = ref.names.size() == 1 || ref.names[0] == "public";
    const catalog::Catalog& catalog = binder.catalog();
    if (is_public) {
        if (const catalog::Table* table = catalog.find_table(name)) return table;
        if (catalog.find_view(name) != nullptr || catalog.find_plain_view(name) != nullptr) {
            return binder.at(
                unsupported("a materialized view over view \"{}\" is not supported", name)
                    .with_detail("A view is kept up to date from the events of one stream.")
                    .with_hint("Use a plain CREATE VIEW, or define it over the stream."),
                ref.place);
        }
    }
    return static_cast<const catalog::Table*>(nullptr);
}

Result<void> check_expression(const ExprPtr& expr) {
    std::optional<Error> error;
    walk(expr, 0, [&](const Expr& found, int) {
        if (found.kind == Expr::Kind::kSubquery) {
            error = refused("a subquery", "A view is one pass over one stream.", kJoinHint)
                        .with_position(found.position);
        } else if (found.kind == Expr::Kind::kParameter) {
            error = unsupported("materialized views may not be defined using bound parameters")
                        .with_position(found.position);
        } else if (is_window_ref(found)) {
            error =
                refused("a window function", "It needs all rows of the view at once.", kPlainHint)
                    .with_position(found.position);
        } else if (found.kind == Expr::Kind::kCall && !found.function->allowed_in_views) {
            error =
                invalid_input("a materialized view may not depend on {}()", found.function->name)
                    .with_detail(
                        "Its value depends on the clock, the session or the catalog, so speed "
                        "and batch would not agree.")
                    .with_hint(
                        "Use columns of the stream, such as its event time or _ingested_at; "
                        "compare with now() when you read the view.")
                    .with_sqlstate("42P17")
                    .with_position(found.position);
        }
        return !error.has_value();
    });
    if (error) return *error;
    return {};
}

std::optional<AggregateKind> kind_of(const plan::AggregateCall& call) {
    if (call.name == "count") {
        if (call.arguments.empty()) return AggregateKind::kCountRows;
        return call.is_distinct ? AggregateKind::kCountDistinct : AggregateKind::kCount;
    }
    if (call.name == "min") return AggregateKind::kMin;
    if (call.name == "max") return AggregateKind::kMax;
    if (call.name == "bool_and") return AggregateKind::kBoolAnd;
    if (call.name == "bool_or") return AggregateKind::kBoolOr;
    if (call.name == "mode") return AggregateKind::kMode;
    if (call.is_distinct) return std::nullopt;
    const bool is_number = !call.arguments.empty() && category_of(call.arguments[0]->type) == 'N';
    if (call.name == "sum" && is_number) return AggregateKind::kSum;
    if (call.name == "avg" && is_number) return AggregateKind::kAvg;
    return std::nullopt;
}

Result<plan::Aggregate> aggregate_of(const plan::AggregateCall& call) {
    if (!call.order_by.empty()) {
        return refused("an aggregate with ORDER BY", "Events are merged in no particular order.",
                       "Leave ORDER BY out.")
            .with_position(call.position);
    }
    const auto kind = kind_of(call);
    if (!kind) {
        const std::string name = call.name + (call.is_distinct ? "(DISTINCT)" : "");
        return unsupported("aggregate {} in a materialized view is not supported", name)
            .with_detail("Its states cannot be merged yet.")
            .with_hint(
                "There are count, sum, avg, min, max, bool_and, bool_or, mode and count(DISTINCT).")
            .with_position(call.position);
    }
    plan::Aggregate out;
    out.kind = *kind;
    out.arguments = call.arguments;
    for (const ExprPtr& argument : out.arguments) TRY(check_expression(argument));
    out.filter = call.filter;
    if (out.filter != nullptr) TRY(check_expression(out.filter));
    out.result_type = call.result;
    return out;
}

}  // namespace

Result<void> check_distinct_names(const Schema& schema) {
    for (size_t i = 0; i < schema.fields.size(); ++i) {
        if (schema.find(schema.fields[i].name) == static_cast<int>(i)) continue;
        return invalid_input("column \"{}\" specified more than once", schema.fields[i].name)
            .with_sqlstate("42701");
    }
    return {};
}

Result<plan::ViewPlan> bind_view_plan(const Select& select, Binder& binder) {
    TRY(check_shape(select, binder));
    binder.forbid_session();
    const catalog::Table* table = TRY(stream_of(*select.from[0], binder));
    std::unique_ptr<SelectBlock> block = TRY(binder.bind_block(select, nullptr, false));
    if (table == nullptr) {
        return binder.at(
            unsupported("a materialized view over \"{}\" is not supported",
                        select.from[0]->names.back())
                .with_detail("A view is kept up to date from the events of one stream."),
            select.from[0]->place);
    }
    for (TargetColumn& target : block->targets) {
        target.expr = TRY(binder.settled(std::move(target.expr)));
        TRY(check_expression(target.expr));
    }
    if (block->where != nullptr) TRY(check_expression(block->where));
    if (block->having != nullptr) TRY(check_expression(block->having));
    for (const ExprPtr& key : block->group_by) TRY(check_expression(key));
    if (!block->is_grouped) {
        return binder.at(unsupported("a materialized view without aggregates is not supported")
                             .with_detail("It would be a copy of the stream.")
                             .with_hint("Add GROUP BY and aggregates, or use a plain CREATE VIEW."),
                         first_place(select));
    }
    plan::ViewPlan out;
    out.table = table->id;
    out.input = table->columns;
    for (const Field& field : plan::system_columns().fields) out.input.fields.push_back(field);
    out.filter = block->where;
    out.keys = block->group_by;
    for (const plan::AggregateCall& call : block->scope.aggregates) {
        out.aggregates.push_back(TRY(aggregate_of(call)));
    }
    const NodePtr aggregated = TRY(binder.finish(*block));
    // finish() has put Project over [Filter over] Aggregate and brought the expressions up to its
    // columns.
    const Node* node = aggregated.get();
    for (const ExprPtr& expr : node->exprs) {
        const size_t i = out.outputs.size();
        out.outputs.push_back({node->output.fields[i].name, expr});
        const bool is_column = expr->kind == Expr::Kind::kColumn;
        const bool is_final = is_column && block->having == nullptr;
        out.exactness.push_back(is_final ? plan::Exactness::kExact : plan::Exactness::kAfterMerge);
    }
    node = node->inputs[0].get();
    if (node->kind == Node::Kind::kFilter) {
        out.having = node->predicate;
        node = node->inputs[0].get();
    }
    for (size_t i = 0; i < out.keys.size(); ++i) {
        out.key_schema.fields.push_back(node->output.fields[i]);
    }
    TRY(check_distinct_names(out.output_schema()));
    return out;
}

}  // namespace braid::sql
