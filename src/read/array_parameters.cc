// SPDX-License-Identifier: Apache-2.0
#include "read/array_parameters.h"

#include <optional>
#include <string>
#include <utility>

#include "operators/expr/evaluator.h"
#include "plan/rewrite.h"

namespace braid::read {

namespace {

using plan::Expr;
using plan::ExprPtr;
using plan::Node;
using plan::NodePtr;

constexpr Type kBool = Type::of(TypeKind::kBool);

/// The rows of unnest($n), each perhaps cast.
struct Elements {
    const Expr* parameter = nullptr;
    Type type;
    ExprPtr cast;  // over column 0; null: as they are
};

std::optional<Elements> elements_of(const Expr& expr) {
    const bool is_quantified =
        expr.kind == Expr::Kind::kSubquery && (expr.subquery_kind == Expr::SubqueryKind::kAny ||
                                               expr.subquery_kind == Expr::SubqueryKind::kAll);
    if (!is_quantified) return std::nullopt;
    Elements elements;
    const Node* node = expr.subquery.get();
    if (node->kind == Node::Kind::kProject) {
        elements.cast = node->exprs[0];
        node = node->inputs[0].get();
    }
    const bool is_unnest = node->kind == Node::Kind::kScan &&
                           node->relation.kind == plan::RelationRef::Kind::kFunction &&
                           node->relation.name == "unnest" && node->scan_arguments.size() == 1 &&
                           node->scan_arguments[0]->kind == Expr::Kind::kParameter;
    if (!is_unnest) return std::nullopt;
    elements.parameter = node->scan_arguments[0].get();
    elements.type = node->output.fields[0].type;
    return elements;
}

/// Drivers send small numbers as small integers whatever they are compared with.
void widen(const Type& left, std::vector<ExprPtr>& values) {
    if (left.kind != TypeKind::kInt8 || values[0]->type.kind != TypeKind::kInt4) return;
    for (ExprPtr& value : values) {
        const Datum& small = value->constant;
        value = plan::constant(small.is_null() ? Datum::null(Type::of(TypeKind::kInt8))
                                               : Datum::int8(small.as<int32_t>()));
    }
}

class Rewriter {
  public:
    Rewriter(const std::vector<Datum>& parameters, const TextFormat& format)
        : parameters_(parameters) {
        context_.format = format;
        context_.parameters = parameters;
    }

    NodePtr node(const NodePtr& node) {
        return plan::map_expressions(node, 0,
                                     [&](const ExprPtr& expr, int) { return expression(expr); });
    }
    const Result<void>& outcome() const { return outcome_; }

  private:
    ExprPtr expression(const ExprPtr& expr) {
        if (expr == nullptr) return expr;
        ExprPtr out = plan::map_arguments(
            expr, [&](const ExprPtr& argument) { return expression(argument); });
        if (out->subquery == nullptr) return out;
        if (const auto elements = elements_of(*out)) {
            auto comparison = compared(*out, *elements);
            if (comparison) return *std::move(comparison);
            if (outcome_) outcome_ = comparison.error();
            return out;
        }
        auto copy = std::make_shared<Expr>(*out);
        copy->subquery = node(out->subquery);
        return copy;
    }

    Result<ExprPtr> compared(const Expr& expr, const Elements& elements) const {
        const bool is_all = expr.subquery_kind == Expr::SubqueryKind::kAll;
        const Datum& array = parameters_.at(static_cast<size_t>(elements.parameter->column));
        if (array.is_null()) return plan::constant(Datum::null(kBool));
        const ArrayElements texts = TRY(parse_array_text(array.as<std::string>()));
        if (texts.empty()) return plan::constant(Datum::boolean(is_all));
        const ExprPtr& left = expr.arguments[0];
        const plan::Function& function = *expr.comparison;
        std::vector<ExprPtr> values;
        for (const std::optional<std::string>& text : texts) {
            values.push_back(TRY(value_of(text, elements, function.arguments[1])));
        }
        const bool is_in = function.name == "=" && !is_all;
        const bool is_not_in = function.name == "<>" && is_all;
        if (is_in || is_not_in) widen(left->type, values);
        if ((is_in || is_not_in) && left->type.kind == values[0]->type.kind) {
            values.insert(values.begin(), left);
            ExprPtr in = plan::make(Expr::Kind::kIn, kBool, std::move(values));
            return is_in ? in : plan::make(Expr::Kind::kNot, kBool, {std::move(in)});
        }
        for (ExprPtr& value : values) value = plan::call(&function, {left, value}, expr.position);
        if (values.size() == 1) return values[0];
        return plan::make(is_all ? Expr::Kind::kAnd : Expr::Kind::kOr, kBool, std::move(values));
    }

    Result<ExprPtr> value_of(const std::optional<std::string>& text, const Elements& elements,
                             const Type& wanted) const {
        Datum value = text ? TRY(parse_text(*text, elements.type, context_.format))
                           : Datum::null(elements.type);
        if (elements.cast) {
            const ExprPtr cast = plan::substitute(elements.cast, {plan::constant(value)});
            value = TRY(operators::evaluate_constant(*cast, context_));
        }
        value.type.alias = wanted.alias;
        return plan::constant(std::move(value));
    }

    const std::vector<Datum>& parameters_;
    operators::EvaluationContext context_;
    Result<void> outcome_;
};

}  // namespace

Result<NodePtr> with_array_elements(const NodePtr& root, const std::vector<Datum>& parameters,
                                    const TextFormat& format) {
    bool has_array = false;
    for (const Datum& parameter : parameters) has_array = has_array || is_array(parameter.type);
    if (!has_array) return root;
    Rewriter rewriter(parameters, format);
    NodePtr rewritten = rewriter.node(root);
    if (!rewriter.outcome()) return rewriter.outcome().error();
    return rewritten;
}

}  // namespace braid::read
