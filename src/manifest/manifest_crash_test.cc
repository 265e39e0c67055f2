// SPDX-License-Identifier: Apache-2.0
// Cuts the power at every change of the file system while commits are made, and looks at what is
// there afterwards: the state before or after the commit, and never less than was acknowledged.
#include <gtest/gtest.h>

#include "base/memory_file_system.h"
#include "base/test_support.h"
#include "manifest/chain_internal.h"
#include "manifest/test_support.h"

namespace braid::manifest {
namespace {

using Commits = std::vector<std::vector<Change>>;

constexpr auto kFates = {CrashFate::kDropUnsynced, CrashFate::kKeepUnsynced,
                         CrashFate::kTearUnsynced};

/// A directory in which history happens up to a power cut.
struct Machine {
    MemoryFileSystem files;
    SteppedClock clock;
    uint64_t acknowledged = 0;  // number of the newest version that a commit has returned

    Result<std::unique_ptr<Manifest>> open() {
        return Manifest::open(files, clock, "data/manifest");
    }

    /// Commits until something fails. Times depend on the number only.
    void run(const Commits& commits, std::vector<std::string>* states = nullptr) {
        Result<std::unique_ptr<Manifest>> manifest = open();
        if (!manifest) return;
        for (const std::vector<Change>& changes : commits) {
            clock.advance_us(1'000);
            const Result<StatePtr> state = (*manifest)->commit(changes);
            if (!state) return;
            acknowledged = (*state)->number.value;
            if (states != nullptr) states->push_back(to_text(**state));
        }
    }
};

/// Crashes `commits`, which follow what `prepare` leaves behind, everywhere.
void crash_everywhere(const Commits& commits, const std::function<void(Machine&)>& prepare) {
    Machine whole;
    prepare(whole);
    const uint64_t first = whole.acknowledged;
    const uint64_t prepared = whole.files.operation_count();
    std::vector<std::string> states = {to_text(*whole.open().value()->head())};
    whole.run(commits, &states);
    ASSERT_EQ(whole.acknowledged, first + commits.size());
    const uint64_t operations = whole.files.operation_count() - prepared;
    for (uint64_t point = 0; point < operations; ++point) {
        for (const CrashFate fate : kFates) {
            SCOPED_TRACE(fmt::format("operation {} fate {}", point, static_cast<int>(fate)));
            Machine machine;
            prepare(machine);
            machine.files.fail_all_after(point);
            machine.run(commits);
            machine.files.crash(fate, point);
            ASSERT_OK_AND_ASSIGN(const auto manifest, machine.open());
            const StatePtr head = manifest->head();
            ASSERT_GE(head->number.value, machine.acknowledged);
            ASSERT_LE(head->number.value, machine.acknowledged + 1);
            ASSERT_EQ(to_text(*head), states[head->number.value - first]);
            // And it goes on from there.
            ASSERT_OK(manifest->commit({SetFunctionData{{"after", 1, "", ""}}}));
            machine.files.crash(CrashFate::kDropUnsynced, 0);
            ASSERT_EQ(machine.open().value()->head()->number.value, head->number.value + 1);
        }
    }
}

TEST(ManifestCrash, KeepsWhatWasAcknowledged) {
    crash_everywhere(sample_commits(), [](Machine&) {});
}

TEST(ManifestCrash, KeepsItAroundAWholeVersion) {
    const Commits all = sample_commits();
    constexpr uint64_t kBefore = Chain::kWholeEvery - 3;
    crash_everywhere(Commits(all.begin() + 4, all.end()), [&](Machine& machine) {
        State state;
        for (size_t index = 0; index < 4; ++index) state = *apply(state, all[index], 1);
        state.number.value = kBefore;
        const std::string path = fmt::format("data/manifest/{:08}", kBefore);
        ASSERT_OK(machine.files.create_directories("data/manifest/_tmp"));
        for (const char* directory : {"", "data", "data/manifest"}) {
            ASSERT_OK(machine.files.sync_directory(directory));
        }
        const std::string text = *write_version(state.number, "w", 1, {}, &state);
        ASSERT_OK(put_new(machine.files, path, as_bytes(text)));
        machine.acknowledged = kBefore;
    });
}

TEST(ManifestCrash, LosesNothingWhileTrimming) {
    const auto prepare = [](Machine& machine) {
        auto manifest = machine.open().value();
        for (uint64_t version = 1; version <= 2 * Chain::kWholeEvery + 3; ++version) {
            ASSERT_OK(manifest->commit({SetFunctionData{{"geo", version, "", ""}}}));
        }
    };
    Machine counted;
    prepare(counted);
    const auto manifest = counted.open().value();
    const uint64_t before = counted.files.operation_count();
    ASSERT_OK(manifest->trim(0));
    const uint64_t operations = counted.files.operation_count() - before;
    ASSERT_GT(operations, Chain::kWholeEvery - 2);
    for (const uint64_t point : {uint64_t{0}, uint64_t{1}, operations / 2, operations - 1}) {
        Machine machine;
        prepare(machine);
        const auto trimmed = machine.open().value();
        const std::string state = to_text(*trimmed->head());
        machine.files.fail_all_after(point);
        EXPECT_ERROR(trimmed->trim(0), ErrorCode::kIo);
        machine.files.crash(CrashFate::kTearUnsynced, point);
        ASSERT_OK_AND_ASSIGN(const auto again, machine.open());
        EXPECT_EQ(to_text(*again->head()), state);
        ASSERT_OK(again->trim(0));
        EXPECT_EQ(to_text(*machine.open().value()->head()), state);
    }
}

}  // namespace
}  // namespace braid::manifest
