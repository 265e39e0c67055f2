// SPDX-License-Identifier: Apache-2.0
#include "serving/system/receipt_log.h"

#include <gtest/gtest.h>

namespace braid::serving {
namespace {

std::shared_ptr<const runs::TiledRuns> runs_of(size_t count) {
    auto runs = std::make_shared<runs::TiledRuns>();
    runs->parts.resize(count);
    return runs;
}

std::shared_ptr<const runs::ReceiptSource> receipt(std::shared_ptr<const runs::TiledRuns> runs) {
    auto source = std::make_shared<runs::ReceiptSource>();
    source->views.push_back({.runs = std::move(runs), .ticks = {}, .end = {}});
    return source;
}

TEST(ReceiptLog, KeepsAsManyAsFit) {
    ReceiptLog log(64 << 10);
    for (int number = 0; number < 1000; ++number) log.add(1, "SELECT", receipt(runs_of(1)));
    const size_t small = log.entries().size();
    EXPECT_GT(small, 50U);
    EXPECT_LT(small, 300U);
    EXPECT_EQ(log.entries().back().number, 1000U);
    for (int number = 0; number < 1000; ++number) log.add(1, "SELECT", receipt(runs_of(100)));
    EXPECT_GT(log.entries().size(), 1U);
    EXPECT_LT(log.entries().size(), 10U);
}

TEST(ReceiptLog, CountsOnceWhatReceiptsShare) {
    ReceiptLog log(64 << 10);
    const auto shared = runs_of(100);
    for (int number = 0; number < 1000; ++number) log.add(1, "SELECT", receipt(shared));
    EXPECT_GT(log.entries().size(), 100U);
    EXPECT_LT(log.entries().size(), 500U);
    for (int number = 0; number < 1000; ++number) log.add(1, "SELECT", receipt(runs_of(1)));
    EXPECT_EQ(shared.use_count(), 1);
}

TEST(ReceiptLog, KeepsTheNewestHoweverLarge) {
    ReceiptLog log(1000);
    log.add(1, "SELECT 1", receipt(runs_of(100)));
    log.add(1, "SELECT 2", receipt(runs_of(100)));
    ASSERT_EQ(log.entries().size(), 1U);
    EXPECT_EQ(log.entries()[0].statement, "SELECT 2");
}

}  // namespace
}  // namespace braid::serving
