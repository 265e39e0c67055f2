// SPDX-License-Identifier: Apache-2.0
#include "net/http_server.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "net/http_parser.h"

namespace braid::net {

namespace {

constexpr size_t kReadBytes = 64 * 1024;
constexpr size_t kBodyStepBytes = 512 * 1024;  // a body's memory is at most so far ahead of it
constexpr size_t kKeptBodyBytes = 1 << 20;
constexpr size_t kUsualHeaderBytes = 512;  // of an answer

/// "Sun, 06 Nov 1994 08:49:37 GMT"
std::string http_date(int64_t wall_us) {
    using std::chrono::days;
    using std::chrono::floor;
    const auto instant =
        std::chrono::sys_time<std::chrono::microseconds>(std::chrono::microseconds(wall_us));
    const auto day = floor<days>(instant);
    const std::chrono::year_month_day date(day);
    const std::chrono::hh_mm_ss time(floor<std::chrono::seconds>(instant - day));
    static constexpr std::string_view kDays = "SunMonTueWedThuFriSat";
    static constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
    return fmt::format("{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT",
                       kDays.substr(std::chrono::weekday(day).c_encoding() * 3, 3),
                       static_cast<unsigned>(date.day()),
                       kMonths.substr((static_cast<unsigned>(date.month()) - 1) * 3, 3),
                       static_cast<int>(date.year()), time.hours().count(), time.minutes().count(),
                       time.seconds().count());
}

/// Appends, since an answer to one record is mostly headers, and a format costs ten times as much.
void add_header(std::string_view name, std::string_view value, std::string& out) {
    out.append(name).append(": ").append(value).append("\r\n");
}

/// "GET" answers HEAD too, and every path OPTIONS.
std::string allow_list(const std::vector<std::string>& methods) {
    std::string list;
    for (const std::string& method : methods) {
        list += method + ", ";
        if (method == "GET") list += "HEAD, ";
    }
    return list + "OPTIONS";
}

class Connection {
  public:
    Connection(Stream& stream, const HttpServerOptions& options, const Clock& clock,
               const HttpRouter& router)
        : stream_(stream),
          options_(options),
          guard_(options.access, options.listener.address, stream.local_port()),
          clock_(clock),
          router_(router),
          held_(options.bodies) {}

    void run() {
        while (serve_one()) {
        }
    }
    void refuse() { send_fault(503, "too many connections"); }

  private:
    /// False when the connection must end.
    bool serve_one();
    bool read_header(HttpRequestParser& parser);
    bool read_body(HttpRequestParser& parser, const HttpRouter::Route& route);
    /// A body of known length, past the parser and without a copy. False as fill().
    bool read_plain_body(std::string& body, size_t length, int64_t deadline_us);
    /// Makes room in a body of known length, at most as much again as has arrived; false as hold().
    bool grow(std::string& body, size_t length);
    /// Whether there is memory for a body of so many bytes.
    bool hold(size_t bytes);
    bool answer(HttpRequestParser& parser, const HttpRouter::Route& route);
    const HttpRouter::Route* choose_route(HttpRequest& request);
    /// What a browser may do with the answer: for pages of allowed origins.
    std::vector<HttpHeader> sharing_headers(const HttpRequest& request) const;
    /// Reads on; `deadline_us` on the monotonic clock. False on timeout, end or failure.
    bool fill(int64_t deadline_us);
    /// Appends up to `bytes_max` bytes as they come.
    bool read_some(std::string& into, size_t bytes_max, int64_t deadline_us);
    HttpParse feed(HttpRequestParser& parser);
    /// Sends, and ends the connection.
    void send_fault(int status, const std::string& message, std::vector<HttpHeader> headers = {});
    /// False if the client could not be reached.
    bool send(const HttpResponse& response, bool keep_alive);
    /// A body that is made while it is sent: in chunks, or up to the end of the connection where
    /// the client knows none.
    bool send_rest(const HttpResponse& response);
    HttpResponse fault_response(int status, const std::string& message) const;

