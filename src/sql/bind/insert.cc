// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "base/error_makers.h"
#include "catalog/connectors.h"
#include "sql/bind/commands_internal.h"

namespace braid::sql {
namespace {

std::string shown(const Name& name) {
    std::string out;
    for (const std::string& part : name) out += (out.empty() ? "" : ".") + part;
    return out;
}

size_t characters_in(std::string_view text) {
    size_t count = 0;
    for (const char c : text) count += (static_cast<unsigned char>(c) & 0xc0) != 0x80 ? 1 : 0;
    return count;
}

class InsertBinder {
  public:
    InsertBinder(const InsertTree& tree, Binder& binder) : tree_(tree), binder_(binder) {}

    Result<Insert> run() {
        table_ = TRY(find_table());
        Insert command;
        command.table = table_->id;
        command.name = table_->name;
        command.columns = TRY(columns());
        if (tree_.source == nullptr) {
            command.columns.clear();
            command.rows.emplace_back();
            return command;
        }
        const bool is_plain_values = !tree_.source->values.empty() &&
                                     tree_.source->order_by.empty() &&
                                     tree_.source->limit == nullptr &&
                                     tree_.source->offset == nullptr && tree_.source->with.empty();
        if (is_plain_values) {
            TRY(bind_rows(command));
        } else {
            TRY(bind_select(command));
        }
        command.parameters = binder_.parameters();
        return command;
    }

  private:
    Result<const catalog::Table*> find_table() {
        const catalog::Catalog& catalog = binder_.catalog();
        const bool is_public =
            tree_.name.size() == 1 || (tree_.name.size() == 2 && tree_.name[0] == "public");
        const std::string& name = tree_.name.back();
        if (!tree_.unsupported.empty()) {
            return binder_.at(unsupported("{} is not supported", tree_.unsupported), tree_.place);
        }
        if (is_public && catalog.find_view(name) != nullptr) {
            return invalid_input("cannot change materialized view \"{}\"", name)
                .with_sqlstate("42809");
        }
        if (is_public && catalog.find_plain_view(name) != nullptr) {
            return unsupported("cannot insert into view \"{}\"", name)
                .with_hint("Insert into the stream that it reads.");
        }
        const catalog::Table* table = is_public ? catalog.find_table(name) : nullptr;
        if (table == nullptr) {
            return binder_.at(not_found("relation \"{}\" does not exist", shown(tree_.name)),
                              tree_.place);
        }
        if (!catalog::takes_rows(*table)) {
            return binder_.at(
                unsupported("INSERT into \"{}\" is not supported", name)
                    .with_detail("It takes its records from connector \"" + table->connector +
                                 "\" in format \"" + table->format + "\".")
                    .with_hint("INSERT is for tables with connector http and format json."),
                tree_.place);
        }
        return table;
    }

    Result<std::vector<int>> columns() {
        std::vector<int> out;
        if (tree_.columns.empty()) {
            for (size_t i = 0; i < table_->columns.fields.size(); ++i)
                out.push_back(static_cast<int>(i));
            return out;
        }
        for (const Target& column : tree_.columns) {
            const int index = table_->columns.find(column.name);
            if (index < 0) {
                return binder_.at(not_found("column \"{}\" of relation \"{}\" does not exist",
                                            column.name, table_->name)
                                      .with_sqlstate("42703"),
                                  column.place);
            }
            if (std::ranges::find(out, index) != out.end()) {
                return binder_.at(
                    invalid_input("column \"{}\" specified more than once", column.name)
                        .with_sqlstate("42701"),
                    column.place);
            }
            out.push_back(index);
        }
        return out;
    }

    /// More values than columns are an error; fewer only if the columns were named.
    Result<void> check_width(Insert& command, size_t width, int extra_place) {
        if (width > command.columns.size()) {
            return binder_.at(invalid_input("INSERT has more expressions than target columns")
                                  .with_sqlstate("42601"),
                              extra_place);
        }
        if (width < command.columns.size()) {
            if (!tree_.columns.empty()) {
                return binder_.at(invalid_input("INSERT has more target columns than expressions")
                                      .with_sqlstate("42601"),
                                  tree_.columns[width].place);
            }
            command.columns.resize(width);
        }
        return {};
    }

    const Field& field_of(const Insert& command, size_t column) const {
        return table_->columns.fields[static_cast<size_t>(command.columns[column])];
    }

