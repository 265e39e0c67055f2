// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <atomic>
#include <filesystem>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/posix_file_system.h"
#include "base/test_support.h"
#include "base/thread.h"
#include "operators/enrich/data_file_test_support.h"
#include "operators/enrich/pattern_set_internal.h"

namespace braid::operators {
namespace {

constexpr const char* kRules = "third_party/npm/node_modules/uap-core/regexes.yaml";

const UserAgentRules& rules() {
    static const auto* const loaded = [] {
        auto result = load_user_agent_rules(read_data_file(kRules), "build/user_agent_cache");
        EXPECT_TRUE(IS_OK(result));
        return new std::shared_ptr<const UserAgentRules>(std::move(result).value());
    }();
    return **loaded;
}

std::vector<std::string> lines_of(const std::string& path) {
    auto files = open_posix_file_system("/");
    auto text = (*files)->read_all(std::filesystem::absolute(path).relative_path().string());
    EXPECT_TRUE(IS_OK(text));
    std::vector<std::string> lines;
    std::string_view rest = *text;
    while (!rest.empty()) {
        const size_t end = std::min(rest.find('\n'), rest.size());
        lines.emplace_back(rest.substr(0, end));
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return lines;
}

// Written by tests/corpus/make_user_agents.py, which walks the rules one after another with another
// engine.
TEST(UserAgentRules, AgreeWithTheSequentialRule) {
    const std::vector<std::string> lines = lines_of("tests/corpus/user_agents.tsv");
    ASSERT_GT(lines.size(), 1000u);
    size_t differences = 0;
    for (const std::string& line : lines) {
        const size_t first = line.find('\t');
        const size_t second = line.find('\t', first + 1);
        const std::string agent = line.substr(second + 1);
        const std::string client = line.substr(0, first);
        const std::string os = line.substr(first + 1, second - first - 1);
        if (rules().client(agent) == client && rules().os(agent) == os) continue;
        if (++differences > 20) continue;
        ADD_FAILURE() << agent << "\n  client " << rules().client(agent) << " expected " << client
                      << "\n  os " << rules().os(agent) << " expected " << os;
    }
    EXPECT_EQ(differences, 0u);
}

TEST(UserAgentRules, CallTheUnknownOther) {
    EXPECT_EQ(rules().client(""), "Other");
    EXPECT_EQ(rules().os("nothing anybody knows"), "Other");
}

TEST(UserAgentRules, TakeLongAndHostileAgents) {
    const std::string chrome =
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
        "Chrome/120.0.0.0 Safari/537.36";
    EXPECT_EQ(rules().client(chrome + std::string(1 << 20, 'x')), "Chrome");
    EXPECT_EQ(rules().client(std::string(5000, '(')), "Other");
    // The cut falls into the middle of a character.
    EXPECT_EQ(rules().client("x" + std::string(1500, 'y') +
                             [] {
                                 std::string text;
                                 for (int i = 0; i < 1000; ++i) text += "日";
                                 return text;
                             }()),
              "Other");
}

TEST(UserAgentRules, AnswerManyThreadsAtOnce) {
    std::atomic<int> wrong = 0;
    {
        std::vector<Thread> threads;
        for (int i = 0; i < 4; ++i) {
            threads.emplace_back("agents", [&wrong] {
                for (int k = 0; k < 200; ++k) {
                    wrong += rules().client("Mozilla/5.0 Firefox/115.0") != "Firefox";
                    wrong += rules().os("Mozilla/5.0 (X11; Linux x86_64)") != "Linux";
                }
            });
        }
    }
    EXPECT_EQ(wrong, 0);
}

TEST(UserAgentRules, ReadTheirCompiledFormAgain) {
    const auto before = rules().client("curl/8.0");
    auto again = load_user_agent_rules(read_data_file(kRules), "build/user_agent_cache");
    ASSERT_OK(again);
    EXPECT_EQ((*again)->client("curl/8.0"), before);
    bool found = false;
    for (const auto& entry : std::filesystem::directory_iterator("build/user_agent_cache")) {
        found |= entry.path().filename().string().starts_with("user_agents-");
    }
    EXPECT_TRUE(found);
}

UserAgentRule rule(std::string pattern, std::string family = {}) {
    return {.pattern = std::move(pattern), .ignore_case = false, .family = std::move(family)};
}

TEST(PatternSet, TakesTheFirstRuleOfTheFile) {
    ASSERT_OK_AND_ASSIGN(
        const auto set,
        PatternSet::create(
            {rule("ab", "first"), rule("b", "second"), rule("(c)x", "<$1>"), rule("(c)(d)?")}, ""));
    EXPECT_EQ(set->find("xbab"), "first");
    EXPECT_EQ(set->find("xb"), "second");
    EXPECT_EQ(set->find("cx"), "<c>");
    EXPECT_EQ(set->find("c"), "c");
    EXPECT_EQ(set->find("q"), std::nullopt);
}

TEST(PatternSet, RestoresOnlyWhatItWrote) {
    const std::vector<UserAgentRule> some = {rule("ab", "first"), rule("b", "second")};
    ASSERT_OK_AND_ASSIGN(const auto set, PatternSet::create(some, ""));
    EXPECT_FALSE(set->was_restored());
    ASSERT_OK_AND_ASSIGN(const auto again, PatternSet::create(some, set->serialize()));
    EXPECT_TRUE(again->was_restored());
    EXPECT_EQ(again->find("xb"), "second");
    ASSERT_OK_AND_ASSIGN(const auto spoiled, PatternSet::create(some, "garbage"));
    EXPECT_FALSE(spoiled->was_restored());
    EXPECT_EQ(spoiled->find("xb"), "second");
}

TEST(PatternSet, RefusesWhatIsNoPattern) {
    EXPECT_ERROR(PatternSet::create({rule("(", "x")}, ""), ErrorCode::kInvalidInput);
}

}  // namespace
}  // namespace braid::operators
