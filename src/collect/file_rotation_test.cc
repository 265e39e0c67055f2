// SPDX-License-Identifier: Apache-2.0
// Rotation of every kind, on real files: renames, copies, cuts, links, inodes that are used again.
#include <algorithm>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <unistd.h>

#include <gtest/gtest.h>

#include "base/bytes.h"
#include "base/hash.h"
#include "base/posix_file_system.h"
#include "collect/file_source.h"
#include "collect/followed_file.h"
#include "collect/test_support.h"

namespace braid::collect {
namespace {

namespace fs = std::filesystem;
using test::Lines;

class FileRotationTest : public testing::TestWithParam<bool>, protected test::FollowedLog {
  protected:
    void SetUp() override {
        std::string name = fs::temp_directory_path() / "braid-rotation-XXXXXX";
        ASSERT_NE(mkdtemp(name.data()), nullptr);
        folder_ = name;
        ASSERT_OK_AND_ASSIGN(machine_, open_posix_file_system("/"));
        options_.path = folder_ / "x.log*";
        start();
    }
    void TearDown() override {
        source_.reset();
        fs::remove_all(folder_);
    }

    void start() { FollowedLog::start(*machine_); }
    void follow(const std::string& pattern) {
        options_.path = folder_ / pattern;
        start();
    }
    void append(const std::string& name, std::string_view text) {
        std::ofstream(folder_ / name, std::ios::app) << text;
        touch(name);
    }
    /// Cuts the file and writes it anew, as one process does that opens it without appending.
    void rewrite(const std::string& name, std::string_view text) {
        std::ofstream(folder_ / name, std::ios::trunc) << text;
        touch(name);
    }
    /// The clock of a file system ticks slowly: a test writes several times within one tick.
    void touch(const std::string& name) {
        fs::last_write_time(folder_ / name, fs::file_time_type(std::chrono::seconds(++writes_)));
    }
    void rename(const std::string& from, const std::string& to) {
        fs::rename(folder_ / from, folder_ / to);
    }
    void copy(const std::string& from, const std::string& to) {
        fs::copy_file(folder_ / from, folder_ / to, fs::copy_options::overwrite_existing);
    }

    /// Everything in the log, sorted.
    Lines lines() {
        Lines all = FollowedLog::lines();
        std::ranges::sort(all);
        return all;
    }
    std::string facts() const {
        std::string all;
        for (const SourceFacts& each : source_->facts()) {
            all += fmt::format("{} {} {}/{}; ", fs::path(each.path).filename().string(), each.state,
                               each.position.value_or(0), each.size.value_or(0));
        }
        return all;
    }
    /// Lines that are all different: "<tag> 0 …", "<tag> 1 …".
    static std::string many(const std::string& tag, int count) {
        std::string text;
        for (int number = 0; number < count; ++number) {
            text += fmt::format("{} {} and some more words in every line\n", tag, number);
        }
        return text;
    }
    static Lines split(std::string_view text) {
        Lines all;
        while (!text.empty()) {
            const size_t end = text.find('\n');
            all.emplace_back(text.substr(0, end));
            text.remove_prefix(end + 1);
        }
        std::ranges::sort(all);
        return all;
    }
    /// Each case is tried with a node that stays up and with one that dies at this place.
    void maybe_restart() {
        if (GetParam()) start();
    }

    /// Another file is read, and x.log closed for it: it holds no more than it must.
    void rest() {
        run();
        append("x.log.other", "other\n");
        run();
    }
    size_t count_without_others() {
        Lines all = lines();
        return all.size() - static_cast<size_t>(std::ranges::count(all, "other"));
    }

