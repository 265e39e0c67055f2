// SPDX-License-Identifier: Apache-2.0
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "sql/sql.h"
#include "sql/sql_testing.h"

namespace braid::sql {
namespace {

std::vector<std::vector<std::string>> read_table(const std::string& path) {
    std::ifstream file(path);
    std::vector<std::vector<std::string>> rows;
    std::string line;
    while (std::getline(file, line)) {
        if (line.empty() || line[0] == '#') continue;
        std::vector<std::string> fields;
        size_t from = 0;
        for (size_t tab = line.find('\t'); tab != std::string::npos; tab = line.find('\t', from)) {
            fields.push_back(line.substr(from, tab - from));
            from = tab + 1;
        }
        fields.push_back(line.substr(from));
        rows.push_back(std::move(fields));
    }
    return rows;
}

std::string outcome(std::string_view state, std::string_view position, std::string_view message,
                    std::string_view hint) {
    return fmt::format("{}\t{}\t{}\t{}", state, position, message, hint);
}

std::string our_outcome(const std::string& text) {
    auto parsed = parse(text);
    const Error* error = parsed ? nullptr : &parsed.error();
    std::vector<Result<BoundStatement>> bound;
    if (parsed) {
        for (const Statement& statement : *parsed) {
            bound.push_back(bind(statement, sample_catalog(), sample_options()));
            if (!bound.back()) error = &bound.back().error();
        }
    }
    if (error == nullptr) return outcome("00000", "0", "", "");
    return outcome(error->sqlstate(), std::to_string(error->position()), error->message(),
                   error->hint());
}

// tests/corpus/binder_errors.tsv holds what PostgreSQL 15 says; binder_errors_differ.tsv what Braid
// says instead, where it means to.
TEST(BinderErrors, AreThoseOfPostgreSQL) {
    std::map<std::string, std::string> differ;
    for (const auto& row : read_table("tests/corpus/binder_errors_differ.tsv")) {
        ASSERT_EQ(row.size(), 5u) << row[0];
        differ[row[0]] = outcome(row[1], row[2], row[3], row[4]);
    }
    const auto rows = read_table("tests/corpus/binder_errors.tsv");
    EXPECT_GT(rows.size(), 300u);
    for (const auto& row : rows) {
        ASSERT_EQ(row.size(), 5u) << row[0];
        const std::string theirs = outcome(row[1], row[2], row[3], row[4]);
        const std::string ours = our_outcome(row[0]);
        const auto known = differ.find(row[0]);
        if (known == differ.end()) {
            EXPECT_EQ(ours, theirs) << row[0];
            continue;
        }
        EXPECT_EQ(ours, known->second) << row[0];
        EXPECT_NE(ours, theirs) << "no longer different: " << row[0];
        differ.erase(known);
    }
    for (const auto& [statement, ours] : differ)
        ADD_FAILURE() << "not in the corpus: " << statement;
}

}  // namespace
}  // namespace braid::sql
