// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <charconv>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/check.h"
#include "columnar/test_support.h"
#include "plan/node.h"
#include "read/adhoc/duck_engine.h"

/// Plans written by hand, and tables to run them over, for the tests of this folder.
namespace braid::read::test {

using plan::Expr;
using plan::ExprPtr;
using plan::Node;
using plan::NodePtr;

inline Type type_of(std::string_view name) {
    Type type;
    CHECK(parse_type_name(name, type));
    return type;
}

// Expressions.

/// A constant as its type reads it.
inline ExprPtr lit(std::string_view type, std::string_view text) {
    auto value = parse_text(text, type_of(type), utc_format());
    CHECK(value.has_value());
    return plan::constant(*value);
}
inline ExprPtr null_of(std::string_view type) { return plan::constant(Datum::null(type_of(type))); }
inline ExprPtr num(int32_t value) { return plan::constant(Datum::int4(value)); }
inline ExprPtr str(std::string value) { return plan::constant(Datum::text(std::move(value))); }

/// Column `index` of the node.
inline ExprPtr col(const NodePtr& node, int index) {
    return plan::column_ref(index, node->output.fields[static_cast<size_t>(index)].type);
}
inline ExprPtr outer(const NodePtr& node, int index, int depth = 1) {
    auto expr = std::make_shared<Expr>(*col(node, index));
    expr->kind = Expr::Kind::kOuterColumn;
    expr->depth = depth;
    return expr;
}
/// A call by the function's key: fn("+(int4,int4)", {a, b}).
inline ExprPtr fn(std::string_view key, std::vector<ExprPtr> arguments) {
    const plan::Function* function = plan::function_by_key(key);
    if (function == nullptr) ADD_FAILURE() << "no function " << key;
    CHECK(function != nullptr);
    return plan::call(function, std::move(arguments));
}
inline ExprPtr all_of(std::vector<ExprPtr> parts) {
    return plan::make(Expr::Kind::kAnd, Type::of(TypeKind::kBool), std::move(parts));
}
inline ExprPtr any_of(std::vector<ExprPtr> parts) {
    return plan::make(Expr::Kind::kOr, Type::of(TypeKind::kBool), std::move(parts));
}
inline ExprPtr not_(ExprPtr part) {
    return plan::make(Expr::Kind::kNot, Type::of(TypeKind::kBool), {std::move(part)});
}
inline ExprPtr boolean(Expr::Kind kind, std::vector<ExprPtr> parts) {
    return plan::make(kind, Type::of(TypeKind::kBool), std::move(parts));
}
inline ExprPtr case_(Type type, std::vector<ExprPtr> parts) {
    return plan::make(Expr::Kind::kCase, type, std::move(parts));
}
inline ExprPtr subquery(Expr::SubqueryKind kind, NodePtr node, std::vector<ExprPtr> left = {},
                        std::string_view comparison = "") {
    auto expr = std::make_shared<Expr>();
    expr->kind = Expr::Kind::kSubquery;
    expr->subquery_kind = kind;
    const bool is_scalar = kind == Expr::SubqueryKind::kScalar;
    expr->type = is_scalar ? node->output.fields[0].type : Type::of(TypeKind::kBool);
    if (kind == Expr::SubqueryKind::kArray) {
        expr->type = Type::aliased(TypeKind::kText, TypeAlias::kTextArray);
    }
    expr->subquery = std::move(node);
    expr->arguments = std::move(left);
    if (!comparison.empty()) expr->comparison = plan::function_by_key(comparison);
    return expr;
}

// Nodes. `names` are those of the output columns.

inline std::shared_ptr<Node> node_of(Node::Kind kind, std::vector<NodePtr> inputs = {}) {
    auto node = std::make_shared<Node>();
    node->kind = kind;
    if (!inputs.empty()) node->output = inputs[0]->output;
    node->inputs = std::move(inputs);
    return node;
}
inline Schema schema_from(const std::vector<ExprPtr>& exprs) {
    Schema schema;
    for (const ExprPtr& expr : exprs) {
        schema.fields.push_back({"x" + std::to_string(schema.fields.size()), expr->type});
    }
    return schema;
}
inline NodePtr filter(NodePtr input, ExprPtr predicate) {
    auto node = node_of(Node::Kind::kFilter, {std::move(input)});
    node->predicate = std::move(predicate);
    return node;
}
inline NodePtr project(NodePtr input, std::vector<ExprPtr> exprs) {
    auto node = node_of(Node::Kind::kProject, {std::move(input)});
    node->output = schema_from(exprs);
    node->exprs = std::move(exprs);
    return node;
}
inline NodePtr values(std::vector<std::vector<ExprPtr>> rows) {
    auto node = node_of(Node::Kind::kValues);
    if (!rows.empty()) node->output = schema_from(rows[0]);
    node->rows = std::move(rows);
    return node;
}
/// SELECT without FROM.
inline NodePtr one_row() { return values({{}}); }
inline plan::SortKey asc(ExprPtr expr) { return {std::move(expr), false, false}; }
inline plan::SortKey desc(ExprPtr expr) { return {std::move(expr), true, true}; }
inline NodePtr sort(NodePtr input, std::vector<plan::SortKey> keys) {
    auto node = node_of(Node::Kind::kSort, {std::move(input)});
    node->sort_keys = std::move(keys);
    return node;
}
inline NodePtr limit(NodePtr input, ExprPtr count, ExprPtr offset = nullptr) {
    auto node = node_of(Node::Kind::kLimit, {std::move(input)});
    node->limit = std::move(count);
    node->offset = std::move(offset);
    return node;
}
inline NodePtr distinct(NodePtr input, std::vector<ExprPtr> on = {}) {
    auto node = node_of(Node::Kind::kDistinct, {std::move(input)});
    node->exprs = std::move(on);
    return node;
}
inline NodePtr join(Node::JoinKind kind, NodePtr left, NodePtr right, ExprPtr predicate = nullptr,
                    bool is_lateral = false) {
    auto node = node_of(Node::Kind::kJoin, {left, right});
    for (const Field& field : right->output.fields) node->output.fields.push_back(field);
    node->join = kind;
    node->predicate = std::move(predicate);
    node->is_lateral = is_lateral;
    return node;
}
inline NodePtr set_operation(Node::SetKind kind, bool is_all, NodePtr left, NodePtr right) {
    auto node = node_of(Node::Kind::kSetOperation, {std::move(left), std::move(right)});
    node->set_kind = kind;
    node->is_all = is_all;
    return node;
}
inline plan::AggregateCall agg(std::string name, std::vector<ExprPtr> arguments,
                               std::string_view result) {
    plan::AggregateCall call;
    call.name = std::move(name);
    call.arguments = std::move(arguments);
    call.result = type_of(result);
    return call;
}
inline NodePtr aggregate(NodePtr input, std::vector<ExprPtr> keys,
                         std::vector<plan::AggregateCall> calls) {
    auto node = node_of(Node::Kind::kAggregate, {std::move(input)});
    node->output = schema_from(keys);
    for (const plan::AggregateCall& call : calls) {
        node->output.fields.push_back(
            {"a" + std::to_string(node->output.fields.size()), call.result});
    }
    node->exprs = std::move(keys);
    node->aggregates = std::move(calls);
    return node;
}
inline plan::WindowCall win(std::string name, std::vector<ExprPtr> arguments,
                            std::string_view result, std::vector<ExprPtr> partition_by = {},
                            std::vector<plan::SortKey> order_by = {}, std::string frame = "") {
    plan::WindowCall call;
    call.name = std::move(name);
    call.arguments = std::move(arguments);
    call.result = type_of(result);
    call.partition_by = std::move(partition_by);
    call.order_by = std::move(order_by);
    call.frame = std::move(frame);
    return call;
}
inline NodePtr window(NodePtr input, std::vector<plan::WindowCall> calls) {
    auto node = node_of(Node::Kind::kWindow, {std::move(input)});
    for (const plan::WindowCall& call : calls) {
        node->output.fields.push_back(
            {"w" + std::to_string(node->output.fields.size()), call.result});
    }
    node->windows = std::move(calls);
    return node;
}
inline NodePtr table_function(std::string name, std::vector<ExprPtr> arguments,
                              std::string_view fields) {
    auto node = node_of(Node::Kind::kScan);
    node->relation = {plan::RelationRef::Kind::kFunction, {}, {}, std::move(name)};
    node->scan_arguments = std::move(arguments);
    node->output = schema_of(fields);
    return node;
}
inline NodePtr with(std::string name, NodePtr body, NodePtr query, bool is_recursive = false) {
    auto node = node_of(Node::Kind::kWith, {std::move(body), query});
    node->output = query->output;
    node->cte = std::move(name);
    node->is_recursive = is_recursive;
    return node;
}
inline NodePtr cte_scan(std::string name, Schema output) {
    auto node = node_of(Node::Kind::kCteScan);
    node->cte = std::move(name);
    node->output = std::move(output);
    return node;
}

/// Rows that are there already, in batches of at most `rows_max`.
class TableRows final : public RowSource {
  public:
    TableRows(Batch rows, size_t rows_max) : rows_(std::move(rows)), rows_max_(rows_max) {}
    Result<bool> next(Batch& batch) override {
        const size_t count = std::min(rows_max_, rows_.length - from_);
        if (count == 0) return false;
        batch = rows_.slice(from_, count);
        from_ += count;
        return true;
    }

