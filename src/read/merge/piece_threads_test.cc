// SPDX-License-Identifier: Apache-2.0
#include "read/merge/piece_threads.h"

#include <algorithm>
#include <atomic>
#include <latch>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error_makers.h"
#include "base/test_support.h"
#include "base/thread.h"

namespace braid::read {
namespace {

TEST(PieceThreads, CallForEachPieceOnce) {
    for (const size_t count : {1, 2, 7}) {
        PieceThreads threads({.threads = count});
        for (const size_t pieces : {0, 1, 2, 100}) {
            std::vector<std::atomic<int>> calls(pieces);
            EXPECT_OK(threads.run(pieces, [&](size_t piece) -> Result<void> {
                ++calls[piece];
                return {};
            }));
            for (const auto& each : calls) EXPECT_EQ(each, 1);
        }
    }
}

TEST(PieceThreads, WorkSideBySide) {
    constexpr int kTogether = 3;
    PieceThreads threads({.threads = kTogether});
    for (int round = 0; round < 3; ++round) {
        std::latch met(kTogether);
        EXPECT_OK(threads.run(kTogether, [&](size_t) -> Result<void> {
            met.arrive_and_wait();
            return {};
        }));
    }
}

/// How many pieces were worked on together, of so many that all want that.
int most_together(size_t pieces, size_t threads) {
    PieceThreads helped({.threads = threads});
    const size_t expected = std::min(pieces, threads);
    std::latch met(static_cast<ptrdiff_t>(expected));
    std::atomic<int> at_work = 0;
    std::atomic<int> most = 0;
    EXPECT_OK(helped.run(pieces, [&](size_t piece) -> Result<void> {
        const int now = ++at_work;
        int seen = most;
        while (seen < now && !most.compare_exchange_weak(seen, now)) {
        }
        if (piece < expected) met.arrive_and_wait();
        --at_work;
        return {};
    }));
    return most;
}

TEST(PieceThreads, APieceBeyondTheThreadsWaits) {
    EXPECT_EQ(most_together(2, 3), 2);
    EXPECT_EQ(most_together(3, 3), 3);
    EXPECT_EQ(most_together(4, 3), 3);
}

TEST(PieceThreads, TellTheErrorOfTheLowestPieceAndBeginNoFurther) {
    PieceThreads threads({.threads = 4});
    for (int round = 0; round < 100; ++round) {
        std::atomic<size_t> calls = 0;
        const Result<void> done = threads.run(1'000, [&](size_t piece) -> Result<void> {
            ++calls;
            if (piece < 5) return {};
            return internal_error("piece {}", piece);
        });
        ASSERT_FALSE(done.has_value());
        ASSERT_EQ(done.error().message(), "piece 5");
        ASSERT_LE(calls, 5U + 4U);
    }
}

TEST(PieceThreads, TellTheLowestErrorWhicheverComesFirst) {
    PieceThreads threads({.threads = 2});
    for (size_t round = 0; round < 100; ++round) {
        const size_t first = round % 2;
        std::latch begun(2);
        std::latch failed(1);
        const Result<void> done = threads.run(2, [&](size_t piece) -> Result<void> {
            begun.arrive_and_wait();
            if (piece == first) {
                failed.count_down();
            } else {
                failed.wait();
                // Most probably the other's error is known by then.
                for (int turn = 0; turn < 50; ++turn) std::this_thread::yield();
            }
            return internal_error("piece {}", piece);
        });
        ASSERT_FALSE(done.has_value());
        ASSERT_EQ(done.error().message(), "piece 0");
    }
}

/// The innermost has nobody to help it, and does not wait for anybody either.
TEST(PieceThreads, WhoAsksWorksWhenNobodyIsFree) {
    PieceThreads threads({.threads = 2});
    std::atomic<int> calls = 0;
    const auto inner = [&](size_t) -> Result<void> {
        return threads.run(4, [&](size_t) -> Result<void> {
            ++calls;
            return {};
        });
    };
    EXPECT_OK(threads.run(4, inner));
    EXPECT_EQ(calls, 16);
}

TEST(PieceThreads, AreBoundedForAllWhoAskTogether) {
    PieceThreads threads({.threads = 3});
    std::atomic<int> at_work = 0;
    std::atomic<int> most = 0;
    const auto ask = [&] {
        EXPECT_OK(threads.run(200, [&](size_t) -> Result<void> {
            const int now = ++at_work;
            std::this_thread::yield();
            int seen = most;
            while (seen < now && !most.compare_exchange_weak(seen, now)) {
            }
            --at_work;
            return {};
        }));
    };
    {
        std::vector<Thread> clients;
        for (int client = 0; client < 4; ++client) clients.emplace_back("client", ask);
    }
    EXPECT_LE(most, 4 + 2);
}

}  // namespace
}  // namespace braid::read
