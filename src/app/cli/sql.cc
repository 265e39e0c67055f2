// SPDX-License-Identifier: Apache-2.0
// `braid sql`: one request to a running node.
#include <cstdio>

#include <fmt/format.h>

#include "app/cli/commands.h"
#include "app/config.h"
#include "net/http_client.h"

namespace braid::app {

int run_sql(const Arguments& arguments) {
    const auto address = parse_address(arguments.http.empty() ? "127.0.0.1:8080" : arguments.http);
    if (!address) {
        fmt::print(stderr, "braid: {}\n", address.error().message());
        return 2;
    }
    net::HttpClient client(address->host, address->port);
    net::HttpClient::Request request;
    request.method = "POST";
    request.target = "/v1/sql";
    request.headers = {{"Content-Type", "text/plain; charset=utf-8"},
                       {"Accept", arguments.format == "json" ? "application/json" : "text/csv"}};
    request.body = arguments.statement;
    const auto answer = client.send(request);
    if (!answer) {
        fmt::print(stderr,
                   "braid: {}\nIs a node running there? Start one with: braid serve --data DIR\n",
                   answer.error().message());
        return 1;
    }
    const bool ok = answer->status == 200;
    fmt::print(ok ? stdout : stderr, "{}{}", answer->body,
               answer->body.empty() || answer->body.ends_with('\n') ? "" : "\n");
    return ok ? 0 : 1;
}

}  // namespace braid::app
