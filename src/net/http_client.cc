// SPDX-License-Identifier: Apache-2.0
#include "net/http_client.h"

#include <span>
#include <utility>

#include <fmt/format.h>

#include "base/error_makers.h"
#include "net/http_parser.h"

namespace braid::net {

namespace {

constexpr size_t kReadBytes = 64 * 1024;

}  // namespace

HttpClient::HttpClient(std::string address, uint16_t port, int64_t timeout_us)
    : address_(std::move(address)), port_(port), timeout_us_(timeout_us) {}

Result<HttpResponse> HttpClient::send(const Request& request) {
    if (stream_ && stream_->peer_is_gone()) stream_.reset();
    if (!stream_) stream_ = TRY(Stream::connect(address_, port_, timeout_us_));
    auto response = exchange(request);
    if (!response) stream_.reset();
    return response;
}

Result<HttpResponse> HttpClient::exchange(const Request& request) {
    std::string out =
        fmt::format("{} {} HTTP/1.1\r\nHost: {}:{}\r\nContent-Length: {}\r\n", request.method,
                    request.target, address_, port_, request.body.size());
    for (const HttpHeader& each : request.headers) {
        out += fmt::format("{}: {}\r\n", each.name, each.value);
    }
    out += "\r\n";
    if (request.body.size() <= kReadBytes) {
        out += request.body;
        TRY(stream_->write_all(out, timeout_us_));
    } else {
        TRY(stream_->write_all(out, timeout_us_));
        TRY(stream_->write_all(request.body, timeout_us_));
    }
    HttpResponseParser parser(request.method == "HEAD");
    std::string buffer;
    while (true) {
        const size_t kept = buffer.size();
        buffer.resize(kept + kReadBytes);
        const size_t size = TRY(stream_->read_some(std::span(buffer).subspan(kept), timeout_us_));
        buffer.resize(kept + size);
        size_t taken = 0;
        const HttpParse parse = size == 0 ? parser.put_end() : parser.put(buffer, taken);
        buffer.erase(0, taken);
        if (parse == HttpParse::kDone) break;
        if (parse == HttpParse::kFault || size == 0) return io_error("malformed response");
    }
    if (!parser.keep_alive()) stream_.reset();
    return std::move(parser.response());
}

}  // namespace braid::net
