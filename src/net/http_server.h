// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/memory_share.h"
#include "base/result.h"
#include "net/http.h"
#include "net/http_guard.h"
#include "net/http_router.h"
#include "net/listener.h"

namespace braid::net {

struct HttpServerOptions {
    ListenerOptions listener = {.name = "http"};
    int64_t header_timeout_us =
        10'000'000;                         // from a request's first byte to the end of its headers
    int64_t body_timeout_us = 60'000'000;   // for the whole body
    int64_t idle_timeout_us = 60'000'000;   // between requests
    int64_t write_timeout_us = 30'000'000;  // without the client taking a byte
    HttpAccess access;
    /// Bodies of requests are held of it, 429 where there is no more; outlives the server. Null: of
    /// no account.
    MemoryShare* bodies = nullptr;
    /// Sent with every response.
    std::vector<HttpHeader> headers;
    /// Gives the body of a response that no handler made; by default plain text.
    std::function<HttpResponse(int status, const std::string& message)> fault_response;
};

/// HTTP/1.1 with keep-alive, pipelining, chunked bodies and Expect: 100-continue, one thread a
/// connection. Every limit has an answer: 408, 413, 429, 431, 503. OPTIONS tells the methods of
/// a path; pages of the allowed origins (CORS) may read the answers.
class HttpServer {
  public:
    /// Clock and router must outlive the server.
    static Result<std::unique_ptr<HttpServer>> start(HttpServerOptions options, const Clock& clock,
                                                     const HttpRouter& router);
    ~HttpServer();
    uint16_t port() const;
    size_t connection_count() const;
    void stop();

  private:
    HttpServer() = default;
    HttpServerOptions options_;
    std::unique_ptr<Listener> listener_;  // last: its threads use the options
};

}  // namespace braid::net
