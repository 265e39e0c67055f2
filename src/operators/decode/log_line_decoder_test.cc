// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "base/test_support.h"
#include "columnar/text_io.h"
#include "operators/decode/decode_testing.h"
#include "operators/decode/slice_decoder_internal.h"
#include "plan/view_plan.h"

namespace braid::operators {
namespace {

constexpr std::string_view kAll =
    "ip text, ident text, username text, at timestamptz, method text, path text, protocol text, "
    "status int4, "
    "bytes int8, referer text, agent text";

const std::string kLine =
    R"(83.149.9.216 - frank [17/May/2015:10:05:03 +0200] "GET /a/b.png?x=1 HTTP/1.1" 200 203023 )"
    R"x("http://example.com/" "Mozilla/5.0 (X11; Linux x86_64)")x";
const std::string kNoMatch = R"(! line does not match format "combined")";

std::vector<std::string> combined(const std::vector<std::string>& lines) {
    return decode_rows(decoder_spec("combined", kAll), lines);
}

std::string combined(const std::string& line) { return combined(std::vector{line})[0]; }

std::string replaced(std::string line, std::string_view what, std::string_view by) {
    const size_t at = line.find(what);
    EXPECT_NE(at, std::string::npos) << what;
    return line.replace(at, what.size(), by);
}

TEST(LogLine, GivesElevenFields) {
    EXPECT_EQ(combined(kLine),
              "83.149.9.216|~|frank|2015-05-17 08:05:03+00|GET|/a/b.png?x=1|HTTP/1.1|200|203023|"
              "http://example.com/|Mozilla/5.0 (X11; Linux x86_64)");
}

TEST(LogLine, AByteOrderMarkIsNoPartOfTheLine) {
    EXPECT_EQ(combined("\xEF\xBB\xBF" + kLine), combined(kLine));
}

TEST(LogLine, CommonEndsAfterTheBytes) {
    const std::string line = R"(::1 - - [01/Jan/2000:00:00:00 +0000] "HEAD / HTTP/1.0" 304 -)";
    const DecoderSpec spec =
        decoder_spec("common", "status int4, bytes int8, ip text, at timestamptz");
    EXPECT_EQ(decode_rows(spec, {line})[0], "304|~|::1|2000-01-01 00:00:00+00");
    EXPECT_EQ(decode_rows(spec, {kLine})[0], R"(! line does not match format "common")");
    EXPECT_EQ(combined(line), kNoMatch);
}

TEST(LogLine, DashIsNullInEveryField) {
    EXPECT_EQ(combined(R"(- - - [-] "-" - - "-" "-")"), "~|~|~|~|~|~|~|~|~|~|~");
    EXPECT_TRUE(combined(replaced(kLine, " 203023 ", " - ")).find("|200|~|http") !=
                std::string::npos);
}

TEST(LogLine, TheNullTextIsAnOption) {
    const DecoderSpec spec =
        decoder_spec("combined", "ident text, bytes text, agent text", {{"null", "N/A"}});
    const std::string line =
        replaced(replaced(kLine, "203023", "N/A"), "Mozilla/5.0 (X11; Linux x86_64)", "N/A");
    EXPECT_EQ(decode_rows(spec, {line})[0], "-|~|~");
}

TEST(LogLine, EscapesStayAsTheyAre) {
    const std::string escaped = combined(replaced(kLine, "/a/b.png?x=1", R"(/\x22\"\\)"));
    EXPECT_NE(escaped.find(R"(GET|/\x22\"\\|HTTP/1.1)"), std::string::npos);
    // The last quote is escaped: the agent has no end.
    EXPECT_EQ(combined(replaced(kLine, R"x(x86_64)")x", R"x(x86_64)\")x")), kNoMatch);
    EXPECT_NE(combined(replaced(kLine, R"x(x86_64)")x", R"x(x86_64)\\")x")), kNoMatch);
}

TEST(LogLine, ARequestThatIsNotThreePartsKeepsTheRow) {
    for (const std::string_view request :
         {"", "-", "GET", "GET /", "GET /a b HTTP/1.1", "GET  HTTP/1.1", " / ", "GET / ",
          R"(\x16\x03\x01)", "quit / now please"}) {
        const std::string row = combined(replaced(kLine, "GET /a/b.png?x=1 HTTP/1.1", request));
        EXPECT_NE(row.find("+00|~|~|~|200|"), std::string::npos) << request << " gives " << row;
    }
}

