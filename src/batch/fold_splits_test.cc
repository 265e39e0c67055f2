// SPDX-License-Identifier: Apache-2.0
#include "batch/fold_splits.h"

#include <atomic>
#include <memory>

#include <gtest/gtest.h>

#include "base/error_makers.h"
#include "base/memory_file_system.h"
#include "base/random.h"
#include "base/simulation.h"
#include "base/test_support.h"
#include "manifest/test_support.h"
#include "operators/decode/declared_decoder.h"
#include "operators/fold/fold_test_support.h"
#include "plan/function.h"

namespace braid::batch {
namespace {

using Records = std::vector<std::string>;

/// With sum(100 / n), which fails for a zero, and mode() besides, whose states have subkeys.
operators::BoundView view_of(bool has_keys) {
    using plan::AggregateKind;
    const Type int8 = Type::of(TypeKind::kInt8);
    const plan::ExprPtr n = plan::column_ref(1, int8);
    const plan::ExprPtr quotient =
        plan::call(plan::function_by_key("/(int8,int8)"), {plan::constant(Datum::int8(100)), n});
    auto plan = std::make_shared<plan::ViewPlan>(*operators::test_bound_view({}, {}).plan);
    plan->aggregates.push_back(
        {AggregateKind::kSum, {quotient}, nullptr, Type::of(TypeKind::kNumeric), -1});
    plan->aggregates.push_back({AggregateKind::kMode, {n}, nullptr, int8, -1});
    if (!has_keys) {
        plan->keys.clear();
        plan->key_schema = {};
    }
    return {plan, {}};
}

/// Few keys, many and one hot one, and what does not count.
Records history(size_t count) {
    Random random(7);
    Records records;
    for (size_t index = 0; index < count; ++index) {
        const uint64_t kind = random.below(10);
        if (kind == 0) {
            records.emplace_back("nonsense");
            continue;
        }
        const std::string key = kind < 4   ? "hot"
                                : kind < 7 ? fmt::format("few {}", random.below(5))
                                           : fmt::format("many {}", random.below(100'000));
        records.push_back(
            fmt::format(R"({{"k":"{}","n":{}}})", key, static_cast<int64_t>(random.below(9)) - 1));
    }
    return records;
}

class FoldSplits : public testing::Test {
  protected:
    FoldSplits() {
        table_ = manifest::test_table({3}, "t");
        table_.columns = operators::test_stream_columns();
        state_.origin = Positions::zero(1);
        state_.archive_end = state_.origin;
    }

    /// A segment of these behind what is there.
    void write(const Records& records) {
        const Offset from = state_.archive_end.at[0];
        const Offset end{from.value + static_cast<int64_t>(records.size())};
        const auto spec = dataset::SegmentSpec::of(table_);
        const std::string path =
            dataset::segment_path(spec.folder, "2026-11-22", spec.log, state_.archive_end);
        const auto writer = dataset::SegmentWriter::create(store_, spec, path, {0}, from).value();
        const auto decoder = operators::make_decoder_of(table_).value();
        const std::vector<std::string_view> raw(records.begin(), records.end());
        operators::RecordSlice slice;
        slice.offsets = Offsets(from);
        slice.records = raw;
        std::vector<bool> wanted(table_.columns.fields.size() + plan::kSystemColumnCount, true);
        operators::DecodedSlice decoded;
        decoder->decode(slice, wanted, decoded);
        ASSERT_OK(writer->add(decoded, raw, 0, end));
        state_.segments.push_back(writer->move_in().value());
        state_.archive_end.at = {end};
    }
    void write_segments(const Records& records, size_t segments) {
        for (size_t number = 0; number < segments; ++number) {
            const auto place = [&](size_t of) {
                return records.begin() + static_cast<ptrdiff_t>(records.size() * of / segments);
            };
            write({place(number), place(number + 1)});
        }
    }
    std::vector<dataset::Split> splits(size_t count) const {
        return dataset::splits_between(state_, state_.origin, state_.archive_end, count).value();
    }
    Result<std::vector<manifest::Run>> fold(std::span<const dataset::Split> splits,
                                            const FoldLimits& limits = {}) {
        const std::string path = fmt::format("run {}", ++folds_);
        runs::RunFile file(store_, path);
        const FoldJob job{.store = store_,
                          .local = local_,
                          .table = table_,
                          .views = {view_of(true), view_of(false)},
                          .from = state_.origin,
                          .end = end_.at.empty() ? state_.archive_end : end_,
                          .spill_directory = "spill/1"};
        auto folded = TRY(fold_splits(job, splits, limits, watch_, file));
        TRY(file.put());
        return std::move(folded.runs);
    }
    std::vector<manifest::Run> whole() { return fold(splits(1)).value(); }

    MemoryFileSystem store_;
    MemoryFileSystem local_;
    catalog::Table table_;
    manifest::TableState state_;
    FoldWatch watch_;
    Positions end_;
    int folds_ = 0;
};

void expect_same(const std::vector<manifest::Run>& runs,
                 const std::vector<manifest::Run>& expected) {
    ASSERT_EQ(runs.size(), expected.size());
    for (size_t view = 0; view < runs.size(); ++view) {
        EXPECT_EQ(runs[view].digest, expected[view].digest) << "view " << view;
        EXPECT_EQ(runs[view].rows, expected[view].rows) << "view " << view;
        EXPECT_EQ(runs[view].account(), expected[view].account()) << "view " << view;
    }
}

TEST_F(FoldSplits, GiveTheSameWhateverTheThreadsTheSplitsAndTheMemory) {
    write_segments(history(2'000), 13);
    const auto expected = whole();
    EXPECT_GT(expected[0].rows, 300U);
    EXPECT_EQ(expected[1].rows, 1U);
    EXPECT_GT(expected[0].failed, 100U);
    for (const size_t threads : {1U, 2U, 4U}) {
        for (const size_t count : {1U, 2U, 5U, 20U}) {
            for (const uint64_t memory : {uint64_t{1}, uint64_t{1} << 20, uint64_t{1} << 40}) {
                SCOPED_TRACE(
                    fmt::format("{} threads, {} splits, {} bytes", threads, count, memory));
                const FoldLimits limits{{.threads = threads, .range_rows_min = 50}, memory};
                const auto runs = fold(splits(count), limits);
                ASSERT_OK(runs);
                expect_same(*runs, expected);
                const auto left = local_.list("spill/1/0");
                EXPECT_TRUE(!left || left->empty());
            }
        }
    }
}

TEST_F(FoldSplits, SpillAsSoonAsTheTablesAreLargerThanTheyMay) {
    write_segments(history(400), 2);
    const auto expected = whole();
    uint64_t spills = 0;
    watch_.after_slice = [&](uint64_t events) -> Result<void> {
        if (events == 0) ++spills;  // each goes on behind its spill
        return {};
    };
    const auto spills_within = [&](uint64_t memory) {
        spills = 0;
        const auto runs = fold(splits(1), {{.threads = 1}, memory});
        EXPECT_OK(runs);
        expect_same(*runs, expected);
        return spills - 1;
    };
    // What the tables come to is where spills begin.
    uint64_t too_little = 0;
    uint64_t enough = 1 << 30;
    while (too_little + 1 < enough) {
        const uint64_t between = too_little + (enough - too_little) / 2;
        (spills_within(between) == 0 ? enough : too_little) = between;
    }
    EXPECT_EQ(spills_within(enough - 1), 1U);
    EXPECT_EQ(spills_within(enough), 0U);
    EXPECT_EQ(spills_within(enough + 1), 0U);
    EXPECT_EQ(spills_within(0), 2U) << "any memory will do for a slice";
}

TEST_F(FoldSplits, ApartAndThenMergedGiveTheSame) {
    write_segments(history(2'000), 9);
    const auto expected = whole();
    for (const size_t count : {1U, 3U, 7U}) {
        std::vector<RunReaders> readers(expected.size());
        std::vector<FoldAccount> accounts(expected.size());
        for (const dataset::Split& split : splits(count)) {
            ASSERT_OK_AND_ASSIGN(const auto runs, fold({&split, 1}));
            for (size_t view = 0; view < runs.size(); ++view) {
                readers[view].push_back(runs::RunReader::open(store_, runs[view]).value());
                accounts[view].add(runs[view].account());
            }
        }
        for (size_t view = 0; view < expected.size(); ++view) {
            const operators::BoundView bound = view_of(view == 0);
            const auto& aggregates = bound.plan->aggregates;
            const std::vector<runs::KeyRange> ranges = {{"", "m"}, {"m", ""}};
            EXPECT_EQ(digest_of_merge(readers[view], aggregates, ranges, 2).value(),
                      expected[view].digest);
            EXPECT_EQ(accounts[view], expected[view].account());
        }
    }
}

TEST_F(FoldSplits, KeepTheSmallestFailedEventsWhicheverThreadSeesThem) {
    Records records;
    for (int number = 0; number < 12'000; ++number) records.emplace_back(R"({"k":"a","n":0})");
    write_segments(records, 12);
    const auto expected = whole();
    EXPECT_EQ(expected[0].failed, 12'000U);
    EXPECT_EQ(expected[0].rows, 0U);
    for (const uint64_t memory : {uint64_t{1}, uint64_t{1} << 40}) {
        expect_same(fold(splits(12), {{.threads = 3}, memory}).value(), expected);
    }
    uint64_t kept = 0;
    for (const manifest::Part& part : expected[0].parts) kept += part.rows;
    EXPECT_EQ(kept, operators::FailedEvents::kKeptMax);
}

TEST_F(FoldSplits, LeaveOutWhatLiesBeyondTheCut) {
    const Records records = history(600);
    write_segments(records, 5);
    for (const int64_t cut : {0, 1, 250, 599}) {
        end_.at = {{cut}};
        const auto below = dataset::splits_between(state_, state_.origin, end_, 4).value();
        const auto runs = fold(below, {{.threads = 2}, 1 << 30});
        ASSERT_OK(runs);
        EXPECT_EQ((*runs)[0].counted + (*runs)[0].filtered + (*runs)[0].quarantined,
                  static_cast<uint64_t>(cut));
    }
}

TEST_F(FoldSplits, OfNothingAndOfOneRow) {
    for (const size_t rows : {0U, 1U}) {
        if (rows == 1) write({R"({"k":"a","n":1})"});
        for (const size_t threads : {1U, 2U}) {
            const auto runs = fold(splits(3), {{.threads = threads}, 1 << 30});
            ASSERT_OK(runs);
            EXPECT_EQ((*runs)[0].rows, rows);
            EXPECT_EQ((*runs)[0].counted, rows);
            EXPECT_EQ(store_.exists(fmt::format("run {}", folds_)).value(), rows == 1);
        }
    }
}

/// Its rows lie in two row groups, each of which one of the splits decodes.
TEST_F(FoldSplits, ShareASegmentByItsRowGroups) {
    Records records;
    for (uint64_t row = 0; row < dataset::kRowGroupRows + 9'000; ++row) {
        records.push_back(fmt::format(R"({{"k":"{}","n":{}}})", row % 7, row % 5));
    }
    write(records);
    const auto expected = whole();
    std::atomic<uint64_t> events = 0;
    watch_.after_slice = [&](uint64_t more) -> Result<void> {
        events += more;
        return {};
    };
    const auto two = splits(2);
    expect_same(fold(two, {{.threads = 2}, 1 << 30}).value(), expected);
    EXPECT_EQ(events, records.size());
    uint64_t counted = 0;
    for (const dataset::Split& split : two) {
        const auto runs = fold({&split, 1});
        EXPECT_GT((*runs)[0].failed + (*runs)[0].counted, 0U);
        counted += (*runs)[0].failed + (*runs)[0].counted;
    }
    EXPECT_EQ(counted, records.size());
}

TEST_F(FoldSplits, EndWithTheErrorOfAnyThread) {
    write_segments(history(900), 9);
    std::atomic<int> asked = 0;
    watch_.before_piece = [&]() -> Result<void> {
        if (++asked < 4) return {};
        return cancelled("enough");
    };
    for (const size_t threads : {1U, 2U, 4U}) {
        asked = 0;
        EXPECT_ERROR(fold(splits(9), {{.threads = threads}, 1}), ErrorCode::kCancelled);
        EXPECT_LE(asked, static_cast<int>(3 + threads));
        const auto left = local_.list("spill/1/0");
        EXPECT_TRUE(!left || left->empty()) << "no spill outlives its fold";
    }
    watch_ = {};
    ASSERT_OK(store_.flip_bit(std::prev(state_.segments.end())->file, 40, 3));
    EXPECT_ERROR(fold(splits(9), {{.threads = 2}, 1 << 30}), ErrorCode::kCorrupt);
}

/// One interleaving a seed, also of those in which a shard has more to take in than its turn.
TEST_F(FoldSplits, GiveTheSameHoweverTheThreadsAlternate) {
    write_segments(history(300), 30);
    const auto expected = whole();
    for (uint64_t seed = 1; seed <= 30; ++seed) {
        Simulation simulation(seed);
        simulation.run([&] {
            const FoldLimits limits{{.threads = 2 + seed % 3, .range_rows_min = 10},
                                    seed % 2 == 0 ? uint64_t{1} << 18 : uint64_t{1} << 40};
            const auto runs = fold(splits(15), limits);
            ASSERT_OK(runs);
            expect_same(*runs, expected);
        });
    }
}

}  // namespace
}  // namespace braid::batch
