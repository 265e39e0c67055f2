// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sql/parse/ast.h"
#include "sql/parse/json_tree_internal.h"

namespace braid::sql {

/// Turns the JSON tree of one text into our own. A kind of node that it does not know becomes
/// "unsupported" with its name, never an error. Recursive, bounded by kDepthMax.
class TreeReader {
  public:
    explicit TreeReader(std::shared_ptr<const std::string> source) : source_(std::move(source)) {}

    /// `begin` and `end` bound the statement in the source.
    Result<StatementTree> statement(const JsonNode& node, size_t begin, size_t end);
    static StatementKind kind_of(const StatementTree& tree);
    static std::string tag_of(const JsonNode& node);

  private:
    // read_expression.cc
    Result<ExpressionPtr> expression(const JsonNode& node);
    Result<ExpressionPtr> optional_expression(const JsonObject& body, std::string_view key);
    Result<void> read_expression(const JsonNode& node, Expression& out);
    Result<void> read_constant(const JsonObject& body, Expression& out);
    Result<void> read_column(const JsonObject& body, Expression& out);
    Result<void> read_operator(const JsonObject& body, Expression& out);
    Result<void> read_bool(const JsonObject& body, Expression& out);
    Result<void> read_call(const JsonObject& body, Expression& out);
    Result<void> read_subquery(const JsonObject& body, Expression& out);
    Result<void> read_case(const JsonObject& body, Expression& out);
    Result<void> read_test(const JsonNode& node, Expression& out);
    Result<void> read_indirection(const JsonObject& body, Expression& out);
    Result<void> read_list_form(const JsonNode& node, Expression& out);
    Result<std::vector<ExpressionPtr>> expressions(const JsonArray& array);
    Result<TypeName> type_name(const JsonObject& body);
    Result<std::vector<SortItem>> sort_items(const JsonArray& array);
    Result<WindowSpec> window(const JsonObject& body);
    int64_t integer(const JsonObject& value, int place) const;

    // read_select.cc
    Result<SelectPtr> select(const JsonObject& body);
    Result<void> read_select_parts(const JsonObject& body, Select& out);
    Result<void> read_values(const JsonObject& body, Select& out);
    Result<void> read_with(const JsonObject& body, Select& out);
    Result<std::vector<Target>> targets(const JsonArray& array);
    Result<TableRefPtr> table_ref(const JsonNode& node);
    Result<void> read_join(const JsonObject& body, TableRef& out);
    Result<void> read_function_ref(const JsonObject& body, TableRef& out);

    // read_statement.cc
    Result<CreateTableTree> create_table(const JsonObject& body);
    Result<CreateViewTree> create_materialized_view(const JsonObject& body);
    Result<CreateViewTree> create_view(const JsonObject& body);
    void cut_definition(CreateViewTree& tree) const;
    Result<StatementTree> drop(const JsonObject& body);
    Result<InsertTree> insert(const JsonObject& body);
    Result<DeleteTree> delete_from(const JsonObject& body);
    Result<ExplainTree> explain(const JsonObject& body);
    Result<StatementTree> set(const JsonObject& body);
    StatementTree set_transaction(const JsonObject& body) const;
    Result<StatementTree> transaction(const JsonObject& body);
    Result<StatementTree> prepare(const JsonObject& body);
    Result<StatementTree> create_table_as(const JsonObject& body);
    StatementTree unsupported(std::string what) const;
    std::vector<Option> options(const JsonArray& array) const;
    template <typename Body>
    StatementTree tree(Body body) const {
        return StatementTree{source_, std::move(body), 0};
    }

    std::shared_ptr<const std::string> source_;
    size_t begin_ = 0;
    size_t end_ = 0;
    int depth_ = 0;
    int depth_seen_ = 0;

    friend class Nested;
};

/// Counts one level of nesting while it lives.
class Nested {
  public:
    explicit Nested(TreeReader& reader) : reader_(reader) {
        ++reader_.depth_;
        if (reader_.depth_ > reader_.depth_seen_) reader_.depth_seen_ = reader_.depth_;
    }
    ~Nested() { --reader_.depth_; }
    Nested(const Nested&) = delete;
    Nested& operator=(const Nested&) = delete;
    Result<void> check() const;

  private:
    TreeReader& reader_;
};

std::vector<std::string> strings_of(const JsonArray& array);
Name relation_name(const JsonObject& range_var);
std::optional<Alias> alias_of(const JsonObject& body, std::string_view key);

}  // namespace braid::sql
