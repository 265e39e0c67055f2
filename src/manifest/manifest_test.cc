// SPDX-License-Identifier: Apache-2.0
#include "manifest/manifest.h"

#include <set>

#include <gtest/gtest.h>

#include "base/error_makers.h"
#include "base/memory_file_system.h"
#include "base/test_support.h"
#include "base/thread.h"
#include "manifest/chain_internal.h"
#include "manifest/test_support.h"

namespace braid::manifest {
namespace {

using Operation = FileOperation::Kind;

std::string file_of(uint64_t number) { return fmt::format("data/manifest/{:08}", number); }

SetFunctionData data(uint64_t version) { return {{"geo", version, "d", ""}}; }

/// The version of the function data that data() sets: counts how many of these were committed.
uint64_t data_version(const State& state) {
    const auto found = state.catalog.function_data.find("geo");
    return found == state.catalog.function_data.end() ? 0 : found->second.version;
}

class ManifestTest : public testing::Test {
  protected:
    std::unique_ptr<Manifest> open() {
        Result<std::unique_ptr<Manifest>> manifest =
            Manifest::open(files_, clock_, "data/manifest");
        EXPECT_OK(manifest);
        return manifest ? *std::move(manifest) : nullptr;
    }
    /// Commits function data up to the version; each is one manifest version.
    void fill(Manifest& manifest, uint64_t version) {
        for (uint64_t next = data_version(*manifest.head()) + 1; next <= version; ++next) {
            clock_.advance_us(1);
            ASSERT_OK(manifest.commit({data(next)}));
        }
    }
    std::vector<std::string> names() {
        if (!files_.exists("data/manifest").value()) return {};
        auto listed = files_.list("data/manifest");
        EXPECT_OK(listed);
        return *listed;
    }
    /// The next operation of this kind on this path fails, after `happens` was called.
    void fail_once(Operation kind, std::string path, std::function<void()> happens = {}) {
        files_.set_fault_hook([=, this, done = std::make_shared<bool>(false)](
                                  const FileOperation& operation) -> Result<void> {
            if (*done || operation.kind != kind || operation.path != path) return {};
            *done = true;
            if (happens) happens();
            return Error(ErrorCode::kIo, "injected");
        });
    }

