// SPDX-License-Identifier: Apache-2.0
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "sql/parse/tree_reader_internal.h"

namespace braid::sql {

std::optional<Alias> alias_of(const JsonObject& body, std::string_view key) {
    if (!body.has(key)) return std::nullopt;
    const JsonObject alias = body.object(key);
    return Alias{alias.text("aliasname"), strings_of(alias.array("colnames"))};
}

Name relation_name(const JsonObject& range_var) {
    Name name;
    for (const char* part : {"catalogname", "schemaname", "relname"}) {
        if (range_var.has(part)) name.push_back(range_var.text(part));
    }
    return name;
}

Result<SelectPtr> TreeReader::select(const JsonObject& body) {
    const Nested nested(*this);
    TRY(nested.check());
    auto out = std::make_shared<Select>();
    if (body.has("withClause")) TRY(read_with(body.object("withClause"), *out));
    TRY(read_values(body, *out));
    TRY(read_select_parts(body, *out));
    const std::string operation = body.text("op");
    if (operation == "SETOP_UNION") out->operation = Select::SetOperation::kUnion;
    if (operation == "SETOP_INTERSECT") out->operation = Select::SetOperation::kIntersect;
    if (operation == "SETOP_EXCEPT") out->operation = Select::SetOperation::kExcept;
    if (out->operation != Select::SetOperation::kNone) {
        out->is_all = body.flag("all");
        out->left = TRY(select(body.object("larg")));
        out->right = TRY(select(body.object("rarg")));
    }
    return SelectPtr(std::move(out));
}

Result<void> TreeReader::read_select_parts(const JsonObject& body, Select& out) {
    for (const auto element : body.array("distinctClause")) {
        out.is_distinct = true;
        const JsonNode node = JsonNode::of(element);
        if (!node.kind.empty()) out.distinct_on.push_back(TRY(expression(node)));
    }
    out.targets = TRY(targets(body.array("targetList")));
    for (const auto element : body.array("fromClause")) {
        out.from.push_back(TRY(table_ref(JsonNode::of(element))));
    }
    out.where = TRY(optional_expression(body, "whereClause"));
    out.group_by = TRY(expressions(body.array("groupClause")));
    out.group_distinct = body.flag("groupDistinct");
    out.having = TRY(optional_expression(body, "havingClause"));
    for (const auto element : body.array("windowClause")) {
        out.windows.push_back(TRY(window(JsonNode::of(element).body)));
    }
    out.order_by = TRY(sort_items(body.array("sortClause")));
    out.limit = TRY(optional_expression(body, "limitCount"));
    out.offset = TRY(optional_expression(body, "limitOffset"));
    out.with_ties = body.text("limitOption") == "LIMIT_OPTION_WITH_TIES";
    out.has_into = body.has("intoClause");
    out.has_locking = body.has_items("lockingClause");
    return {};
}

Result<void> TreeReader::read_values(const JsonObject& body, Select& out) {
    for (const auto element : body.array("valuesLists")) {
        out.values.push_back(TRY(expressions(JsonNode::of(element).body.array("items"))));
    }
    return {};
}

Result<void> TreeReader::read_with(const JsonObject& body, Select& out) {
    out.is_recursive = body.flag("recursive");
    for (const auto element : body.array("ctes")) {
        const JsonObject cte = JsonNode::of(element).body;
        CommonTable table;
        table.name = cte.text("ctename");
        table.columns = strings_of(cte.array("aliascolnames"));
        table.place = cte.place();
        if (cte.has("search_clause")) table.unsupported = "SEARCH clause";
        if (cte.has("cycle_clause")) table.unsupported = "CYCLE clause";
        const JsonNode query = JsonNode::of(cte.object("ctequery"));
        if (query.kind == "SelectStmt") {
            table.query = TRY(select(query.body));
        } else {
            table.unsupported = "data-modifying statement in WITH";
        }
        out.with.push_back(std::move(table));
    }
    return {};
}

Result<std::vector<Target>> TreeReader::targets(const JsonArray& array) {
    std::vector<Target> out;
    for (const auto element : array) {
        const JsonObject body = JsonNode::of(element).body;
        Target target;
        target.name = body.text("name");
        target.place = body.place();
        target.expr = TRY(optional_expression(body, "val"));
        out.push_back(std::move(target));
    }
    return out;
}

Result<TableRefPtr> TreeReader::table_ref(const JsonNode& node) {
    const Nested nested(*this);
    TRY(nested.check());
    auto out = std::make_shared<TableRef>();
    const JsonObject& body = node.body;
    out->place = body.place();
    out->alias = alias_of(body, "alias");
    if (node.kind == "RangeVar") {
        out->kind = TableRef::Kind::kRelation;
        out->names = relation_name(body);
    } else if (node.kind == "RangeSubselect") {
        out->kind = TableRef::Kind::kSubquery;
        out->is_lateral = body.flag("lateral");
        out->subquery = TRY(select(JsonNode::of(body.object("subquery")).body));
    } else if (node.kind == "RangeFunction") {
        TRY(read_function_ref(body, *out));
    } else if (node.kind == "JoinExpr") {
        TRY(read_join(body, *out));
    } else {
        out->kind = TableRef::Kind::kUnsupported;
        out->unsupported = node.kind == "RangeTableSample" ? "TABLESAMPLE" : std::string(node.kind);
    }
    return TableRefPtr(std::move(out));
}

Result<void> TreeReader::read_join(const JsonObject& body, TableRef& out) {
    out.kind = TableRef::Kind::kJoin;
    const std::string form = body.text("jointype");
    out.join = form == "JOIN_LEFT"    ? TableRef::Join::kLeft
               : form == "JOIN_RIGHT" ? TableRef::Join::kRight
               : form == "JOIN_FULL"  ? TableRef::Join::kFull
                                      : TableRef::Join::kInner;
    out.is_natural = body.flag("isNatural");
    out.left = TRY(table_ref(JsonNode::of(body.object("larg"))));
    out.right = TRY(table_ref(JsonNode::of(body.object("rarg"))));
    out.using_columns = strings_of(body.array("usingClause"));
    out.on = TRY(optional_expression(body, "quals"));
    if (body.has("join_using_alias")) out.unsupported = "alias for JOIN USING";
    return {};
}

Result<void> TreeReader::read_function_ref(const JsonObject& body, TableRef& out) {
    out.kind = TableRef::Kind::kFunction;
    out.is_lateral = body.flag("lateral");
    out.with_ordinality = body.flag("ordinality");
    const JsonArray functions = body.array("functions");
    if (functions.size() != 1) out.unsupported = "ROWS FROM with several functions";
    if (body.has_items("coldeflist")) out.unsupported = "column definition list";
    for (const auto element : functions) {
        for (const auto item : JsonNode::of(element).body.array("items")) {
            const JsonNode call = JsonNode::of(item);
            if (!call.kind.empty() && out.function == nullptr) {
                out.function = TRY(expression(call));
            }
        }
    }
    return {};
}

}  // namespace braid::sql
