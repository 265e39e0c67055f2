// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "net/http.h"

namespace braid::net {

inline constexpr size_t kHttpHeaderBytesMax = 16 * 1024;
inline constexpr size_t kHttpHeadersMax = 100;

enum class HttpParse {
    kNeedsMore,
    kHeaderDone,  // once, before any byte of the body is taken
    kDone,
    kFault,
};

/// Why a message was refused and with which status. The connection cannot go on behind it.
struct HttpFault {
    int status = 400;
    std::string message;
};

/// Reads one request, strictly: what two readers could understand differently (two lengths, a
/// length beside chunks, unknown codings, bare line feeds) is refused, so nothing can be smuggled
/// past a proxy.
class HttpRequestParser {
  public:
    HttpRequestParser();
    ~HttpRequestParser();

    /// Takes bytes of the front of `bytes` and says how many. The rest, at kNeedsMore also what was
    /// not taken, must be given again with what has arrived since.
    HttpParse put(std::string_view bytes, size_t& taken);
    /// At kHeaderDone: how large a body may be. Fault 413 when its length is already known to be
    /// larger.
    HttpParse allow_body(size_t bytes_max);

    /// After allow_body(): the body is the next so many bytes as they come, and they need not be
    /// put() here. Not for chunks.
    std::optional<size_t> plain_body_bytes() const;

    /// Complete but for the body from kHeaderDone on.
    HttpRequest& request();
    bool keep_alive() const;
    bool is_version_1_1() const;
    /// What has arrived of a body in chunks.
    size_t chunked_bytes() const;
    /// Forgets what has arrived of a body; the connection cannot go on behind it.
    void drop_body();
    /// The client waits for "100 Continue" before it sends the body.
    bool expects_continue() const;
    const HttpFault& fault() const;

  private:
    struct Body;
    std::unique_ptr<Body> body_;
};

/// Reads one response; for the client.
class HttpResponseParser {
  public:
    explicit HttpResponseParser(bool has_no_body);  // an answer to HEAD
    ~HttpResponseParser();
    HttpParse put(std::string_view bytes, size_t& taken);
    /// The connection has ended; may complete a body without a length.
    HttpParse put_end();
    HttpResponse& response();
    bool keep_alive() const;

  private:
    struct Body;
    std::unique_ptr<Body> body_;
};

}  // namespace braid::net
