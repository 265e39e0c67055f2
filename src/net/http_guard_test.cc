// SPDX-License-Identifier: Apache-2.0
#include "net/http_guard.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace braid::net {
namespace {

class HttpGuardTest : public testing::Test {
  protected:
    /// The status for a request with these headers beside a Host of its own; 200 = answered.
    int status(std::vector<HttpHeader> headers) const {
        headers.insert(headers.begin(), {"Host", "localhost:8080"});
        return status_of_all(std::move(headers));
    }
    int status_of_all(std::vector<HttpHeader> headers) const {
        HttpRequest request;
        request.headers = std::move(headers);
        return guard_.judge(request).status;
    }
    int of_host(const std::string& host) const { return status_of_all({{"Host", host}}); }
    int of_origin(const std::string& origin) const { return status({{"Origin", origin}}); }

    HttpGuard guard_{{.hosts = {"localhost", "127.0.0.1", "[::1]", "braid.example"},
                      .origins = {"http://dash.example:3000", "https://localhost"}},
                     "127.0.0.1",
                     8080};
};

TEST_F(HttpGuardTest, ProgramsSayNothingAndAreAnswered) {
    EXPECT_EQ(status({}), 200);
    EXPECT_EQ(status({{"Content-Type", "text/plain"}}), 200);
}

TEST_F(HttpGuardTest, OriginsCompareSchemeHostAndPort) {
    EXPECT_EQ(of_origin("http://localhost:8080"), 200);
    EXPECT_EQ(of_origin("HTTP://LocalHost:8080"), 200);
    EXPECT_EQ(of_origin("http://127.0.0.1:8080"), 200);
    EXPECT_EQ(of_origin("http://braid.example:8080"), 200);
    for (const char* foreign :
         {"http://localhost:3000", "http://localhost", "https://localhost:8080",
          "http://[::1]:8080", "http://localhost:80800", "http://localhost:8080.evil.example",
          "http://evil.example:8080", "http://localhost@evil.example:8080", "file://", "null", "",
          "http://localhost:8080/", "http://localhost:8080 http://evil.example", "localhost:8080",
          "moz-extension://0000-1111", "http://127.1:8080"}) {
        EXPECT_EQ(of_origin(foreign), 403) << foreign;
    }
}

TEST_F(HttpGuardTest, AllOriginsCount) {
    EXPECT_EQ(status({{"Origin", "http://localhost:8080"}, {"Origin", "http://localhost:3000"}}),
              403);
    EXPECT_EQ(status({{"origin", "http://localhost:8080"}, {"ORIGIN", "null"}}), 403);
    EXPECT_EQ(status({{"Origin", "http://dash.example:3000"}, {"Origin", "http://a.example"}}),
              403);
}

TEST_F(HttpGuardTest, ListedOriginsMayCallFromAnotherSite) {
    EXPECT_EQ(of_origin("http://dash.example:3000"), 200);
    EXPECT_EQ(of_origin("http://dash.example:3001"), 403);
    EXPECT_EQ(of_origin("https://localhost"), 200);
    EXPECT_EQ(status({{"Origin", "http://dash.example:3000"}, {"Sec-Fetch-Site", "cross-site"}}),
              200);
}

TEST_F(HttpGuardTest, AnotherPortOfTheSameSiteIsForeign) {
    EXPECT_EQ(status({{"Sec-Fetch-Site", "same-origin"}}), 200);
    EXPECT_EQ(status({{"Sec-Fetch-Site", "none"}}), 200);
    for (const char* site : {"same-site", "cross-site", "", "anything"}) {
        EXPECT_EQ(status({{"Sec-Fetch-Site", site}}), 403) << site;
        EXPECT_EQ(status({{"Origin", "http://localhost:8080"}, {"Sec-Fetch-Site", site}}), 403);
    }
    EXPECT_EQ(status({{"Sec-Fetch-Site", "none"}, {"Sec-Fetch-Site", "cross-site"}}), 403);
}

TEST_F(HttpGuardTest, HostsAreNamesOfItsOwn) {
    for (const char* own :
         {"localhost", "LOCALHOST:1", "127.0.0.1:8080", "[::1]:8080", "[::1]", "braid.example"}) {
        EXPECT_EQ(of_host(own), 200) << own;
    }
    for (const char* foreign :
         {"evil.example", "localhost.evil.example:8080", "localhost:8080@evil.example", "",
          "localhost:evil.example", "localhost.", "[::1", "::1", "evil.example:localhost",
          "127.0.0.1.nip.example"}) {
        EXPECT_EQ(of_host(foreign), 421) << foreign;
    }
    EXPECT_EQ(status_of_all({{"Host", "localhost"}, {"Host", "evil.example"}}), 421);
}

TEST(HttpGuard, KnowsTheAddressThatItListensOn) {
    const auto judge = [](const HttpGuard& guard, std::vector<HttpHeader> headers) {
        HttpRequest request;
        request.headers = std::move(headers);
        return guard.judge(request).status;
    };
    const HttpGuard six({}, "::1", 80);
    EXPECT_EQ(judge(six, {{"Host", "[::1]"}, {"Origin", "http://[::1]"}}), 200);
    EXPECT_EQ(judge(six, {{"Host", "[::1]"}, {"Origin", "http://[::1]:80"}}), 200);
    EXPECT_EQ(judge(six, {{"Host", "[::1]"}, {"Origin", "http://127.0.0.1"}}), 403);
    const HttpGuard second({}, "127.0.0.2", 8080);
    EXPECT_EQ(judge(second, {{"Host", "127.0.0.2:8080"}, {"Origin", "http://127.0.0.2:8080"}}),
              200);
}

TEST(Origin, IsASchemeAndAHost) {
    EXPECT_TRUE(is_origin("http://localhost:3000"));
    EXPECT_TRUE(is_origin("https://[::1]"));
    for (const char* text : {"", "null", "localhost:3000", "http://", "http://a/", "http://u@a"}) {
        EXPECT_FALSE(is_origin(text)) << text;
    }
}

}  // namespace
}  // namespace braid::net
