// SPDX-License-Identifier: Apache-2.0
#include "net/http_guard.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace braid::net {

namespace {

constexpr uint16_t kHttpPort = 80;

bool contains(const std::vector<std::string>& list, std::string_view text) {
    return std::ranges::any_of(
        list, [&](const std::string& each) { return equal_ignoring_case(each, text); });
}

/// "localhost:8080" -> "localhost", "[::1]:80" -> "[::1]"; all of it when what follows is no port.
std::string_view without_port(std::string_view host) {
    const size_t name_end = host.starts_with('[') ? host.find(']') : 0;
    const size_t colon = host.find(':', name_end);
    if (colon == std::string_view::npos) return host;
    const bool is_port = host.find_first_not_of("0123456789", colon + 1) == std::string_view::npos;
    return is_port ? host.substr(0, colon) : host;
}

/// As it stands in an address: IPv6 in brackets.
std::string host_of(std::string_view address) {
    const bool is_bare_ipv6 =
        address.find(':') != std::string_view::npos && !address.starts_with('[');
    return is_bare_ipv6 ? fmt::format("[{}]", address) : std::string(address);
}

}  // namespace

bool is_origin(std::string_view text) {
    const size_t scheme = text.find("://");
    if (scheme == std::string_view::npos || scheme == 0) return false;
    const std::string_view host = text.substr(scheme + 3);
    return !host.empty() && host.find_first_of("/?#@ ,") == std::string_view::npos;
}

HttpGuard::HttpGuard(HttpAccess access, std::string_view address, uint16_t port)
    : access_(std::move(access)) {
    const std::string own = host_of(address);
    // Another program may serve pages from the other loopback addresses, at this very port.
    std::vector<std::string> names = access_.hosts;
    std::erase_if(names, [&](const std::string& name) {
        return name != own && (name == "127.0.0.1" || name == "[::1]");
    });
    if (!contains(names, own)) names.push_back(own);
    if (!contains(access_.hosts, own)) access_.hosts.push_back(own);
    for (const std::string& name : names) {
        own_origins_.push_back(fmt::format("http://{}:{}", name, port));
        if (port == kHttpPort) own_origins_.push_back(fmt::format("http://{}", name));
    }
}

HttpFault HttpGuard::judge(const HttpRequest& request) const {
    const std::string* listed = foreign_origin(request);
    for (const auto& [name, value] : request.headers) {
        if (equal_ignoring_case(name, "Host") && !is_own_host(value)) {
            return {421, "this server does not answer under that Host"};
        }
        if (equal_ignoring_case(name, "Origin") && !is_own_origin(value) && !is_listed(value)) {
            return {403, "requests from pages of other origins are refused"};
        }
        if (equal_ignoring_case(name, "Sec-Fetch-Site") && listed == nullptr &&
            !equal_ignoring_case(value, "same-origin") && !equal_ignoring_case(value, "none")) {
            return {403, "requests from pages of other sites are refused"};
        }
    }
    return {200, {}};
}

const std::string* HttpGuard::foreign_origin(const HttpRequest& request) const {
    const std::string* origin = request.header("Origin");
    return origin != nullptr && is_listed(*origin) ? origin : nullptr;
}

bool HttpGuard::is_own_host(std::string_view host) const {
    return contains(access_.hosts, without_port(host));
}

bool HttpGuard::is_own_origin(std::string_view origin) const {
    return contains(own_origins_, origin);
}

bool HttpGuard::is_listed(std::string_view origin) const {
    return contains(access_.origins, origin);
}

}  // namespace braid::net
