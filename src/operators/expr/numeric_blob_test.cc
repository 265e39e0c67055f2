// SPDX-License-Identifier: Apache-2.0
#include "operators/expr/numeric_blob.h"

#include <cstring>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/test_support.h"

namespace braid::operators {
namespace {

Numeric numeric(std::string_view text) {
    auto value = parse_numeric(text);
    EXPECT_TRUE(value.has_value()) << text;
    return *value;
}

std::string text_of(const Numeric& value) {
    std::string text;
    format_numeric(value, text);
    return text;
}

const std::vector<std::string> kAscending = {"-Infinity",
                                             "-99999999999999999999999999999999999999",
                                             "-1e30",
                                             "-10",
                                             "-9.99",
                                             "-9.9",
                                             "-1",
                                             "-0.1",
                                             "-0.000000000000000000000000000001",
                                             "0",
                                             "0.00000000000000000000000000000000000001",
                                             "0.0001",
                                             "0.1",
                                             "0.10000001",
                                             "0.9",
                                             "1",
                                             "1.5",
                                             "2",
                                             "9",
                                             "10",
                                             "10.01",
                                             "99",
                                             "100",
                                             "18446744073709551616",
                                             "99999999999999999999999999999999999999",
                                             "Infinity",
                                             "NaN"};

TEST(NumericBlob, OrdersAsTheValuesDo) {
    for (size_t i = 1; i < kAscending.size(); ++i) {
        const NumericBlob low = encode_numeric_blob(numeric(kAscending[i - 1]));
        const NumericBlob high = encode_numeric_blob(numeric(kAscending[i]));
        EXPECT_LT(std::memcmp(low.data(), high.data(), kNumericValueBytes), 0) << kAscending[i];
    }
}

TEST(NumericBlob, ComesBackWithItsScale) {
    std::vector<std::string> texts = kAscending;
    texts.insert(texts.end(),
                 {"0.00", "1.00", "-1.50", "100.000", "12345678901234567890.1234567890"});
    for (const std::string& text : texts) {
        const NumericBlob blob = encode_numeric_blob(numeric(text));
        Numeric back;
        ASSERT_TRUE(decode_numeric_blob({blob.data(), blob.size()}, back)) << text;
        EXPECT_EQ(text_of(back), text_of(numeric(text)));
    }
}

TEST(NumericBlob, EqualValuesShareTheirFirstBytes) {
    const NumericBlob one = encode_numeric_blob(numeric("1.0"));
    const NumericBlob other = encode_numeric_blob(numeric("1.000"));
    EXPECT_EQ(std::memcmp(one.data(), other.data(), kNumericValueBytes), 0);
    EXPECT_LT(std::memcmp(one.data(), other.data(), kNumericBlobBytes), 0);
}

TEST(NumericBlob, FirstBytesAloneGiveTheSmallestScale) {
    for (const auto& [text, smallest] : std::vector<std::pair<std::string, std::string>>{
             {"1.500", "1.5"}, {"100.00", "100"}, {"-0.0010", "-0.001"}, {"0.00", "0"}}) {
        const NumericBlob blob = encode_numeric_blob(numeric(text));
        Numeric back;
        ASSERT_TRUE(decode_numeric_blob({blob.data(), kNumericValueBytes}, back)) << text;
        EXPECT_EQ(text_of(back), smallest);
    }
}

TEST(NumericBlob, RefusesOtherBytes) {
    Numeric value;
    EXPECT_FALSE(decode_numeric_blob("", value));
    EXPECT_FALSE(decode_numeric_blob(std::string(kNumericBlobBytes, '\x07'), value));
    EXPECT_FALSE(decode_numeric_blob(std::string(kNumericBlobBytes, '\x03'), value));
}

TEST(NumericBlob, IntervalsOrderByTheirLengthAndComeBack) {
    const std::vector<Interval64> ascending = {{0, 0, -1}, {-1, 0, 0}, {0, 0, 0}, {1, 0, 0},
                                               {0, 1, 0},  {0, 29, 0}, {0, 0, 1}, {0, 0, 12}};
    for (size_t i = 0; i < ascending.size(); ++i) {
        const IntervalBlob blob = encode_interval_blob(ascending[i]);
        Interval64 back;
        ASSERT_TRUE(decode_interval_blob({blob.data(), blob.size()}, back));
        EXPECT_EQ(back, ascending[i]);
        if (i == 0) continue;
        const IntervalBlob low = encode_interval_blob(ascending[i - 1]);
        EXPECT_LT(std::memcmp(low.data(), blob.data(), kIntervalValueBytes), 0) << i;
    }
    const IntervalBlob month = encode_interval_blob({0, 0, 1});
    const IntervalBlob days = encode_interval_blob({0, 30, 0});
    EXPECT_EQ(std::memcmp(month.data(), days.data(), kIntervalValueBytes), 0);
}

}  // namespace
}  // namespace braid::operators
