// SPDX-License-Identifier: Apache-2.0
// Changed keys against all rows: of every two moments of a history, whatever happened between them.
#include "read/merge/changed_keys.h"

#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "columnar/key_codec.h"
#include "model/side.h"
#include "tests/support/test_node.h"

namespace braid::testing {
namespace {

using Keys = std::set<std::string>;
using Rows = std::map<std::string, std::string>;  // by key: "key|value"

constexpr const char* kSetup =
    "CREATE TABLE hits (page text, at timestamptz, ms int) WITH (partitions = 2);"
    "CREATE MATERIALIZED VIEW v AS SELECT page, date_bin('1 minute', at, '2000-01-01Z') AS minute,"
    " count(*) AS n, sum(ms) AS total, count(DISTINCT ms) AS kinds"
    " FROM hits WHERE ms >= 0 GROUP BY 1, 2;"
    "CREATE MATERIALIZED VIEW often AS SELECT page, sum(ms) AS total FROM hits WHERE ms >= 0"
    " GROUP BY page HAVING count(*) > 3;";
constexpr int kKeyColumnsOfV = 2;

Keys first_of(const Rows& rows) {
    Keys keys;
    for (const auto& [key, row] : rows) keys.insert(key);
    return keys;
}

/// Keys whose row came, went or is another.
Keys different(const Rows& before, const Rows& after) {
    Keys keys;
    Keys all = first_of(before);
    all.merge(first_of(after));
    for (const std::string& key : all) {
        const auto was = before.find(key);
        const auto is = after.find(key);
        const bool is_there = was != before.end() && is != after.end();
        if (!is_there || was->second != is->second) keys.insert(key);
    }
    return keys;
}

std::string line_of(const std::vector<Column>& columns, size_t row) {
    std::string line;
    for (const Column& column : columns) {
        if (!line.empty()) line += '|';
        if (column.is_null(row)) {
            line += "NULL";
        } else {
            format_text(column, static_cast<uint32_t>(row), utc_format(), line);
        }
    }
    return line;
}

class ChangedKeys : public ::testing::TestWithParam<uint64_t> {
  protected:
    struct Moment {
        std::shared_ptr<const read::PinnedSnapshot> snapshot;
        Rows rows;
    };

    /// Every second history is one of logs that begin anywhere and get partitions.
    static bool grows() { return GetParam() % 2 == 0; }

    void SetUp() override {
        if (grows()) node_.use_sparse_logs(GetParam());
        ASSERT_TRUE(node_.start());
        node_.run(kSetup);
    }

    VersionId version(const std::string& view) {
        return node_.node().state()->catalog.find_view(view)->current;
    }
    Moment now(const std::string& view, int key_columns) {
        Moment moment;
        read::ReadOptions options;
        options.format = utc_format();
        auto pinned = node_.node().reader().pin(options);
        EXPECT_TRUE(pinned) << pinned.error().to_string();
        moment.snapshot = *pinned;
        for (const std::string& row : node_.rows("SELECT * FROM " + view)) {
            size_t end = 0;
            for (int column = 0; column < key_columns; ++column) end = row.find('|', end + 1);
            moment.rows[row.substr(0, end)] = row;
        }
        return moment;
    }
    /// A key of v, or nothing where the record does not count.
    std::string append_one() {
        const auto page = std::string(1, static_cast<char>('a' + random_.below(5)));
        const auto minute = random_.below(6);  // most are late
        const auto ms = static_cast<int64_t>(random_.below(12)) - 2;
        const std::string time = fmt::format("2026-11-22 10:0{}", minute);
        const bool is_bad = random_.below(10) == 0;
        constexpr uint32_t kPartitionsMax = 6;
        if (grows() && random_.below(10) == 0 && node_.partition_count("hits") < kPartitionsMax) {
            node_.add_partition("hits");
        }
        EXPECT_TRUE(node_.append(
            "hits", static_cast<uint32_t>(random_.below(node_.partition_count("hits"))),
            {is_bad ? "nonsense"
                    : fmt::format(R"({{"page":"{}","at":"{}:30Z","ms":{}}})", page, time, ms)}));
        return is_bad || ms < 0 ? "" : fmt::format("{}|{}:00+00", page, time);
    }
    /// The keys as SELECT writes them, and that their rows are what they were and what they are.
    Keys texts(const std::string& view, const Moment& before, const Moment& after,
               const read::ChangedKeys& changed) {
        const operators::BoundView bound = *node_.node().views().view_of(version(view));
        const read::ReadParts& parts = node_.node().read_parts();
        read::ViewRows wanted;
        for (size_t output = 0; output < bound.plan->outputs.size(); ++output) {
            wanted.outputs.push_back(static_cast<int>(output));
        }
        wanted.context.format = utc_format();
        auto rows = read::ChangedRows::open(
            bound, changed, *before.snapshot->tiling_of(parts, version(view)),
            *after.snapshot->tiling_of(parts, version(view)), wanted);
        EXPECT_TRUE(rows) << rows.error().to_string();
        Keys keys;
        read::ChangedRows::Block block;
        while (*(*rows)->next(block)) {
            for (size_t row = 0; row < block.length; ++row) {
                const std::string key = line_of(block.keys, row);
                EXPECT_TRUE(keys.insert(key).second) << key << " twice";
                EXPECT_EQ(block.was[row], before.rows.contains(key)) << key;
                EXPECT_EQ(block.is[row], after.rows.contains(key)) << key;
                if (block.was[row]) {
                    EXPECT_EQ(line_of(block.before, row), before.rows.at(key));
                }
                if (block.is[row]) {
                    EXPECT_EQ(line_of(block.after, row), after.rows.at(key));
                }
            }
        }
        return keys;
    }
    read::ChangedKeys changed(const std::string& view, const Moment& before, const Moment& after) {
        auto keys = read::changed_keys(node_.node().read_parts(), *before.snapshot, *after.snapshot,
                                       version(view));
        EXPECT_TRUE(keys) << keys.error().to_string();
        return *std::move(keys);
    }
    /// What may happen between two looks.
    void do_something() {
        switch (random_.below(6)) {
            case 0:
                EXPECT_TRUE(node_.seal("hits"));
                return;
            case 1:
                node_.run("REFRESH MATERIALIZED VIEW v");
                return;
            case 2:
                node_.run_workers();
                return;
            case 3:
                EXPECT_TRUE(node_.archive("hits"));
                return;
            default:
                return;
        }
    }

