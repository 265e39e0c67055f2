// SPDX-License-Identifier: Apache-2.0
#include "net/http_parser.h"

#include <algorithm>
#include <limits>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <fmt/format.h>

namespace braid::net {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;

namespace {

constexpr size_t kResponseBytesMax = size_t{1} << 30;

std::string to_string(boost::beast::string_view text) { return {text.data(), text.size()}; }

template <typename Fields>
std::vector<HttpHeader> headers_of(const Fields& fields) {
    std::vector<HttpHeader> headers;
    for (const auto& field : fields) {
        headers.push_back({to_string(field.name_string()), to_string(field.value())});
    }
    return headers;
}

HttpFault fault_of(const error_code& code) {
    if (code == http::error::header_limit) return {431, "request headers are too large"};
    if (code == http::error::body_limit) return {413, "request body is too large"};
    if (code == http::error::bad_version) return {505, "only HTTP/1.0 and HTTP/1.1 are spoken"};
    return {400, fmt::format("malformed request: {}", code.message())};
}

size_t count_of(const std::vector<HttpHeader>& headers, std::string_view name) {
    return static_cast<size_t>(std::ranges::count_if(
        headers, [&](const HttpHeader& each) { return equal_ignoring_case(each.name, name); }));
}

/// What the library lets pass but nobody should.
HttpFault check_framing(const HttpRequest& request, unsigned version) {
    const auto& headers = request.headers;
    if (version != 10 && version != 11) return {505, "only HTTP/1.0 and HTTP/1.1 are spoken"};
    if (headers.size() > kHttpHeadersMax) return {431, "too many request headers"};
    if (count_of(headers, "Content-Length") > 1) return {400, "more than one Content-Length"};
    if (const std::string* length = request.header("Content-Length");
        length != nullptr && length->find_first_not_of("0123456789") != std::string::npos) {
        return {400, "malformed Content-Length"};
    }
    const size_t hosts = count_of(headers, "Host");
    if (hosts > 1 || (hosts == 0 && version == 11)) return {400, "exactly one Host is needed"};
    if (const std::string* coding = request.header("Transfer-Encoding")) {
        if (version == 10) return {400, "Transfer-Encoding is not known in HTTP/1.0"};
        if (count_of(headers, "Transfer-Encoding") > 1 ||
            !equal_ignoring_case(*coding, "chunked")) {
            return {501, "the only Transfer-Encoding is chunked"};
        }
        if (request.header("Content-Length") != nullptr) {
            return {400, "Content-Length beside Transfer-Encoding"};
        }
    }
    for (const HttpHeader& each : headers) {
        if (!equal_ignoring_case(each.name, "Content-Encoding")) continue;
        if (!equal_ignoring_case(each.value, "identity")) {
            return {415, "bodies must not be compressed"};
        }
    }
    if (const std::string* expected = request.header("Expect");
        expected != nullptr && !equal_ignoring_case(*expected, "100-continue")) {
        return {417, "the only expectation is 100-continue"};
    }
    return {200, {}};
}

}  // namespace

struct HttpRequestParser::Body {
    http::request_parser<http::string_body> parser;
    HttpRequest request;
    HttpFault fault;
    bool header_done = false;
    bool expects_continue = false;

