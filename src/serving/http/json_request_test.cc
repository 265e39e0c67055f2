// SPDX-License-Identifier: Apache-2.0
#include "serving/http/json_request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/test_support.h"
#include "serving/http/record_lines.h"

namespace braid::serving {
namespace {

using testing::ElementsAre;
using testing::Optional;

TEST(SqlRequest, IsReadWithItsParameters) {
    ASSERT_OK_AND_ASSIGN(
        const SqlRequest request,
        parse_sql_request(R"( { "params" : [ 1, -0.5e+3, "x\n\u00e4\ud83d\ude00", true, null ] ,
                               "query":"SELECT \"a\"" } )"));
    EXPECT_EQ(request.query, "SELECT \"a\"");
    EXPECT_THAT(request.params,
                ElementsAre(Optional(std::string("1")), Optional(std::string("-0.5e+3")),
                            Optional(std::string("x\n\xC3\xA4\xF0\x9F\x98\x80")),
                            Optional(std::string("true")), std::nullopt));
    ASSERT_OK_AND_ASSIGN(const SqlRequest bare, parse_sql_request(R"({"query":"x","params":[]})"));
    EXPECT_TRUE(bare.params.empty());
}

TEST(SqlRequest, IsReadStrictly) {
    for (const std::string_view body : {"",
                                        "{",
                                        "{}",
                                        "[]",
                                        "null",
                                        R"({"query"})",
                                        R"({"query":1})",
                                        R"({"query":"x",})",
                                        R"({"query":"x"} x)",
                                        R"({"query":"x","query":"y"})",
                                        R"({"query":"x","more":1})",
                                        R"({"query":"x","params":1})",
                                        R"({"query":"x","params":[1,]})",
                                        R"({"query":"x","params":[[1]]})",
                                        R"({"query":"x","params":[{}]})",
                                        R"({"query":"x","params":[01]})",
                                        R"({"query":"x","params":[1.]})",
                                        R"({"query":"x","params":[.5]})",
                                        R"({"query":"x","params":[+1]})",
                                        R"({"query":"x","params":[1e]})",
                                        R"({"query":"x","params":[nul]})",
                                        R"({"query":"x","params":[NaN]})",
                                        R"({"query":"\x"})",
                                        R"({"query":"\u12"})",
                                        R"({"query":"\ud800"})",
                                        R"({"query":"\udc00"})",
                                        R"({"query":"\u0000"})",
                                        "{\"query\":\"a\nb\"}",
                                        "{\"query\":\"\xff\"}",
                                        R"({"query":"x)",
                                        R"({'query':'x'})"}) {
        EXPECT_FALSE(parse_sql_request(body).has_value()) << body;
    }
}

TEST(RecordLines, AreSplitAtLineFeeds) {
    ASSERT_OK_AND_ASSIGN(const auto records, split_records("a\r\nb\n\n \t\r\n c \r\nd"));
    EXPECT_THAT(records, ElementsAre("a", "b", " c ", "d"));
    ASSERT_OK_AND_ASSIGN(const auto marked, split_records("\xEF\xBB\xBF{}\n\xEF\xBB\xBF{}"));
    EXPECT_THAT(marked, ElementsAre("{}", "\xEF\xBB\xBF{}"));
    EXPECT_TRUE(looks_like_json_array("\xEF\xBB\xBF[]"));
    ASSERT_OK_AND_ASSIGN(const auto none, split_records(""));
    EXPECT_TRUE(none.empty());
}

TEST(RecordLines, KnowAnArrayFromALine) {
    EXPECT_TRUE(looks_like_json_array("\n [1]"));
    EXPECT_FALSE(looks_like_json_array("{\"a\":[1]}"));
    EXPECT_FALSE(looks_like_json_array(" \n"));
}

}  // namespace
}  // namespace braid::serving
