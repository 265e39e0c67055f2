// SPDX-License-Identifier: Apache-2.0
#include "log/key_table.h"

#include <latch>

#include <gtest/gtest.h>

#include "base/test_support.h"
#include "base/thread.h"

namespace braid::log {
namespace {

StoredKey stored(const std::string& key, int64_t first, int64_t at_us, uint32_t partition = 0) {
    return {.key = {key, 1},
            .partition = {partition},
            .first = {first},
            .record_count = 1,
            .ingested_at_us = 0,
            .open_us = at_us};
}

/// What the table says of a key with body hash 1: its first offset, or -1 when unknown (and stays
/// so).
int64_t look(KeyTable& table, const std::string& key, int64_t now_us) {
    auto found = table.reserve({key, 1}, now_us);
    EXPECT_OK(found);
    if (found->has_value()) return (*found)->first.value;
    table.release(key);
    return -1;
}

TEST(KeyTable, GivesBackWhatWasStored) {
    KeyTable table(10, 1000);
    EXPECT_EQ(look(table, "a", 0), -1);
    ASSERT_OK(table.reserve({"a", 1}, 0));
    table.settle(stored("a", 7, 0));
    EXPECT_EQ(look(table, "a", 0), 7);
}

TEST(KeyTable, RefusesAnotherBody) {
    KeyTable table(10, 1000);
    table.settle(stored("a", 7, 0));
    const auto refused = table.reserve({"a", 2}, 0);
    ASSERT_ERROR(refused, ErrorCode::kInvalidInput, "22000");
    EXPECT_EQ(refused.error().message(), "idempotency key \"a\" was used with another body");
}

TEST(KeyTable, ForgetsTheOldestBeyondItsCount) {
    KeyTable table(2, 1000);
    table.settle(stored("a", 'a', 0));
    EXPECT_EQ(table.size(), 1u);
    table.settle(stored("b", 'b', 0));
    EXPECT_EQ(look(table, "a", 0), 'a');
    EXPECT_EQ(table.size(), 2u);
    table.settle(stored("c", 'c', 0));
    EXPECT_EQ(look(table, "a", 0), -1);
    EXPECT_EQ(look(table, "b", 0), 'b');
    EXPECT_EQ(table.size(), 2u);
}

TEST(KeyTable, ForgetsWhatIsTooOld) {
    KeyTable table(10, 1000);
    table.settle(stored("a", 1, 0));
    table.settle(stored("b", 2, 500));
    EXPECT_EQ(look(table, "a", 999), 1);
    EXPECT_EQ(look(table, "a", 1000), 1);
    EXPECT_EQ(look(table, "a", 1001), -1);
    EXPECT_EQ(look(table, "b", 1500), 2);
}

TEST(KeyTable, AForgottenKeyCanBeUsedAgain) {
    KeyTable table(10, 1000);
    table.settle(stored("a", 1, 0));
    ASSERT_OK_AND_ASSIGN(const auto found, table.reserve({"a", 2}, 5000));
    EXPECT_FALSE(found.has_value());
    StoredKey again = stored("a", 9, 5000);
    again.key.body_hash = 2;
    table.settle(again);
    EXPECT_ERROR(table.reserve({"a", 1}, 5000), ErrorCode::kInvalidInput);
}

TEST(KeyTable, RestoresInOrderOfAgeAndTakesTheNewestUse) {
    KeyTable table(2, 1000);
    table.restore(
        {stored("b", 2, 20), stored("c", 3, 30, 1), stored("a", 1, 10), stored("b", 9, 40)});
    EXPECT_EQ(table.size(), 2u);
    EXPECT_EQ(look(table, "a", 40), -1);
    EXPECT_EQ(look(table, "b", 40), 9);
    EXPECT_EQ(look(table, "c", 40), 3);
    ASSERT_EQ(table.of_partition({0}).size(), 1u);
    EXPECT_EQ(table.of_partition({0})[0].key.key, "b");
}

TEST(KeyTable, ASecondCallerWaitsForTheFirstAndGetsItsOutcome) {
    KeyTable table(10, 1000);
    ASSERT_OK(table.reserve({"a", 1}, 0));
    std::latch started(1);
    int64_t seen = 0;
    Thread second("second", [&] {
        started.count_down();
        seen = look(table, "a", 0);
    });
    started.wait();
    table.settle(stored("a", 7, 0));
    second.join();
    EXPECT_EQ(seen, 7);
}

TEST(KeyTable, ASecondCallerBecomesTheFirstWhenThatFails) {
    KeyTable table(10, 1000);
    ASSERT_OK(table.reserve({"a", 1}, 0));
    int64_t seen = 0;
    Thread second("second", [&] { seen = look(table, "a", 0); });
    table.release("a");
    second.join();
    EXPECT_EQ(seen, -1);
}

}  // namespace
}  // namespace braid::log
