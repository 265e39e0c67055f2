// SPDX-License-Identifier: Apache-2.0
#include "batch/audit.h"

#include <gtest/gtest.h>

#include "base/memory_file_system.h"
#include "base/test_support.h"
#include "operators/fold/fold_test_support.h"
#include "runs/test_support.h"

namespace braid::batch {
namespace {

using Records = std::vector<std::string>;

std::string event(const std::string& key, int64_t number) {
    return fmt::format(R"({{"k":"{}","n":{}}})", key, number);
}

class Audit : public testing::Test {
  protected:
    /// The run of a view over these records.
    manifest::Run run(const Records& records) {
        const auto written = runs::write_table(files_, fmt::format("runs/1/{}.run", ++run_count_),
                                               operators::fold_records(records).table);
        EXPECT_OK(written);
        return written ? *written : manifest::Run();
    }
    /// What the audit says of a batch run that replaces others.
    AuditOutcome outcome(const Records& batch, const std::vector<Records>& replaced) {
        std::vector<std::shared_ptr<const runs::RunReader>> readers;
        for (const Records& records : replaced) {
            auto reader = runs::RunReader::open(files_, run(records));
            EXPECT_OK(reader);
            if (reader) readers.push_back(*std::move(reader));
        }
        const auto compared = compare(files_, std::vector{run(batch)}, readers,
                                      *operators::test_bound_view({}, {}).plan);
        EXPECT_OK(compared);
        return compared ? *compared : AuditOutcome();
    }

    MemoryFileSystem files_;
    int run_count_ = 0;
};

TEST_F(Audit, MatchesHoweverTheHistoryWasCut) {
    const Records all = {event("a", 1), event("b", 2), event("a", 3), event("a", 1)};
    for (size_t cut = 0; cut <= all.size(); ++cut) {
        const AuditOutcome found =
            outcome(all, {Records(all.begin(), all.begin() + static_cast<ptrdiff_t>(cut)),
                          Records(all.begin() + static_cast<ptrdiff_t>(cut), all.end())});
        EXPECT_TRUE(found.matched) << cut;
        EXPECT_EQ(found.difference, "") << cut;
        EXPECT_EQ(found.digest, run(all).digest) << cut;
    }
    EXPECT_TRUE(outcome({}, {}).matched);
}

TEST_F(Audit, NamesTheKeysAndSubkeysOnWhichRunsDiffer) {
    const AuditOutcome found = outcome({event("a", 1), event("b", 2), event("c", 3)},
                                       {{event("a", 1)}, {event("b", 20), event("c", 3)}});
    EXPECT_FALSE(found.matched);
    EXPECT_EQ(found.difference, "k=b; k=b, count(DISTINCT n) at 2; k=b, count(DISTINCT n) at 20");
}

TEST_F(Audit, NamesKeysThatOneSideLacks) {
    const Records less = {event("b", 1)};
    const Records more = {event("a", 1), event("b", 1), event("c", 1)};
    for (const bool batch_has_less : {true, false}) {
        const AuditOutcome found = batch_has_less ? outcome(less, {more}) : outcome(more, {less});
        EXPECT_FALSE(found.matched);
        EXPECT_EQ(found.difference,
                  "k=a; k=c; k=a, count(DISTINCT n) at 1; k=c, count(DISTINCT n) at 1");
    }
}

TEST_F(Audit, NoticesAnEventThatWasCountedTwice) {
    const AuditOutcome found = outcome({event("a", 1)}, {{event("a", 1)}, {event("a", 1)}});
    EXPECT_FALSE(found.matched);
    EXPECT_EQ(found.difference, "k=a") << "the distinct values are the same";
}

TEST_F(Audit, ShowsTheFirstKeysOnly) {
    Records records;
    for (int64_t number = 0; number < 50; ++number) {
        records.push_back(event(fmt::format("k{:02}", number), -1));
        records.push_back(event(fmt::format("k{:02}", number), number));
    }
    const AuditOutcome found = outcome(records, {});
    EXPECT_FALSE(found.matched);
    EXPECT_NE(found.difference.find("k=k09"), std::string::npos);
    EXPECT_EQ(found.difference.find("k=k10"), std::string::npos);
}

TEST_F(Audit, NamesFailedEventsThatDiffer) {
    const auto with = [&](const std::vector<int64_t>& offsets, const char* reason) {
        operators::FailedEvents failed;
        for (const int64_t offset : offsets) failed.add({{2}, {offset}}, reason);
        const auto written =
            runs::write_table(files_, fmt::format("runs/1/{}.run", ++run_count_),
                              operators::fold_records({event("a", 1)}).table, failed);
        EXPECT_OK(written);
        return *written;
    };
    const auto difference = [&](const manifest::Run& batch, const manifest::Run& old) {
        const auto reader = runs::RunReader::open(files_, old);
        const auto found =
            compare(files_, {&batch, 1}, {*reader}, *operators::test_bound_view({}, {}).plan);
        EXPECT_OK(found);
        return found->difference;
    };
    EXPECT_EQ(difference(with({5, 9}, "x"), with({5, 9}, "x")), "");
    EXPECT_EQ(difference(with({5, 9}, "x"), with({5, 7}, "x")),
              "failed event 2:7; failed event 2:9");
    EXPECT_EQ(difference(with({5}, "x"), with({5}, "y")), "failed event 2:5");
    manifest::Run more = with({5}, "x");
    more.counted = 3;
    more.failed = more.quarantined = 1;
    EXPECT_EQ(difference(more, with({5}, "x")),
              "accounts differ: 3 counted, 0 filtered, 1 quarantined (1 failed), 0 expired in "
              "batch, 0 counted, 0 filtered, 0 quarantined (0 failed), 0 expired in what it "
              "replaces");
}

/// Only where horizons are forgotten may batch count what speed saw expire.
TEST_F(Audit, TellsCountedFromExpired) {
    manifest::Run batch = runs::write_table(files_, "runs/1/1.run",
                                            operators::fold_records({event("a", 1)}).table, {})
                              .value();
    manifest::Run old = batch;
    batch.counted = 5;
    batch.expired = 1;
    old.counted = 4;
    old.expired = 2;
    const auto reader = runs::RunReader::open(files_, old);
    const auto plan = operators::test_bound_view({}, {}).plan;
    const auto matches = [&](bool is_thinned) {
        return compare(files_, {&batch, 1}, {*reader}, *plan, 1, {}, nullptr, is_thinned)->matched;
    };
    EXPECT_FALSE(matches(false));
    EXPECT_TRUE(matches(true));
    batch.quarantined = 1;
    EXPECT_FALSE(matches(true));
}

TEST_F(Audit, FailsWhenARunCannotBeRead) {
    const manifest::Run batch = run({event("a", 1)});
    const manifest::Run old = run({event("a", 2)});
    ASSERT_OK(files_.remove(old.parts.front().file));
    ASSERT_OK_AND_ASSIGN(const auto reader, runs::RunReader::open(files_, old));
    EXPECT_ERROR(compare(files_, {&batch, 1}, {reader}, *operators::test_bound_view({}, {}).plan),
                 ErrorCode::kCorrupt);
}

}  // namespace
}  // namespace braid::batch
