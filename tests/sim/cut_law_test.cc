// SPDX-License-Identifier: Apache-2.0
// The master test: for every history and every cut, batch(below) ⊕ speed(above) =
// batch(everything), bit for bit, whatever seals, pins, back-fills and batch runs lie in between.
#include <algorithm>
#include <array>
#include <chrono>

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "base/trace.h"
#include "tests/support/real_log.h"
#include "tests/support/test_node.h"

namespace braid::testing {
namespace {

constexpr const char* kTable =
    "CREATE TABLE events (b bool, i int, l bigint, n numeric(12,3), u numeric, f float8, t text, d "
    "date,"
    " ts timestamp, tz timestamptz)";

/// Every aggregate over every type, and two that fail for some events.
constexpr const char* kView =
    "SELECT i % 3 AS third, date_bin('1 hour', tz, '2000-01-01Z') AS hour, count(*) AS rows,"
    " count(t) AS texts, count(*) FILTER (WHERE b) AS trues,"
    " sum(i) AS si, sum(l) AS sl, sum(n) AS sn, sum(u) AS su, sum(f) AS sf,"
    " avg(i) AS ai, avg(l) AS al, avg(n) AS an, avg(u) AS au, avg(f) AS af,"
    " min(i) AS mi, max(l) AS xl, min(n) AS mn, max(u) AS xu, min(f) AS mf, max(f) AS xf,"
    " min(t) AS mt, max(t) AS xt, min(d) AS md, max(d) AS xd, min(ts) AS mts, max(tz) AS xtz,"
    " bool_and(b) AS every, bool_or(b) AS some,"
    " count(DISTINCT t) AS dt, count(DISTINCT l) AS dl, count(DISTINCT n) AS dn,"
    " count(DISTINCT f) AS df, count(DISTINCT d) AS dd,"
    " mode() WITHIN GROUP (ORDER BY b) AS ob, mode() WITHIN GROUP (ORDER BY l) AS ol,"
    " mode() WITHIN GROUP (ORDER BY u) AS ou, mode() WITHIN GROUP (ORDER BY f) AS of,"
    " mode() WITHIN GROUP (ORDER BY t) FILTER (WHERE NOT b) AS ot,"
    " mode() WITHIN GROUP (ORDER BY d) AS od, mode() WITHIN GROUP (ORDER BY ts) AS ots,"
    " sum(100 / (i % 20)) FILTER (WHERE b) AS quotient, sum(l + 1) FILTER (WHERE NOT b) AS next"
    " FROM events WHERE coalesce(i, 0) >= -40 GROUP BY 1, 2";

/// A record with late, equal and disordered times, NULLs, extremes, and now and then nonsense.
std::string record(Random& random) {
    if (random.below(17) == 0) return R"({"i":"not a number"})";
    std::string text = "{";
    const auto add = [&](const char* name, const std::string& value) {
        if (random.below(6) == 0) return;
        text += fmt::format("{}\"{}\":{}", text.size() > 1 ? "," : "", name, value);
    };
    const auto floats =
        std::to_array<const char*>({"0.1", "1e300", "-1e300", "1e-320", "-0.0", "\"NaN\"",
                                    "\"Infinity\"", "3.25", "0.30000000000000004"});
    add("b", random.below(2) == 0 ? "true" : "false");
    add("i", fmt::format("{}", static_cast<int64_t>(random.below(100)) - 50));
    add("l", random.below(9) == 0 ? "9223372036854775807" : fmt::format("{}", random.below(5)));
    add("n", fmt::format("\"{}.{:03}\"", random.below(1000), random.below(4) * 250));
    add("u", fmt::format("\"{}\"", random.below(3) == 0   ? "1.50"
                                   : random.below(2) == 0 ? "1.5"
                                                          : "-7.25"));
    add("f", floats[random.below(floats.size())]);
    add("t", fmt::format("\"{}\"",
                         std::string(random.below(20), static_cast<char>('a' + random.below(3)))));
    add("d", fmt::format("\"20{:02}-0{}-11\"", random.below(30), 1 + random.below(9)));
    add("ts", fmt::format("\"2026-11-22 0{}:00:00.25\"", random.below(3)));
    add("tz", fmt::format("\"2026-11-{} 0{}:30:00+0{}\"", 20 + random.below(3), random.below(3),
                          random.below(2)));
    return text + "}";
}

struct Shape {
    uint32_t partitions;  // to begin with
    bool is_sparse;       // offsets begin anywhere and have holes
    bool grows = false;   // partitions are added between events; they begin anywhere
};

constexpr uint64_t kSeed = 20261130;

class CutLaw : public ::testing::TestWithParam<Shape> {
  protected:
    static void start(TestNode& node) {
        if (GetParam().is_sparse) {
            node.use_sparse_logs(kSeed);
        } else if (GetParam().grows) {
            node.use_dense_logs(kSeed);
        }
        ASSERT_TRUE(node.start());
    }
    static void create(TestNode& node, bool with_view = true) {
        start(node);
        node.run(fmt::format("{} WITH (partitions = {})", kTable, GetParam().partitions));
        if (with_view) node.run(fmt::format("CREATE MATERIALIZED VIEW v AS {}", kView));
    }
    static void append(TestNode& node, const std::vector<std::string>& history, size_t from,
                       size_t to) {
        for (size_t at = from; at < to; ++at) {
            maybe_grow(node, "events", at);
            const auto partition = static_cast<uint32_t>(at % node.partition_count("events"));
            ASSERT_TRUE(node.append("events", partition, {history[at]}));
        }
    }
    /// Digests do not depend on how many threads fold, of what is new or of all history.
    static app::NodeOptions options(size_t threads) {
        app::NodeOptions options = TestNode::small_options();
        options.speed.fold_threads = threads;
        options.batch.threads = threads;
        return options;
    }
    /// Before an event, so that nodes that are fed alike grow alike.
    static void maybe_grow(TestNode& node, const std::string& table, size_t event) {
        constexpr size_t kEvery = 11;
        if (GetParam().grows && event % kEvery == kEvery - 1) node.add_partition(table);
    }
    static Digest digest(TestNode& node, runs::ReadMode mode = runs::ReadMode::kLive) {
        const auto digest = node.digest("v", mode);
        EXPECT_TRUE(digest) << digest.error().to_string();
        return digest ? *digest : Digest{};
    }
    static std::vector<std::string> history(size_t count, uint64_t seed) {
        Random random(seed);
        std::vector<std::string> records;
        for (size_t index = 0; index < count; ++index) records.push_back(record(random));
        return records;
    }
};

TEST_P(CutLaw, HoldsAtEveryCutOfASmallHistory) {
    const auto records = history(28, 7);
    TestNode whole;
    create(whole);
    append(whole, records, 0, records.size());
    const Digest speed_only = digest(whole);
    whole.run("REFRESH MATERIALIZED VIEW v");
    const Digest all = digest(whole, runs::ReadMode::kFinal);
    EXPECT_EQ(speed_only, all);
    const auto rows = whole.rows("SELECT * FROM v ORDER BY 1, 2");
    const char* failed_events =
        "SELECT _partition, _offset, _error FROM braid.quarantine WHERE view = 'v' ORDER BY 1, 2";
    const auto failed = whole.rows(failed_events);
    EXPECT_FALSE(failed.empty());
    for (size_t cut = 0; cut <= records.size(); ++cut) {
        TestNode node(options(1 + cut % 2));
        create(node);
        append(node, records, 0, cut);
        node.run("REFRESH MATERIALIZED VIEW v");
        append(node, records, cut, records.size());
        EXPECT_EQ(digest(node), all) << "cut at " << cut;
        EXPECT_EQ(node.rows("SELECT * FROM v ORDER BY 1, 2"), rows) << "cut at " << cut;
        EXPECT_EQ(node.rows(failed_events), failed) << "cut at " << cut;
    }
}

TEST_P(CutLaw, HoldsForAViewThatComesLate) {
    const auto records = history(24, 11);
    TestNode whole;
    create(whole);
    append(whole, records, 0, records.size());
    const Digest all = digest(whole);
    for (size_t born = 0; born <= records.size(); born += 3) {
        TestNode node(options(1 + born % 2));
        create(node, false);
        append(node, records, 0, born);
        node.run(fmt::format("CREATE MATERIALIZED VIEW v AS {}", kView));
        append(node, records, born, records.size());
        EXPECT_EQ(digest(node), all) << "view created at " << born;
    }
}

TEST_P(CutLaw, HoldsThroughPinsSealsBackfillsAndBatchRunsInAnyOrder) {
    const uint64_t seeds = GetParam().is_sparse || GetParam().grows ? 2 : 6;
    for (uint64_t seed = 1; seed <= seeds; ++seed) {
        const auto records = history(120, 100 + seed);
        Random random(seed);
        TestNode node(options(1 + seed % 2));
        create(node);
        TestNode plain;
        create(plain);
        std::vector<std::shared_ptr<const read::PinnedSnapshot>> pins;
        size_t views = 0;
        for (size_t at = 0; at < records.size(); ++at) {
            append(node, records, at, at + 1);
            append(plain, records, at, at + 1);
            switch (random.below(12)) {
                case 0:
                    ASSERT_TRUE(node.seal("events"));
                    break;
                case 1:
                    node.run("REFRESH MATERIALIZED VIEW v");
                    break;
                case 2: {
                    read::ReadOptions options;
                    options.format = utc_format();
                    pins.clear();  // the digest below pins too, and two is the limit
                    const auto pin = node.node().reader().pin(options);
                    ASSERT_TRUE(pin) << pin.error().to_string();
                    pins.push_back(*pin);
                    break;
                }
                case 3:
                    pins.clear();
                    node.run_workers();
                    break;
                case 4:
                    if (views < 3) {
                        node.run(fmt::format("CREATE MATERIALIZED VIEW v{} AS {}", ++views, kView));
                    }
                    break;
                case 5:
                    ASSERT_TRUE(node.archive("events"));
                    break;
                case 6:
                    ASSERT_TRUE(node.node().release(0));
                    break;
                case 7:
                case 8:
                    ASSERT_TRUE(node.seal("events"));
                    static_cast<void>(node.workers().step("housekeeping"));
                    break;
                default:
                    break;
            }
            if (at % 10 == 9) {
                ASSERT_EQ(digest(node), digest(plain)) << "seed " << seed << " after event " << at;
            }
        }
        pins.clear();
        node.run("REFRESH MATERIALIZED VIEW v");
        const Digest all = digest(plain);
        EXPECT_EQ(digest(node, runs::ReadMode::kFinal), all) << "seed " << seed;
        for (size_t view = 1; view <= views; ++view) {
            const auto late = node.digest(fmt::format("v{}", view));
            ASSERT_TRUE(late) << late.error().to_string();
            EXPECT_EQ(*late, all) << "seed " << seed << " view " << view;
        }
        const auto audits = node.rows("SELECT count(*) FROM braid.audits WHERE NOT matched");
        EXPECT_EQ(audits, std::vector<std::string>{"0"});
    }
}

/// Each event is a seal; whatever can be joined is. Only batch runs and released files end a level.
TEST_P(CutLaw, HoldsWithCompactionsBetweenTheCuts) {
    const auto records = history(150, 31);
    TestNode node(options(2));
    create(node);
    TestNode plain;
    create(plain);
    int64_t highest = 0;
    for (size_t at = 0; at < records.size(); ++at) {
        append(node, records, at, at + 1);
        append(plain, records, at, at + 1);
        ASSERT_TRUE(node.seal("events"));
        while (node.workers().step("housekeeping")) {
        }
        if (at == 40) node.run(fmt::format("CREATE MATERIALIZED VIEW late AS {}", kView));
        if (at == 90) node.run("REFRESH MATERIALIZED VIEW v");
        if (at % 16 != 15) continue;
        ASSERT_TRUE(node.node().release(0));
        ASSERT_EQ(digest(node), digest(plain)) << "after event " << at;
        highest = std::max(
            highest, std::stol(node.rows("SELECT coalesce(max(level), 0) FROM braid.runs")[0]));
    }
    EXPECT_EQ(highest, 2) << "64 seals are of the second level";
    const Digest all = digest(plain);
    EXPECT_EQ(digest(node), all);
    EXPECT_EQ(node.digest("late").value(), all);
    node.run("REFRESH MATERIALIZED VIEW v");
    EXPECT_EQ(digest(node, runs::ReadMode::kFinal), all);
    EXPECT_EQ(node.digest("late").value(), all);
    const auto audits = node.rows("SELECT count(*) FROM braid.audits WHERE NOT matched");
    EXPECT_EQ(audits, std::vector<std::string>{"0"});
}

/// Batches of the schedule go on from one another; what they leave is joined, released, and at
/// times all replaced by the proof.
TEST_P(CutLaw, HoldsWithBatchesThatGoOnFromOneAnother) {
    const auto records = history(140, 37);
    app::NodeOptions often = options(2);
    often.batch.interval_us = 1;
    often.batch.full_interval_us = 3'600'000'000;
    TestNode node(often);
    create(node);
    TestNode plain;
    create(plain);
    const std::string batch = fmt::format("batch {}", node.table("events").value);
    int64_t deepest = 0;
    for (size_t at = 0; at < records.size(); ++at) {
        append(node, records, at, at + 1);
        append(plain, records, at, at + 1);
        if (at % 3 == 0) {
            ASSERT_TRUE(node.seal("events"));
        }
        if (at == 50) node.run(fmt::format("CREATE MATERIALIZED VIEW late AS {}", kView));
        if (at == 110) node.run("REFRESH MATERIALIZED VIEW v");
        if (at % 5 != 4) continue;
        node.clock().advance_us(10);
        node.workers().step(batch);
        ASSERT_EQ(digest(node, runs::ReadMode::kFinal), digest(plain)) << "after event " << at;
        if (at % 20 == 19) {
            ASSERT_TRUE(node.node().release(0));
        }
        while (node.workers().step("housekeeping")) {
        }
        ASSERT_EQ(digest(node, runs::ReadMode::kFinal), digest(plain)) << "after event " << at;
        deepest = std::max(deepest,
                           std::stol(node.rows("SELECT coalesce(sum(increments), 0) FROM braid.runs"
                                               " WHERE view = 'v' AND kind = 'batch'")[0]));
    }
    EXPECT_GE(deepest, 15);
    const Digest all = digest(plain);
    EXPECT_EQ(digest(node), all);
    EXPECT_EQ(node.digest("late").value(), all);
    EXPECT_EQ(node.digest("late", runs::ReadMode::kFinal).value(), all);
    const auto audits = node.rows("SELECT count(*) FROM braid.audits WHERE NOT matched");
    EXPECT_EQ(audits, std::vector<std::string>{"0"});
    node.run("REFRESH MATERIALIZED VIEW v");
    EXPECT_EQ(digest(node, runs::ReadMode::kFinal), all);
}

/// Each event is a segment; what can be merged is, over days, released, and read after a start.
TEST_P(CutLaw, HoldsWithMergesOfSegmentsBetweenTheCuts) {
    constexpr int64_t kDayUs = 24LL * 3'600'000'000;
    const auto records = history(150, 43);
    TestNode node(options(2));
    create(node);
    TestNode plain;
    create(plain);
    const char* places = "SELECT _partition, _offset, _raw FROM events ORDER BY 1, 2";
    int64_t most = 0;
    for (size_t at = 0; at < records.size(); ++at) {
        append(node, records, at, at + 1);
        append(plain, records, at, at + 1);
        if (at % 60 == 59) {
            node.clock().advance_us(kDayUs);
            plain.clock().advance_us(kDayUs);
        }
        if (at % 5 == 0) {
            ASSERT_TRUE(node.seal("events"));
        }
        ASSERT_TRUE(node.archive("events"));
        while (node.workers().step("housekeeping")) {
        }
        most = std::max(most, std::stol(node.rows("SELECT segments FROM braid.streams")[0]));
        if (at == 40) node.run(fmt::format("CREATE MATERIALIZED VIEW late AS {}", kView));
        if (at == 90) node.run("REFRESH MATERIALIZED VIEW v");
        if (at % 16 != 15) continue;
        ASSERT_TRUE(node.node().release(0));
        ASSERT_EQ(digest(node), digest(plain)) << "after event " << at;
        ASSERT_EQ(node.rows(places), plain.rows(places)) << "after event " << at;
    }
    EXPECT_LE(most, 40) << "150 of one event each";
    const Digest all = digest(plain);
    node.run("REFRESH MATERIALIZED VIEW v");
    EXPECT_EQ(digest(node), all);
    EXPECT_EQ(digest(node, runs::ReadMode::kFinal), all);
    EXPECT_EQ(node.digest("late").value(), all);
    const auto audits = node.rows("SELECT count(*) FROM braid.audits WHERE NOT matched");
    EXPECT_EQ(audits, std::vector<std::string>{"0"});
    if (GetParam().is_sparse || GetParam().grows) return;  // such logs end with the node
    ASSERT_TRUE(node.stop());
    ASSERT_TRUE(node.start());
    EXPECT_EQ(node.rows(places), plain.rows(places));
    EXPECT_EQ(digest(node), all);
}

/// What is erased has never been: the answers are those of a node that was never told of it.
TEST_P(CutLaw, HoldsWithErasuresBetweenTheCuts) {
    const auto records = history(90, 41);
    Random random(43);
    TestNode node(options(2));
    create(node);
    std::vector<std::string> left;
    for (size_t at = 0; at < records.size(); ++at) {
        append(node, records, at, at + 1);
        left.push_back(records[at]);
        switch (random.below(8)) {
            case 0:
                node.run("REFRESH MATERIALIZED VIEW v");
                break;
            case 1:
            case 2:
                ASSERT_TRUE(node.seal("events"));
                static_cast<void>(node.workers().step("housekeeping"));
                break;
            case 3:
            case 4:
                ASSERT_TRUE(node.archive("events"));
                break;
            case 5:
                node.clock().advance_us(24LL * 3'600'000'000);
                while (node.workers().step("housekeeping")) {
                }
                break;
            case 6:
                ASSERT_TRUE(node.node().release(0));
                break;
            default:
                break;
        }
        if (at == 40) node.run(fmt::format("CREATE MATERIALIZED VIEW late AS {}", kView));
        if (at % 15 != 14) continue;
        const size_t erased = at / 15 % 5;
        node.run(fmt::format("DELETE FROM events WHERE l = {}", erased));
        std::erase_if(left, [&](const std::string& record) {
            return record.find(fmt::format("\"l\":{},", erased)) != std::string::npos ||
                   record.find(fmt::format("\"l\":{}}}", erased)) != std::string::npos;
        });
        ASSERT_LT(left.size(), at + 1);
        TestNode plain;
        ASSERT_TRUE(plain.start());
        plain.run(fmt::format("{}; CREATE MATERIALIZED VIEW v AS {}", kTable, kView));
        for (const std::string& record : left) ASSERT_TRUE(plain.append("events", 0, {record}));
        const char* all = "SELECT * FROM v ORDER BY 1, 2";
        ASSERT_EQ(node.rows(all), plain.rows(all)) << "after event " << at;
        ASSERT_EQ(digest(node), digest(node, runs::ReadMode::kFinal)) << "after event " << at;
        const char* bad = "SELECT count(*) FROM braid.quarantine WHERE view IS NULL OR view = 'v'";
        ASSERT_EQ(node.rows(bad), plain.rows(bad)) << "after event " << at;
    }
    node.run("REFRESH MATERIALIZED VIEW v");
    EXPECT_EQ(node.rows("SELECT * FROM late ORDER BY 1, 2"),
              node.rows("SELECT * FROM v ORDER BY 1, 2"));
    EXPECT_EQ(node.rows("SELECT DISTINCT counted + filtered + quarantined + erased "
                        "FROM braid.views"),
              std::vector<std::string>{fmt::format("{}", records.size())});
    const auto audits = node.rows("SELECT count(*) FROM braid.audits WHERE NOT matched");
    EXPECT_EQ(audits, std::vector<std::string>{"0"});
}

TEST_P(CutLaw, HoldsAtRandomCutsAndSealsOfTheRealLog) {
    const std::vector<std::string> lines = real_log_lines();
    ASSERT_EQ(lines.size(), 10'000U);
    const std::string setup = fmt::format(
        "CREATE TABLE access (ip text, at timestamptz, method text, path text, status int, bytes "
        "bigint,"
        " referer text, agent text) WITH (connector = 'http', format = 'combined', partitions = "
        "{});"
        "CREATE MATERIALIZED VIEW v AS SELECT date_bin('1 minute', at, '2000-01-01Z') AS minute,"
        " split_part(path, '/', 2) AS module, count(*) AS visits, count(DISTINCT ip) AS visitors,"
        " sum(bytes) AS bytes, max(agent) AS agent FROM access WHERE status < 400 GROUP BY 1, 2",
        GetParam().partitions);
    TestNode node;
    start(node);
    node.run(setup);
    TestNode plain;
    start(plain);
    plain.run(setup);
    Random random(20261122);
    std::vector<size_t> cuts(GetParam().is_sparse || GetParam().grows ? 40 : 200);
    for (size_t& cut : cuts) cut = random.below(lines.size() + 1);
    std::ranges::sort(cuts);
    cuts.push_back(lines.size());
    size_t at = 0;
    for (size_t piece_number = 0; const size_t cut : cuts) {
        if (cut > at) {
            for (TestNode* each : {&node, &plain}) maybe_grow(*each, "access", piece_number);
            ++piece_number;
            const std::vector<std::string> piece(lines.begin() + static_cast<ptrdiff_t>(at),
                                                 lines.begin() + static_cast<ptrdiff_t>(cut));
            const auto partition =
                static_cast<uint32_t>(random.below(node.partition_count("access")));
            ASSERT_TRUE(node.append("access", partition, piece));
            ASSERT_TRUE(plain.append("access", partition, piece));
            at = cut;
        }
        if (random.below(4) == 0) {
            node.run("REFRESH MATERIALIZED VIEW v");
            ASSERT_EQ(digest(node, runs::ReadMode::kFinal), digest(plain)) << "cut at " << cut;
        } else {
            ASSERT_TRUE(node.seal("access"));
            ASSERT_EQ(digest(node), digest(plain)) << "seal at " << cut;
        }
    }
}

/// Two nodes whose view keeps its groups for two hours; one lives a restless life.
class RetainedCutLaw : public CutLaw {
  protected:
    static constexpr int64_t kStepUs = 3 * 60'000'000;
    static constexpr int64_t kHourUs = 3'600'000'000;

    static app::NodeOptions restless() {
        app::NodeOptions restless = options(2);
        restless.batch.interval_us = 1;
        restless.batch.full_interval_us = kHourUs;
        return restless;
    }
    static std::string view(const std::string& name) {
        return fmt::format(
            "CREATE MATERIALIZED VIEW {} WITH (retention = '2 hours') AS SELECT i % 3 AS third,"
            " date_bin('10 minutes', at, '2000-01-01Z') AS bin, count(*) AS n,"
            " count(DISTINCT l) AS d, max(t) AS t, sum(100 / (i % 20)) AS quotient FROM events"
            " WHERE coalesce(i, 0) >= -40 GROUP BY 1, 2",
            name);
    }
    /// Options of the stream of the restless one, behind a comma.
    void create_both(const std::string& options = "") {
        for (TestNode* each : {&node_, &plain_}) {
            start(*each);
            std::string table = kTable;
            table.back() = ',';
            each->run(fmt::format("{} at timestamptz) WITH (partitions = {}, event_time = 'at'{})",
                                  table, GetParam().partitions, each == &node_ ? options : ""));
            each->run(view("v"));
        }
    }
    /// Time goes on, and most events of the last four hours are too late; some are far ahead.
    std::string with_time(std::string record, size_t event) {
        const int64_t now_us = 1'700'000'000'000'000 + static_cast<int64_t>(event) * kStepUs;
        const auto late_us = static_cast<int64_t>(random_.below(4 * 3600)) * 1'000'000;
        const bool is_far = random_.below(20) == 0 && has_far_;
        const int64_t at_us = is_far ? now_us + 100 * 24 * kHourUs : now_us - late_us;
        if (random_.below(15) == 0 || record.size() <= 2) return record;
        const std::chrono::sys_seconds at(std::chrono::seconds(at_us / 1'000'000));
        record.back() = ',';
        return record + fmt::format(R"("at":"{:%Y-%m-%d %H:%M:%S}Z"}})", at);
    }
    void append_to_both(const std::string& record, size_t event) {
        for (TestNode* each : {&node_, &plain_}) {
            maybe_grow(*each, "events", event);
            const auto partition = static_cast<uint32_t>(event % each->partition_count("events"));
            ASSERT_TRUE(each->append("events", partition, {record}));
            each->clock().advance_us(kStepUs);
        }
    }
    void let_something_happen() {
        switch (random_.below(6)) {
            case 0:
                ASSERT_TRUE(node_.seal("events"));
                break;
            case 1:
                node_.workers().step(fmt::format("batch {}", node_.table("events").value));
                break;
            case 2:
                ASSERT_TRUE(node_.node().release(0));
                break;
            case 3:
                while (node_.workers().step("housekeeping")) {
                }
                break;
            default:
                break;
        }
    }
    static int64_t horizon(TestNode& of) {
        return of.node().state()->table(of.table("events"))->horizon_us.value_or(INT64_MIN);
    }
    void expect_same(const std::string& view, runs::ReadMode mode, size_t event,
                     const std::string& wanted_view = "v") {
        const int64_t newest = std::max(horizon(node_), horizon(plain_));
        const auto found = node_.digest(view, mode, newest);
        const auto wanted = plain_.digest(wanted_view, runs::ReadMode::kLive, newest);
        ASSERT_TRUE(found && wanted);
        ASSERT_EQ(*found, *wanted) << view << " after event " << event;
    }

    /// Of groups that have not expired by the horizon of the restless one. Without places of
    /// events, which two nodes may have at other offsets.
    std::vector<std::string> rows_of(TestNode& of, const std::string& view, const char* mode) {
        of.run(fmt::format("SET braid.read_mode = {}", mode));
        const int64_t horizon_us = std::max<int64_t>(horizon(node_), 0);
        const std::chrono::sys_seconds floor(
            std::chrono::seconds((horizon_us - 2 * kHourUs) / 1'000'000));
        const auto rows = of.rows(
            fmt::format("SELECT * FROM {} WHERE bin IS NULL OR bin >= '{:%Y-%m-%d %H:%M:%S}Z'"
                        " ORDER BY 1, 2",
                        view, floor));
        of.run("SET braid.read_mode = live");
        return rows;
    }

    Random random_{43};
    bool has_far_ = true;
    TestNode node_{restless()};
    TestNode plain_;
};

/// Where the horizons lie depends on when a node seals, but all that expires is older than the
/// newest: at one horizon two nodes give the same, whatever either has dropped so far.
TEST_P(RetainedCutLaw, HoldsWithRetentionBetweenTheCuts) {
    const auto records = history(150, 41);
    create_both();
    for (size_t at = 0; at < records.size(); ++at) {
        append_to_both(with_time(records[at], at), at);
        if (at == 60) node_.run(view("late"));
        if (at == 100) node_.run("REFRESH MATERIALIZED VIEW v");
        if (at % 20 == 19) {
            ASSERT_TRUE(plain_.seal("events"));
        }
        let_something_happen();
        if (at % 5 != 4) continue;
        expect_same("v", runs::ReadMode::kLive, at);
        if (at > 60) expect_same("late", runs::ReadMode::kLive, at);
    }
    node_.run("REFRESH MATERIALIZED VIEW v");
    for (const char* view : {"v", "late"}) {
        for (const auto mode : {runs::ReadMode::kLive, runs::ReadMode::kFinal}) {
            expect_same(view, mode, records.size());
        }
    }
    const auto expired = node_.rows("SELECT expired FROM braid.views ORDER BY name");
    EXPECT_GT(std::stoi(expired[0]), 20);
    EXPECT_LT(std::stoi(expired[0]), 120);
    EXPECT_EQ(expired[0], expired[1]);
    const auto audits = node_.rows("SELECT count(*) FROM braid.audits WHERE NOT matched");
    EXPECT_EQ(audits, std::vector<std::string>{"0"});
}

/// What a stream loses its views do not, with or without a retention of their own; the other keeps
/// everything.
TEST_P(RetainedCutLaw, HoldsWithAStreamThatLosesItsEvents) {
    const auto records = history(250, 47);
    has_far_ = false;  // they would stay for a day
    create_both(", retention = '3 hours'");
    for (TestNode* each : {&node_, &plain_}) {
        each->run(fmt::format("CREATE MATERIALIZED VIEW whole AS {}", kView));
    }
    const char* places = "SELECT _partition, _offset, _raw FROM events ORDER BY 1, 2";
    std::vector<std::string> left;
    for (size_t at = 0; at < records.size(); ++at) {
        append_to_both(with_time(records[at], at), at);
        if (at == 120) node_.run(view("late"));
        if (at == 180) node_.run("REFRESH MATERIALIZED VIEW v");
        if (at % 20 == 19) {
            ASSERT_TRUE(plain_.seal("events"));
        }
        if (random_.below(3) == 0) {
            ASSERT_TRUE(node_.archive("events"));
        }
        let_something_happen();
        if (at % 10 != 9) continue;
        expect_same("v", runs::ReadMode::kLive, at);
        expect_same("whole", runs::ReadMode::kLive, at, "whole");
        left = node_.rows(places);
        auto all = plain_.rows(places);
        std::ranges::sort(left);
        std::ranges::sort(all);
        ASSERT_TRUE(std::ranges::includes(all, left)) << "after event " << at;
        const auto others = node_.rows(
            "SELECT removed_rows + (SELECT count(*) FROM braid.quarantine WHERE view IS NULL)"
            " FROM braid.streams");
        ASSERT_EQ(std::stoul(others[0]) + left.size(), at + 1);
    }
    node_.run("REFRESH MATERIALIZED VIEW v");
    for (const auto mode : {runs::ReadMode::kLive, runs::ReadMode::kFinal}) {
        expect_same("v", mode, records.size());
        expect_same("whole", mode, records.size(), "whole");
    }
    EXPECT_LT(left.size(), 180U);
    const auto audits = node_.rows("SELECT count(*) FROM braid.audits WHERE NOT matched");
    EXPECT_EQ(audits, std::vector<std::string>{"0"});
    const auto counted = node_.rows(
        "SELECT name, counted + filtered + quarantined + expired FROM braid.views ORDER BY 1");
    EXPECT_EQ(counted[1], fmt::format("v|{}", records.size()));
    EXPECT_EQ(counted[2], fmt::format("whole|{}", records.size()));
}

/// What is erased has never been, also in views that keep their groups for a time: the answers are
/// those of a node that was never told of it, at one horizon. Segments are merged, runs compacted.
TEST_P(RetainedCutLaw, HoldsWithErasuresAndMergesBetweenTheCuts) {
    const auto records = history(120, 41);
    create_both();
    std::vector<std::pair<uint32_t, std::string>> left;
    size_t merged = 0;
    for (size_t at = 0; at < records.size(); ++at) {
        const std::string record = with_time(records[at], at);
        maybe_grow(node_, "events", at);
        const auto partition = static_cast<uint32_t>(at % node_.partition_count("events"));
        ASSERT_TRUE(node_.append("events", partition, {record}));
        left.emplace_back(partition, record);
        node_.clock().advance_us(kStepUs);
        if (random_.below(2) == 0) {
            ASSERT_TRUE(node_.archive("events"));
        }
        let_something_happen();
        if (at == 50) node_.run(view("late"));
        if (at % 20 != 19) continue;
        const manifest::StatePtr before = node_.node().state();
        for (const manifest::Segment& each : before->table(node_.table("events"))->segments) {
            merged += each.level > 0 ? 1 : 0;
        }
        const int64_t horizon_before = horizon(node_);
        const size_t erased = at / 20 % 5;
        node_.run(fmt::format("DELETE FROM events WHERE l = {}", erased));
        EXPECT_GE(horizon(node_), horizon_before);
        const size_t count = left.size();
        std::erase_if(left, [&](const auto& each) {
            return each.second.find(fmt::format("\"l\":{},", erased)) != std::string::npos ||
                   each.second.find(fmt::format("\"l\":{}}}", erased)) != std::string::npos;
        });
        ASSERT_LT(left.size(), count);
        TestNode plain;
        ASSERT_TRUE(plain.start());
        std::string table = kTable;
        table.back() = ',';
        plain.run(fmt::format("{} at timestamptz) WITH (partitions = 8, event_time = 'at');{}",
                              table, view("v")));
        for (const auto& [of, each] : left) ASSERT_TRUE(plain.append("events", of % 8, {each}));
        for (const char* name : {"v", "late"}) {
            if (at < 50 && std::string_view(name) == "late") continue;
            for (const char* mode : {"live", "final"}) {
                EXPECT_EQ(rows_of(node_, name, mode), rows_of(plain, "v", "live"))
                    << name << " after event " << at;
            }
        }
        // What a full recomputation without an erasure makes of it is the same.
        const char* accounts =
            "SELECT counted, filtered, quarantined, failed, expired, erased"
            " FROM braid.views WHERE name = 'v'";
        const auto account = node_.rows(accounts);
        node_.run("REFRESH MATERIALIZED VIEW v");
        EXPECT_EQ(node_.rows(accounts), account) << "after event " << at;
        if (HasFailure()) return;
    }
    EXPECT_GT(merged, 0U);
    const auto sums = node_.rows(
        "SELECT DISTINCT counted + filtered + quarantined + expired + erased FROM braid.views");
    EXPECT_EQ(sums, std::vector<std::string>{fmt::format("{}", records.size())});
    const auto expired = node_.rows("SELECT expired > 10 FROM braid.views WHERE name = 'v'");
    EXPECT_EQ(expired, std::vector<std::string>{"t"});
    const auto audits = node_.rows("SELECT count(*) FROM braid.audits WHERE NOT matched");
    EXPECT_EQ(audits, std::vector<std::string>{"0"});
}

const auto kShapes = ::testing::Values(Shape{1, false}, Shape{4, false}, Shape{1, true},
                                       Shape{4, true}, Shape{1, false, true}, Shape{2, true, true});

std::string name_of(const ::testing::TestParamInfo<Shape>& info) {
    return fmt::format("{}{}{}", info.param.is_sparse ? "Sparse" : "Dense",
                       info.param.grows ? "Growing" : "", info.param.partitions);
}

INSTANTIATE_TEST_SUITE_P(Shapes, CutLaw, kShapes, name_of);
INSTANTIATE_TEST_SUITE_P(Shapes, RetainedCutLaw, kShapes, name_of);

}  // namespace
}  // namespace braid::testing
