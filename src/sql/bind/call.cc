// SPDX-License-Identifier: Apache-2.0
// CALL: a word to a layer that is no change of the catalog.
#include <string>

#include "base/error_makers.h"
#include "sql/bind/commands_internal.h"

namespace braid::sql {

namespace {

struct ProcedureName {
    std::string_view name;
    Call::Procedure procedure;
};

constexpr ProcedureName kProcedures[] = {{"accept_audit", Call::Procedure::kAcceptAudit},
                                         {"reject_audit", Call::Procedure::kRejectAudit}};

const ProcedureName* find_procedure(const Name& name) {
    const bool is_ours = name.size() == 1 || (name.size() == 2 && name[0] == "braid");
    for (const ProcedureName& each : kProcedures) {
        if (is_ours && each.name == name.back()) return &each;
    }
    return nullptr;
}

}  // namespace

Result<Call> bind_call(const CallTree& tree, Binder& binder) {
    const ProcedureName* found = find_procedure(tree.name);
    if (found == nullptr || tree.arguments.size() != 1) {
        std::string shown;
        for (const std::string& part : tree.name) shown += (shown.empty() ? "" : ".") + part;
        return binder.at(
            not_found("procedure {} with {} arguments does not exist", shown, tree.arguments.size())
                .with_sqlstate("42883")
                .with_hint("There are braid.accept_audit(number) and "
                           "braid.reject_audit(number)."),
            tree.place);
    }
    Scope scope;
    scope.clause = Clause::kCall;
    Call call;
    call.procedure = found->procedure;
    call.argument = TRY(binder.coerce(TRY(binder.expression(tree.arguments[0], scope)),
                                      Type::of(TypeKind::kInt8), plan::CastContext::kImplicit));
    call.argument = binder.with_parameter_types(call.argument);
    call.parameters = binder.parameters();
    return call;
}

}  // namespace braid::sql
