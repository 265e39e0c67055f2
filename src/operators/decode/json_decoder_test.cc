// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "base/random.h"
#include "base/test_support.h"
#include "operators/decode/decode_testing.h"
#include "operators/decode/json_reader_internal.h"
#include "operators/decode/json_speculator_internal.h"
#include "plan/view_plan.h"

namespace braid::operators {
namespace {

std::string decode(std::string_view columns, const std::string& record) {
    return decode_rows(decoder_spec("json", columns), {record})[0];
}

TEST(Json, FindsColumnsByName) {
    EXPECT_EQ(decode("a text, b int4", R"({"b": 1, "a": "x", "c": [1, {"d": null}]})"), "x|1");
    EXPECT_EQ(decode("a text, b int4", R"( { } )"), "~|~");
    EXPECT_EQ(decode("a text", R"({"A": "x"})"), "~");
    EXPECT_EQ(decode("ab text", R"({"a\u0062": "x"})"), "x");
}

TEST(Json, TheLastOfADuplicateKeyCounts) {
    EXPECT_EQ(decode("a text", R"({"a": "x", "a": "y"})"), "y");
    EXPECT_EQ(decode("a text", R"({"a": "y", "a": null})"), "~");
    EXPECT_EQ(decode("a text", R"({"a": null, "\u0061": "y"})"), "y");
    EXPECT_EQ(decode("a int4, b int4", R"({"a": "no number", "b": 2, "a": 1})"), "1|2");
    EXPECT_EQ(decode("a int4", R"({"a": {"b": 1}, "a": [], "a": 1})"), "1");
    EXPECT_EQ(decode("a int4", R"({"a": 1, "a": "no number"})"),
              R"(! column "a": invalid input syntax for type integer: "no number")");
    EXPECT_EQ(decode("a int4, b int4", R"({"b": "y", "a": "x", "a": 1})"),
              R"(! column "b": invalid input syntax for type integer: "y")");
}

TEST(Json, TheLastOfADuplicateKeyCountsAlsoInAShapeSeenBefore) {
    const std::vector<std::string> records = {
        R"({"a": "w", "b": 1, "a": "x"})", R"({"a": "w", "b": 1, "a": "y"})",
        R"({"a": "w", "b": 1, "a": null})", R"({"a": "longer", "b": 22, "a": "still longer"})"};
    EXPECT_EQ(decode_rows(decoder_spec("json", "a text, b int4"), records),
              (std::vector<std::string>{"x|1", "y|1", "~|1", "still longer|22"}));
}

TEST(Json, NumbersAndStringsGoThroughTheTextInput) {
    const std::string_view columns = "a int4, b int8, c numeric, d float8, e text, f bool";
    EXPECT_EQ(
        decode(columns, R"({"a":-1,"b":9223372036854775807,"c":1.50,"d":1e-3,"e":1.50,"f":true})"),
        "-1|9223372036854775807|1.50|0.001|1.50|t");
    EXPECT_EQ(decode(columns, R"({"a":" 7 ","b":"8","c":"NaN","d":"-Infinity","e":"","f":"t"})"),
              "7|8|NaN|-Infinity||t");
    EXPECT_EQ(decode("c numeric", R"({"c":12345678901234567890123456789.123456789})"),
              "12345678901234567890123456789.123456789");
    EXPECT_EQ(decode("c numeric(6,2)", R"({"c":1234.565})"), "1234.57");
    EXPECT_EQ(decode("c numeric", R"({"c":1e3})"), "1000");
    EXPECT_EQ(decode("e text", R"({"e":false})"), "false");
    EXPECT_EQ(decode("f bool", R"({"f":0})"), "f");
}

TEST(Json, WhatDoesNotFitIsBadWithTheColumn) {
    EXPECT_EQ(decode("a int4", R"({"a": "x"})"),
              R"(! column "a": invalid input syntax for type integer: "x")");
    EXPECT_EQ(decode("a int4", R"({"a": 1.0})"),
              R"(! column "a": invalid input syntax for type integer: "1.0")");
    EXPECT_EQ(decode("a int4", R"({"a": 3000000000})"),
              R"(! column "a": value "3000000000" is out of range for type integer)");
    EXPECT_EQ(decode("a int4", R"({"a": true})"),
              R"(! column "a": invalid input syntax for type integer: "true")");
    EXPECT_EQ(decode("a int4", R"({"a": {}})"),
              R"(! column "a": an object is not a valid integer)");
    EXPECT_EQ(decode("a int4", R"({"a": [1]})"),
              R"(! column "a": an array is not a valid integer)");
    EXPECT_EQ(decode("a numeric(4,2)", R"({"a": 100})"), R"(! column "a": numeric field overflow)");
    EXPECT_EQ(decode("a int4, b int4", R"({"a": 1, "b": "y"})").substr(0, 13), R"(! column "b":)");
}

TEST(Json, ANumberIsNoTime) {
    EXPECT_EQ(decode("a timestamptz", R"({"a": 1400001231})"),
              R"(! column "a": number 1400001231 is not a valid timestamp with time zone)");
    EXPECT_EQ(decode("a date", R"({"a": 20150517})"),
              R"(! column "a": number 20150517 is not a valid date)");
    EXPECT_EQ(decode("a timestamptz, b date",
                     R"({"a": "2015-05-17T10:05:03.25+02:00", "b": "20150517"})"),
              "2015-05-17 08:05:03.25+00|2015-05-17");
}

TEST(Json, NestedValuesAreTextAsWritten) {
    EXPECT_EQ(decode("a text, b text", R"({"a": { "x" : [1,2 , {}] } , "b": [ ] })"),
              R"({ "x" : [1,2 , {}] }|[ ])");
    EXPECT_EQ(decode("a text", R"({"a": [1, 2,]})").substr(0, 2), "! ");
    EXPECT_EQ(decode("a text", R"({"a": {"x": 01}})").substr(0, 2), "! ");
}

TEST(Json, EscapesAreRead) {
    EXPECT_EQ(decode("a text", R"({"a": "\"\\\/\n\u00e9\ud83d\ude00"})"), "\"\\/\né😀");
    EXPECT_EQ(decode("a text", R"({"a": "\u0000"})"),
              R"(! column "a": invalid byte sequence for encoding "UTF8": 0x00)");
    EXPECT_EQ(decode("a text", R"({"b": "\u0000", "a": "x"})"), "x");
    EXPECT_EQ(decode("a text", R"({"a": "\ud800"})"), "! invalid JSON: invalid escape in a string");
    EXPECT_EQ(decode("a text", R"({"a": "\x"})"), "! invalid JSON: invalid escape in a string");
    EXPECT_EQ(decode("a text", R"({"b": "\x", "a": "x"})"),
              "! invalid JSON: invalid escape in a string");
}

TEST(Json, WhatIsNoObjectIsBad) {
    for (const char* record : {"[]", "1", "\"a\"", "null", "true", "x"}) {
        EXPECT_EQ(decode("a text", record), "! record is not a JSON object") << record;
    }
    EXPECT_EQ(decode("a text", ""), "! record is empty");
    EXPECT_EQ(decode("a text", "   "), "! record is empty");
    for (const char* record : {"{",
                               "}",
                               "{]",
                               R"({"a"})",
                               R"({"a":})",
                               R"({"a":1)",
                               R"({"a":1,})",
                               R"({,})",
                               R"({"a":1}})",
                               R"({"a":1} x)",
                               R"({"a":1}{"a":2})",
                               R"({"a":1 "b":2})",
                               R"({"a" 1})",
                               R"({a:1})",
                               R"({'a':1})",
                               R"({"a":01})",
                               R"({"a":1.})",
                               R"({"a":.5})",
                               R"({"a":+1})",
                               R"({"a":1e})",
                               R"({"a":-})",
                               R"({"a":nul})",
                               R"({"a":nulll})",
                               R"({"a":NaN})",
                               R"({"a":True})",
                               R"({"a":"x)",
                               R"({"b":[1 2]})",
                               R"({"b":[1}})",
                               R"({"b":{]})",
                               R"({"b":1 2})",
                               R"({"b":--1})",
                               R"({"b":tru})",
                               R"({"b":"x"y})",
                               R"({"b":[,]})",
                               R"({"b":{"c"}})",
                               R"({"b":{"c":}})",
                               R"({"b":{"c":1,}})",
                               "{\"a\":\"\t\"}",
                               "{\"a\":\"\xff\"}",
                               "{\"\xff\":1}",
                               "{\"b\":\"\xed\xa0\x80\"}",
                               "{\"a\":1\v}",
                               "\xEF\xBB\xBF",
                               "\xEF\xBB\xBF\xEF\xBB\xBF{}"}) {
        EXPECT_EQ(decode("a text", record).substr(0, 2), "! ") << record;
    }
}