    Result<ExprPtr> assigned(ExprPtr value, const Field& field, int place) {
        if (!can_coerce(value->type, field.type, CastContext::kAssignment)) {
            return binder_.at(
                invalid_input("column \"{}\" is of type {} but expression is of type {}",
                              field.name, field.type.name(), without_precision(value->type).name())
                    .with_sqlstate("42804")
                    .with_hint("You will need to rewrite or cast the expression."),
                place);
        }
        const bool cuts_text = field.type.alias == TypeAlias::kVarchar && field.type.precision >= 0;
        if (!cuts_text) {
            return binder_.coerce_with_precision(std::move(value), field.type,
                                                 CastContext::kAssignment, binder_.position(place));
        }
        // Unlike a cast, an assignment does not cut; what is known now is checked now.
        value = TRY(binder_.coerce(std::move(value), without_precision(field.type),
                                   CastContext::kAssignment));
        if (value->kind == Expr::Kind::kConstant && !value->constant.is_null() &&
            characters_in(value->constant.as<std::string>()) >
                static_cast<size_t>(field.type.precision)) {
            return invalid_input("value too long for type {}", field.type.name())
                .with_sqlstate("22001");
        }
        return value;
    }

    Result<void> bind_rows(Insert& command) {
        // The table's own columns mean nothing here, but a hint may name them.
        Scope target;
        ScopeRelation relation;
        relation.name = table_->name;
        for (const Field& field : table_->columns.fields) {
            relation.columns.push_back({field.name, nullptr, false});
        }
        target.relations = {std::move(relation)};
        Scope scope;
        scope.clause = Clause::kValues;
        scope.sideways = &target;
        const auto& rows = tree_.source->values;
        for (const std::vector<ExpressionPtr>& row : rows) {
            if (row.size() == rows[0].size()) continue;
            return binder_.at(
                invalid_input("VALUES lists must all be the same length").with_sqlstate("42601"),
                row[0]->place);
        }
        const size_t known = command.columns.size();
        TRY(check_width(command, rows[0].size(),
                        rows[0].size() > known ? rows[0][known]->place : -1));
        for (const std::vector<ExpressionPtr>& row : rows) {
            std::vector<ExprPtr> values;
            for (size_t i = 0; i < row.size(); ++i) {
                const Field& field = field_of(command, i);
                if (row[i]->kind == Expression::Kind::kDefault) {
                    values.push_back(plan::constant(Datum::null(without_precision(field.type))));
                    continue;
                }
                ExprPtr value = TRY(binder_.expression(row[i], scope));
                values.push_back(TRY(assigned(std::move(value), field, place_of(*row[i]))));
                TRY(check_plain(values.back(), row[i]->place));
            }
            command.rows.push_back(std::move(values));
        }
        for (std::vector<ExprPtr>& row : command.rows) {
            for (ExprPtr& value : row) value = binder_.with_parameter_types(value);
        }
        return {};
    }

    Result<void> check_plain(const ExprPtr& value, int place) const {
        const bool is_plain =
            walk(value, 0, [](const Expr& found, int) { return found.subquery == nullptr; });
        if (is_plain) return {};
        return binder_.at(unsupported("a subquery in INSERT … VALUES is not supported")
                              .with_hint("Use INSERT … SELECT."),
                          place);
    }

    Result<void> bind_select(Insert& command) {
        const Select& select = *tree_.source;
        const bool is_block = select.operation == Select::SetOperation::kNone &&
                              select.with.empty() && select.values.empty() && !select.is_distinct;
        NodePtr root;
        std::vector<int> places;
        if (is_block) {
            std::unique_ptr<SelectBlock> block = TRY(binder_.bind_block(select, nullptr, false));
            size_t width = 0;
            for (const TargetColumn& target : block->targets) width += target.is_junk ? 0 : 1;
            const size_t known = command.columns.size();
            TRY(check_width(command, width, width > known ? block->targets[known].place : -1));
            for (size_t i = 0; i < width; ++i) {
                TargetColumn& target = block->targets[i];
                places.push_back(target.place);
                if (!is_unknown(target.expr->type)) continue;
                target.expr =
                    TRY(assigned(std::move(target.expr), field_of(command, i), target.place));
            }
            root = TRY(binder_.finish_query(*block)).root;
        } else {
            root = TRY(binder_.bind_query(select, nullptr, false)).root;
            TRY(check_width(command, root->output.fields.size(), first_place(select)));
            places.assign(root->output.fields.size(), first_place(select));
        }
        auto project = std::make_shared<Node>();
        project->kind = Node::Kind::kProject;
        for (size_t i = 0; i < root->output.fields.size(); ++i) {
            const Field& field = field_of(command, i);
            ExprPtr column = plan::column_ref(static_cast<int>(i), root->output.fields[i].type);
            project->exprs.push_back(TRY(assigned(std::move(column), field, places[i])));
            project->output.fields.push_back({field.name, project->exprs.back()->type});
        }
        project->inputs = {std::move(root)};
        command.query = binder_.query_of(std::move(project));
        return {};
    }

    const InsertTree& tree_;
    Binder& binder_;
    const catalog::Table* table_ = nullptr;
};

}  // namespace

Result<Insert> bind_insert(const InsertTree& tree, Binder& binder) {
    return InsertBinder(tree, binder).run();
}

}  // namespace braid::sql
