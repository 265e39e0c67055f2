// SPDX-License-Identifier: Apache-2.0
#include <charconv>

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

/// "3/8": the third of eight.
bool read_share(const std::string& text, Share& share) {
    const char* const end = text.data() + text.size();
    const auto number = std::from_chars(text.data(), end, share.number);
    if (number.ec != std::errc() || number.ptr == end || *number.ptr != '/') return false;
    const auto count = std::from_chars(number.ptr + 1, end, share.count);
    constexpr size_t kSharesMax = 100'000;
    return count.ec == std::errc() && count.ptr == end && share.number >= 1 &&
           share.number <= share.count && share.count <= kSharesMax;
}

/// What both commands on files of runs have; `share` says what is shared out.
CLI::App* add_run_command(CLI::App& app, Arguments& arguments, const std::string& name,
                          const std::string& about, const std::string& share) {
    CLI::App* command = app.add_subcommand(name, about);
    command->add_option("view", arguments.view, "The materialized view")->required();
    command->add_option("--data", arguments.data, "The data directory, which is only read")
        ->type_name("DIR");
    command->add_option("--config", arguments.config, "Settings that say where the store is")
        ->type_name("braid.toml");
    command
        ->add_option("--out", arguments.output,
                     "Where the run is put, with FILE.json beside it; neither may be there")
        ->type_name("FILE")
        ->required();
    command
        ->add_option_function<std::string>(
            share,
            [&arguments, share](const std::string& text) {
                if (!read_share(text, arguments.share)) throw CLI::ValidationError(share, text);
            },
            "The I-th of N, from 1 [1/1]")
        ->type_name("I/N");
    return command;
}

CLI::App* add_fold(CLI::App& app, Arguments& arguments) {
    CLI::App* fold = add_run_command(app, arguments, "fold",
                                     "Compute a view's run from a split of the dataset", "--split");
    fold->add_option("--from", arguments.from, "First offsets [the beginning]")
        ->type_name("0:17,1:4");
    fold->add_option("--to", arguments.to, "Offsets behind the last [what is archived]")
        ->type_name("0:17,1:4");
    fold->add_option("--threads", arguments.threads, "Threads that fold")
        ->check(CLI::Range(1, 256))
        ->capture_default_str();
    fold->add_option("--memory-mib", arguments.memory_mib, "States beyond which they spill to disk")
        ->check(CLI::Range(1, 1 << 20))
        ->capture_default_str();
    return fold;
}

CLI::App* add_merge(CLI::App& app, Arguments& arguments) {
    CLI::App* merge = add_run_command(app, arguments, "merge",
                                      "Merge runs that braid fold or braid merge made", "--range");
    merge->add_option("runs", arguments.runs, "Their files")->type_name("FILE")->required();
    return merge;
}

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

    const CLI::App* fold = add_fold(app, arguments);
    const CLI::App* merge = add_merge(app, arguments);

    try {
        app.parse(count, values);
    } catch (const CLI::ParseError& error) {
        return {std::nullopt, app.exit(error) == 0 ? 0 : 2};
    }
    if (check->parsed()) arguments.command = Arguments::Command::kCheck;
    if (sql->parsed()) arguments.command = Arguments::Command::kSql;
    if (fold->parsed()) arguments.command = Arguments::Command::kFold;
    if (merge->parsed()) arguments.command = Arguments::Command::kMerge;
    return {arguments, 0};
}

}  // namespace braid::app