TEST(Json, AByteOrderMarkIsNoPartOfTheRecord) {
    EXPECT_EQ(decode("a text", "\xEF\xBB\xBF{\"a\": \"x\"}"), "x");
    EXPECT_EQ(decode("a text", "{\"a\": \"\xEF\xBB\xBFx\"}"), "\xEF\xBB\xBFx");
}

TEST(Json, DepthHasALimit) {
    const auto nested = [](int levels) {
        return R"({"b": )" + std::string(static_cast<size_t>(levels), '[') +
               std::string(static_cast<size_t>(levels), ']') + ", \"a\": 1}";
    };
    EXPECT_EQ(decode("a text", nested(63)), "1");
    EXPECT_EQ(decode("a text", nested(64)), "! record is nested deeper than 64 levels");
    EXPECT_EQ(decode("b text", nested(64)), "! record is nested deeper than 64 levels");
    EXPECT_EQ(decode("a text", nested(5000)).substr(0, 2), "! ");
}

TEST(Json, LargeRecords) {
    const std::string big(500'000, 'x');
    EXPECT_EQ(decode("a text, b int4", R"({"a": ")" + big + R"(", "b": 5})"), big + "|5");
    std::string many = "{";
    for (int i = 0; i < 3000; ++i)
        many += "\"k" + std::to_string(i) + "\": " + std::to_string(i) + ", ";
    many += R"("a": "end"})";
    const DecoderSpec spec = decoder_spec("json", "a text, k17 int4");
    const std::vector<std::string> rows = decode_rows(spec, {many, many, many});
    for (const std::string& row : rows) EXPECT_EQ(row, "end|17");
}

// ---- Speculation ----

/// Both readers on the same records: the decoder, which speculates, and the conforming reader
/// alone.
class Pair {
  public:
    explicit Pair(const DecoderSpec& spec)
        : spec_(spec), decoder_(std::move(make_decoder(spec)).value()) {
        for (const Field& field : spec.columns.fields) {
            columns_.emplace_back(field, ColumnWriter::Options{utc_format(), false});
        }
        row_ = std::make_unique<JsonRow>(spec.columns, columns_);
    }
    std::vector<std::string> speculating(const std::vector<std::string>& records) {
        return rows_of(decode_all(*decoder_, spec_, records), spec_);
    }
    std::vector<std::string> conforming(const std::vector<std::string>& records) {
        DecodedSlice out;
        for (ColumnWriter& column : columns_) column.start(records.size(), true, &arena_);
        row_->start_slice(&arena_);
        for (uint32_t i = 0; i < records.size(); ++i) {
            std::string reason;
            row_->start(i);
            if (reader_.read(records[i], *row_, reason)) continue;
            for (ColumnWriter& column : columns_) column.set_null(i);
            out.bad.push_back({i, one_line(reason)});
        }
        out.batch.length = records.size();
        for (ColumnWriter& column : columns_) out.batch.columns.push_back(column.finish(nullptr));
        return rows_of(out, spec_);
    }

  private:
    DecoderSpec spec_;
    std::unique_ptr<Decoder> decoder_;
    std::vector<ColumnWriter> columns_;
    std::unique_ptr<JsonRow> row_;
    JsonReader reader_;
    TextArena arena_;
};

/// How many of the records are read without the conforming reader.
size_t speculated(const DecoderSpec& spec, const std::vector<std::string>& records) {
    TextArena arena;
    std::vector<ColumnWriter> columns;
    for (const Field& field : spec.columns.fields) {
        columns.emplace_back(field, ColumnWriter::Options{utc_format(), false});
        columns.back().start(records.size(), true, &arena);
    }
    JsonRow row(spec.columns, columns);
    row.start_slice(&arena);
    JsonReader reader;
    JsonSpeculator speculator(row);
    size_t count = 0;
    for (uint32_t i = 0; i < records.size(); ++i) {
        std::string reason;
        row.start(i);
        if (speculator.read(records[i], row)) {
            ++count;
        } else if (reader.read(records[i], row, reason)) {
            speculator.learn(records[i], row);
        }
    }
    return count;
}

std::string event(Random& random) {
    static const char* const kTypes[] = {"view", "click", "purchase", "schönes Ding"};
    return R"({"user_id": "u)" + std::to_string(random.below(100'000)) + R"(", "type": ")" +
           kTypes[random.below(4)] + R"(", "at": "2015-05-17T10:)" +
           std::to_string(10 + random.below(50)) + R"(:00Z", "price": )" +
           (random.below(4) == 0 ? "null" : std::to_string(random.below(1000)) + ".5") +
           R"(, "ok": )" + (random.below(2) == 0 ? "true" : "false") + R"(, "n": -)" +
           std::to_string(random.below(10)) + "}";
}

