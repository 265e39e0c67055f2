// SPDX-License-Identifier: Apache-2.0
// One event's way end to end on a stepped node: appended, folded, sealed, archived, recomputed,
// read.
#include <algorithm>

#include <gtest/gtest.h>

#include "tests/support/test_node.h"

namespace braid::testing {
namespace {

constexpr const char* kSetup =
    "CREATE TABLE hits (page text, at timestamptz, ms int, price numeric(10,2), ratio float8);"
    "CREATE MATERIALIZED VIEW per_page AS SELECT page, count(*) AS hits, sum(ms) AS total, avg(ms) "
    "AS mean,"
    " max(price) AS dearest, count(DISTINCT ms) AS different FROM hits WHERE ms >= 0 GROUP BY "
    "page;";

class River : public ::testing::Test {
  protected:
    void SetUp() override {
        const auto started = node_.start();
        ASSERT_TRUE(started.has_value()) << started.error().to_string();
    }
    TestNode node_;
};

TEST_F(River, AnswersAtOnceAndTheSameAfterSealBatchAndRestart) {
    node_.run(kSetup);
    ASSERT_TRUE(node_.append("hits", 0,
                             {R"({"page":"a","ms":3,"price":"1.50"})", R"({"page":"b","ms":4})",
                              R"({"page":"a","ms":5})"}));
    const std::vector<std::string> expected = {"a|2|8|4.0000000000000000|1.50|2",
                                               "b|1|4|4.0000000000000000|NULL|1"};
    const char* all = "SELECT * FROM per_page ORDER BY page";
    const char* one = "SELECT * FROM per_page WHERE page = 'a'";
    const std::vector<std::string> a = {expected.front()};
    EXPECT_EQ(node_.rows(one), a);
    EXPECT_EQ(node_.rows(all), expected);
    ASSERT_TRUE(node_.seal("hits"));
    EXPECT_EQ(node_.rows(one), a);
    EXPECT_EQ(node_.rows(all), expected);
    node_.run("REFRESH MATERIALIZED VIEW per_page");
    EXPECT_EQ(node_.rows(all), expected);
    node_.run("SET braid.read_mode = final");
    EXPECT_EQ(node_.rows(all), expected);
    node_.run("SET braid.read_mode = live");
    const auto stopped = node_.stop();
    ASSERT_TRUE(stopped) << stopped.error().to_string();
    ASSERT_TRUE(node_.start());
    EXPECT_EQ(node_.rows(all), expected);
}

TEST_F(River, KeepsABadRecordAsDataWithItsReason) {
    node_.run(kSetup);
    ASSERT_TRUE(node_.append("hits", 0,
                             {R"({"page":"a","ms":1})", R"({"page":"a","ms":"x"})", "nonsense"}));
    EXPECT_EQ(node_.rows("SELECT page, hits FROM per_page"), std::vector<std::string>{"a|1"});
    EXPECT_EQ(node_.rows("SELECT count(*) FROM hits"), std::vector<std::string>{"1"});
    EXPECT_EQ(node_.rows("SELECT count(*) FROM braid.quarantine"), std::vector<std::string>{"2"});
}

TEST_F(River, KeepsTheQuarantineThroughSealArchiveAndBatch) {
    node_.run(kSetup);
    ASSERT_TRUE(node_.append("hits", 0,
                             {R"({"page":"a","ms":1})", R"({"page":"a","ms":"x"})", "nonsense"}));
    const char* bad = "SELECT _offset, _raw FROM braid.quarantine WHERE _error <> '' ORDER BY 1";
    const std::vector<std::string> expected = {R"(1|{"page":"a","ms":"x"})", "2|nonsense"};
    EXPECT_EQ(node_.rows(bad), expected);
    node_.run("REFRESH MATERIALIZED VIEW per_page");
    EXPECT_EQ(node_.rows(bad), expected);
    EXPECT_EQ(node_.rows("SELECT count(*) FROM hits"), std::vector<std::string>{"1"});
    // The accounts balance: every record is counted, filtered or quarantined.
    const manifest::StatePtr state = node_.node().state();
    const VersionId version = state->catalog.find_view("per_page")->current;
    ASSERT_EQ(state->runs_of(version).size(), 1U);
    const manifest::Run& run = *state->runs_of(version).begin();
    EXPECT_EQ(run.counted, 1U);
    EXPECT_EQ(run.filtered, 0U);
    EXPECT_EQ(run.quarantined, 2U);
}

TEST_F(River, NamesEventsThatAViewCannotComputeThroughSealBatchAndRestart) {
    node_.run(
        "CREATE TABLE hits (page text, ms int);"
        "CREATE MATERIALIZED VIEW rates AS SELECT page, count(*) AS n, sum(100 / ms) AS rate"
        " FROM hits GROUP BY page;"
        "CREATE MATERIALIZED VIEW totals AS SELECT page, count(*) AS n, sum(ms) AS ms"
        " FROM hits WHERE page <> 'c' GROUP BY page");
    ASSERT_TRUE(node_.append("hits", 0,
                             {R"({"page":"a","ms":1})", R"({"page":"a","ms":0})", "nonsense",
                              R"({"page":"b","ms":0})", R"({"page":"c","ms":2})"}));
    const std::vector<std::string> failed = {"hits|rates|0|1|NULL|division by zero",
                                             "hits|rates|0|3|NULL|division by zero"};
    const auto expect_all = [&](const std::string& when) {
        EXPECT_EQ(node_.rows("SELECT stream, view, _partition, _offset, _raw FROM braid.quarantine"
                             " WHERE view IS NULL"),
                  std::vector<std::string>{"hits|NULL|0|2|nonsense"})
            << when;
        EXPECT_EQ(node_.rows("SELECT stream, view, _partition, _offset, _raw, _error"
                             " FROM braid.quarantine WHERE view IS NOT NULL ORDER BY _offset"),
                  failed)
            << when;
        EXPECT_EQ(node_.rows("SELECT * FROM rates ORDER BY 1"),
                  (std::vector<std::string>{"a|1|100", "c|1|50"}))
            << when;
        const std::string rates = node_.rows("SHOW braid.receipt").front();
        EXPECT_NE(rates.find(R"("counted":2,"filtered":0,"quarantined":3,"failed":2,"expired":0)"),
                  std::string::npos)
            << when << rates;
        EXPECT_EQ(node_.rows("SELECT * FROM totals ORDER BY 1"),
                  (std::vector<std::string>{"a|2|1", "b|1|0"}))
            << when;
        const std::string totals = node_.rows("SHOW braid.receipt").front();
        EXPECT_NE(totals.find(R"("counted":3,"filtered":1,"quarantined":1,"failed":0,"expired":0)"),
                  std::string::npos)
            << when << totals;
    };
    const auto expect_accounts = [&](const std::string& when) {
        EXPECT_EQ(node_.rows("SELECT name, counted, filtered, quarantined, failed, expired"
                             " FROM braid.views ORDER BY 1"),
                  (std::vector<std::string>{"rates|2|0|3|2|0", "totals|3|1|1|0|0"}))
            << when;
    };
    expect_all("live");
    ASSERT_TRUE(node_.seal("hits"));
    expect_all("sealed");
    expect_accounts("sealed");
    node_.crash(CrashFate::kDropUnsynced, 1);
    ASSERT_TRUE(node_.start());
    expect_all("after a restart");
    node_.run("REFRESH MATERIALIZED VIEW rates");
    expect_all("in batch");
    expect_accounts("in batch");
    EXPECT_EQ(node_.rows("SELECT count(*) FROM braid.audits WHERE NOT matched"),
              std::vector<std::string>{"0"});
    node_.run(
        "CREATE MATERIALIZED VIEW late AS SELECT page, sum(100 / ms) AS rate FROM hits"
        " GROUP BY page");
    EXPECT_EQ(node_.rows("SELECT _offset FROM braid.quarantine WHERE view = 'late' ORDER BY 1"),
              (std::vector<std::string>{"1", "3"}));
}

TEST_F(River, GivesANewViewItsHistory) {
    node_.run("CREATE TABLE hits (page text, ms int)");
    ASSERT_TRUE(node_.append("hits", 0, {R"({"page":"a","ms":1})", R"({"page":"b","ms":2})"}));
    node_.run(
        "CREATE MATERIALIZED VIEW late AS SELECT page, sum(ms) AS total FROM hits GROUP BY 1");
    ASSERT_TRUE(node_.append("hits", 0, {R"({"page":"a","ms":10})"}));
    EXPECT_EQ(node_.rows("SELECT * FROM late ORDER BY 1"),
              (std::vector<std::string>{"a|11", "b|2"}));
}

TEST_F(River, TellsWhoeverReadsAViewHowFarItsHistoryIs) {
    node_.run("CREATE TABLE hits (page text, ms int)");
    for (int segment = 0; segment < 3; ++segment) {
        ASSERT_TRUE(node_.append("hits", 0, {R"({"page":"a","ms":1})", R"({"page":"b","ms":2})"}));
        ASSERT_TRUE(node_.seal("hits"));
        ASSERT_TRUE(node_.archive("hits"));
    }
    const auto other = node_.open_session();
    std::vector<std::string> answers;
    node_.files().set_fault_hook([&](const FileOperation& operation) -> Result<void> {
        if (operation.kind != FileOperation::Kind::kRead) return {};
        if (operation.path.find("dataset/") != 0) return {};
        for (const char* where : {"", " WHERE page = 'a'"}) {
            const auto read = other->query(std::string("SELECT * FROM late") + where);
            answers.push_back(read ? "an answer" : read.error().to_string());
        }
        return {};
    });
    node_.run("CREATE MATERIALIZED VIEW late AS SELECT page, sum(ms) AS t FROM hits GROUP BY 1");
    node_.files().clear_faults();
    for (const char* progress : {"0 of 6 events", "2 of 6 events", "4 of 6 events"}) {
        const auto tell = [&](const std::string& answer) {
            return answer.find(progress) != std::string::npos &&
                   answer.find("55000") != std::string::npos;
        };
        EXPECT_GE(std::ranges::count_if(answers, tell), 2)
            << progress << " in " << ::testing::PrintToString(answers);
    }
    EXPECT_EQ(node_.rows("SELECT * FROM late ORDER BY 1"),
              (std::vector<std::string>{"a|3", "b|6"}));
}

TEST_F(River, TakesInsertsAndJoinsViewsWithStreams) {
    node_.run(
        "CREATE TABLE hits (page text, ms int); CREATE TABLE pages (page text, title text);"
        "INSERT INTO hits VALUES ('a', 1), ('b', 2), ('a', 4);"
        "INSERT INTO pages VALUES ('a', 'Start');"
        "CREATE MATERIALIZED VIEW totals AS SELECT page, sum(ms) AS total FROM hits GROUP BY page;"
        "CREATE VIEW named AS SELECT title, total FROM totals JOIN pages USING (page)");
    EXPECT_EQ(node_.rows("SELECT * FROM named"), std::vector<std::string>{"Start|5"});
}

}  // namespace
}  // namespace braid::testing
