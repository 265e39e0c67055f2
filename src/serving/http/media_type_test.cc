// SPDX-License-Identifier: Apache-2.0
#include "serving/http/media_type.h"

#include <gtest/gtest.h>

namespace braid::serving {
namespace {

net::HttpRequest with(std::vector<net::HttpHeader> headers) {
    net::HttpRequest request;
    request.headers = std::move(headers);
    return request;
}

bool takes(std::string_view format, const std::string& type) {
    return wrong_type_of_records(with({{"Content-Type", type}}), format).empty();
}

TEST(MediaType, IsReadWithItsCharset) {
    const auto type = parse_media_type("Text/CSV ; Header=present; CharSet=\"UTF-8\"");
    ASSERT_TRUE(type);
    EXPECT_EQ(type->name, "text/csv");
    EXPECT_EQ(type->charset, "utf-8");
    for (const char* nonsense : {"", "json", "/", "a/", "/b", "a/b, c/d", ";charset=utf-8"}) {
        EXPECT_FALSE(parse_media_type(nonsense)) << nonsense;
    }
}

TEST(RecordBodies, HaveTheTypeOfTheirStream) {
    EXPECT_TRUE(wrong_type_of_records(with({}), "json").empty());
    for (const char* type :
         {"application/json", "application/x-ndjson", "application/json; charset=utf-8",
          "text/plain", "application/x-www-form-urlencoded", "application/octet-stream"}) {
        EXPECT_TRUE(takes("json", type)) << type;
    }
    for (const char* type :
         {"text/csv", "application/msgpack", "application/x-msgpack", "application/xml",
          "multipart/form-data; boundary=x", "text/html", "application/json; charset=utf-16",
          "text/plain; charset=iso-8859-1", "json", ""}) {
        EXPECT_FALSE(takes("json", type)) << type;
    }
    EXPECT_TRUE(takes("csv", "text/csv; header=absent"));
    EXPECT_FALSE(takes("csv", "application/json"));
    EXPECT_TRUE(takes("combined", "text/plain"));
    EXPECT_FALSE(takes("combined", "application/json"));
    EXPECT_FALSE(
        wrong_type_of_records(
            with({{"Content-Type", "application/json"}, {"Content-Type", "text/csv"}}), "json")
            .empty())
        << "each of several counts";
}

TEST(StatementBodies, AreTextOrJson) {
    EXPECT_TRUE(wrong_type_of_statement(with({{"Content-Type", "application/sql"}})).empty());
    EXPECT_TRUE(wrong_type_of_statement(with({{"Content-Type", "application/json"}})).empty());
    EXPECT_FALSE(wrong_type_of_statement(with({{"Content-Type", "text/csv"}})).empty());
}

TEST(Accept, TheMostSpecificRangeDecides) {
    const auto quality = [](std::string_view type, std::vector<net::HttpHeader> headers) {
        return welcome_of(type, headers).quality;
    };
    EXPECT_EQ(quality("application/json", {}), 1000);
    EXPECT_EQ(quality("application/json", {{"Accept", "text/csv"}}), 0);
    EXPECT_EQ(quality("application/json", {{"Accept", "*/*;q=0.1, application/json;q=0"}}), 0);
    EXPECT_EQ(quality("text/csv", {{"Accept", "*/*;q=0.1, application/json;q=0"}}), 100);
    EXPECT_EQ(quality("text/csv", {{"Accept", "TEXT/* ; q=0.25"}}), 250);
    EXPECT_EQ(quality("text/csv", {{"Accept", "image/png"}, {"accept", "text/csv"}}), 1000);
    EXPECT_EQ(quality("text/csv", {{"Accept", "text/csv;q=much"}}), 0);
    EXPECT_EQ(quality("text/csv", {{"Accept", ""}}), 1000);
}

}  // namespace
}  // namespace braid::serving