constexpr std::string_view kEventColumns =
    "user_id text, type text, at timestamptz, price numeric, ok bool, n int4, missing text";

TEST(JsonSpeculation, ReadsAllButTheFirstOfOneShape) {
    Random random(1);
    std::vector<std::string> records;
    for (int i = 0; i < 1000; ++i) records.push_back(event(random));
    const DecoderSpec spec = decoder_spec("json", kEventColumns);
    EXPECT_EQ(speculated(spec, records), 999U);
    Pair pair(spec);
    EXPECT_EQ(pair.speculating(records), pair.conforming(records));
}

TEST(JsonSpeculation, HoldsFourShapes) {
    Random random(2);
    std::vector<std::string> records;
    for (int i = 0; i < 1000; ++i) {
        records.push_back(event(random).insert(1, std::string(random.below(4), ' ')));
    }
    const DecoderSpec spec = decoder_spec("json", kEventColumns);
    EXPECT_EQ(speculated(spec, records), 996U);
    Pair pair(spec);
    EXPECT_EQ(pair.speculating(records), pair.conforming(records));
}

TEST(JsonSpeculation, RestsWhereEveryRecordDiffers) {
    Random random(3);
    std::vector<std::string> records;
    for (int i = 0; i < 5000; ++i) {
        records.push_back(R"({"k)" + std::to_string(i) + R"(": 1, "n": )" + std::to_string(i) +
                          "}");
    }
    const DecoderSpec spec = decoder_spec("json", kEventColumns);
    EXPECT_EQ(speculated(spec, records), 0U);
    // And wakes up again.
    for (int i = 0; i < 5000; ++i) records.push_back(event(random));
    EXPECT_GT(speculated(spec, records), 3900U);
}

