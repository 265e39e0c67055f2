// SPDX-License-Identifier: Apache-2.0
#include "app/record_checks.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace braid::app {
namespace {

using Records = std::vector<std::string_view>;

catalog::Table table(uint64_t id, TypeKind type) {
    catalog::Table made;
    made.id = {id};
    made.name = "t";
    made.format = "json";
    made.columns.fields = {{.name = "a", .type = Type::of(type)}};
    return made;
}

TEST(RecordChecks, NamesTheFirstBadRecordsWithTheirReasons) {
    RecordChecks checks;
    const Records records = {R"({"a":1})", "nonsense", R"({"a":"x"})", R"({"b":1})", "[1]"};
    const auto check = checks.check(table(1, TypeKind::kInt4), records);
    EXPECT_EQ(check.checked, 5U);
    EXPECT_EQ(check.bad, 3U);
    ASSERT_EQ(check.reasons.size(), 3U);
    EXPECT_EQ(check.reasons[0].record, 1U);
    EXPECT_EQ(check.reasons[1].record, 2U);
    EXPECT_THAT(check.reasons[1].text, testing::HasSubstr("a"));
    EXPECT_EQ(check.reasons[2].record, 4U);
}

TEST(RecordChecks, EachStreamHasItsOwnDecoder) {
    RecordChecks checks;
    const Records records = {R"({"a":"x"})"};
    EXPECT_EQ(checks.check(table(1, TypeKind::kInt4), records).bad, 1U);
    EXPECT_EQ(checks.check(table(2, TypeKind::kText), records).bad, 0U);
    EXPECT_EQ(checks.check(table(1, TypeKind::kInt4), records).bad, 1U);
}

TEST(RecordChecks, LooksAtNoMoreThanItsLimits) {
    RecordChecks checks;
    const catalog::Table numbers = table(1, TypeKind::kInt4);
    const Records many(RecordChecks::kRecordsMax + 1, "bad");
    const auto check = checks.check(numbers, many);
    EXPECT_EQ(check.checked, RecordChecks::kRecordsMax);
    EXPECT_EQ(check.bad, RecordChecks::kRecordsMax);
    EXPECT_EQ(check.reasons.size(), RecordChecks::kReasonsMax);
    const std::string large(RecordChecks::kBytesMax / 2, 'x');
    EXPECT_EQ(checks.check(numbers, Records{large, large, large}).checked, 2U);
    EXPECT_EQ(checks.check(numbers, Records{}).checked, 0U);
}

}  // namespace
}  // namespace braid::app