TEST(LogLine, WhatDoesNotMatchTheWholeFormatIsBad) {
    EXPECT_EQ(combined(""), kNoMatch);
    EXPECT_EQ(combined("hello"), kNoMatch);
    EXPECT_EQ(combined(kLine + " "), kNoMatch);
    EXPECT_EQ(combined(" " + kLine), kNoMatch);
    EXPECT_EQ(combined(replaced(kLine, "- frank", "-  frank")), kNoMatch);
    EXPECT_EQ(combined(replaced(kLine, "[17", "17")), kNoMatch);
    EXPECT_EQ(combined(replaced(kLine, "] \"", "]\"")), kNoMatch);
    EXPECT_EQ(combined(replaced(kLine, "\" 200", "\"200")), kNoMatch);
    EXPECT_EQ(combined(replaced(kLine, "/5.0", "/\"5.0")), kNoMatch);
    for (size_t size = 0; size < kLine.size(); ++size)
        EXPECT_EQ(combined(kLine.substr(0, size)), kNoMatch);
}

TEST(LogLine, AValueThatDoesNotFitItsTypeIsBadWithTheColumn) {
    EXPECT_EQ(combined(replaced(kLine, " 200 ", " 99999999999 ")),
              R"(! column "status": value "99999999999" is out of range for type integer)");
    EXPECT_EQ(combined(replaced(kLine, " 200 ", " OK ")),
              R"(! column "status": invalid input syntax for type integer: "OK")");
    EXPECT_EQ(combined(replaced(kLine, "17/May", "31/Feb")),
              R"(! column "at": date/time field value out of range: "31/Feb/2015:10:05:03 +0200")");
    EXPECT_EQ(
        combined(replaced(kLine, "17/May/2015:10:05:03 +0200", "yesterdayish")),
        R"(! column "at": invalid input syntax for type timestamp with time zone: "yesterdayish")");
}

TEST(LogLine, OnlyDeclaredFieldsAreChecked) {
    const DecoderSpec spec = decoder_spec("combined", "ip text");
    const std::string line = replaced(replaced(kLine, " 200 ", " OK "), "(X11", "\xff\xfe");
    EXPECT_EQ(decode_rows(spec, {line})[0], "83.149.9.216");
}

TEST(LogLine, TextMustBeUtf8WithoutNul) {
    const DecoderSpec spec = decoder_spec("combined", "path text, status int4");
    EXPECT_EQ(decode_rows(spec, {replaced(kLine, "b.png", "\xc3\xa9")})[0], "/a/é?x=1|200");
    EXPECT_EQ(decode_rows(spec, {replaced(kLine, "b.png", "\xff")})[0],
              R"(! column "path": invalid byte sequence for encoding "UTF8": 0xff)");
    EXPECT_EQ(decode_rows(spec, {replaced(kLine, "b.png", std::string_view("\0", 1))})[0],
              R"(! column "path": invalid byte sequence for encoding "UTF8": 0x00)");
}

TEST(LogLine, TimesOfEveryKind) {
    const auto at = [](std::string_view type, std::string_view time) {
        const DecoderSpec spec = decoder_spec("combined", "at " + std::string(type));
        return decode_rows(spec, {replaced(kLine, "17/May/2015:10:05:03 +0200", time)})[0];
    };
    EXPECT_EQ(at("timestamptz", "29/Feb/2016:23:59:59 -1530"), "2016-03-01 15:29:59+00");
    EXPECT_EQ(at("timestamptz", "31/Dec/1999:00:00:60 +0000"), "1999-12-31 00:01:00+00");
    EXPECT_EQ(at("timestamptz", "31/Dec/1969:23:00:00 +0000"), "1969-12-31 23:00:00+00");
    EXPECT_EQ(at("timestamp", "17/May/2015:10:05:03 +0200"), "2015-05-17 10:05:03");
    EXPECT_EQ(at("date", "17/May/2015:23:05:03 -0200"), "2015-05-17");
    EXPECT_EQ(at("text", "17/May/2015:23:05:03 -0200"), "17/May/2015:23:05:03 -0200");
    EXPECT_EQ(at("timestamptz", "2015-05-17T10:05:03Z"), "2015-05-17 10:05:03+00");
    EXPECT_EQ(at("timestamptz", "2015-05-17 10:05:03"), "2015-05-17 10:05:03+00");
}

