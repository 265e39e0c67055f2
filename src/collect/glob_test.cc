// SPDX-License-Identifier: Apache-2.0
#include "collect/glob.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/clock.h"
#include "base/memory_file_system.h"
#include "base/test_support.h"

namespace braid::collect {
namespace {

TEST(Glob, MatchesInEveryComponentAndSorts) {
    MemoryFileSystem files;
    for (const char* directory : {"/var/web1", "/var/web2", "/var/.web3", "/var/web1/x.log"}) {
        ASSERT_OK(files.create_directories(directory));
    }
    for (const char* path : {"/var/web2/a.log", "/var/web1/b.log", "/var/web1/a.log",
                             "/var/web1/.hidden.log", "/var/.web3/a.log", "/var/web1/a.txt"}) {
        ASSERT_OK(files.create(path));
    }
    SteppedClock clock;
    const auto found = [&](const std::string& pattern) {
        const GlobMatches matches = expand_glob(files, clock, pattern);
        EXPECT_FALSE(matches.is_cut_short);
        return matches.paths;
    };
    using Paths = std::vector<std::string>;
    EXPECT_EQ(found("/var/*/*.log"),
              (Paths{"/var/web1/a.log", "/var/web1/b.log", "/var/web2/a.log"}));
    EXPECT_EQ(found("/var/web[2-9]/?.log"), Paths{"/var/web2/a.log"});
    EXPECT_EQ(found("/var/web1/a.log"), Paths{"/var/web1/a.log"});
    EXPECT_EQ(found("/var/web1/.h*"), Paths{"/var/web1/.hidden.log"});
    EXPECT_EQ(found("/var/.*/a.log"), Paths{"/var/.web3/a.log"});
    EXPECT_EQ(found("/var/web1"), Paths{}) << "a directory is no file";
    EXPECT_EQ(expand_glob(files, clock, "/var/web1/*.log").directories, Paths{"/var/web1/x.log"});
    EXPECT_EQ(found("/nowhere/*.log"), Paths{});
}

class WideTree : public testing::Test {
  protected:
    void SetUp() override {
        for (int i = 0; i < 30; ++i) {
            const std::string directory = fmt::format("/wide/{:02}", i);
            ASSERT_OK(files_.create_directories(directory));
            for (int k = 0; k < 10; ++k) {
                ASSERT_OK(files_.create(fmt::format("{}/{}.log", directory, k)));
            }
        }
    }
    MemoryFileSystem files_;
    SteppedClock clock_;
};

TEST_F(WideTree, IsWalkedInStepsOfBoundedLength) {
    GlobWalk walk(files_, clock_, "/wide/*/*.log", {.step_entries_max = 50});
    int steps = 1;
    while (!walk.advance()) ++steps;
    EXPECT_GT(steps, 5);
    const GlobMatches first = walk.take();
    EXPECT_EQ(first.paths.size(), 300U);
    EXPECT_FALSE(first.is_cut_short);
    while (!walk.advance()) {
    }
    EXPECT_EQ(walk.take().paths, first.paths) << "the next walk begins anew";
}

/// As beside a slow disk: time passes between any two looks at it.
class PassingClock final : public Clock {
  public:
    int64_t monotonic_us() const override { return now_us_ += 20'000; }
    int64_t wall_us() const override { return now_us_; }

  private:
    mutable int64_t now_us_ = 0;
};

TEST_F(WideTree, StepsAndWalksEndWhenTheirTimeIsOver) {
    const PassingClock slow;
    GlobWalk walk(files_, slow, "/wide/*/*.log");
    EXPECT_FALSE(walk.advance());
    EXPECT_TRUE(
        expand_glob(files_, slow, "/wide/*/*.log", {.walk_us_max = 1'000'000}).is_cut_short);
}

TEST_F(WideTree, WhatIsExactlyAsMuchAsItMayBeIsReadWhole) {
    constexpr size_t kPaths = 300;
    // Names are counted as they are listed, and again as they are looked at.
    constexpr size_t kEntries = 1 + 2 * (30 + kPaths);
    const auto is_cut_short = [&](const GlobLimits& limits) {
        return expand_glob(files_, clock_, "/wide/*/*.log", limits).is_cut_short;
    };
    EXPECT_TRUE(is_cut_short({.paths_max = kPaths - 1}));
    EXPECT_FALSE(is_cut_short({.paths_max = kPaths}));
    EXPECT_FALSE(is_cut_short({.paths_max = kPaths + 1}));
    EXPECT_TRUE(is_cut_short({.entries_max = kEntries - 1}));
    EXPECT_FALSE(is_cut_short({.entries_max = kEntries}));
    EXPECT_FALSE(is_cut_short({.entries_max = kEntries + 1}));
}

TEST_F(WideTree, AWalkEndsAtItsLimits) {
    for (const GlobLimits limits : {GlobLimits{.entries_max = 100}, GlobLimits{.paths_max = 40}}) {
        const GlobMatches matches = expand_glob(files_, clock_, "/wide/*/*.log", limits);
        EXPECT_TRUE(matches.is_cut_short);
        EXPECT_GT(matches.paths.size(), 10U);
        EXPECT_LT(matches.paths.size(), 110U);
    }
}

}  // namespace
}  // namespace braid::collect
