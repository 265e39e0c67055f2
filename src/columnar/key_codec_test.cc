// SPDX-License-Identifier: Apache-2.0
#include "columnar/key_codec.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <compare>
#include <numeric>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.h"
#include "base/test_support.h"
#include "columnar/test_support.h"

namespace braid {
namespace {

std::string key_of(const Datum& value) {
    std::string key;
    encode_key(value, key);
    return key;
}

std::string hex_of(const Datum& value) {
    std::string hex;
    for (const char byte : key_of(value)) hex += fmt::format("{:02x}", static_cast<uint8_t>(byte));
    return hex;
}

Datum datum_of(std::string_view type_name, std::string_view text) {
    Type type;
    EXPECT_TRUE(parse_type_name(type_name, type));
    const Result<Datum> value = parse_text(text, type, utc_format());
    EXPECT_OK(value);
    return value ? *value : Datum::null(type);
}

std::string shown(const Datum& value) {
    if (value.is_null()) return "NULL";
    std::string text;
    format_text(value, utc_format(), text);
    return text;
}

Result<Datum> decoded(std::string_view key, const Type& type) {
    ColumnBuilder builder(type);
    std::string_view rest = key;
    TRY(decode_key_value(rest, type, builder));
    EXPECT_TRUE(rest.empty());
    return builder.finish().datum(0);
}

TEST(KeyCodec, WritesTheDocumentedBytes) {
    EXPECT_EQ(hex_of(Datum::null(Type::of(TypeKind::kInt4))), "ff");
    EXPECT_EQ(hex_of(Datum::boolean(true)), "01");
    EXPECT_EQ(hex_of(Datum::int4(1)), "0080000001");
    EXPECT_EQ(hex_of(Datum::int8(-1)), "007fffffffffffffff");
    EXPECT_EQ(hex_of(Datum::float8(1.0)), "00bff0000000000000");
    EXPECT_EQ(hex_of(Datum::float8(-0.0)), hex_of(Datum::float8(0.0)));
    EXPECT_EQ(hex_of(Datum::text("ab")), "616200");
    EXPECT_EQ(hex_of(Datum::text("")), "00");
    EXPECT_EQ(hex_of(datum_of("numeric", "0.00")), "30");
    EXPECT_EQ(hex_of(datum_of("numeric", "12.50")), "4080020d3300");
    EXPECT_EQ(hex_of(datum_of("numeric", "-12.5")), "207ffdf2ccff");
    EXPECT_EQ(hex_of(datum_of("numeric", "NaN")), "60");
    EXPECT_EQ(hex_of(datum_of("interval", "1 day")), "008000000000141dd76000");
    EXPECT_EQ(hex_of(datum_of("interval", "24:00")), "008000000000141dd76000");
}

/// Values in PostgreSQL's order, each different from the next.
struct Ascending {
    const char* type;
    std::vector<const char*> values;
};
const std::vector<Ascending> kAscending = {
    {"bool", {"f", "t"}},
    {"int4", {"-2147483648", "-256", "-1", "0", "1", "255", "256", "2147483647"}},
    {"int8", {"-9223372036854775808", "-1", "0", "1", "4294967296", "9223372036854775807"}},
    {"float8",
     {"-Infinity", "-1e308", "-1", "-5e-324", "0", "5e-324", "1", "1e308", "Infinity", "NaN"}},
    {"numeric", {"-Infinity", "-1e37", "-100.5", "-100",  "-99",  "-1.5",     "-1.05", "-1", "-0.1",
                 "-1e-300",   "0",     "1e-300", "1e-37", "0.01", "0.0101",   "0.1",   "1",  "1.05",
                 "1.5",       "99",    "100",    "100.5", "1e37", "Infinity", "NaN"}},
    {"text", {"", "A", "AB", "B", "a", "a b", "ab", "ä", "日", "🙂"}},
    {"date",
     {"-infinity", "4714-11-24 BC", "1999-12-31", "2000-01-01", "5874897-12-31", "infinity"}},
    {"timestamp",
     {"-infinity", "1999-12-31 23:59:59.999999", "2000-01-01", "294276-12-31", "infinity"}},
    {"timestamptz", {"-infinity", "1999-12-31 23:59:59.999999Z", "2000-01-01Z", "infinity"}},
    {"interval",
     {"-178956970 years", "-1 mon", "-29 days", "-1 us", "0", "1 us", "23:59", "1 day", "29 days",
      "1 mon", "31 days", "1 year", "178956970 years"}},
};

TEST(KeyCodec, OrdersLikePostgresql) {
    for (const Ascending& ascending : kAscending) {
        std::vector<std::string> keys;
        for (const char* value : ascending.values)
            keys.push_back(key_of(datum_of(ascending.type, value)));
        keys.push_back("\xff");  // NULL is last
        for (size_t i = 0; i + 1 < keys.size(); i++) {
            EXPECT_LT(keys[i], keys[i + 1]) << ascending.type << ' ' << ascending.values[i];
        }
    }
}

TEST(KeyCodec, ReadsBackWhatItWrote) {
    for (const Ascending& ascending : kAscending) {
        for (const char* text : ascending.values) {
            const Datum value = datum_of(ascending.type, text);
            ASSERT_OK_AND_ASSIGN(const Datum back, decoded(key_of(value), value.type));
            EXPECT_EQ(key_of(back), key_of(value)) << text;
            if (value.type.kind == TypeKind::kInterval) continue;  // equal, but shown in days
            EXPECT_EQ(shown(back), shown(value));
        }
    }
    ASSERT_OK_AND_ASSIGN(const Datum padded,
                         decoded(key_of(datum_of("numeric", "7.5")), Type::numeric(10, 2)));
    EXPECT_EQ(shown(padded), "7.50");
    ASSERT_OK_AND_ASSIGN(const Datum bare, decoded(key_of(datum_of("numeric", "100.00")),
                                                   Type::of(TypeKind::kNumeric)));
    EXPECT_EQ(shown(bare), "100");
    ASSERT_OK_AND_ASSIGN(const Datum days, decoded(key_of(datum_of("interval", "1 mon 25:00")),
                                                   Type::of(TypeKind::kInterval)));
    EXPECT_EQ(shown(days), "31 days 01:00:00");
}

TEST(KeyCodec, HoldsTheLongestIntervals) {
    for (const int32_t sign : {1, -1}) {
        const Interval64 longest{sign * INT64_MAX, sign * INT32_MAX, sign * INT32_MAX};
        const Datum value{Type::of(TypeKind::kInterval), longest};
        ASSERT_OK_AND_ASSIGN(const Datum back, decoded(key_of(value), value.type));
        EXPECT_EQ(key_of(back), key_of(value));
    }
}

Datum random_numeric(Random& random) {
    const int digits = 1 + static_cast<int>(random.below(38));
    std::string text = random.below(2) == 0 ? "-" : "";
    for (int i = 0; i < digits; i++)
        text += static_cast<char>('0' + random.below(i % 3 == 0 ? 10 : 2));
    if (random.below(3) != 0)
        text.insert(text.size() - random.below(static_cast<uint64_t>(digits)), ".");
    return datum_of("numeric", text);
}

Datum random_datum(TypeKind kind, Random& random) {
    const Type type = Type::of(kind);
    const auto shift = static_cast<int>(random.below(64));
    const auto whole = static_cast<int64_t>(random.next()) >> shift;
    switch (kind) {
        case TypeKind::kBool:
            return {type, random.below(2) == 1};
        case TypeKind::kInt4:
        case TypeKind::kDate:
            return {type, static_cast<int32_t>(whole)};
        case TypeKind::kFloat8:
            if (random.below(2) == 0) return {type, static_cast<double>(whole) / 8};
            return {type, std::bit_cast<double>(random.next())};
        case TypeKind::kNumeric:
            return random_numeric(random);
        case TypeKind::kInterval:
            return {type, Interval64{whole, static_cast<int32_t>(random.next()) >> (shift / 2),
                                     static_cast<int32_t>(random.next()) >> (shift / 2)}};
        case TypeKind::kText:
        case TypeKind::kUnknown: {
            std::string text;
            for (uint64_t i = random.below(5); i > 0; i--) text += "\x01 aé\x7f"[random.below(6)];
            return {type, is_valid_utf8(text) ? text : "\x01"};
        }
        default:
            return {type, whole};
    }
}

std::weak_ordering value_order(const Datum& left, const Datum& right) {
    switch (left.type.kind) {
        case TypeKind::kBool:
            return left.as<bool>() <=> right.as<bool>();
        case TypeKind::kInt4:
        case TypeKind::kDate:
            return left.as<int32_t>() <=> right.as<int32_t>();
        case TypeKind::kFloat8: {
            const double a = left.as<double>();
            const double b = right.as<double>();
            if (std::isnan(a) || std::isnan(b)) return std::isnan(a) <=> std::isnan(b);
            return a < b   ? std::weak_ordering::less
                   : a > b ? std::weak_ordering::greater
                           : std::weak_ordering::equivalent;
        }
        case TypeKind::kNumeric:
            return compare(left.as<Numeric>(), right.as<Numeric>());
        case TypeKind::kInterval: {
            const auto span = [](const Interval64& i) {
                return (static_cast<long double>(i.months) * 30 + i.days) * 86'400'000'000.0L +
                       i.us;
            };
            const long double a = span(left.as<Interval64>());
            const long double b = span(right.as<Interval64>());
            return a < b   ? std::weak_ordering::less
                   : a > b ? std::weak_ordering::greater
                           : std::weak_ordering::equivalent;
        }
        case TypeKind::kText:
        case TypeKind::kUnknown:
            return left.as<std::string>() <=> right.as<std::string>();
        default:
            return left.as<int64_t>() <=> right.as<int64_t>();
    }
}

class KeyCodecOfKind : public testing::TestWithParam<TypeKind> {};

TEST_P(KeyCodecOfKind, OrdersRandomPairsByValue) {
    Random random(static_cast<uint64_t>(GetParam()) + 1);
    for (int i = 0; i < 5000; i++) {
        const Datum left = random_datum(GetParam(), random);
        const Datum right = random_datum(GetParam(), random);
        const auto by_key = key_of(left) <=> key_of(right);
        EXPECT_EQ(by_key < 0, value_order(left, right) < 0)
            << shown(left) << " and " << shown(right);
        EXPECT_EQ(by_key == 0, value_order(left, right) == 0)
            << shown(left) << " and " << shown(right);
    }
}

TEST_P(KeyCodecOfKind, ReadsBackRandomValues) {
    Random random(static_cast<uint64_t>(GetParam()) + 100);
    for (int i = 0; i < 2000; i++) {
        const Datum value = random_datum(GetParam(), random);
        const std::string key = key_of(value);
        ASSERT_OK_AND_ASSIGN(const Datum back, decoded(key, value.type));
        EXPECT_EQ(key_of(back), key);
        EXPECT_TRUE(value_order(value, back) == 0);
        ASSERT_OK_AND_ASSIGN(const size_t size, key_value_size(key + "tail", value.type));
        EXPECT_EQ(size, key.size());
        for (size_t cut = 0; cut < key.size(); cut++) {
            EXPECT_FALSE(key_value_size(std::string_view(key).substr(0, cut), value.type));
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Kinds, KeyCodecOfKind,
                         testing::Values(TypeKind::kUnknown, TypeKind::kBool, TypeKind::kInt4,
                                         TypeKind::kInt8, TypeKind::kNumeric, TypeKind::kFloat8,
                                         TypeKind::kText, TypeKind::kDate, TypeKind::kTimestamp,
                                         TypeKind::kTimestampTz, TypeKind::kInterval),
                         [](const auto& info) {
                             return fmt::format("Kind{}", static_cast<int>(info.param));
                         });

TEST(KeyCodec, RefusesBytesThatNoValueHas) {
    const auto refuses = [](std::string_view bytes, TypeKind kind) {
        ColumnBuilder builder(Type::of(kind));
        std::string_view rest = bytes;
        const Result<void> result = decode_key_value(rest, builder.type(), builder);
        EXPECT_ERROR(result, ErrorCode::kCorrupt);
        EXPECT_EQ(rest, bytes);
        EXPECT_EQ(builder.length(), 0U);
    };
    refuses("", TypeKind::kInt4);
    refuses("\x02", TypeKind::kBool);
    refuses(std::string_view("\x01\x80\x00\x00\x01", 5), TypeKind::kInt4);
    refuses("abc", TypeKind::kText);
    refuses("\x70", TypeKind::kNumeric);
    refuses(std::string_view("\x40\x80\x01\x00", 4), TypeKind::kNumeric);          // no digit
    refuses(std::string_view("\x40\x80\x01\x02\x00", 5), TypeKind::kNumeric);      // begins with 0
    refuses(std::string_view("\x40\x80\x01\x0c\x01\x00", 6), TypeKind::kNumeric);  // ends with 00
    refuses(std::string_view("\x40\x80\x01\x66\x00", 5), TypeKind::kNumeric);      // 101 is no pair
    refuses(std::string_view("\x40\x80\x30\x0c\x00", 5), TypeKind::kNumeric);      // 48 digits
    refuses(std::string("\x00", 1) + std::string(10, '\xff'), TypeKind::kInterval);
}

TEST(KeyCodec, EncodesBatchesLikeSingleValues) {
    const Schema schema =
        schema_of("a bool, b int4, c numeric, d float8, e text, f interval, g timestamptz");
    const Batch flat = batch_of(schema, R"(
        t    | 1    | 1.50 | 0.5  | /index.html | 1 day | 2015-05-20 10:05:03+00
        NULL | NULL | NULL | NULL | NULL | NULL | NULL
        f    | -7   | -2   | -0 | | 2:00 | infinity
        t    | 0    | 0    | NaN  | 0123456789012345678901234567890123456 | 0 | -infinity
    )");
    Batch mixed = flat;
    for (Column& column : mixed.columns) {
        column = Column::dictionary(column.slice(2, 2), {1, 0, -1, 1, 0, 0});
    }
    mixed.length = 6;
    mixed.columns.push_back(Column::constant(Datum::text("k"), 6));
    mixed.columns.push_back(Column::constant(Datum::null(Type::of(TypeKind::kInt8)), 6));
    for (const Batch* batch : {&flat, static_cast<const Batch*>(&mixed)}) {
        std::vector<uint32_t> all(batch->length);
        std::iota(all.begin(), all.end(), 0U);
        for (const std::vector<uint32_t>& rows : {all, std::vector<uint32_t>{2, 0, 2}, {}}) {
            EncodedKeys keys;
            keys.bytes = "left over";
            encode_keys(batch->columns, rows, keys);
            ASSERT_EQ(keys.size(), rows.size());
            for (size_t i = 0; i < rows.size(); i++) {
                std::string expected;
                for (const Column& column : batch->columns)
                    encode_key_value(column, rows[i], expected);
                EXPECT_EQ(keys.at(i), expected) << "row " << rows[i];
            }
        }
    }
}

TEST(KeyCodec, KeepsConcatenatedOrder) {
    // A shorter first text sorts first whatever follows it.
    const std::string left = key_of(Datum::text("a")) + key_of(Datum::int8(INT64_MAX));
    const std::string right = key_of(Datum::text("ab")) + key_of(Datum::int8(INT64_MIN));
    EXPECT_LT(left, right);
}

}  // namespace
}  // namespace braid
