// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/error_makers.h"
#include "sql/bind/binder_internal.h"

// FROM: relations, views, common tables, derived tables. Joins stand in joins.cc, table functions
// in table_functions.cc.

namespace braid::sql {
namespace {

using plan::RelationRef;

std::string shown(const Name& name) {
    std::string out;
    for (const std::string& part : name) out += (out.empty() ? "" : ".") + part;
    return out;
}

constexpr int kViewNestingMax = 32;
constexpr int kViewsExpandedMax = 1000;

}  // namespace

Result<void> Binder::bind_from(const Select& select, SelectBlock& block) {
    Scope& scope = block.scope;
    std::optional<FromItem> all;
    for (const TableRefPtr& ref : select.from) {
        FromItem item = TRY(from_item(*ref, scope, all.has_value()));
        if (!all) {
            all = std::move(item);
        } else {
            TRY(check_names(all->relations, item.relations));
            all = TRY(cross(std::move(*all), std::move(item), scope));
        }
        scope.relations = all->relations;
    }
    if (all) {
        block.from = std::move(all->node);
        block.keeps_states = all->keeps_states;
        block.why_not = std::move(all->why_not);
        return {};
    }
    auto one_row = std::make_shared<Node>();
    one_row->kind = Node::Kind::kValues;
    one_row->rows.emplace_back();
    block.from = std::move(one_row);
    block.why_not = "there is no view in FROM";
    return {};
}

Result<void> Binder::check_names(std::span<const ScopeRelation> left,
                                 std::span<const ScopeRelation> right) const {
    for (const ScopeRelation& one : left) {
        for (const ScopeRelation& other : right) {
            if (!one.by_name || !other.by_name || one.name.empty() || one.name != other.name)
                continue;
            // Two relations of one name in different schemas may stand side by side.
            const bool both_plain =
                one.written_name == one.name && other.written_name == other.name;
            if (both_plain && one.schema != other.schema) continue;
            return invalid_input("table name \"{}\" specified more than once", one.name)
                .with_sqlstate("42712");
        }
    }
    return {};
}

Result<Binder::FromItem> Binder::from_item(const TableRef& ref, Scope& scope, bool has_left) {
    if (!ref.unsupported.empty()) {
        return at(unsupported("{} is not supported", ref.unsupported), ref.place);
    }
    switch (ref.kind) {
        case TableRef::Kind::kRelation:
            return from_relation(ref, scope);
        case TableRef::Kind::kSubquery:
            return from_subquery(ref, scope, has_left);
        case TableRef::Kind::kFunction:
            return from_function(ref, scope, has_left);
        case TableRef::Kind::kJoin:
            return from_join(ref, scope);
        case TableRef::Kind::kUnsupported:
            break;
    }
    return internal_error("a FROM item of unknown kind");
}

CommonTableScope* Binder::find_common_table(const Name& name, Scope& scope) const {
    if (name.size() != 1) return nullptr;
    for (Scope* level = &scope; level != nullptr; level = level->parent) {
        for (auto table = level->common_tables.rbegin(); table != level->common_tables.rend();
             ++table) {
            if (table->name == name[0]) return &*table;
        }
    }
    return nullptr;
}

Result<Binder::FromItem> Binder::from_relation(const TableRef& ref, Scope& scope) {
    if (ref.names.size() > 2) {
        return at(
            unsupported("cross-database references are not implemented: \"{}\"", shown(ref.names)),
            ref.place);
    }
    if (CommonTableScope* table = find_common_table(ref.names, scope)) {
        return from_common_table(*table, ref, scope);
    }
    const std::string& name = ref.names.back();
    std::vector<std::string> schemas;
    if (ref.names.size() == 2) {
        schemas = {ref.names[0]};
    } else {
        schemas = {"pg_catalog"};
        for (const std::string& schema : options_.search_path) schemas.push_back(schema);
        schemas.push_back("braid");
    }
    for (const std::string& schema : schemas) {
        if (schema == "public") {
            if (const auto* view = catalog_.find_view(name)) return from_view(*view, ref, scope);
            if (const auto* table = catalog_.find_table(name))
                return from_stream(*table, ref, scope);
            if (const auto* plain = catalog_.find_plain_view(name)) {
                return from_plain_view(*plain, ref, scope);
            }
        } else if (options_.system != nullptr) {
            if (const auto columns = options_.system->find(schema, name)) {
                return from_system(schema, *columns, ref, scope);
            }
        }
    }
    return no_such_relation(ref, scope);
}

Error Binder::no_such_relation(const TableRef& ref, const Scope& scope) const {
    for (const Scope* level = &scope; level != nullptr; level = level->parent) {
        if (ref.names.size() != 1) break;
        if (std::ranges::find(level->later_tables, ref.names[0]) == level->later_tables.end())
            continue;
        return at(not_found("relation \"{}\" does not exist", ref.names[0])
                      .with_detail("There is a WITH item named \"" + ref.names[0] +
                                   "\", but it cannot be referenced from this part of the query.")
                      .with_hint("Use WITH RECURSIVE, or re-order the WITH items to remove forward "
                                 "references."),
                  ref.place);
    }
    return at(not_found("relation \"{}\" does not exist", shown(ref.names)), ref.place);
}

void Binder::note_read(const RelationRef& relation) {
    const auto same = [&](const RelationRef& known) {
        return known.kind == relation.kind && known.id == relation.id;
    };
    if (std::ranges::none_of(reads_, same)) reads_.push_back(relation);
}

/// A scan of all columns; those from `hidden_from` on are only found by name.
Result<Binder::FromItem> Binder::scan(plan::RelationRef relation, const Schema& columns,
                                      size_t hidden_from, const TableRef& ref, Scope& scope,
                                      std::vector<Lineage> lineage) {
    auto node = std::make_shared<Node>();
    node->kind = Node::Kind::kScan;
    node->output = columns;
    node->relation = std::move(relation);
    for (size_t i = 0; i < columns.fields.size(); ++i)
        node->scan_columns.push_back(static_cast<int>(i));
    FromItem item;
    item.node = std::move(node);
    ScopeRelation seen;
    seen.name = ref.names.back();
    seen.schema = ref.names.size() == 2 ? ref.names[0] : "public";
    TRY(add_relation(std::move(seen), columns, hidden_from, ref, scope, std::move(lineage), item));
    return item;
}

/// Puts the columns into the row and under the relation's name or alias.
Result<void> Binder::add_relation(ScopeRelation relation, const Schema& columns, size_t hidden_from,
                                  const TableRef& ref, Scope& scope, std::vector<Lineage> lineage,
                                  FromItem& item) const {
    item.base = scope.row.size();
    relation.written_name = relation.name;
    const size_t visible = std::min(hidden_from, columns.fields.size());
    std::vector<std::string> names;
    for (const Field& field : columns.fields) names.push_back(field.name);
    if (ref.alias) {
        relation.name = ref.alias->name;
        relation.schema.clear();
        if (ref.alias->columns.size() > visible) {
            return invalid_input("table \"{}\" has {} columns available but {} columns specified",
                                 relation.name, visible, ref.alias->columns.size())
                .with_sqlstate("42P10");
        }
        std::ranges::copy(ref.alias->columns, names.begin());
    }
    for (size_t i = 0; i < names.size(); ++i) {
        const Type& type = columns.fields[i].type;
        RowColumn column{relation.name, names[i], type, {}};
        if (i < lineage.size()) column.lineage = std::move(lineage[i]);
        const int index = static_cast<int>(scope.row.size());
        relation.columns.push_back({names[i], plan::column_ref(index, type), i >= hidden_from});
        scope.row.push_back(std::move(column));
    }
    item.relations.push_back(std::move(relation));
    return {};
}

Result<Binder::FromItem> Binder::from_stream(const catalog::Table& table, const TableRef& ref,
                                             Scope& scope) {
    Schema columns = table.columns;
    for (const Field& field : plan::system_columns().fields) columns.fields.push_back(field);
    const RelationRef relation{RelationRef::Kind::kStream, table.id, {}, table.name};
    note_read(relation);
    FromItem item = TRY(scan(relation, columns, table.columns.fields.size(), ref, scope, {}));
    item.why_not = "\"" + table.name + "\" is a stream, not a materialized view";
    return item;
}

Result<plan::ViewPlanPtr> Binder::plan_of(const catalog::MaterializedView& view) const {
    if (options_.view_plan_of) return options_.view_plan_of(view.current);
    const catalog::ViewVersion* version = view.find(view.current);
    if (version == nullptr) return internal_error("view {} has no current version", view.name);
    return bind_view(catalog_, *version, view.table);
}

Result<Binder::FromItem> Binder::from_view(const catalog::MaterializedView& view,
                                           const TableRef& ref, Scope& scope) {
    plan::ViewPlanPtr plan = TRY(plan_of(view).context("view " + view.name));
    std::vector<Lineage> lineage;
    for (size_t i = 0; i < plan->outputs.size(); ++i)
        lineage.push_back({plan, static_cast<int>(i)});
    const RelationRef relation{RelationRef::Kind::kView, view.id, view.current, view.name};
    note_read(relation);
    const Schema columns = plan->output_schema();
    FromItem item =
        TRY(scan(relation, columns, columns.fields.size(), ref, scope, std::move(lineage)));
    item.keeps_states = true;
    return item;
}

/// A plain view is its definition, bound in its own text.
Result<Binder::FromItem> Binder::from_plain_view(const catalog::PlainView& view,
                                                 const TableRef& ref, Scope& scope) {
    if (++views_expanded_ > kViewsExpandedMax) {
        return at(invalid_input("statement reads more than {} views", kViewsExpandedMax)
                      .with_hint("Read fewer views, or views of fewer.")
                      .with_sqlstate("54000"),
                  ref.place);
    }
    if (view_depth_ >= kViewNestingMax) {
        return at(invalid_input("views are nested more than {} deep at \"{}\"", kViewNestingMax,
                                view.name)
                      .with_hint("Define it over what the views below it read.")
                      .with_sqlstate("54001"),
                  ref.place);
    }
    const std::vector<Statement> parsed = TRY(parse(view.definition).context("view " + view.name));
    const SelectPtr* select =
        parsed.size() == 1 ? std::get_if<SelectPtr>(&parsed[0].tree->body) : nullptr;
    if (select == nullptr) return internal_error("view {} is no SELECT", view.name);
    plain_views_.insert(view.id);
    const bool had_positions = std::exchange(has_positions_, false);
    ++view_depth_;
    auto bound = bind_query(**select, nullptr, false).context("view " + view.name);
    --view_depth_;
    has_positions_ = had_positions;
    BoundQuery query = TRY(std::move(bound));
    const Schema columns = query.root->output;
    return from_query(std::move(query), columns, ref, ref.names.back(), scope);
}

Result<Binder::FromItem> Binder::from_query(BoundQuery query, const Schema& columns,
                                            const TableRef& ref, const std::string& name,
                                            Scope& scope) {
    FromItem item;
    item.node = std::move(query.root);
    item.keeps_states = query.keeps_states;
    item.why_not = std::move(query.why_not);
    ScopeRelation seen;
    seen.name = name;
    seen.schema = ref.kind == TableRef::Kind::kRelation ? "public" : "";
    TRY(add_relation(std::move(seen), columns, columns.fields.size(), ref, scope,
                     std::move(query.lineage), item));
    return item;
}

Result<Binder::FromItem> Binder::from_common_table(CommonTableScope& table, const TableRef& ref,
                                                   Scope& scope) {
    ++table.uses;
    auto node = std::make_shared<Node>();
    node->kind = Node::Kind::kCteScan;
    node->output = table.columns;
    node->cte = table.cte;
    FromItem item;
    item.node = std::move(node);
    item.why_not = "a WITH query stands between";
    ScopeRelation seen;
    seen.name = table.name;
    TRY(add_relation(std::move(seen), table.columns, table.columns.fields.size(), ref, scope, {},
                     item));
    return item;
}

Result<Binder::FromItem> Binder::from_system(const std::string& schema, const Schema& columns,
                                             const TableRef& ref, Scope& scope) {
    const std::string& name = ref.names.back();
    const RelationRef relation{RelationRef::Kind::kSystem, {}, {}, schema + "." + name};
    FromItem item = TRY(scan(relation, columns, columns.fields.size(), ref, scope, {}));
    item.why_not = "\"" + name + "\" is no materialized view";
    ScopeRelation& seen = item.relations[0];
    if (!ref.alias) seen.schema = schema;
    // PostgreSQL's relations know their own OID.
    if (const auto oid = options_.system->relation_oid(schema, name)) {
        const Type type = Type::aliased(TypeKind::kInt8, TypeAlias::kOid);
        seen.columns.push_back({"tableoid", plan::constant(Datum{type, *oid}), true});
    }
    return item;
}

Result<Binder::FromItem> Binder::from_subquery(const TableRef& ref, Scope& scope, bool has_left) {
    const bool is_lateral = ref.is_lateral && has_left;
    sideways_ = is_lateral ? nullptr : &scope;
    BoundQuery query = is_lateral ? TRY(bind_query(*ref.subquery, &scope, true))
                                  : TRY(bind_query(*ref.subquery, scope.parent, scope.is_border));
    const Schema columns = query.root->output;
    const std::string name = ref.alias ? ref.alias->name : "unnamed_subquery";
    FromItem item = TRY(from_query(std::move(query), columns, ref, name, scope));
    item.is_lateral = is_lateral;
    return item;
}

}  // namespace braid::sql
