// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <charconv>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/error_makers.h"
#include "catalog/retention.h"
#include "plan/time_key.h"
#include "sql/bind/commands_internal.h"

// CREATE VIEW, DROP, INSERT and REFRESH.

namespace braid::sql {
namespace {

std::string_view noun(ObjectKind kind) {
    switch (kind) {
        case ObjectKind::kTable:
            return "table";
        case ObjectKind::kView:
            return "view";
        case ObjectKind::kMaterializedView:
            return "materialized view";
    }
    return "";
}

std::string_view article_hint(ObjectKind kind) {
    switch (kind) {
        case ObjectKind::kTable:
            return "Use DROP TABLE to remove a table.";
        case ObjectKind::kView:
            return "Use DROP VIEW to remove a view.";
        case ObjectKind::kMaterializedView:
            return "Use DROP MATERIALIZED VIEW to remove a materialized view.";
    }
    return "";
}

std::optional<Drop::Object> find_object(const catalog::Catalog& catalog, const Name& name) {
    if (name.size() > 2 || (name.size() == 2 && name[0] != "public")) return std::nullopt;
    const std::string& bare = name.back();
    if (const auto* table = catalog.find_table(bare)) {
        return Drop::Object{ObjectKind::kTable, table->id, bare};
    }
    if (const auto* view = catalog.find_view(bare)) {
        return Drop::Object{ObjectKind::kMaterializedView, view->id, bare};
    }
    if (const auto* plain = catalog.find_plain_view(bare)) {
        return Drop::Object{ObjectKind::kView, plain->id, bare};
    }
    return std::nullopt;
}

std::string shown(const Name& name) {
    std::string out;
    for (const std::string& part : name) out += (out.empty() ? "" : ".") + part;
    return out;
}

/// Who reads whom, over the whole catalog.
class Dependencies {
  public:
    Dependencies(const catalog::Catalog& catalog, const BindOptions& options) {
        for (const auto& [id, view] : catalog.views) {
            readers_[view.table].push_back({ObjectKind::kMaterializedView, id, view.name});
        }
        for (const auto& [id, view] : catalog.plain_views) {
            for (const ObjectId source : sources_of(view, catalog, options)) {
                readers_[source].push_back({ObjectKind::kView, id, view.name});
            }
        }
    }
    const std::vector<Drop::Object>& readers_of(ObjectId id) { return readers_[id]; }

  private:
    std::map<ObjectId, std::vector<Drop::Object>> readers_;
};

class DropBinder {
  public:
    DropBinder(const DropTree& tree, Binder& binder, BoundStatement& out)
        : tree_(tree),
          binder_(binder),
          out_(out),
          dependencies_(binder.catalog(), binder.options()) {}

    Result<Drop> run() {
        Drop command;
        command.kind = tree_.kind;
        std::vector<Drop::Object> named;
        for (const Name& name : tree_.names) TRY(resolve(name, named));
        for (const Drop::Object& object : named) chosen_.insert(object.id);
        for (const Drop::Object& object : named) TRY(visit(object, object));
        command.objects = std::move(ordered_);
        announce();
        return command;
    }

  private:
    Result<void> resolve(const Name& name, std::vector<Drop::Object>& named) {
        const auto object = find_object(binder_.catalog(), name);
        if (!object) {
            if (!tree_.if_exists) {
                return not_found("{} \"{}\" does not exist", noun(tree_.kind), shown(name));
            }
            Notice notice;
            notice.message =
                std::string(noun(tree_.kind)) + " \"" + shown(name) + "\" does not exist, skipping";
            out_.notices.push_back(std::move(notice));
            return {};
        }
        if (object->kind != tree_.kind) {
            return invalid_input("\"{}\" is not a {}", shown(name), noun(tree_.kind))
                .with_sqlstate("42809")
                .with_hint(std::string(article_hint(object->kind)));
        }
        const auto same = [&](const Drop::Object& known) { return known.id == object->id; };
        if (std::ranges::none_of(named, same)) named.push_back(*object);
        return {};
    }

    /// Readers first, so that an object goes after all that need it.
    Result<void> visit(const Drop::Object& object, const Drop::Object& root) {
        if (!visited_.insert(object.id).second) return {};
        const std::vector<Drop::Object> readers = dependencies_.readers_of(object.id);
        for (const Drop::Object& reader : readers) {
            const bool is_chosen = chosen_.contains(reader.id);
            if (!is_chosen && !tree_.cascade) return still_needed(root, object);
            if (!is_chosen && !visited_.contains(reader.id)) cascaded_.push_back(reader);
            TRY(visit(reader, root));
        }
        ordered_.push_back(object);
        return {};
    }

