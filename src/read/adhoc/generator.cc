// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <memory>
#include <utility>

#include "base/check.h"
#include "base/error_makers.h"
#include "read/adhoc/filter_placement_internal.h"
#include "read/adhoc/generator_internal.h"
#include "read/adhoc/physical_internal.h"
#include "read/adhoc/subquery_guards_internal.h"
#include "read/adhoc/values_rows_internal.h"

namespace braid::read {

namespace {

using plan::Expr;
using plan::ExprPtr;
using plan::Node;
using plan::NodePtr;

/// Batches of a leaf with only the columns wanted.
class PickedColumns final : public RowSource {
  public:
    PickedColumns(RowSourcePtr rows, std::vector<int> columns)
        : rows_(std::move(rows)), columns_(std::move(columns)) {}
    Result<bool> next(Batch& batch) override {
        Batch whole;
        if (!TRY(rows_->next(whole))) return false;
        batch = {};
        batch.length = whole.length;
        for (const int column : columns_) {
            batch.columns.push_back(whole.columns[static_cast<size_t>(column)]);
        }
        return true;
    }

  private:
    RowSourcePtr rows_;
    const std::vector<int> columns_;
};

bool is_all(std::span<const int> columns, size_t count) {
    if (columns.size() != count) return false;
    for (size_t i = 0; i < count; ++i) {
        if (columns[i] != static_cast<int>(i)) return false;
    }
    return true;
}

/// A scan that reads fewer columns; null if the node is no scan that can.
NodePtr narrowed(const Node& scan, std::span<const int> columns) {
    const bool can = scan.kind == Node::Kind::kScan &&
                     scan.relation.kind != plan::RelationRef::Kind::kFunction &&
                     scan.scan_columns.size() == scan.output.fields.size();
    if (!can) return nullptr;
    auto copy = std::make_shared<Node>(scan);
    copy->scan_columns.clear();
    copy->output.fields.clear();
    for (const int column : columns) {
        copy->scan_columns.push_back(scan.scan_columns[static_cast<size_t>(column)]);
        copy->output.fields.push_back(scan.output.fields[static_cast<size_t>(column)]);
    }
    return copy;
}

/// The same node over another input whose columns are the node's.
NodePtr moved_onto(const Node& node, const NodePtr& input) {
    auto copy = std::make_shared<Node>(node);
    copy->inputs = {input};
    copy->output = input->output;
    return copy;
}

void collect_sources(const Node& node, int& next, std::vector<int>& sources) {
    if (node.kind == Node::Kind::kJoin) {
        for (const NodePtr& input : node.inputs) collect_sources(*input, next, sources);
    } else if (node.kind == Node::Kind::kFilter) {
        collect_sources(*node.inputs.front(), next, sources);
    } else {
        sources.insert(sources.end(), node.output.fields.size(), next++);
    }
}

std::string qualified(const std::string& alias, size_t column) {
    return fmt::format("{}.c{}", alias, column);
}

}  // namespace

std::vector<int> sources_of(const Node& node) {
    std::vector<int> sources;
    int next = 0;
    collect_sources(node, next, sources);
    return sources;
}

std::string select_list(std::span<const std::string> columns) {
    if (columns.empty()) return "FALSE AS d";
    std::string out;
    for (size_t i = 0; i < columns.size(); ++i) {
        fmt::format_to(std::back_inserter(out), "{}{} AS c{}", i == 0 ? "" : ", ", columns[i], i);
    }
    return out;
}

Error Generator::not_supported(std::string_view what, int position) const {
    return Error(unsupported("{} is not supported in a query", what)).with_position(position);
}

Result<GeneratedSql> Generator::generate() {
    const NodePtr guarded =
        guard_subqueries(std::make_shared<Node>(*statement_.root),
                         [this](const plan::Expr& expr) { return !is_native(expr); });
    const NodePtr root = place_filters(*guarded, statement_.is_kernel_leaf);
    state_.keep(root);
    out_.text = TRY(select(*root));
    return std::move(out_);
}

Result<std::string> Generator::select(const Node& node) {
    if (++depth_ > depth_max_) {
        return Error(exhausted("query is nested too deeply"))
            .with_hint("Write the statement with less nesting.")
            .with_sqlstate("54001");
    }
    if (node.output.fields.size() > kColumnsMax) {
        return Error(exhausted("target lists can have at most {} entries", kColumnsMax))
            .with_hint("Select fewer columns.")
            .with_sqlstate("54011");
    }
    out_.depth = std::max(out_.depth, depth_);
    std::string sql = TRY(select_of_kind(node));
    --depth_;
    return sql;
}

Result<std::string> Generator::select_of_kind(const Node& node) {
    if (statement_.is_kernel_leaf && statement_.is_kernel_leaf(node)) {
        const FromItem item = TRY(from(node));
        return "SELECT " + select_list(item.columns) + " FROM " + item.from;
    }
    switch (node.kind) {
        case Node::Kind::kScan:
            if (node.relation.kind == plan::RelationRef::Kind::kFunction)
                return function_scan(node);
            return internal_error("scan of \"{}\" is no leaf", node.relation.name);
        case Node::Kind::kValues:
            return values(node);
        case Node::Kind::kFilter:
            return filter(node);
        case Node::Kind::kProject:
            return project(node);
        case Node::Kind::kAggregate:
            return aggregate(node);
        case Node::Kind::kWindow:
            return window(node);
        case Node::Kind::kJoin:
            return join(node);
        case Node::Kind::kSort:
            return sort(node);
        case Node::Kind::kLimit:
            return limit(node);
        case Node::Kind::kDistinct:
            return distinct(node);
        case Node::Kind::kSetOperation:
            return set_operation(node);
        case Node::Kind::kWith:
            return with(node);
        case Node::Kind::kCteScan:
            return cte_scan(node);
    }
    std::unreachable();
}

FromItem Generator::alias(std::string select, size_t columns, bool is_lateral) {
    const std::string name = fresh_alias();
    FromItem item;
    item.from = fmt::format("{}({}) AS {}", is_lateral ? "LATERAL " : "", select, name);
    for (size_t i = 0; i < columns; ++i) item.columns.push_back(qualified(name, i));
    return item;
}

Result<FromItem> Generator::from(const Node& node) {
    const size_t columns = node.output.fields.size();
    std::string table;
    if (statement_.is_kernel_leaf && statement_.is_kernel_leaf(node)) {
        table = TRY(kernel_leaf(node));
    } else if (node.kind == Node::Kind::kCteScan) {
        const auto cte = ctes_.find(node.cte);
        if (cte == ctes_.end()) return internal_error("scan of an unknown WITH query");
        table = cte->second.name;
    } else {
        return alias(TRY(select(node)), columns);
    }
    const std::string name = fresh_alias();
    FromItem item{table + " AS " + name, {}};
    for (size_t i = 0; i < columns; ++i) item.columns.push_back(qualified(name, i));
    return item;
}

std::string Generator::leaf_scan(Leaf leaf) {
    return fmt::format("b_scan({})", state_.add_leaf(std::move(leaf)));
}

Result<std::string> Generator::kernel_leaf(const Node& node) {
    if (!statement_.open_leaf) return internal_error("statement without a way to open leaves");
    Leaf leaf;
    leaf.output = node.output;
    leaf.open = [this_state = &state_,
                 node = &node](std::span<const int> columns) -> Result<RowPiecesPtr> {
        const OpenPieces& open = this_state->statement().open_leaf;
        if (is_all(columns, node->output.fields.size())) return open(*node);
        if (NodePtr narrow = narrowed(*node, columns))
            return open(this_state->keep(std::move(narrow)));
        return each_piece(TRY(open(*node)),
                          [picked = std::vector<int>(columns.begin(), columns.end())](
                              RowSourcePtr rows) -> Result<RowSourcePtr> {
                              return std::make_unique<PickedColumns>(std::move(rows), picked);
                          });
    };
    return leaf_scan(std::move(leaf));
}

Result<std::string> Generator::values(const Node& node) {
    const size_t columns = node.output.fields.size();
    const bool is_plain = std::ranges::all_of(node.rows, [](const std::vector<ExprPtr>& row) {
        return std::ranges::all_of(row, [](const ExprPtr& cell) { return is_constant(*cell); });
    });
    if (columns == 0 && node.rows.size() == 1) return "SELECT FALSE AS d";
    if (is_plain || node.rows.empty()) {
        Leaf leaf;
        leaf.output = node.output;
        leaf.open = [this_state = &state_,
                     node = &node](std::span<const int> wanted) -> Result<RowPiecesPtr> {
            return in_one_piece(TRY(open_values(*node, {wanted.begin(), wanted.end()},
                                                this_state->statement().context)));
        };
        const std::string name = fresh_alias();
        Names names;
        for (size_t i = 0; i < columns; ++i) names.push_back(qualified(name, i));
        return "SELECT " + select_list(names) + " FROM " + leaf_scan(std::move(leaf)) + " AS " +
               name;
    }
    std::string out;
    for (const std::vector<ExprPtr>& row : node.rows) {
        Names cells;
        for (const ExprPtr& cell : row) cells.push_back(TRY(write(cell, {})));
        if (!out.empty()) out += " UNION ALL ";
        out += "SELECT " + select_list(cells);
    }
    return out;
}

Result<std::string> Generator::filter(const Node& node) {
    const Node& input = *node.inputs.front();
    const FromItem item = TRY(from(input));
    const std::string where = TRY(condition(node.predicate, item.columns, sources_of(input)));
    return "SELECT " + select_list(item.columns) + " FROM " + item.from + " WHERE " + where;
}

Result<std::string> Generator::project(const Node& node) {
    const Node& input = *node.inputs.front();
    // SELECT without FROM.
    const bool is_single_row =
        input.kind == Node::Kind::kValues && input.rows.size() == 1 && input.output.fields.empty();
    const FromItem item = is_single_row ? FromItem{} : TRY(from(input));
    Names columns;
    for (const ExprPtr& expr : node.exprs) columns.push_back(TRY(write(expr, item.columns)));
    return "SELECT " + select_list(columns) + (is_single_row ? "" : " FROM " + item.from);
}

Result<std::string> Generator::join(const Node& node) {
    const FromItem left = TRY(from(*node.inputs[0]));
    FromItem right;
    if (node.is_lateral) {
        outer_.push_back(&left.columns);
        std::string inner = TRY(select(*node.inputs[1]));
        outer_.pop_back();
        right = alias(std::move(inner), node.inputs[1]->output.fields.size(), true);
    } else {
        right = TRY(from(*node.inputs[1]));
    }
    Names columns = left.columns;
    columns.insert(columns.end(), right.columns.begin(), right.columns.end());
    static constexpr std::string_view kWords[] = {" JOIN ", " LEFT JOIN ", " RIGHT JOIN ",
                                                  " FULL JOIN ", " CROSS JOIN "};
    std::string out = "SELECT " + select_list(columns) + " FROM " + left.from;
    const bool is_cross = node.join == Node::JoinKind::kCross ||
                          (node.join == Node::JoinKind::kInner && node.predicate == nullptr);
    out += is_cross ? kWords[4] : kWords[static_cast<size_t>(node.join)];
    out += right.from;
    if (is_cross) {
        if (node.predicate == nullptr) return out;
        return out + " WHERE " + TRY(condition(node.predicate, columns, sources_of(node)));
    }
    if (node.predicate == nullptr) return out + " ON TRUE";
    return out + " ON " + TRY(condition(node.predicate, columns, sources_of(node)));
}

Result<std::string> Generator::order_by(const std::vector<plan::SortKey>& keys, const Names& here) {
    std::string out;
    for (const plan::SortKey& key : keys) {
        out += out.empty() ? " ORDER BY " : ", ";
        const std::string sql = comparable(TRY(write(key.expr, here)), key.expr->type);
        // DuckDB gives a sort key back in its normal form: -0 would come out as 0. A key of its own
        // is never given back.
        const bool is_float = key.expr->type.kind == TypeKind::kFloat8;
        out += is_float ? "(" + sql + " + CAST(0 AS DOUBLE))" : sql;
        out += key.descending ? " DESC" : " ASC";
        out += key.nulls_first ? " NULLS FIRST" : " NULLS LAST";
    }
    return out;
}

Result<std::string> Generator::sort(const Node& node) {
    const FromItem item = TRY(from(*node.inputs.front()));
    const std::string order = TRY(order_by(node.sort_keys, item.columns));
    return "SELECT " + select_list(item.columns) + " FROM " + item.from + order;
}

Result<std::optional<int64_t>> Generator::row_count(const ExprPtr& expr, std::string_view clause) {
    const Datum value = TRY(operators::evaluate_constant(*expr, statement_.context));
    if (value.is_null()) return std::optional<int64_t>();
    const int64_t count =
        physical_of(value.type) == Physical::kInteger ? value.as<int32_t>() : value.as<int64_t>();
    if (count < 0) {
        return Error(invalid_input("{} must not be negative", clause))
            .with_sqlstate(clause == "LIMIT" ? "2201W" : "2201X");
    }
    return std::optional(count);
}

Result<std::string> Generator::limit_clause(const Node& node) {
    std::string out;
    for (const auto& [expr, clause] :
         {std::pair<const ExprPtr&, std::string_view>{node.limit, "LIMIT"},
          {node.offset, "OFFSET"}}) {
        if (expr == nullptr) continue;
        if (!is_constant(*expr)) {
            out += fmt::format(" {} ({})", clause, TRY(write(expr, {})));
        } else if (const std::optional<int64_t> count = TRY(row_count(expr, clause))) {
            out += fmt::format(" {} {}", clause, *count);
        }
    }
    return out;
}

Result<std::string> Generator::limit(const Node& node) {
    const NodePtr& input = node.inputs.front();
    if (input->kind == Node::Kind::kProject) {
        // Expressions are computed for the rows that are left; and LIMIT meets ORDER BY, of which
        // DuckDB then keeps only the top.
        auto project = std::make_shared<Node>(*input);
        project->inputs = {moved_onto(node, input->inputs.front())};
        return select(state_.keep(std::move(project)));
    }
    const bool is_sorted = input->kind == Node::Kind::kSort;
    const FromItem item = TRY(from(is_sorted ? *input->inputs.front() : *input));
    std::string out = "SELECT " + select_list(item.columns) + " FROM " + item.from;
    if (is_sorted) out += TRY(order_by(input->sort_keys, item.columns));
    return out + TRY(limit_clause(node));
}

Result<std::string> Generator::distinct(const Node& node) {
    const Node& input = *node.inputs.front();
    const std::vector<Field>& fields = node.output.fields;
    if (!node.exprs.empty()) {
        const bool is_sorted = input.kind == Node::Kind::kSort;
        const FromItem item = TRY(from(is_sorted ? *input.inputs.front() : input));
        Names keys;
        for (const ExprPtr& expr : node.exprs) {
            keys.push_back(comparable(TRY(write(expr, item.columns)), expr->type));
        }
        std::string out = fmt::format("SELECT DISTINCT ON ({}) {} FROM {}", fmt::join(keys, ", "),
                                      select_list(item.columns), item.from);
        if (is_sorted) out += TRY(order_by(input.sort_keys, item.columns));
        return out;
    }
    const FromItem item = TRY(from(input));
    Names columns = item.columns;
    Names keys;
    bool has_display = false;
    for (size_t i = 0; i < fields.size(); ++i) {
        keys.push_back(comparable(item.columns[i], fields[i].type));
        if (keys[i] == item.columns[i]) continue;
        has_display = true;
        columns[i] = "min(" + columns[i] + ")";
    }
    if (!has_display) return "SELECT DISTINCT " + select_list(columns) + " FROM " + item.from;
    return fmt::format("SELECT {} FROM {} GROUP BY {}", select_list(columns), item.from,
                       fmt::join(keys, ", "));
}

Result<std::string> Generator::with(const Node& node) {
    const Node& body = *node.inputs[0];
    const size_t columns = body.output.fields.size();
    const std::string name = fmt::format("w{}", cte_count_++);
    if (node.is_recursive) {
        ctes_[node.cte] = {name, columns};
        const bool is_distinct = body.kind == Node::Kind::kSetOperation && !body.is_all;
        for (const Field& field : body.output.fields) {
            // DuckDB would take 1.0 and 1.00 for two rows and might never end.
            if (is_distinct && physical_of(field.type) == Physical::kBlob) {
                return not_supported("WITH RECURSIVE … UNION (not ALL) over " + field.type.name());
            }
        }
    }
    const std::string inner = TRY(select(body));
    ctes_[node.cte] = {name, columns};
    const FromItem item = TRY(from(*node.inputs[1]));
    Names names;
    for (size_t i = 0; i < columns; ++i) names.push_back(fmt::format("c{}", i));
    if (columns == 0) names.push_back("d");
    return fmt::format("WITH {}{}({}) AS ({}) SELECT {} FROM {}",
                       node.is_recursive ? "RECURSIVE " : "", name, fmt::join(names, ", "), inner,
                       select_list(item.columns), item.from);
}

Result<std::string> Generator::cte_scan(const Node& node) {
    const FromItem item = TRY(from(node));
    return "SELECT " + select_list(item.columns) + " FROM " + item.from;
}

}  // namespace braid::read
