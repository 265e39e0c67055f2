// SPDX-License-Identifier: Apache-2.0
// The conformance suites of files on this machine's forms: the real one, the one in memory, and its
// faulty face.
#include "base/file_system.h"

#include <fcntl.h>
#include <filesystem>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "base/error_makers.h"
#include "base/file_system_conformance_test_support.h"
#include "base/flat_store_test_support.h"
#include "base/memory_file_system.h"
#include "base/posix_file_system.h"
#include "base/put_new_conformance_test_support.h"
#include "base/store_conformance_test_support.h"
#include "base/test_support.h"

namespace braid {
namespace {

std::string temporary_directory() {
    std::string name = std::filesystem::temp_directory_path() / "braid-files-XXXXXX";
    return mkdtemp(name.data()) == nullptr ? std::string() : name;
}

/// A directory of its own, gone with the file system.
std::shared_ptr<FileSystem> make_posix() {
    const std::string root = temporary_directory();
    auto files = open_posix_file_system(root);
    if (!files) return nullptr;
    return {files->release(), [root](FileSystem* each) {
                delete each;
                std::filesystem::remove_all(root);
            }};
}

std::shared_ptr<FileSystem> make_memory() { return std::make_shared<MemoryFileSystem>(); }

/// The faulty face while nothing is wrong: it asks before each operation.
std::shared_ptr<FileSystem> make_faulty() {
    auto files = std::make_shared<MemoryFileSystem>();
    files->set_fault_hook([](const FileOperation&) { return Result<void>(); });
    files->set_free_bytes(1U << 30);
    return files;
}

class FaultyMemory final : public FaultyStore {
  public:
    Store& store() override { return files_; }
    void set_fault(std::function<Result<void>(uint64_t step)> fault) override {
        files_.clear_faults();
        if (!fault) return;
        files_.set_fault_hook([fault = std::move(fault), step = uint64_t{0}](
                                  const FileOperation& operation) mutable -> Result<void> {
            if (operation.kind == FileOperation::Kind::kRead) return {};
            return fault(step++);
        });
    }
    void cut_power_after(uint64_t steps) override { files_.fail_all_after(steps); }
    uint64_t steps() const override { return files_.operation_count(); }
    void crash(CrashFate fate, uint64_t seed) override { files_.crash(fate, seed); }

