// SPDX-License-Identifier: Apache-2.0
#include <charconv>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error_makers.h"
#include "columnar/numeric.h"
#include "columnar/text_io.h"
#include "sql/bind/binder_internal.h"

// Values from one type to another, literals out of their text, and the names of types.

namespace braid::sql {
namespace {

constexpr Type kText = Type::of(TypeKind::kText);

/// Casts of constants that cannot fail are done at once, so that plans and point reads see plain
/// values.
std::optional<Datum> widened(const Datum& value, const Type& to) {
    if (value.is_null()) return Datum::null(to);
    const bool is_int4 = value.type.kind == TypeKind::kInt4;
    if (!is_int4 && value.type.kind != TypeKind::kInt8) return std::nullopt;
    const int64_t number = is_int4 ? value.as<int32_t>() : value.as<int64_t>();
    if (to.alias == TypeAlias::kOid && (number < 0 || number > UINT32_MAX)) return std::nullopt;
    if (to.kind == TypeKind::kInt8) return Datum{to, number};
    if (to.kind == TypeKind::kNumeric) return Datum{to, Numeric::from_int(number)};
    if (to.kind == TypeKind::kFloat8) return Datum{to, static_cast<double>(number)};
    return std::nullopt;
}

bool is_reference(const Type& type) {
    return type.alias == TypeAlias::kRegclass || type.alias == TypeAlias::kRegtype ||
           type.alias == TypeAlias::kRegproc;
}

/// Types of PostgreSQL that Braid knows by name only.
constexpr std::string_view kMissingTypes[] = {
    "json",        "jsonb",         "uuid",        "bytea",         "xml",
    "money",       "inet",          "cidr",        "macaddr",       "macaddr8",
    "point",       "line",          "lseg",        "box",           "path",
    "polygon",     "circle",        "bit",         "varbit",        "tsvector",
    "tsquery",     "float4",        "bpchar",      "time",          "timetz",
    "int4range",   "int8range",     "numrange",    "tsrange",       "tstzrange",
    "daterange",   "record",        "refcursor",   "hstore",        "cid",
    "tid",         "pg_lsn",        "regrole",     "regnamespace",  "regoper",
    "regoperator", "regprocedure",  "regconfig",   "regdictionary", "jsonpath",
    "anyarray",    "regcollation",  "oidvector",   "pg_node_tree",  "aclitem",
    "cstring",     "void",          "anyelement",  "any",           "int4multirange",
    "serial",      "bigserial",     "smallserial", "serial4",       "serial8",
    "pg_snapshot", "txid_snapshot", "gtsvector",   "trigger",       "internal",
};

bool is_missing_type(std::string_view name) {
    for (const std::string_view known : kMissingTypes) {
        if (known == name) return true;
    }
    return false;
}

std::string_view display_name(std::string_view name) {
    if (name == "float4") return "real";
    if (name == "bpchar") return "character";
    if (name == "time") return "time without time zone";
    if (name == "timetz") return "time with time zone";
    if (name == "varbit") return "bit varying";
    return name;
}

std::string_view hint_for_type(std::string_view name) {
    if (name == "float4") return "Use double precision.";
    if (name == "bpchar") return "Use text.";
    if (name == "uuid" || name == "json" || name == "jsonb" || name == "inet") return "Use text.";
    return {};
}

/// The digits in '1' of INTERVAL '1' DAY take the unit of the field.
std::string_view unit_of_mask(int64_t mask) {
    switch (mask) {
        case 1 << 1:
            return "month";
        case 1 << 2:
            return "year";
        case 1 << 3:
            return "day";
        case 1 << 10:
            return "hour";
        case 1 << 11:
            return "minute";
        case 1 << 12:
            return "second";
        default:
            return {};
    }
}

}  // namespace

ExprPtr relabelled(const ExprPtr& expr, const Type& type) {
    if (expr->type == type) return expr;
    auto copy = std::make_shared<Expr>(*expr);
    copy->type = type;
    if (copy->kind == Expr::Kind::kConstant) copy->constant.type = type;
    return copy;
}

Result<ExprPtr> Binder::coerce(ExprPtr expr, const Type& type, CastContext context) {
    if (is_unknown(type)) return expr;
    if (is_unknown(expr->type)) {
        if (expr->kind == Expr::Kind::kConstant) return read_literal(*expr, type);
        if (expr->kind == Expr::Kind::kParameter) return settle_parameter(*expr, type);
        return coerce(relabelled(expr, kText), type, CastContext::kExplicit);
    }
    if (expr->type.alias == TypeAlias::kInt2Vector && category_of(type) == 'A' &&
        !same_type(expr->type, type)) {
        // "1 2 3" -> "{1,2,3}"
        const std::vector<ExprPtr> arguments{expr};
        const std::optional<ExprPtr> array = TRY(sql_function("vector:", arguments));
        if (array) return relabelled(*array, without_precision(type));
    }
    const int position = expr->position;
    const CastPath path = cast_path(expr->type, type, context);
    switch (path.kind) {
        case CastPath::Kind::kSame:
            return expr;
        case CastPath::Kind::kRelabel:
            if (is_array(type) && type.alias != TypeAlias::kInt2Vector &&
                category_of(expr->type) == 'S' && body_arguments_ == nullptr) {
                expr = plan::call(plan::function_by_key("array:(text)"), {std::move(expr)});
            }
            return relabelled(expr, without_precision(type));
        case CastPath::Kind::kFunction: {
            if (!path.cast->function->allowed_in_views) {
                // Names of relations and types are in the catalog, which SQL reads.
                const std::vector<ExprPtr> arguments{expr};
                auto found = TRY(sql_function(path.cast->function->name, arguments));
                if (found) return *found;
            }
            if (expr->kind == Expr::Kind::kConstant) {
                if (auto value = widened(expr->constant, without_precision(type))) {
                    auto copy = std::make_shared<Expr>(*expr);
                    copy->constant = std::move(*value);
                    copy->type = copy->constant.type;
                    return ExprPtr(std::move(copy));
                }
            }
            return plan::call(path.cast->function, {std::move(expr)}, position);
        }
        case CastPath::Kind::kThroughText: {
            ExprPtr text = TRY(coerce(std::move(expr), kText, CastContext::kExplicit));
            return coerce(std::move(text), type, CastContext::kExplicit);
        }
        case CastPath::Kind::kNone:
            break;
    }
    Error error = invalid_input("cannot cast type {} to {}", without_precision(expr->type).name(),
                                without_precision(type).name())
                      .with_sqlstate("42846");
    // PostgreSQL reads the elements again; here only those of constants are.
    const bool is_readable = is_array(expr->type) || category_of(expr->type) == 'S';
    if (is_array(type) && is_readable) {
        error = unsupported("cast from {} to {} is not supported here",
                            without_precision(expr->type).name(), without_precision(type).name());
    }
    return std::move(error).with_position(position);
}

/// A cast that was asked for: numeric(p,s) rounds and checks, varchar(n) cuts.
Result<ExprPtr> Binder::coerce_with_precision(ExprPtr expr, const Type& type, CastContext context,
                                              int position) {
    const bool was_literal = expr->kind == Expr::Kind::kConstant && is_unknown(expr->type);
    const Type before = expr->type;
    auto coerced = coerce(std::move(expr), type, context);
    if (!coerced) {
        Error error = std::move(coerced).error();
        if (error.sqlstate() == "42846") error = std::move(error).with_position(position);
        return error;
    }
    ExprPtr out = std::move(coerced).value();
    if (type.precision < 0) return out;
    if (before.precision == type.precision && before.scale == type.scale &&
        same_type(before, type)) {
        return out;
    }
    const bool is_numeric = type.kind == TypeKind::kNumeric;
    if (was_literal && is_numeric) return out;  // the text was read with its precision
    const plan::Function* function = plan::function_by_key(
        is_numeric ? "cast:numeric(numeric,int4,int4)" : "cast:varchar(text,int4)");
    if (function == nullptr) return internal_error("no cast to {}", type.name());
    std::vector<ExprPtr> arguments{out, plan::constant(Datum::int4(type.precision))};
    if (is_numeric) arguments.push_back(plan::constant(Datum::int4(type.scale)));
    return plan::call(function, std::move(arguments), position);
}

Error Binder::at(Error error, const Expr& literal) const {
    return has_positions_ ? std::move(error).with_position(literal.position) : std::move(error);
}

Result<ExprPtr> Binder::read_literal(const Expr& literal, const Type& type) {
    auto copy = std::make_shared<Expr>(literal);
    const bool keeps_precision = type.kind == TypeKind::kNumeric;
    copy->type = keeps_precision ? type : without_precision(type);
    if (literal.constant.is_null()) {
        copy->constant = Datum::null(copy->type);
        return ExprPtr(std::move(copy));
    }
    if (is_reference(type)) return read_reference(literal, type);
    const std::string& text = literal.constant.as<std::string>();
    if (type.kind == TypeKind::kText && !is_array(type)) {
        copy->constant = Datum{copy->type, text};
        return ExprPtr(std::move(copy));
    }
    auto value = parse_text(text, copy->type, format_);
    if (!value) return at(std::move(value).error(), literal);
    copy->constant = std::move(value).value();
    copy->constant.type = copy->type;
    return ExprPtr(std::move(copy));
}

/// 'pg_class'::regclass and the like: an OID, as digits or by name.
Result<ExprPtr> Binder::read_reference(const Expr& literal, const Type& type) {
    const std::string& text = literal.constant.as<std::string>();
    std::optional<int64_t> oid;
    int64_t digits = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), digits);
    if (error == std::errc() && end == text.data() + text.size()) oid = digits;
    if (!oid && type.alias == TypeAlias::kRegtype) {
        Type named;
        if (parse_type_name(text, named)) oid = named.oid();
    }
    const SystemRelations* system = options_.system;
    if (!oid && system != nullptr && type.alias == TypeAlias::kRegclass) {
        const size_t dot = text.find('.');
        const bool is_qualified = dot != std::string::npos;
        const std::string schema = is_qualified ? text.substr(0, dot) : std::string();
        oid = system->relation_oid(schema, is_qualified ? text.substr(dot + 1) : text);
    }
    if (!oid && system != nullptr && type.alias == TypeAlias::kRegproc) {
        const Datum argument = Datum::text(text);
        const auto value = system->session_value("regprocin", std::span(&argument, 1));
        if (value && std::holds_alternative<int64_t>(value->value)) oid = value->as<int64_t>();
    }
    if (oid) {
        auto copy = std::make_shared<Expr>(literal);
        copy->type = without_precision(type);
        copy->constant = Datum{copy->type, *oid};
        return ExprPtr(std::move(copy));
    }
    Error failure = type.alias == TypeAlias::kRegtype
                        ? not_found("type \"{}\" does not exist", text).with_sqlstate("42704")
                    : type.alias == TypeAlias::kRegproc
                        ? not_found("function \"{}\" does not exist", text).with_sqlstate("42883")
                        : not_found("relation \"{}\" does not exist", text);
    return std::move(failure).with_position(literal.position);
}

