// SPDX-License-Identifier: Apache-2.0
#include "runs/point_probes.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "base/error_makers.h"
#include "base/hash.h"
#include "base/memory_file_system.h"
#include "base/test_support.h"
#include "runs/test_support.h"

namespace braid::runs {
namespace {

/// Runs of 20 keys each, the first of several parts; run i holds the keys i × 10 to i × 10 + 19.
struct PointProbesTest : testing::Test {
    MemoryFileSystem files;
    RunCache cache{files};
    RunReaders runs;

    static std::string key(uint64_t number) { return fmt::format("key {:05}", number); }
    void fill(uint64_t count, RunCache& of) {
        for (uint64_t id = 0; id < count; ++id) {
            TestRows rows;
            for (uint64_t row = 0; row < 20; ++row) rows.emplace_back(key(id * 10 + row), "s");
            ASSERT_OK_AND_ASSIGN(manifest::Run run,
                                 write_rows(files, fmt::format("runs/1/{}.run", id), rows, {},
                                            {.part_bytes_max = id == 0 ? 300U : 1U << 20}));
            run.id = {id};
            ASSERT_OK_AND_ASSIGN(const auto reader, of.get(run));
            runs.push_back(reader);
        }
    }
    std::vector<uint32_t> touched(const PointProbes& probes, const std::string& key) {
        std::vector<uint32_t> all;
        EXPECT_OK(probes.visit(hash64(key), [&](uint32_t run) -> Result<void> {
            all.push_back(run);
            return {};
        }));
        return all;
    }
};

TEST_F(PointProbesTest, TouchTheRunsThatCanHoldAKey) {
    fill(100, cache);
    ASSERT_GT(runs[0]->group_parts(), 1U);
    const PointProbes probes(runs);
    size_t needless = 0;
    for (uint64_t number = 0; number < 1'010; ++number) {
        const auto all = touched(probes, key(number));
        for (uint32_t run = 0; run < 100; ++run) {
            const bool is_there = number >= run * 10 && number < run * 10 + 20;
            const bool is_touched = std::ranges::find(all, run) != all.end();
            ASSERT_TRUE(is_touched || !is_there) << key(number) << " in run " << run;
            if (is_touched && !is_there) ++needless;
        }
        ASSERT_TRUE(std::ranges::is_sorted(all));
        ASSERT_EQ(all.front(), 0U) << "of several parts";
    }
    EXPECT_LT(needless, 1'010 * (1 + 100 / 20));
}

TEST_F(PointProbesTest, WithoutFiltersTouchEveryRun) {
    RunCache small(files, {.bytes_max = 0});
    fill(5, small);
    EXPECT_EQ(touched(PointProbes(runs), "x"), (std::vector<uint32_t>{0, 1, 2, 3, 4}));
}

TEST_F(PointProbesTest, LeaveOutRunsWithoutRows) {
    fill(2, cache);
    ASSERT_OK_AND_ASSIGN(const auto empty, cache.get(manifest::Run{.id = {77}}));
    runs.insert(runs.begin(), empty);
    EXPECT_EQ(touched(PointProbes(runs), key(25)), (std::vector<uint32_t>{1, 2}));
}

TEST_F(PointProbesTest, EndAtAnError) {
    fill(5, cache);
    int count = 0;
    EXPECT_ERROR(PointProbes(runs).visit(hash64(key(1)),
                                         [&](uint32_t) -> Result<void> {
                                             ++count;
                                             return corrupt("it is damaged");
                                         }),
                 ErrorCode::kCorrupt);
    EXPECT_EQ(count, 1);
}

TEST_F(PointProbesTest, AreMadeOnce) {
    fill(3, cache);
    const LazyProbes lazy;
    EXPECT_EQ(&lazy.get(runs), &lazy.get(runs));
}

}  // namespace
}  // namespace braid::runs
