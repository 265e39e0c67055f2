// SPDX-License-Identifier: Apache-2.0
#include "sql/sql_testing.h"

#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/check.h"
#include "plan/node.h"
#include "plan/rewrite.h"

namespace braid::sql {
namespace {

constexpr std::string_view kSampleStatements = R"(
    CREATE TABLE access (ip text, at timestamptz, method text, path text, status int, bytes bigint,
                         referer text, agent text) WITH (event_time = 'at');
    CREATE TABLE orders (id bigint, customer text, price numeric(10,2), quantity int,
                         placed timestamp, due date, is_paid boolean,
                         rating double precision, wait interval,
                         note varchar(20));
    CREATE TABLE t (a int, b int, c text);
    CREATE TABLE u (a bigint, d text);
    CREATE TABLE logs (ip text, at timestamptz, path text, status int)
        WITH (connector = 'file', path = '/var/log/access.log', format = 'combined');
    CREATE MATERIALIZED VIEW module_visits AS
        SELECT date_bin('1 minute', at, '2000-01-01Z') AS minute,
               split_part(path, '/', 2) AS module,
               count(*) AS visits, count(DISTINCT ip) AS visitors, sum(bytes) AS bytes,
               avg(bytes) AS mean, min(status) AS lowest, sum(bytes) / count(*) AS per_visit
        FROM access WHERE status < 400 GROUP BY 1, 2;
    CREATE MATERIALIZED VIEW totals AS SELECT count(*) AS visits, max(at) AS last FROM access;
    CREATE MATERIALIZED VIEW big_customers AS
        SELECT customer, sum(price) AS spent FROM orders GROUP BY customer HAVING sum(price) > 100;
    CREATE VIEW modules AS SELECT module, minute, visitors, visits FROM module_visits;
    CREATE VIEW big AS SELECT * FROM big_customers WHERE spent > 1000;
)";

Type type_named(std::string_view name) {
    if (name == "char") return Type::aliased(TypeKind::kText, TypeAlias::kChar);
    Type type;
    CHECK(parse_type_name(name, type));
    return type;
}

/// "oid oid, relname name" -> a schema.
Schema schema_of(std::string_view text) {
    Schema schema;
    while (!text.empty()) {
        const size_t comma = text.find(", ");
        const std::string_view item = text.substr(0, comma);
        const size_t space = item.find(' ');
        schema.fields.push_back(
            {std::string(item.substr(0, space)), type_named(item.substr(space + 1))});
        text.remove_prefix(comma == std::string_view::npos ? text.size() : comma + 2);
    }
    return schema;
}

class SampleSystem final : public SystemRelations {
  public:
    SampleSystem();

    bool has_schema(std::string_view schema) const override {
        return schema == "pg_catalog" || schema == "information_schema" || schema == "braid";
    }
    std::optional<Schema> find(std::string_view schema, std::string_view name) const override {
        const auto found = relations_.find(std::string(schema) + "." + std::string(name));
        if (found == relations_.end()) return std::nullopt;
        return found->second;
    }
    std::optional<Schema> find_table_function(std::string_view, std::string_view name,
                                              size_t) const override {
        if (name == "pg_get_keywords") {
            return schema_of("word text, catcode char, catdesc text");
        }
        return std::nullopt;
    }
    std::vector<SqlFunction> find_functions(std::string_view name) const override {
        if (name != "pg_get_userbyid") return {};
        return {{{type_named("oid")},
                 type_named("name"),
                 "(SELECT rolname FROM pg_catalog.pg_roles WHERE oid = $1)"}};
    }
    std::optional<int64_t> relation_oid(std::string_view schema,
                                        std::string_view name) const override {
        if (name == "modules") return 5000;
        if (!schema.empty() && schema != "pg_catalog") return std::nullopt;
        const auto found = relations_.find("pg_catalog." + std::string(name));
        if (found == relations_.end()) return std::nullopt;
        return 1000 + std::distance(relations_.begin(), found);
    }
    std::optional<Datum> session_value(std::string_view name,
                                       std::span<const Datum>) const override {
        if (name == "regprocin") return Datum::int8(750);
        if (name == "inet_server_addr") return Datum::text("127.0.0.1");
        return std::nullopt;
    }

