// SPDX-License-Identifier: Apache-2.0
#include "sql/sql.h"

#include <gtest/gtest.h>

#include <cstdio>

#include "sql/sql_testing.h"

namespace braid::sql {
namespace {

TEST(Play, Print) {
    const char* text = std::getenv("PLAY");
    if (text == nullptr) GTEST_SKIP();
    std::fputs(describe(text, sample_catalog(), sample_options()).c_str(), stdout);
}

}  // namespace
}  // namespace braid::sql