  private:
    MemoryFileSystem files_;
};

template <typename Face>
auto forms() {
    return testing::Values(TestForm<Face>{"posix", make_posix},
                           TestForm<Face>{"memory", make_memory},
                           TestForm<Face>{"faulty", make_faulty});
}

/// The suites of a store ask for nothing that only a file system has.
const auto kFlat =
    testing::Values(TestForm<Store>{"flat", [] { return std::make_shared<FlatStore>(); }});
INSTANTIATE_TEST_SUITE_P(Flat, StoreConformance, kFlat, form_name<Store>);
INSTANTIATE_TEST_SUITE_P(Flat, PutNewConformance, kFlat, form_name<Store>);

INSTANTIATE_TEST_SUITE_P(Each, FileSystemConformance, forms<FileSystem>(), form_name<FileSystem>);
INSTANTIATE_TEST_SUITE_P(Each, StoreConformance, forms<Store>(), form_name<Store>);
INSTANTIATE_TEST_SUITE_P(Each, PutNewConformance, forms<Store>(), form_name<Store>);
INSTANTIATE_TEST_SUITE_P(Each, PutNewFaultConformance,
                         testing::Values(TestForm<FaultyStore>{
                             "faulty", [] { return std::make_shared<FaultyMemory>(); }}),
                         form_name<FaultyStore>);

TEST(PutNew, StepsOverTemporaryFilesOfACrash) {
    MemoryFileSystem files;
    ASSERT_OK(files.create_directories("_tmp"));
    ASSERT_OK(files.create("_tmp/a.0.tmp"));
    ASSERT_OK_AND_ASSIGN(const PutOutcome outcome, put_new(files, "a", as_bytes("one")));
    EXPECT_EQ(outcome, PutOutcome::kDone);
    EXPECT_EQ(files.read_all("a").value(), "one");
    EXPECT_EQ(files.list("_tmp").value(), std::vector<std::string>{"a.0.tmp"});
}

/// Directories that a killed process has made, and not synced, are durable with the next file.
TEST(PutNew, MakesWhatAKilledProcessLeftDurable) {
    MemoryFileSystem whole;
    ASSERT_OK(put_new(whole, "a/b/c/one", as_bytes("one")));
    for (uint64_t step = 0; step <= whole.operation_count(); ++step) {
        for (const std::string next : {"a/b/c", "a/b/d", "a/b", "a/e/f"}) {
            MemoryFileSystem files;
            files.fail_all_after(step);
            static_cast<void>(put_new(files, "a/b/c/one", as_bytes("one")));
            files.clear_faults();  // the process was killed, the machine goes on
            ASSERT_OK_AND_ASSIGN(const PutOutcome outcome,
                                 put_new(files, next + "/two", as_bytes("two")));
            ASSERT_EQ(outcome, PutOutcome::kDone);
            files.crash(CrashFate::kDropUnsynced, 0);
            EXPECT_TRUE(files.exists(next + "/two").value()) << next << ", killed at " << step;
        }
    }
}

/// Also one that was removed, by whomever, and comes again.
TEST(PutNew, MakesADirectoryDurableEachTimeItIsMade) {
    MemoryFileSystem files;
    for (int round = 0; round < 3; ++round) {
        ASSERT_OK_AND_ASSIGN(const PutOutcome outcome, put_new(files, "a/b/file", as_bytes("x")));
        ASSERT_EQ(outcome, PutOutcome::kDone);
        files.crash(CrashFate::kDropUnsynced, 0);
        ASSERT_TRUE(files.exists("a/b/file").value()) << round;
        ASSERT_OK(files.remove("a/b/file"));
        ASSERT_OK(files.sync_directory("a/b"));
        ASSERT_OK(files.remove_directory("a/b"));
        ASSERT_OK(files.sync_directory("a"));
    }
}

/// Fails the first move to a name, after doing `before`.
void fail_move(MemoryFileSystem& files, const std::string& path, std::function<void()> before) {
    files.set_fault_hook([&files, path, before](const FileOperation& operation) -> Result<void> {
        if (operation.kind != FileOperation::Kind::kMove || operation.path != path) return {};
        files.set_fault_hook(nullptr);
        before();
        return Error(ErrorCode::kIo, "the reply was lost");
    });
}

TEST(PutNew, ReadsBackAMoveWhoseReplyWasLost) {
    MemoryFileSystem files;
    fail_move(files, "a", [&] {
        ASSERT_OK(files.move_no_replace("_tmp/" + files.list("_tmp")->front(), "a"));
    });
    ASSERT_OK_AND_ASSIGN(const PutOutcome outcome, put_new(files, "a", as_bytes("one")));
    EXPECT_EQ(outcome, PutOutcome::kDone);
    files.crash(CrashFate::kDropUnsynced, 0);
    EXPECT_EQ(files.read_all("a").value(), "one");
}

TEST(PutNew, DoesNotTakeAnothersFileForItsOwn) {
    for (const char* other : {"one", "two", "three"}) {
        MemoryFileSystem files;
        fail_move(files, "a", [&] { ASSERT_OK(put_new(files, "a", as_bytes(other))); });
        ASSERT_OK_AND_ASSIGN(const PutOutcome outcome, put_new(files, "a", as_bytes("one")));
        EXPECT_EQ(outcome, PutOutcome::kExists) << other;
        EXPECT_EQ(files.read_all("a").value(), other);
    }
}

TEST(PutNew, IsUnknownWhenTheNameCannotBeReadBack) {
    MemoryFileSystem files;
    fail_move(files, "a", [&] {
        files.set_fault_hook([](const FileOperation&) -> Result<void> {
            return Error(ErrorCode::kIo, "the server is away");
        });
    });
    ASSERT_OK_AND_ASSIGN(const PutOutcome outcome, put_new(files, "a", as_bytes("one")));
    EXPECT_EQ(outcome, PutOutcome::kUnknown);
    EXPECT_ERROR(must_be_done(outcome, "a"), ErrorCode::kUnavailable);
    EXPECT_ERROR(must_be_done(PutOutcome::kExists, "a"), ErrorCode::kAlreadyExists);
    EXPECT_OK(must_be_done(PutOutcome::kDone, "a"));
}

/// Once it can be: both when the move has happened and when it has not.
TEST(PutNew, FindsOutLaterWhatBecameOfAMove) {
    for (const bool has_happened : {true, false}) {
        MemoryFileSystem files;
        fail_move(files, "a", [&] {
            if (has_happened) {
                ASSERT_OK(files.move_no_replace("_tmp/" + files.list("_tmp")->front(), "a"));
            }
            files.set_fault_hook([](const FileOperation&) -> Result<void> {
                return Error(ErrorCode::kIo, "the server is away");
            });
        });
        ASSERT_OK_AND_ASSIGN(const auto file, files.begin_put("a"));
        ASSERT_OK(file->append(as_bytes("one")));
        EXPECT_EQ(file->put().value(), PutOutcome::kUnknown);
        EXPECT_EQ(file->put().value(), PutOutcome::kUnknown);
        files.clear_faults();
        const auto outcome = file->put();
        EXPECT_EQ(outcome.has_value(), has_happened);
        if (outcome) {
            EXPECT_EQ(*outcome, PutOutcome::kDone);
        } else {
            EXPECT_EQ(file->put().value(), PutOutcome::kDone) << "and tries again";
        }
        files.crash(CrashFate::kDropUnsynced, 0);
        EXPECT_EQ(files.read_all("a").value(), "one");
    }
}

TEST(PutNew, IsUnknownForGoodAfterAFailedSyncOfItsDirectory) {
    MemoryFileSystem files;
    files.set_fault_hook([](const FileOperation& operation) -> Result<void> {
        if (operation.kind != FileOperation::Kind::kSyncDirectory || operation.path != "d") {
            return {};
        }
        return Error(ErrorCode::kIo, "injected");
    });
    ASSERT_OK_AND_ASSIGN(const auto file, files.begin_put("d/a"));
    EXPECT_EQ(file->put().value(), PutOutcome::kUnknown);
    files.clear_faults();
    EXPECT_EQ(file->put().value(), PutOutcome::kUnknown) << "a second sync would lie";
}

/// Whatever runs out at whichever step: nothing has the name, nothing is left, and the next attempt
/// is a new one.
TEST(PutNew, FailsWithoutATraceWhereSomethingRunsOut) {
    bool is_over = false;
    for (uint64_t failing = 0; !is_over; ++failing) {
        SCOPED_TRACE(failing);
        MemoryFileSystem files;
        ASSERT_OK(put_new(files, "d/before", as_bytes("x")));
        uint64_t step = 0;
        files.set_fault_hook([&](const FileOperation& operation) -> Result<void> {
            // A sync that fails is Io, whatever the reason.
            if (operation.kind == FileOperation::Kind::kSync ||
                operation.kind == FileOperation::Kind::kSyncDirectory || step++ != failing) {
                return {};
            }
            return exhausted("too many open files");
        });
        const auto outcome = put_new(files, "d/a", as_bytes("one"));
        is_over = step <= failing;
        files.clear_faults();
        EXPECT_EQ(outcome.has_value(), is_over);
        if (outcome) continue;
        EXPECT_ERROR(outcome, ErrorCode::kExhausted);
        EXPECT_TRUE(files.list("_tmp")->empty());
        EXPECT_EQ(put_new(files, "d/a", as_bytes("two")).value(), PutOutcome::kDone);
        files.crash(CrashFate::kDropUnsynced, 0);
        EXPECT_EQ(files.read_all("d/a").value(), "two");
    }
}

/// Leaves this process so many descriptors, until it ends.
class FewDescriptors {
  public:
    explicit FewDescriptors(size_t spare) {
        getrlimit(RLIMIT_NOFILE, &before_);
        std::vector<int> open;
        while (open.size() <= spare) open.push_back(::open("/dev/null", O_RDONLY | O_CLOEXEC));
        rlimit less = before_;
        less.rlim_cur = static_cast<rlim_t>(open.back());
        for (const int each : open) ::close(each);
        setrlimit(RLIMIT_NOFILE, &less);
    }
    FewDescriptors(const FewDescriptors&) = delete;
    FewDescriptors& operator=(const FewDescriptors&) = delete;
    ~FewDescriptors() { setrlimit(RLIMIT_NOFILE, &before_); }