    HttpParse refuse(HttpFault why) {
        fault = std::move(why);
        return HttpParse::kFault;
    }
    HttpParse finish_header();
};

HttpRequestParser::HttpRequestParser() : body_(std::make_unique<Body>()) {
    body_->parser.header_limit(kHttpHeaderBytesMax);
    // The route decides in allow_body(); until then no byte of the body is parsed.
    body_->parser.body_limit(std::numeric_limits<uint64_t>::max());
    body_->parser.eager(false);
}

HttpRequestParser::~HttpRequestParser() = default;

HttpParse HttpRequestParser::put(std::string_view bytes, size_t& taken) {
    taken = 0;
    Body& body = *body_;
    error_code code;
    while (taken < bytes.size() && !body.parser.is_done()) {
        const std::string_view rest = bytes.substr(taken);
        taken += body.parser.put(asio::buffer(rest.data(), rest.size()), code);
        if (code == http::error::need_more) {
            // What is left is part of a line: of a header, or of a chunk's head or trailer.
            if (bytes.size() - taken <= kHttpHeaderBytesMax) return HttpParse::kNeedsMore;
            return body.refuse(body.header_done ? HttpFault{400, "a chunk's head is too long"}
                                                : HttpFault{431, "request headers are too large"});
        }
        if (code) return body.refuse(fault_of(code));
        if (!body.header_done && body.parser.is_header_done()) return body.finish_header();
    }
    if (!body.parser.is_done()) return HttpParse::kNeedsMore;
    body.request.body = std::move(body.parser.get().body());
    return HttpParse::kDone;
}

HttpParse HttpRequestParser::Body::finish_header() {
    header_done = true;
    const auto& message = parser.get();
    request.headers = headers_of(message);
    request.method = to_string(message.method_string());
    HttpFault why = check_framing(request, message.version());
    if (!why.message.empty()) return refuse(std::move(why));
    if (!parse_target(std::string_view(message.target().data(), message.target().size()),
                      request)) {
        return refuse({400, "malformed request target"});
    }
    expects_continue = request.header("Expect") != nullptr && message.version() == 11;
    return HttpParse::kHeaderDone;
}

HttpParse HttpRequestParser::allow_body(size_t bytes_max) {
    Body& body = *body_;
    const auto length = body.parser.content_length();
    if (length && *length > bytes_max) {
        return body.refuse({413, fmt::format("request body is larger than {} bytes", bytes_max)});
    }
    body.parser.body_limit(bytes_max);
    body.parser.eager(true);
    return body.parser.is_done() ? HttpParse::kDone : HttpParse::kNeedsMore;
}

std::optional<size_t> HttpRequestParser::plain_body_bytes() const {
    const auto length = body_->parser.content_length();
    if (!length) return std::nullopt;
    return *length;
}

HttpRequest& HttpRequestParser::request() { return body_->request; }
bool HttpRequestParser::keep_alive() const { return body_->parser.keep_alive(); }
bool HttpRequestParser::is_version_1_1() const { return body_->parser.get().version() >= 11; }
size_t HttpRequestParser::chunked_bytes() const { return body_->parser.get().body().size(); }
void HttpRequestParser::drop_body() {
    body_->parser.get().body() = {};
    body_->request.body = {};
}
bool HttpRequestParser::expects_continue() const { return body_->expects_continue; }
const HttpFault& HttpRequestParser::fault() const { return body_->fault; }

struct HttpResponseParser::Body {
    http::response_parser<http::string_body> parser;
    HttpResponse response;

    HttpParse progress(const error_code& code) {
        if (code == http::error::need_more) return HttpParse::kNeedsMore;
        if (code) return HttpParse::kFault;
        if (!parser.is_done()) return HttpParse::kNeedsMore;
        auto& message = parser.get();
        response.status = static_cast<int>(message.result_int());
        response.headers = headers_of(message);
        if (const std::string* type = find_header(response.headers, "Content-Type")) {
            response.content_type = *type;
        }
        response.body = std::move(message.body());
        return HttpParse::kDone;
    }
};

HttpResponseParser::HttpResponseParser(bool has_no_body) : body_(std::make_unique<Body>()) {
    body_->parser.body_limit(kResponseBytesMax);
    body_->parser.eager(true);
    body_->parser.skip(has_no_body);
}

HttpResponseParser::~HttpResponseParser() = default;

HttpParse HttpResponseParser::put(std::string_view bytes, size_t& taken) {
    error_code code;
    taken = body_->parser.put(asio::buffer(bytes.data(), bytes.size()), code);
    return body_->progress(code);
}

HttpParse HttpResponseParser::put_end() {
    error_code code;
    body_->parser.put_eof(code);
    return body_->progress(code);
}

HttpResponse& HttpResponseParser::response() { return body_->response; }
bool HttpResponseParser::keep_alive() const { return body_->parser.keep_alive(); }

}  // namespace braid::net
