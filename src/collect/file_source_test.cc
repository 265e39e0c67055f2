// SPDX-License-Identifier: Apache-2.0
#include "collect/file_source.h"

#include <algorithm>
#include <malloc.h>
#include <map>

#include <gtest/gtest.h>

#ifdef __SANITIZE_ADDRESS__
/// Of the sanitizer's allocator.
extern "C" size_t __sanitizer_get_current_allocated_bytes();
#endif

#include "base/error_makers.h"
#include "collect/followed_file.h"
#include "collect/test_support.h"
#include "log/memory_log.h"

namespace braid::collect {
namespace {

using test::Lines;

/// Bytes of memory that are in use.
size_t live_bytes() {
#ifdef __SANITIZE_ADDRESS__
    return __sanitizer_get_current_allocated_bytes();
#else
    return mallinfo2().uordblks;
#endif
}

class FileSourceTest : public testing::Test, protected test::FollowedLog {
  protected:
    void SetUp() override {
        options_.path = "/logs/*.log";
        ASSERT_OK(machine_.create_directories("/logs"));
        start();
    }
    void TearDown() override { source_.reset(); }

    void start() { FollowedLog::start(machine_); }
    void write(const std::string& path, std::string_view text) {
        if (!writers_.contains(path)) {
            ASSERT_OK_AND_ASSIGN(writers_[path], machine_.create(path));
        }
        ASSERT_OK(writers_[path]->append(as_bytes(text)));
    }
    /// As logrotate does it.
    void rename(const std::string& from, const std::string& to) {
        ASSERT_OK(machine_.move_no_replace(from, to));
        writers_[to] = std::move(writers_[from]);
        writers_.erase(from);
    }
    static bool is_in(const Lines& all, const std::string& line) {
        return std::ranges::find(all, line) != all.end();
    }