  private:
    const Batch rows_;
    const size_t rows_max_;
    size_t from_ = 0;
};

/// Tables in memory, and an engine to ask: one for all tests of a fixture.
/// The number that a test gave a table as its name.
inline size_t leaf_number(const std::string& name) {
    size_t number = 0;
    std::from_chars(name.data(), name.data() + name.size(), number);
    return number;
}

class DuckTest : public testing::Test {
  protected:
    /// A table of the rows given; its scan.
    NodePtr table(std::string_view fields, std::string_view rows) {
        const Schema schema = schema_of(fields);
        return table_of(schema, batch_of(schema, rows));
    }
    NodePtr table_of(const Schema& schema, Batch rows) {
        auto scan = node_of(Node::Kind::kScan);
        scan->relation = {plan::RelationRef::Kind::kSystem, {}, {}, std::to_string(tables_.size())};
        scan->output = schema;
        for (size_t i = 0; i < schema.fields.size(); ++i)
            scan->scan_columns.push_back(static_cast<int>(i));
        tables_.push_back(std::move(rows));
        return scan;
    }

    static void SetUpTestSuite() {
        auto opened = DuckEngine::open({.memory_bytes_max = 512ULL << 20, .threads = 2});
        CHECK_EQ(opened.has_value() ? "" : opened.error().to_string(), "");
        engine_ = std::move(opened).value();
    }
    static void TearDownTestSuite() { engine_.reset(); }
    static DuckEngine& engine() { return *engine_; }

