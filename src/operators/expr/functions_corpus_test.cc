// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/posix_file_system.h"
#include "base/test_support.h"
#include "columnar/text_io.h"
#include "operators/expr/evaluator.h"
#include "plan/function.h"

/// Replays tests/corpus/functions: what PostgreSQL 15 answered must be what our bodies answer, for
/// flat, constant and dictionary arguments.
namespace braid::operators {
namespace {

using Fields = std::vector<std::string>;

constexpr std::string_view kCorpus = "tests/corpus/functions";

struct Case {
    std::string key;
    std::string zone;
    std::string answer;
    Fields arguments;  // "\\N" is NULL

    std::string name() const {
        return fmt::format("{} [{}] ({})", key, zone, fmt::join(arguments, " | "));
    }
};

std::string unescaped(std::string_view field) {
    if (field == "\\N") return std::string(field);
    std::string out;
    for (size_t i = 0; i < field.size(); ++i) {
        if (field[i] != '\\' || i + 1 == field.size()) {
            out += field[i];
            continue;
        }
        const char c = field[++i];
        out += c == 'n' ? '\n' : c == 't' ? '\t' : c == 'r' ? '\r' : c;
    }
    return out;
}

/// Lines of a file of the corpus, each cut at its tabs.
std::vector<Fields> read_lines(const std::string& path) {
    std::vector<Fields> lines;
    auto files = open_posix_file_system("/");
    EXPECT_TRUE(files.has_value());
    const auto full = std::filesystem::absolute(path).relative_path().string();
    const Result<std::string> text = (*files)->read_all(full);
    EXPECT_TRUE(text.has_value()) << path;
    if (!text.has_value()) return lines;
    std::string_view rest = *text;
    while (!rest.empty()) {
        const size_t end = std::min(rest.find('\n'), rest.size());
        std::string_view line = rest.substr(0, end);
        Fields fields;
        while (true) {
            const size_t tab = std::min(line.find('\t'), line.size());
            fields.push_back(unescaped(line.substr(0, tab)));
            if (tab == line.size()) break;
            line.remove_prefix(tab + 1);
        }
        lines.push_back(std::move(fields));
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return lines;
}

std::vector<Case> read_cases(const std::string& path) {
    std::vector<Case> cases;
    for (Fields& fields : read_lines(path)) {
        cases.push_back({fields[0], fields[1], fields[2], {fields.begin() + 3, fields.end()}});
    }
    return cases;
}

/// Where Braid answers otherwise on purpose, by the name of the case: its answer. The file says
/// why.
const std::map<std::string, std::string>& differences() {
    static const auto* const all = [] {
        auto* made = new std::map<std::string, std::string>();
        for (const Fields& fields : read_lines(std::string(kCorpus) + "/differences.tsv")) {
            if (fields[0].starts_with("#") || fields.size() < 3) continue;
            const Case one{fields[0], fields[1], fields[2], {fields.begin() + 3, fields.end()}};
            (*made)[one.name()] = one.answer;
        }
        return made;
    }();
    return *all;
}

Type argument_type(const plan::Function& function, const Case& one, size_t index) {
    const Type declared = function.arguments[std::min(index, function.arguments.size() - 1)];
    if (declared.kind != TypeKind::kUnknown) return declared;
    const std::string& text = one.arguments[index];
    Type type = Type::of(TypeKind::kText);
    if (text == "\\N") return type;
    EXPECT_TRUE(parse_type_name(text.substr(0, text.find(':')), type)) << one.name();
    return type;
}

Datum argument_value(const plan::Function& function, const Case& one, size_t index,
                     const TextFormat& format) {
    const Type type = argument_type(function, one, index);
    std::string text = one.arguments[index];
    const bool is_any = function.arguments[std::min(index, function.arguments.size() - 1)].kind ==
                        TypeKind::kUnknown;
    if (text == "\\N") return Datum::null(type);
    if (is_any) text = text.substr(text.find(':') + 1);
    if (is_any && text == "\\N") return Datum::null(type);
    Result<Datum> value = parse_text(text, type, format);
    EXPECT_TRUE(value.has_value()) << one.name() << ": " << text;
    return value.has_value() ? *value : Datum::null(type);
}

std::string answer_of(const Datum& value, const TextFormat& format) {
    if (value.is_null()) return "NULL";
    std::string text = "=";
    format_text(value, format, text);
    return text;
}

/// Cases of one key, zone and list of argument types: they run as one batch.
struct Group {
    const plan::Function* function = nullptr;
    std::string zone;
    std::vector<Type> types;
    std::vector<Case> cases;
};

std::vector<Group> grouped(const std::vector<Case>& cases) {
    std::map<std::string, Group> groups;
    for (const Case& one : cases) {
        const plan::Function* function = plan::function_by_key(one.key);
        EXPECT_NE(function, nullptr) << one.key;
        if (function == nullptr) continue;
        std::vector<Type> types;
        std::string id = one.key + one.zone;
        for (size_t i = 0; i < one.arguments.size(); ++i) {
            types.push_back(argument_type(*function, one, i));
            id += types.back().name();
        }
        // The modifiers of a type must be constants: such cases run alone.
        if (one.key.starts_with("cast:numeric(numeric,")) id += one.name();
        Group& group = groups[id];
        group.function = function;
        group.zone = one.zone;
        group.types = types;
        group.cases.push_back(one);
    }
    std::vector<Group> out;
    for (auto& [id, group] : groups) out.push_back(std::move(group));
    return out;
}

class Replay {
  public:
    void run(const Group& group) {
        format_.zone = *find_time_zone(group.zone);
        context_.format = format_;
        run_batch(group, false);
        run_batch(group, true);
        for (const Case& one : group.cases) run_constant(group, one);
    }
    size_t failures() const { return failures_; }

  private:
    /// All cases of the group as rows, texts flat or as dictionaries.
    void run_batch(const Group& group, bool as_dictionary) {
        Batch batch{.length = group.cases.size(), .columns = {}};
        std::vector<plan::ExprPtr> arguments;
        for (size_t i = 0; i < group.types.size(); ++i) {
            ColumnBuilder builder(group.types[i]);
            for (const Case& one : group.cases) {
                builder.append(argument_value(*group.function, one, i, format_));
            }
            Column column = builder.finish();
            if (as_dictionary && group.types[i].kind == TypeKind::kText) column = encoded(column);
            batch.columns.push_back(std::move(column));
            arguments.push_back(plan::column_ref(static_cast<int>(i), group.types[i]));
        }
        Result<std::unique_ptr<Program>> program =
            Program::compile({plan::call(group.function, arguments)}, context_);
        if (!program.has_value()) {
            return fail(group.cases[0].name() + ": " + program.error().to_string());
        }
        const std::vector<Evaluated> results = (*program)->run(batch);
        const std::vector<RowError>& errors = results[0].errors;
        size_t error = 0;
        for (size_t row = 0; row < group.cases.size(); ++row) {
            const bool failed = error < errors.size() && errors[error].row == row;
            const std::string answer = failed ? "!" + std::string(errors[error].error.sqlstate())
                                              : answer_of(results[0].column.datum(row), format_);
            check(group.cases[row], answer, as_dictionary ? "dictionary" : "flat");
            error += failed;
        }
    }

    void run_constant(const Group& group, const Case& one) {
        std::vector<plan::ExprPtr> arguments;
        for (size_t i = 0; i < group.types.size(); ++i) {
            arguments.push_back(plan::constant(argument_value(*group.function, one, i, format_)));
        }
        const Result<Datum> value =
            evaluate_constant(*plan::call(group.function, arguments), context_);
        const std::string answer = value.has_value() ? answer_of(*value, format_)
                                                     : "!" + std::string(value.error().sqlstate());
        check(one, answer, "constant");
    }

    /// Every row its own dictionary value, and a second value that no row uses.
    static Column encoded(const Column& flat) {
        ColumnBuilder values(flat.type());
        std::vector<int32_t> codes;
        int32_t next = 0;
        for (size_t row = 0; row < flat.length(); ++row) {
            if (flat.is_null(row)) {
                codes.push_back(-1);
                continue;
            }
            values.append_text("[unused(");
            values.append_from(flat, row);
            codes.push_back(next + 1);
            next += 2;
        }
        return Column::dictionary(values.finish(), std::move(codes));
    }

    void check(const Case& one, const std::string& answer, std::string_view encoding) {
        const auto known = differences().find(one.name());
        const std::string& expected = known == differences().end() ? one.answer : known->second;
        if (answer == expected) return;
        fail(fmt::format("{} {}\n  PostgreSQL {}\n  Braid      {}", one.name(), encoding, expected,
                         answer));
    }

    void fail(const std::string& text) {
        constexpr size_t kShownMax = 200;
        if (failures_++ < kShownMax) ADD_FAILURE() << text;
    }

    TextFormat format_;
    EvaluationContext context_;
    size_t failures_ = 0;
};

class FunctionsCorpus : public testing::TestWithParam<const char*> {};

TEST_P(FunctionsCorpus, AnswersAsPostgresDoes) {
    const std::vector<Case> cases = read_cases(std::string(kCorpus) + "/" + GetParam() + ".tsv");
    ASSERT_GT(cases.size(), 100u);
    Replay replay;
    for (const Group& group : grouped(cases)) replay.run(group);
    EXPECT_EQ(replay.failures(), 0u);
}

INSTANTIATE_TEST_SUITE_P(Families, FunctionsCorpus,
                         testing::Values("compare", "cast", "number", "text", "time", "instant",
                                         "extract", "to_char"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace braid::operators
