// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <memory>
#include <utility>

#include "base/error_makers.h"
#include "plan/rewrite.h"
#include "sql/bind/binder_internal.h"

namespace braid::sql {

Binder::Binder(const catalog::Catalog& catalog, const BindOptions& options,
               std::shared_ptr<const std::string> source)
    : catalog_(catalog),
      options_(options),
      source_(std::move(source)),
      parameter_types_(options.parameter_types) {
    for (Type& type : parameter_types_) type = without_precision(type);
    // Counted once, so that a place in a long text is found quickly.
    for (size_t i = 0; i < source_->size(); ++i) {
        const bool is_inside = (static_cast<unsigned char>((*source_)[i]) & 0xc0) == 0x80;
        if (is_inside) continuation_bytes_.push_back(static_cast<int>(i));
    }
}

Result<std::unique_ptr<Binder>> Binder::create(const catalog::Catalog& catalog,
                                               const BindOptions& options,
                                               std::shared_ptr<const std::string> source) {
    auto binder = std::make_unique<Binder>(catalog, options, std::move(source));
    binder->format_.zone = TRY(find_time_zone(options.time_zone));
    return binder;
}

int Binder::position(int place) const {
    if (place < 0 || !has_positions_) return 0;
    const auto before = std::ranges::lower_bound(continuation_bytes_, place);
    return place + 1 - static_cast<int>(before - continuation_bytes_.begin());
}

Error Binder::at(Error error, int place) const {
    const int where = position(place);
    return where == 0 ? std::move(error) : std::move(error).with_position(where);
}

std::vector<Type> Binder::parameters() const {
    std::vector<Type> out = parameter_types_;
    for (Type& type : out) {
        if (is_unknown(type)) type = Type::of(TypeKind::kText);
    }
    return out;
}

ExprPtr Binder::with_parameter_types(const ExprPtr& expr) const {
    if (expr == nullptr) return expr;
    if (expr->kind == Expr::Kind::kParameter && is_unknown(expr->type)) {
        auto copy = std::make_shared<Expr>(*expr);
        copy->type = parameters()[static_cast<size_t>(expr->column)];
        return copy;
    }
    ExprPtr out = plan::map_arguments(
        expr, [&](const ExprPtr& child) { return with_parameter_types(child); });
    if (out->subquery == nullptr) return out;
    auto copy = std::make_shared<Expr>(*out);
    copy->subquery = with_parameter_types(out->subquery);
    return copy;
}

NodePtr Binder::with_parameter_types(const NodePtr& node) const {
    if (parameter_types_.empty()) return node;
    return plan::map_expressions(
        node, 0, [&](const ExprPtr& expr, int) { return with_parameter_types(expr); });
}

plan::Query Binder::query_of(NodePtr root) const {
    plan::Query out;
    out.root = pruned(simplified(with_parameter_types(root)));
    out.output = out.root->output;
    out.parameters = parameters();
    out.warnings = warnings_;
    out.reads = reads_;
    return out;
}

Result<plan::Query> Binder::query(const Select& select) {
    const bool is_plain = select.operation == Select::SetOperation::kNone && select.values.empty();
    if (is_plain && select.targets.empty()) {
        return unsupported("a SELECT without columns is not supported");
    }
    BoundQuery bound = TRY(bind_query(select, nullptr, false));
    return query_of(std::move(bound.root));
}

}  // namespace braid::sql
