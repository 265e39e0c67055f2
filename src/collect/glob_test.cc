// SPDX-License-Identifier: Apache-2.0
#include "collect/glob.h"

#include <gtest/gtest.h>

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
    const auto found = [&](const std::string& pattern) {
        const auto paths = expand_glob(files, pattern);
        EXPECT_OK(paths);
        return paths ? *paths : std::vector<std::string>();
    };
    using Paths = std::vector<std::string>;
    EXPECT_EQ(found("/var/*/*.log"),
              (Paths{"/var/web1/a.log", "/var/web1/b.log", "/var/web2/a.log"}));
    EXPECT_EQ(found("/var/web[2-9]/?.log"), Paths{"/var/web2/a.log"});
    EXPECT_EQ(found("/var/web1/a.log"), Paths{"/var/web1/a.log"});
    EXPECT_EQ(found("/var/web1/.h*"), Paths{"/var/web1/.hidden.log"});
    EXPECT_EQ(found("/var/.*/a.log"), Paths{"/var/.web3/a.log"});
    EXPECT_EQ(found("/var/web1"), Paths{}) << "a directory is no file";
    EXPECT_EQ(found("/nowhere/*.log"), Paths{});
}

}  // namespace
}  // namespace braid::collect