    MemoryFileSystem files_;
    SteppedClock clock_;
};

TEST_F(ManifestTest, StartsEmpty) {
    const auto manifest = open();
    EXPECT_EQ(manifest->head()->number, ManifestNumber{0});
    EXPECT_TRUE(manifest->head()->tables.empty());
    EXPECT_TRUE(names().empty());
}

TEST_F(ManifestTest, IsTheSameAfterOpeningAgain) {
    auto manifest = open();
    for (const std::vector<Change>& changes : sample_commits()) {
        clock_.advance_us(1'000);
        ASSERT_OK_AND_ASSIGN(const StatePtr state, manifest->commit(changes));
        EXPECT_EQ(state, manifest->head());
        EXPECT_EQ(to_text(*open()->head()), to_text(*state)) << "version " << state->number.value;
    }
    EXPECT_EQ(names().size(), sample_commits().size());
    EXPECT_EQ(names().front(), "00000001");
}

TEST_F(ManifestTest, RefusesWithoutATrace) {
    const auto manifest = open();
    ASSERT_OK(manifest->commit({CreateTable{test_table({1}, "t")}}));
    const StatePtr before = manifest->head();
    EXPECT_ERROR(manifest->commit({CreateTable{test_table({2}, "t")}}), ErrorCode::kAlreadyExists);
    EXPECT_ERROR(manifest->commit({CreateTable{test_table({3}, "\xff")}}),
                 ErrorCode::kInvalidInput);
    EXPECT_EQ(manifest->head(), before);
    EXPECT_EQ(names().size(), 1U);
    ASSERT_OK(manifest->commit({CreateTable{test_table({2}, "u")}}));
}

TEST_F(ManifestTest, HandsOutNumbersOfBlocks) {
    auto manifest = open();
    ASSERT_OK_AND_ASSIGN(const TableId first, manifest->new_id());
    ASSERT_OK_AND_ASSIGN(const TableId second, manifest->new_id());
    EXPECT_EQ(first, TableId{1});
    EXPECT_EQ(second, TableId{2});
    EXPECT_EQ(manifest->new_run_id().value(), RunId{1});
    EXPECT_EQ(manifest->head()->number, ManifestNumber{1}) << "one version for many numbers";
    ASSERT_OK(manifest->commit({CreateTable{test_table(second, "second")}}));
    ASSERT_OK(manifest->commit({CreateTable{test_table(first, "first")}}));
    const uint64_t next_id = manifest->head()->catalog.next_id;
    const uint64_t next_run = manifest->head()->next_run;
    // Whoever opens it, after a crash or beside the others, skips what is left of their blocks.
    const auto other = open();
    EXPECT_EQ(other->new_id().value(), ObjectId{next_id});
    EXPECT_EQ(other->new_run_id().value(), RunId{next_run});
    EXPECT_EQ(manifest->new_id().value(), ObjectId{3});
    ASSERT_OK(manifest->commit({data(1)}));  // learns of the other's
    EXPECT_EQ(manifest->new_id().value(), ObjectId{4});
    ASSERT_OK(manifest->commit({CreateTable{test_table({4}, "fourth")}}));
    ASSERT_OK(other->commit({CreateTable{test_table({next_id}, "other's")}}));
}

TEST_F(ManifestTest, NeverGivesANumberTwice) {
    constexpr int kThreads = 4;
    constexpr int kNumbers = 3'000;
    constexpr int kLives = 3;
    std::set<uint64_t> ids;
    std::set<uint64_t> runs;
    for (int life = 0; life < kLives; ++life) {
        // Two processes on one store, each with threads.
        const auto one = open();
        const auto other = open();
        std::vector<std::vector<uint64_t>> given(kThreads);
        std::vector<std::vector<uint64_t>> given_runs(kThreads);
        {
            std::vector<Thread> threads;
            for (size_t each = 0; each < kThreads; ++each) {
                Manifest& manifest = each % 2 == 0 ? *one : *other;
                threads.emplace_back("process", [&, each] {
                    for (int number = 0; number < kNumbers; ++number) {
                        if (number % 10 == 0) given[each].push_back(manifest.new_id()->value);
                        given_runs[each].push_back(manifest.new_run_id()->value);
                    }
                });
            }
        }
        for (size_t each = 0; each < kThreads; ++each) {
            ids.insert(given[each].begin(), given[each].end());
            runs.insert(given_runs[each].begin(), given_runs[each].end());
        }
    }
    EXPECT_EQ(ids.size(), size_t{kLives} * kThreads * kNumbers / 10);
    EXPECT_EQ(runs.size(), size_t{kLives} * kThreads * kNumbers);
}

TEST_F(ManifestTest, GivesNoNumberThatCouldNotBeReserved) {
    const auto manifest = open();
    fail_once(Operation::kMove, file_of(1));
    EXPECT_ERROR(manifest->new_id(), ErrorCode::kIo);
    EXPECT_EQ(manifest->new_id().value(), ObjectId{1});
    fail_once(Operation::kSyncDirectory, "data/manifest");
    const auto other = open();
    EXPECT_ERROR(other->new_run_id(), ErrorCode::kUnavailable);
    EXPECT_ERROR(other->new_id(), ErrorCode::kUnavailable);
}

TEST_F(ManifestTest, TellsListenersInOrder) {
    const auto manifest = open();
    std::vector<uint64_t> seen;
    manifest->on_commit([&](const StatePtr& state) {
        EXPECT_EQ(manifest->head(), state);
        seen.push_back(state->number.value);
    });
    fill(*manifest, 3);
    EXPECT_EQ(seen, (std::vector<uint64_t>{1, 2, 3}));
}

TEST_F(ManifestTest, ReadsOnlyFromTheNewestWholeVersionOn) {
    auto manifest = open();
    fill(*manifest, 600);
    const std::string state = to_text(*manifest->head());
    ASSERT_OK(files_.flip_bit(file_of(511), 10, 1));  // below the whole version 512
    manifest = open();
    EXPECT_EQ(to_text(*manifest->head()), state);
    fill(*manifest, 601);
}

TEST_F(ManifestTest, StopsAtADamagedNewestVersion) {
    fill(*open(), 3);
    ASSERT_OK(files_.flip_bit(file_of(3), 20, 3));
    const auto refused = Manifest::open(files_, clock_, "data/manifest");
    ASSERT_ERROR(refused, ErrorCode::kCorrupt);
    EXPECT_NE(refused.error().message().find("data/manifest/00000003"), std::string::npos);
    EXPECT_EQ(names().size(), 3U) << "nothing was repaired, nothing rewound";
}

TEST_F(ManifestTest, StopsAtAnEmptyNewestVersion) {
    fill(*open(), 2);
    ASSERT_OK(files_.create(file_of(3)));
    EXPECT_ERROR(Manifest::open(files_, clock_, "data/manifest"), ErrorCode::kCorrupt);
}

TEST_F(ManifestTest, StopsAtAMissingVersion) {
    fill(*open(), 4);
    ASSERT_OK(files_.remove(file_of(2)));
    const auto refused = Manifest::open(files_, clock_, "data/manifest");
    ASSERT_ERROR(refused, ErrorCode::kCorrupt);
    EXPECT_NE(refused.error().message().find("00000002"), std::string::npos);
}

TEST_F(ManifestTest, StopsAtAVersionUnderAnotherName) {
    fill(*open(), 2);
    ASSERT_OK(files_.move_no_replace(file_of(2), file_of(3)));
    EXPECT_ERROR(Manifest::open(files_, clock_, "data/manifest"), ErrorCode::kCorrupt);
}

TEST_F(ManifestTest, StopsAtAVersionThatDoesNotFollow) {
    fill(*open(), 2);
    ASSERT_OK_AND_ASSIGN(const std::string text, write_version({3}, "x", 1, {data(2)}, nullptr));
    ASSERT_OK(put_new(files_, file_of(3), as_bytes(text)));
    EXPECT_ERROR(Manifest::open(files_, clock_, "data/manifest"), ErrorCode::kCorrupt);
}

TEST_F(ManifestTest, LeavesAloneWhatIsNoVersion) {
    fill(*open(), 2);
    ASSERT_OK(files_.create("data/manifest/somebody's notes"));
    EXPECT_EQ(data_version(*open()->head()), 2U);
    EXPECT_TRUE(files_.exists("data/manifest/somebody's notes").value());
}

TEST_F(ManifestTest, TrimsOldestFirstAndKeepsTwoWholeVersions) {
    auto manifest = open();
    fill(*manifest, 300);
    ASSERT_OK_AND_ASSIGN(uint64_t removed, manifest->trim(0));
    EXPECT_EQ(removed, 0U) << "there is one whole version only";
    fill(*manifest, 600);
    ASSERT_OK_AND_ASSIGN(removed, manifest->trim(500));
    EXPECT_EQ(removed, 100U);
    ASSERT_OK_AND_ASSIGN(removed, manifest->trim(0));
    EXPECT_EQ(removed, 155U);
    EXPECT_EQ(names().front(), "00000256");
    ASSERT_OK_AND_ASSIGN(removed, manifest->trim(0));
    EXPECT_EQ(removed, 0U);
    const std::string state = to_text(*manifest->head());
    files_.crash(CrashFate::kDropUnsynced, 1);
    manifest = open();
    EXPECT_EQ(to_text(*manifest->head()), state);
    fill(*manifest, 601);
}

TEST_F(ManifestTest, ChecksAgainAfterALostRace) {
    const auto mine = open();
    const auto other = open();
    fill(*other, 3);
    ASSERT_OK_AND_ASSIGN(const StatePtr state, mine->commit({CreateTable{test_table({1}, "t")}}));
    EXPECT_EQ(state->number, ManifestNumber{4});
    EXPECT_EQ(data_version(*state), 3U);
    // The other one does not know of "t" yet, and finds out.
    EXPECT_ERROR(other->commit({CreateTable{test_table({2}, "t")}}), ErrorCode::kAlreadyExists);
    EXPECT_EQ(other->head()->number, ManifestNumber{4}) << "it has caught up all the same";
    EXPECT_ERROR(mine->commit({data(3)}), ErrorCode::kConflict);
}

TEST_F(ManifestTest, LooksForNewerVersionsBeforeItRefuses) {
    const auto mine = open();
    const auto other = open();
    ASSERT_OK(other->commit({CreateTable{test_table({1}, "t")}}));
    ASSERT_OK(mine->commit({DropTable{{1}}}));
    EXPECT_ERROR(other->commit({Archive{{1}, {}}}), ErrorCode::kNotFound);
}

TEST_F(ManifestTest, RefusesAWriterThatSleptThroughTrimming) {
    const auto other = open();
    fill(*other, 5);
    const auto sleeper = open();
    fill(*other, 600);
    ASSERT_OK(other->trim(0));
    const std::string state = to_text(*other->head());
    // Number 6 is free again, but its time is over.
    EXPECT_ERROR(sleeper->commit({CreateTable{test_table({1}, "t")}}), ErrorCode::kUnavailable);
    EXPECT_ERROR(sleeper->commit({data(700)}), ErrorCode::kUnavailable);
    EXPECT_EQ(sleeper->head()->number, ManifestNumber{5});
    EXPECT_EQ(names().front(), "00000256") << "its leftover is gone";
    EXPECT_EQ(to_text(*open()->head()), state);
}

TEST_F(ManifestTest, RefusesASleeperThatNeverSawAVersion) {
    const auto sleeper = open();
    const auto other = open();
    fill(*other, 600);
    ASSERT_OK(other->trim(0));
    EXPECT_ERROR(sleeper->commit({CreateTable{test_table({1}, "t")}}), ErrorCode::kUnavailable);
    EXPECT_EQ(data_version(*open()->head()), 600U);
}

TEST_F(ManifestTest, IsNotLedAstrayByALeftover) {
    const auto other = open();
    fill(*other, 5);
    const auto sleeper = open();
    fill(*other, 600);
    ASSERT_OK(other->trim(0));
    ASSERT_OK_AND_ASSIGN(const std::string text,
                         write_version({6}, "x", 1, {data(1'000)}, nullptr));
    ASSERT_OK(put_new(files_, file_of(6), as_bytes(text)));
    ASSERT_OK_AND_ASSIGN(const StatePtr state, sleeper->commit({data(601)}));
    EXPECT_EQ(state->number, ManifestNumber{601});
    EXPECT_EQ(data_version(*open()->head()), 601U);
}

TEST_F(ManifestTest, ReadsBackAMoveThatFailedButHappened) {
    const auto manifest = open();
    fill(*manifest, 1);
    fail_once(Operation::kMove, file_of(2), [this] {
        const std::string name = files_.list("_tmp")->front();
        ASSERT_OK(files_.move_no_replace("_tmp/" + name, file_of(2)));
    });
    ASSERT_OK(manifest->commit({data(2)}));
    files_.crash(CrashFate::kDropUnsynced, 1);
    EXPECT_EQ(data_version(*open()->head()), 2U);
}

TEST_F(ManifestTest, ReadsBackAMoveThatSomebodyElseMade) {
    const auto manifest = open();
    const auto other = open();
    fail_once(Operation::kMove, file_of(1), [&] { fill(*other, 1); });
    EXPECT_ERROR(manifest->commit({data(1)}), ErrorCode::kConflict);
    EXPECT_EQ(manifest->head()->number, ManifestNumber{1});
}

TEST_F(ManifestTest, LosesNothingWhenAStepBeforeTheMoveFails) {
    const auto manifest = open();
    for (const Operation kind : {Operation::kCreate, Operation::kAppend, Operation::kSync}) {
        files_.set_fault_hook([kind](const FileOperation& operation) -> Result<void> {
            if (operation.kind != kind) return {};
            return Error(ErrorCode::kIo, "injected");
        });
        EXPECT_ERROR(manifest->commit({data(1)}), ErrorCode::kIo);
        EXPECT_EQ(manifest->head()->number, ManifestNumber{0});
    }
    fail_once(Operation::kMove, file_of(1));
    EXPECT_ERROR(manifest->commit({data(1)}), ErrorCode::kIo);
    files_.clear_faults();
    EXPECT_TRUE(files_.list("_tmp")->empty());
    fill(*manifest, 2);
    EXPECT_EQ(data_version(*open()->head()), 2U);
}

TEST_F(ManifestTest, IsFullWithoutHarm) {
    const auto manifest = open();
    fill(*manifest, 1);
    files_.set_free_bytes(20);
    EXPECT_ERROR(manifest->commit({data(2)}), ErrorCode::kExhausted);
    files_.set_free_bytes(1'000'000);
    fill(*manifest, 2);
    EXPECT_EQ(data_version(*open()->head()), 2U);
}

TEST_F(ManifestTest, StopsWhenADirectorySyncFails) {
    for (const auto fate : {CrashFate::kDropUnsynced, CrashFate::kKeepUnsynced}) {
        const auto manifest = open();
        const uint64_t before = data_version(*manifest->head());
        fail_once(Operation::kSyncDirectory, "data/manifest");
        EXPECT_ERROR(manifest->commit({data(before + 1)}), ErrorCode::kUnavailable);
        EXPECT_EQ(data_version(*manifest->head()), before) << "it was not acknowledged";
        // Trying once more would lie, on this and on every later version.
        EXPECT_ERROR(manifest->settle(), ErrorCode::kUnavailable);
        EXPECT_ERROR(manifest->commit({data(before + 1)}), ErrorCode::kUnavailable);
        files_.crash(fate, 1);
        const uint64_t kept = fate == CrashFate::kKeepUnsynced ? 1 : 0;
        EXPECT_EQ(data_version(*open()->head()), before + kept);
    }
}

TEST_F(ManifestTest, LooksAgainForTheVersionBeforeWhenItCouldNotBeSeen) {
    const auto manifest = open();
    const auto health = std::make_shared<PartHealth>();
    manifest->report_to(health);
    fill(*manifest, 1);
    for (const bool by_a_commit : {true, false}) {
        const uint64_t before = data_version(*manifest->head());
        const auto failing = [](const FileOperation& operation) -> Result<void> {
            const bool is_looked_for =
                operation.kind == Operation::kRead && operation.path.starts_with("data/manifest/");
            if (is_looked_for) return exhausted("out of memory");
            return {};
        };
        files_.set_fault_hook(failing);
        EXPECT_ERROR(manifest->commit({data(before + 1)}), ErrorCode::kUnavailable);
        EXPECT_EQ(data_version(*manifest->head()), before) << "nobody knows that yet";
        EXPECT_ERROR(manifest->settle(), ErrorCode::kUnavailable);
        EXPECT_EQ(health->state(), HealthState::kIll);
        files_.clear_faults();
        if (by_a_commit) {
            EXPECT_ERROR(manifest->commit({Archive{{1}, {}}}), ErrorCode::kNotFound);
        } else {
            EXPECT_OK(manifest->settle());
        }
        EXPECT_EQ(data_version(*manifest->head()), before + 1);
        EXPECT_EQ(health->state(), HealthState::kWell);
        EXPECT_OK(manifest->settle());
    }
    fill(*manifest, 4);
    EXPECT_EQ(data_version(*open()->head()), 4U);
    EXPECT_EQ(names().size(), 4U) << "each once";
}

TEST_F(ManifestTest, DoesNotShowATableLaterWhoseCreationItDidNotVouchFor) {
    const auto manifest = open();
    fill(*manifest, 1);
    files_.set_fault_hook([](const FileOperation& operation) -> Result<void> {
        if (operation.kind != Operation::kRead || operation.path != file_of(1)) return {};
        return exhausted("out of memory");
    });
    EXPECT_ERROR(manifest->commit({CreateTable{test_table({1}, "t")}}), ErrorCode::kUnavailable);
    files_.clear_faults();
    EXPECT_ERROR(manifest->settle(), ErrorCode::kUnavailable);
    EXPECT_ERROR(manifest->commit({data(2)}), ErrorCode::kUnavailable);
    EXPECT_TRUE(manifest->head()->tables.empty());
    EXPECT_EQ(open()->head()->tables.size(), 1U);
}

/// Each step of a commit fails once for want of something: the commit counts or it does not, as its
/// answer says, and the next one counts. Nothing is left of it, and all is well again.
TEST_F(ManifestTest, GoesOnAfterAnythingHasRunOut) {
    const auto manifest = open();
    const auto health = std::make_shared<PartHealth>();
    manifest->report_to(health);
    uint64_t count = 0;
    bool is_over = false;
    for (uint64_t failing = 0; !is_over; ++failing) {
        SCOPED_TRACE(failing);
        uint64_t step = 0;
        files_.set_fault_hook([&](const FileOperation& operation) -> Result<void> {
            // Nobody knows what one of the directory leaves: StopsWhenADirectorySyncFails.
            if (operation.kind == Operation::kSyncDirectory || step++ != failing) return {};
            return exhausted("too many open files");
        });
        const auto outcome = manifest->commit({data(count + 1)});
        is_over = step <= failing;
        files_.clear_faults();
        if (outcome) {
            ++count;  // what looks at its outcome looks again
        } else {
            EXPECT_ERROR(outcome, ErrorCode::kExhausted);
            EXPECT_EQ(health->state(), HealthState::kDegraded);
        }
        EXPECT_EQ(data_version(*manifest->head()), count);
        EXPECT_OK(manifest->commit({data(++count)}));
        EXPECT_EQ(health->state(), HealthState::kWell);
        EXPECT_TRUE(files_.list("_tmp")->empty());
        EXPECT_EQ(manifest->head()->number, ManifestNumber{count});
        EXPECT_EQ(data_version(*open()->head()), count);
    }
    EXPECT_GT(count, 5U);
}

TEST_F(ManifestTest, IsSharedByThreadsAndProcesses) {
    constexpr uint64_t kEach = 60;
    const auto first = open();
    const auto second = open();
    ASSERT_OK(first->commit({CreateTable{test_table({1}, "t")}}));
    // Everybody archives whatever comes next; a race is lost by a Conflict and tried again.
    const auto work = [&](Manifest& manifest) {
        for (uint64_t done = 0; done < kEach;) {
            const StatePtr head = manifest.head();
            const TableState* table = head->table({1});
            const int64_t from = table == nullptr ? 0 : table->archive_end.at[0].value;
            const auto outcome = manifest.commit({Archive{{1}, {test_segment(0, from, from + 1)}}});
            if (outcome) {
                ++done;
            } else {
                ASSERT_ERROR(outcome, ErrorCode::kConflict);
            }
        }
    };
    {
        const Thread a("a", [&] { work(*first); });
        const Thread b("b", [&] { work(*first); });
        const Thread c("c", [&] { work(*second); });
    }
    const auto manifest = open();
    EXPECT_EQ(manifest->head()->number, ManifestNumber{3 * kEach + 1});
    EXPECT_EQ(manifest->head()->table({1})->archive_end, at({3 * kEach}));
    EXPECT_EQ(manifest->head()->table({1})->segments.size(), 3 * kEach);
}

}  // namespace
}  // namespace braid::manifest
