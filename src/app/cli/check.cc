// SPDX-License-Identifier: Apache-2.0
// `braid check`: binds a file of statements, one after the other, against a catalog that they
// themselves build up.
#include <algorithm>
#include <cstdio>
#include <variant>

#include <fmt/format.h>

#include "app/cli/absolute_path.h"
#include "app/cli/commands.h"
#include "app/config.h"
#include "app/sources.h"
#include "base/file_system.h"
#include "base/posix_file_system.h"
#include "catalog/catalog.h"
#include "operators/decode/declared_decoder.h"
#include "operators/fold/computable.h"
#include "sql/sql.h"

namespace braid::app {

namespace {

/// 1-based line and column of a 1-based character position.
std::pair<int, int> place_of(std::string_view text, int position) {
    int line = 1;
    int column = 1;
    int character = 1;
    for (const char byte : text) {
        if (character >= position) break;
        if ((static_cast<unsigned char>(byte) & 0xC0U) == 0x80U) continue;
        ++character;
        ++column;
        if (byte == '\n') {
            ++line;
            column = 1;
        }
    }
    return {line, column};
}

void complain(const std::string& file, std::string_view text, const Error& error, int fallback) {
    const auto [line, column] = place_of(text, error.position() > 0 ? error.position() : fallback);
    std::string message = fmt::format("{}:{}:{}: error: {} ({})", file, line, column,
                                      error.message(), error.sqlstate());
    if (!error.detail().empty()) message += "\n  " + error.detail();
    if (!error.hint().empty()) message += "\n  " + error.hint();
    fmt::print(stderr, "{}\n", message);
}

/// What the statements before have declared.
class Declarations {
  public:
    const catalog::Catalog& catalog() const { return catalog_; }

    Result<void> apply(const sql::BoundStatement& bound) {
        if (const auto* table = std::get_if<sql::CreateTable>(&bound.command)) return add(*table);
        if (const auto* view = std::get_if<sql::CreateMaterializedView>(&bound.command)) {
            return add(*view);
        }
        if (const auto* view = std::get_if<sql::CreateView>(&bound.command)) return add(*view);
        if (const auto* drop = std::get_if<sql::Drop>(&bound.command)) remove(*drop);
        return {};
    }

  private:
    ObjectId next() { return {catalog_.next_id++}; }

    Result<void> add(const sql::CreateTable& create) {
        if (create.exists_already) return {};
        catalog::Table table = create.table;
        TRY(operators::make_decoder_of(table));
        TRY(Sources::check(table));
        table.id = next();
        catalog_.tables.put(std::move(table));
        return {};
    }

    Result<void> add(const sql::CreateMaterializedView& create) {
        if (create.exists_already) return {};
        TRY(operators::check_computable(
            *create.plan, {.format = {.zone = TRY(find_time_zone(create.time_zone))}}));
        catalog::MaterializedView view;
        view.id = next();
        view.name = create.name;
        view.table = create.plan->table;
        catalog::ViewVersion version;
        version.id = next();
        version.definition = create.definition;
        version.time_zone = create.time_zone;
        version.is_populated = true;
        view.current = version.id;
        view.versions.push_back(std::move(version));
        catalog_.views.put(std::move(view));
        return {};
    }

    Result<void> add(const sql::CreateView& create) {
        if (create.replaces) catalog_.plain_views.erase(*create.replaces);
        catalog_.plain_views.put({next(), create.name, create.definition, 0});
        return {};
    }

    void remove(const sql::Drop& drop) {
        for (const sql::Drop::Object& object : drop.objects) {
            catalog_.tables.erase(object.id);
            catalog_.views.erase(object.id);
            catalog_.plain_views.erase(object.id);
        }
    }

    catalog::Catalog catalog_;
};

int check_config(const Arguments& arguments) {
    Config config;
    auto outcome = read_config(arguments.config, config);
    // Where the data lie may also be said by --data, which is for serve.
    const bool has_place = !config.data.empty() || !config.local.empty() || !config.store.empty();
    if (outcome && has_place) outcome = settle_roots(config);
    if (!outcome) {
        fmt::print(stderr, "{}\n", outcome.error().to_string());
        return 1;
    }
    fmt::print("{}: valid\n", arguments.config);
    if (has_place) fmt::print("  local: {}\n  store: {}\n", config.local, config.store);
    return 0;
}

int check_statements(const std::string& path) {
    const auto machine = open_posix_file_system("/");
    auto text =
        machine ? (*machine)->read_all(absolute_path(path)) : Result<std::string>(machine.error());
    if (!text) {
        fmt::print(stderr, "{}: {}\n", path, text.error().message());
        return 1;
    }
    const auto statements = sql::parse(*text);
    if (!statements) {
        complain(path, *text, statements.error(), 1);
        return 1;
    }
    Declarations declarations;
    int failures = 0;
    for (const sql::Statement& statement : *statements) {
        auto bound = sql::bind(statement, declarations.catalog(), {});
        Result<void> outcome =
            bound ? declarations.apply(*bound) : Result<void>(std::move(bound).error());
        if (outcome) continue;
        complain(path, *text, outcome.error(), statement.position);
        ++failures;
    }
    const size_t count = statements->size();
    const char* words = count == 1 ? "statement is" : "statements are";
    if (failures == 0) fmt::print("{}: {} {} valid\n", path, count, words);
    return failures == 0 ? 0 : 1;
}

}  // namespace

int run_check(const Arguments& arguments) {
    const int status = arguments.config.empty() ? 0 : check_config(arguments);
    return arguments.file.empty() ? status : std::max(status, check_statements(arguments.file));
}

}  // namespace braid::app
