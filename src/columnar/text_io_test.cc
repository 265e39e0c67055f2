// SPDX-License-Identifier: Apache-2.0
#include "columnar/text_io.h"

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "base/random.h"
#include "base/test_support.h"

namespace braid {
namespace {

Type type_named(std::string_view name) {
    Type type;
    EXPECT_TRUE(parse_type_name(name, type)) << name;
    return type;
}

/// The value's output, or its SQLSTATE and message.
std::string through(std::string_view type_name, std::string_view text) {
    const Result<Datum> value = parse_text(text, type_named(type_name), utc_format());
    if (!value) return fmt::format("!{} {}", value.error().sqlstate(), value.error().message());
    std::string out;
    format_text(*value, utc_format(), out);
    return out;
}

std::string binary_of(std::string_view type_name, std::string_view text) {
    const Result<Datum> value = parse_text(text, type_named(type_name), utc_format());
    EXPECT_OK(value);
    std::string bytes;
    format_binary(Column::constant(*value, 1), 0, bytes);
    std::string hex;
    for (const char byte : bytes) hex += fmt::format("{:02x}", static_cast<uint8_t>(byte));
    const Result<Datum> back = parse_binary(bytes, value->type);
    EXPECT_OK(back);
    std::string out;
    format_text(*back, utc_format(), out);
    EXPECT_EQ(out, through(type_name, text));
    return hex;
}

TEST(Utf8, TakesAllOfUnicodeButNul) {
    std::string text;
    for (uint32_t code = 1; code < 0x110000; code++) {
        if (code >= 0xd800 && code < 0xe000) continue;
        if (code < 0x80) {
            text = {static_cast<char>(code)};
        } else if (code < 0x800) {
            text = {static_cast<char>(0xc0 | code >> 6), static_cast<char>(0x80 | (code & 63))};
        } else if (code < 0x10000) {
            text = {static_cast<char>(0xe0 | code >> 12),
                    static_cast<char>(0x80 | (code >> 6 & 63)),
                    static_cast<char>(0x80 | (code & 63))};
        } else {
            text = {
                static_cast<char>(0xf0 | code >> 18), static_cast<char>(0x80 | (code >> 12 & 63)),
                static_cast<char>(0x80 | (code >> 6 & 63)), static_cast<char>(0x80 | (code & 63))};
        }
        ASSERT_TRUE(is_valid_utf8(text)) << code;
        ASSERT_FALSE(is_valid_utf8(std::string_view(text).substr(1)) && text.size() > 1) << code;
    }
    EXPECT_TRUE(is_valid_utf8(""));
    EXPECT_FALSE(is_valid_utf8(std::string_view("\0", 1)));
}

TEST(Utf8, FindsTheBadByteWhereverItStands) {
    for (const std::string_view bad :
         {"\x80", "\xc0\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xf0\x8f\xbf\xbf",
          "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "\xc3", "\xe2\x82", "\xf0\x9f\x98",
          "\xe2(\xa1"}) {
        for (size_t before = 0; before < 70; before++) {
            const std::string text = std::string(before, 'a') + std::string(bad);
            EXPECT_FALSE(is_valid_utf8(text));
            EXPECT_FALSE(is_valid_utf8(text + std::string(40, 'b')));
        }
        EXPECT_FALSE(is_valid_utf8("日本" + std::string(bad)));
    }
    EXPECT_FALSE(is_valid_utf8(std::string(33, 'a') + '\0' + std::string(33, 'a')));
}

TEST(TextIo, NamesTheBytesThatAreNoUtf8) {
    EXPECT_EQ(through("text", "a\xff"), "!22021 invalid byte sequence for encoding \"UTF8\": 0xff");
    EXPECT_EQ(through("text", "a\xe2(\xa1z"),
              "!22021 invalid byte sequence for encoding \"UTF8\": 0xe2 0x28 0xa1");
    EXPECT_EQ(through("text", std::string_view("a\0b", 3)),
              "!22021 invalid byte sequence for encoding \"UTF8\": 0x00");
}

TEST(TextIo, CutsAndMeasuresTheAliasesOfText) {
    EXPECT_EQ(through("varchar(3)", "añb"), "añb");
    EXPECT_EQ(through("varchar(3)", "añb  "), "añb");
    EXPECT_EQ(through("varchar(3)", "añbc"), "!22001 value too long for type character varying(3)");
    EXPECT_EQ(through("varchar", std::string(500, 'x')), std::string(500, 'x'));
    EXPECT_EQ(through("name", std::string(62, 'x') + "ñ"), std::string(62, 'x'));
    EXPECT_EQ(through("name", std::string(64, 'x')), std::string(63, 'x'));
    EXPECT_EQ(through("\"char\"", "ab"), "a");
}

TEST(TextIo, RefusesTimesThatNeedAClock) {
    for (const char* text : {"now", "today", "tomorrow", "yesterday", "today 10:00"}) {
        EXPECT_EQ(through("timestamptz", text).substr(0, 6), "!0A000") << text;
    }
}

TEST(TextIo, ReadsOidsOfTheCatalogsAsNumbers) {
    EXPECT_EQ(through("regclass", "1259"), "1259");
    EXPECT_EQ(through("regtype", "-"), "0");
    EXPECT_EQ(through("regclass", "pg_class").substr(0, 6), "!0A000");
    EXPECT_EQ(through("oid", "-1"), "4294967295");
    EXPECT_EQ(through("oid", "4294967296").substr(0, 6), "!22003");
}

TEST(TextIo, AppendsNothingOnError) {
    for (const char* type : {"bool", "int4", "int8", "numeric", "float8", "date", "timestamp",
                             "timestamptz", "interval", "text"}) {
        ColumnBuilder builder(type_named(type));
        EXPECT_FALSE(parse_text_into(builder, "\xff", utc_format())) << type;
        EXPECT_EQ(builder.length(), 0U);
    }
}

TEST(TextIo, WritesBinaryAsTheWireWants) {
    EXPECT_EQ(binary_of("bool", "t"), "01");
    EXPECT_EQ(binary_of("int2", "-2"), "fffe");
    EXPECT_EQ(binary_of("int4", "1"), "00000001");
    EXPECT_EQ(binary_of("oid", "4294967295"), "ffffffff");
    EXPECT_EQ(binary_of("float8", "1.5"), "3ff8000000000000");
    EXPECT_EQ(binary_of("date", "2000-01-02"), "00000001");
    EXPECT_EQ(binary_of("timestamptz", "infinity"), "7fffffffffffffff");
    EXPECT_EQ(binary_of("interval", "1 mon 2 days 1 us"), "00000000000000010000000200000001");
    EXPECT_EQ(binary_of("text", "é"), "c3a9");
    EXPECT_EQ(binary_of("numeric(6,1)", "12.25"), "0002000000000001000c0bb8");
}

TEST(TextIo, WritesArraysInBinary) {
    EXPECT_EQ(binary_of("text[]", "{}"), "000000000000000000000019");
    EXPECT_EQ(binary_of("text[]", "{a,NULL,\"b c\"}"),
              "000000010000000100000019"
              "0000000300000001"
              "0000000161"
              "ffffffff"
              "00000003622063");
    EXPECT_EQ(binary_of("oid[]", "{7}"),
              "00000001000000000000001a00000001000000010000000400000007");
    EXPECT_EQ(binary_of("int2vector", "1 -2"),
              "00000001000000000000001500000002000000000000000200010000"
              "0002fffe");
    EXPECT_EQ(binary_of("text[]", R"({"NULL","a\"b\\"})").substr(0, 24),
              "000000010000000000000019");
}

TEST(TextIo, ReadsArraysByTheTypeOfTheirElements) {
    const auto read = [](const char* type, std::string_view text) -> std::string {
        const auto value = parse_text(text, type_named(type), utc_format());
        return value ? value->as<std::string>() : std::string(value.error().sqlstate());
    };
    EXPECT_EQ(read("int4[]", " { 01 , null,-5} "), "{1,NULL,-5}");
    EXPECT_EQ(read("int4[]", "{1,x}"), "22P02");
    EXPECT_EQ(read("int4[]", "{2147483648}"), "22003");
    EXPECT_EQ(read("int4[]", "{{1,2},{3,NULL}}"), "{{1,2},{3,NULL}}");
    EXPECT_EQ(read("int8[]", "{{{1},{2}},{{3},{4}},{{5},{6}}}"), "{{{1},{2}},{{3},{4}},{{5},{6}}}");
    EXPECT_EQ(read("bool[]", "{yes,off}"), "{t,f}");
    EXPECT_EQ(read("numeric[]", "{1.50,NaN}"), "{1.50,NaN}");
    EXPECT_EQ(read("float8[]", "{1e3,-Infinity}"), "{1000,-Infinity}");
    EXPECT_EQ(read("date[]", "{\"Jan 2 2020\"}"), "{2020-01-02}");
    EXPECT_EQ(read("timestamptz[]", "{2020-01-02 03:04+01}"), "{\"2020-01-02 02:04:00+00\"}");
    EXPECT_EQ(read("interval[]", "{1 day}"), "{\"1 day\"}");
    EXPECT_EQ(read("varchar[]", "{ a b ,\"\"}"), "{\"a b\",\"\"}");
    EXPECT_EQ(read("text[]", "{\xff}"), "22021");
    EXPECT_EQ(read("int4[]", "{}"), "{}");
}

TEST(TextIo, ArraysComeBackFromTheirBinaryForm) {
    for (const auto& [type, literal] :
         {std::pair("int4[]", "{1,NULL,-5}"), std::pair("int4[]", "{}"),
          std::pair("int8[]", "{{1,2,3},{NULL,5,6}}"), std::pair("bool[]", "{t,f,NULL}"),
          std::pair("numeric[]", "{1.50,-0.001,NaN}"), std::pair("float8[]", "{0.1,-Infinity}"),
          std::pair("date[]", "{2020-02-29,infinity}"),
          std::pair("timestamp[]", "{\"2020-02-29 01:02:03.5\"}"),
          std::pair("timestamptz[]", "{\"2020-02-29 01:02:03+00\"}"),
          std::pair("interval[]", "{\"1 day 02:00:00\",NULL}"),
          std::pair("text[]", R"({a,"b \"c\"","NULL",NULL,""})"), std::pair("varchar[]", "{x}")}) {
        const Datum value{type_named(type), std::string(literal)};
        std::string bytes;
        format_binary(Column::constant(value, 1), 0, bytes);
        ASSERT_OK_AND_ASSIGN(const Datum back, parse_binary(bytes, type_named(type)));
        EXPECT_EQ(back.as<std::string>(), literal);
    }
}

TEST(TextIo, RefusesDamagedBinaryForms) {
    Random random(21);
    for (const char* type : {"bool", "int2", "int4", "int8", "oid", "float8", "numeric", "date",
                             "timestamp", "interval", "text", "text[]", "oid[]", "int2vector",
                             "int4[]", "numeric[]", "timestamptz[]"}) {
        for (int i = 0; i < 2000; i++) {
            std::string bytes;
            for (uint64_t size = random.below(40); size > 0; size--) {
                bytes += static_cast<char>(random.below(random.below(2) == 0 ? 256 : 3));
            }
            const Result<Datum> value = parse_binary(bytes, type_named(type));
            if (!value) continue;
            std::string text;
            format_text(*value, utc_format(), text);
            EXPECT_TRUE(is_valid_utf8(text));
        }
    }
    EXPECT_ERROR(parse_binary("abc", type_named("int4")), ErrorCode::kInvalidInput, "22P03");
    EXPECT_ERROR(parse_binary("\x7f\xff\xff\xfe", type_named("date")), ErrorCode::kInvalidInput,
                 "22008");
}

TEST(TextIo, ReadsBackEveryDouble) {
    Random random(22);
    for (int i = 0; i < 30'000; i++) {
        const auto value = std::bit_cast<double>(random.next());
        std::string text;
        format_double(value, text);
        const Result<Datum> back = parse_text(text, Type::of(TypeKind::kFloat8), utc_format());
        ASSERT_OK(back);
        if (value == value) {
            ASSERT_EQ(back->as<double>(), value) << text;
        } else {
            ASSERT_NE(back->as<double>(), back->as<double>());
        }
    }
}

TEST(TextIo, ReadsMachineTimesAsAnyOther) {
    // A blank in front keeps a time off the short way that ISO forms take.
    Random random(23);
    for (int i = 0; i < 4'000; i++) {
        std::string text =
            fmt::format("{:04}-{:02}-{:02}{}{:02}:{:02}:{:02}", random.below(3000),
                        random.below(14), random.below(33), random.below(2) == 0 ? ' ' : 'T',
                        random.below(26), random.below(62), random.below(62));
        if (random.below(2) == 0) text += fmt::format(".{}", random.below(10'000'000));
        constexpr std::string_view kZones[] = {"",       "Z",   "+00", "-08", "+0530",
                                               "+05:45", "+16", "+1",  "x"};
        text += kZones[random.below(std::size(kZones))];
        for (const char* type : {"timestamp", "timestamptz", "date"}) {
            const std::string direct = through(type, text);
            const std::string spaced = through(type, " " + text);
            if (direct[0] != '!') {
                EXPECT_EQ(direct, spaced) << text;
            } else {
                EXPECT_EQ(direct.substr(0, 6), spaced.substr(0, 6)) << text;
            }
        }
    }
}

TEST(ArrayTextTest, QuotesWhatPostgresQuotes) {
    std::string out;
    for (const std::string_view element :
         {"a", "", "NULL", "null", "a b", "a,b", "{", "\"", "\\", "é", "'"}) {
        append_array_element(element, out);
        out += ';';
    }
    append_array_element(std::nullopt, out);
    EXPECT_EQ(out, R"(a;"";"NULL";"null";"a b";"a,b";"{";"\"";"\\";é;';NULL)");
}

TEST(ArrayTextTest, ReadsWhatItWrites) {
    const ArrayElements elements = {"a",  "",   "NULL", std::nullopt, "a b", "a,b",
                                    "{}", "\"", "\\",   " x ",        "é"};
    std::string text = "{";
    for (const auto& element : elements) {
        if (text.size() > 1) text += ',';
        append_array_element(element, text);
    }
    text += '}';
    ASSERT_OK_AND_ASSIGN(const ArrayElements read, parse_array_text(text));
    EXPECT_EQ(read, elements);
}

TEST(ArrayTextTest, ReadsWhatPeopleWrite) {
    ASSERT_OK_AND_ASSIGN(const ArrayElements read,
                         parse_array_text(R"(  { a b , Null, \NULL ,"c" , \  , d\} ,e}  )"));
    EXPECT_EQ(read, (ArrayElements{"a b", std::nullopt, "NULL", "c", " ", "d}", "e"}));
    ASSERT_OK_AND_ASSIGN(const ArrayElements none, parse_array_text("{ }"));
    EXPECT_TRUE(none.empty());
    EXPECT_EQ(parse_vector_text(" 1 23  4 "), (ArrayElements{"1", "23", "4"}));
}

TEST(ArrayTextTest, ReadsSeveralDimensionsRowByRow) {
    std::vector<int32_t> sizes;
    ASSERT_OK_AND_ASSIGN(const ArrayElements read,
                         parse_array_text("{{a,b,c},{d,NULL,\"f\"}}", &sizes));
    EXPECT_EQ(read, (ArrayElements{"a", "b", "c", "d", std::nullopt, "f"}));
    EXPECT_EQ(sizes, (std::vector<int32_t>{2, 3}));
    ASSERT_OK_AND_ASSIGN(const ArrayElements none, parse_array_text("{{},{}}", &sizes));
    EXPECT_TRUE(none.empty());
    EXPECT_TRUE(sizes.empty());
}

TEST(ArrayTextTest, RefusesWhatIsNoArray) {
    for (const std::string_view text :
         {"", "a", "{", "{a", "{a,", "{a,}", "{,a}", "{a}b", "{\"a", "{a\"b}", "{a{b}", "{a\\"}) {
        EXPECT_TRUE(IsError(ErrorCode::kInvalidInput, "22P02")(parse_array_text(text))) << text;
    }
    for (const std::string_view text : {"{{a},b}", "{a,{b}}", "{{a},{b,c}}", "{{a},{}}"}) {
        EXPECT_TRUE(IsError(ErrorCode::kInvalidInput, "22P02")(parse_array_text(text))) << text;
    }
    EXPECT_TRUE(IsError(ErrorCode::kExhausted, "54000")(parse_array_text("{{{{{{{a}}}}}}}")));
}

}  // namespace
}  // namespace braid