    Error still_needed(const Drop::Object& root, const Drop::Object& object) {
        std::string detail;
        for (const Drop::Object& reader : dependencies_.readers_of(object.id)) {
            if (!detail.empty()) detail += "\n";
            detail += std::string(noun(reader.kind)) + " " + reader.name + " depends on " +
                      std::string(noun(object.kind)) + " " + object.name;
        }
        return conflict("cannot drop {} {} because other objects depend on it", noun(root.kind),
                        root.name)
            .with_sqlstate("2BP01")
            .with_detail(std::move(detail))
            .with_hint("Use DROP ... CASCADE to drop the dependent objects too.");
    }

    void announce() {
        if (cascaded_.empty()) return;
        Notice notice;
        std::string lines;
        for (const Drop::Object& object : cascaded_) {
            if (!lines.empty()) lines += "\n";
            lines += "drop cascades to " + std::string(noun(object.kind)) + " " + object.name;
        }
        if (cascaded_.size() == 1) {
            notice.message = lines;
        } else {
            notice.message =
                "drop cascades to " + std::to_string(cascaded_.size()) + " other objects";
            notice.detail = lines;
        }
        out_.notices.push_back(std::move(notice));
    }

    const DropTree& tree_;
    Binder& binder_;
    BoundStatement& out_;
    Dependencies dependencies_;
    std::set<ObjectId> chosen_;
    std::set<ObjectId> visited_;
    std::vector<Drop::Object> cascaded_;
    std::vector<Drop::Object> ordered_;
};

/// CREATE OR REPLACE VIEW keeps the columns that others may use and may add some behind.
Result<void> check_replacement(const Schema& before, const Schema& after) {
    if (after.fields.size() < before.fields.size()) {
        return invalid_input("cannot drop columns from view").with_sqlstate("42P16");
    }
    for (size_t i = 0; i < before.fields.size(); ++i) {
        const Field& old_field = before.fields[i];
        const Field& new_field = after.fields[i];
        if (old_field.name != new_field.name) {
            return invalid_input("cannot change name of view column \"{}\" to \"{}\"",
                                 old_field.name, new_field.name)
                .with_sqlstate("42P16")
                .with_hint(
                    "Use ALTER VIEW ... RENAME COLUMN ... to change name of view column "
                    "instead.");
        }
        if (old_field.type != new_field.type) {
            return invalid_input("cannot change data type of view column \"{}\" from {} to {}",
                                 old_field.name, old_field.type.name(), new_field.type.name())
                .with_sqlstate("42P16");
        }
    }
    return {};
}

Result<void> check_view_tree(const CreateViewTree& tree, const Binder& binder) {
    const std::string_view statement =
        tree.is_materialized ? "CREATE MATERIALIZED VIEW" : "CREATE VIEW";
    if (!tree.unsupported.empty()) {
        return binder.at(unsupported("{} with {} is not supported", statement, tree.unsupported),
                         tree.place);
    }
    if (!tree.columns.empty()) {
        return binder.at(unsupported("{} with a column list is not supported", statement)
                             .with_hint("Name the columns with AS in the SELECT."),
                         tree.place);
    }
    for (const Option& option : tree.options) {
        const bool is_known = option.name == "keys_max" || option.name == "retention";
        if (tree.is_materialized && option.space.empty() && is_known) continue;
        return binder.at(unsupported("option \"{}\" of a view is not supported", option.name),
                         option.place);
    }
    return {};
}

/// Null where the view does not say it.
Result<const Option*> find_option(const CreateViewTree& tree, std::string_view name,
                                  const Binder& binder) {
    const Option* found = nullptr;
    for (const Option& option : tree.options) {
        if (option.name != name) continue;
        if (found != nullptr) {
            return binder.at(invalid_input("parameter \"{}\" specified more than once", name)
                                 .with_sqlstate("42601"),
                             option.place);
        }
        found = &option;
    }
    return found;
}

/// Of a materialized view; 0 when none is given.
Result<uint64_t> keys_max_of(const CreateViewTree& tree, const Binder& binder) {
    const Option* const option = TRY(find_option(tree, "keys_max", binder));
    if (option == nullptr) return uint64_t{0};
    int64_t value = 0;
    const char* end = option->value.data() + option->value.size();
    const auto [stopped, error] = std::from_chars(option->value.data(), end, value);
    if (error == std::errc() && stopped == end && value > 0) return static_cast<uint64_t>(value);
    return binder.at(
        invalid_input("invalid value for option \"keys_max\": \"{}\"", option->value)
            .with_sqlstate("22023")
            .with_hint("It is the number of groups that the view may have, from 1 on."),
        option->place);
}

/// In microseconds; 0 when none is given. The plan must have a key to keep groups by.
Result<int64_t> retention_of(const CreateViewTree& tree, const plan::ViewPlan& plan,
                             const Binder& binder) {
    const Option* const option = TRY(find_option(tree, "retention", binder));
    if (option == nullptr) return int64_t{0};
    const auto retention_us = catalog::parse_retention(option->value);
    if (!retention_us) return binder.at(retention_us.error(), option->place);
    const catalog::Table& stream = binder.catalog().tables.at(plan.table);
    const std::string event_time = stream.option("event_time", "");
    const int column = event_time.empty() ? -1 : stream.columns.find(event_time);
    const auto key = plan::time_key_of(plan, column);
    if (!key) return binder.at(key.error(), option->place);
    return *retention_us;
}

}  // namespace

std::set<ObjectId> sources_of(const catalog::PlainView& view, const catalog::Catalog& catalog,
                              const BindOptions& options) {
    auto parsed = parse(view.definition);
    if (!parsed || parsed->size() != 1) return {};
    const auto* select = std::get_if<SelectPtr>(&(*parsed)[0].tree->body);
    if (select == nullptr) return {};
    auto binder = Binder::create(catalog, options, (*parsed)[0].tree->source);
    if (!binder || !(*binder)->query(**select)) return {};
    std::set<ObjectId> out = (*binder)->plain_views_used();
    for (const plan::RelationRef& relation : (*binder)->reads()) out.insert(relation.id);
    return out;
}

Result<CreateMaterializedView> bind_create_materialized_view(const CreateViewTree& tree,
                                                             Binder& binder, BoundStatement& out) {
    CreateMaterializedView command;
    command.name = TRY(new_relation_name(tree.name, tree.place, binder));
    command.if_not_exists = tree.if_not_exists;
    command.with_no_data = tree.with_no_data;
    command.time_zone = binder.options().time_zone;
    command.definition = tree.definition;
    TRY(check_view_tree(tree, binder));
    command.keys_max = TRY(keys_max_of(tree, binder));
    if (binder.catalog().has_relation(command.name)) {
        if (!tree.if_not_exists) return relation_exists(command.name);
        command.exists_already = true;
        out.notices.push_back(exists_notice(command.name));
        return command;
    }
    plan::ViewPlan plan = TRY(bind_view_plan(*tree.query, binder));
    plan.definition = tree.definition;
    command.retention_us = TRY(retention_of(tree, plan, binder));
    command.plan = std::make_shared<const plan::ViewPlan>(std::move(plan));
    return command;
}

Result<CreateView> bind_create_view(const CreateViewTree& tree, Binder& binder) {
    CreateView command;
    command.name = TRY(new_relation_name(tree.name, -1, binder));
    command.definition = tree.definition;
    command.or_replace = tree.or_replace;
    TRY(check_view_tree(tree, binder));
    const catalog::PlainView* before = binder.catalog().find_plain_view(command.name);
    if (binder.catalog().has_relation(command.name)) {
        if (!tree.or_replace) return relation_exists(command.name);
        if (before == nullptr) {
            return invalid_input("\"{}\" is not a view", command.name).with_sqlstate("42809");
        }
    }
    const plan::Query query = TRY(binder.query(*tree.query));
    if (!query.parameters.empty()) {
        return not_found("there is no parameter $1").with_sqlstate("42P02");
    }
    command.output = query.output;
    TRY(check_distinct_names(command.output));
    if (before == nullptr) return command;
    command.replaces = before->id;
    if (binder.plain_views_used().contains(before->id)) {
        return invalid_input("infinite recursion detected in rules for relation \"{}\"",
                             command.name)
            .with_sqlstate("42P17");
    }
    TRY(check_replacement(TRY(columns_of_relation(binder.catalog(), before->id, binder.options())),
                          command.output));
    return command;
}

Result<Drop> bind_drop(const DropTree& tree, Binder& binder, BoundStatement& out) {
    return DropBinder(tree, binder, out).run();
}

Result<Refresh> bind_refresh(const RefreshTree& tree, Binder& binder) {
    const auto object = find_object(binder.catalog(), tree.name);
    if (!object) {
        return not_found("relation \"{}\" does not exist", shown(tree.name));
    }
    if (object->kind == ObjectKind::kView) {
        return invalid_input("\"{}\" is not a table or materialized view", object->name)
            .with_sqlstate("42809");
    }
    const catalog::MaterializedView* view = binder.catalog().find_view(object->name);
    if (view == nullptr) {
        return unsupported("\"{}\" is not a materialized view", object->name);
    }
    if (tree.concurrently && tree.with_no_data) {
        return invalid_input("CONCURRENTLY and WITH NO DATA options cannot be used together")
            .with_sqlstate("42601");
    }
    return Refresh{view->id, view->table, view->name, tree.concurrently, tree.with_no_data};
}

}  // namespace braid::sql
