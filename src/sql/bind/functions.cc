// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error_makers.h"
#include "plan/rewrite.h"
#include "sql/bind/binder_internal.h"

// Calls of scalar functions, and who answers a call at all.

namespace braid::sql {
namespace {

constexpr std::string_view kHintNone =
    "No function matches the given name and argument types. You might need to add explicit type "
    "casts.";
constexpr std::string_view kHintMany =
    "Could not choose a best candidate function. You might need to add explicit type casts.";

/// Functions that give rows; they belong into FROM.
constexpr std::string_view kTableFunctions[] = {
    "generate_series",
    "unnest",
    "regexp_matches",
    "regexp_split_to_table",
    "string_to_table",
    "generate_subscripts",
    "json_each",
    "json_array_elements",
    "jsonb_each",
    "jsonb_array_elements",
    "pg_get_keywords",
    "_pg_expandarray",
    "pg_show_all_settings",
    "pg_options_to_table",
    "pg_lock_status",
    "pg_stat_get_activity",
    "pg_get_publication_tables",
    "pg_partition_tree",
    "pg_ls_dir",
};

/// Well-known functions of PostgreSQL that Braid does not have yet.
constexpr std::string_view kMissingFunctions[] = {
    "to_date",
    "to_number",
    "make_time",
    "make_timestamp",
    "make_timestamptz",
    "make_interval",
    "string_to_array",
    "regexp_match",
    "regexp_instr",
    "regexp_split_to_array",
    "encode",
    "decode",
    "sha224",
    "sha256",
    "sha384",
    "sha512",
    "random",
    "setseed",
    "gen_random_uuid",
    "array_append",
    "array_cat",
    "array_dims",
    "array_fill",
    "array_ndims",
    "array_positions",
    "array_prepend",
    "array_remove",
    "array_replace",
    "json_build_object",
    "json_build_array",
    "to_json",
    "to_jsonb",
    "row_to_json",
    "json_extract_path",
    "jsonb_set",
    "jsonb_build_object",
    "jsonb_typeof",
    "json_typeof",
    "nextval",
    "currval",
    "lastval",
    "setval",
    "pg_sleep",
    "timeofday",
    "acos",
    "asin",
    "atan",
    "atan2",
    "cos",
    "cot",
    "sin",
    "tan",
    "degrees",
    "radians",
    "pi",
    "cbrt",
    "factorial",
    "lcm",
    "min_scale",
    "cosh",
    "sinh",
    "tanh",
    "convert",
    "convert_from",
    "convert_to",
    "get_byte",
    "get_bit",
    "set_byte",
    "set_bit",
    "to_ascii",
    "parse_ident",
    "unistr",
    "normalize",
    "is_normalized",
    "overlaps",
    "num_nulls",
    "num_nonnulls",
    "bit_count",
    "host",
    "masklen",
    "to_tsvector",
    "to_tsquery",
    "similarity",
    "age",
    "pg_input_is_valid",
    "xpath",
    "lower_inc",
    "upper_inc",
    "isempty",
    "array_to_json",
    "date_add",
    "log",
    "to_char",
    "pg_size_bytes",
    "inet_server_addr",
    "inet_client_addr",
    "inet_client_port",
    "pg_relation_filepath",
    "pg_advisory_lock",
    "pg_terminate_backend",
    "pg_reload_conf",
    "pg_current_wal_lsn",
    "pg_stat_reset",
    "pg_blocking_pids",
    "pg_identify_object",
    "pg_describe_object",
    "lo_get",
    "dblink",
};

/// Functions that are written in SQL here, because the table of functions has no body for them.
/// Arrays are text; an element is found by its commas, which is right for names and numbers.
struct BuiltIn {
    std::string_view name;
    SqlFunction function;
};

const std::vector<BuiltIn>& built_in_functions() {
    constexpr Type kText = Type::of(TypeKind::kText);
    constexpr Type kBool = Type::of(TypeKind::kBool);
    constexpr Type kTexts = Type::aliased(TypeKind::kText, TypeAlias::kTextArray);
    constexpr Type kVector = Type::aliased(TypeKind::kText, TypeAlias::kInt2Vector);
    constexpr Type kInt2s = Type::aliased(TypeKind::kText, TypeAlias::kInt2Array);
    constexpr Type kOid = Type::aliased(TypeKind::kInt8, TypeAlias::kOid);
    static const auto* const table = new std::vector<BuiltIn>{
        {"array_cat",
         {{kTexts, kTexts},
          kTexts,
          "CASE WHEN $1 IS NULL OR $1::text = '{}' THEN $2 WHEN $2 IS NULL OR $2::text = '{}' THEN "
          "$1 "
          "ELSE (left($1::text, -1) || ',' || substr($2::text, 2))::text[] END"}},
        {"array_remove",
         {{kTexts, kText},
          kTexts,
          "ARRAY(SELECT x FROM unnest($1) x WHERE x IS DISTINCT FROM $2)"}},
        {"subscript:",
         {{kTexts, Type::of(TypeKind::kInt4)},
          kText,
          "CASE WHEN $2 > 0 THEN nullif(split_part(btrim($1::text, '{}'), ',', $2), '') END"}},
        {"vector:", {{kVector}, kInt2s, "('{' || replace($1::text, ' ', ',') || '}')::int2[]"}},
        {"pg_opfamily_is_visible", {{kOid}, kBool, "true"}},
    };
    return *table;
}

std::vector<Type> types_of(std::span<const ExprPtr> exprs) {
    std::vector<Type> out;
    for (const ExprPtr& expr : exprs) out.push_back(expr->type);
    return out;
}

std::string written_name(const Expression& call) {
    std::string out;
    for (const std::string& part : call.names) out += (out.empty() ? "" : ".") + part;
    return out;
}

template <typename List>
bool contains(const List& list, std::string_view name) {
    return std::ranges::find(list, name) != std::end(list);
}

}  // namespace

bool is_missing_function(std::string_view name) { return contains(kMissingFunctions, name); }
bool is_table_function(std::string_view name) { return contains(kTableFunctions, name); }

Result<std::string> Binder::function_name(const Expression& call) const {
    if (call.names.size() == 1) return call.names[0];
    if (call.names.size() == 2) {
        const std::string& schema = call.names[0];
        if (schema == "pg_catalog" || schema == "public") return call.names[1];
        const SystemRelations* system = options_.system;
        if (system != nullptr && system->has_schema(schema)) return call.names[1];
        return at(not_found("schema \"{}\" does not exist", schema).with_sqlstate("3F000"),
                  call.place);
    }
    return at(unsupported("cross-database references are not implemented: {}", written_name(call)),
              call.place);
}

Error Binder::no_such_function(const Expression& call, std::span<const Type> types) const {
    if (is_missing_function(call.names.back())) {
        return at(
            unsupported("function {}({}) is not supported", written_name(call), type_list(types)),
            call.place);
    }
    return at(not_found("function {}({}) does not exist", written_name(call), type_list(types))
                  .with_sqlstate("42883")
                  .with_hint(std::string(kHintNone)),
              call.place);
}

Result<ExprPtr> Binder::function_call(const Expression& call, Scope& scope) {
    const std::string name = TRY(function_name(call));
    if (call.over != nullptr) return window_call(call, name, scope);
    if (is_aggregate_name(name)) return aggregate_call(call, name, scope);
    if (is_window_name(name)) {
        return at(invalid_input("window function {} requires an OVER clause", name)
                      .with_sqlstate("42809"),
                  call.place);
    }
    if (call.is_variadic) return at(unsupported("VARIADIC is not supported"), call.place);
    if (is_table_function(name)) {
        return at(unsupported("set-returning function {} is only supported in FROM", name),
                  call.place);
    }
    std::vector<ExprPtr> arguments = TRY(expressions(call.arguments, scope));
    ExprPtr bound = TRY(scalar_call(call, name, std::move(arguments)));
    TRY(check_plain_call(call, name));
    return bound;
}

/// What only aggregates may have in and behind their parentheses.
Result<void> Binder::check_plain_call(const Expression& call, const std::string& name) const {
    std::string_view extra;
    if (call.is_star) {
        return at(invalid_input("{}(*) specified, but {} is not an aggregate function", name, name)
                      .with_sqlstate("42809"),
                  call.place);
    }
    if (call.is_distinct) extra = "DISTINCT";
    if (call.is_within_group) extra = "WITHIN GROUP";
    if (extra.empty() && !call.order_by.empty()) extra = "ORDER BY";
    if (extra.empty() && call.filter != nullptr) extra = "FILTER";
    if (extra.empty()) return {};
    return at(invalid_input("{} specified, but {} is not an aggregate function", extra, name)
                  .with_sqlstate("42809"),
              call.place);
}

Result<ExprPtr> Binder::scalar_call(const Expression& call, const std::string& name,
                                    std::vector<ExprPtr> arguments) {
    if (auto replaced = TRY(sql_function(name, arguments))) return *replaced;
    const std::vector<Type> types = types_of(arguments);
    // Casts, output functions and the like are called by their syntax, or by a body of ours.
    std::vector<const plan::Function*> overloads;
    if (name.find(':') == std::string::npos || body_arguments_ != nullptr) {
        overloads = plan::overloads_of(name);
    }
    std::vector<Signature> signatures;
    for (const plan::Function* overload : overloads) {
        signatures.push_back({overload->arguments, overload->is_variadic});
    }
    const Choice choice = choose_function(signatures, types);
    if (choice.outcome == Choice::Outcome::kAmbiguous) {
        return at(
            invalid_input("function {}({}) is not unique", written_name(call), type_list(types))
                .with_sqlstate("42725")
                .with_hint(std::string(kHintMany)),
            call.place);
    }
    if (choice.outcome == Choice::Outcome::kNone) {
        if (auto special = TRY(special_call(call, name, arguments))) return *special;
        if (auto on_texts = TRY(call_on_texts(call, name, arguments))) return *on_texts;
        if (call.kind == Expression::Kind::kSqlValue) {
            return at(unsupported("{} is not supported", name), call.place);
        }
        return no_such_function(call, types);
    }
    const plan::Function* function = overloads[choice.index];
    const std::vector<Type> wanted = expanded(signatures[choice.index], arguments.size());
    for (size_t i = 0; i < arguments.size(); ++i) {
        arguments[i] =
            is_unknown(wanted[i])
                ? TRY(settled(std::move(arguments[i])))
                : TRY(coerce(std::move(arguments[i]), wanted[i], CastContext::kImplicit));
    }
    return plan::call(function, std::move(arguments), position(call.place));
}

/// Functions of arrays are there for text[] only, and arrays are text.
Result<std::optional<ExprPtr>> Binder::call_on_texts(const Expression& call,
                                                     const std::string& name,
                                                     std::vector<ExprPtr> arguments) {
    constexpr Type kTexts = Type::aliased(TypeKind::kText, TypeAlias::kTextArray);
    bool changed = false;
    if (name == "array_position" && arguments.size() == 2 && is_array(arguments[0]->type) &&
        element_of(arguments[0]->type)->kind != TypeKind::kText) {
        const Type element = *element_of(arguments[0]->type);
        if (!has_one_text(element)) {
            return at(
                unsupported("array_position of {} is not supported", arguments[0]->type.name()),
                call.place);
        }
        ExprPtr& wanted = arguments[1];
        wanted = TRY(coerce(std::move(wanted), element, CastContext::kImplicit));
        wanted = plan::call(plan::output_function(element), {std::move(wanted)});
    }
    for (ExprPtr& argument : arguments) {
        if (category_of(argument->type) != 'A' || same_type(argument->type, kTexts)) continue;
        argument = TRY(coerce(std::move(argument), kTexts, CastContext::kExplicit));
        changed = true;
    }
    if (!changed) return std::optional<ExprPtr>();
    return std::optional<ExprPtr>(TRY(scalar_call(call, name, std::move(arguments))));
}

/// A call that no row of the table answers: a type's name as a cast, or a constant of the session.
Result<std::optional<ExprPtr>> Binder::special_call(const Expression& call, const std::string& name,
                                                    const std::vector<ExprPtr>& arguments) {
    using Answer = std::optional<ExprPtr>;
    Type type;
    if (arguments.size() == 1 && call.kind == Expression::Kind::kCall &&
        parse_type_name(name, type) && !is_unknown(type) &&
        can_coerce(arguments[0]->type, type, CastContext::kExplicit)) {
        return Answer(TRY(coerce(arguments[0], type, CastContext::kExplicit)));
    }
    if (options_.system == nullptr || forbids_session_) return Answer();
    std::vector<Datum> values;
    for (const ExprPtr& argument : arguments) {
        if (argument->kind != Expr::Kind::kConstant) return Answer();
        values.push_back(argument->constant);
    }
    const auto value = options_.system->session_value(name, values);
    if (!value) return Answer();
    return Answer(plan::constant(*value));
}

/// Replaces a call by its SQL body. The body is bound over a row of the arguments, which then take
/// the places of that row's columns.
Result<std::optional<ExprPtr>> Binder::sql_function(const std::string& name,
                                                    const std::vector<ExprPtr>& arguments) {
    using Answer = std::optional<ExprPtr>;
    std::vector<SqlFunction> overloads;
    const bool asks_system = options_.system != nullptr && !forbids_session_;
    if (asks_system) overloads = options_.system->find_functions(name);
    for (const BuiltIn& own : built_in_functions()) {
        if (own.name == name) overloads.push_back(own.function);
    }
    if (overloads.empty()) return Answer();
    std::vector<Signature> signatures;
    for (const SqlFunction& overload : overloads) signatures.push_back({overload.arguments});
    const Choice choice = choose_function(signatures, types_of(arguments));
    if (choice.outcome != Choice::Outcome::kFound) return Answer();
    const SqlFunction& function = overloads[choice.index];
    std::vector<ExprPtr> given;
    for (size_t i = 0; i < arguments.size(); ++i) {
        given.push_back(TRY(coerce(arguments[i], function.arguments[i], CastContext::kImplicit)));
    }
    ExprPtr body = TRY(bind_body(function));
    return Answer(with_columns(body, given));
}

Result<ExprPtr> Binder::bind_body(const SqlFunction& function) {
    constexpr int kNestingMax = 16;
    if (view_depth_ >= kNestingMax) return too_deep();
    const std::vector<Statement> parsed = TRY(parse("SELECT " + function.body));
    const SelectPtr* select = std::get_if<SelectPtr>(&parsed.at(0).tree->body);
    if (select == nullptr || (*select)->targets.size() != 1) {
        return internal_error("the body of an SQL function is no expression: {}", function.body);
    }
    const bool had_positions = std::exchange(has_positions_, false);
    const std::vector<Type>* outer = std::exchange(body_arguments_, &function.arguments);
    ++view_depth_;
    Scope scope;
    scope.clause = Clause::kSelect;
    auto bound = expression((*select)->targets[0].expr, scope);
    --view_depth_;
    body_arguments_ = outer;
    has_positions_ = had_positions;
    ExprPtr body = TRY(std::move(bound));
    return coerce(std::move(body), function.result, CastContext::kExplicit);
}

}  // namespace braid::sql
