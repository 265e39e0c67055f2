// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "base/test_support.h"
#include "sql/parse/ast.h"
#include "sql/parse/lexer.h"
#include "sql/sql.h"

namespace braid::sql {
namespace {

std::string repeated(std::string_view text, size_t count) {
    std::string out;
    for (size_t i = 0; i < count; ++i) out += text;
    return out;
}

const Expression& first_target(const Statement& statement) {
    return *std::get<SelectPtr>(statement.tree->body)->targets[0].expr;
}

TEST(Parse, SplitsAtSemicolonsOnly) {
    ASSERT_OK_AND_ASSIGN(
        const auto statements,
        parse(" SELECT 'a;b' /* ; */ ; -- ;\n ;; BEGIN;\nSELECT \"é;\" , $x$;$x$ ; "));
    ASSERT_EQ(statements.size(), 3u);
    EXPECT_EQ(statements[0].text, "SELECT 'a;b'");
    EXPECT_EQ(statements[0].position, 2);
    EXPECT_EQ(statements[0].kind, StatementKind::kSelect);
    EXPECT_EQ(statements[1].text, "BEGIN");
    EXPECT_EQ(statements[1].tag, "BEGIN");
    EXPECT_EQ(statements[2].text, "SELECT \"é;\" , $x$;$x$");
    EXPECT_EQ(statements[2].kind, StatementKind::kSelect);
}

TEST(Parse, GivesNothingForAnEmptyText) {
    for (const char* text : {"", " ", ";", ";;\n", "-- only a comment", "/* and */ ;"}) {
        ASSERT_OK_AND_ASSIGN(const auto statements, parse(text));
        EXPECT_TRUE(statements.empty()) << text;
    }
}

TEST(Parse, TakesTheTagOfEachStatement) {
    const std::vector<std::pair<std::string, std::string>> cases = {
        {"VALUES (1)", "SELECT"},
        {"INSERT INTO t VALUES (1)", "INSERT"},
        {"CREATE TABLE t (a int)", "CREATE TABLE"},
        {"CREATE MATERIALIZED VIEW v AS SELECT 1", "CREATE MATERIALIZED VIEW"},
        {"CREATE VIEW v AS SELECT 1", "CREATE VIEW"},
        {"DROP MATERIALIZED VIEW v", "DROP MATERIALIZED VIEW"},
        {"DROP FOREIGN TABLE v", "DROP FOREIGN TABLE"},
        {"REFRESH MATERIALIZED VIEW v", "REFRESH MATERIALIZED VIEW"},
        {"START TRANSACTION", "START TRANSACTION"},
        {"END", "COMMIT"},
        {"ROLLBACK TO a", "ROLLBACK"},
        {"SAVEPOINT a", "SAVEPOINT"},
        {"SET a = 1", "SET"},
        {"RESET a", "RESET"},
        {"SHOW a", "SHOW"},
        {"DEALLOCATE ALL", "DEALLOCATE ALL"},
        {"DISCARD PLANS", "DISCARD PLANS"},
        {"REVOKE SELECT ON t FROM x", "REVOKE"},
        {"ALTER MATERIALIZED VIEW v RENAME TO w", "ALTER MATERIALIZED VIEW"},
        {"EXPLAIN SELECT 1", "EXPLAIN"},
    };
    for (const auto& [text, tag] : cases) {
        ASSERT_OK_AND_ASSIGN(const auto statements, parse(text));
        EXPECT_EQ(statements[0].tag, tag) << text;
    }
}

// libpg_query 15 leaves the value of a negative integer out of its tree.
TEST(Parse, ReadsNegativeIntegersFromTheText) {
    const std::vector<std::pair<std::string, int64_t>> cases = {
        {"SELECT -1", -1},         {"SELECT - /* x */ 12", -12},
        {"SELECT -(7)", -7},       {"SELECT - - 5", 5},
        {"SELECT -(-(-3))", -3},   {"SELECT 0", 0},
        {"SELECT - -- c\n 4", -4}, {"SELECT -2147483647", -2147483647}};
    for (const auto& [text, value] : cases) {
        ASSERT_OK_AND_ASSIGN(const auto statements, parse(text));
        EXPECT_EQ(first_target(statements[0]).kind, Expression::Kind::kInteger) << text;
        EXPECT_EQ(first_target(statements[0]).number, value) << text;
    }
}

TEST(Parse, CountsPositionsInCharacters) {
    const auto result = parse("SELECT 'äöü', 1 FROM FROM");
    ASSERT_ERROR(result, ErrorCode::kInvalidInput, "42601");
    EXPECT_EQ(result.error().position(), 22);
    EXPECT_EQ(result.error().message(), "syntax error at or near \"FROM\"");
    EXPECT_EQ(position_of("äöx", 4), 3);
    EXPECT_EQ(position_of("äöx", -1), 0);
}

TEST(Parse, RefusesBytesThatAreNoText) {
    EXPECT_ERROR(parse(std::string_view("SELECT 1\0, 2", 12)), ErrorCode::kInvalidInput, "22021");
    EXPECT_ERROR(parse("SELECT '\xff'"), ErrorCode::kInvalidInput, "22021");
}

TEST(Parse, RefusesATextThatIsTooLong) {
    const std::string below = "SELECT 1" + std::string(kTextBytesMax - 9, ' ');
    EXPECT_OK(parse(below));
    EXPECT_OK(parse(below + " "));
    const auto above = parse(below + "  ");
    ASSERT_ERROR(above, ErrorCode::kInvalidInput, "54000");
    EXPECT_FALSE(above.error().hint().empty());
}

// Each of these nests as deeply as its length allows; libpg_query itself recurses when it writes
// them.
TEST(Parse, GivesAnErrorForDeepNestingNeverACrash) {
    const size_t n = 60'000;
    const std::vector<std::string> texts = {
        "SELECT 1" + repeated("+1", n),
        "SELECT " + repeated("(", n) + "1" + repeated(")", n),
        "SELECT " + repeated("NOT ", n) + "true",
        "SELECT " + repeated("- ", n) + "a",
        "SELECT 1" + repeated("::int", n / 3),
        "SELECT a" + repeated("[1]", n),
        "SELECT a" + repeated(" IS NULL", n / 3),
        "SELECT " + repeated("f(", n) + "1" + repeated(")", n),
        "SELECT 1" + repeated(" UNION SELECT 1", n / 6),
        "SELECT " + repeated("(SELECT ", n / 4) + "1" + repeated(")", n / 4),
        "SELECT * FROM t" + repeated(" JOIN t USING (a)", n / 6),
        "SELECT * FROM " + repeated("(SELECT * FROM ", n / 8) + "t" + repeated(") x", n / 8),
        "SELECT " + repeated("CASE WHEN true THEN ", n / 8) + "1" + repeated(" END", n / 8),
        "EXPLAIN SELECT 1" + repeated("||1", n),
        "SELECT 1" + repeated(" COLLATE \"C\"", n / 4),
    };
    for (const std::string& text : texts) {
        ASSERT_LE(text.size(), kTextBytesMax) << text.substr(0, 40);
        EXPECT_ERROR(parse(text), ErrorCode::kInvalidInput, "54001") << text.substr(0, 40);
    }
}

TEST(Parse, ReadsWhatIsJustDeepEnough) {
    // Each + is a level, and so are the number and the list that it stands in.
    EXPECT_OK(parse("SELECT 1" + repeated("+1", kDepthMax - 3)));
    EXPECT_OK(parse("SELECT 1" + repeated("+1", kDepthMax - 2)));
    const auto above = parse("SELECT 1" + repeated("+1", kDepthMax - 1));
    ASSERT_ERROR(above, ErrorCode::kInvalidInput, "54001");
    EXPECT_FALSE(above.error().hint().empty());
    // AND, OR and lists are wide, not deep.
    EXPECT_OK(parse("SELECT true" + repeated(" AND true", 10'000)));
    EXPECT_OK(parse("SELECT 1 IN (1" + repeated(", 1", 20'000) + ")"));
}

TEST(Parse, WorksFromManyThreads) {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 12; ++i) {
        threads.emplace_back([i] {
            for (int round = 0; round < 50; ++round) {
                const auto result = parse(i % 3 == 0 ? "SELECT 1 FROM" : "SELECT a, -5 FROM t");
                EXPECT_EQ(result.has_value(), i % 3 != 0);
            }
        });
    }
}

TEST(Lexer, KnowsWhereThingsEnd) {
    const std::string_view text =
        "a \"b\"\"c\" 'd''e' E'f\\'g' $$h$$ $t$i$$j$t$ -- k\n/* l /* m */ n */ 1.5e3 ::";
    std::vector<std::string> words;
    for (const Token& token : tokenize(text)) {
        words.emplace_back(text.substr(token.begin, token.end - token.begin));
    }
    const std::vector<std::string> expected = {
        "a", "\"b\"\"c\"", "'d''e'", "E'f\\'g'", "$$h$$", "$t$i$$j$t$", "1.5e3", ":", ":"};
    EXPECT_EQ(words, expected);
}

}  // namespace
}  // namespace braid::sql