  private:
    std::map<std::string, Schema> relations_;
};

SampleSystem::SampleSystem() {
    std::ifstream file("tests/corpus/system_relations.tsv");
    std::string line;
    while (std::getline(file, line)) {
        const size_t tab = line.find('\t');
        if (tab == std::string::npos) continue;
        relations_[line.substr(0, tab)] = schema_of(std::string_view(line).substr(tab + 1));
    }
    CHECK(!relations_.empty());
    relations_["braid.streams"] = schema_of("name text, partitions int4");
}

void register_table(const CreateTable& command, catalog::Catalog& catalog) {
    catalog::Table table = command.table;
    table.id = ObjectId{catalog.next_id++};
    catalog.tables.put(std::move(table));
}

void register_view(const CreateMaterializedView& command, catalog::Catalog& catalog) {
    catalog::MaterializedView view;
    view.id = ObjectId{catalog.next_id++};
    view.name = command.name;
    view.table = command.plan->table;
    catalog::ViewVersion version;
    version.id = ObjectId{catalog.next_id++};
    version.definition = command.definition;
    version.time_zone = command.time_zone;
    view.current = version.id;
    view.versions.push_back(std::move(version));
    catalog.views.put(std::move(view));
}

void register_plain_view(const CreateView& command, catalog::Catalog& catalog) {
    catalog::PlainView view;
    view.id = ObjectId{catalog.next_id++};
    view.name = command.name;
    view.definition = command.definition;
    catalog.plain_views.put(std::move(view));
}

std::string columns_text(const Schema& schema) {
    std::string out;
    for (const Field& field : schema.fields) {
        out += fmt::format("{}{} {}", out.empty() ? "" : ", ", field.name, field.type.name());
    }
    return out;
}

std::string types_text(std::span<const Type> types) {
    std::string out;
    for (const Type& type : types) out += (out.empty() ? "" : ", ") + type.name();
    return out;
}

std::vector<std::string> names_of(const Schema& schema) {
    std::vector<std::string> out;
    for (const Field& field : schema.fields) out.push_back(field.name);
    return out;
}

std::string exprs_text(std::span<const plan::ExprPtr> exprs,
                       const std::vector<std::string>& names) {
    std::string out;
    for (const plan::ExprPtr& expr : exprs) {
        out += (out.empty() ? "" : ", ") + plan::to_sql(*expr, names);
    }
    return out;
}

void append_subplans(const plan::Expr& expr, std::string& out);

/// The plans of subqueries in expressions, which to_text leaves out.
std::string subplans_text(const plan::Node& node) {
    std::string out;
    plan::map_expressions(std::make_shared<plan::Node>(node), 0,
                          [&](const plan::ExprPtr& expr, int) {
                              if (expr != nullptr) append_subplans(*expr, out);
                              return expr;
                          });
    return out;
}

void append_subplans(const plan::Expr& expr, std::string& out) {
    for (const plan::ExprPtr& argument : expr.arguments) append_subplans(*argument, out);
    if (expr.subquery == nullptr) return;
    out += "subplan:\n" + plan::to_text(*expr.subquery) + subplans_text(*expr.subquery);
}

struct Describer {
    std::string operator()(const plan::Query& query) const {
        std::string out = plan::to_text(*query.root) + subplans_text(*query.root);
        out += "columns: " + columns_text(query.output) + "\n";
        if (!query.parameters.empty()) out += "parameters: " + types_text(query.parameters) + "\n";
        for (const std::string& warning : query.warnings) out += "warning: " + warning + "\n";
        return out;
    }
    std::string operator()(const CreateTable& command) const {
        const catalog::Table& table = command.table;
        if (command.exists_already) return "create table " + table.name + ": nothing to do\n";
        std::string out =
            fmt::format("create table {} ({})\n", table.name, columns_text(table.columns));
        out += fmt::format("connector {}, format {}, partitions {}\n", table.connector,
                           table.format, table.partition_count);
        for (const auto& [name, value] : table.options)
            out += fmt::format("{} = '{}'\n", name, value);
        return out;
    }
    std::string operator()(const CreateMaterializedView& command) const {
        if (command.exists_already) return "create view " + command.name + ": nothing to do\n";
        std::string out = fmt::format("create materialized view {}{}\n", command.name,
                                      command.with_no_data ? " with no data" : "");
        if (command.keys_max != 0) out += fmt::format("keys_max: {}\n", command.keys_max);
        if (command.retention_us != 0) {
            out += fmt::format("retention: {} us\n", command.retention_us);
        }
        out += "definition: " + command.definition + "\n";
        return out + view_text(*command.plan);
    }
    static std::string view_text(const plan::ViewPlan& plan) {
        const std::vector<std::string> inputs = names_of(plan.input);
        std::vector<std::string> states = names_of(plan.key_schema);
        std::string out;
        if (plan.filter != nullptr) out += "where: " + plan::to_sql(*plan.filter, inputs) + "\n";
        if (!plan.keys.empty()) out += "keys: " + exprs_text(plan.keys, inputs) + "\n";
        for (const plan::Aggregate& aggregate : plan.aggregates) {
            out += "state: " + plan::to_sql(aggregate, inputs) + " " +
                   aggregate.result_type.name() + "\n";
            states.push_back(fmt::format("#{}", states.size() - plan.keys.size() + 1));
        }
        if (plan.having != nullptr) out += "having: " + plan::to_sql(*plan.having, states) + "\n";
        for (size_t i = 0; i < plan.outputs.size(); ++i) {
            const plan::Output& output = plan.outputs[i];
            out += fmt::format("output: {} = {} {} {}\n", output.name,
                               plan::to_sql(*output.expr, states), output.expr->type.name(),
                               plan::name_of(plan.exactness[i]));
        }
        return out;
    }
    std::string operator()(const CreateView& command) const {
        return fmt::format("create view {}{}\ndefinition: {}\ncolumns: {}\n", command.name,
                           command.replaces ? " (replaces)" : "", command.definition,
                           columns_text(command.output));
    }
    std::string operator()(const Drop& command) const {
        std::string out = "drop";
        for (const Drop::Object& object : command.objects) out += " " + object.name;
        return out + "\n";
    }
    std::string operator()(const Insert& command) const {
        std::string out = "insert into " + command.name + " columns";
        for (const int column : command.columns) out += fmt::format(" {}", column);
        out += "\n";
        for (const auto& row : command.rows) out += "row: " + exprs_text(row, {}) + "\n";
        if (command.query) out += (*this)(*command.query);
        if (!command.query && !command.parameters.empty()) {
            out += "parameters: " + types_text(command.parameters) + "\n";
        }
        return out;
    }
    std::string operator()(const Delete& command) const {
        std::string out = fmt::format("delete from {}\nwhere: {}\n", command.name,
                                      plan::fingerprint(*command.predicate));
        if (!command.parameters.empty()) {
            out += "parameters: " + types_text(command.parameters) + "\n";
        }
        return out;
    }
    std::string operator()(const Refresh& command) const {
        return "refresh " + command.name + "\n";
    }
    std::string operator()(const Explain& command) const {
        return fmt::format("explain{}{}\n", command.analyze ? " analyze" : "",
                           command.format == Explain::Format::kJson ? " json" : "") +
               std::visit(*this, command.inner->command);
    }
    std::string operator()(const Set& command) const {
        std::string out = fmt::format("set{} {}", command.is_local ? " local" : "", command.name);
        if (command.to_default) return out + " to default\n";
        for (const std::string& value : command.values) out += " '" + value + "'";
        return out + "\n";
    }
    std::string operator()(const Show& command) const { return "show " + command.name + "\n"; }
    std::string operator()(const Reset& command) const { return "reset " + command.name + "\n"; }
    std::string operator()(const Transaction& command) const {
        std::string out = fmt::format("transaction {}", static_cast<int>(command.kind));
        if (!command.savepoint.empty()) out += " " + command.savepoint;
        if (!command.isolation.empty()) out += ", " + command.isolation;
        if (command.read_only) out += *command.read_only ? ", read only" : ", read write";
        if (command.and_chain) out += ", chain";
        return out + "\n";
    }
    std::string operator()(const Prepare& command) const {
        return fmt::format("prepare {} ({}) {}\n", command.name,
                           types_text(command.parameter_types), command.statement.tag);
    }
    std::string operator()(const Execute& command) const {
        return "execute " + command.name + " (" + exprs_text(command.arguments, {}) + ")\n";
    }
    std::string operator()(const Call& command) const {
        const bool accepts = command.procedure == Call::Procedure::kAcceptAudit;
        const std::vector<plan::ExprPtr> arguments = {command.argument};
        return fmt::format("call {} ({})\n", accepts ? "accept_audit" : "reject_audit",
                           exprs_text(arguments, {}));
    }
    std::string operator()(const Deallocate& command) const {
        return "deallocate " + (command.name.empty() ? "all" : command.name) + "\n";
    }
    std::string operator()(const Discard& command) const {
        return command.all     ? "discard all\n"
               : command.plans ? "discard plans\n"
                               : "discard nothing\n";
    }
};

}  // namespace

