// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <set>
#include <string>

#include "sql/bind/binder_internal.h"

/// Commands: everything that is not a query.
namespace braid::sql {

Result<CreateTable> bind_create_table(const CreateTableTree& tree, Binder& binder,
                                      BoundStatement& out);
Result<CreateMaterializedView> bind_create_materialized_view(const CreateViewTree& tree,
                                                             Binder& binder, BoundStatement& out);
Result<CreateView> bind_create_view(const CreateViewTree& tree, Binder& binder);
Result<Drop> bind_drop(const DropTree& tree, Binder& binder, BoundStatement& out);
Result<Insert> bind_insert(const InsertTree& tree, Binder& binder);
Result<Delete> bind_delete(const DeleteTree& tree, Binder& binder);
Result<Refresh> bind_refresh(const RefreshTree& tree, Binder& binder);
Result<Call> bind_call(const CallTree& tree, Binder& binder);

/// A view's definition as the plan that speed and batch run; refuses what cannot be kept exact.
Result<plan::ViewPlan> bind_view_plan(const Select& select, Binder& binder);

/// The bare name under which a new relation will stand in schema public.
Result<std::string> new_relation_name(const Name& name, int place, const Binder& binder);
Error relation_exists(const std::string& name);
Notice exists_notice(const std::string& name);
/// Column names of a view must differ: 42701.
Result<void> check_distinct_names(const Schema& schema);

/// What a plain view's definition reads: streams, materialized and plain views. Empty if it no
/// longer binds.
std::set<ObjectId> sources_of(const catalog::PlainView& view, const catalog::Catalog& catalog,
                              const BindOptions& options);

}  // namespace braid::sql
