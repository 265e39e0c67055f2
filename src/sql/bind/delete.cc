// SPDX-License-Identifier: Apache-2.0
#include <optional>
#include <string>
#include <utility>

#include "base/error_makers.h"
#include "sql/bind/commands_internal.h"

// DELETE: which events of a stream are to be erased.

namespace braid::sql {
namespace {

Result<const catalog::Table*> stream_of(const DeleteTree& tree, const Binder& binder) {
    const catalog::Catalog& catalog = binder.catalog();
    const std::string& name = tree.name.back();
    const bool is_public =
        tree.name.size() == 1 || (tree.name.size() == 2 && tree.name[0] == "public");
    if (is_public && catalog.find_view(name) != nullptr) {
        return binder.at(invalid_input("cannot change materialized view \"{}\"", name)
                             .with_hint("Delete from the stream that it reads: the view follows.")
                             .with_sqlstate("42809"),
                         tree.place);
    }
    if (is_public && catalog.find_plain_view(name) != nullptr) {
        return binder.at(unsupported("cannot delete from view \"{}\"", name)
                             .with_hint("Delete from the streams that it reads."),
                         tree.place);
    }
    const catalog::Table* table = is_public ? catalog.find_table(name) : nullptr;
    if (table != nullptr) return table;
    std::string shown;
    for (const std::string& part : tree.name) shown += (shown.empty() ? "" : ".") + part;
    if (tree.name.size() == 2 && !is_public) {
        return binder.at(unsupported("DELETE from \"{}\" is not supported", shown), tree.place);
    }
    return binder.at(not_found("relation \"{}\" does not exist", shown), tree.place);
}

/// The same for each event whenever it is asked.
Result<void> check_predicate(const ExprPtr& expr) {
    std::optional<Error> error;
    walk(expr, 0, [&](const Expr& found, int) {
        if (found.kind == Expr::Kind::kSubquery) {
            error = unsupported("a subquery in DELETE is not supported")
                        .with_hint("Select first, and name the values in the DELETE.")
                        .with_position(found.position);
        } else if (found.kind == Expr::Kind::kCall && !found.function->allowed_in_views) {
            error = unsupported("{}() in DELETE is not supported", found.function->name)
                        .with_detail("Its value depends on the clock, the session or the catalog.")
                        .with_hint("Write the value itself.")
                        .with_position(found.position);
        } else if (found.kind == Expr::Kind::kCall && found.function->is_memoised) {
            error = unsupported("{}() in DELETE is not supported", found.function->name)
                        .with_detail("Its value depends on function data, which changes.")
                        .with_position(found.position);
        }
        return !error.has_value();
    });
    if (error) return *error;
    return {};
}

}  // namespace

Result<Delete> bind_delete(const DeleteTree& tree, Binder& binder) {
    if (!tree.unsupported.empty()) {
        return binder.at(unsupported("{} is not supported", tree.unsupported), tree.place);
    }
    const catalog::Table* table = TRY(stream_of(tree, binder));
    if (tree.rows->where == nullptr) {
        return binder.at(unsupported("DELETE without WHERE is not supported")
                             .with_detail("It would erase every event of the stream for good.")
                             .with_hint("Use DROP TABLE, or write WHERE true."),
                         tree.place);
    }
    binder.forbid_session();
    const auto block = TRY(binder.bind_block(*tree.rows, nullptr, false));
    Delete command;
    command.table = table->id;
    command.name = table->name;
    command.predicate = binder.with_parameter_types(block->where);
    TRY(check_predicate(command.predicate));
    command.parameters = binder.parameters();
    return command;
}

}  // namespace braid::sql
