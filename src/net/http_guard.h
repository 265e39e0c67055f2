// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "net/http_parser.h"

namespace braid::net {

/// Who may call an HTTP server that has no login.
struct HttpAccess {
    /// Names under which it may be called, without port.
    std::vector<std::string> hosts = {"localhost", "127.0.0.1", "[::1]"};
    /// Origins whose pages may call it beside its own: "http://dash.example:3000".
    std::vector<std::string> origins;
};

/// Keeps pages of others out. A browser sends their requests from this very machine, so the address
/// of the client proves nothing; what the browser says about the page does:
/// - a foreign Host (a name that was made to lead here: DNS rebinding) is 421;
/// - an Origin that is not the server's own scheme, host and port, or in the list, is 403, also
///   "null", and each of several headers counts;
/// - a Sec-Fetch-Site other than same-origin and none is 403, unless the Origin is in the list:
///   another port of this machine is the same site.
/// Programs send none of these. Thread-safe.
class HttpGuard {
  public:
    /// `address` and `port` are what the server listens on.
    HttpGuard(HttpAccess access, std::string_view address, uint16_t port);

    /// A message that is empty when the request may be answered.
    HttpFault judge(const HttpRequest& request) const;
    /// The Origin of the request when it is another's, and in the list: its page may see the
    /// answer. Else nullptr.
    const std::string* foreign_origin(const HttpRequest& request) const;

  private:
    bool is_own_host(std::string_view host) const;
    bool is_own_origin(std::string_view origin) const;
    bool is_listed(std::string_view origin) const;

    HttpAccess access_;
    std::vector<std::string> own_origins_;
};

/// "http://host:port", as browsers write it.
bool is_origin(std::string_view text);

}  // namespace braid::net
