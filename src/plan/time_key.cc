// SPDX-License-Identifier: Apache-2.0
#include "plan/time_key.h"

#include <algorithm>
#include <string>

#include "base/error_makers.h"

namespace braid::plan {

namespace {

bool is_column(const Expr& expr, int column) {
    return expr.kind == Expr::Kind::kColumn && expr.column == column;
}

bool follows(const Expr& expr, int column) {
    if (is_column(expr, column)) return true;
    if (expr.kind != Expr::Kind::kCall || expr.arguments.size() < 2) return false;
    if (expr.function->name != "date_bin" && expr.function->name != "date_trunc") return false;
    if (!is_column(*expr.arguments[1], column)) return false;
    for (size_t index = 0; index < expr.arguments.size(); ++index) {
        if (index != 1 && !columns_of(*expr.arguments[index]).empty()) return false;
    }
    return true;
}

}  // namespace

Result<size_t> time_key_of(const ViewPlan& view, int event_time) {
    const Error error =
        invalid_input("a view with a retention must be grouped by the event time of its stream")
            .with_sqlstate("42P17");
    if (event_time < 0) {
        return Error(error).with_hint(
            "The stream names none: CREATE TABLE … WITH (event_time = 'column').");
    }
    const auto found = std::ranges::find_if(
        view.keys, [&](const ExprPtr& key) { return follows(*key, event_time); });
    if (found != view.keys.end()) return static_cast<size_t>(found - view.keys.begin());
    const std::string& column = view.input.fields[static_cast<size_t>(event_time)].name;
    return Error(error).with_hint("Group by \"" + column + "\" itself, by date_bin(interval, " +
                                  column + ", origin) or by date_trunc(field, " + column + ").");
}

}  // namespace braid::plan