    fs::path folder_;
    std::unique_ptr<FileSystem> machine_;
    int writes_ = 0;
};

INSTANTIATE_TEST_SUITE_P(Nodes, FileRotationTest, testing::Bool(), [](const auto& each) {
    return each.param ? "ThatRestart" : "ThatStayUp";
});

TEST_P(FileRotationTest, TakesWhatIsWrittenToARenamedFileUntilItIsIdle) {
    follow("x.log");
    append("x.log", "one\n");
    run();
    append("x.log", "two\n");
    rename("x.log", "x.log.1");
    append("x.log", "new\n");
    maybe_restart();
    run();
    EXPECT_EQ(lines(), (Lines{"new", "one", "two"}));
    for (const char* late : {"three\n", "four\n", "five\n"}) {
        clock_.advance_us(options_.rotate_wait_us - 5'000'000);
        append("x.log.1", late);
        maybe_restart();
        run();
    }
    EXPECT_EQ(lines(), (Lines{"five", "four", "new", "one", "three", "two"}));
    clock_.advance_us(options_.rotate_wait_us);
    run();
    run();
    EXPECT_EQ(source_->facts().size(), 1U) << "the old file is followed no longer";
}

TEST_P(FileRotationTest, FindsFilesThatAreRotatedFasterThanThePathIsEvaluated) {
    follow("x.log");
    options_.scan_interval_us = 3'600'000'000;
    start();
    Lines wanted;
    for (int number = 0; number < 10; ++number) {
        append("x.log", fmt::format("{}\n", number));
        wanted.push_back(fmt::to_string(number));
        fs::last_write_time(folder_, fs::file_time_type(std::chrono::seconds(++writes_)));
        while (source_->step().progressed) {
        }
        clock_.advance_us(options_.poll_interval_us);
        rename("x.log", fmt::format("old.{}", number));
    }
    EXPECT_EQ(lines(), wanted);
}

TEST_P(FileRotationTest, AFileWithoutANameIsReadToItsEnd) {
    follow("x.log");
    append("x.log", "one\n");
    run();
    std::ofstream writer(folder_ / "x.log", std::ios::app);
    writer << "two\n" << std::flush;
    fs::remove(folder_ / "x.log");
    run();
    writer << "thr" << std::flush;
    run();
    writer << "ee\n" << std::flush;
    run();
    EXPECT_EQ(lines(), (Lines{"one", "three", "two"}));
}

TEST_P(FileRotationTest, ALineMayPauseInItsMiddleWhileItsFileIsRenamed) {
    follow("x.log");
    append("x.log", "one\n200 12");
    run();
    rename("x.log", "x.log.1");
    append("x.log", "new\n");
    run();
    run();
    append("x.log.1", "345\n");
    maybe_restart();
    run();
    EXPECT_EQ(lines(), (Lines{"200 12345", "new", "one"}));
}

TEST_P(FileRotationTest, ReadsAFileThatWasWrittenAnewInPlace) {
    const std::string first = many("first", 100);
    for (const auto& second : {many("other", 100), many("other", 200), many("other", 10),
                               "first 0" + many(" else", 150)}) {
        rewrite("x.log", first);
        run();
        const size_t before = lines().size();
        const Lines wanted = split(second);
        rewrite("x.log", second);
        maybe_restart();
        run();
        Lines found = lines();
        EXPECT_EQ(found.size(), before + wanted.size());
        EXPECT_TRUE(std::ranges::includes(found, wanted));
        EXPECT_TRUE(was_traced("new one") || was_traced("new file"));
        maybe_restart();
        run();
        EXPECT_EQ(lines(), found);
    }
}

TEST_P(FileRotationTest, TheContentDecidesAlsoWhereOnlyTheMiddleDiffers) {
    // An inode that is used again for a file with the same head looks like this after a restart.
    const std::string head = many("same", 40);
    append("x.log", head + many("old", 100) + many("same", 400));
    run();
    rewrite("x.log", head + many("new", 100) + many("same", 400) + "last\n");
    start();
    run();
    EXPECT_EQ(lines().size(), 540U + 541U);
}

TEST_P(FileRotationTest, SeesThatAFileOfTheSameSizeHasOtherLines) {
    append("x.log", "one\n");
    run();
    rewrite("x.log", "two\n");
    maybe_restart();
    run();
    EXPECT_EQ(lines(), (Lines{"one", "two"}));
}

TEST_P(FileRotationTest, AFileThatHasRestedGoesOn) {
    options_.open_files_max = 1;
    start();
    for (const int count : {1, 50, 51, 100, 101, 300}) {
        const size_t before = count_without_others();
        append("x.log", many(fmt::format("{} a", count), count));
        rest();
        append("x.log", many("b", 2));
        run();
        rest();
        append("x.log", many("c", 200));
        maybe_restart();
        run();
        EXPECT_EQ(count_without_others(), before + static_cast<size_t>(count) + 202) << count;
    }
    EXPECT_FALSE(was_traced("new file"));
}

TEST_P(FileRotationTest, AFileThatHasRestedIsHeldAgainstWhatWasReadOfIt) {
    options_.open_files_max = 1;
    start();
    std::string text = many("a", 300);
    append("x.log", text);
    rest();
    // The last of its bytes, and no more.
    text[text.size() - 2] = '!';
    rewrite("x.log", text);
    maybe_restart();
    run();
    EXPECT_EQ(count_without_others(), 600U);
    rest();
    text[text.size() - 2] = '?';
    rewrite("x.log", text + many("b", 3));
    maybe_restart();
    run();
    EXPECT_EQ(count_without_others(), 903U);
    EXPECT_TRUE(was_traced("new file") || was_traced("new one"));
}

TEST_P(FileRotationTest, ACopyOfAFileThatHasRestedIsNotCountedTwice) {
    options_.open_files_max = 1;
    start();
    append("x.log", many("a", 300));
    rest();
    copy("x.log", "x.log.1");
    rewrite("x.log", many("b", 50));
    maybe_restart();
    run();
    run();
    EXPECT_EQ(count_without_others(), 350U);
}

TEST_P(FileRotationTest, ACopyBeforeACutIsNotCountedTwice) {
    for (const int unread : {0, 1, 300}) {
        const std::string tag = fmt::format("with {} unread", unread);
        const size_t before = lines().size();
        append("x.log", many(tag + " a", 200));
        run();
        append("x.log", many(tag + " b", unread));
        copy("x.log", "x.log.1");
        rewrite("x.log", many(tag + " c", 50));
        maybe_restart();
        run();
        EXPECT_EQ(lines().size(), before + 250U + unread) << tag;
        append("x.log", many(tag + " d", 1));
        maybe_restart();
        run();
        run();
        EXPECT_EQ(lines().size(), before + 251U + unread) << tag;
        rewrite("x.log", "");
        run();
    }
}

TEST_P(FileRotationTest, ACopyIsNotCountedWhileItsOriginalIsThere) {
    append("x.log", many("a", 200));
    run();
    copy("x.log", "x.log.1");
    maybe_restart();
    run();
    EXPECT_EQ(lines().size(), 200U);
    EXPECT_TRUE(source_->is_caught_up()) << facts();
    append("x.log", many("b", 100));
    run();
    EXPECT_EQ(lines().size(), 300U);
    maybe_restart();
    rewrite("x.log", many("c", 10));
    run();
    run();
    EXPECT_EQ(lines().size(), 310U);
    EXPECT_TRUE(source_->is_caught_up()) << facts();
}

TEST_P(FileRotationTest, ACopyIsNotCountedWhileItGrows) {
    const std::string all = many("a", 2000);
    append("x.log", all);
    run();
    std::string_view left = all;
    for (size_t piece = 7; !left.empty(); piece *= 3) {
        append("x.log.1", left.substr(0, piece));
        left.remove_prefix(std::min(piece, left.size()));
        run();
        EXPECT_EQ(lines().size(), 2000U);
    }
    // The original got more meanwhile, and the copy has it too.
    append("x.log", "more\n");
    append("x.log.1", "more\n");
    run();
    EXPECT_EQ(lines().size(), 2001U);
    rewrite("x.log", "new\n");
    maybe_restart();
    run();
    EXPECT_EQ(lines().size(), 2002U);
    append("x.log.1", "only here\n");
    run();
    EXPECT_EQ(lines().size(), 2003U);
}

TEST_P(FileRotationTest, ACopyThatEndsBeforeWhatWasReadIsKnownWhenItsOriginalIsCut) {
    append("x.log", many("a", 200));
    run();
    const auto folder_time = fs::last_write_time(folder_);
    copy("x.log", "x.log.1");
    fs::last_write_time(folder_, folder_time);  // it is found late
    append("x.log", many("b", 10));
    while (source_->step().progressed) {
    }
    rewrite("x.log", "new\n");
    run();
    run();
    maybe_restart();
    run();
    EXPECT_EQ(lines().size(), 211U);
}

TEST_P(FileRotationTest, AFileThatOnlyBeginsLikeAnotherIsAFileOfItsOwn) {
    append("x.log", "started\n" + many("a", 10));
    run();
    append("x.log.b", "started\n");
    run();
    EXPECT_EQ(lines().size(), 11U) << "it may be a copy that is being made";
    append("x.log.b", many("b", 10));
    maybe_restart();
    run();
    EXPECT_EQ(lines().size(), GetParam() ? 21U : 22U);
}

TEST_P(FileRotationTest, FilesThatCameTogetherAreFilesOfTheirOwn) {
    append("x.log", "one\n");
    append("x.log.b", "one\n");
    run();
    maybe_restart();
    run();
    EXPECT_EQ(lines(), (Lines{"one", "one"}));
}

TEST_P(FileRotationTest, AFileThatEndsOtherwiseThanAPastContentIsReadFromItsStart) {
    // What was taken before is longer, and of the same beginning up to where its last bytes begin,
    // which are not kept across a restart: lines, or the hole that a cut left.
    const std::string hole(9000, '\0');
    for (const std::string& same : {many("same", 100), hole}) {
        append("x.log", same + many("old", 40));
        run();
        rename("x.log", same == hole ? "old.1" : "old.2");  // so that its inode is not used again
        run();
        clock_.advance_us(options_.rotate_wait_us);
        run();
        maybe_restart();
        const size_t before = lines().size();
        append("x.log", same + many("new", 20));
        for (int looks = 0; looks < 4; ++looks) run();
        EXPECT_EQ(lines().size() - before, same == hole ? 20U : 120U);
        EXPECT_TRUE(source_->is_caught_up()) << facts();
        rewrite("x.log", "");
        run();
    }
}

TEST_P(FileRotationTest, AHoleThatGrowsIsNoData) {
    // Cut twice between two looks, after one that saw a hole and the first half of a line.
    const std::string hole(4, '\0');
    rewrite("x.log", "one\n");
    run();
    rewrite("x.log", hole + "tw");
    run();
    append("x.log", "o\n");
    copy("x.log", "x.log.1");
    rewrite("x.log", hole + hole + "three\n");
    maybe_restart();
    for (int looks = 0; looks < 4; ++looks) run();
    EXPECT_EQ(lines(), (Lines{"one", "three", "two"}));
}

TEST_P(FileRotationTest, AMoveToAnotherDiskAndBackIsACopy) {
    append("x.log", many("a", 100));
    run();
    copy("x.log", "x.log.1");
    fs::remove(folder_ / "x.log");
    append("x.log", "new\n");
    maybe_restart();
    run();
    EXPECT_EQ(lines().size(), 101U);
    clock_.advance_us(options_.rotate_wait_us);
    run();
    copy("x.log.1", "x.log.2");
    append("x.log.2", "more\n");
    maybe_restart();
    run();
    EXPECT_EQ(lines().size(), 102U);
}

TEST_P(FileRotationTest, ARenamedFileKeepsItsPlaceUnderAnotherNameOfThePath) {
    append("x.log", "one\n");
    run();
    rename("x.log", "x.log.1");
    append("x.log", "two\n");
    maybe_restart();
    run();
    rename("x.log.1", "x.log.2");
    rename("x.log", "x.log.1");
    append("x.log", "three\n");
    append("x.log.2", "late\n");
    maybe_restart();
    run();
    EXPECT_EQ(lines(), (Lines{"late", "one", "three", "two"}));
}

TEST_P(FileRotationTest, ACompressedFormOfAFollowedFileIsPassedOver) {
    append("x.log", "one\n");
    run();
    rename("x.log", "x.log.1");
    append("x.log", "two\n");
    run();
    append("x.log.1.gz", "\x1F\x8B\x08" + many("packed", 10));
    fs::remove(folder_ / "x.log.1");
    maybe_restart();
    run();
    EXPECT_EQ(lines(), (Lines{"one", "two"}));
    EXPECT_TRUE(was_traced("x.log.1.gz\" is passed over"));
}

TEST_P(FileRotationTest, FollowsALinkThatIsSwitched) {
    append("a", "one\n");
    fs::create_symlink(folder_ / "a", folder_ / "x.log");
    run();
    append("a", "two\n");
    append("b", "three\n");
    fs::remove(folder_ / "x.log");
    fs::create_symlink(folder_ / "b", folder_ / "x.log");
    maybe_restart();
    run();
    append("a", "late\n");
    run();
    EXPECT_EQ(lines(), (Lines{"late", "one", "three", "two"}));
}

TEST_P(FileRotationTest, AFileWithTwoNamesIsOneFile) {
    append("x.log", "one\n");
    fs::create_hard_link(folder_ / "x.log", folder_ / "x.log.hard");
    fs::create_symlink(folder_ / "x.log", folder_ / "x.log.soft");
    run();
    append("x.log.hard", "two\n");
    maybe_restart();
    run();
    fs::remove(folder_ / "x.log");
    append("x.log.hard", "three\n");
    maybe_restart();
    run();
    EXPECT_EQ(lines(), (Lines{"one", "three", "two"}));
}

TEST_P(FileRotationTest, WarnsWithACountOfWhatIsLeftUnread) {
    follow("x.log");
    append("x.log", "one\ntwo");
    run();
    fs::create_directory(folder_ / "old");
    source_.reset();
    rename("x.log", "old/x.log.1");
    start();
    run();
    EXPECT_TRUE(was_traced("3 bytes that it is known to have had were not read"));
    traced_.clear();
    start();
    run();
    EXPECT_FALSE(was_traced("not read")) << "it is told once";
}

TEST_P(FileRotationTest, GoesOnWhereAnEarlierBuildStopped) {
    append("x.log", "one\ntwo\n");
    const auto info = machine_->info(folder_ / "x.log");
    ASSERT_OK(info);
    std::string old;
    ByteWriter writer(old);
    writer.varint(4);
    writer.varint(4);
    writer.fixed(hash64("one\n"));
    log::AppendRequest request;
    request.records = {"one"};
    request.positions = {{FollowedFile::identity_of(*info), old}};
    ASSERT_OK(log_->append({0}, request));
    start();
    run();
    EXPECT_EQ(lines(), (Lines{"one", "two"}));
    append("x.log", "three\n");
    maybe_restart();
    run();
    EXPECT_EQ(lines(), (Lines{"one", "three", "two"}));
}

TEST_P(FileRotationTest, RemembersABoundedNumberOfFiles) {
    follow("x.log");
    for (int number = 0; number < 30; ++number) {
        append("x.log", fmt::format("{}\n", number));
        run();
        rename("x.log", "old");
        run();
        clock_.advance_us(options_.rotate_wait_us);
        run();
        maybe_restart();
        run();
    }
    EXPECT_EQ(lines().size(), 30U);
    EXPECT_LE(source_->facts().size(), 1U);
}

}  // namespace
}  // namespace braid::collect
