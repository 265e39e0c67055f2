// SPDX-License-Identifier: Apache-2.0
#include <charconv>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "base/posix_file_system.h"
#include "base/test_support.h"
#include "columnar/text_io.h"

/// Replays the answers of a real PostgreSQL 15 that tests/corpus/make_text_io.py wrote down.

namespace braid {
namespace {

std::string unescaped(std::string_view cell) {
    static const std::map<char, char> kCodes = {
        {'t', '\t'}, {'n', '\n'}, {'r', '\r'}, {'\\', '\\'}};
    std::string text;
    for (size_t i = 0; i < cell.size(); i++)
        text += cell[i] == '\\' ? kCodes.at(cell[++i]) : cell[i];
    return text;
}

std::vector<std::vector<std::string>> read_corpus(const std::string& path) {
    std::vector<std::vector<std::string>> rows;
    const auto files = open_posix_file_system("tests/corpus");
    EXPECT_OK(files);
    const Result<std::string> text = files.value()->read_all(path);
    EXPECT_OK(text);
    if (!text) return rows;
    std::string_view rest = *text;
    while (!rest.empty()) {
        std::string_view line = rest.substr(0, rest.find('\n'));
        rest.remove_prefix(line.size() + 1);
        std::vector<std::string>& row = rows.emplace_back();
        for (size_t end = 0; end != std::string_view::npos;) {
            end = line.find('\t');
            row.push_back(unescaped(line.substr(0, end)));
            if (end != std::string_view::npos) line.remove_prefix(end + 1);
        }
    }
    return rows;
}

std::string refusal(const Error& error) {
    return fmt::format("!{} {}", error.sqlstate(), error.message());
}

template <typename T>
std::string shown(const Result<T>& result) {
    if (!result) return refusal(result.error());
    std::string text;
    if constexpr (std::is_same_v<T, Numeric>) {
        format_numeric(*result, text);
    } else {
        text = std::to_string(*result);
    }
    return text;
}

struct TextCorpus {
    const char* file;
    const char* type;
};
class TextIoCorpus : public testing::TestWithParam<TextCorpus> {};

TEST_P(TextIoCorpus, AnswersAsPostgresqlDid) {
    Type type;
    ASSERT_TRUE(parse_type_name(GetParam().type, type));
    const auto rows = read_corpus(fmt::format("text_io/{}.tsv", GetParam().file));
    ASSERT_FALSE(rows.empty());
    for (const std::vector<std::string>& row : rows) {
        ASSERT_EQ(row.size(), 3U);
        ASSERT_OK_AND_ASSIGN(auto zone, find_session_time_zone(row[0]));
        const TextFormat format{zone};
        const Result<Datum> value = parse_text(row[1], type, format);
        std::string answer;
        if (value) {
            format_text(*value, format, answer);
        } else {
            answer = refusal(value.error());
        }
        EXPECT_EQ(answer, row[2]) << row[0] << ": '" << row[1] << "'::" << type.name();
        if (!value) continue;

        std::string bytes;
        format_binary(Column::constant(*value, 1), 0, bytes);
        ASSERT_OK_AND_ASSIGN(const Datum same, parse_binary(bytes, type));
        std::string again;
        format_text(same, format, again);
        EXPECT_EQ(again, answer) << "through the binary form";
        // The lowest interval is the one text that PostgreSQL writes but does not read.
        if (answer == "-2562047788:00:54.775808") continue;
        ASSERT_OK_AND_ASSIGN(const Datum reread, parse_text(answer, type, format));
        again.clear();
        format_text(reread, format, again);
        EXPECT_EQ(again, answer) << "output read as input";
    }
}

INSTANTIATE_TEST_SUITE_P(
    Types, TextIoCorpus,
    testing::Values(TextCorpus{"bool", "bool"}, TextCorpus{"int2", "int2"},
                    TextCorpus{"int4", "int4"}, TextCorpus{"int8", "int8"},
                    TextCorpus{"oid", "oid"}, TextCorpus{"text", "text"},
                    TextCorpus{"float8", "float8"}, TextCorpus{"numeric", "numeric"},
                    TextCorpus{"numeric_10_2", "numeric(10,2)"}, TextCorpus{"date", "date"},
                    TextCorpus{"timestamp", "timestamp"}, TextCorpus{"timestamptz", "timestamptz"},
                    TextCorpus{"interval", "interval"}),
    [](const auto& info) { return std::string(info.param.file); });

std::string calculated(const std::string& name, const Numeric& left,
                       const std::string& right_text) {
    if (name == "round" || name == "trunc") {
        int scale = 0;
        std::from_chars(right_text.data(), right_text.data() + right_text.size(), scale);
        return name == "round" ? shown(round_to(left, scale))
                               : shown(Result<Numeric>(trunc_to(left, scale)));
    }
    if (name == "int8") return shown(to_int8(left));
    std::string text;
    if (name == "float8") {
        format_double(to_double(left), text);
        return text;
    }
    if (name == "binary") {
        std::string bytes;
        format_numeric_binary(left, bytes);
        for (const char byte : bytes) text += fmt::format("{:02x}", static_cast<uint8_t>(byte));
        return text;
    }
    const Result<Numeric> right = parse_numeric(right_text);
    if (!right) return refusal(right.error());
    if (name == "+") return shown(add(left, *right));
    if (name == "-") return shown(subtract(left, *right));
    if (name == "*") return shown(multiply(left, *right));
    if (name == "/") return shown(divide(left, *right));
    if (name == "%") return shown(modulo(left, *right));
    const auto order = compare(left, *right);
    return order < 0 ? "-1" : order > 0 ? "1" : "0";
}

TEST(NumericCorpus, AnswersAsPostgresqlDid) {
    const auto rows = read_corpus("numeric/arithmetic.tsv");
    ASSERT_FALSE(rows.empty());
    for (const std::vector<std::string>& row : rows) {
        ASSERT_EQ(row.size(), 4U);
        std::string answer;
        if (row[0] == "from_float8") {
            const Result<Datum> value =
                parse_text(row[1], Type::of(TypeKind::kFloat8), utc_format());
            answer =
                value ? shown(numeric_from_double(value->as<double>())) : refusal(value.error());
        } else {
            ASSERT_OK_AND_ASSIGN(const Numeric left, parse_numeric(row[1]));
            answer = calculated(row[0], left, row[2]);
        }
        EXPECT_EQ(answer, row[3]) << row[0] << ' ' << row[1] << ' ' << row[2];
    }
}

}  // namespace
}  // namespace braid
