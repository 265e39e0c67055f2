// SPDX-License-Identifier: Apache-2.0
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/test_support.h"
#include "operators/expr/body_internal.h"
#include "operators/expr/evaluator.h"
#include "plan/function.h"

namespace braid::operators {
namespace {

using plan::ExprPtr;

ExprPtr call(std::string_view key, std::vector<ExprPtr> arguments) {
    const plan::Function* function = plan::function_by_key(key);
    EXPECT_NE(function, nullptr) << key;
    return plan::call(function, std::move(arguments));
}
ExprPtr number(size_t value) { return plan::constant(Datum::int4(static_cast<int32_t>(value))); }
ExprPtr text(std::string value) { return plan::constant(Datum::text(std::move(value))); }
ExprPtr letters(size_t count) { return text(std::string(count, 'y')); }
ExprPtr moment(TypeKind kind) { return plan::constant(Datum{Type::of(kind), int64_t{0}}); }
ExprPtr hour() {
    return plan::constant(Datum{Type::of(TypeKind::kInterval), Interval64{.us = 3'600'000'000}});
}
ExprPtr quoted(const std::string& before, size_t count) {
    return text(before + '"' + std::string(count, 'y') + '"');
}

Result<Datum> result_of(const ExprPtr& expr) { return evaluate_constant(*expr, {}); }

/// A call whose text has as many bytes as wanted.
struct Maker {
    std::string name;
    std::function<ExprPtr(size_t)> of_bytes;
};

std::vector<Maker> padding_makers() {
    return {
        {"repeat", [](size_t n) { return call("repeat(text,int4)", {text("y"), number(n)}); }},
        {"lpad", [](size_t n) { return call("lpad(text,int4)", {text("y"), number(n)}); }},
        {"lpad with",
         [](size_t n) {
             return call("lpad(text,int4,text)", {text("y"), number(n), text("abc")});
         }},
        {"rpad with",
         [](size_t n) { return call("rpad(text,int4,text)", {text(""), number(n), text("abc")}); }},
        {"rpad with wide letters",
         [](size_t n) {
             const size_t narrow = 2 + n % 2;
             const size_t wide = (n - narrow) / 2;
             return call("rpad(text,int4,text)",
                         {letters(narrow), number(narrow + wide), text("é")});
         }},
        {"lpad where the first letter is wide",
         [](size_t n) {
             return call("lpad(text,int4,text)",
                         {text("y"), number(n - 1), text("é" + std::string(n, 'a'))});
         }},
        {"format with a width",
         [](size_t n) {
             return call("format(text,any...)", {text("%*s"), text(std::to_string(n)), text("y")});
         }},
        {"format with a width behind",
         [](size_t n) {
             return call("format(text,any...)",
                         {text("y%-" + std::to_string(n - 1) + "s"), text("y")});
         }},
    };
}

std::vector<Maker> joining_makers() {
    return {
        {"||", [](size_t n) { return call("||(text,text)", {letters(n - 3), text("abc")}); }},
        {"|| with a number",
         [](size_t n) { return call("||(text,int4)", {letters(n - 3), number(100)}); }},
        {"concat",
         [](size_t n) { return call("concat(any...)", {text("a"), letters(n - 2), text("b")}); }},
        {"concat_ws",
         [](size_t n) {
             return call("concat_ws(text,any...)", {letters(n - 2), text("a"), text("b")});
         }},
        {"format",
         [](size_t n) { return call("format(text,any...)", {text("a%sb"), letters(n - 2)}); }},
        {"format without values", [](size_t n) { return call("format(text)", {letters(n)}); }},
        {"array_to_string",
         [](size_t n) {
             return call("array_to_string(_text,text)", {text("{a,b}"), letters(n - 2)});
         }},
        {"array_to_string with NULLs",
         [](size_t n) {
             return call("array_to_string(_text,text,text)",
                         {text("{a,NULL}"), text(""), letters(n - 1)});
         }},
        {"an array",
         [](size_t n) {
             return call("array:(text)", {text("{" + std::string(n - 2, 'y') + "}")});
         }},
        {"overlay",
         [](size_t n) {
             return call("overlay(text,text,int4,int4)",
                         {letters(n - 1), text("ab"), number(1), number(1)});
         }},
    };
}

std::vector<Maker> replacing_makers() {
    return {
        {"replace",
         [](size_t n) {
             return call("replace(text,text,text)", {text("xax"), text("a"), letters(n - 2)});
         }},
        {"translate",
         [](size_t n) {
             return call(
                 "translate(text,text,text)",
                 {text(std::string(n / 2, 'a') + std::string(n % 2, 'b')), text("a"), text("é")});
         }},
        {"regexp_replace",
         [](size_t n) {
             return call("regexp_replace(text,text,text)", {text("a"), text("a"), letters(n)});
         }},
        {"regexp_replace of all",
         [](size_t n) {
             return call("regexp_replace(text,text,text,text)",
                         {text("xax"), text("a"), letters(n - 2), text("g")});
         }},
        {"regexp_replace by what was found",
         [](size_t n) {
             return call("regexp_replace(text,text,text)",
                         {letters(n / 8), text("(y*)"),
                          text(R"(\1\1\1\1\1\1\1\1)" + std::string(n % 8, 'b'))});
         }},
    };
}

std::vector<Maker> quoting_makers() {
    return {
        {"quote_ident",
         [](size_t n) { return call("quote_ident(text)", {text(std::string(n - 2, 'Y'))}); }},
        {"quote_literal", [](size_t n) { return call("quote_literal(text)", {letters(n - 2)}); }},
        {"quote_nullable", [](size_t n) { return call("quote_nullable(text)", {letters(n - 2)}); }},
        {"like_escape",
         [](size_t n) {
             return call("like_escape(text,text)",
                         {text(std::string(n % 2, 'b') + std::string(n / 2, '\\')), text("#")});
         }},
        {"similar_to_escape",
         [](size_t n) { return call("similar_to_escape(text)", {letters(n - 6)}); }},
    };
}

std::vector<Maker> copying_makers() {
    return {
        {"upper", [](size_t n) { return call("upper(text)", {letters(n)}); }},
        {"initcap", [](size_t n) { return call("initcap(text)", {letters(n)}); }},
        {"reverse", [](size_t n) { return call("reverse(text)", {letters(n)}); }},
    };
}

std::vector<Maker> picture_makers() {
    return {
        {"to_char of a number",
         [](size_t n) { return call("to_char(int4,text)", {number(1), quoted("FM9", n - 1)}); }},
        {"to_char of a time",
         [](size_t n) {
             return call("to_char(timestamp,text)",
                         {moment(TypeKind::kTimestamp), quoted("DD", n - 2)});
         }},
        {"to_char of an interval",
         [](size_t n) { return call("to_char(interval,text)", {hour(), quoted("HH24", n - 2)}); }},
    };
}

void expect_edges(const std::vector<Maker>& makers) {
    for (const Maker& maker : makers) {
        SCOPED_TRACE(maker.name);
        for (const size_t bytes : {kTextResultBytesMax - 1, kTextResultBytesMax}) {
            ASSERT_OK_AND_ASSIGN(const Datum made, result_of(maker.of_bytes(bytes)));
            EXPECT_EQ(made.as<std::string>().size(), bytes);
        }
        EXPECT_ERROR(result_of(maker.of_bytes(kTextResultBytesMax + 1)), ErrorCode::kInvalidInput,
                     "54000");
    }
}

TEST(TextLimits, PaddedTextsEndAtFourMebibytes) { expect_edges(padding_makers()); }
TEST(TextLimits, JoinedTextsEndAtFourMebibytes) { expect_edges(joining_makers()); }
TEST(TextLimits, ReplacementsEndAtFourMebibytes) { expect_edges(replacing_makers()); }
TEST(TextLimits, QuotedTextsEndAtFourMebibytes) { expect_edges(quoting_makers()); }
TEST(TextLimits, CopiesEndAtFourMebibytes) { expect_edges(copying_makers()); }
TEST(TextLimits, PicturesEndAtFourMebibytes) { expect_edges(picture_makers()); }

TEST(TextLimits, SayWhatToDo) {
    const Result<Datum> made =
        result_of(call("repeat(text,int4)", {text("y"), number(kTextResultBytesMax + 1)}));
    EXPECT_EQ(made.error().message(), "text of more than 4194304 bytes");
    EXPECT_THAT(made.error().hint(), testing::Not(testing::IsEmpty()));
}

TEST(TextLimits, PatternsWithPartsCutTextsUpToSixteenKibibytes) {
    const auto cut = [](size_t bytes) {
        return result_of(call("substring(text,text,text)", {text("a" + std::string(bytes - 1, 'y')),
                                                            text("#\"a#\"y*"), text("#")}));
    };
    constexpr size_t kMost = 16 << 10;
    for (const size_t bytes : {kMost - 1, kMost}) {
        ASSERT_OK_AND_ASSIGN(const Datum found, cut(bytes));
        EXPECT_EQ(found.as<std::string>(), "a");
    }
    const auto above = cut(kMost + 1);
    ASSERT_ERROR(above, ErrorCode::kInvalidInput, "54000");
    EXPECT_THAT(above.error().hint(), testing::Not(testing::IsEmpty()));
}

/// Each of the references is as long as what was found: together they would not fit into any
/// memory.
TEST(TextLimits, AReplacementThatNamesItsMatchOftenIsNotMade) {
    std::string references;
    while (references.size() < kTextResultBytesMax) references += R"(\1)";
    EXPECT_ERROR(result_of(call("regexp_replace(text,text,text)",
                                {letters(kTextResultBytesMax), text("(y*)"), text(references)})),
                 ErrorCode::kInvalidInput, "54000");
}

/// How often something was made while each of the texts was asked for, twice over.
size_t made_in_two_rounds(const std::vector<std::string>& texts) {
    Compiled<size_t> compiled;
    size_t made = 0;
    for (int round = 0; round < 2; ++round) {
        for (const std::string& each : texts) {
            const auto size = compiled.get(each, [&](std::string_view given) -> Result<size_t> {
                ++made;
                return given.size();
            });
            EXPECT_EQ(**size, each.size());
        }
    }
    return made;
}

TEST(Compiled, KeepsAsManyAsItMay) {
    std::vector<std::string> texts;
    while (texts.size() < Compiled<size_t>::kMax - 1) texts.push_back(std::to_string(texts.size()));
    EXPECT_EQ(made_in_two_rounds(texts), texts.size());
    texts.push_back("at");
    EXPECT_EQ(made_in_two_rounds(texts), texts.size());
    texts.push_back("above");
    EXPECT_EQ(made_in_two_rounds(texts), 2 * texts.size());
}

TEST(Compiled, KeepsTextsOfSoManyBytes) {
    const std::string half(Compiled<size_t>::kTextBytesMax / 2, 'x');
    EXPECT_EQ(made_in_two_rounds({half, half.substr(1)}), 2U);
    EXPECT_EQ(made_in_two_rounds({half, "y" + half.substr(1)}), 2U);
    EXPECT_EQ(made_in_two_rounds({half, "y" + half}), 4U);
}

}  // namespace
}  // namespace braid::operators
