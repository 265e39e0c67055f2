// SPDX-License-Identifier: Apache-2.0
#include "net/http_router.h"

#include <utility>

#include "base/check.h"

namespace braid::net {

namespace {

bool matches(const std::vector<std::string>& pattern, const std::vector<std::string>& path,
             std::vector<std::string>& captures) {
    if (pattern.size() != path.size()) return false;
    captures.clear();
    for (size_t i = 0; i < path.size(); ++i) {
        if (pattern[i] == "{}") {
            if (path[i].empty()) return false;
            captures.push_back(path[i]);
        } else if (pattern[i] != path[i]) {
            return false;
        }
    }
    return true;
}

}  // namespace

void HttpRouter::add(std::string method, std::string_view pattern, Handler handler,
                     size_t body_bytes_max) {
    HttpRequest parsed;
    CHECK(parse_target(pattern, parsed));
    routes_.push_back(
        {std::move(method), std::move(parsed.path), std::move(handler), body_bytes_max});
}

const HttpRouter::Route* HttpRouter::find(HttpRequest& request,
                                          std::vector<std::string>& allowed) const {
    for (const Route& route : routes_) {
        if (!matches(route.parts, request.path, request.captures)) continue;
        if (route.method == request.method || (route.method == "GET" && request.method == "HEAD")) {
            return &route;
        }
        allowed.push_back(route.method);
    }
    request.captures.clear();
    return nullptr;
}

}  // namespace braid::net
