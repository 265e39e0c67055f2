// SPDX-License-Identifier: Apache-2.0
// `braid serve`: a node with its ports, until SIGTERM.
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <signal.h>

#include <fmt/format.h>

#include "app/cli/absolute_path.h"
#include "app/cli/commands.h"
#include "app/config.h"
#include "app/descriptors.h"
#include "app/node.h"
#include "app/private_directory.h"
#include "app/process_memory.h"
#include "app/quarantine.h"
#include "app/record_checks.h"
#include "base/error_makers.h"
#include "base/posix_file_system.h"
#include "base/trace.h"
#include "serving/http/http_api.h"
#include "serving/pgwire/pg_server.h"
#include "serving/session/session.h"
#include "sql/sql.h"

namespace braid::app {

namespace {

constexpr const char* kInitMarker = "INIT";
constexpr int kExitLost = 3;  // another process has taken the data directory over

/// Parts of a running server in the order of their making; they end in the other one.
struct Server {
    SystemClock clock;
    Metrics metrics;
    std::unique_ptr<Random> random = Random::from_system();
    ThreadWorkers workers{{.metrics = &metrics}};
    DescriptorWatch descriptors{metrics};
    std::unique_ptr<FileSystem> machine;
    std::unique_ptr<FileSystem> sources;
    std::unique_ptr<FileSystem> local;
    std::unique_ptr<FileSystem> store;
    std::unique_ptr<FileLock> store_lock;  // where it lies apart
    std::unique_ptr<Node> node;
    std::unique_ptr<Quarantine> quarantine;
    RecordChecks record_checks;
    serving::ReceiptLog receipts;
    std::unique_ptr<serving::RecordAppender> appender;
    serving::Services services;
    std::atomic<bool> is_ready = false;
    std::unique_ptr<serving::pgwire::PgServer> pg;
    std::unique_ptr<serving::HttpApiServer> http;
};

Result<Config> make_config(const Arguments& arguments) {
    Config config;
    config.node.function_data = built_in_function_data();
    if (!arguments.config.empty()) TRY(read_config(arguments.config, config));
    if (!arguments.data.empty()) config.data = arguments.data;
    if (!arguments.init.empty()) config.init = arguments.init;
    if (!arguments.pg.empty()) config.pg = arguments.pg;
    if (!arguments.http.empty()) config.http = arguments.http;
    FunctionDataFiles& files = config.node.function_data;
    for (std::string* path : {&files.user_agent_rules, &files.regions_ipv4, &files.regions_ipv6}) {
        *path = absolute_path(*path);
    }
    std::vector<std::string>& allowed = config.node.allowed_files;
    allowed.insert(allowed.end(), arguments.files.begin(), arguments.files.end());
    for (std::string& directory : allowed) directory = absolute_path(directory);
    for (const std::string& origin : config.http_origins) {
        if (net::is_origin(origin)) continue;
        return Error(invalid_input("http_origins: \"{}\" is not the origin of a page", origin))
            .with_hint("Write scheme, host and port, such as \"http://localhost:3000\".");
    }
    TRY(settle_roots(config));
    return config;
}

net::HttpAccess access_of(const Config& config) {
    net::HttpAccess access{.hosts = {"localhost", "127.0.0.1", "[::1]"},
                           .origins = config.http_origins};
    access.hosts.insert(access.hosts.end(), config.http_hosts.begin(), config.http_hosts.end());
    return access;
}

net::ListenerOptions listener_of(std::string name, const Address& address, const Config& config) {
    return {.name = std::move(name),
            .address = address.host,
            .port = address.port,
            .connections_max = config.connections_max,
            .address_connections_max = config.address_connections_max};
}

Result<void> run_statements(Server& server, const std::string& text) {
    serving::Session session(server.services, serving::Session::Identity{});
    for (const sql::Statement& statement : TRY(sql::parse(text))) {
        auto prepared = TRY(session.prepare(statement, {}).context(statement.text));
        auto cursor = TRY(session.execute(*prepared, {}).context(statement.text));
        Batch batch;
        while (TRY(cursor->next(batch))) {
        }
        TRY(session.finish_implicit());
    }
    return {};
}

/// Runs the file once, on a directory that has never been used. A marker tells a start that did not
/// come to its end: what it left is neither empty nor whole.
Result<void> initialise(Server& server, const std::string& path, bool is_new) {
    if (TRY(server.local->exists(kInitMarker))) {
        return Error(unavailable("an earlier --init of this data directory failed"))
            .with_hint("Empty the directory and start again.");
    }
    if (!is_new || path.empty()) return {};
    const std::string text =
        TRY(server.machine->read_all(absolute_path(path)).context("reading --init"));
    auto marker = TRY(server.local->create(kInitMarker));
    TRY(marker->sync());
    TRY(server.local->sync_directory(""));
    server.node->declare_allowed_files(true);
    TRY(run_statements(server, text).context("running --init " + path));
    server.node->declare_allowed_files(false);
    TRY(server.local->remove(kInitMarker));
    return server.local->sync_directory("");
}

/// As kill -9: what another process reads and writes by now must not be touched, nobody may get an
/// answer any more.
void end_without_farewell(const Error& why) {
    fmt::print(stderr, "braid: {}\n", why.to_string());
    std::fflush(stderr);
    std::_Exit(kExitLost);
}

Result<std::unique_ptr<FileSystem>> open_root(Server& server, const std::string& directory) {
    TRY(server.machine->create_directories(directory));
    TRY(make_private(directory));
    return open_posix_file_system(directory);
}

/// The local directory is locked by the node; a store that lies apart is locked here, since the
/// logs of its tables can only be in one place.
Result<void> open_roots(Server& server, const Config& config) {
    server.local = TRY(open_root(server, config.local));
    server.store = TRY(open_root(server, config.store));
    const FileInfo local = TRY(server.local->info(""));
    const FileInfo store = TRY(server.store->info(""));
    if (local.inode == store.inode && local.device == store.device) return {};
    server.store_lock =
        TRY(server.store->lock(DirectoryOwner::kLockName).context("locking the store"));
    return {};
}

Result<void> start(Server& server, const Config& config) {
    const uint64_t files_max = TRY(raise_descriptor_limit());
    server.metrics.on_read([&server] { server.descriptors.look(); });
    server.machine = TRY(open_posix_file_system("/"));
    server.sources = TRY(open_posix_file_system("/", Links::kRefused));
    TRY(open_roots(server, config));
    const bool is_new = !TRY(server.store->exists("manifest"));
    server.node =
        TRY(Node::open({server.local.get(), server.store.get(), server.sources.get(), &server.clock,
                        &server.workers, server.random.get(), &server.metrics, resolve_links,
                        end_without_farewell, give_memory_back},
                       config.node));
    server.quarantine = std::make_unique<Quarantine>(*server.node);
    server.appender = std::make_unique<serving::RecordAppender>(*server.node);
    serving::Services& services = server.services;
    services.control = server.node.get();
    services.reader = &server.node->reader();
    services.clock = &server.clock;
    services.random = server.random.get();
    services.metrics = &server.metrics;
    services.view_plans = &server.node->views();
    services.quarantine = server.quarantine.get();
    services.receipts = &server.receipts;
    services.appender = server.appender.get();
    services.health = &server.node->health();
    services.record_checker = &server.record_checks;
    services.clients = &server.node->clients();
    services.version = BRAID_VERSION;
    services.started_at_us = server.clock.wall_us();
    TRY(initialise(server, config.init, is_new));
    const Address pg = TRY(parse_address(config.pg));
    const Address http = TRY(parse_address(config.http));
    server.pg = TRY(
        serving::pgwire::PgServer::start(listener_of("pg", pg, config), services, server.workers));
    server.http = TRY(serving::HttpApiServer::start(
        {.listener = listener_of("http", http, config), .access = access_of(config)}, services,
        server.workers, [&server] { return server.is_ready.load(); }));
    server.is_ready = true;
    fmt::print("braid ready pg={}:{} http={}:{} files={}\n", pg.host, server.pg->port(), http.host,
               server.http->port(), files_max);
    std::fflush(stdout);
    return {};
}

/// What can change while the node runs; a mistake in the file changes nothing.
void reload(Server& server, const Arguments& arguments) {
    auto config = make_config(arguments);
    if (config) {
        server.node->allow_files(std::move(config->node.allowed_files));
        write_trace(TraceLevel::kInfo, "serve", "the configuration was read again");
    } else {
        write_trace(TraceLevel::kWarning, "serve", config.error().to_string());
    }
}

Result<void> stop(Server& server) {
    server.is_ready = false;
    if (server.http) server.http->stop();
    if (server.pg) server.pg->stop();
    return server.node ? server.node->close() : Result<void>();
}

}  // namespace

int run_serve(const Arguments& arguments) {
    set_trace_level(arguments.verbose ? TraceLevel::kDebug : TraceLevel::kWarning);
    // Blocked before any thread starts, so that only this one sees them.
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    (void)signal(SIGPIPE, SIG_IGN);
    const auto config = make_config(arguments);
    if (!config) return fail(config.error());
    Server server;
    const auto started = start(server, *config);
    if (!started) {
        const auto stopped = stop(server);
        if (!stopped) write_trace(TraceLevel::kWarning, "serve", stopped.error().to_string());
        return fail(started.error());
    }
    int signal_number = SIGHUP;
    while (sigwait(&signals, &signal_number) == 0 && signal_number == SIGHUP) {
        reload(server, arguments);
    }
    const auto stopped = stop(server);
    return stopped ? 0 : fail(stopped.error());
}

}  // namespace braid::app
