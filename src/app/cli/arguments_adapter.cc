// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>

#include "app/cli/arguments.h"

namespace braid::app {

namespace {

constexpr const char* kAbout =
    "Braid keeps the events of your streams for ever, answers SQL about them at once, recomputes "
    "the\n"
    "answers from all of history, and gives one exact number that joins both.\n";

constexpr const char* kMore =
    "\nA first session:\n"
    "  braid serve --data ./data --init views.sql     start; 'braid ready …' says where it "
    "listens\n"
    "  psql -h 127.0.0.1 -p 5433 -U braid braid       ask; any PostgreSQL client will do\n"
    "  curl --data-binary @events.json http://127.0.0.1:8080/v1/tables/events/records\n"
    "  braid sql 'SELECT * FROM braid.views'          ask without a client\n"
    "  braid check views.sql                          see mistakes before anything runs\n"
    "\nThe manual is in docs/operating/.\n";

}  // namespace

ParsedArguments parse_arguments(int count, char** values) {
    Arguments arguments;
    CLI::App app{kAbout, "braid"};
    app.footer(kMore);
    app.set_version_flag("--version", "braid " BRAID_VERSION);
    app.require_subcommand(1);

    CLI::App* serve = app.add_subcommand("serve", "Run a node on a data directory");
    serve->add_option("--data", arguments.data, "The data directory; made when it is missing")
        ->type_name("DIR");
    serve->add_option("--init", arguments.init, "SQL to run once, when the directory is empty")
        ->type_name("FILE.sql");
    serve->add_option("--config", arguments.config, "Settings; the options here win over it")
        ->type_name("braid.toml");
    serve
        ->add_option("--pg", arguments.pg,
                     "PostgreSQL address, port 0 takes a free one [127.0.0.1:5433]")
        ->type_name("HOST:PORT");
    serve->add_option("--http", arguments.http, "HTTP address, likewise [127.0.0.1:8080]")
        ->type_name("HOST:PORT");
    serve
        ->add_option("--files", arguments.files,
                     "A directory whose files tables may read; may be given again")
        ->type_name("DIR")
        ->allow_extra_args(false);
    serve->add_flag("--verbose", arguments.verbose, "Trace what happens, on standard error");

    CLI::App* check =
        app.add_subcommand("check", "Validate a file of SQL, or of settings, without running it");
    auto* file = check->add_option("file", arguments.file, "The file")->type_name("FILE.sql");
    auto* config = check
                       ->add_option("--config", arguments.config,
                                    "Settings to validate, with where they put the data")
                       ->type_name("braid.toml");
    check->callback([=] {
        if (file->count() + config->count() == 0) throw CLI::RequiredError("FILE.sql or --config");
    });

    CLI::App* sql =
        app.add_subcommand("sql", "Send statements to a running node and print the rows");
    sql->add_option("statement", arguments.statement, "The SQL")->required();
    sql->add_option("--http", arguments.http, "Where the node listens [127.0.0.1:8080]")
        ->type_name("HOST:PORT");
    sql->add_option("--format", arguments.format, "csv or json")
        ->check(CLI::IsMember({"csv", "json"}))
        ->capture_default_str();

    try {
        app.parse(count, values);
    } catch (const CLI::ParseError& error) {
        return {std::nullopt, app.exit(error) == 0 ? 0 : 2};
    }
    if (check->parsed()) arguments.command = Arguments::Command::kCheck;
    if (sql->parsed()) arguments.command = Arguments::Command::kSql;
    return {arguments, 0};
}

}  // namespace braid::app
