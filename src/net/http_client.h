// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "net/http.h"
#include "net/stream.h"

namespace braid::net {

/// A keep-alive connection to an HTTP server, for the command line, tests and benchmarks. One
/// request at a time; connects again when the server has closed between requests.
class HttpClient {
  public:
    struct Request {
        std::string method = "GET";
        std::string target = "/";
        std::vector<HttpHeader> headers;  // beside Host and Content-Length
        std::string body;
    };

    HttpClient(std::string address, uint16_t port, int64_t timeout_us = 30'000'000);
    Result<HttpResponse> send(const Request& request);

  private:
    Result<HttpResponse> exchange(const Request& request);

    const std::string address_;
    const uint16_t port_;
    const int64_t timeout_us_;
    std::unique_ptr<Stream> stream_;
};

}  // namespace braid::net