    Stream& stream_;
    const HttpServerOptions& options_;
    const HttpGuard guard_;
    const Clock& clock_;
    const HttpRouter& router_;
    std::string buffer_;  // what has arrived; its first `used_` bytes are parsed
    size_t used_ = 0;
    bool timed_out_ = false;
    bool is_head_ = false;                     // of the request that is being answered
    std::vector<HttpHeader> request_headers_;  // sent with its answer
    bool knows_chunks_ = true;                 // who sent it
    std::string spare_;                        // memory of the last body
    MemoryClaim held_;                         // for the body, or that memory
    bool was_refused_ = false;                 // by hold()
};

bool Connection::serve_one() {
    HttpRequestParser parser;
    is_head_ = false;
    request_headers_.clear();
    if (!read_header(parser)) return false;
    is_head_ = parser.request().method == "HEAD";
    knows_chunks_ = parser.is_version_1_1();
    if (const HttpFault fault = guard_.judge(parser.request()); !fault.message.empty()) {
        send_fault(fault.status, fault.message);
        return false;
    }
    request_headers_ = sharing_headers(parser.request());
    const HttpRouter::Route* route = choose_route(parser.request());
    if (route == nullptr) return false;
    parser.request().connection = &stream_;
    return read_body(parser, *route) && answer(parser, *route);
}

bool Connection::read_header(HttpRequestParser& parser) {
    if (used_ == buffer_.size()) {
        stream_.begin_rest(clock_.monotonic_us());
        const bool has_begun = fill(clock_.monotonic_us() + options_.idle_timeout_us);
        if (!stream_.end_rest() || !has_begun) return false;
    }
    const int64_t deadline_us = clock_.monotonic_us() + options_.header_timeout_us;
    while (true) {
        const HttpParse parse = feed(parser);
        if (parse == HttpParse::kHeaderDone) return true;
        if (parse == HttpParse::kFault) {
            send_fault(parser.fault().status, parser.fault().message);
            return false;
        }
        if (!fill(deadline_us)) {
            if (timed_out_) send_fault(408, "the request headers took too long");
            return false;
        }
    }
}

bool Connection::read_body(HttpRequestParser& parser, const HttpRouter::Route& route) {
    HttpParse parse = parser.allow_body(route.body_bytes_max);
    if (parse == HttpParse::kNeedsMore) {
        if (parser.expects_continue() && used_ == buffer_.size() &&
            !stream_.write_all("HTTP/1.1 100 Continue\r\n\r\n", options_.write_timeout_us)) {
            return false;
        }
        const int64_t deadline_us = clock_.monotonic_us() + options_.body_timeout_us;
        const std::optional<size_t> length = parser.plain_body_bytes();
        bool is_whole = true;
        if (length) {
            is_whole = read_plain_body(parser.request().body, *length, deadline_us);
            parse = HttpParse::kDone;
        } else {
            while (is_whole && (parse = feed(parser)) == HttpParse::kNeedsMore) {
                is_whole = hold(parser.chunked_bytes() + kReadBytes) && fill(deadline_us);
            }
        }
        if (!is_whole) {
            if (was_refused_) {
                // Before it is told: who then sends on holds nothing.
                parser.drop_body();
                (void)held_.hold(0);
                send_fault(429, "there is no memory for the request now", {{"Retry-After", "1"}});
            } else if (timed_out_) {
                send_fault(408, "the request body took too long");
            }
            return false;
        }
    }
    if (parse == HttpParse::kDone) return true;
    send_fault(parser.fault().status, parser.fault().message);
    return false;
}

bool Connection::read_plain_body(std::string& body, size_t length, int64_t deadline_us) {
    body = std::exchange(spare_, {});
    const size_t arrived = std::min(length, buffer_.size() - used_);
    body.assign(buffer_, used_, arrived);
    used_ += arrived;
    while (body.size() < length) {
        if (body.size() == body.capacity() && !grow(body, length)) return false;
        const size_t room = std::min(length, body.capacity()) - body.size();
        if (!read_some(body, room, deadline_us)) return false;
    }
    return true;
}

bool Connection::answer(HttpRequestParser& parser, const HttpRouter::Route& route) {
    HttpRequest& request = parser.request();
    const HttpResponse response = route.handler(request);
    const size_t size = request.body.capacity();
    if (size > kReadBytes && size <= kKeptBodyBytes) spare_ = std::move(request.body);
    request.body = {};  // who takes the answer slowly holds no more than it must
    (void)held_.hold(spare_.empty() ? 0 : spare_.capacity());
    const bool keep_alive = parser.keep_alive() && (response.rest == nullptr || knows_chunks_);
    return send(response, keep_alive) && keep_alive;
}

bool Connection::grow(std::string& body, size_t length) {
    const size_t size = std::min(length, body.size() + std::max(body.size(), kBodyStepBytes));
    if (!hold(size)) return false;
    std::string larger;  // one that grows by itself takes twice as much as it must
    larger.reserve(size);
    larger = body;
    body.swap(larger);
    return true;
}

bool Connection::hold(size_t bytes) {
    if (held_.hold(bytes)) return true;
    was_refused_ = true;
    return false;
}

const HttpRouter::Route* Connection::choose_route(HttpRequest& request) {
    std::vector<std::string> allowed;
    const HttpRouter::Route* route = router_.find(request, allowed);
    if (route != nullptr) return route;
    if (allowed.empty()) {
        send_fault(404, "there is nothing at this path");
        return nullptr;
    }
    std::vector<HttpHeader> headers = {{"Allow", allow_list(allowed)}};
    if (request.method != "OPTIONS") {
        send_fault(405, fmt::format("{} is not answered at this path", request.method), headers);
        return nullptr;
    }
    if (guard_.foreign_origin(request) != nullptr) {
        headers.push_back({"Access-Control-Allow-Methods", headers.front().value});
        headers.push_back(
            {"Access-Control-Allow-Headers", "Content-Type, Accept, Idempotency-Key"});
        headers.push_back({"Access-Control-Max-Age", "600"});
    }
    if (send({.status = 204, .headers = std::move(headers), .body = {}}, false)) stream_.finish();
    return nullptr;
}

std::vector<HttpHeader> Connection::sharing_headers(const HttpRequest& request) const {
    const std::string* origin = guard_.foreign_origin(request);
    if (origin == nullptr) return {};
    return {{"Access-Control-Allow-Origin", *origin},
            {"Access-Control-Expose-Headers", "Braid-Receipt, Retry-After, Allow"},
            {"Vary", "Origin"}};
}

HttpParse Connection::feed(HttpRequestParser& parser) {
    size_t taken = 0;
    const HttpParse parse = parser.put(std::string_view(buffer_).substr(used_), taken);
    used_ += taken;
    return parse;
}

bool Connection::fill(int64_t deadline_us) {
    buffer_.erase(0, used_);
    used_ = 0;
    return read_some(buffer_, kReadBytes, deadline_us);
}

bool Connection::read_some(std::string& into, size_t bytes_max, int64_t deadline_us) {
    const int64_t left_us = deadline_us - clock_.monotonic_us();
    timed_out_ = left_us <= 0;
    if (timed_out_) return false;
    const size_t kept = into.size();
    into.resize_and_overwrite(kept + bytes_max, [&](char* at, size_t) {
        const auto size = stream_.read_some({at + kept, bytes_max}, left_us);
        timed_out_ = !size && size.error().code() == ErrorCode::kTimeout;
        return kept + (size ? *size : 0);
    });
    return into.size() > kept;
}

HttpResponse Connection::fault_response(int status, const std::string& message) const {
    if (options_.fault_response) return options_.fault_response(status, message);
    return {.status = status, .headers = {}, .body = message + "\n"};
}

void Connection::send_fault(int status, const std::string& message,
                            std::vector<HttpHeader> headers) {
    HttpResponse response = fault_response(status, message);
    for (HttpHeader& each : headers) response.headers.push_back(std::move(each));
    if (send(response, false)) stream_.finish();
}

bool Connection::send(const HttpResponse& response, bool keep_alive) {
    std::string out;
    out.reserve(kUsualHeaderBytes);
    out.append("HTTP/1.1 ").append(std::to_string(response.status)).append(" ");
    out.append(reason_phrase(response.status)).append("\r\n");
    add_header("Date", http_date(clock_.wall_us()), out);
    if (response.status != 204) add_header("Content-Type", response.content_type, out);
    if (response.rest != nullptr && knows_chunks_) {
        out += "Transfer-Encoding: chunked\r\n";
        const std::string trailers = response.rest->trailer_names();
        if (!trailers.empty()) add_header("Trailer", trailers, out);
    } else if (response.rest == nullptr && response.status != 204) {
        add_header("Content-Length", std::to_string(response.body.size()), out);
    }
    for (const std::vector<HttpHeader>* headers :
         std::initializer_list<const std::vector<HttpHeader>*>{&response.headers, &request_headers_,
                                                               &options_.headers}) {
        for (const HttpHeader& each : *headers) add_header(each.name, each.value, out);
    }
    if (!keep_alive) out += "Connection: close\r\n";
    out += "\r\n";
    if (response.rest != nullptr) {
        if (!stream_.write_all(out, options_.write_timeout_us)) return false;
        return is_head_ || send_rest(response);
    }
    // One segment for small answers, no copy of large ones.
    const bool one_write = response.body.size() <= kReadBytes;
    if (one_write && !is_head_) out += response.body;
    if (!stream_.write_all(out, options_.write_timeout_us)) return false;
    if (one_write || is_head_) return true;
    return stream_.write_all(response.body, options_.write_timeout_us).has_value();
}

bool Connection::send_rest(const HttpResponse& response) {
    std::string piece = response.body;
    std::string out;
    while (true) {
        if (!piece.empty()) {
            out = knows_chunks_ ? fmt::format("{:x}\r\n", piece.size()) : "";
            out += piece;
            if (knows_chunks_) out += "\r\n";
            if (!stream_.write_all(out, options_.write_timeout_us)) return false;
        }
        piece.clear();
        const auto more = response.rest->next(piece);
        if (!more) {
            stream_.reset_on_close();  // an end that nobody takes for the answer's
            return false;
        }
        if (!*more) break;
    }
    if (!knows_chunks_) return true;
    out = "0\r\n";
    for (const HttpHeader& each : response.rest->trailers()) {
        add_header(each.name, each.value, out);
    }
    return stream_.write_all(out + "\r\n", options_.write_timeout_us).has_value();
}

}  // namespace

Result<std::unique_ptr<HttpServer>> HttpServer::start(HttpServerOptions options, const Clock& clock,
                                                      const HttpRouter& router) {
    std::unique_ptr<HttpServer> server(new HttpServer);
    server->options_ = std::move(options);
    server->listener_ =
        TRY(Listener::start(server->options_.listener, [own = &server->options_, &clock, &router](
                                                           Stream& stream, bool over_limit) {
            Connection connection(stream, *own, clock, router);
            if (over_limit) {
                connection.refuse();
            } else {
                connection.run();
            }
        }));
    return server;
}

HttpServer::~HttpServer() { stop(); }
uint16_t HttpServer::port() const { return listener_->port(); }
size_t HttpServer::connection_count() const { return listener_->connection_count(); }
void HttpServer::stop() {
    if (listener_ != nullptr) listener_->stop();  // null when it could not listen
}

}  // namespace braid::net