Result<ExprPtr> Binder::settle_parameter(const Expr& parameter, const Type& type) {
    Type& known = parameter_types_[static_cast<size_t>(parameter.column)];
    auto copy = std::make_shared<Expr>(parameter);
    if (is_unknown(known)) {
        known = without_precision(type);
    } else if (!same_type(known, type)) {
        return invalid_input("inconsistent types deduced for parameter ${}", parameter.column + 1)
            .with_detail(known.name() + " versus " + without_precision(type).name())
            .with_sqlstate("42P08")
            .with_position(parameter.position);
    }
    copy->type = known;
    return ExprPtr(std::move(copy));
}

ExprPtr Binder::up_to_date(const ExprPtr& expr) const {
    if (expr->kind != Expr::Kind::kParameter || !is_unknown(expr->type)) return expr;
    return relabelled(expr, parameter_types_[static_cast<size_t>(expr->column)]);
}

Result<ExprPtr> Binder::settled(ExprPtr expr) {
    if (!is_unknown(expr->type)) return expr;
    return coerce(std::move(expr), kText, CastContext::kImplicit);
}

Result<Type> Binder::resolve_type(const TypeName& name) const {
    const std::string& bare = name.names.back();
    std::string shown;
    for (const std::string& part : name.names) shown += (shown.empty() ? "" : ".") + part;
    const bool in_catalog = name.names.size() == 1 || name.names[0] == "pg_catalog";
    if (name.is_setof || name.is_percent_type) {
        return at(unsupported("type with SETOF or %TYPE is not supported"), name.place);
    }
    Type type;
    // The internal "char" is only known by its catalog name; the grammar's char is bpchar.
    if (in_catalog && bare == "char") {
        type = Type::aliased(TypeKind::kText, TypeAlias::kChar);
    } else if (!in_catalog || !parse_type_name(bare, type) || is_unknown(type)) {
        if (!in_catalog || !is_missing_type(bare)) {
            return at(not_found("type \"{}\" does not exist", shown).with_sqlstate("42704"),
                      name.place);
        }
        Error error = unsupported("type {} is not supported", display_name(bare));
        const std::string_view hint = hint_for_type(bare);
        if (!hint.empty()) error = std::move(error).with_hint(std::string(hint));
        return at(std::move(error), name.place);
    }
    if (name.array_dimensions > 0) {
        const auto array = array_of(type);
        if (!array) {
            return at(unsupported("type {}[] is not supported", without_precision(type).name()),
                      name.place);
        }
        return *array;
    }
    if (name.modifiers.empty()) return type;
    std::vector<int64_t> modifiers;
    for (const ExpressionPtr& modifier : name.modifiers) {
        if (modifier->kind != Expression::Kind::kInteger) {
            return at(invalid_input("type modifiers must be simple constants or identifiers")
                          .with_sqlstate("42601"),
                      name.place);
        }
        modifiers.push_back(modifier->number);
    }
    return with_modifiers(type, modifiers, name.place);
}

