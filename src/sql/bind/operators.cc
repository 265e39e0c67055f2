// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error_makers.h"
#include "columnar/text_io.h"
#include "sql/bind/binder_internal.h"

// Operators, and the forms of the grammar that are made of operators: IN, BETWEEN, IS DISTINCT
// FROM, NULLIF, ANY and ALL of arrays, rows.

namespace braid::sql {

using Kind = Expression::Kind;

namespace {

constexpr Type kBool = Type::of(TypeKind::kBool);
constexpr Type kText = Type::of(TypeKind::kText);
constexpr Type kTextArray = Type::aliased(TypeKind::kText, TypeAlias::kTextArray);

std::string shown(const Name& name) {
    std::string out;
    for (const std::string& part : name) out += (out.empty() ? "" : ".") + part;
    return out;
}

/// "integer + text", "- text".
std::string operation_text(const Name& name, std::span<const Type> types) {
    const std::string sign = shown(name);
    if (types.size() == 1) return sign + " " + without_precision(types[0]).name();
    return without_precision(types[0]).name() + " " + sign + " " +
           without_precision(types[1]).name();
}

ExprPtr negated(ExprPtr expr) { return plan::make(Expr::Kind::kNot, kBool, {std::move(expr)}); }

ExprPtr combined(Expr::Kind kind, std::vector<ExprPtr> parts) {
    if (parts.size() == 1) return parts[0];
    return plan::make(kind, kBool, std::move(parts));
}

/// An operator that PostgreSQL has for arrays of these types.
bool is_missing_array_operator(std::string_view sign, std::span<const Type> types) {
    constexpr std::string_view kComparisons[] = {"=", "<>", "<", "<=", ">", ">=", "@>", "<@", "&&"};
    if (types.size() != 2 || (!is_array(types[0]) && !is_array(types[1]))) return false;
    const auto fits = [](const Type& one, const Type& other) {
        return is_unknown(one) || same_type(one, other);
    };
    if (std::ranges::find(kComparisons, sign) != std::end(kComparisons)) {
        return fits(types[0], types[1]) || fits(types[1], types[0]);
    }
    if (sign != "||") return false;
    const Type pair[] = {element_of(types[0]).value_or(types[0]),
                         element_of(types[1]).value_or(types[1])};
    return common_type(pair).type.has_value();
}

std::vector<int> places_of(std::span<const ExpressionPtr> list) {
    std::vector<int> out;
    for (const ExpressionPtr& item : list) out.push_back(place_of(*item));
    return out;
}

}  // namespace

Result<const plan::Function*> Binder::resolve_operator(const Name& name,
                                                       std::span<const Type> types, int place) {
    const bool in_catalog = name.size() == 1 || (name.size() == 2 && name[0] == "pg_catalog");
    std::vector<const plan::Function*> overloads;
    if (in_catalog) overloads = plan::overloads_of(name.back());
    std::vector<Signature> signatures;
    for (const plan::Function* overload : overloads) {
        signatures.push_back({overload->arguments, overload->is_variadic});
    }
    const Choice choice = choose_operator(signatures, types);
    if (choice.outcome == Choice::Outcome::kFound) return overloads[choice.index];
    if (choice.outcome == Choice::Outcome::kAmbiguous) {
        return at(
            invalid_input("operator is not unique: {}", operation_text(name, types))
                .with_sqlstate("42725")
                .with_hint("Could not choose a best candidate operator. You might need to add "
                           "explicit type casts."),
            place);
    }
    if (is_missing_array_operator(name.back(), types)) {
        return at(unsupported("operator {} is not supported", operation_text(name, types)), place);
    }
    const bool is_prefix = types.size() == 1;
    return at(not_found("operator does not exist: {}", operation_text(name, types))
                  .with_sqlstate("42883")
                  .with_hint(
                      is_prefix ? "No operator matches the given name and argument type. You might "
                                  "need to add an explicit type cast."
                                : "No operator matches the given name and argument types. You "
                                  "might need to add explicit type casts."),
              place);
}

Result<ExprPtr> Binder::apply_operator(const Name& name, std::vector<ExprPtr> operands, int place) {
    if (auto done = TRY(operator_on_arrays(name, operands, place))) return *done;
    std::vector<Type> types;
    for (const ExprPtr& operand : operands) types.push_back(operand->type);
    const plan::Function* function = TRY(resolve_operator(name, types, place));
    for (size_t i = 0; i < operands.size(); ++i) {
        operands[i] =
            TRY(coerce(std::move(operands[i]), function->arguments[i], CastContext::kImplicit));
    }
    return plan::call(function, std::move(operands), position(place));
}

/// Arrays are text: they are equal when their texts are, if that tells, and || puts two together.
Result<std::optional<ExprPtr>> Binder::operator_on_arrays(const Name& name,
                                                          const std::vector<ExprPtr>& operands,
                                                          int place) {
    using Answer = std::optional<ExprPtr>;
    if (operands.size() != 2) return Answer();
    const bool left_is = category_of(operands[0]->type) == 'A';
    const bool right_is = category_of(operands[1]->type) == 'A';
    if (!(left_is || is_unknown(operands[0]->type)) ||
        !(right_is || is_unknown(operands[1]->type)) || (!left_is && !right_is)) {
        return Answer();
    }
    const std::string& sign = name.back();
    if (sign != "||" && sign != "=" && sign != "<>") return Answer();
    const Type& type = left_is ? operands[0]->type : operands[1]->type;
    const auto other = element_of(operands[1]->type);
    if (left_is && right_is && element_of(type)->kind != other->kind) return Answer();
    std::vector<ExprPtr> both;
    for (const ExprPtr& operand : operands) {
        both.push_back(TRY(coerce(operand, type, CastContext::kExplicit)));
    }
    if (sign == "||") {
        Expression call;
        call.names = {"array_cat"};
        call.place = place;
        for (ExprPtr& one : both) one = TRY(coerce(one, kTextArray, CastContext::kExplicit));
        ExprPtr joined = TRY(scalar_call(call, "array_cat", std::move(both)));
        return Answer(relabelled(joined, type));
    }
    if (!has_one_text(type)) {
        return at(unsupported("comparison of {} is not supported", type.name()), place);
    }
    for (ExprPtr& one : both) one = TRY(coerce(one, kText, CastContext::kExplicit));
    return Answer(TRY(apply_operator(name, std::move(both), place)));
}

Result<ExprPtr> Binder::operation(const Expression& expression, Scope& scope) {
    for (const ExpressionPtr& argument : expression.arguments) {
        if (argument->kind == Kind::kRow) return row_comparison(expression, scope);
    }
    std::vector<ExprPtr> operands = TRY(expressions(expression.arguments, scope));
    return apply_operator(expression.names, std::move(operands), expression.place);
}

/// (a, b) = (c, d) and <>.
Result<ExprPtr> Binder::row_comparison(const Expression& expression, Scope& scope) {
    const std::string& sign = expression.names.back();
    const bool both_rows = expression.arguments.size() == 2 &&
                           expression.arguments[0]->kind == Kind::kRow &&
                           expression.arguments[1]->kind == Kind::kRow;
    if (!both_rows || (sign != "=" && sign != "<>")) {
        return at(unsupported("row comparison with {} is not supported", sign), expression.place);
    }
    return compare_rows(*expression.arguments[0], *expression.arguments[1], sign == "=",
                        expression.place, scope);
}

Result<ExprPtr> Binder::compare_rows(const Expression& left, const Expression& right, bool is_equal,
                                     int place, Scope& scope) {
    if (left.arguments.size() != right.arguments.size()) {
        return at(
            invalid_input("unequal number of entries in row expressions").with_sqlstate("42601"),
            place);
    }
    if (left.arguments.empty()) {
        return at(unsupported("cannot compare rows of zero length"), place);
    }
    std::vector<ExprPtr> parts;
    for (size_t i = 0; i < left.arguments.size(); ++i) {
        ExprPtr one = TRY(expression(left.arguments[i], scope));
        ExprPtr other = TRY(expression(right.arguments[i], scope));
        parts.push_back(TRY(
            apply_operator({is_equal ? "=" : "<>"}, {std::move(one), std::move(other)}, place)));
    }
    return combined(is_equal ? Expr::Kind::kAnd : Expr::Kind::kOr, std::move(parts));
}

Result<ExprPtr> Binder::distinct_from(const Expression& expression, Scope& scope) {
    std::vector<ExprPtr> operands = TRY(expressions(expression.arguments, scope));
    const std::vector<Type> types{operands[0]->type, operands[1]->type};
    TRY(resolve_operator({"="}, types, expression.place));
    const std::vector<int> places = places_of(expression.arguments);
    TRY(unify(operands, places, "IS DISTINCT FROM"));
    const Expr::Kind kind =
        expression.flag ? Expr::Kind::kIsNotDistinctFrom : Expr::Kind::kIsDistinctFrom;
    return plan::make(kind, kBool, std::move(operands));
}

Result<ExprPtr> Binder::null_if(const Expression& expression, Scope& scope) {
    std::vector<ExprPtr> operands = TRY(expressions(expression.arguments, scope));
    ExprPtr equal = TRY(apply_operator({"="}, operands, expression.place));
    ExprPtr value = equal->arguments[0];
    if (is_array(operands[0]->type)) value = operands[0];  // compared as text
    const Type type = value->type;
    return plan::make(Expr::Kind::kCase, type,
                      {std::move(equal), plan::constant(Datum::null(type)), std::move(value)});
}

Result<ExprPtr> Binder::in_list(const Expression& expression, Scope& scope) {
    const ExpressionPtr& left = expression.arguments[0];
    if (left->kind == Kind::kRow) {
        std::vector<ExprPtr> parts;
        for (size_t i = 1; i < expression.arguments.size(); ++i) {
            const Expression& item = *expression.arguments[i];
            if (item.kind != Kind::kRow) {
                return at(unsupported("comparison of a row with a value"), item.place);
            }
            parts.push_back(TRY(compare_rows(*left, item, true, expression.place, scope)));
        }
        ExprPtr any = combined(Expr::Kind::kOr, std::move(parts));
        return expression.flag ? negated(std::move(any)) : any;
    }
    std::vector<ExprPtr> items = TRY(expressions(expression.arguments, scope));
    ExprPtr value = std::move(items[0]);
    items.erase(items.begin());
    return over_elements(expression, std::move(value), std::move(items));
}

Result<ExprPtr> Binder::between(const Expression& expression, Scope& scope) {
    std::vector<ExprPtr> operands = TRY(expressions(expression.arguments, scope));
    const ExprPtr& low = operands[1];
    const ExprPtr& high = operands[2];
    const int place = expression.place;
    // What a parameter is in one comparison holds in the next.
    const auto compared = [&](std::string sign, const ExprPtr& with) {
        return apply_operator({std::move(sign)}, {up_to_date(operands[0]), up_to_date(with)},
                              place);
    };
    const auto within = [&](const ExprPtr& from, const ExprPtr& to) -> Result<ExprPtr> {
        ExprPtr one = TRY(compared(expression.flag ? "<" : ">=", from));
        ExprPtr other = TRY(compared(expression.flag ? ">" : "<=", to));
        return plan::make(expression.flag ? Expr::Kind::kOr : Expr::Kind::kAnd, kBool,
                          {std::move(one), std::move(other)});
    };
    ExprPtr straight = TRY(within(low, high));
    if (!expression.is_symmetric) return straight;
    ExprPtr turned = TRY(within(high, low));
    const Expr::Kind kind = expression.flag ? Expr::Kind::kAnd : Expr::Kind::kOr;
    return plan::make(kind, kBool, {std::move(straight), std::move(turned)});
}

/// left op ANY (array), left op ALL (array).
Result<ExprPtr> Binder::array_operation(const Expression& expression, Scope& scope) {
    ExprPtr left = TRY(this->expression(expression.arguments[0], scope));
    const ExpressionPtr& array = expression.arguments[1];
    if (auto elements = TRY(array_elements(*array, scope))) {
        if (array->kind == Kind::kArray && !elements->empty()) {
            // ARRAY[…] has its type from its elements alone.
            const Type element = TRY(unify(*elements, places_of(array->arguments), "ARRAY"));
            const std::vector<Type> pair{left->type, element};
            TRY(resolve_operator(expression.names, pair, expression.place));
        }
        return over_elements(expression, std::move(left), std::move(*elements));
    }
    ExprPtr bound = TRY(this->expression(array, scope));
    return over_array(expression, std::move(left), std::move(bound));
}

Result<std::vector<ExprPtr>> Binder::elements_of_literal(const std::string& literal, int place) {
    auto texts = parse_array_text(literal);
    if (!texts) return at(std::move(texts).error(), place);
    std::vector<ExprPtr> out;
    for (const std::optional<std::string>& text : *texts) {
        auto item = std::make_shared<Expr>();
        item->type = Type::of(TypeKind::kUnknown);
        item->constant = text ? Datum{item->type, *text} : Datum::null(item->type);
        item->position = position(place);
        out.push_back(std::move(item));
    }
    return out;
}

/// The elements of an array that is written out, as expressions.
Result<std::optional<std::vector<ExprPtr>>> Binder::array_elements(const Expression& array,
                                                                   Scope& scope) {
    using Elements = std::optional<std::vector<ExprPtr>>;
    if (array.kind == Kind::kArray) return Elements(TRY(expressions(array.arguments, scope)));
    if (array.kind == Kind::kString) {
        return Elements(TRY(elements_of_literal(array.text, array.place)));
    }
    if (array.kind != Kind::kCast || array.type_name->array_dimensions == 0) return Elements();
    Elements inner = TRY(array_elements(*array.arguments[0], scope));
    if (!inner) return inner;
    TypeName element_name = *array.type_name;
    element_name.array_dimensions = 0;
    const Type element = TRY(resolve_type(element_name));
    for (ExprPtr& item : *inner) {
        item = TRY(coerce_with_precision(std::move(item), element, CastContext::kExplicit,
                                         position(array.place)));
    }
    return inner;
}

Result<ExprPtr> Binder::over_elements(const Expression& expression, ExprPtr left,
                                      std::vector<ExprPtr> elements) {
    const bool is_list = expression.kind == Kind::kIn;
    const std::string sign = is_list ? "=" : expression.names.back();
    const bool is_all = expression.kind == Kind::kOperatorAll;
    const bool is_in = sign == "=" && !is_all;
    const bool is_not_in = (is_list && expression.flag) || (sign == "<>" && is_all);
    if (elements.empty()) return plan::constant(Datum::boolean(is_all));
    std::vector<Type> types{left->type};
    for (const ExprPtr& element : elements) types.push_back(element->type);
    const CommonType common = common_type(types);
    if ((is_in || is_not_in) && common.type && !is_array(*common.type)) {
        const Type wanted = without_precision(*common.type);
        const std::vector<Type> pair{wanted, wanted};
        TRY(resolve_operator({"="}, pair, expression.place));
        std::vector<ExprPtr> arguments{
            TRY(coerce(std::move(left), wanted, CastContext::kImplicit))};
        for (ExprPtr& element : elements) {
            arguments.push_back(TRY(coerce(std::move(element), wanted, CastContext::kImplicit)));
        }
        ExprPtr in = plan::make(Expr::Kind::kIn, kBool, std::move(arguments));
        return is_not_in ? negated(std::move(in)) : in;
    }
    std::vector<ExprPtr> parts;
    for (ExprPtr& element : elements) {
        parts.push_back(TRY(apply_operator(is_list ? Name{"="} : expression.names,
                                           {left, std::move(element)}, expression.place)));
    }
    ExprPtr out = combined(is_all ? Expr::Kind::kAnd : Expr::Kind::kOr, std::move(parts));
    return is_list && expression.flag ? negated(std::move(out)) : out;
}

/// An array that is only known when the statement runs: a parameter, whose elements take the place
/// of it before anything else is done, or the column of a catalog.
Result<ExprPtr> Binder::over_array(const Expression& expression, ExprPtr left, ExprPtr array) {
    const Name& name = expression.names;
    const bool is_all = expression.kind == Kind::kOperatorAll;
    if (is_unknown(array->type)) {
        const std::vector<Type> types{left->type, array->type};
        const plan::Function* function = TRY(resolve_operator(name, types, expression.place));
        const Type& right = function->arguments[1];
        const auto type = array_of(right);
        if (!type) {
            return at(unsupported("type {}[] is not supported", right.name()), expression.place);
        }
        array = TRY(coerce(std::move(array), *type, CastContext::kImplicit));
    }
    const auto element = element_of(array->type);
    if (!element) {
        return at(
            invalid_input("op ANY/ALL (array) requires array on right side").with_sqlstate("42809"),
            expression.place);
    }
    if (array->kind == Expr::Kind::kConstant) {
        if (array->constant.is_null()) return plan::constant(Datum::null(kBool));
        std::vector<ExprPtr> elements =
            TRY(elements_of_literal(array->constant.as<std::string>(), expression.place));
        for (ExprPtr& item : elements) {
            item = TRY(coerce(std::move(item), *element, CastContext::kExplicit));
        }
        return over_elements(expression, std::move(left), std::move(elements));
    }
    if (array->kind != Expr::Kind::kParameter) {
        return over_array_text(expression, std::move(left), std::move(array));
    }
    auto scan = std::make_shared<Node>();
    scan->kind = Node::Kind::kScan;
    scan->relation = {plan::RelationRef::Kind::kFunction, {}, {}, "unnest"};
    scan->output.fields = {{"unnest", *element}};
    scan->scan_columns = {0};
    scan->scan_arguments = {std::move(array)};
    const std::vector<Type> types{left->type, *element};
    const plan::Function* function = TRY(resolve_operator(name, types, expression.place));
    return compared_with_rows(function, std::move(left), std::move(scan), is_all, expression.place);
}

/// The columns of catalogs are arrays of names and numbers, which are equal when their texts are.
Result<ExprPtr> Binder::over_array_text(const Expression& expression, ExprPtr left, ExprPtr array) {
    const std::string& sign = expression.names.back();
    const bool is_any = expression.kind == Kind::kOperatorAny && sign == "=";
    const bool is_all = expression.kind == Kind::kOperatorAll && sign == "<>";
    const std::vector<Type> types{left->type, *element_of(array->type)};
    TRY(resolve_operator(expression.names, types, expression.place));
    const bool are_texts = types[1].kind == TypeKind::kText;
    const bool are_integers =
        (types[0].kind == TypeKind::kInt4 || types[0].kind == TypeKind::kInt8 ||
         is_unknown(types[0])) &&
        (types[1].kind == TypeKind::kInt4 || types[1].kind == TypeKind::kInt8);
    const plan::Function* function = plan::function_by_key("=any:(_text,text)");
    if ((!is_any && !is_all) || (!are_texts && !are_integers) || function == nullptr) {
        return at(unsupported("operator {} with ANY or ALL of this array is not supported", sign),
                  expression.place);
    }
    if (is_unknown(left->type)) {
        left = TRY(coerce(std::move(left), types[1], CastContext::kImplicit));
    }
    array = TRY(coerce(std::move(array), kTextArray, CastContext::kExplicit));
    ExprPtr value = TRY(coerce(std::move(left), kText, CastContext::kExplicit));
    ExprPtr out = plan::call(function, {std::move(array), std::move(value)});
    return is_all ? negated(std::move(out)) : out;
}

}  // namespace braid::sql