TEST(JsonSpeculation, LearnsNothingWrongFromOddRecords) {
    const DecoderSpec spec = decoder_spec("json", "a text, b int4");
    Pair pair(spec);
    const std::vector<std::string> records = {
        R"({"a": "x", "b": 1})",
        R"({"a": "y", "b": 2})",
        R"({"a": "z\"", "b": 3})",
        R"({"a": {}, "b": 4})",
        R"({"a": "y", "b": "5"})",
        R"({"a": "y", "b": x})",
        R"({"a": "y", "b": 01})",
        R"({"a": "y", "b": 7} )",
        R"({"a": "y", "b": 7},)",
        R"({"a": "y", "b": 8)",
        R"({"a": "y, "b": 9})",
        R"({"a": "", "b": 10})",
        R"({"a": "", "a": "q"})",
        R"({"a": "1", "a": "2"})",
        R"({"a": null, "a": 2})",
        R"({"b": 3000000000})",
        R"({"b": 3000000001})",
        R"({"b": 1})",
        R"({})",
        R"({})",
        R"({"a": "y", "b": 7e})",
        R"({"a": "y", "b": -0})",
        "{\"a\": \"\xc3\", \"b\": 1}",
        "{\"a\": \"\xc3\xa9\", \"b\": 1}",
        R"({"a": "y", "b": nul})",
        R"({"a": "y", "b": null})",
        R"({"a": "y", "b": true})",
    };
    for (int round = 0; round < 3; ++round) {
        EXPECT_EQ(pair.speculating(records), pair.conforming(records));
    }
}

/// One to three bytes of a record changed, put in, taken out or doubled.
std::string mutated(std::string record, Random& random) {
    static constexpr std::string_view kBytes =
        "\"\\{}[],: \n\t0123456789.eE+-truefalsn\xc3\xa9\xff\x01\x7f/u";
    const uint64_t count = 1 + random.below(3);
    for (uint64_t i = 0; i < count && !record.empty(); ++i) {
        const size_t at = random.below(record.size());
        const char byte = kBytes[random.below(kBytes.size())];
        switch (random.below(5)) {
            case 0:
                record[at] = byte;
                break;
            case 1:
                record.insert(at, 1, byte);
                break;
            case 2:
                record.erase(at, 1 + random.below(4));
                break;
            case 3:
                record.insert(at, record.substr(at, random.below(12)));
                break;
            default:
                record.resize(at);
                break;
        }
    }
    return record;
}

