// SPDX-License-Identifier: Apache-2.0
#include "app/descriptors.h"

#include <sys/resource.h>

#include <gtest/gtest.h>

#include "base/posix_file_system.h"
#include "base/test_support.h"

namespace braid::app {
namespace {

TEST(Descriptors, AreAsManyAsTheProcessMayHave) {
    rlimit before{};
    ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
    rlimit less = before;
    less.rlim_cur = before.rlim_max / 2;
    ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &less), 0);
    ASSERT_OK_AND_ASSIGN(const uint64_t most, raise_descriptor_limit());
    EXPECT_EQ(most, before.rlim_max);
    rlimit after{};
    ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &after), 0);
    EXPECT_EQ(after.rlim_cur, before.rlim_max);
    Metrics metrics;
    DescriptorWatch(metrics).look();
    EXPECT_EQ(metrics.get("braid_open_files_max", Metrics::Kind::kGauge, "").get(),
              static_cast<int64_t>(before.rlim_max));
    setrlimit(RLIMIT_NOFILE, &before);
}

TEST(Descriptors, AreCounted) {
    Metrics metrics;
    DescriptorWatch watch(metrics);
    const Metric& open = metrics.get("braid_open_files", Metrics::Kind::kGauge, "");
    watch.look();
    const int64_t before = open.get();
    EXPECT_GE(before, 3) << "the three of every process";
    ASSERT_OK_AND_ASSIGN(const auto files, open_posix_file_system("/"));
    ASSERT_OK_AND_ASSIGN(auto another, files->open("/proc/self/exe"));
    watch.look();
    EXPECT_EQ(open.get(), before + 1);
    another.reset();
    watch.look();
    EXPECT_EQ(open.get(), before);
}

}  // namespace
}  // namespace braid::app
