// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <charconv>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error_makers.h"
#include "columnar/time_zone.h"
#include "sql/bind/commands_internal.h"

namespace braid::sql {
namespace {

constexpr size_t kColumnsMax = 1600;
constexpr int64_t kPartitionsMax = 1024;

constexpr std::string_view kConnectors[] = {"file", "http"};
constexpr std::string_view kLaterConnectors[] = {"kafka", "syslog", "postgres", "mysql", "mqtt"};
constexpr std::string_view kFormats[] = {"combined", "common", "csv", "json"};

/// Options that say how records are read belong to the decoder of the format, which checks them.
constexpr std::string_view kOptions[] = {
    "connector", "delimiter", "escape",     "event_time", "format",      "header",  "line_wait",
    "null",      "path",      "partitions", "quote",      "rotate_wait", "timezone"};
constexpr std::string_view kFileOptions[] = {"path", "line_wait", "rotate_wait"};
constexpr std::string_view kLaterOptions[] = {"key", "retention", "compression", "topic"};

template <typename List>
bool contains(const List& list, std::string_view word) {
    return std::ranges::find(list, word) != std::end(list);
}

template <typename List>
std::string listed(const List& list) {
    std::string out;
    for (const std::string_view word : list) {
        if (!out.empty()) out += ", ";
        out += word;
    }
    return out;
}

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
        TRY(check_connector(table));
        TRY(check_format(table));
        TRY(check_partitions(table));
        TRY(check_times(table));
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
            std::string name = lower(option.name);
            if (!option.space.empty()) name = lower(option.space) + "." + name;
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
            if (option.space.empty() && lower(option.name) == name) return option.place;
        }
        return -1;
    }

    Error bad_option(std::string_view name, Error error) const {
        return binder_.at(std::move(error).with_sqlstate("22023"), place_of(name));
    }

    Result<void> check_connector(const catalog::Table& table) {
        if (contains(kLaterConnectors, table.connector)) {
            return binder_.at(unsupported("connector \"{}\" is not supported yet", table.connector)
                                  .with_hint("Connectors are: " + listed(kConnectors) + "."),
                              place_of("connector"));
        }
        if (!contains(kConnectors, table.connector)) {
            return bad_option("connector",
                              invalid_input("unknown connector \"{}\"", table.connector)
                                  .with_hint("Connectors are: " + listed(kConnectors) + "."));
        }
        for (const Option& option : tree_.options) {
            const std::string name = lower(option.name);
            const std::string shown =
                option.space.empty() ? name : lower(option.space) + "." + name;
            if (option.space.empty() && contains(kOptions, name)) continue;
            if (option.space.empty() && contains(kLaterOptions, name)) {
                return binder_.at(unsupported("option \"{}\" is not supported yet", name),
                                  option.place);
            }
            return binder_.at(invalid_input("unrecognized parameter \"{}\"", shown)
                                  .with_sqlstate("22023")
                                  .with_hint("Options are: " + listed(kOptions) + "."),
                              option.place);
        }
        const bool has_path = table.options.contains("path");
        if (table.connector == "file" && (!has_path || table.option("path", "").empty())) {
            return bad_option("connector",
                              invalid_input("connector \"file\" needs the option \"path\"")
                                  .with_hint("For example: path = '/var/log/access.log'."));
        }
        for (const std::string_view name : kFileOptions) {
            if (table.connector == "file" || !table.options.contains(std::string(name))) continue;
            return bad_option(name,
                              invalid_input("option \"{}\" is for connector \"file\" only", name));
        }
        return {};
    }

    Result<void> check_format(const catalog::Table& table) {
        if (contains(kFormats, table.format)) return {};
        return bad_option("format", invalid_input("unknown format \"{}\"", table.format)
                                        .with_hint("Formats are: " + listed(kFormats) + "."));
    }

    Result<void> check_partitions(catalog::Table& table) {
        const std::string text = table.option("partitions", "1");
        int64_t count = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
        const bool is_number = error == std::errc() && end == text.data() + text.size();
        if (!is_number || count < 1 || count > kPartitionsMax) {
            return bad_option(
                "partitions",
                invalid_input("option \"partitions\" must be a whole number from 1 to {}, "
                              "not \"{}\"",
                              kPartitionsMax, text));
        }
        table.partition_count = static_cast<uint32_t>(count);
        return {};
    }

    Result<void> check_times(const catalog::Table& table) {
        const std::string zone = table.option("timezone", "UTC");
        if (!find_time_zone(zone)) {
            return bad_option(
                "timezone",
                invalid_input("option \"timezone\": time zone \"{}\" is not recognized", zone)
                    .with_hint("Use a name such as 'Europe/Berlin' or '+08'."));
        }
        if (!table.options.contains("event_time")) return {};
        const std::string column = table.option("event_time", "");
        const int index = table.columns.find(column);
        if (index < 0) {
            return binder_.at(
                not_found("option \"event_time\": column \"{}\" does not exist", column)
                    .with_sqlstate("42703")
                    .with_hint("Name a column of this table that holds the time."),
                place_of("event_time"));
        }
        const Type& type = table.columns.fields[static_cast<size_t>(index)].type;
        if (category_of(type) == 'D') return {};
        return binder_.at(
            invalid_input(
                "option \"event_time\": column \"{}\" must be a timestamp or date, not {}", column,
                type.name())
                .with_sqlstate("42804"),
            place_of("event_time"));
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
