// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <string_view>
#include <utility>

#include "base/error_makers.h"
#include "catalog/connectors.h"
#include "sql/bind/commands_internal.h"

namespace braid::sql {
namespace {

constexpr size_t kColumnsMax = 1600;

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    return out;
}

class TableBinder {
  public:
    TableBinder(const CreateTableTree& tree, Binder& binder, BoundStatement& out)
        : tree_(tree), binder_(binder), out_(out) {}

    Result<CreateTable> run() {
        CreateTable command;
        command.if_not_exists = tree_.if_not_exists;
        catalog::Table& table = command.table;
        table.name = TRY(new_relation_name(tree_.name, tree_.place, binder_));
        if (!tree_.unsupported.empty()) {
            return binder_.at(
                unsupported("CREATE TABLE with {} is not supported", tree_.unsupported),
                tree_.place);
        }
        if (binder_.catalog().has_relation(table.name)) {
            if (!tree_.if_not_exists) return relation_exists(table.name);
            command.exists_already = true;
            out_.notices.push_back(exists_notice(table.name));
            return command;
        }
        TRY(bind_columns(table));
        TRY(read_options(table));
        if (auto fault = catalog::find_option_fault(table)) {
            return binder_.at(std::move(fault->error), place_of(fault->option));
        }
        table.partition_count =
            static_cast<uint32_t>(TRY(catalog::option_number(table, "partitions")));
        return command;
    }

  private:
    Result<void> bind_columns(catalog::Table& table) {
        if (tree_.columns.empty()) {
            return binder_.at(unsupported("a table without columns is not supported"), tree_.place);
        }
        if (tree_.columns.size() > kColumnsMax) {
            return invalid_input("tables can have at most {} columns", kColumnsMax)
                .with_sqlstate("54011");
        }
        for (const ColumnDefinition& column : tree_.columns) {
            if (table.columns.find(column.name) >= 0) {
                return invalid_input("column \"{}\" specified more than once", column.name)
                    .with_sqlstate("42701");
            }
            if (plan::system_columns().find(column.name) >= 0) {
                return invalid_input("column name \"{}\" conflicts with a system column name",
                                     column.name)
                    .with_sqlstate("42701");
            }
            if (!column.constraint.empty()) {
                return binder_.at(
                    unsupported("constraint {} of column \"{}\" is not supported",
                                column.constraint, column.name)
                        .with_hint(
                            "A stream keeps every record that it is given; what does not fit its "
                            "types goes to braid.quarantine."),
                    column.place);
            }
            const Type type = TRY(column_type(column));
            table.columns.fields.push_back({column.name, type});
        }
        return {};
    }

    Result<Type> column_type(const ColumnDefinition& column) {
        const Type type = TRY(binder_.resolve_type(column.type));
        if (type.alias == TypeAlias::kInt2) {
            Notice notice;
            notice.message =
                "column \"" + column.name + "\" is kept as integer instead of smallint";
            out_.notices.push_back(std::move(notice));
            return Type::of(TypeKind::kInt4);
        }
        if (type.alias == TypeAlias::kNone || type.alias == TypeAlias::kVarchar) return type;
        return binder_.at(
            unsupported("type {} is not supported for a column of a stream", type.name()),
            column.type.place);
    }

    Result<void> read_options(catalog::Table& table) {
        for (const Option& option : tree_.options) {
            const std::string name = name_of(option);
            const std::string value = option.has_value ? option.value : "true";
            if (!table.options.emplace(name, value).second) {
                return binder_.at(invalid_input("parameter \"{}\" specified more than once", name)
                                      .with_sqlstate("42601"),
                                  option.place);
            }
        }
        table.connector = lower(table.option("connector", "http"));
        table.format = lower(table.option("format", "json"));
        return {};
    }

    int place_of(std::string_view name) const {
        for (const Option& option : tree_.options) {
            if (name_of(option) == name) return option.place;
        }
        return -1;
    }

    static std::string name_of(const Option& option) {
        const std::string name = lower(option.name);
        return option.space.empty() ? name : lower(option.space) + "." + name;
    }

    const CreateTableTree& tree_;
    Binder& binder_;
    BoundStatement& out_;
};

}  // namespace

Result<std::string> new_relation_name(const Name& name, int place, const Binder& binder) {
    if (name.size() == 1 || (name.size() == 2 && name[0] == "public")) return name.back();
    if (name.size() > 2) {
        return binder.at(unsupported("cross-database references are not implemented"), place);
    }
    const SystemRelations* system = binder.options().system;
    const bool is_system = name[0] == "pg_catalog" || name[0] == "information_schema" ||
                           (system != nullptr && system->has_schema(name[0]));
    if (is_system) {
        return binder.at(invalid_input("permission denied to create \"{}.{}\"", name[0], name[1])
                             .with_detail("System catalog modifications are currently disallowed.")
                             .with_sqlstate("42501"),
                         place);
    }
    Error error = not_found("schema \"{}\" does not exist", name[0]).with_sqlstate("3F000");
    return binder.at(std::move(error), place);
}

Error relation_exists(const std::string& name) {
    return already_exists("relation \"{}\" already exists", name).with_sqlstate("42P07");
}

Notice exists_notice(const std::string& name) {
    Notice notice;
    notice.sqlstate = "42P07";
    notice.message = "relation \"" + name + "\" already exists, skipping";
    return notice;
}

Result<CreateTable> bind_create_table(const CreateTableTree& tree, Binder& binder,
                                      BoundStatement& out) {
    return TableBinder(tree, binder, out).run();
}

}  // namespace braid::sql
