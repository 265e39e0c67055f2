// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <charconv>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error_makers.h"
#include "sql/parse/tree_reader_internal.h"

namespace braid::sql {
namespace {

using Kind = Expression::Kind;

struct OperatorForm {
    std::string_view json;
    Kind kind;
};
constexpr OperatorForm kOperatorForms[] = {
    {"AEXPR_OP", Kind::kOperator},
    {"AEXPR_OP_ANY", Kind::kOperatorAny},
    {"AEXPR_OP_ALL", Kind::kOperatorAll},
    {"AEXPR_DISTINCT", Kind::kDistinct},
    {"AEXPR_NOT_DISTINCT", Kind::kDistinct},
    {"AEXPR_NULLIF", Kind::kNullIf},
    {"AEXPR_IN", Kind::kIn},
    {"AEXPR_LIKE", Kind::kLike},
    {"AEXPR_ILIKE", Kind::kLike},
    {"AEXPR_SIMILAR", Kind::kSimilar},
    {"AEXPR_BETWEEN", Kind::kBetween},
    {"AEXPR_NOT_BETWEEN", Kind::kBetween},
    {"AEXPR_BETWEEN_SYM", Kind::kBetween},
    {"AEXPR_NOT_BETWEEN_SYM", Kind::kBetween},
};

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f'; }

/// Skips blanks and comments from `at`.
size_t skip_blanks(std::string_view text, size_t at) {
    while (at < text.size()) {
        if (is_blank(text[at])) {
            ++at;
        } else if (text.substr(at, 2) == "--") {
            while (at < text.size() && text[at] != '\n') ++at;
        } else if (text.substr(at, 2) == "/*") {
            const size_t close = text.find("*/", at);
            at = close == std::string_view::npos ? text.size() : close + 2;
        } else {
            break;
        }
    }
    return at;
}

/// The integer constant written at `place`, signs in front of it included; 0 if there is none.
int64_t integer_in_text(std::string_view text, int place) {
    if (place < 0) return 0;
    bool negative = false;
    for (size_t at = static_cast<size_t>(place);;) {
        at = skip_blanks(text, at);
        if (at >= text.size()) return 0;
        const char c = text[at];
        if (c == '-') negative = !negative;
        if (c == '-' || c == '(' || c == '+') {
            ++at;
            continue;
        }
        int64_t value = 0;
        const auto [end, error] =
            std::from_chars(text.data() + at, text.data() + text.size(), value);
        if (error != std::errc()) return 0;
        return negative ? -value : value;
    }
}

}  // namespace

Error too_deep() {
    return invalid_input("stack depth limit exceeded")
        .with_sqlstate("54001")
        .with_hint("Write the statement with less nesting; at most 500 levels are read.");
}

Result<void> Nested::check() const {
    if (reader_.depth_ > kDepthMax) return too_deep();
    return {};
}

std::vector<std::string> strings_of(const JsonArray& array) {
    std::vector<std::string> out;
    for (const auto element : array) {
        const JsonNode node = JsonNode::of(element);
        out.push_back(node.body.text("sval"));
    }
    return out;
}

int place_of(const Expression& expression) {
    switch (expression.kind) {
        case Kind::kCase:
        case Kind::kCoalesce:
        case Kind::kGreatest:
        case Kind::kLeast:
        case Kind::kArray:
        case Kind::kRow:
            return expression.place;
        default:
            break;
    }
    int place = expression.place;
    if (!expression.arguments.empty()) {
        const int first = place_of(*expression.arguments[0]);
        if (first >= 0 && (place < 0 || first < place)) place = first;
    }
    return place;
}

/// libpg_query 15 writes no value for negative integers either; they are read from the source
/// again.
int64_t TreeReader::integer(const JsonObject& value, int place) const {
    const int64_t number = value.number("ival");
    if (number != 0) return number;
    return integer_in_text(*source_, place);
}

Result<ExpressionPtr> TreeReader::optional_expression(const JsonObject& body,
                                                      std::string_view key) {
    const JsonObject wrapper = body.object(key);
    if (!wrapper.first()) return ExpressionPtr();
    return expression(JsonNode::of(wrapper));
}

Result<std::vector<ExpressionPtr>> TreeReader::expressions(const JsonArray& array) {
    std::vector<ExpressionPtr> out;
    for (const auto element : array) out.push_back(TRY(expression(JsonNode::of(element))));
    return out;
}

Result<ExpressionPtr> TreeReader::expression(const JsonNode& node) {
    const Nested nested(*this);
    TRY(nested.check());
    auto out = std::make_shared<Expression>();
    out->place = node.body.place();
    TRY(read_expression(node, *out));
    return ExpressionPtr(std::move(out));
}

Result<void> TreeReader::read_expression(const JsonNode& node, Expression& out) {
    const JsonObject& body = node.body;
    if (node.kind == "A_Const") return read_constant(body, out);
    if (node.kind == "ColumnRef") return read_column(body, out);
    if (node.kind == "A_Expr") return read_operator(body, out);
    if (node.kind == "BoolExpr") return read_bool(body, out);
    if (node.kind == "FuncCall") return read_call(body, out);
    if (node.kind == "SubLink") return read_subquery(body, out);
    if (node.kind == "CaseExpr") return read_case(body, out);
    if (node.kind == "NullTest" || node.kind == "BooleanTest") return read_test(node, out);
    if (node.kind == "A_Indirection") return read_indirection(body, out);
    if (node.kind == "TypeCast") {
        out.kind = Kind::kCast;
        out.arguments.push_back(TRY(expression(JsonNode::of(body.object("arg")))));
        out.type_name = std::make_shared<TypeName>(TRY(type_name(body.object("typeName"))));
        return {};
    }
    if (node.kind == "CollateClause") {
        out.kind = Kind::kCollate;
        out.arguments.push_back(TRY(expression(JsonNode::of(body.object("arg")))));
        out.names = strings_of(body.array("collname"));
        return {};
    }
    return read_list_form(node, out);
}

Result<void> TreeReader::read_list_form(const JsonNode& node, Expression& out) {
    const JsonObject& body = node.body;
    if (node.kind == "ParamRef") {
        out.kind = Kind::kParameter;
        out.number = body.number("number");
    } else if (node.kind == "CoalesceExpr") {
        out.kind = Kind::kCoalesce;
        out.arguments = TRY(expressions(body.array("args")));
    } else if (node.kind == "MinMaxExpr") {
        out.kind = body.text("op") == "IS_LEAST" ? Kind::kLeast : Kind::kGreatest;
        out.arguments = TRY(expressions(body.array("args")));
    } else if (node.kind == "RowExpr") {
        out.kind = Kind::kRow;
        out.arguments = TRY(expressions(body.array("args")));
    } else if (node.kind == "A_ArrayExpr") {
        out.kind = Kind::kArray;
        out.arguments = TRY(expressions(body.array("elements")));
    } else if (node.kind == "GroupingFunc") {
        out.kind = Kind::kGrouping;
        out.arguments = TRY(expressions(body.array("args")));
    } else if (node.kind == "SetToDefault") {
        out.kind = Kind::kDefault;
    } else if (node.kind == "SQLValueFunction") {
        out.kind = Kind::kSqlValue;
        out.text = body.text("op");
        if (out.text.starts_with("SVFOP_")) out.text.erase(0, 6);
        if (out.text.ends_with("_N")) out.text.resize(out.text.size() - 2);
        for (char& c : out.text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
        out.number = body.number("typmod");
    } else if (node.kind == "GroupingSet") {
        out.kind = Kind::kUnsupported;
        out.text = "GROUPING SETS";
    } else if (node.kind == "XmlExpr" || node.kind == "XmlSerialize") {
        out.kind = Kind::kUnsupported;
        out.text = "XML expression";
    } else {
        out.kind = Kind::kUnsupported;
        out.text = std::string(node.kind);
    }
    return {};
}

Result<void> TreeReader::read_constant(const JsonObject& body, Expression& out) {
    if (body.flag("isnull")) {
        out.kind = Kind::kNull;
    } else if (body.has("ival")) {
        out.kind = Kind::kInteger;
        out.number = integer(body.object("ival"), out.place);
        out.text = std::to_string(out.number);
    } else if (body.has("fval")) {
        out.kind = Kind::kFloat;
        out.text = body.object("fval").text("fval");
    } else if (body.has("boolval")) {
        out.kind = Kind::kBoolean;
        out.flag = body.object("boolval").flag("boolval");
    } else if (body.has("bsval")) {
        out.kind = Kind::kUnsupported;
        out.text = "bit string literal";
    } else {
        out.kind = Kind::kString;
        out.text = body.object("sval").text("sval");
    }
    return {};
}

Result<void> TreeReader::read_column(const JsonObject& body, Expression& out) {
    out.kind = Kind::kColumn;
    for (const auto element : body.array("fields")) {
        const JsonNode field = JsonNode::of(element);
        if (field.kind == "A_Star") {
            out.is_star = true;
        } else {
            out.names.push_back(field.body.text("sval"));
        }
    }
    return {};
}

Result<void> TreeReader::read_operator(const JsonObject& body, Expression& out) {
    const std::string form = body.text("kind");
    out.kind = Kind::kUnsupported;
    out.text = form;
    for (const OperatorForm& known : kOperatorForms) {
        if (known.json == form) out.kind = known.kind;
    }
    out.names = strings_of(body.array("name"));
    out.flag =
        form.find("NOT_") != std::string::npos || (form == "AEXPR_IN" && out.names.back() == "<>");
    out.is_symmetric = form.ends_with("_SYM");
    if (ExpressionPtr left = TRY(optional_expression(body, "lexpr"))) {
        out.arguments.push_back(std::move(left));
    }
    const JsonNode right = JsonNode::of(body.object("rexpr"));
    if (right.kind == "List") {
        std::vector<ExpressionPtr> items = TRY(expressions(right.body.array("items")));
        for (ExpressionPtr& item : items) out.arguments.push_back(std::move(item));
    } else if (body.has("rexpr")) {
        out.arguments.push_back(TRY(expression(right)));
    }
    return {};
}

Result<void> TreeReader::read_bool(const JsonObject& body, Expression& out) {
    const std::string form = body.text("boolop");
    out.kind = form == "OR_EXPR" ? Kind::kOr : form == "NOT_EXPR" ? Kind::kNot : Kind::kAnd;
    out.arguments = TRY(expressions(body.array("args")));
    return {};
}

Result<void> TreeReader::read_call(const JsonObject& body, Expression& out) {
    out.kind = Kind::kCall;
    out.names = strings_of(body.array("funcname"));
    out.arguments = TRY(expressions(body.array("args")));
    out.is_star = body.flag("agg_star");
    out.is_distinct = body.flag("agg_distinct");
    out.is_within_group = body.flag("agg_within_group");
    out.is_variadic = body.flag("func_variadic");
    out.is_sql_syntax = body.text("funcformat") == "COERCE_SQL_SYNTAX";
    out.order_by = TRY(sort_items(body.array("agg_order")));
    out.filter = TRY(optional_expression(body, "agg_filter"));
    if (body.has("over")) {
        out.over = std::make_shared<WindowSpec>(TRY(window(body.object("over"))));
    }
    return {};
}

Result<void> TreeReader::read_subquery(const JsonObject& body, Expression& out) {
    using Sub = Expression::SubqueryKind;
    const std::string form = body.text("subLinkType");
    out.kind = Kind::kSubquery;
    if (form == "EXISTS_SUBLINK") {
        out.subquery_kind = Sub::kExists;
    } else if (form == "ALL_SUBLINK") {
        out.subquery_kind = Sub::kAll;
    } else if (form == "ANY_SUBLINK") {
        out.subquery_kind = Sub::kAny;
    } else if (form == "ARRAY_SUBLINK") {
        out.subquery_kind = Sub::kArray;
    } else if (form != "EXPR_SUBLINK") {
        out.kind = Kind::kUnsupported;
        out.text = form;
        return {};
    }
    if (ExpressionPtr test = TRY(optional_expression(body, "testexpr"))) {
        out.arguments.push_back(std::move(test));
    }
    out.names = strings_of(body.array("operName"));
    out.subquery = TRY(select(JsonNode::of(body.object("subselect")).body));
    return {};
}

Result<void> TreeReader::read_case(const JsonObject& body, Expression& out) {
    out.kind = Kind::kCase;
    out.operand = TRY(optional_expression(body, "arg"));
    for (const auto element : body.array("args")) {
        const JsonObject when = JsonNode::of(element).body;
        out.when_places.push_back(when.place());
        out.arguments.push_back(TRY(expression(JsonNode::of(when.object("expr")))));
        out.arguments.push_back(TRY(expression(JsonNode::of(when.object("result")))));
    }
    out.otherwise = TRY(optional_expression(body, "defresult"));
    return {};
}

Result<void> TreeReader::read_test(const JsonNode& node, Expression& out) {
    using Test = Expression::BooleanTest;
    out.arguments.push_back(TRY(expression(JsonNode::of(node.body.object("arg")))));
    if (node.kind == "NullTest") {
        out.kind = Kind::kIsNull;
        out.flag = node.body.text("nulltesttype") == "IS_NOT_NULL";
        return {};
    }
    out.kind = Kind::kBooleanTest;
    const std::string form = node.body.text("booltesttype");
    out.test = form == "IS_NOT_TRUE"      ? Test::kNotTrue
               : form == "IS_FALSE"       ? Test::kFalse
               : form == "IS_NOT_FALSE"   ? Test::kNotFalse
               : form == "IS_UNKNOWN"     ? Test::kUnknown
               : form == "IS_NOT_UNKNOWN" ? Test::kNotUnknown
                                          : Test::kTrue;
    return {};
}

/// Each [subscript] and .field wraps what stands before it.
Result<void> TreeReader::read_indirection(const JsonObject& body, Expression& out) {
    ExpressionPtr inner = TRY(expression(JsonNode::of(body.object("arg"))));
    const int place = inner->place;
    const JsonArray steps = body.array("indirection");
    size_t left = steps.size();
    const int deepest = depth_ + static_cast<int>(left);
    if (deepest > kDepthMax) return too_deep();
    depth_seen_ = std::max(depth_seen_, deepest);
    for (const auto element : steps) {
        const JsonNode step = JsonNode::of(element);
        Expression level;
        level.kind = Kind::kSubscript;
        level.place = place;
        level.arguments.push_back(std::move(inner));
        if (step.kind == "A_Indices" && !step.body.flag("is_slice")) {
            level.arguments.push_back(TRY(expression(JsonNode::of(step.body.object("uidx")))));
        } else if (step.kind == "A_Indices") {
            level.text = "array slice";
        } else if (step.kind == "A_Star") {
            level.is_star = true;
        } else {
            level.names.push_back(step.body.text("sval"));
        }
        if (--left == 0) {
            out = std::move(level);
            return {};
        }
        inner = std::make_shared<Expression>(std::move(level));
    }
    return internal_error("an indirection without steps");
}

Result<TypeName> TreeReader::type_name(const JsonObject& body) {
    TypeName out;
    out.names = strings_of(body.array("names"));
    out.modifiers = TRY(expressions(body.array("typmods")));
    out.array_dimensions = static_cast<int>(body.array("arrayBounds").size());
    out.is_setof = body.flag("setof");
    out.is_percent_type = body.flag("pct_type");
    out.place = body.place();
    return out;
}

Result<std::vector<SortItem>> TreeReader::sort_items(const JsonArray& array) {
    using Direction = SortItem::Direction;
    using Nulls = SortItem::Nulls;
    std::vector<SortItem> out;
    for (const auto element : array) {
        const JsonObject body = JsonNode::of(element).body;
        SortItem item;
        item.expr = TRY(expression(JsonNode::of(body.object("node"))));
        const std::string direction = body.text("sortby_dir");
        item.direction = direction == "SORTBY_DESC"    ? Direction::kDescending
                         : direction == "SORTBY_ASC"   ? Direction::kAscending
                         : direction == "SORTBY_USING" ? Direction::kUsing
                                                       : Direction::kDefault;
        const std::string nulls = body.text("sortby_nulls");
        item.nulls = nulls == "SORTBY_NULLS_FIRST"  ? Nulls::kFirst
                     : nulls == "SORTBY_NULLS_LAST" ? Nulls::kLast
                                                    : Nulls::kDefault;
        out.push_back(std::move(item));
    }
    return out;
}

Result<WindowSpec> TreeReader::window(const JsonObject& body) {
    WindowSpec out;
    out.name = body.text("name");
    out.base_name = body.text("refname");
    out.partition_by = TRY(expressions(body.array("partitionClause")));
    out.order_by = TRY(sort_items(body.array("orderClause")));
    out.frame_options = static_cast<int>(body.number("frameOptions"));
    out.start_offset = TRY(optional_expression(body, "startOffset"));
    out.end_offset = TRY(optional_expression(body, "endOffset"));
    out.place = body.place();
    return out;
}

}  // namespace braid::sql