catalog::Catalog catalog_of(std::string_view statements) {
    catalog::Catalog catalog;
    auto parsed = parse(statements);
    CHECK(parsed.has_value());
    for (const Statement& statement : *parsed) {
        auto bound = bind(statement, catalog, BindOptions());
        if (!bound) fmt::print(stderr, "{}\n{}\n", statement.text, bound.error().to_string());
        CHECK(bound.has_value());
        if (auto* table = std::get_if<CreateTable>(&bound->command))
            register_table(*table, catalog);
        if (auto* view = std::get_if<CreateMaterializedView>(&bound->command)) {
            register_view(*view, catalog);
        }
        if (auto* plain = std::get_if<CreateView>(&bound->command)) {
            register_plain_view(*plain, catalog);
        }
    }
    return catalog;
}

const catalog::Catalog& sample_catalog() {
    static const auto* const catalog = new catalog::Catalog(catalog_of(kSampleStatements));
    return *catalog;
}

const SystemRelations& sample_system() {
    static const auto* const system = new SampleSystem();
    return *system;
}

BindOptions sample_options() {
    BindOptions options;
    options.system = &sample_system();
    return options;
}

std::string describe(const Error& error) {
    std::string out =
        fmt::format("error {} at {}: {}\n", error.sqlstate(), error.position(), error.message());
    if (!error.detail().empty()) out += "detail: " + error.detail() + "\n";
    if (!error.hint().empty()) out += "hint: " + error.hint() + "\n";
    for (const std::string& line : error.context_lines()) out += "context: " + line + "\n";
    return out;
}

std::string describe(std::string_view text, const catalog::Catalog& catalog,
                     const BindOptions& options) {
    auto parsed = parse(text);
    if (!parsed) return describe(parsed.error());
    std::string out;
    for (const Statement& statement : *parsed) {
        auto bound = bind(statement, catalog, options);
        if (!bound) return out + describe(bound.error());
        out += std::visit(Describer(), bound->command);
        for (const Notice& notice : bound->notices) {
            out += fmt::format("notice {}: {}\n", notice.sqlstate, notice.message);
            if (!notice.detail.empty()) out += "detail: " + notice.detail + "\n";
        }
    }
    return out;
}

}  // namespace braid::sql