TEST(LogLine, ATimeIsReadAsIfItStoodAlone) {
    const DecoderSpec spec = decoder_spec("common", "at timestamptz");
    std::vector<std::string> lines;
    for (const std::string time :
         {"17/May/2015:10:05:03 +0000", "17/May/2015:23:59:59 +0000", "17/May/2015:24:00:00 +0000",
          "17/May/2015:10:05:03 +0130", "17/May/2015:10:05:03 +000x", "17/May/2015:1a:05:03 +0000",
          "17/May/2015:10:05:0: +0000", "17/May/2015:10.05:03 +0000", "17/May/2015 10:05:03 +0000",
          "18/May/2015:10:60:03 +0000", "31/Apr/2015:10:05:03 +0000", "17/May/2015:10:05:03 +0000",
          "29/Feb/2016:00:00:00 -1200", "17-May-2015:10:05:03 +0000", "01/Jan/0001:00:00:00 +0000",
          "31/Dec/9999:23:59:59 -1559", "17/May/2015:10:05:03\xC0+0000"}) {
        lines.push_back("::1 - - [" + time + R"(] "GET / HTTP/1.0" 200 1)");
    }
    lines.push_back(lines[0]);
    lines.back().replace(lines.back().find("17/May"), 1, 1, '\0');
    lines.push_back(lines[0]);
    const std::vector<std::string> together = decode_rows(spec, lines);
    for (size_t i = 0; i < lines.size(); ++i) {
        EXPECT_EQ(together[i], decode_rows(spec, {lines[i]})[0]) << lines[i];
    }
    EXPECT_EQ(together[0], "2015-05-17 10:05:03+00");
    EXPECT_EQ(together[11], together[0]);
}

TEST(LogLine, ATimeWithoutZoneTakesTheTimezoneOption) {
    const DecoderSpec spec =
        decoder_spec("combined", "at timestamptz", {{"timezone", "Europe/Berlin"}});
    EXPECT_EQ(decode_rows(
                  spec, {replaced(kLine, "17/May/2015:10:05:03 +0200", "2015-05-17 10:05:03")})[0],
              "2015-05-17 08:05:03+00");
    EXPECT_EQ(decode_rows(spec, {kLine})[0], "2015-05-17 08:05:03+00");
}

TEST(LogLine, ManyLinesKeepTheirRows) {
    std::vector<std::string> lines;
    for (int i = 0; i < 500; ++i) {
        std::string line = replaced(kLine, "203023", std::to_string(i));
        line = replaced(line, "/a/", "/" + std::string(static_cast<size_t>(i % 97), 'x') + "/");
        lines.push_back(i % 50 == 49 ? "bad" : line);
    }
    const std::vector<std::string> rows = combined(lines);
    for (int i = 0; i < 500; ++i) {
        if (i % 50 == 49) {
            EXPECT_EQ(rows[i], kNoMatch);
        } else {
            EXPECT_NE(rows[i].find("|200|" + std::to_string(i) + "|http"), std::string::npos);
        }
    }
}

// ---- What every format has ----

TEST(Decoder, RefusesWhatItDoesNotKnow) {
    EXPECT_ERROR(make_decoder(decoder_spec("xml", "a text")), ErrorCode::kInvalidInput, "22023");
    const auto no_column = make_decoder(decoder_spec("common", "ip text, agent text"));
    ASSERT_ERROR(no_column, ErrorCode::kInvalidInput, "42703");
    EXPECT_EQ(no_column.error().message(), R"(format "common" gives no column "agent")");
    EXPECT_EQ(no_column.error().hint(),
              "It gives ip, ident, username, at, method, path, protocol, status, bytes.");
    const auto bad_option = make_decoder(decoder_spec("json", "a text", {{"null", "x"}}));
    ASSERT_ERROR(bad_option, ErrorCode::kInvalidInput, "22023");
    EXPECT_EQ(bad_option.error().hint(), "Valid options of this format are: timezone.");
    EXPECT_ERROR(make_decoder(decoder_spec("json", "a text", {{"timezone", "Mars"}})),
                 ErrorCode::kInvalidInput);
    EXPECT_OK(
        make_decoder(decoder_spec("json", "a text", {{"connector", "http"}, {"event_time", "a"}})));
    EXPECT_EQ(format_options("combined").size(), 2U);
    EXPECT_TRUE(format_options("xml").empty());
}

