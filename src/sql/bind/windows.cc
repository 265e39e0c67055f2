// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error_makers.h"
#include "columnar/text_io.h"
#include "sql/bind/binder_internal.h"

// Window calls, their windows and frames.

namespace braid::sql {
namespace {

constexpr Type kInt4 = Type::of(TypeKind::kInt4);
constexpr Type kInt8 = Type::of(TypeKind::kInt8);
constexpr Type kFloat8 = Type::of(TypeKind::kFloat8);
constexpr Type kAny = Type::of(TypeKind::kUnknown);

struct WindowRow {
    std::string_view name;
    std::vector<Type> arguments;
    Type result;  // kUnknown: the type of the first argument
};

const std::vector<WindowRow>& window_table() {
    static const auto* const table = new std::vector<WindowRow>{
        {"row_number", {}, kInt8},
        {"rank", {}, kInt8},
        {"dense_rank", {}, kInt8},
        {"percent_rank", {}, kFloat8},
        {"cume_dist", {}, kFloat8},
        {"ntile", {kInt4}, kInt4},
        {"lag", {kAny}, kAny},
        {"lag", {kAny, kInt4}, kAny},
        {"lag", {kAny, kInt4, kAny}, kAny},
        {"lead", {kAny}, kAny},
        {"lead", {kAny, kInt4}, kAny},
        {"lead", {kAny, kInt4, kAny}, kAny},
        {"first_value", {kAny}, kAny},
        {"last_value", {kAny}, kAny},
        {"nth_value", {kAny, kInt4}, kAny},
    };
    return *table;
}

// Bits of WindowSpec::frame_options, as in PostgreSQL's parsenodes.h.
enum FrameBit : int {
    kNonDefault = 0x1,
    kRange = 0x2,
    kRows = 0x4,
    kGroups = 0x8,
    kBetween = 0x10,
    kStartUnbounded = 0x20,
    kEndUnbounded = 0x100,
    kStartCurrent = 0x200,
    kEndCurrent = 0x400,
    kStartPreceding = 0x800,
    kEndPreceding = 0x1000,
    kStartFollowing = 0x2000,
    kEndFollowing = 0x4000,
    kExcludeCurrent = 0x8000,
    kExcludeGroup = 0x10000,
    kExcludeTies = 0x20000,
};

const WindowSpec* find_window(const Scope& scope, const std::string& name) {
    if (scope.window_clause == nullptr) return nullptr;
    for (const WindowSpec& spec : *scope.window_clause) {
        if (spec.name == name) return &spec;
    }
    return nullptr;
}

std::string_view mode_of(int options) {
    if (options & kRows) return "ROWS";
    if (options & kGroups) return "GROUPS";
    return "RANGE";
}

}  // namespace

Result<ExprPtr> Binder::window_call(const Expression& expression, const std::string& name,
                                    Scope& scope) {
    if (scope.in_aggregate) {
        return at(invalid_input("aggregate function calls cannot contain window function calls")
                      .with_sqlstate("42803"),
                  expression.place);
    }
    if (scope.in_window_call) {
        return at(invalid_input("window function calls cannot be nested").with_sqlstate("42P20"),
                  expression.place);
    }
    if (scope.clause != Clause::kSelect && scope.clause != Clause::kOrderBy &&
        scope.clause != Clause::kDistinctOn) {
        return at(invalid_input("window functions are not allowed in {}", name_of(scope.clause))
                      .with_sqlstate("42P20"),
                  expression.place);
    }
    if (expression.is_distinct) {
        return at(unsupported("DISTINCT is not implemented for window functions"),
                  expression.place);
    }
    if (!expression.order_by.empty()) {
        return at(unsupported("aggregate ORDER BY is not implemented for window functions"),
                  expression.place);
    }
    scope.in_window_call = true;
    plan::WindowCall call;
    auto bound = bind_window_call(expression, name, call, scope);
    scope.in_window_call = false;
    TRY(std::move(bound));
    auto out = std::make_shared<Expr>();
    out->kind = Expr::Kind::kAggregate;
    out->type = call.result;
    out->column = kWindowBase + static_cast<int>(scope.windows.size());
    out->position = position(expression.place);
    scope.windows.push_back(std::move(call));
    return ExprPtr(std::move(out));
}

Result<void> Binder::bind_window_call(const Expression& expression, const std::string& name,
                                      plan::WindowCall& call, Scope& scope) {
    call.name = name;
    if (is_window_name(name)) {
        if (expression.filter != nullptr) {
            return at(unsupported("FILTER is not implemented for non-aggregate window functions"),
                      expression.place);
        }
        call.arguments = TRY(expressions(expression.arguments, scope));
        TRY(resolve_window(expression, call));
    } else if (is_aggregate_name(name) && expression.is_within_group) {
        return at(unsupported("OVER is not supported for ordered-set aggregate {}", name),
                  expression.place);
    } else if (is_aggregate_name(name) && name != "combine") {
        plan::AggregateCall aggregate;
        aggregate.name = name;
        aggregate.arguments = TRY(expressions(expression.arguments, scope));
        TRY(resolve_aggregate(expression, aggregate));
        call.name = aggregate.name;
        call.arguments = std::move(aggregate.arguments);
        call.result = aggregate.result;
        if (expression.filter != nullptr) {
            const Clause before = std::exchange(scope.clause, Clause::kFilter);
            auto filter = boolean(expression.filter, scope, "FILTER");
            scope.clause = before;
            call.filter = TRY(std::move(filter));
        }
    } else {
        std::vector<ExprPtr> arguments = TRY(expressions(expression.arguments, scope));
        TRY(scalar_call(expression, name, std::move(arguments)));
        return at(invalid_input("OVER specified, but {} is not a window function nor an aggregate "
                                "function",
                                name)
                      .with_sqlstate("42809"),
                  expression.place);
    }
    scope.in_window_call = false;
    return bind_window_spec(*expression.over, call, scope);
}

Result<void> Binder::resolve_window(const Expression& expression, plan::WindowCall& call) {
    std::vector<const WindowRow*> rows;
    std::vector<Signature> signatures;
    for (const WindowRow& row : window_table()) {
        if (row.name != call.name) continue;
        rows.push_back(&row);
        signatures.push_back({row.arguments, false});
    }
    std::vector<Type> types;
    for (const ExprPtr& argument : call.arguments) types.push_back(argument->type);
    const Choice choice = choose_function(signatures, types);
    if (choice.outcome != Choice::Outcome::kFound) return no_such_function(expression, types);
    const WindowRow& row = *rows[choice.index];
    if (call.arguments.size() == 3) {
        // lag(value, offset, default): value and default take a common type.
        std::vector<ExprPtr> pair{call.arguments[0], call.arguments[2]};
        const std::vector<int> places{expression.arguments[0]->place,
                                      expression.arguments[2]->place};
        const std::vector<Type> pair_types{types[0], types[2]};
        if (!common_type(pair_types).type) return no_such_function(expression, types);
        TRY(unify(pair, places, call.name));
        call.arguments[0] = pair[0];
        call.arguments[2] = pair[1];
    }
    for (size_t i = 0; i < call.arguments.size(); ++i) {
        ExprPtr& argument = call.arguments[i];
        argument = is_unknown(row.arguments[i])
                       ? TRY(settled(std::move(argument)))
                       : TRY(coerce(std::move(argument), row.arguments[i], CastContext::kImplicit));
    }
    call.result = is_unknown(row.result) ? call.arguments[0]->type : row.result;
    return {};
}

/// A window takes the partition of the one it is based on, and its order if it has none itself.
Result<void> Binder::bind_window_spec(const WindowSpec& spec, plan::WindowCall& call,
                                      Scope& scope) {
    const bool is_reference = !spec.name.empty();
    const std::string& base_name = is_reference ? spec.name : spec.base_name;
    const WindowSpec* base = nullptr;
    if (!base_name.empty()) {
        base = find_window(scope, base_name);
        if (base == nullptr) {
            return at(not_found("window \"{}\" does not exist", base_name).with_sqlstate("42704"),
                      spec.place);
        }
        const auto refuse = [&](std::string message) {
            return at(invalid_input("{}", message).with_sqlstate("42P20"), spec.place);
        };
        if (!is_reference) {
            if (!spec.partition_by.empty()) {
                return refuse("cannot override PARTITION BY clause of window \"" + base_name +
                              "\"");
            }
            if (!spec.order_by.empty() && !base->order_by.empty()) {
                return refuse("cannot override ORDER BY clause of window \"" + base_name + "\"");
            }
            if ((base->frame_options & kNonDefault) != 0) {
                Error error = refuse("cannot copy window \"" + base_name +
                                     "\" because it has a frame clause");
                const bool is_bare =
                    spec.order_by.empty() && (spec.frame_options & kNonDefault) == 0;
                if (!is_bare) return error;
                return std::move(error).with_hint("Omit the parentheses in this OVER clause.");
            }
        }
        TRY(bind_base_window(*base, call, scope, 0));
    }
    for (const ExpressionPtr& item : spec.partition_by) {
        ExprPtr key = TRY(settled(TRY(expression_in(item, scope, Clause::kWindow))));
        TRY(check_groupable(key->type, item->place));
        call.partition_by.push_back(std::move(key));
    }
    if (!spec.order_by.empty()) {
        call.order_by = TRY(sort_keys(spec.order_by, scope, Clause::kWindow));
    }
    call.frame = TRY(frame_of(is_reference ? *base : spec, call));
    return {};
}

Result<void> Binder::bind_base_window(const WindowSpec& base, plan::WindowCall& call, Scope& scope,
                                      int nesting) {
    constexpr int kNestingMax = 32;
    if (!base.base_name.empty() && nesting < kNestingMax) {
        const WindowSpec* below = find_window(scope, base.base_name);
        if (below == nullptr || below == &base) {
            return at(
                not_found("window \"{}\" does not exist", base.base_name).with_sqlstate("42704"),
                base.place);
        }
        TRY(bind_base_window(*below, call, scope, nesting + 1));
    }
    for (const ExpressionPtr& item : base.partition_by) {
        call.partition_by.push_back(TRY(settled(TRY(expression_in(item, scope, Clause::kWindow)))));
    }
    if (!base.order_by.empty()) {
        call.order_by = TRY(sort_keys(base.order_by, scope, Clause::kWindow));
    }
    return {};
}

/// How many rows or groups, or how far, a frame reaches: digits.
Result<std::string> Binder::frame_offset(const WindowSpec& spec, const ExpressionPtr& value,
                                         std::string_view mode) const {
    if (value == nullptr) return internal_error("a frame's offset is not there");
    const std::string_view end = value == spec.start_offset ? "starting" : "ending";
    int64_t number = value->number;
    switch (value->kind) {
        case Expression::Kind::kInteger:
            break;
        case Expression::Kind::kString: {
            auto read = parse_text(value->text, kInt8, format_);
            if (!read) return at(std::move(read).error(), value->place);
            number = read->as<int64_t>();
            break;
        }
        case Expression::Kind::kNull:
            return at(invalid_input("frame {} offset must not be null", end).with_sqlstate("22004"),
                      value->place);
        case Expression::Kind::kColumn:
            return at(invalid_input("argument of {} must not contain variables", mode)
                          .with_sqlstate("42P10"),
                      value->place);
        default:
            return at(unsupported("a window frame's offset must be a whole number as a constant"),
                      value->place);
    }
    if (number >= 0) return std::to_string(number);
    return at(invalid_input("frame {} offset must not be negative", end).with_sqlstate("22013"),
              value->place);
}

/// The frame in canonical SQL, empty for the default. Offsets are whole numbers.
Result<std::string> Binder::frame_of(const WindowSpec& spec, const plan::WindowCall& call) const {
    const int options = spec.frame_options;
    if ((options & kNonDefault) == 0) return std::string();
    const auto offset = [&](const ExpressionPtr& value) {
        return frame_offset(spec, value, mode_of(options));
    };
    const bool has_offset = spec.start_offset != nullptr || spec.end_offset != nullptr;
    if ((options & kRange) && has_offset) {
        if (call.order_by.size() != 1) {
            return at(
                invalid_input("RANGE with offset PRECEDING/FOLLOWING requires exactly one ORDER "
                              "BY column")
                    .with_sqlstate("42P20"),
                spec.place);
        }
        if (category_of(call.order_by[0].expr->type) != 'N') {
            return at(
                unsupported("RANGE with offset PRECEDING/FOLLOWING is not supported for column "
                            "type {}",
                            call.order_by[0].expr->type.name()),
                spec.place);
        }
    }
    if ((options & kGroups) && call.order_by.empty()) {
        return at(invalid_input("GROUPS mode requires an ORDER BY clause").with_sqlstate("42P20"),
                  spec.place);
    }
    std::string start = "UNBOUNDED PRECEDING";
    if (options & kStartCurrent) start = "CURRENT ROW";
    if (options & kStartPreceding) start = TRY(offset(spec.start_offset)) + " PRECEDING";
    if (options & kStartFollowing) start = TRY(offset(spec.start_offset)) + " FOLLOWING";
    std::string end = "CURRENT ROW";
    if (options & kEndUnbounded) end = "UNBOUNDED FOLLOWING";
    if (options & kEndPreceding) end = TRY(offset(spec.end_offset)) + " PRECEDING";
    if (options & kEndFollowing) end = TRY(offset(spec.end_offset)) + " FOLLOWING";
    std::string frame = std::string(mode_of(options)) + " BETWEEN " + start + " AND " + end;
    if (options & kExcludeCurrent) frame += " EXCLUDE CURRENT ROW";
    if (options & kExcludeGroup) frame += " EXCLUDE GROUP";
    if (options & kExcludeTies) frame += " EXCLUDE TIES";
    return frame;
}

}  // namespace braid::sql