/// All values keep their length; beside it `odd`, a value of any kind.
std::string steady_event(Random& random, const std::string& odd) {
    const auto digits = [&](size_t count) {
        std::string out;
        for (size_t i = 0; i < count; ++i) out += static_cast<char>('1' + random.below(9));
        return out;
    };
    return R"({"user_id": ")" + digits(36) + R"(", "type": ")" + digits(12) + R"(", "n": -)" +
           digits(2) + R"(, "price": ")" + digits(5) + R"(", "odd": )" + odd + R"(, "ok": true})";
}

TEST(JsonSpeculation, SteadyRecordsReadLikeTheConformingReaderReadsThem) {
    static const char* const kOdd[] = {"1", "\"\"", "null",
                                       "\"a long text of more than 32 bytes\""};
    const DecoderSpec spec = decoder_spec("json", kEventColumns);
    Random random(5);
    constexpr int kRounds = 600;
    for (int round = 0; round < kRounds; ++round) {
        // A speculator of its own, that a few untouched records have taught what is steady.
        Pair pair(spec);
        std::vector<std::string> records;
        for (const char* odd : kOdd) records.push_back(steady_event(random, odd));
        for (size_t i = 0; i < 100; ++i) {
            const std::string record = steady_event(random, kOdd[random.below(4)]);
            records.push_back(random.below(2) == 0 ? record : mutated(record, random));
        }
        const std::vector<std::string> fast = pair.speculating(records);
        const std::vector<std::string> slow = pair.conforming(records);
        for (size_t i = 0; i < records.size(); ++i) ASSERT_EQ(fast[i], slow[i]) << records[i];
    }
}

/// Every byte value in place of every byte of a record whose values keep their length.
TEST(JsonSpeculation, NoByteOfASteadyRecordIsTakenOnTrust) {
    const DecoderSpec spec = decoder_spec("json", kEventColumns);
    Random random(6);
    const std::string record = steady_event(random, "7");
    for (size_t at = 0; at < record.size(); ++at) {
        Pair pair(spec);
        std::vector<std::string> records(2, record);
        for (int byte = 0; byte < 256; ++byte) {
            records.push_back(record);
            records.back()[at] = static_cast<char>(byte);
            records.push_back(record);
        }
        EXPECT_EQ(pair.speculating(records), pair.conforming(records)) << at;
    }
}

/// Records that end at the end of their memory: what is read beyond it, AddressSanitizer sees.
TEST(JsonSpeculation, ReadsNothingBeyondTheRecord) {
    const DecoderSpec spec = decoder_spec("json", "a text, b int4");
    const auto decoder = std::move(make_decoder(spec)).value();
    for (size_t size = 0; size < 200; ++size) {
        for (const char* end : {"1}", "\"1\"}", "null }"}) {
            const std::string text = R"({"a": ")" + std::string(size, 'x') + R"(", "b": )" + end;
            for (int i = 0; i < 3; ++i) {
                const std::vector<char> exact(text.begin(), text.end());
                const std::string_view record(exact.data(), exact.size());
                RecordSlice slice;
                slice.records = {&record, 1};
                DecodedSlice out;
                const std::vector<bool> wanted(2 + plan::kSystemColumnCount, true);
                decoder->decode(slice, wanted, out);
                ASSERT_TRUE(out.bad.empty()) << text;
                ASSERT_EQ(out.batch.columns[0].at<std::string_view>(0).size(), size);
            }
        }
    }
}

TEST(JsonSpeculation, MutatedRecordsReadLikeTheConformingReaderReadsThem) {
    const DecoderSpec spec = decoder_spec("json", kEventColumns);
    Pair pair(spec);
    Random random(4);
    constexpr int kSlices = 110;
    constexpr size_t kRecords = 1000;
    size_t good = 0;
    for (int slice = 0; slice < kSlices; ++slice) {
        std::vector<std::string> records;
        for (size_t i = 0; i < kRecords; ++i) {
            const std::string record = event(random);
            // Enough untouched ones to keep it speculating.
            records.push_back(random.below(8) == 0 ? record : mutated(record, random));
        }
        const std::vector<std::string> fast = pair.speculating(records);
        const std::vector<std::string> slow = pair.conforming(records);
        for (size_t i = 0; i < kRecords; ++i) {
            ASSERT_EQ(fast[i], slow[i]) << records[i];
            good += slow[i].starts_with('!') ? 0 : 1;
        }
    }
    EXPECT_GT(good, kSlices * kRecords / 5);
}

}  // namespace
}  // namespace braid::operators