  private:
    rlimit before_{};
};

TEST(PosixFileSystem, PutsNothingWithoutDescriptorsAndPutsAgainWithThem) {
    const auto files = make_posix();
    ASSERT_NE(files, nullptr);
    ASSERT_OK(put_new(*files, "d/before", as_bytes("x")));
    for (const size_t spare : {0, 1, 2}) {
        SCOPED_TRACE(spare);
        const std::string path = "d/" + std::to_string(spare);
        const auto outcome = [&] {
            const FewDescriptors few(spare);
            return put_new(*files, path, as_bytes("one"));
        }();
        // One for the file and one for its directory.
        ASSERT_EQ(outcome.has_value(), spare == 2);
        if (outcome) continue;
        EXPECT_ERROR(outcome, ErrorCode::kExhausted);
        EXPECT_EQ(outcome.error().sqlstate(), "53000");
        EXPECT_TRUE(outcome.error().message().ends_with("Too many open files"));
        EXPECT_FALSE(files->exists(path).value());
        EXPECT_TRUE(files->list("_tmp")->empty());
        EXPECT_EQ(put_new(*files, path, as_bytes("two")).value(), PutOutcome::kDone);
    }
}

/// Another process tidies up after itself in the same root.
TEST(PutNew, MakesItsDirectoryAgainAsOftenAsOthersRemoveIt) {
    MemoryFileSystem files;
    int removed = 0;
    files.set_fault_hook([&](const FileOperation& operation) -> Result<void> {
        const bool is_new = operation.kind == FileOperation::Kind::kCreate;
        if (!is_new || !operation.path.starts_with("_tmp/") || removed == 3) return {};
        ++removed;
        return not_found("no such directory");
    });
    ASSERT_OK_AND_ASSIGN(const PutOutcome outcome, put_new(files, "a", as_bytes("one")));
    EXPECT_EQ(outcome, PutOutcome::kDone);
    EXPECT_EQ(removed, 3);
}

TEST(PosixFileSystem, RefusesARootThatIsNoDirectory) {
    EXPECT_ERROR(open_posix_file_system("/nowhere/at/all"), ErrorCode::kNotFound);
    EXPECT_ERROR(open_posix_file_system("/proc/version"), ErrorCode::kInvalidInput);
}

TEST(PosixFileSystem, AnEmptyRootIsTheWholeMachine) {
    for (const std::string root : {"", "/"}) {
        ASSERT_OK_AND_ASSIGN(const auto files, open_posix_file_system(root));
        EXPECT_EQ(files->local_path("/etc/hosts"), "/etc/hosts");
        EXPECT_EQ(files->local_path("etc/hosts"), "/etc/hosts");
        EXPECT_OK(files->info("/proc/version"));
    }
}

TEST(PosixFileSystem, RefusesToReadWhatIsNoRegularFile) {
    const std::string root = temporary_directory();
    ASSERT_EQ(mkfifo((root + "/fifo").c_str(), 0600), 0);
    ASSERT_OK_AND_ASSIGN(const auto files, open_posix_file_system(root));
    EXPECT_ERROR(files->open("fifo"), ErrorCode::kInvalidInput);
    std::filesystem::remove_all(root);
}

TEST(PosixFileSystem, RefusesLinksWhereTold) {
    const std::string root = std::filesystem::canonical(temporary_directory());
    ASSERT_OK_AND_ASSIGN(const auto files, open_posix_file_system(root));
    ASSERT_OK(files->create_directories("real"));
    ASSERT_OK(files->create("real/file"));
    std::filesystem::create_symlink("file", root + "/real/link");
    std::filesystem::create_directory_symlink("real", root + "/linked");
    ASSERT_OK_AND_ASSIGN(const auto strict, open_posix_file_system(root, Links::kRefused));
    EXPECT_OK(strict->open("real/file"));
    EXPECT_OK(strict->list("real"));
    for (const char* path : {"real/link", "linked/file"}) {
        EXPECT_OK(files->open(path));
        EXPECT_FALSE(strict->open(path).has_value()) << path;
    }
    EXPECT_OK(files->list("linked"));
    EXPECT_FALSE(strict->list("linked").has_value());
    std::filesystem::remove_all(root);
}

TEST(ResolveLinks, FollowsWhatIsThereAndKeepsTheRest) {
    const std::string root = std::filesystem::canonical(temporary_directory());
    std::filesystem::create_directories(root + "/real");
    std::filesystem::create_directory_symlink("real", root + "/linked");
    const auto resolved = [&](const std::string& path) {
        const auto place = resolve_links(root + path);
        return place ? *place : place.error().message();
    };
    EXPECT_EQ(resolved("/linked"), root + "/real");
    EXPECT_EQ(resolved("/linked/not/yet"), root + "/real/not/yet");
    EXPECT_EQ(resolved("/not/yet"), root + "/not/yet");
    ASSERT_OK_AND_ASSIGN(const std::string top, resolve_links("/not-there/x"));
    EXPECT_EQ(top, "/not-there/x");
    EXPECT_ERROR(resolve_links("relative"), ErrorCode::kInvalidInput);
    std::filesystem::remove_all(root);
}

TEST(ParentDirectory, IsEverythingBeforeTheLastSlash) {
    EXPECT_EQ(parent_directory("a/b/c"), "a/b");
    EXPECT_EQ(parent_directory("a"), "");
    EXPECT_EQ(parent_directory(""), "");
}

}  // namespace
}  // namespace braid