TEST(Decoder, GivesSystemColumnsOnDemand) {
    const DecoderSpec spec = decoder_spec("combined", "ip text");
    auto decoder = std::move(make_decoder(spec)).value();
    const DecodedSlice out = decode_all(*decoder, spec, {kLine, "bad \xff line"});
    const auto& columns = out.batch.columns;
    ASSERT_EQ(columns.size(), 6U);
    EXPECT_EQ(columns[1].at<int32_t>(1), 3);
    EXPECT_EQ(columns[2].at<int64_t>(1), 1001);
    std::string ingested;
    format_text(columns[3], 0, utc_format(), ingested);
    EXPECT_EQ(ingested, "2015-05-17 10:05:03+00");
    EXPECT_EQ(columns[4].at<std::string_view>(0), kLine);
    EXPECT_EQ(columns[4].at<std::string_view>(1), "bad \xEF\xBF\xBD line");
    EXPECT_TRUE(columns[5].is_null(0));
    EXPECT_EQ(columns[5].at<std::string_view>(1), R"(line does not match format "combined")");
    EXPECT_TRUE(columns[0].is_null(1));
    EXPECT_EQ(out.good, std::vector<uint32_t>{0});

    RecordSlice slice;
    DecodedSlice none;
    decoder->decode(slice, std::vector<bool>(6, false), none);
    for (const Column& column : none.batch.columns) EXPECT_EQ(column.length(), 0U);
}

TEST(Decoder, AnUnwantedColumnIsStillChecked) {
    const DecoderSpec spec = decoder_spec("combined", "ip text, status int4");
    const std::string line = replaced(kLine, " 200 ", " OK ");
    const std::vector<std::string_view> records = {kLine, line};
    RecordSlice slice;
    slice.records = records;
    DecodedSlice out;
    std::move(make_decoder(spec))
        .value()
        ->decode(slice, {true, false, false, false, false, false, false}, out);
    EXPECT_EQ(out.good, std::vector<uint32_t>{0});
    EXPECT_EQ(out.batch.columns[0].length(), 2U);
    EXPECT_EQ(out.batch.columns[1].length(), 0U);
}

TEST(Decoder, ALongRecordIsBadWithItsTrueLength) {
    const std::string stored =
        std::string(kLongRecordMarker) + "2097152" + std::string(1, '\0') + "{\"a\": \"xxxx";
    for (const std::string_view format : {"json", "combined"}) {
        const DecoderSpec spec = decoder_spec(format, format == "json" ? "a text" : "ip text");
        auto decoder = std::move(make_decoder(spec)).value();
        const DecodedSlice out = decode_all(*decoder, spec, {stored});
        ASSERT_EQ(out.bad.size(), 1U);
        EXPECT_EQ(out.bad[0].reason, "record of 2097152 bytes exceeds the limit of 1048576 bytes");
        EXPECT_EQ(out.batch.columns[4].at<std::string_view>(0), "{\"a\": \"xxxx");
    }
}

TEST(Decoder, TheRestOfARecordIsBadAndNamesItsFirstPart) {
    const std::string stored = std::string(kRestMarker) + "3:41" + std::string(1, '\0') + "45\"}";
    for (const std::string_view format : {"json", "combined"}) {
        const DecoderSpec spec = decoder_spec(format, format == "json" ? "a text" : "ip text");
        auto decoder = std::move(make_decoder(spec)).value();
        const DecodedSlice out = decode_all(*decoder, spec, {stored});
        ASSERT_EQ(out.bad.size(), 1U);
        EXPECT_EQ(out.bad[0].reason,
                  "rest of the record at 3:41 (partition:offset), which was taken before its line "
                  "had an end");
        EXPECT_EQ(out.batch.columns[4].at<std::string_view>(0), "45\"}");
    }
}

TEST(Decoder, MendsUtf8ByMaximalParts) {
    EXPECT_EQ(mended_utf8("a\xc3\xa9z"), "a\xc3\xa9z");
    EXPECT_EQ(mended_utf8("\xff\xfe"), "\xEF\xBF\xBD\xEF\xBF\xBD");
    EXPECT_EQ(mended_utf8("\xe2\x82"), "\xEF\xBF\xBD");
    EXPECT_EQ(mended_utf8("\xe2\x82z"), "\xEF\xBF\xBDz");
    EXPECT_EQ(mended_utf8("\xed\xa0\x80"), "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
    EXPECT_EQ(mended_utf8("\xf4\x90\x80\x80"), "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
    EXPECT_EQ(mended_utf8(std::string_view("a\0b", 3)),
              "a\xEF\xBF\xBD"
              "b");
    EXPECT_EQ(one_line("a\nb\x1b"), "a b ");
}

}  // namespace
}  // namespace braid::operators
