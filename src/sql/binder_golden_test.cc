// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "sql/sql_testing.h"

namespace braid::sql {
namespace {

/// A statement and what it binds to. In a file: comments and the statement, a line of four dashes,
/// the outcome, an empty line.
struct Case {
    std::string comments;
    std::string statement;
    std::string outcome;
};

std::vector<Case> read_cases(const std::filesystem::path& path) {
    std::ifstream file(path);
    std::vector<Case> cases;
    Case next;
    bool in_outcome = false;
    std::string line;
    while (std::getline(file, line)) {
        if (!in_outcome && line.starts_with("#")) {
            next.comments += line + "\n";
        } else if (!in_outcome && line == "----") {
            in_outcome = true;
        } else if (in_outcome && line.empty()) {
            cases.push_back(std::move(next));
            next = {};
            in_outcome = false;
        } else if (in_outcome) {
            next.outcome += line + "\n";
        } else if (line.empty() && !next.statement.empty()) {
            cases.push_back(std::move(next));  // a new case, still without its outcome
            next = {};
        } else if (!line.empty()) {
            next.statement += line + "\n";
        }
    }
    if (!next.statement.empty()) cases.push_back(std::move(next));
    return cases;
}

std::vector<std::filesystem::path> files() {
    std::vector<std::filesystem::path> out;
    for (const auto& entry : std::filesystem::directory_iterator("tests/corpus/binder_golden")) {
        out.push_back(entry.path());
    }
    std::ranges::sort(out);
    return out;
}

// BRAID_REWRITE=1 writes the outcomes anew.
TEST(BinderGolden, StatementsBindAsWritten) {
    const bool rewrite = std::getenv("BRAID_REWRITE") != nullptr;
    size_t count = 0;
    for (const std::filesystem::path& path : files()) {
        std::vector<Case> cases = read_cases(path);
        count += cases.size();
        std::ostringstream out;
        for (Case& one : cases) {
            const std::string ours = describe(one.statement, sample_catalog(), sample_options());
            if (!rewrite) {
                EXPECT_EQ(ours, one.outcome) << path << ": " << one.statement;
            }
            out << one.comments << one.statement << "----\n" << ours << "\n";
        }
        if (rewrite) std::ofstream(path) << out.str();
    }
    EXPECT_GT(count, 400u);
}

}  // namespace
}  // namespace braid::sql
