// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error_makers.h"
#include "columnar/numeric.h"
#include "columnar/text_io.h"
#include "sql/bind/binder_internal.h"

// Expressions that are neither operators nor function calls.

namespace braid::sql {

using Kind = Expression::Kind;

namespace {

constexpr Type kBool = Type::of(TypeKind::kBool);

ExprPtr placed(ExprPtr expr, int position) {
    if (expr->position != 0 || position == 0) return expr;
    auto copy = std::make_shared<Expr>(*expr);
    copy->position = position;
    return copy;
}

std::string_view test_name(Expression::BooleanTest test) {
    using Test = Expression::BooleanTest;
    switch (test) {
        case Test::kTrue:
            return "IS TRUE";
        case Test::kNotTrue:
            return "IS NOT TRUE";
        case Test::kFalse:
            return "IS FALSE";
        case Test::kNotFalse:
            return "IS NOT FALSE";
        case Test::kUnknown:
            return "IS UNKNOWN";
        case Test::kNotUnknown:
            return "IS NOT UNKNOWN";
    }
    return "";
}

}  // namespace

/// One level of recursion, bounded.
class Binder::Deeper {
  public:
    explicit Deeper(Binder& binder) : binder_(binder) { ++binder_.depth_; }
    ~Deeper() { --binder_.depth_; }
    Deeper(const Deeper&) = delete;
    Deeper& operator=(const Deeper&) = delete;
    bool too_far() const { return binder_.depth_ > kDepthMax + 100; }

