// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "net/stream.h"

namespace braid::net {

struct HttpHeader {
    std::string name;
    std::string value;
};

/// Case-blind, the first of that name; nullptr if there is none.
const std::string* find_header(const std::vector<HttpHeader>& headers, std::string_view name);

bool equal_ignoring_case(std::string_view left, std::string_view right);

struct HttpRequest {
    std::string method;
    std::string target;  // as sent
    /// The parts of the path between the slashes, decoded one by one ("/v1/a%2Fb" -> "v1", "a/b").
    std::vector<std::string> path;
    std::vector<std::pair<std::string, std::string>> query;  // decoded, in order
    std::vector<HttpHeader> headers;
    std::string body;
    /// What the route's `{…}` parts matched, in order.
    std::vector<std::string> captures;
    /// Of the client, for noticing that it leaves; null in tests of handlers.
    const Stream* connection = nullptr;

    const std::string* header(std::string_view name) const { return find_header(headers, name); }
    /// The first query parameter of that name; nullptr if there is none.
    const std::string* parameter(std::string_view name) const;
};

/// The rest of a body that is not held whole: it is made while the client takes it.
class HttpBodySource {
  public:
    virtual ~HttpBodySource() = default;
    /// Appends a piece of some size; false at the end, when nothing was appended. After an error
    /// the connection is broken off: the client has no whole answer, and sees it.
    virtual Result<bool> next(std::string& out) = 0;
    /// Sent behind the body, once that has ended; clients that were not told of them do without.
    virtual std::vector<HttpHeader> trailers() { return {}; }
    /// Their names, for who wants to know before.
    virtual std::string trailer_names() const { return {}; }
};

struct HttpResponse {
    int status = 200;
    std::string content_type = "text/plain; charset=utf-8";
    std::vector<HttpHeader> headers;
    std::string body;
    std::unique_ptr<HttpBodySource> rest = nullptr;  // null: `body` is all
};

/// Splits and decodes a request target in origin form; false if it is not one or is badly encoded.
bool parse_target(std::string_view target, HttpRequest& request);

/// "%2F" -> "/"; `plus_is_space` as in query strings. False for a broken escape or a NUL.
bool percent_decode(std::string_view text, bool plus_is_space, std::string& out);

/// "a/b c" -> "a%2Fb%20c": as a part of a path or of a query.
std::string percent_encode(std::string_view text);

/// "Not Found"
std::string_view reason_phrase(int status);

}  // namespace braid::net
