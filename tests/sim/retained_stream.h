// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/support/test_node.h"
#include "tests/support/utc_text.h"

namespace braid::testing {

using Lines = std::vector<std::string>;

constexpr int64_t kMinuteUs = 60'000'000;
constexpr int64_t kDayUs = 24 * 60 * kMinuteUs;
/// The clock of the tests stands at 2023-11-14 22:13:20Z.
constexpr int64_t kNowUs = 1'700'000'000'000'000;

/// A record.
inline std::string event(std::string_view key, int64_t at_us) {
    return fmt::format(R"({{"k":"{}","at":"{}"}})", key, utc_text(at_us));
}

/// A node with a stream "t" of two partitions, whose events are of some moment, and a view "v".
class RetainedStream : public ::testing::Test {
  protected:
    explicit RetainedStream(std::string_view table) : table_(table) {}

    void SetUp() override {
        start();
        node_.run(table_);
    }
    void start() {
        const auto started = node_.start();
        ASSERT_TRUE(started.has_value()) << started.error().to_string();
    }
    /// To the partitions in turn.
    void append_record(const std::string& record) {
        const auto partition = static_cast<uint32_t>(events_++ % 2);
        ASSERT_TRUE(node_.append("t", partition, {record}).has_value());
    }
    Lines in_mode(std::string_view mode, std::string_view query) {
        node_.run(fmt::format("SET braid.read_mode = {}", mode));
        Lines found = node_.rows(query);
        node_.run("SET braid.read_mode = live");
        return found;
    }
    void expect_matched() {
        EXPECT_EQ(node_.rows("SELECT count(*) FROM braid.audits WHERE NOT matched"), Lines{"0"});
    }
    const manifest::TableState& state() {
        state_ = node_.node().state();
        return *state_->table(node_.table("t"));
    }

    TestNode node_;

  private:
    const std::string_view table_;
    manifest::StatePtr state_;
    int events_ = 0;
};

}  // namespace braid::testing
