// SPDX-License-Identifier: Apache-2.0
#include "serving/http/http_status.h"

#include <fstream>
#include <set>
#include <sstream>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/error_makers.h"

namespace braid::serving {
namespace {

int status_of(std::string_view sqlstate) {
    return http_status_of(invalid_input("x").with_sqlstate(sqlstate));
}

TEST(HttpStatus, GoesByTheSqlstate) {
    EXPECT_EQ(status_of("42P01"), 404);
    EXPECT_EQ(status_of("42703"), 400);
    EXPECT_EQ(status_of("42883"), 400);
    EXPECT_EQ(status_of("42501"), 403);
    EXPECT_EQ(status_of("42P07"), 409);
    EXPECT_EQ(status_of("54000"), 413);
    EXPECT_EQ(status_of("54001"), 400);
    EXPECT_EQ(status_of("53100"), 429);
    EXPECT_EQ(status_of("53300"), 503);
    EXPECT_EQ(status_of("53400"), 409);
    EXPECT_EQ(status_of("22P02"), 400);
    EXPECT_EQ(status_of("57P03"), 503);
    EXPECT_EQ(status_of("XX001"), 500);
    EXPECT_EQ(status_of("99999"), 500);
}

TEST(HttpStatus, IsTheSameForTheSameSqlstateWhateverItsKind) {
    EXPECT_EQ(http_status_of(not_found("column").with_sqlstate("42703")), 400);
    EXPECT_EQ(http_status_of(exhausted("answer").with_sqlstate("54000")), 413);
    EXPECT_EQ(http_status_of(not_found("relation")), 404);
    EXPECT_EQ(http_status_of(timeout("slow")), 504);
    EXPECT_EQ(http_status_of(cancelled("left")), 499);
    EXPECT_EQ(http_status_of(unavailable("starting")), 503);
}

TEST(HttpStatus, SinglesStandBeforeTheirClasses) {
    std::set<std::string_view> classes;
    for (const StatusOfSqlstate& each : statuses_of_sqlstates()) {
        if (each.sqlstate.size() == 2) {
            EXPECT_TRUE(classes.insert(each.sqlstate).second) << each.sqlstate;
        } else {
            EXPECT_FALSE(classes.contains(each.sqlstate.substr(0, 2))) << each.sqlstate;
        }
    }
}

TEST(HttpStatus, TheManualShowsTheTable) {
    std::ifstream file("docs/operating/http.md");
    std::stringstream manual;
    manual << file.rdbuf();
    for (const StatusOfSqlstate& each : statuses_of_sqlstates()) {
        const std::string row =
            fmt::format("| `{}` | {} | {} |", each.sqlstate, each.status, each.about);
        EXPECT_NE(manual.str().find(row), std::string::npos) << row;
    }
}

}  // namespace
}  // namespace braid::serving
