// SPDX-License-Identifier: Apache-2.0
#include "net/http_server.h"

#include <array>
#include <charconv>
#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/memory_share.h"
#include "base/test_support.h"
#include "net/http_client.h"
#include "net/http_parser.h"

namespace braid::net {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr int64_t kLongUs = 10'000'000;

class HttpServerFixture : public testing::Test {
  protected:
    void SetUp() override {
        router_.add("GET", "/hello", [](const HttpRequest&) { return HttpResponse{.body = "hi"}; });
        router_.add(
            "POST", "/echo/{}",
            [](const HttpRequest& request) {
                return HttpResponse{.headers = {{"X-Capture", request.captures[0]}},
                                    .body = request.body};
            },
            /*body_bytes_max=*/1000);
        start({});
    }
    void start(HttpServerOptions options) {
        options.headers = {{"X-Always", "1"}};
        auto server = HttpServer::start(std::move(options), clock_, router_);
        ASSERT_OK(server);
        server_ = *std::move(server);
    }
    /// Sends bytes and returns everything until the server ends the connection.
    std::string exchange(std::string_view bytes) {
        auto stream = Stream::connect("127.0.0.1", server_->port(), kLongUs);
        EXPECT_OK(stream);
        (void)(*stream)->write_all(bytes, kLongUs);
        std::string text;
        std::array<char, 4096> buffer;
        while (true) {
            const auto size = (*stream)->read_some(buffer, kLongUs);
            if (!size || *size == 0) return text;
            text.append(buffer.data(), *size);
        }
    }

    /// A request that the server must wait for.
    static void begin_body(Stream& stream, size_t size) {
        ASSERT_OK(
            stream.write_all("POST /echo/a HTTP/1.1\r\nHost: localhost\r\nExpect: "
                             "100-continue\r\nContent-Length: " +
                                 std::to_string(size) + "\r\n\r\n",
                             kLongUs));
        EXPECT_EQ(read_status(stream), 100);
    }
    /// Of the next answer, whose first bytes alone are taken but for a 100.
    static int read_status(Stream& stream) {
        constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
        std::string text(12, 0);
        EXPECT_OK(stream.read_exact(text, kLongUs));
        int status = 0;
        std::from_chars(text.data() + 9, text.data() + text.size(), status);
        std::string rest(kContinue.size() - text.size(), 0);
        if (status == 100) {
            EXPECT_OK(stream.read_exact(rest, kLongUs));
        }
        return status;
    }

    /// Whoever has its answer rests soon, not at once.
    static void wait_for_room(HttpClient& client) {
        while (true) {
            ASSERT_OK_AND_ASSIGN(const HttpResponse answer, client.send({.target = "/hello"}));
            if (answer.status == 200) return;
            EXPECT_EQ(answer.status, 503);
        }
    }

