// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "base/worker.h"
#include "net/hangup_watch.h"
#include "net/http_router.h"
#include "net/http_server.h"
#include "serving/session/services.h"
#include "serving/session/session.h"

namespace braid::serving {

inline constexpr size_t kRecordsBodyBytesMax = 16 << 20;

/// What Braid answers over HTTP. Handlers may be called from many threads at once; each request is
/// a session of its own.
///
///     POST /v1/tables/<t>/records   records, one a line
///     POST /v1/sql                  one statement, or several
///     GET  /v1/views/<v>            rows of a view by equality
///     GET  /metrics /healthz /readyz /
class HttpApi {
  public:
    /// All outlive it. `is_ready`: recovery and --init are done.
    HttpApi(const Services& services, Workers& workers, std::function<bool()> is_ready);

    void add_routes(net::HttpRouter& router);
    /// Sent with every response: the answers are data, no pages.
    static std::vector<net::HttpHeader> security_headers();

    net::HttpResponse post_records(const net::HttpRequest& request);
    net::HttpResponse post_sql(const net::HttpRequest& request);
    net::HttpResponse get_view(const net::HttpRequest& request);

  private:
    Result<net::HttpResponse> run_sql(const net::HttpRequest& request);
    Result<net::HttpResponse> read_view(const net::HttpRequest& request);
    /// Settings that a request may give beside its query.
    Result<void> apply_parameters(const net::HttpRequest& request, Session& session) const;

    const Services& services_;
    net::HangupWatch hangups_;
    const std::function<bool()> is_ready_;
    Metric& records_;
    Metric& record_bytes_;
    Metric& requests_;
    Metric& failures_;
};

/// Where the API listens and who may call it.
struct HttpApiOptions {
    net::ListenerOptions listener = {.name = "http"};
    net::HttpAccess access;
};

/// The API on a port.
class HttpApiServer {
  public:
    /// `add_more` may add routes of others (the dashboard); may be empty.
    static Result<std::unique_ptr<HttpApiServer>> start(
        HttpApiOptions where, const Services& services, Workers& workers,
        std::function<bool()> is_ready, const std::function<void(net::HttpRouter&)>& add_more = {});
    ~HttpApiServer();
    uint16_t port() const { return server_->port(); }
    void stop();

  private:
    HttpApiServer(const Services& services, Workers& workers, std::function<bool()> is_ready);
    HttpApi api_;
    net::HttpRouter router_;
    std::unique_ptr<net::HttpServer> server_;  // last: its threads use the others
};

}  // namespace braid::serving
