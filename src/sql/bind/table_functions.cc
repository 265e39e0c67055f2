// SPDX-License-Identifier: Apache-2.0
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/error_makers.h"
#include "sql/bind/binder_internal.h"

// Functions in FROM.

namespace braid::sql {
namespace {

using plan::RelationRef;

constexpr Type kInt4 = Type::of(TypeKind::kInt4);
constexpr Type kInt8 = Type::of(TypeKind::kInt8);
constexpr Type kNumeric = Type::of(TypeKind::kNumeric);
constexpr Type kTimestamp = Type::of(TypeKind::kTimestamp);
constexpr Type kTimestampTz = Type::of(TypeKind::kTimestampTz);
constexpr Type kInterval = Type::of(TypeKind::kInterval);

const std::vector<Signature>& series_signatures() {
    static const auto* const signatures = new std::vector<Signature>{
        {{kInt4, kInt4}},
        {{kInt4, kInt4, kInt4}},
        {{kInt8, kInt8}},
        {{kInt8, kInt8, kInt8}},
        {{kNumeric, kNumeric}},
        {{kNumeric, kNumeric, kNumeric}},
        {{kTimestamp, kTimestamp, kInterval}},
        {{kTimestampTz, kTimestampTz, kInterval}},
    };
    return *signatures;
}

bool reads_outside(const ExprPtr& expr) {
    return !walk(expr, 0, [](const Expr& found, int depth) {
        return found.kind != Expr::Kind::kOuterColumn || found.depth <= depth;
    });
}

}  // namespace

/// Arguments may read what stands to the left of the function, as if it were LATERAL.
Result<Binder::FromItem> Binder::from_function(const TableRef& ref, Scope& scope, bool has_left) {
    const Expression& call = *ref.function;
    if (call.kind != Expression::Kind::kCall && call.kind != Expression::Kind::kSqlValue) {
        return at(unsupported("this expression in FROM is not supported"), call.place);
    }
    if (ref.with_ordinality) return at(unsupported("WITH ORDINALITY is not supported"), call.place);
    Scope inner;
    inner.parent = has_left ? &scope : scope.parent;
    inner.is_border = has_left ? true : scope.is_border;
    inner.clause = Clause::kFrom;
    if (!has_left) inner.sideways = &scope;
    auto node = std::make_shared<Node>(TRY(function_node(call, inner)));
    bool is_lateral = false;
    for (const ExprPtr& argument : node->scan_arguments) {
        is_lateral = is_lateral || reads_outside(argument);
    }
    for (const std::vector<ExprPtr>& row : node->rows) {
        for (const ExprPtr& value : row) is_lateral = is_lateral || reads_outside(value);
    }
    FromItem item;
    item.is_lateral = is_lateral && has_left;
    item.why_not = "a function stands in FROM";
    // A function of one column is called by its alias, and so is the column.
    const bool is_scalar = node->output.fields.size() == 1;
    if (is_scalar && ref.alias && ref.alias->columns.empty()) {
        node->output.fields[0].name = ref.alias->name;
    }
    const Schema columns = node->output;
    item.node = std::move(node);
    ScopeRelation seen;
    seen.name = call.kind == Expression::Kind::kCall ? call.names.back() : call.text;
    TRY(add_relation(std::move(seen), columns, columns.fields.size(), ref, scope, {}, item));
    return item;
}

Result<Node> Binder::function_node(const Expression& call, Scope& scope) {
    if (call.kind == Expression::Kind::kSqlValue) return scalar_node(call, call.text, scope);
    const std::string name = TRY(function_name(call));
    if (name == "generate_series") return series_node(call, scope);
    if (name == "unnest") return unnest_node(call, scope);
    if (options_.system != nullptr) {
        const bool is_qualified = call.names.size() == 2;
        const std::string schema = is_qualified ? call.names[0] : "pg_catalog";
        const auto columns =
            options_.system->find_table_function(schema, name, call.arguments.size());
        if (columns) {
            Node node;
            node.kind = Node::Kind::kScan;
            node.output = *columns;
            node.relation = {RelationRef::Kind::kFunction, {}, {}, schema + "." + name};
            for (size_t i = 0; i < columns->fields.size(); ++i) {
                node.scan_columns.push_back(static_cast<int>(i));
            }
            for (const ExpressionPtr& argument : call.arguments) {
                node.scan_arguments.push_back(TRY(settled(TRY(expression(argument, scope)))));
            }
            return node;
        }
    }
    if (is_table_function(name)) {
        return at(unsupported("table function {} is not supported", name), call.place);
    }
    return scalar_node(call, name, scope);
}

/// A scalar function in FROM is one row of one column.
Result<Node> Binder::scalar_node(const Expression& call, const std::string& name, Scope& scope) {
    auto copy = std::make_shared<Expression>(call);
    ExprPtr value = TRY(settled(TRY(expression(copy, scope))));
    Node node;
    node.kind = Node::Kind::kValues;
    node.output.fields = {{name, value->type}};
    node.rows = {{std::move(value)}};
    return node;
}

Result<Node> Binder::series_node(const Expression& call, Scope& scope) {
    std::vector<ExprPtr> arguments = TRY(expressions(call.arguments, scope));
    std::vector<Type> types;
    for (const ExprPtr& argument : arguments) types.push_back(argument->type);
    const Choice choice = choose_function(series_signatures(), types);
    if (choice.outcome == Choice::Outcome::kAmbiguous) {
        return at(
            invalid_input("function generate_series({}) is not unique", type_list(types))
                .with_sqlstate("42725")
                .with_hint("Could not choose a best candidate function. You might need to add "
                           "explicit type casts."),
            call.place);
    }
    if (choice.outcome == Choice::Outcome::kNone) return no_such_function(call, types);
    const Signature& chosen = series_signatures()[choice.index];
    Node node;
    node.kind = Node::Kind::kScan;
    node.relation = {RelationRef::Kind::kFunction, {}, {}, "generate_series"};
    node.output.fields = {{"generate_series", chosen.arguments[0]}};
    node.scan_columns = {0};
    for (size_t i = 0; i < arguments.size(); ++i) {
        node.scan_arguments.push_back(
            TRY(coerce(std::move(arguments[i]), chosen.arguments[i], CastContext::kImplicit)));
    }
    return node;
}

/// Elements that are written out become rows; other arrays are taken apart when the statement runs.
Result<Node> Binder::unnest_node(const Expression& call, Scope& scope) {
    if (call.arguments.size() != 1) {
        return at(unsupported("unnest of several arrays is not supported"), call.place);
    }
    Node node;
    if (auto elements = TRY(array_elements(*call.arguments[0], scope))) {
        node.kind = Node::Kind::kValues;
        const Type type = TRY(unify(*elements, {}, "ARRAY"));
        node.output.fields = {{"unnest", type}};
        for (ExprPtr& element : *elements) node.rows.push_back({std::move(element)});
        return node;
    }
    ExprPtr array = TRY(expression(call.arguments[0], scope));
    if (is_unknown(array->type)) {
        array = TRY(coerce(std::move(array), Type::aliased(TypeKind::kText, TypeAlias::kTextArray),
                           CastContext::kImplicit));
    }
    const auto element = element_of(array->type);
    if (!element) {
        const std::vector<Type> types{array->type};
        return no_such_function(call, types);
    }
    node.kind = Node::Kind::kScan;
    node.relation = {RelationRef::Kind::kFunction, {}, {}, "unnest"};
    node.output.fields = {{"unnest", *element}};
    node.scan_columns = {0};
    node.scan_arguments = {std::move(array)};
    return node;
}

}  // namespace braid::sql