    TestNode node_;
    Random random_{GetParam()};
};

TEST_P(ChangedKeys, NoneIsMissedAndWhereItIsExactNoneIsTooMuch) {
    Moment before = now("v", kKeyColumnsOfV);
    size_t exact = 0;
    for (int round = 0; round < 40; ++round) {
        Keys touched;
        for (uint64_t count = random_.below(5); count > 0; --count) touched.insert(append_one());
        touched.erase("");
        do_something();
        const Moment after = now("v", kKeyColumnsOfV);
        const read::ChangedKeys keys = changed("v", before, after);
        const Keys found = texts("v", before, after, keys);
        EXPECT_TRUE(std::ranges::includes(found, different(before.rows, after.rows))) << round;
        EXPECT_TRUE(std::ranges::includes(found, touched)) << round;
        if (keys.is_exact) {
            EXPECT_EQ(found, touched) << round;
        }
        exact += keys.is_exact ? 1 : 0;
        before = after;
    }
    EXPECT_GT(exact, 0U);
}

TEST_P(ChangedKeys, OfAllSealsAreTogetherWhatWasTouched) {
    const read::ReadParts& parts = node_.node().read_parts();
    const auto sealed = [&] {
        runs::Tiling tiling = *now("v", kKeyColumnsOfV).snapshot->tiling_of(parts, version("v"));
        tiling.ticks.clear();
        tiling.end = node_.node().state()->table(node_.table("hits"))->sealed_frontier;
        return tiling;
    };
    runs::Tiling before = sealed();
    std::set<std::string> together;
    for (int round = 0; round < 12; ++round) {
        Keys touched;
        for (uint64_t count = random_.below(6); count > 0; --count) touched.insert(append_one());
        touched.erase("");
        ASSERT_TRUE(node_.seal("hits"));
        const runs::Tiling after = sealed();
        const auto keys = read::changed_keys(before, after);
        ASSERT_TRUE(keys) << keys.error().to_string();
        EXPECT_TRUE(keys->is_exact);
        EXPECT_EQ(keys->keys.size(), touched.size()) << "late or not";
        together.insert(keys->keys.begin(), keys->keys.end());
        before = after;
    }
    EXPECT_EQ(together.size(), now("v", kKeyColumnsOfV).rows.size());
}

TEST_P(ChangedKeys, AKeyThatHavingDropsHasNoRow) {
    Moment before = now("often", 1);
    for (int round = 0; round < 20; ++round) {
        for (uint64_t count = random_.below(4); count > 0; --count) append_one();
        const Moment after = now("often", 1);
        const Keys found = texts("often", before, after, changed("often", before, after));
        EXPECT_TRUE(std::ranges::includes(found, different(before.rows, after.rows))) << round;
        before = after;
    }
    EXPECT_FALSE(before.rows.empty());
}

TEST_P(ChangedKeys, OfTimesInTheWrongOrderAreRefused) {
    const Moment before = now("v", kKeyColumnsOfV);
    while (append_one().empty()) {
    }
    const Moment after = now("v", kKeyColumnsOfV);
    const auto refused = read::changed_keys(node_.node().read_parts(), *after.snapshot,
                                            *before.snapshot, version("v"));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), ErrorCode::kInternal);
}

INSTANTIATE_TEST_SUITE_P(Histories, ChangedKeys, ::testing::Range<uint64_t>(1, 5));

}  // namespace
}  // namespace braid::testing