    MemoryFileSystem machine_;
    std::map<std::string, std::unique_ptr<WritableFile>> writers_;
};

TEST_F(FileSourceTest, AFileStaysInItsPartitionWhenTheLogGetsMore) {
    source_.reset();
    const auto log = std::make_shared<log::MemoryLog>(clock_, id_, Positions{{{500}}});
    log_ = log;
    const auto open = [&] {
        source_.reset();
        ASSERT_OK_AND_ASSIGN(
            source_, FileSource::open(machine_, clock_, log_, options_, &metrics_, "access"));
    };
    constexpr int kFiles = 8;
    const auto write_all = [&](std::string_view line) {
        for (int file = 0; file < kFiles; ++file) {
            write(fmt::format("/logs/{}.log", file), fmt::format("{} {}\n", file, line));
        }
    };
    open();
    write_all("one");
    run();
    for (int64_t origin = 0; origin < 3; ++origin) log->add_partition({origin});
    write_all("two");
    run();
    open();
    write_all("three");
    run();
    EXPECT_EQ(log->durable_end(), (Positions{{{500 + 3 * kFiles}, {0}, {1}, {2}}}));
    for (int file = 0; file < kFiles; ++file) {
        write(fmt::format("/logs/new{}.log", file), "line\n");
    }
    run();
    EXPECT_LT(log->durable_end().of({0}), Offset{500 + 4 * kFiles}) << "new files go anywhere";
}

TEST_F(FileSourceTest, TakesEachLineOnceAsTheFileGrows) {
    write("/logs/a.log", "one\ntwo\r\n\n   \nthr");
    run();
    EXPECT_EQ(lines(), (Lines{"one", "two"}));
    EXPECT_FALSE(source_->is_caught_up()) << "the last line has no end yet";
    write("/logs/a.log", "ee\nfour\n");
    run();
    EXPECT_EQ(lines(), (Lines{"one", "two", "three", "four"}));
    EXPECT_TRUE(source_->is_caught_up());
    run();
    EXPECT_EQ(lines().size(), 4U);
}

TEST_F(FileSourceTest, GoesOnAfterARestartWhereTheLogSays) {
    write("/logs/a.log", "one\ntwo\n");
    run();
    write("/logs/a.log", "three\n");
    start();
    run();
    EXPECT_EQ(lines(), (Lines{"one", "two", "three"}));
}

TEST_F(FileSourceTest, AnAppendThatFailsIsTriedAgain) {
    write("/logs/a.log", "one\n");
    log_options_.keep_free_bytes = 1000;
    start();
    data_.set_free_bytes(10);
    run();
    EXPECT_TRUE(lines().empty());
    EXPECT_FALSE(source_->is_caught_up());
    data_.set_free_bytes(1'000'000);
    run();
    EXPECT_EQ(lines(), Lines{"one"});
}

TEST_F(FileSourceTest, FollowsAFileThroughItsRotation) {
    write("/logs/a.log", "one\n");
    run();
    write("/logs/a.log", "two\nthree");
    rename("/logs/a.log", "/logs/a.log.1");
    write("/logs/a.log", "four\n");
    run();
    EXPECT_EQ(lines().size(), 3U) << "the last line of the old one may still get its end";
    clock_.advance_us(options_.rotated_line_wait_us);
    run();
    EXPECT_EQ(lines().size(), 4U);
    EXPECT_TRUE(source_->is_caught_up());
    Lines found = lines();
    std::ranges::sort(found);
    EXPECT_EQ(found, (Lines{"four", "one", "three", "two"}));
}

TEST_F(FileSourceTest, FindsAFileThatWasRotatedWhileItWasDown) {
    options_.path = "/logs/*";
    start();
    write("/logs/a.log", "one\n");
    run();
    write("/logs/a.log", "two\n");
    rename("/logs/a.log", "/logs/a.log.1");
    write("/logs/a.log", "three\n");
    start();
    run();
    Lines found = lines();
    std::ranges::sort(found);
    EXPECT_EQ(found, (Lines{"one", "three", "two"}));
}

TEST_F(FileSourceTest, ReadsAFileThatShrankAsANewOne) {
    write("/logs/a.log", "one\ntwo\n");
    run();
    writers_.clear();
    ASSERT_OK(machine_.truncate("/logs/a.log", 4));
    run();
    EXPECT_EQ(lines(), (Lines{"one", "two", "one"}));
    EXPECT_TRUE(was_traced("shrank"));
}

TEST_F(FileSourceTest, TakesALastLineWithoutEndAfterItsTime) {
    write("/logs/a.log", "one\ntwo");
    run();
    EXPECT_EQ(lines(), Lines{"one"});
    clock_.advance_us(options_.last_line_wait_us);
    run();
    EXPECT_EQ(lines(), (Lines{"one", "two"}));
    EXPECT_TRUE(source_->is_caught_up());
}

TEST_F(FileSourceTest, ALineThatIsTooLongBecomesOneRecordWithItsLength) {
    options_.record_bytes_max = 100;
    options_.prefix_bytes = 10;
    options_.batch_bytes_max = 64;
    start();
    write("/logs/a.log", "one\n" + std::string(1000, 'x') + "\n" + std::string(99, 'w') + "\n" +
                             std::string(100, 'y') + "\n" + std::string(101, 'z') + "\n");
    run();
    const std::string marker(kLongRecordMarker);
    EXPECT_EQ(lines(),
              (Lines{"one", marker + "1000" + '\0' + std::string(10, 'x'), std::string(99, 'w'),
                     std::string(100, 'y'), marker + "101" + '\0' + std::string(10, 'z')}));
}

TEST_F(FileSourceTest, TakesMoreThanOneBatch) {
    options_.batch_bytes_max = 64;
    start();
    Lines expected;
    std::string text;
    for (int number = 0; number < 100; ++number) {
        expected.push_back(fmt::format("line number {}", number));
        text += expected.back() + "\n";
    }
    write("/logs/a.log", text);
    run();
    EXPECT_EQ(lines(), expected);
}

TEST_F(FileSourceTest, OneFileThatCannotBeReadKeepsNoOther) {
    write("/logs/a.log", "one\n");
    write("/logs/b.log", "two\n");
    machine_.set_fault_hook([](const FileOperation& operation) -> Result<void> {
        if (operation.path.ends_with("a.log")) return io_error("permission denied");
        return {};
    });
    run();
    EXPECT_EQ(lines(), Lines{"two"});
    machine_.clear_faults();
    run();
    EXPECT_EQ(lines().size(), 2U);
}

TEST_F(FileSourceTest, WaitsForFilesThatAreNotThereYet) {
    options_.path = "/later/[ab]?.log";
    start();
    run();
    EXPECT_TRUE(source_->is_caught_up());
    ASSERT_OK(machine_.create_directories("/later"));
    write("/later/a1.log", "one\n");
    write("/later/c1.log", "other\n");
    run();
    EXPECT_EQ(lines(), Lines{"one"});
}

TEST_F(FileSourceTest, RefusesPathsThatCannotBeMeant) {
    for (const char* path : {"", "logs/a.log", "/logs/../etc/passwd", "/logs/.."}) {
        options_.path = path;
        EXPECT_ERROR(FileSource::check(options_), ErrorCode::kInvalidInput);
        EXPECT_ERROR(FileSource::open(machine_, clock_, log_, options_, &metrics_, "access"),
                     ErrorCode::kInvalidInput);
    }
    options_.path = "/logs/..a/b..log";
    EXPECT_OK(FileSource::check(options_));
}

TEST_F(FileSourceTest, AnUnfinishedLineWaitsAMinuteForItsEnd) {
    write("/logs/a.log", "one\n200 12");
    run();
    clock_.advance_us(55'000'000);
    run();
    write("/logs/a.log", "345\n");
    run();
    EXPECT_EQ(lines(), (Lines{"one", "200 12345"}));
}

TEST_F(FileSourceTest, GrowthBeginsTheWaitForALineEndAnew) {
    write("/logs/a.log", "2");
    run();
    for (const char* part : {"0", "0", " "}) {
        clock_.advance_us(40'000'000);
        write("/logs/a.log", part);
        run();
    }
    write("/logs/a.log", "12\n");
    run();
    EXPECT_EQ(lines(), Lines{"200 12"});
}

TEST_F(FileSourceTest, TheRestOfALineThatWasTakenNamesItsFirstPart) {
    for (const bool restarts : {false, true}) {
        const std::string path = restarts ? "/logs/b.log" : "/logs/a.log";
        const size_t before = lines().size();
        write(path, path + "\ntwo");
        run();
        clock_.advance_us(options_.last_line_wait_us);
        run();
        if (restarts) start();
        write(path, "345\nthree\n");
        run();
        // Where "two" lies is found, and the rest must name that place.
        std::string first_part;
        for (uint32_t index = 0; index < 2; ++index) {
            const Offset end = log_->durable_end().at[index];
            for (Offset at{0}; at < end; ++at.value) {
                ASSERT_OK_AND_ASSIGN(const auto batch, log_->read({{index}, at, end}, 1));
                if (batch.records.front() == "two")
                    first_part = fmt::format("{}:{}", index, at.value);
            }
        }
        EXPECT_EQ(lines().size(), before + 4);
        EXPECT_TRUE(is_in(lines(), std::string(kRestMarker) + first_part + '\0' + "345"))
            << first_part;
        ASSERT_OK(machine_.remove(path));
        clock_.advance_us(options_.rotate_wait_us);
        run();
    }
}

TEST_F(FileSourceTest, TheEndOfALineThatWasTakenIsNoRecord) {
    write("/logs/a.log", "one");
    run();
    clock_.advance_us(options_.last_line_wait_us);
    run();
    write("/logs/a.log", "\r\ntwo\n");
    run();
    EXPECT_EQ(lines(), (Lines{"one", "two"}));
}

TEST_F(FileSourceTest, AByteOrderMarkIsNoData) {
    write("/logs/a.log", "\xEF\xBB\xBFone\n\xEF\xBB\xBFtwo\n");
    write("/logs/b.log", "\xEF\xBB");
    run();
    write("/logs/b.log", "\xBFthree\n");
    run();
    Lines found = lines();
    std::ranges::sort(found);
    EXPECT_EQ(found, (Lines{"one", "three", "\xEF\xBB\xBFtwo"}));
}

TEST_F(FileSourceTest, AHoleAtTheStartIsNoData) {
    // As a writer leaves it that does not append and whose file was cut.
    options_.record_bytes_max = 1000;
    options_.batch_bytes_max = 1000;
    start();
    write("/logs/a.log", std::string(100'000, '\0') + "one\n" + std::string(3, '\0') + "two\n");
    run();
    EXPECT_EQ(lines(), (Lines{"one", std::string("\0\0\0two", 6)}));
}

TEST_F(FileSourceTest, OpensTheDescriptorsOfFewFilesAtATime) {
    options_.open_files_max = 3;
    start();
    for (int round = 0; round < 3; ++round) {
        for (int number = 0; number < 20; ++number) {
            write(fmt::format("/logs/{:02}.log", number), fmt::format("{} {}\n", number, round));
        }
        run();
    }
    EXPECT_EQ(lines().size(), 60U);
    EXPECT_TRUE(source_->is_caught_up());
    // One that is closed is found under its new name.
    write("/logs/00.log", "late\n");
    rename("/logs/00.log", "/logs/old");
    run();
    EXPECT_EQ(lines().size(), 61U);
}

/// What was removed can be read by whoever has it open, and by nobody else.
TEST_F(FileSourceTest, KeepsAsManyFilesOpenAsItMay) {
    options_.open_files_max = 3;
    start();
    for (const auto& [files, open] : {std::pair(2U, 2U), {3U, 3U}, {4U, 3U}}) {
        std::vector<std::string> names;
        for (size_t number = 0; number < files; ++number) {
            names.push_back(fmt::format("/logs/{} of {}.log", number, files));
            write(names.back(), fmt::format("first of {}\n", names.back()));
        }
        run();
        const size_t before = lines().size();
        for (const std::string& name : names) {
            write(name, fmt::format("second of {}\n", name));
            ASSERT_OK(machine_.remove(name));
        }
        run();
        EXPECT_EQ(lines().size(), before + open) << files;
        // Until those that have gone are let go.
        clock_.advance_us(3'600'000'000);
        run();
        run();
    }
}

TEST_F(FileSourceTest, AThousandFilesWithNothingNewCostLittle) {
    constexpr size_t kFiles = 1000;
    constexpr size_t kBytesMax = 1536;
    for (size_t number = 0; number < kFiles; ++number) {
        std::string text;
        while (text.size() < 8000) text += fmt::format("file {} byte {}\n", number, text.size());
        write(fmt::format("/logs/{}.log", number), text);
    }
    run();
    ASSERT_TRUE(source_->is_caught_up());
    source_.reset();
    const size_t before = live_bytes();
    ASSERT_OK_AND_ASSIGN(source_,
                         FileSource::open(machine_, clock_, log_, options_, &metrics_, "access"));
    run();
    ASSERT_TRUE(source_->is_caught_up());
    EXPECT_EQ(source_->facts().size(), kFiles);
    EXPECT_LE(live_bytes() - before, kFiles * kBytesMax);
}

TEST_F(FileSourceTest, QuietFilesAreLookedAtInTurn) {
    constexpr size_t kFiles = 120;
    constexpr size_t kLooksMax = 50;
    const auto name = [](size_t number) { return fmt::format("/logs/{:03}.log", number); };
    const auto poll = [&] {
        while (source_->step().progressed) {
        }
        clock_.advance_us(options_.poll_interval_us);
        return lines().size();
    };
    options_.scan_interval_us = 3'600'000'000;
    start();
    for (size_t number = 0; number < kFiles; ++number) write(name(number), "a\n");
    run();
    ASSERT_EQ(lines().size(), kFiles);
    EXPECT_EQ(poll(), kFiles) << "by now all are quiet";
    for (size_t number = 0; number < kFiles; ++number) write(name(number), "b\n");
    EXPECT_EQ(poll(), kFiles + kLooksMax);
    EXPECT_EQ(poll(), kFiles + 2 * kLooksMax);
    EXPECT_EQ(poll(), 2 * kFiles);
    // What has grown is looked at each time again.
    for (size_t number = 0; number < kFiles; ++number) write(name(number), "c\n");
    EXPECT_EQ(poll(), 3 * kFiles);
    EXPECT_TRUE(source_->is_caught_up());
}

TEST_F(FileSourceTest, TellsHowEachFileStands) {
    const auto facts = [&] {
        std::string all;
        for (const SourceFacts& each : source_->facts()) {
            all += fmt::format("{} {} {}/{}{}; ", each.path, each.state,
                               each.position ? fmt::to_string(*each.position) : "-",
                               each.size ? fmt::to_string(*each.size) : "-",
                               each.last_error.empty() ? "" : " !");
        }
        return all;
    };
    run();
    EXPECT_EQ(facts(), "/logs/*.log missing -/- !; ");
    EXPECT_TRUE(was_traced("matches 0 files"));
    write("/logs/a.log", "one\ntw");
    write("/logs/b.log", "\x1F\x8B\x08\x01\x02");
    write("/logs/c.log", "");
    write("/logs/d.log", "two\n");
    machine_.set_fault_hook([](const FileOperation& operation) -> Result<void> {
        if (operation.path.ends_with("d.log")) return io_error("permission denied");
        return {};
    });
    run();
    EXPECT_EQ(facts(),
              "/logs/a.log following 4/6; /logs/b.log compressed 0/5 !; "
              "/logs/c.log following 0/0; ");
    EXPECT_TRUE(was_traced("gzip"));
    machine_.clear_faults();
    ASSERT_OK(machine_.create_directories("/logs/e.log"));
    run();
    EXPECT_TRUE(was_traced("e.log\" is a folder"));
    rename("/logs/a.log", "/logs/a.old");
    run();
    EXPECT_EQ(facts(),
              "/logs/a.old rotated 4/6; /logs/b.log compressed 0/5 !; "
              "/logs/c.log following 0/0; /logs/d.log following 4/4; /logs/e.log folder -/- !; ");
}

TEST_F(FileSourceTest, SurveysWhatWillKeepLinesFromComing) {
    const auto survey = [&](const std::string& path) {
        options_.path = path;
        const auto troubles = FileSource::survey(machine_, clock_, options_);
        return troubles.empty() ? std::string() : troubles.front();
    };
    EXPECT_TRUE(survey("/logs/*.log").contains("matches no file"));
    EXPECT_TRUE(survey("/logs").contains("is a folder"));
    EXPECT_TRUE(survey("/log*").contains("is a folder"));
    write("/logs/a.log", "one\n");
    EXPECT_EQ(survey("/logs/*.log"), "");
    write("/logs/b.txt", "\x28\xB5\x2F\xFD");
    EXPECT_TRUE(survey("/logs/b*").contains("compressed (zstd)"));
    write("/logs/c.gz", "not compressed\n");
    EXPECT_EQ(survey("/logs/c*"), "");
}

TEST(FollowedFile, HoldsNoWindowWhileItIsClosed) {
    const FileSourceOptions options;
    FollowedFile file("1:1", "/logs/a.log", options);
    ContentHash content;
    content.add(std::string(10'000, 'x'));
    file.resume(content, {});
    EXPECT_EQ(file.content().window(), "");
    EXPECT_EQ(file.content().mark(), content.mark());
}

TEST(FilePosition, ComesBackFromItsText) {
    FilePosition position;
    position.content = {.bytes = 1ULL << 40, .head = 77, .chain = 78, .tail = 79};
    position.first_part = EventId{{3}, {12345}};
    position.seen_bytes = 5;
    position.grown_at_s = 1'700'000'000;
    position.is_done = true;
    position.path = "/logs/a.log";
    ASSERT_OK_AND_ASSIGN(const FilePosition back, FilePosition::from_text(position.to_text()));
    EXPECT_EQ(back.content, position.content);
    EXPECT_EQ(back.first_part, position.first_part);
    EXPECT_EQ(back.seen_bytes, position.seen_bytes);
    EXPECT_EQ(back.grown_at_s, position.grown_at_s);
    EXPECT_EQ(back.path, position.path);
    EXPECT_TRUE(back.is_done);
    EXPECT_FALSE(back.is_copy);
    EXPECT_FALSE(FilePosition::from_text("x").has_value());
}

}  // namespace
}  // namespace braid::collect