Result<Type> Binder::with_modifiers(const Type& type, std::span<const int64_t> modifiers,
                                    int place) const {
    Type out = type;
    const int64_t first = modifiers[0];
    if (type.kind == TypeKind::kNumeric && modifiers.size() <= 2) {
        const int64_t scale = modifiers.size() == 2 ? modifiers[1] : 0;
        if (first < 1 || first > 1000) {
            return at(invalid_input("NUMERIC precision {} must be between 1 and 1000", first)
                          .with_sqlstate("22023"),
                      place);
        }
        if (scale < -1000 || scale > 1000) {
            return at(invalid_input("NUMERIC scale {} must be between -1000 and 1000", scale)
                          .with_sqlstate("22023"),
                      place);
        }
        if (first > Numeric::kDigitsMax) {
            return at(unsupported("numeric precision beyond {} digits is not supported",
                                  Numeric::kDigitsMax),
                      place);
        }
        return Type::numeric(static_cast<int>(first), static_cast<int>(scale));
    }
    if (type.alias == TypeAlias::kVarchar && modifiers.size() == 1) {
        if (first < 1) {
            return at(
                invalid_input("length for type varchar must be at least 1").with_sqlstate("22023"),
                place);
        }
        if (first <= INT16_MAX) out.precision = static_cast<int16_t>(first);
        return out;
    }
    const bool has_time = type.kind == TypeKind::kTimestamp || type.kind == TypeKind::kTimestampTz;
    if (has_time && modifiers.size() == 1) {
        if (first >= 6) return out;
        return at(unsupported("type {} with precision {} is not supported", type.name(), first)
                      .with_hint("Times are kept in microseconds; use date_trunc to cut them."),
                  place);
    }
    if (type.kind == TypeKind::kInterval) {
        return at(unsupported("interval fields and precision are not supported"), place);
    }
    return at(invalid_input("type modifier is not allowed for type \"{}\"", type.name())
                  .with_sqlstate("42601"),
              place);
}

/// INTERVAL '1' DAY: the field names the unit of a bare number.
Result<std::optional<ExprPtr>> Binder::interval_with_field(const Expression& expression) {
    const TypeName& name = *expression.type_name;
    const Expression& literal = *expression.arguments[0];
    const bool is_interval = !name.names.empty() && name.names.back() == "interval";
    if (!is_interval || name.modifiers.size() != 1 || literal.kind != Expression::Kind::kString) {
        return std::optional<ExprPtr>();
    }
    const std::string_view unit = unit_of_mask(name.modifiers[0]->number);
    const bool is_number = literal.text.find_first_not_of("0123456789.-+ ") == std::string::npos;
    if (unit.empty() || !is_number) {
        return at(unsupported("interval fields and precision are not supported"), name.place);
    }
    Expr text;
    text.constant = Datum{Type::of(TypeKind::kUnknown), literal.text + " " + std::string(unit)};
    text.position = position(literal.place);
    return std::optional<ExprPtr>(TRY(read_literal(text, Type::of(TypeKind::kInterval))));
}

}  // namespace braid::sql
