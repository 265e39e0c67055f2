// SPDX-License-Identifier: Apache-2.0
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include <gtest/gtest.h>

#include "sql/sql.h"
#include "sql/sql_testing.h"

namespace braid::sql {
namespace {

// tests/corpus/psql_queries holds what psql 15 sends for its backslash commands.
TEST(PsqlQueries, AllBind) {
    size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator("tests/corpus/psql_queries")) {
        std::ifstream file(entry.path());
        const std::string text{std::istreambuf_iterator<char>(file), {}};
        auto parsed = parse(text);
        ASSERT_TRUE(parsed.has_value()) << entry.path() << ": " << parsed.error().to_string();
        for (const Statement& statement : *parsed) {
            auto bound = bind(statement, sample_catalog(), sample_options());
            EXPECT_TRUE(bound.has_value()) << entry.path() << "\n"
                                           << statement.text << "\n"
                                           << describe(bound.error());
            ++count;
        }
    }
    EXPECT_GT(count, 80u);
}

}  // namespace
}  // namespace braid::sql