    SystemClock clock_;
    HttpRouter router_;
    std::unique_ptr<HttpServer> server_;
};

constexpr std::string_view kClose = "Host: localhost\r\nConnection: close\r\n\r\n";

TEST_F(HttpServerFixture, AnswersARequest) {
    EXPECT_THAT(exchange("GET /hello HTTP/1.1\r\n" + std::string(kClose)),
                AllOf(StartsWith("HTTP/1.1 200 OK\r\n"), HasSubstr("\r\nContent-Length: 2\r\n"),
                      HasSubstr("\r\nX-Always: 1\r\n"), HasSubstr("\r\nDate: "),
                      testing::EndsWith("\r\n\r\nhi")));
}

TEST_F(HttpServerFixture, TellsAClientThatIsStillSendingThatTheBodyIsTooLarge) {
    constexpr size_t kPiece = 16 << 10;
    constexpr size_t kPieces = 2000;  // far more than sockets hold
    auto stream = Stream::connect("127.0.0.1", server_->port(), kLongUs);
    ASSERT_OK(stream);
    ASSERT_OK((*stream)->write_all("POST /echo/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: " +
                                       std::to_string(kPiece * kPieces) + "\r\n\r\n",
                                   kLongUs));
    const std::string piece(kPiece, 'x');
    for (size_t sent = 0; sent < kPieces; ++sent) ASSERT_OK((*stream)->write_all(piece, kLongUs));
    std::array<char, 12> answer{};
    ASSERT_OK((*stream)->read_exact(answer, kLongUs));
    EXPECT_EQ(std::string_view(answer.data(), answer.size()), "HTTP/1.1 413");
}

TEST_F(HttpServerFixture, ClosesAConnectionWhoseClientSendsOn) {
    auto stream = Stream::connect("127.0.0.1", server_->port(), kLongUs);
    ASSERT_OK(stream);
    // More than finish() takes: the rest must fail and not wait.
    const std::string piece(1 << 20, 'x');
    Result<void> written = (*stream)->write_all(
        "POST /echo/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9999999999\r\n\r\n", kLongUs);
    for (int sent = 0; sent < 1000 && written; ++sent)
        written = (*stream)->write_all(piece, kLongUs);
    EXPECT_ERROR(written, ErrorCode::kIo);
}

TEST_F(HttpServerFixture, KeepsTheConnection) {
    HttpClient client("127.0.0.1", server_->port());
    for (int i = 0; i < 3; ++i) {
        ASSERT_OK_AND_ASSIGN(const HttpResponse response, client.send({.target = "/hello"}));
        EXPECT_EQ(response.body, "hi");
    }
    EXPECT_EQ(server_->connection_count(), 1u);
}

TEST_F(HttpServerFixture, AnswersPipelinedRequestsInOrder) {
    const std::string answers = exchange(
        "POST /echo/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\none"
        "POST /echo/b HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\ntwo"
        "GET /hello HTTP/1.1\r\n" +
        std::string(kClose));
    const size_t one = answers.find("\r\n\r\none");
    const size_t two = answers.find("\r\n\r\ntwo");
    const size_t hello = answers.find("\r\n\r\nhi");
    ASSERT_NE(hello, std::string::npos);
    EXPECT_LT(one, two);
    EXPECT_LT(two, hello);
}

TEST_F(HttpServerFixture, ReadsChunkedBodies) {
    EXPECT_THAT(
        exchange("POST /echo/x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" + std::string(kClose) +
                 "3\r\nabc\r\n4;ext=1\r\ndefg\r\n0\r\nTrailer: x\r\n\r\n"),
        testing::EndsWith("\r\n\r\nabcdefg"));
}

TEST_F(HttpServerFixture, InvitesTheBodyOfAWaitingClient) {
    auto stream = Stream::connect("127.0.0.1", server_->port(), kLongUs);
    ASSERT_OK(stream);
    ASSERT_OK(
        (*stream)->write_all("POST /echo/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n"
                             "Expect: 100-continue\r\n\r\n",
                             kLongUs));
    std::string invitation(25, '\0');
    ASSERT_OK((*stream)->read_exact(invitation, kLongUs));
    EXPECT_EQ(invitation, "HTTP/1.1 100 Continue\r\n\r\n");
    ASSERT_OK((*stream)->write_all("ok", kLongUs));
    std::string status(15, '\0');
    ASSERT_OK((*stream)->read_exact(status, kLongUs));
    EXPECT_EQ(status, "HTTP/1.1 200 OK");
}

TEST_F(HttpServerFixture, RefusesABodyBeyondItsRoutesLimit) {
    HttpClient client("127.0.0.1", server_->port());
    ASSERT_OK_AND_ASSIGN(
        auto fits,
        client.send({.method = "POST", .target = "/echo/x", .body = std::string(1000, 'x')}));
    EXPECT_EQ(fits.status, 200);
    ASSERT_OK_AND_ASSIGN(
        auto too_large,
        client.send({.method = "POST", .target = "/echo/x", .body = std::string(1001, 'x')}));
    EXPECT_EQ(too_large.status, 413);
    EXPECT_THAT(
        exchange("POST /echo/x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" + std::string(kClose) +
                 "3e9\r\n" + std::string(1001, 'x') + "\r\n0\r\n\r\n"),
        StartsWith("HTTP/1.1 413 "));
}

/// With the empty line behind them, without the request's own.
TEST_F(HttpServerFixture, TakesHeadersUpToTheirLimit) {
    const auto status_of = [&](size_t bytes) {
        const std::string end = "\r\n" + std::string(kClose);
        const std::string headers = "A: " + std::string(bytes - end.size() - 3, 'x') + end;
        EXPECT_EQ(headers.size(), bytes);
        return exchange("GET /hello HTTP/1.1\r\n" + headers).substr(0, 12);
    };
    EXPECT_EQ(status_of(kHttpHeaderBytesMax - 1), "HTTP/1.1 200");
    EXPECT_EQ(status_of(kHttpHeaderBytesMax), "HTTP/1.1 200");
    EXPECT_EQ(status_of(kHttpHeaderBytesMax + 1), "HTTP/1.1 431");
}

TEST_F(HttpServerFixture, RefusesLargeHeaders) {
    EXPECT_THAT(exchange("GET /hello HTTP/1.1\r\nA: " + std::string(kHttpHeaderBytesMax, 'x') +
                         "\r\n" + std::string(kClose)),
                StartsWith("HTTP/1.1 431 "));
    std::string many = "GET /hello HTTP/1.1\r\n";
    for (int i = 0; i < 99; ++i) many += "A: x\r\n";
    EXPECT_THAT(exchange(many + std::string(kClose)), StartsWith("HTTP/1.1 431 "));
    EXPECT_THAT(exchange(many.substr(0, many.size() - 6) + std::string(kClose)),
                StartsWith("HTTP/1.1 200 "));
}

TEST_F(HttpServerFixture, RefusesWhatCouldBeSmuggled) {
    const auto with = [&](std::string_view headers, std::string_view body = "") {
        return exchange("POST /echo/x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" +
                        std::string(headers) + "\r\n" + std::string(body))
            .substr(0, 12);
    };
    EXPECT_EQ(with("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
              "HTTP/1.1 400");
    EXPECT_EQ(with("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n", "0\r\n\r\n"),
              "HTTP/1.1 400");
    EXPECT_EQ(with("Content-Length: 3\r\nContent-Length: 3\r\n", "abc"), "HTTP/1.1 400");
    EXPECT_EQ(with("Content-Length: 3\r\nContent-Length: 4\r\n", "abc"), "HTTP/1.1 400");
    EXPECT_EQ(with("Content-Length: 3, 3\r\n", "abc"), "HTTP/1.1 400");
    EXPECT_EQ(with("Content-Length: -1\r\n"), "HTTP/1.1 400");
    EXPECT_EQ(with("Content-Length: +3\r\n", "abc"), "HTTP/1.1 400");
    EXPECT_EQ(with("Content-Length: 18446744073709551616\r\n"), "HTTP/1.1 400");
    EXPECT_EQ(with("Content-Length : 3\r\n", "abc"), "HTTP/1.1 400");
    EXPECT_EQ(with("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n"), "HTTP/1.1 501");
    EXPECT_EQ(with("Transfer-Encoding: chunked, gzip\r\n", "0\r\n\r\n"), "HTTP/1.1 501");
    EXPECT_EQ(with("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n"), "HTTP/1.1 501");
    EXPECT_EQ(with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
              "HTTP/1.1 400");
    EXPECT_EQ(with("Transfer-Encoding: chunked\r\n", "-1\r\n"), "HTTP/1.1 400");
    EXPECT_EQ(with("Transfer-Encoding: chunked\r\n", "10000000000000000\r\nx"), "HTTP/1.1 400");
    EXPECT_EQ(with("Transfer-Encoding: chunked\r\n", "1;" + std::string(20'000, 'x')),
              "HTTP/1.1 400");
    EXPECT_EQ(with("Host: localhost\r\n"), "HTTP/1.1 400");
    EXPECT_EQ(with("Content-Encoding: gzip\r\n"), "HTTP/1.1 415");
    EXPECT_EQ(with("Content-Encoding: identity\r\nContent-Encoding: gzip\r\n"), "HTTP/1.1 415");
    EXPECT_EQ(with("Expect: magic\r\n"), "HTTP/1.1 417");
    EXPECT_EQ(exchange("GET /hello HTTP/1.1\nHost: localhost\n\n").substr(0, 12), "HTTP/1.1 505");
    EXPECT_EQ(exchange("GET /hello HTTP/1.1\r\n\r\n").substr(0, 12), "HTTP/1.1 400");
    EXPECT_EQ(exchange("GET /hello HTTP/2.0\r\n" + std::string(kClose)).substr(0, 12),
              "HTTP/1.1 505");
    EXPECT_EQ(
        exchange("GET http://localhost/hello HTTP/1.1\r\n" + std::string(kClose)).substr(0, 12),
        "HTTP/1.1 400");
    EXPECT_EQ(exchange("\x16\x03\x01 TLS hello\r\n\r\n").substr(0, 12), "HTTP/1.1 400");
}

TEST_F(HttpServerFixture, RefusesForeignHostsAndPages) {
    const auto with = [&](std::string_view headers) {
        return exchange("GET /hello HTTP/1.1\r\nConnection: close\r\n" + std::string(headers) +
                        "\r\n")
            .substr(0, 12);
    };
    EXPECT_EQ(with("Host: evil.example\r\n"), "HTTP/1.1 421");
    EXPECT_EQ(with("Host: localhost.evil.example:8080\r\n"), "HTTP/1.1 421");
    EXPECT_EQ(with("Host: LOCALHOST:1\r\n"), "HTTP/1.1 200");
    EXPECT_EQ(with("Host: 127.0.0.1:8080\r\n"), "HTTP/1.1 200");
    EXPECT_EQ(with("Host: [::1]:8080\r\n"), "HTTP/1.1 200");
    EXPECT_EQ(with("Host: localhost\r\nOrigin: https://evil.example\r\n"), "HTTP/1.1 403");
    EXPECT_EQ(with("Host: localhost\r\nOrigin: null\r\n"), "HTTP/1.1 403");
    EXPECT_EQ(with("Host: localhost\r\nSec-Fetch-Site: cross-site\r\n"), "HTTP/1.1 403");
    const std::string own = "Host: localhost\r\nOrigin: http://localhost:";
    EXPECT_EQ(with(own + std::to_string(server_->port()) + "\r\n"), "HTTP/1.1 200");
    EXPECT_EQ(with(own + std::to_string(server_->port() ^ 1) + "\r\n"), "HTTP/1.1 403");
}

TEST_F(HttpServerFixture, LetsPagesOfAllowedOriginsReadTheAnswers) {
    start({.access = {.origins = {"http://dash.example:3000"}}});
    const std::string from = "Origin: http://dash.example:3000\r\n";
    EXPECT_THAT(exchange("GET /hello HTTP/1.1\r\n" + from + std::string(kClose)),
                AllOf(StartsWith("HTTP/1.1 200 "),
                      HasSubstr("\r\nAccess-Control-Allow-Origin: http://dash.example:3000\r\n"),
                      HasSubstr("\r\nVary: Origin\r\n")));
    EXPECT_THAT(exchange("OPTIONS /echo/x HTTP/1.1\r\nAccess-Control-Request-Method: POST\r\n" +
                         from + std::string(kClose)),
                AllOf(StartsWith("HTTP/1.1 204 "),
                      HasSubstr("\r\nAccess-Control-Allow-Methods: POST, OPTIONS\r\n")));
    EXPECT_THAT(exchange("OPTIONS /echo/x HTTP/1.1\r\nOrigin: http://dash.example:3001\r\n" +
                         std::string(kClose)),
                AllOf(StartsWith("HTTP/1.1 403 "), Not(HasSubstr("Access-Control"))));
    EXPECT_THAT(exchange("GET /hello HTTP/1.1\r\n" + std::string(kClose)),
                Not(HasSubstr("Access-Control")));
}

TEST_F(HttpServerFixture, NamesTheMethodsOfAPath) {
    EXPECT_THAT(exchange("DELETE /echo/x HTTP/1.1\r\n" + std::string(kClose)),
                AllOf(StartsWith("HTTP/1.1 405 "), HasSubstr("\r\nAllow: POST, OPTIONS\r\n")));
    EXPECT_THAT(exchange("PUT /hello HTTP/1.1\r\n" + std::string(kClose)),
                AllOf(StartsWith("HTTP/1.1 405 "), HasSubstr("\r\nAllow: GET, HEAD, OPTIONS\r\n")));
    EXPECT_THAT(exchange("OPTIONS /hello HTTP/1.1\r\n" + std::string(kClose)),
                AllOf(StartsWith("HTTP/1.1 204 "), HasSubstr("\r\nAllow: GET, HEAD, OPTIONS\r\n"),
                      Not(HasSubstr("Content-Length"))));
    EXPECT_THAT(exchange("GET /nothing HTTP/1.1\r\n" + std::string(kClose)),
                StartsWith("HTTP/1.1 404 "));
    EXPECT_THAT(exchange("POST /echo/ HTTP/1.1\r\n" + std::string(kClose)),
                StartsWith("HTTP/1.1 404 "));
}

TEST_F(HttpServerFixture, AnswersHeadWithoutABody) {
    EXPECT_THAT(exchange("HEAD /hello HTTP/1.1\r\n" + std::string(kClose)),
                AllOf(HasSubstr("Content-Length: 2\r\n"), testing::EndsWith("\r\n\r\n")));
    EXPECT_THAT(exchange("HEAD /nothing HTTP/1.1\r\n" + std::string(kClose)),
                AllOf(StartsWith("HTTP/1.1 404 "), testing::EndsWith("\r\n\r\n")));
}

TEST_F(HttpServerFixture, EndsRequestsThatTakeTooLong) {
    start({.header_timeout_us = 1000, .body_timeout_us = 1000});
    EXPECT_THAT(exchange("GET /hello HTTP/1.1\r\nHo"), StartsWith("HTTP/1.1 408 "));
    EXPECT_THAT(exchange("POST /echo/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\na"),
                StartsWith("HTTP/1.1 408 "));
    EXPECT_THAT(exchange("POST /echo/x HTTP/1.1\r\nHost: localhost\r\n"
                         "Transfer-Encoding: chunked\r\n\r\n1\nx\n0\n\n"),
                StartsWith("HTTP/1.1 408 "));  // a bare line feed ends no chunk's head
    start({.idle_timeout_us = 1000});
    EXPECT_EQ(exchange(""), "");
}

TEST_F(HttpServerFixture, AnswersBusyBeyondTheLimit) {
    start({.listener = {.name = "http", .connections_max = 1}});
    auto first = Stream::connect("127.0.0.1", server_->port(), kLongUs);
    ASSERT_OK(first);
    begin_body(**first, 3);
    EXPECT_THAT(exchange("GET /hello HTTP/1.1\r\n" + std::string(kClose)),
                StartsWith("HTTP/1.1 503 "));
    ASSERT_OK((*first)->write_all("abc", kLongUs));
    EXPECT_EQ(read_status(**first), 200);
}

TEST_F(HttpServerFixture, GivesTheRoomOfWhoSaysNothingToANewClient) {
    start({.listener = {.name = "http", .connections_max = 2}});
    HttpClient oldest("127.0.0.1", server_->port());
    ASSERT_OK(oldest.send({.target = "/hello"}));
    auto busy = Stream::connect("127.0.0.1", server_->port(), kLongUs);
    ASSERT_OK(busy);
    begin_body(**busy, 3);
    HttpClient newer("127.0.0.1", server_->port());
    wait_for_room(newer);
    // Whoever was sent away comes back, and now the newer one rests longest.
    wait_for_room(oldest);
    ASSERT_OK((*busy)->write_all("abc", kLongUs));
    EXPECT_EQ(read_status(**busy), 200);
}

TEST_F(HttpServerFixture, LeavesRoomForOtherAddresses) {
    start({.listener = {.name = "http", .connections_max = 4, .address_connections_max = 2}});
    std::vector<std::unique_ptr<Stream>> busy;
    for (int i = 0; i < 2; ++i) {
        auto stream = Stream::connect("127.0.0.1", server_->port(), kLongUs);
        ASSERT_OK(stream);
        begin_body(**stream, 3);
        busy.push_back(*std::move(stream));
    }
    EXPECT_THAT(exchange("GET /hello HTTP/1.1\r\n" + std::string(kClose)),
                StartsWith("HTTP/1.1 503 "));
    ASSERT_OK(busy[0]->write_all("abc", kLongUs));
    EXPECT_EQ(read_status(*busy[0]), 200);
    // It rests now, and gives way.
    HttpClient newer("127.0.0.1", server_->port());
    wait_for_room(newer);
}

TEST_F(HttpServerFixture, HasOnlySoMuchMemoryForBodies) {
    Metrics metrics;
    MemoryShare share("bodies", 1'100'000, metrics);
    router_.add(
        "POST", "/large",
        [](const HttpRequest& request) {
            return HttpResponse{.body = std::to_string(request.body.size())};
        },
        /*body_bytes_max=*/10'000'000);
    start({.bodies = &share});
    HttpClient client("127.0.0.1", server_->port());
    const auto send = [&](size_t size) {
        auto answer =
            client.send({.method = "POST", .target = "/large", .body = std::string(size, 'x')});
        EXPECT_OK(answer);
        return answer ? *std::move(answer) : HttpResponse{.status = 0};
    };
    EXPECT_EQ(send(1'000'000).body, "1000000");
    const HttpResponse refused = send(1'100'001);
    EXPECT_EQ(refused.status, 429);
    EXPECT_EQ(*find_header(refused.headers, "Retry-After"), "1");
    EXPECT_EQ(send(900'000).status, 200);
    {
        MemoryClaim other(&share);
        ASSERT_TRUE(other.hold(share.bytes_max() - share.bytes()));
        EXPECT_EQ(send(999'999).status, 429);
    }
    std::string chunks;
    for (int i = 0; i < 2'000; ++i) chunks += "3e8\r\n" + std::string(1000, 'x') + "\r\n";
    EXPECT_THAT(exchange("POST /large HTTP/1.1\r\nHost: localhost\r\n"
                         "Transfer-Encoding: chunked\r\n\r\n" +
                         chunks + "0\r\n\r\n"),
                StartsWith("HTTP/1.1 429 "));
    EXPECT_EQ(send(900'000).status, 200);
    server_.reset();
    EXPECT_EQ(share.bytes(), 0U);
}

/// Gives so many pieces, then ends or fails.
class Pieces final : public HttpBodySource {
  public:
    Pieces(int pieces, bool fails) : left_(pieces), fails_(fails) {}
    Result<bool> next(std::string& out) override {
        if (left_-- > 0) {
            out += std::string(100'000, 'p');
            return true;
        }
        if (fails_) return Error(ErrorCode::kCorrupt, "bad block");
        return false;
    }
    std::vector<HttpHeader> trailers() override { return {{"X-Proof", "42"}}; }
    std::string trailer_names() const override { return "X-Proof"; }

  private:
    int left_;
    const bool fails_;
};

TEST_F(HttpServerFixture, SendsABodyWhileItIsMade) {
    bool fails = false;
    router_.add("GET", "/pieces", [&](const HttpRequest&) {
        return HttpResponse{.body = "first", .rest = std::make_unique<Pieces>(50, fails)};
    });
    start({});
    HttpClient client("127.0.0.1", server_->port());
    for (int i = 0; i < 2; ++i) {
        ASSERT_OK_AND_ASSIGN(const HttpResponse answer, client.send({.target = "/pieces"}));
        EXPECT_EQ(answer.body, "first" + std::string(5'000'000, 'p'));
        EXPECT_EQ(*find_header(answer.headers, "Trailer"), "X-Proof");
        EXPECT_EQ(*find_header(answer.headers, "X-Proof"), "42");
    }
    EXPECT_EQ(server_->connection_count(), 1u);
    // A client that knows no chunks gets the bytes as they are, up to the end of the connection.
    const std::string old = exchange("GET /pieces HTTP/1.0\r\nHost: localhost\r\n\r\n");
    EXPECT_THAT(old.substr(0, old.find("first")),
                AllOf(Not(HasSubstr("chunked")), Not(HasSubstr("Content-Length"))));
    EXPECT_EQ(old.size() - old.find("first"), 5'000'005u);
    ASSERT_OK(client.send({.method = "HEAD", .target = "/pieces"}));
    fails = true;
    EXPECT_ERROR(client.send({.target = "/pieces"}), ErrorCode::kIo);
    ASSERT_OK(client.send({.target = "/hello"}));
}

TEST(HttpTarget, IsDecodedPartByPart) {
    HttpRequest request;
    ASSERT_TRUE(parse_target("/v1/a%2Fb/%C3%A4?x=1%202&y=a+b&flag&z=%3D", request));
    EXPECT_THAT(request.path, testing::ElementsAre("v1", "a/b", "\xC3\xA4"));
    EXPECT_THAT(request.query,
                testing::ElementsAre(testing::Pair("x", "1 2"), testing::Pair("y", "a b"),
                                     testing::Pair("flag", ""), testing::Pair("z", "=")));
    EXPECT_EQ(*request.parameter("y"), "a b");
    EXPECT_EQ(request.parameter("none"), nullptr);
}

TEST(HttpTarget, IsEncodedSoThatItIsReadBack) {
    EXPECT_EQ(percent_encode("a/b &\xC3\xA4~"), "a%2Fb%20%26%C3%A4~");
}

TEST(HttpTarget, RefusesBrokenEscapes) {
    for (const std::string_view target : {"/%", "/%4", "/%zz", "/%00", "/a?b=%0", "*", "a", ""}) {
        HttpRequest request;
        EXPECT_FALSE(parse_target(target, request)) << target;
    }
}

TEST(HttpRequestParser, TakesARequestByteByByte) {
    const std::string_view text = "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nok";
    HttpRequestParser parser;
    std::string waiting;
    HttpParse parse = HttpParse::kNeedsMore;
    for (const char each : text) {
        waiting += each;
        size_t taken = 0;
        parse = parser.put(waiting, taken);
        waiting.erase(0, taken);
        if (parse == HttpParse::kHeaderDone) parse = parser.allow_body(10);
    }
    EXPECT_EQ(parse, HttpParse::kDone);
    EXPECT_EQ(parser.request().body, "ok");
    EXPECT_TRUE(parser.keep_alive());
}

}  // namespace
}  // namespace braid::net
