// SPDX-License-Identifier: Apache-2.0
#include "serving/session/json_text.h"

#include <string>

#include <gtest/gtest.h>

#include "base/test_support.h"

namespace braid::serving {
namespace {

std::string value(std::string_view text, TypeKind kind,
                  JsonNumeric numeric = JsonNumeric::kNumber) {
    const auto datum = parse_text(text, Type::of(kind), utc_format());
    EXPECT_OK(datum);
    std::string out;
    append_json_value(Column::constant(*datum, 1), 0, utc_format(), numeric, out);
    return out;
}

TEST(JsonText, EscapesStrings) {
    std::string out;
    append_json_string("a\"b\\c\n\t\x01\x7f\xC3\xA4", out);
    EXPECT_EQ(out, "\"a\\\"b\\\\c\\n\\t\\u0001\\u007f\xC3\xA4\"");
}

TEST(JsonText, WritesNumbersBareWhereJsonHasThem) {
    EXPECT_EQ(value("-5", TypeKind::kInt4), "-5");
    EXPECT_EQ(value("9223372036854775807", TypeKind::kInt8), "9223372036854775807");
    EXPECT_EQ(value("1.50", TypeKind::kNumeric), "1.50");
    EXPECT_EQ(value("1.50", TypeKind::kNumeric, JsonNumeric::kString), "\"1.50\"");
    EXPECT_EQ(value("NaN", TypeKind::kNumeric), "\"NaN\"");
    EXPECT_EQ(value("1e+20", TypeKind::kFloat8), "1e+20");
    EXPECT_EQ(value("-Infinity", TypeKind::kFloat8), "\"-Infinity\"");
}

TEST(JsonText, WritesOthersAsText) {
    EXPECT_EQ(value("t", TypeKind::kBool), "true");
    EXPECT_EQ(value("x", TypeKind::kText), "\"x\"");
    EXPECT_EQ(value("2026-01-02", TypeKind::kDate), "\"2026-01-02\"");
    EXPECT_EQ(value("2026-01-02 03:04:05+00", TypeKind::kTimestampTz),
              "\"2026-01-02 03:04:05+00\"");
    std::string out;
    append_json_value(Column::constant(Datum::null(Type::of(TypeKind::kInt4)), 1), 0, utc_format(),
                      JsonNumeric::kNumber, out);
    EXPECT_EQ(out, "null");
}

}  // namespace
}  // namespace braid::serving
