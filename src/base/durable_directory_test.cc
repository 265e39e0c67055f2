// SPDX-License-Identifier: Apache-2.0
#include "base/durable_directory.h"

#include <gtest/gtest.h>

#include "base/memory_file_system.h"
#include "base/test_support.h"

namespace braid {
namespace {

/// A file in the directory, synced with its name: nothing but the directory's own name can lose it.
void put_file(FileSystem& files, const std::string& directory) {
    ASSERT_OK_AND_ASSIGN(const auto file, files.create(directory + "/file"));
    ASSERT_OK(file->sync());
    ASSERT_OK(files.sync_directory(directory));
}

bool survives_a_power_cut(MemoryFileSystem& files, const std::string& directory) {
    files.crash(CrashFate::kDropUnsynced, 0);
    const auto exists = files.exists(directory + "/file");
    return exists && *exists;
}

TEST(DurableDirectory, SurvivesAPowerCutWithAllItsParents) {
    MemoryFileSystem files;
    ASSERT_OK(create_durable_directories(files, "a/b/c"));
    put_file(files, "a/b/c");
    EXPECT_TRUE(survives_a_power_cut(files, "a/b/c"));
}

TEST(DurableDirectory, MakesWhatAKilledProcessLeftDurable) {
    MemoryFileSystem whole;
    ASSERT_OK(create_durable_directories(whole, "a/b/c"));
    for (uint64_t step = 0; step <= whole.operation_count(); ++step) {
        for (const char* next : {"a/b/c", "a/b/d", "a/b", "a/e/f"}) {
            MemoryFileSystem files;
            files.fail_all_after(step);
            const auto outcome = create_durable_directories(files, "a/b/c");
            EXPECT_EQ(outcome.has_value(), step == whole.operation_count());
            files.clear_faults();  // the process was killed, the machine goes on
            ASSERT_OK(create_durable_directories(files, next));
            put_file(files, next);
            EXPECT_TRUE(survives_a_power_cut(files, next)) << next << ", killed at step " << step;
        }
    }
}

}  // namespace
}  // namespace braid
