// SPDX-License-Identifier: Apache-2.0
// What a node says, and refuses, when a part of it can no longer do its work.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error_makers.h"
#include "tests/support/test_node.h"

namespace braid::testing {
namespace {

using ::testing::Contains;
using ::testing::IsEmpty;

class Illness : public ::testing::Test {
  protected:
    void SetUp() override {
        options_.unsealed_bytes_max = 10'000;
        node_ = std::make_unique<TestNode>(options_);
        const auto started = node_->start();
        ASSERT_TRUE(started.has_value()) << started.error().to_string();
        node_->run(
            "CREATE TABLE t (a int); CREATE TABLE other (a int);"
            "CREATE MATERIALIZED VIEW v AS SELECT count(*) AS n FROM t");
    }
    /// Operations of this kind below this path fail until clear_faults().
    void fail(FileOperation::Kind kind, const std::string& below) {
        node_->files().set_fault_hook([kind, below](const FileOperation& each) -> Result<void> {
            if (each.kind != kind || !each.path.starts_with(below)) return {};
            return io_error("the device is gone");
        });
    }
    std::string append(const std::string& table, size_t bytes = 10) {
        const std::string blanks(bytes, ' ');
        const auto outcome = node_->append(table, 0, {R"({"a":1})" + blanks});
        return outcome ? "" : std::string(outcome.error().sqlstate());
    }
    /// "part stream" of all that are ill.
    std::vector<std::string> ill() const {
        std::vector<std::string> parts;
        for (const HealthReport& each : node_->node().health().report()) {
            if (each.state == HealthState::kIll) parts.push_back(each.part + " " + each.stream);
        }
        return parts;
    }

    app::NodeOptions options_ = TestNode::small_options();
    std::unique_ptr<TestNode> node_;
};

TEST_F(Illness, AStoppedManifestRefusesAppendsEverywhereAndReadsGoOn) {
    EXPECT_EQ(append("t"), "");
    fail(FileOperation::Kind::kSyncDirectory, "manifest");
    EXPECT_FALSE(node_->seal("t").has_value());
    node_->files().clear_faults();
    EXPECT_THAT(ill(), Contains("manifest "));
    EXPECT_EQ(append("t"), "57P03");
    EXPECT_EQ(append("other"), "57P03");
    EXPECT_FALSE(node_->query("INSERT INTO t VALUES (1)").has_value());
    EXPECT_EQ(node_->rows("SELECT n FROM v"), std::vector<std::string>{"1"});
    EXPECT_FALSE(node_->stop().has_value());
    ASSERT_TRUE(node_->start());
    EXPECT_THAT(ill(), IsEmpty());
    EXPECT_EQ(append("t"), "");
    EXPECT_EQ(node_->rows("SELECT n FROM v"), std::vector<std::string>{"2"});
}

TEST_F(Illness, SealsThatFailBoundWhatTheirStreamTakes) {
    EXPECT_EQ(append("t"), "");
    fail(FileOperation::Kind::kMove, "runs");
    EXPECT_FALSE(node_->seal("t").has_value());
    EXPECT_THAT(ill(), ::testing::ElementsAre("seal t"));
    size_t taken = 1;
    while (taken < 100 && append("t", 500).empty()) ++taken;
    EXPECT_GT(taken, 5U);
    EXPECT_LT(taken, 25U);
    EXPECT_EQ(append("other"), "");
    const std::vector<std::string> count = {std::to_string(taken)};
    EXPECT_EQ(node_->rows("SELECT n FROM v"), count);
    node_->files().clear_faults();
    ASSERT_TRUE(node_->seal("t"));
    EXPECT_THAT(ill(), IsEmpty());
    EXPECT_EQ(append("t", 5000), "");
}

TEST_F(Illness, AStreamThatCannotBeFoldedTakesNoMore) {
    EXPECT_EQ(append("t"), "");
    // What is not folded yet is read from the disk after a crash, not from memory.
    node_->crash(CrashFate::kDropUnsynced, 1);
    ASSERT_TRUE(node_->start());
    fail(FileOperation::Kind::kRead, "log/" + std::to_string(node_->table("t").value));
    node_->run_workers();
    node_->files().clear_faults();
    EXPECT_THAT(ill(), Contains("fold t"));
    EXPECT_EQ(append("t"), "57P03");
    EXPECT_EQ(append("other"), "");
    EXPECT_TRUE(node_->query("SELECT count(*) FROM other").has_value());
    node_->run("DROP MATERIALIZED VIEW v");
    node_->run("DROP TABLE t");
    EXPECT_THAT(ill(), IsEmpty());
}

TEST_F(Illness, ALogThatHasStoppedSaysSo) {
    fail(FileOperation::Kind::kSync, "log/" + std::to_string(node_->table("t").value));
    EXPECT_EQ(append("t"), "58030");
    node_->files().clear_faults();
    EXPECT_THAT(ill(), ::testing::ElementsAre("log t"));
    EXPECT_EQ(append("t"), "58030");
    EXPECT_EQ(append("other"), "");
}

TEST_F(Illness, AnArchiveThatCannotWriteSaysSoUntilItCan) {
    EXPECT_EQ(append("t"), "");
    fail(FileOperation::Kind::kMove, "dataset");
    node_->clock().advance_us(options_.archive.interval_us);
    node_->run_workers();
    EXPECT_THAT(ill(), Contains("archive t"));
    node_->files().clear_faults();
    node_->clock().advance_us(options_.archive.interval_us);
    node_->run_workers();
    EXPECT_THAT(ill(), IsEmpty());
}

}  // namespace
}  // namespace braid::testing