  private:
    Binder& binder_;
};

Result<ExprPtr> Binder::expression(const ExpressionPtr& expression, Scope& scope) {
    const Deeper deeper(*this);
    if (deeper.too_far()) return too_deep();
    ExprPtr bound = TRY(any_expression(*expression, scope));
    return placed(std::move(bound), position(expression->place));
}

Result<ExprPtr> Binder::expression_in(const ExpressionPtr& wanted, Scope& scope, Clause clause) {
    const Clause before = scope.clause;
    scope.clause = clause;
    auto bound = expression(wanted, scope);
    scope.clause = before;
    return bound;
}

Result<std::vector<ExprPtr>> Binder::expressions(std::span<const ExpressionPtr> list,
                                                 Scope& scope) {
    std::vector<ExprPtr> out;
    out.reserve(list.size());
    for (const ExpressionPtr& item : list) out.push_back(TRY(expression(item, scope)));
    return out;
}

Result<ExprPtr> Binder::any_expression(const Expression& expression, Scope& scope) {
    switch (expression.kind) {
        case Kind::kColumn:
            return column(expression, scope);
        case Kind::kParameter:
            return parameter(expression, scope);
        case Kind::kNull:
        case Kind::kInteger:
        case Kind::kFloat:
        case Kind::kString:
        case Kind::kBoolean:
            return literal(expression);
        case Kind::kCast:
            return cast(expression, scope);
        case Kind::kOperator:
        case Kind::kLike:
        case Kind::kSimilar:
            return operation(expression, scope);
        case Kind::kAnd:
        case Kind::kOr:
        case Kind::kNot:
            return logic(expression, scope);
        case Kind::kCall:
            return function_call(expression, scope);
        case Kind::kSubquery:
            return subquery(expression, scope);
        case Kind::kCase:
            return case_when(expression, scope);
        default:
            return less_common(expression, scope);
    }
}

Result<ExprPtr> Binder::less_common(const Expression& expression, Scope& scope) {
    switch (expression.kind) {
        case Kind::kCollate:
            return collate(expression, scope);
        case Kind::kOperatorAny:
        case Kind::kOperatorAll:
            return array_operation(expression, scope);
        case Kind::kDistinct:
            return distinct_from(expression, scope);
        case Kind::kNullIf:
            return null_if(expression, scope);
        case Kind::kIn:
            return in_list(expression, scope);
        case Kind::kBetween:
            return between(expression, scope);
        case Kind::kCoalesce:
        case Kind::kGreatest:
        case Kind::kLeast:
            return list_form(expression, scope);
        case Kind::kIsNull:
            return null_test(expression, scope);
        case Kind::kBooleanTest:
            return boolean_test(expression, scope);
        case Kind::kArray:
            return array(expression, scope);
        case Kind::kSqlValue:
            return sql_value(expression);
        case Kind::kSubscript:
            return subscript(expression, scope);
        case Kind::kRow:
            return at(unsupported("ROW values are not supported here"), expression.place);
        case Kind::kDefault:
            return at(
                invalid_input("DEFAULT is not allowed in this context").with_sqlstate("42601"),
                expression.place);
        case Kind::kGrouping:
            return at(unsupported("GROUPING is not supported"), expression.place);
        default:
            return at(unsupported("{} is not supported", expression.text), expression.place);
    }
}

Result<ExprPtr> Binder::literal(const Expression& expression) {
    auto out = std::make_shared<Expr>();
    out->position = position(expression.place);
    switch (expression.kind) {
        case Kind::kInteger:
            out->constant = Datum::int4(static_cast<int32_t>(expression.number));
            break;
        case Kind::kBoolean:
            out->constant = Datum::boolean(expression.flag);
            break;
        case Kind::kString:
            out->constant = Datum{Type::of(TypeKind::kUnknown), expression.text};
            break;
        case Kind::kNull:
            out->constant = Datum::null(Type::of(TypeKind::kUnknown));
            break;
        default: {
            // A number that is no int4: int8 if it is an integer that fits, else numeric.
            const Numeric number = TRY(parse_numeric(expression.text));
            const bool is_whole = expression.text.find_first_of(".eE") == std::string::npos;
            auto whole = to_int8(number);
            if (is_whole && whole) {
                const int64_t value = *whole;
                const bool is_small = value >= INT32_MIN && value <= INT32_MAX;
                out->constant =
                    is_small ? Datum::int4(static_cast<int32_t>(value)) : Datum::int8(value);
            } else {
                out->constant = Datum{Type::of(TypeKind::kNumeric), number};
            }
            break;
        }
    }
    out->type = out->constant.type;
    return ExprPtr(std::move(out));
}

Result<ExprPtr> Binder::parameter(const Expression& expression, const Scope& scope) {
    constexpr int64_t kParametersMax = 65'535;
    const size_t argument = static_cast<size_t>(expression.number) - 1;
    if (body_arguments_ != nullptr && argument < body_arguments_->size()) {
        // In the body of an SQL function: a column of the row of arguments, which is outermost.
        auto out = std::make_shared<Expr>();
        out->column = static_cast<int>(argument);
        out->type = (*body_arguments_)[argument];
        for (const Scope* level = &scope; level != nullptr; level = level->parent) {
            if (level->is_border) ++out->depth;
        }
        out->kind = out->depth == 0 ? Expr::Kind::kColumn : Expr::Kind::kOuterColumn;
        return ExprPtr(std::move(out));
    }
    if (expression.number < 1 || expression.number > kParametersMax || !has_positions_) {
        return at(not_found("there is no parameter ${}", expression.number).with_sqlstate("42P02"),
                  expression.place);
    }
    const auto index = static_cast<size_t>(expression.number) - 1;
    if (index >= parameter_types_.size()) {
        parameter_types_.resize(index + 1, Type::of(TypeKind::kUnknown));
    }
    auto out = std::make_shared<Expr>();
    out->kind = Expr::Kind::kParameter;
    out->column = static_cast<int>(index);
    out->type = parameter_types_[index];
    out->position = position(expression.place);
    return ExprPtr(std::move(out));
}

Result<ExprPtr> Binder::cast(const Expression& expression, Scope& scope) {
    if (auto interval = TRY(interval_with_field(expression))) return *interval;
    const std::string& target = expression.type_name->names.back();
    if (target == "regnamespace" || target == "regrole") return name_of_object(expression, scope);
    const Type type = TRY(resolve_type(*expression.type_name));
    const Expression& value = *expression.arguments[0];
    if (value.kind == Kind::kArray && value.arguments.empty() && is_array(type)) {
        return plan::constant(Datum{type, std::string("{}")});
    }
    ExprPtr inner = TRY(this->expression(expression.arguments[0], scope));
    const int place = expression.place >= 0 ? expression.place : expression.arguments[0]->place;
    return coerce_with_precision(std::move(inner), type, CastContext::kExplicit, position(place));
}

/// regnamespace and regrole are no types of their own: 'public'::regnamespace is the OID, and an
/// OID cast to one of them is the name.
Result<ExprPtr> Binder::name_of_object(const Expression& expression, Scope& scope) {
    constexpr Type kOid = Type::aliased(TypeKind::kInt8, TypeAlias::kOid);
    const std::string& target = expression.type_name->names.back();
    ExprPtr inner = TRY(this->expression(expression.arguments[0], scope));
    const bool is_literal = is_unknown(inner->type) && inner->kind == Expr::Kind::kConstant &&
                            !inner->constant.is_null();
    if (is_literal && options_.system != nullptr) {
        const Datum name = Datum::text(inner->constant.as<std::string>());
        const auto oid = options_.system->session_value(target + "in", std::span(&name, 1));
        if (oid && std::holds_alternative<int64_t>(oid->value)) {
            return plan::constant(Datum{kOid, oid->value});
        }
    }
    if (is_literal &&
        inner->constant.as<std::string>().find_first_not_of("0123456789") != std::string::npos) {
        const bool is_role = target == "regrole";
        return at(not_found("{} \"{}\" does not exist", is_role ? "role" : "schema",
                            inner->constant.as<std::string>())
                      .with_sqlstate(is_role ? "42704" : "3F000"),
                  expression.arguments[0]->place);
    }
    inner = TRY(coerce(std::move(inner), kOid, CastContext::kExplicit));
    const std::vector<ExprPtr> arguments{inner};
    if (auto name = TRY(sql_function(target + "_name", arguments))) return *name;
    return inner;
}

Result<ExprPtr> Binder::collate(const Expression& expression, Scope& scope) {
    ExprPtr inner = TRY(this->expression(expression.arguments[0], scope));
    if (!is_unknown(inner->type) && category_of(inner->type) != 'S') {
        return at(invalid_input("collations are not supported by type {}",
                                without_precision(inner->type).name())
                      .with_sqlstate("42804"),
                  expression.place);
    }
    const std::string& name = expression.names.back();
    if (name == "C" || name == "POSIX" || name == "default" || name == "ucs_basic") return inner;
    return at(not_found("collation \"{}\" for encoding \"UTF8\" does not exist", name)
                  .with_sqlstate("42704")
                  .with_detail("Text is compared byte by byte, as by \"C\"."),
              expression.place);
}

Result<ExprPtr> Binder::as_boolean(ExprPtr expr, int place, std::string_view what) {
    if (!can_coerce(expr->type, kBool, CastContext::kAssignment)) {
        return at(invalid_input("argument of {} must be type boolean, not type {}", what,
                                without_precision(expr->type).name())
                      .with_sqlstate("42804"),
                  place);
    }
    return coerce(std::move(expr), kBool, CastContext::kAssignment);
}

Result<ExprPtr> Binder::boolean(const ExpressionPtr& expression, Scope& scope,
                                std::string_view what) {
    ExprPtr bound = TRY(this->expression(expression, scope));
    return as_boolean(std::move(bound), place_of(*expression), what);
}

Result<ExprPtr> Binder::logic(const Expression& expression, Scope& scope) {
    const bool is_and = expression.kind == Kind::kAnd;
    const std::string_view word = is_and ? "AND" : expression.kind == Kind::kOr ? "OR" : "NOT";
    std::vector<ExprPtr> arguments;
    for (const ExpressionPtr& argument : expression.arguments) {
        arguments.push_back(TRY(boolean(argument, scope, word)));
    }
    const Expr::Kind kind = is_and                         ? Expr::Kind::kAnd
                            : expression.kind == Kind::kOr ? Expr::Kind::kOr
                                                           : Expr::Kind::kNot;
    return plan::make(kind, kBool, std::move(arguments));
}

Result<Type> Binder::unify(std::vector<ExprPtr>& exprs, std::span<const int> places,
                           std::string_view what) {
    std::vector<Type> types;
    for (const ExprPtr& expr : exprs) types.push_back(expr->type);
    const CommonType common = common_type(types);
    if (!common.type) {
        const int place = common.culprit < places.size() ? places[common.culprit] : -1;
        return at(invalid_input("{} types {} and {} cannot be matched", what,
                                without_precision(common.against).name(),
                                without_precision(types[common.culprit]).name())
                      .with_sqlstate("42804"),
                  place);
    }
    for (ExprPtr& expr : exprs) {
        expr = TRY(coerce(std::move(expr), *common.type, CastContext::kImplicit));
    }
    return *common.type;
}

Result<ExprPtr> Binder::case_when(const Expression& expression, Scope& scope) {
    std::vector<ExprPtr> conditions;
    std::vector<ExprPtr> values;  // ELSE first, as PostgreSQL looks for the common type
    std::vector<int> places;
    ExprPtr operand;
    if (expression.operand != nullptr) {
        operand = TRY(settled(TRY(this->expression(expression.operand, scope))));
    }
    for (size_t i = 0; i + 1 < expression.arguments.size(); i += 2) {
        const ExpressionPtr& when = expression.arguments[i];
        if (operand != nullptr) {
            ExprPtr value = TRY(this->expression(when, scope));
            conditions.push_back(TRY(
                apply_operator({"="}, {operand, std::move(value)}, expression.when_places[i / 2])));
        } else {
            conditions.push_back(TRY(boolean(when, scope, "CASE/WHEN")));
        }
        values.push_back(TRY(this->expression(expression.arguments[i + 1], scope)));
        places.push_back(place_of(*expression.arguments[i + 1]));
    }
    ExprPtr otherwise = plan::constant(Datum::null(Type::of(TypeKind::kUnknown)));
    if (expression.otherwise != nullptr) {
        otherwise = TRY(this->expression(expression.otherwise, scope));
    }
    values.insert(values.begin(), otherwise);
    places.insert(places.begin(), expression.otherwise ? place_of(*expression.otherwise) : -1);
    const Type type = TRY(unify(values, places, "CASE"));
    std::vector<ExprPtr> arguments;
    for (size_t i = 0; i < conditions.size(); ++i) {
        arguments.push_back(std::move(conditions[i]));
        arguments.push_back(std::move(values[i + 1]));
    }
    arguments.push_back(std::move(values[0]));
    return plan::make(Expr::Kind::kCase, type, std::move(arguments));
}

Result<ExprPtr> Binder::list_form(const Expression& expression, Scope& scope) {
    std::vector<ExprPtr> arguments = TRY(expressions(expression.arguments, scope));
    std::vector<int> places;
    for (const ExpressionPtr& argument : expression.arguments)
        places.push_back(place_of(*argument));
    const Kind kind = expression.kind;
    const std::string_view word = kind == Kind::kCoalesce   ? "COALESCE"
                                  : kind == Kind::kGreatest ? "GREATEST"
                                                            : "LEAST";
    const Type type = TRY(unify(arguments, places, word));
    if (kind != Kind::kCoalesce) {
        const std::vector<Type> pair{type, type};
        TRY(resolve_operator({"<"}, pair, expression.place));
    }
    const Expr::Kind made = kind == Kind::kCoalesce   ? Expr::Kind::kCoalesce
                            : kind == Kind::kGreatest ? Expr::Kind::kGreatest
                                                      : Expr::Kind::kLeast;
    return plan::make(made, type, std::move(arguments));
}

Result<ExprPtr> Binder::null_test(const Expression& expression, Scope& scope) {
    ExprPtr argument = TRY(settled(TRY(this->expression(expression.arguments[0], scope))));
    const Expr::Kind kind = expression.flag ? Expr::Kind::kIsNotNull : Expr::Kind::kIsNull;
    return plan::make(kind, kBool, {std::move(argument)});
}

Result<ExprPtr> Binder::boolean_test(const Expression& expression, Scope& scope) {
    using Test = Expression::BooleanTest;
    const Test test = expression.test;
    ExprPtr argument = TRY(boolean(expression.arguments[0], scope, test_name(test)));
    if (test == Test::kUnknown) return plan::make(Expr::Kind::kIsNull, kBool, {argument});
    if (test == Test::kNotUnknown) return plan::make(Expr::Kind::kIsNotNull, kBool, {argument});
    const bool value = test == Test::kTrue || test == Test::kNotTrue;
    const bool is_negated = test == Test::kNotTrue || test == Test::kNotFalse;
    return plan::make(is_negated ? Expr::Kind::kIsDistinctFrom : Expr::Kind::kIsNotDistinctFrom,
                      kBool, {std::move(argument), plan::constant(Datum::boolean(value))});
}

Result<ExprPtr> Binder::sql_value(const Expression& expression) {
    std::string name = expression.text;
    if (name == "current_time" || name == "localtime") {
        return at(unsupported("type time is not supported"), expression.place);
    }
    if (expression.number >= 0 && expression.number < 6 && name.ends_with("timestamp")) {
        return at(unsupported("{} with a precision is not supported", name), expression.place);
    }
    return scalar_call(expression, name, {});
}

Result<ExprPtr> Binder::subquery(const Expression& expression, Scope& scope) {
    using Sub = Expression::SubqueryKind;
    BoundQuery query = TRY(bind_query(*expression.subquery, &scope, true));
    const size_t columns = query.root->output.fields.size();
    if (expression.subquery_kind == Sub::kAny || expression.subquery_kind == Sub::kAll) {
        return quantified(expression, scope, std::move(query));
    }
    auto out = std::make_shared<Expr>();
    out->kind = Expr::Kind::kSubquery;
    out->subquery = std::move(query.root);
    out->position = position(expression.place);
    if (expression.subquery_kind == Sub::kExists) {
        out->subquery_kind = Expr::SubqueryKind::kExists;
        out->type = kBool;
        return ExprPtr(std::move(out));
    }
    if (columns != 1) {
        return at(invalid_input("subquery must return only one column").with_sqlstate("42601"),
                  expression.place);
    }
    out->type = out->subquery->output.fields[0].type;
    if (expression.subquery_kind == Sub::kArray) {
        const auto type = array_of(out->type);
        if (!type) {
            return at(unsupported("ARRAY of {} is not supported", out->type.name())
                          .with_hint("Cast the column to text."),
                      expression.place);
        }
        out->subquery_kind = Expr::SubqueryKind::kArray;
        out->type = *type;
    }
    return ExprPtr(std::move(out));
}

/// left op ANY (SELECT …), left op ALL (SELECT …), left IN (SELECT …).
Result<ExprPtr> Binder::quantified(const Expression& expression, Scope& scope, BoundQuery query) {
    const size_t columns = query.root->output.fields.size();
    const ExpressionPtr& test = expression.arguments[0];
    if (test->kind == Kind::kRow) {
        return at(unsupported("comparison of a row with a subquery is not supported"),
                  expression.place);
    }
    if (columns != 1) {
        return at(invalid_input("subquery has too {} columns", columns > 1 ? "many" : "few")
                      .with_sqlstate("42601"),
                  expression.place);
    }
    ExprPtr left = TRY(this->expression(test, scope));
    const Name name = expression.names.empty() ? Name{"="} : expression.names;
    const std::vector<Type> types{left->type, query.root->output.fields[0].type};
    const plan::Function* function = TRY(resolve_operator(name, types, expression.place));
    const bool is_all = expression.subquery_kind == Expression::SubqueryKind::kAll;
    return compared_with_rows(function, std::move(left), std::move(query.root), is_all,
                              expression.place);
}

/// `left` compared with the only column of each row.
Result<ExprPtr> Binder::compared_with_rows(const plan::Function* function, ExprPtr left,
                                           NodePtr rows, bool is_all, int place) {
    if (function->result.kind != TypeKind::kBool) {
        return at(invalid_input("operator {} is not usable with ANY or ALL", function->name)
                      .with_sqlstate("42804"),
                  place);
    }
    left = TRY(coerce(std::move(left), function->arguments[0], CastContext::kImplicit));
    ExprPtr column = plan::column_ref(0, rows->output.fields[0].type);
    ExprPtr cast_column = TRY(coerce(column, function->arguments[1], CastContext::kImplicit));
    if (cast_column->kind != Expr::Kind::kColumn) {
        auto project = std::make_shared<Node>();
        project->kind = Node::Kind::kProject;
        project->output.fields = {{rows->output.fields[0].name, cast_column->type}};
        project->exprs = {cast_column};
        project->inputs = {std::move(rows)};
        rows = std::move(project);
    }
    auto out = std::make_shared<Expr>();
    out->kind = Expr::Kind::kSubquery;
    out->type = kBool;
    out->subquery_kind = is_all ? Expr::SubqueryKind::kAll : Expr::SubqueryKind::kAny;
    out->comparison = function;
    out->arguments = {std::move(left)};
    out->subquery = std::move(rows);
    out->position = position(place);
    return ExprPtr(std::move(out));
}

/// (current_schemas(true))[1] and the like.
Result<ExprPtr> Binder::subscript(const Expression& expression, Scope& scope) {
    if (expression.arguments.size() != 2) {
        const std::string what = !expression.text.empty() ? expression.text : "field of a value";
        return at(unsupported("{} is not supported", what), expression.place);
    }
    ExprPtr array = TRY(this->expression(expression.arguments[0], scope));
    ExprPtr index = TRY(this->expression(expression.arguments[1], scope));
    if (!is_unknown(array->type) && !element_of(array->type)) {
        return at(invalid_input("cannot subscript type {} because it does not support subscripting",
                                without_precision(array->type).name())
                      .with_sqlstate("42804"),
                  expression.place);
    }
    const auto element = element_of(array->type);
    const Type texts = Type::aliased(TypeKind::kText, TypeAlias::kTextArray);
    array = TRY(coerce(std::move(array), texts, CastContext::kExplicit));
    index = TRY(coerce(std::move(index), Type::of(TypeKind::kInt4), CastContext::kAssignment));
    const std::vector<ExprPtr> arguments{std::move(array), std::move(index)};
    std::optional<ExprPtr> out = TRY(sql_function("subscript:", arguments));
    if (!out) return internal_error("there is no function for subscripts");
    if (!element) return *out;
    return coerce(*out, *element, CastContext::kExplicit);
}

/// ARRAY['a', 'b']: constants only, and only of types that have arrays.
Result<ExprPtr> Binder::array(const Expression& expression, Scope& scope) {
    std::vector<ExprPtr> elements = TRY(expressions(expression.arguments, scope));
    std::vector<int> places;
    for (const ExpressionPtr& argument : expression.arguments)
        places.push_back(place_of(*argument));
    if (elements.empty()) {
        return at(
            invalid_input("cannot determine type of empty array")
                .with_hint("Explicitly cast to the desired type, for example ARRAY[]::integer[].")
                .with_sqlstate("42P18"),
            expression.place);
    }
    const Type element = TRY(unify(elements, places, "ARRAY"));
    const auto type = array_of(element);
    if (!type) {
        return at(unsupported("ARRAY of {} is not supported", without_precision(element).name())
                      .with_hint("Arrays of text are; cast the elements."),
                  expression.place);
    }
    std::string text = "{";
    for (const ExprPtr& item : elements) {
        if (item->kind != Expr::Kind::kConstant) {
            return at(unsupported("ARRAY of anything but constants is not supported"),
                      expression.place);
        }
        if (text.size() > 1) text += ",";
        std::string element_text;
        if (!item->constant.is_null()) format_text(item->constant, format_, element_text);
        append_array_element(item->constant.is_null() ? std::nullopt : std::optional(element_text),
                             text);
    }
    return plan::constant(Datum{*type, text + "}"});
}

}  // namespace braid::sql