    virtual DuckStatement statement(const NodePtr& root, std::vector<Datum> parameters = {}) {
        DuckStatement out;
        out.root = root.get();
        out.parameters = std::move(parameters);
        out.context.parameters = out.parameters;
        out.context.format = utc_format();
        out.is_kernel_leaf = [](const Node& node) {
            return node.kind == Node::Kind::kScan &&
                   node.relation.kind != plan::RelationRef::Kind::kFunction;
        };
        out.open_leaf = [this](const Node& leaf) -> Result<RowPiecesPtr> {
            ++opened_;
            const Batch& rows = tables_[leaf_number(leaf.relation.name)];
            Batch picked;
            picked.length = rows.length;
            for (const int column : leaf.scan_columns) {
                picked.columns.push_back(rows.columns[static_cast<size_t>(column)]);
            }
            return in_one_piece(std::make_unique<TableRows>(std::move(picked), batch_rows_));
        };
        return out;
    }

    /// All rows as text, or the error as "SQLSTATE message".
    std::string run(const NodePtr& root, std::vector<Datum> parameters = {}) {
        return run(statement(root, std::move(parameters)), root->output);
    }
    std::string run(DuckStatement statement, const Schema& output) {
        auto rows = engine().run(std::move(statement));
        if (!rows.has_value()) return text_of(rows.error());
        std::string out;
        for (;;) {
            Batch batch;
            auto more = (*rows)->next(batch);
            if (!more.has_value()) return text_of(more.error());
            if (!*more) return out;
            out += output.fields.empty() ? std::to_string(batch.length) + " rows\n"
                                         : to_text(output, batch);
        }
    }
    /// The same with the lines sorted, where no order was asked for.
    std::string run_sorted(const NodePtr& root) {
        const std::string text = run(root);
        std::vector<std::string> lines;
        for (size_t at = 0; at < text.size();) {
            const size_t end = text.find('\n', at);
            if (end == std::string::npos) return text;
            lines.push_back(text.substr(at, end + 1 - at));
            at = end + 1;
        }
        std::ranges::sort(lines);
        std::string out;
        for (const std::string& line : lines) out += line;
        return out;
    }
    static std::string text_of(const Error& error) {
        std::string out = std::string(error.sqlstate()) + " " + error.message();
        if (!error.detail().empty()) out += " | " + error.detail();
        return out;
    }
    std::string sql_of(const NodePtr& root) {
        const auto sql = generate_sql(statement(root));
        return sql.has_value() ? *sql : text_of(sql.error());
    }

    inline static std::unique_ptr<DuckEngine> engine_;
    std::vector<Batch> tables_;
    size_t batch_rows_ = 65'536;
    int opened_ = 0;
};

}  // namespace braid::read::test
