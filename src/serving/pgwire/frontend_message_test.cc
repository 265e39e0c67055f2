// SPDX-License-Identifier: Apache-2.0
#include "serving/pgwire/frontend_message.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/test_support.h"
#include "serving/pgwire/pg_client_test_support.h"

namespace braid::serving::pgwire {
namespace {

using testing::ElementsAre;
using testing::Pair;

std::string text(std::string_view value) { return std::string(value) + '\0'; }

TEST(FrontendMessage, ReadsBind) {
    const std::string body = text("p") + text("s") + word16(1) + word16(1) + word16(2) + word32(2) +
                             "ab" + word32(0xFFFFFFFF) + word16(0);
    ASSERT_OK_AND_ASSIGN(const FrontendMessage message, parse_message('B', body));
    const Bind& bind = std::get<Bind>(message);
    EXPECT_EQ(bind.portal, "p");
    EXPECT_EQ(bind.statement, "s");
    EXPECT_EQ(bind.parameter_is_binary, std::vector<bool>{true});
    ASSERT_EQ(bind.values.size(), 2u);
    EXPECT_EQ(*bind.values[0], "ab");
    EXPECT_FALSE(bind.values[1].has_value());
}

TEST(FrontendMessage, RefusesWhatDoesNotFill) {
    const std::string begin = text("") + text("");
    for (const auto& [type, body] : std::vector<std::pair<char, std::string>>{
             {'Q', ""},
             {'Q', "x"},
             {'Q', text("x") + "y"},
             {'P', text("s") + text("SELECT 1")},
             {'P', text("s") + text("SELECT 1") + word16(1)},
             {'P', text("s") + text("SELECT 1") + word16(0xFFFF) + word32(1)},
             {'P', text("s") + text("SELECT 1") + word16(0) + "x"},
             {'B', begin + word16(0) + word16(1) + word32(5) + "abc" + word16(0)},
             {'B', begin + word16(0) + word16(1) + word32(0x80000000) + word16(0)},
             {'B', begin + word16(0) + word16(1) + word32(0xFFFFFFFE) + word16(0)},
             {'B', begin + word16(2) + word16(0) + word16(0) + word16(1) + word32(0) + word16(0)},
             {'B', begin + word16(0) + word16(0xFFFF)},
             {'D', "X" + text("s")},
             {'D', ""},
             {'E', text("")},
             {'S', "x"},
             {'H', "x"}}) {
        EXPECT_ERROR(parse_message(type, body), ErrorCode::kInvalidInput, "08P01");
    }
    EXPECT_ERROR(parse_message('B', begin + word16(1) + word16(2) + word16(0) + word16(0)),
                 ErrorCode::kInvalidInput, "22023");
    EXPECT_ERROR(parse_message('Q', text("\xff")), ErrorCode::kInvalidInput, "22021");
    EXPECT_ERROR(parse_message('?', ""), ErrorCode::kInvalidInput, "08P01");
}

TEST(FrontendMessage, TakesNegativeRowLimitsAsNone) {
    ASSERT_OK_AND_ASSIGN(const auto message, parse_message('E', text("") + word32(0xFFFFFFFF)));
    EXPECT_EQ(std::get<Execute>(message).rows_max, 0u);
}

TEST(ConnectionOptions, AreSplitLikeACommandLine) {
    ASSERT_OK_AND_ASSIGN(const auto options,
                         parse_options(R"( -c a=b -cc.d=e\ f --statement-timeout=5s )"));
    EXPECT_THAT(options,
                ElementsAre(Pair("a", "b"), Pair("c.d", "e f"), Pair("statement_timeout", "5s")));
    ASSERT_OK_AND_ASSIGN(const auto none, parse_options("  "));
    EXPECT_TRUE(none.empty());
    for (const std::string_view broken : {"-c", "-x", "a=b", "-c a", "--a"}) {
        EXPECT_FALSE(parse_options(broken).has_value()) << broken;
    }
}

}  // namespace
}  // namespace braid::serving::pgwire
