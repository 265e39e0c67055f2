// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "net/http.h"

namespace braid::net {

inline constexpr size_t kHttpBodyBytesMax = 8 << 20;

/// Which handler answers which method and path. Filled before the server starts, then only read.
class HttpRouter {
  public:
    /// Called from many threads at once.
    using Handler = std::function<HttpResponse(const HttpRequest&)>;

    struct Route {
        std::string method;              // HEAD is answered by GET's
        std::vector<std::string> parts;  // "{}" matches any one part that is not empty
        Handler handler;
        size_t body_bytes_max = kHttpBodyBytesMax;
    };

    /// `pattern` such as "/v1/tables/{}/records".
    void add(std::string method, std::string_view pattern, Handler handler,
             size_t body_bytes_max = kHttpBodyBytesMax);

    /// The route, with the request's captures filled; nullptr if none fits, then `allowed` lists
    /// the methods of routes that fit but for it.
    const Route* find(HttpRequest& request, std::vector<std::string>& allowed) const;

  private:
    std::vector<Route> routes_;
};

}  // namespace braid::net
