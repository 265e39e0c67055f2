// SPDX-License-Identifier: Apache-2.0
#include "read/merge/key_range.h"

#include <optional>

#include "columnar/key_codec.h"

namespace braid::read {

namespace {

/// `key <op> value` with the key on the left.
struct Bound {
    int key = -1;
    std::string op;
    plan::ExprPtr value;
};

bool is_value(const plan::Expr& expr) {
    return expr.kind == plan::Expr::Kind::kConstant || expr.kind == plan::Expr::Kind::kParameter;
}

std::string mirrored(const std::string& op) {
    if (op == "<") return ">";
    if (op == "<=") return ">=";
    if (op == ">") return "<";
    if (op == ">=") return "<=";
    return op;
}

int key_of_column(const plan::ViewPlan& view, const plan::Expr& expr) {
    return expr.kind == plan::Expr::Kind::kColumn ? view.key_of_output(expr.column) : -1;
}

std::optional<Bound> bound_of(const plan::ViewPlan& view, const plan::Expr& expr) {
    if (expr.kind != plan::Expr::Kind::kCall || expr.arguments.size() != 2) return std::nullopt;
    const std::string& op = expr.function->name;
    if (op != "=" && op != "<" && op != "<=" && op != ">" && op != ">=") return std::nullopt;
    const plan::ExprPtr& left = expr.arguments[0];
    const plan::ExprPtr& right = expr.arguments[1];
    Bound bound;
    if (is_value(*right)) {
        bound = {key_of_column(view, *left), op, right};
    } else if (is_value(*left)) {
        bound = {key_of_column(view, *right), mirrored(op), left};
    }
    if (bound.key < 0) return std::nullopt;
    // Encoded order equals value order only within one type. Drivers send small numbers as small
    // integers whatever the column is.
    const TypeKind key = view.keys[static_cast<size_t>(bound.key)]->type.kind;
    const TypeKind value = bound.value->type.kind;
    if (value == key || (key == TypeKind::kInt8 && value == TypeKind::kInt4)) return bound;
    return std::nullopt;
}

std::optional<Datum> value_of(const plan::ViewPlan& view, const Bound& bound,
                              const std::vector<Datum>& parameters) {
    const plan::Expr& expr = *bound.value;
    const Type& type = view.keys[static_cast<size_t>(bound.key)]->type;
    if (expr.kind == plan::Expr::Kind::kConstant) return as_key(expr.constant, type);
    const auto index = static_cast<size_t>(expr.column);
    if (index >= parameters.size() || parameters[index].type.kind != expr.type.kind)
        return std::nullopt;
    return as_key(parameters[index], type);
}

void narrow(KeyRange& range, const std::string& prefix, const Bound& bound, const Datum& value) {
    std::string edge = prefix;
    encode_key(value, edge);
    if (bound.op == ">=") {
        range.from = std::max(range.from, edge);
    } else if (bound.op == ">") {
        range.from = std::max(range.from, after_prefix(edge));
    } else {
        const std::string to = bound.op == "<" ? edge : after_prefix(edge);
        if (range.to.empty() || to < range.to) range.to = to;
    }
}

}  // namespace

Datum as_key(const Datum& value, const Type& key) {
    const bool is_widened = key.kind == TypeKind::kInt8 && value.type.kind == TypeKind::kInt4;
    return is_widened && !value.is_null() ? Datum::int8(value.as<int32_t>()) : value;
}

std::string after_prefix(std::string prefix) {
    while (!prefix.empty() && static_cast<unsigned char>(prefix.back()) == 0xFF) prefix.pop_back();
    if (!prefix.empty())
        prefix.back() = static_cast<char>(static_cast<unsigned char>(prefix.back()) + 1);
    return prefix;
}

std::vector<plan::ExprPtr> conjuncts_of(const plan::ExprPtr& predicate) {
    if (!predicate) return {};
    if (predicate->kind != plan::Expr::Kind::kAnd) return {predicate};
    std::vector<plan::ExprPtr> all;
    for (const plan::ExprPtr& argument : predicate->arguments) {
        for (plan::ExprPtr& inner : conjuncts_of(argument)) all.push_back(std::move(inner));
    }
    return all;
}

KeyRange key_range_of(const plan::ViewPlan& view, const plan::ExprPtr& predicate,
                      const std::vector<Datum>& parameters) {
    std::vector<Bound> bounds;
    for (const plan::ExprPtr& conjunct : conjuncts_of(predicate)) {
        if (auto bound = bound_of(view, *conjunct)) bounds.push_back(std::move(*bound));
    }
    KeyRange range;
    std::string prefix;
    size_t fixed = 0;
    for (; fixed < view.keys.size(); ++fixed) {
        const Bound* equality = nullptr;
        for (const Bound& bound : bounds) {
            if (bound.key == static_cast<int>(fixed) && bound.op == "=") equality = &bound;
        }
        if (equality == nullptr) break;
        const auto value = value_of(view, *equality, parameters);
        if (!value) break;
        if (value->is_null()) {
            range.is_empty = true;  // = NULL is never true
            return range;
        }
        encode_key(*value, prefix);
    }
    range.from = prefix;
    range.to = after_prefix(prefix);
    range.is_point = fixed == view.keys.size();
    if (range.is_point) return range;
    for (const Bound& bound : bounds) {
        if (bound.key != static_cast<int>(fixed) || bound.op == "=") continue;
        const auto value = value_of(view, bound, parameters);
        if (!value) continue;
        if (value->is_null()) {
            range.is_empty = true;
            return range;
        }
        narrow(range, prefix, bound, *value);
    }
    range.is_empty = !range.to.empty() && range.from >= range.to;
    return range;
}

std::vector<plan::ExprPtr> point_of(const plan::ViewPlan& view, const plan::ExprPtr& predicate) {
    std::vector<plan::ExprPtr> values(view.keys.size());
    const auto conjuncts = conjuncts_of(predicate);
    if (conjuncts.size() != view.keys.size()) return {};
    for (const plan::ExprPtr& conjunct : conjuncts) {
        const auto bound = bound_of(view, *conjunct);
        if (!bound || bound->op != "=" || values[static_cast<size_t>(bound->key)]) return {};
        values[static_cast<size_t>(bound->key)] = bound->value;
    }
    return values;
}

}  // namespace braid::read
