// SPDX-License-Identifier: Apache-2.0
#include "catalog/retention.h"

#include <gtest/gtest.h>

#include "base/test_support.h"

namespace braid::catalog {
namespace {

TEST(Retention, IsATimeOfFixedLength) {
    EXPECT_EQ(parse_retention("7 days").value(), 7LL * 86'400'000'000);
    EXPECT_EQ(parse_retention("36:00").value(), 36LL * 3'600'000'000);
    EXPECT_EQ(parse_retention("1 microsecond").value(), 1);
    for (const char* words : {"", "soon", "0", "-1 day", "1 month", "1 year", "1 month -30 days"}) {
        const auto parsed = parse_retention(words);
        ASSERT_FALSE(parsed.has_value()) << words;
        EXPECT_EQ(parsed.error().sqlstate(), "22023") << words;
        EXPECT_FALSE(parsed.error().hint().empty()) << words;
    }
    EXPECT_NE(parse_retention("3 months").error().hint().find("days"), std::string::npos);
}

TEST(Retention, IsShownAsPostgresWritesIt) {
    for (const char* words : {"7 days", "1 day 12:00:00", "00:00:00.000001"}) {
        EXPECT_EQ(retention_text(parse_retention(words).value()), words);
    }
    EXPECT_EQ(retention_text(parse_retention("36 hours").value()), "1 day 12:00:00");
}

}  // namespace
}  // namespace braid::catalog
