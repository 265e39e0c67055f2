// SPDX-License-Identifier: Apache-2.0
#include "read/merge/view_pieces.h"

#include <optional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/mutex.h"
#include "base/test_support.h"
#include "base/thread.h"
#include "read/merge/pieces_test_support.h"
#include "read/merge/view_scan.h"

namespace braid::read::test {
namespace {

constexpr uint32_t kSections = 1;
const ViewRows kAllColumns = {{0, 1, 2, 3, 4}, nullptr, {}};

Events each_once(int64_t from, int64_t to) {
    Events events;
    for (int64_t key = from; key < to; ++key) events.emplace_back(key, key % 7);
    return events;
}

std::vector<ViewPiece> cut(const PiecesTiling& tiling, const KeyRange& range, size_t threads,
                           uint64_t rows_min = 10) {
    auto pieces =
        cut_view(tiling.tiling(), range, kSections, {.threads = threads, .rows_min = rows_min});
    EXPECT_OK(pieces);
    return *pieces;
}

std::vector<ViewPiece> cut_for_memory(const PiecesTiling& tiling, const KeyRange& range,
                                      uint64_t merged_bytes_max) {
    auto pieces = cut_view(tiling.tiling(), range, kSections,
                           {.threads = 1, .merged_bytes_max = merged_bytes_max});
    EXPECT_OK(pieces);
    return *pieces;
}

/// They begin and end where the range does, and each where the one before ends.
void expect_whole(const std::vector<ViewPiece>& pieces, const KeyRange& range) {
    EXPECT_EQ(pieces.front().range.from, range.from);
    EXPECT_EQ(pieces.back().range.to, range.to);
    for (size_t piece = 1; piece < pieces.size(); ++piece) {
        EXPECT_EQ(pieces[piece - 1].range.to, pieces[piece].range.from);
        EXPECT_LT(pieces[piece - 1].range.from, pieces[piece].range.from);
        EXPECT_TRUE(range.contains(pieces[piece].range.from));
    }
}

std::vector<std::string> read(const PiecesTiling& tiling, const ViewPiece& piece,
                              uint64_t merged_bytes_max = ViewScan::kMergedBytesMax) {
    const auto rows =
        ViewScan::open(pieces_view(), tiling.tiling(), piece, kAllColumns, merged_bytes_max);
    EXPECT_OK(rows);
    auto lines = lines_of(**rows);
    EXPECT_OK(lines);
    return *lines;
}

std::vector<std::string> read(const PiecesTiling& tiling, const std::vector<ViewPiece>& pieces) {
    std::vector<std::string> all;
    for (const ViewPiece& piece : pieces) {
        for (std::string& line : read(tiling, piece)) all.push_back(std::move(line));
    }
    return sorted(std::move(all));
}

KeyRange between(int64_t from, int64_t to) { return {{pieces_key(from), pieces_key(to)}}; }

/// Anything that may be there: runs of any size, one of them large or none, ticks of few or many
/// tables, keys in all of them or in one.
void add_anything(Random& random, uint64_t keys, PiecesTiling& tiling) {
    for (uint64_t run = random.below(4); run > 0; --run) {
        tiling.add_run(random_events(random, 1 + random.below(1'500), keys));
    }
    for (uint64_t tick = random.below(3); tick > 0; --tick) {
        tiling.add_tick(random_events(random, random.below(700), keys), 1ULL << random.below(4));
    }
}

class PiecesOfAnyView : public ::testing::TestWithParam<uint64_t> {};

TEST_P(PiecesOfAnyView, HoldEachKeyOnce) {
    Random random(GetParam());
    const uint64_t keys = 1 + random.below(random.below(2) == 0 ? 20 : 3'000);
    PiecesTiling tiling;
    add_anything(random, keys, tiling);
    std::vector<KeyRange> ranges = {{}};
    for (int range = 0; range < 3; ++range) {
        const auto from = static_cast<int64_t>(random.below(keys));
        ranges.push_back(between(from, from + 1 + static_cast<int64_t>(random.below(keys))));
    }
    for (const KeyRange& range : ranges) {
        const std::vector<std::string> whole = sorted(read(tiling, ViewPiece{range, {}}));
        // Nothing fits: all is read in order.
        EXPECT_EQ(sorted(read(tiling, ViewPiece{range, {}}, 0)), whole);
        for (const size_t threads : {1, 2, 7}) {
            const auto pieces = cut(tiling, range, threads);
            expect_whole(pieces, range);
            EXPECT_EQ(read(tiling, pieces), whole) << threads << " threads";
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Seeds, PiecesOfAnyView, ::testing::Range<uint64_t>(1, 41));

TEST(ViewPieces, AreAFewForEachThread) {
    PiecesTiling tiling;
    tiling.add_run(each_once(0, 5'000));
    EXPECT_EQ(cut(tiling, {}, 1).size(), 1U);
    EXPECT_EQ(cut(tiling, {}, 2).size(), 8U);
    EXPECT_EQ(cut(tiling, {}, 7).size(), 28U);
}

TEST(ViewPieces, AreOfAboutEqualRows) {
    PiecesTiling one_run;
    one_run.add_run(each_once(0, 4'000));
    PiecesTiling two_runs;
    two_runs.add_run(each_once(0, 2'000));
    two_runs.add_run(each_once(2'000, 4'000));
    PiecesTiling ticks;
    ticks.add_tick(each_once(0, 4'000));
    for (const PiecesTiling* tiling : {&one_run, &two_runs, &ticks}) {
        const auto pieces = cut(*tiling, {}, 2);
        ASSERT_EQ(pieces.size(), 8U);
        for (const ViewPiece& piece : pieces) {
            EXPECT_NEAR(static_cast<double>(read(*tiling, piece).size()), 500, 150);
        }
    }
}

TEST(ViewPieces, OfARangeCutTheRangeAlone) {
    PiecesTiling tiling;
    tiling.add_run(each_once(0, 4'000));
    tiling.add_tick(each_once(0, 4'000));
    const KeyRange range = between(1'000, 2'000);
    const auto pieces = cut(tiling, range, 2);
    ASSERT_EQ(pieces.size(), 8U);
    expect_whole(pieces, range);
    for (const ViewPiece& piece : pieces) {
        EXPECT_NEAR(static_cast<double>(read(tiling, piece).size()), 125, 60);
    }
    EXPECT_EQ(read(tiling, pieces).size(), 1'000U);
}

TEST(ViewPieces, ASubkeyIsARowToo) {
    Events events;
    for (int64_t event = 0; event < 4'000; ++event) events.emplace_back(event % 10, event / 10);
    PiecesTiling run;
    run.add_run(events);
    PiecesTiling tick;
    tick.add_tick(events);
    for (const PiecesTiling* tiling : {&run, &tick}) {
        const auto pieces = cut(*tiling, {}, 2, 500);
        EXPECT_GE(pieces.size(), 5U);
        EXPECT_EQ(read(*tiling, pieces).size(), 10U);
    }
}

TEST(ViewPieces, OneHotKeyIsInOneOfThem) {
    Events events = each_once(0, 200);
    for (int64_t number = 0; number < 3'000; ++number) events.emplace_back(100, number);
    PiecesTiling tiling;
    tiling.add_run(events);
    tiling.add_tick(events);
    const auto pieces = cut(tiling, {}, 4);
    expect_whole(pieces, {});
    EXPECT_EQ(read(tiling, pieces), sorted(read(tiling, ViewPiece())));
}

TEST(ViewPieces, AreOneWhereThereIsTooLittle) {
    PiecesTiling tiling;
    tiling.add_run(each_once(0, 1'000));
    tiling.add_tick(each_once(500, 1'500));
    EXPECT_GT(cut(tiling, {}, 2, 500).size(), 1U);
    EXPECT_EQ(cut(tiling, {}, 2, 5'000).size(), 1U) << "rows";
    EXPECT_EQ(cut(tiling, {}, 2, PieceLimits::kRowsMin).size(), 1U);
    EXPECT_EQ(cut(tiling, between(10, 12), 2, 500).size(), 1U) << "rows in the range";
    KeyRange point = between(10, 11);
    point.is_point = true;
    EXPECT_EQ(cut(tiling, point, 2, 0).size(), 1U) << "one key";
    EXPECT_EQ(cut(tiling, {{}, false, true}, 2).size(), 1U) << "none";
    EXPECT_EQ(cut(PiecesTiling(), {}, 2).size(), 1U) << "nothing at all";
}

TEST(ViewPieces, ManyRunsAskForLargerOnes) {
    PiecesTiling few;
    PiecesTiling many;
    few.add_run(each_once(0, 6'400));
    for (int64_t run = 0; run < 64; ++run) many.add_run(each_once(run * 100, run * 100 + 100));
    const size_t of_few = cut(few, {}, 8, 400).size();
    const size_t of_many = cut(many, {}, 8, 400).size();
    EXPECT_LT(of_many, of_few / 2);
    EXPECT_GT(of_many, 1U);
}

TEST(ViewPieces, ATickWithoutTheViewIsRefused) {
    runs::Tiling without = PiecesTiling().tiling();
    without.ticks.push_back(std::make_shared<runs::Tick>());
    EXPECT_TRUE(IsError(ErrorCode::kInternal)(cut_view(without, {}, kSections, {.threads = 2})));
    EXPECT_TRUE(
        IsError(ErrorCode::kInternal)(ViewScan::open(pieces_view(), without, {}, kAllColumns)));
}

/// What several threads read together, each piece by piece.
Result<std::vector<std::string>> read_by(size_t threads, const PiecesTiling& tiling) {
    const RowPiecesPtr pieces = TRY(open_view_pieces(
        pieces_view(), tiling.tiling(), {}, kAllColumns, {.threads = threads, .rows_min = 10}));
    Mutex mutex;
    std::vector<std::string> all;
    std::optional<Error> failure;
    const auto read_all = [&]() -> Result<void> {
        while (const RowSourcePtr rows = TRY(pieces->next())) {
            for (std::string& line : TRY(lines_of(*rows))) {
                const ScopedLock lock(mutex);
                all.push_back(std::move(line));
            }
        }
        return {};
    };
    {
        std::vector<Thread> readers;
        for (size_t thread = 0; thread < threads; ++thread) {
            readers.emplace_back("reader", [&] {
                Result<void> done = read_all();
                if (done) return;
                const ScopedLock lock(mutex);
                failure = std::move(done).error();
            });
        }
    }
    if (failure) return *failure;
    return sorted(std::move(all));
}

TEST(ViewPieces, AreReadByManyThreadsAtOnce) {
    for (uint64_t seed = 1; seed <= 5; ++seed) {
        Random random(seed);
        PiecesTiling tiling;
        tiling.add_run(random_events(random, 3'000, 2'000));
        tiling.add_run(random_events(random, 500, 2'000));
        tiling.add_tick(random_events(random, 1'000, 2'000));
        const auto whole = sorted(read(tiling, ViewPiece()));
        for (const size_t threads : {2, 7}) {
            ASSERT_OK_AND_ASSIGN(const auto lines, read_by(threads, tiling));
            EXPECT_EQ(lines, whole);
        }
    }
}

/// One thread too reads a large view piece by piece where its table would be large.
TEST(ViewPieces, AreSoManyThatEachIsSmall) {
    Random random(5);
    PiecesTiling tiling;
    tiling.add_run(random_events(random, 9'000, 5'000));
    tiling.add_run(random_events(random, 4'000, 5'000));
    tiling.add_tick(random_events(random, 4'000, 5'000));
    EXPECT_EQ(cut_for_memory(tiling, {}, 64 << 20).size(), 1U);
    const auto pieces = cut_for_memory(tiling, {}, 32 << 10);
    EXPECT_GT(pieces.size(), 8U);
    expect_whole(pieces, {});
    EXPECT_EQ(read(tiling, pieces), sorted(read(tiling, ViewPiece())));
    EXPECT_LT(cut_for_memory(tiling, between(100, 600), 32 << 10).size(), pieces.size() / 4);
    ASSERT_OK_AND_ASSIGN(auto opened,
                         open_view_pieces(pieces_view(), tiling.tiling(), {}, kAllColumns,
                                          {.threads = 1, .merged_bytes_max = 32 << 10}));
    EXPECT_GT(opened->count(), 8U);
    const RowSourcePtr all = one_after_the_other(std::move(opened));
    ASSERT_OK_AND_ASSIGN(auto lines, lines_of(*all));
    EXPECT_EQ(sorted(std::move(lines)), sorted(read(tiling, ViewPiece())));
    // What the statement may hold is enough for each of them, not for all at once.
    SteppedClock clock;
    const auto read_within = [&](const ViewPiece& piece) -> Result<void> {
        ViewRows wanted = kAllColumns;
        wanted.context.limits = StatementLimits({}, clock, INT64_MAX, 256 << 10);
        const auto rows = TRY(ViewScan::open(pieces_view(), tiling.tiling(), piece, wanted));
        TRY(lines_of(*rows));
        return {};
    };
    EXPECT_ERROR(read_within({}), ErrorCode::kExhausted, "53200");
    for (const ViewPiece& piece : pieces) EXPECT_OK(read_within(piece));
}

/// The run streams by, the tick's table is merged.
TEST(ViewPieces, TheTableOfOneHasItsBytesAndNoMore) {
    PiecesTiling tiling;
    tiling.add_run(each_once(0, 3'000));
    tiling.add_tick(each_once(2'500, 4'000), 1);
    const auto tables = tiling.tiling().ticks[0]->tables_of(PiecesTiling::kVersion);
    ASSERT_EQ(tables.size(), 1U);
    const uint64_t bytes = tables[0]->bytes_used();
    EXPECT_EQ(cut_for_memory(tiling, {}, bytes + 1).size(), 1U);
    EXPECT_EQ(cut_for_memory(tiling, {}, bytes).size(), 2U);
    EXPECT_EQ(cut_for_memory(tiling, {}, bytes - 1).size(), 2U);

    // A statement that may hold half of it can read it only as it streams by.
    const SteppedClock clock;
    const auto is_merged = [&](uint64_t merged_bytes_max) {
        ViewRows wanted = kAllColumns;
        wanted.context.limits = StatementLimits({}, clock, INT64_MAX, bytes / 2);
        const auto rows =
            ViewScan::open(pieces_view(), tiling.tiling(), {}, wanted, merged_bytes_max);
        EXPECT_TRUE(rows.has_value() || rows.error().sqlstate() == "53200");
        return !rows.has_value();
    };
    const uint64_t most =
        operators::GroupTable(pieces_view().plan->aggregates).bytes_used() + bytes;
    EXPECT_FALSE(is_merged(most - 1));
    EXPECT_TRUE(is_merged(most));
    EXPECT_TRUE(is_merged(most + 1));
    const auto expected = sorted(read(tiling, ViewPiece()));
    EXPECT_EQ(sorted(read(tiling, ViewPiece(), most - 1)), expected);
}

}  // namespace
}  // namespace braid::read::test
