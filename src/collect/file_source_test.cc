// SPDX-License-Identifier: Apache-2.0
#include "collect/file_source.h"

#include <algorithm>
#include <map>

#include <gtest/gtest.h>

#include "base/error_makers.h"
#include "base/memory_file_system.h"
#include "base/test_support.h"
#include "base/trace.h"
#include "collect/followed_file.h"
#include "log/embedded_log.h"

namespace braid::collect {
namespace {

using Lines = std::vector<std::string>;

class FileSourceTest : public testing::Test {
  protected:
    void SetUp() override {
        set_trace_sink([this](TraceLevel, std::string_view, std::string_view message) {
            traced_.emplace_back(message);
        });
        options_.path = "/logs/*.log";
        ASSERT_OK(machine_.create_directories("/logs"));
        log_options_.keep_free_bytes = 0;
        start();
    }
    void TearDown() override { set_trace_sink({}); }

    /// Also again: the log is closed and recovered.
    void start() {
        source_.reset();
        log_.reset();
        ASSERT_OK_AND_ASSIGN(
            log_, log::open_embedded_log(files_, clock_, "log/1", id_, 2, log_options_, nullptr));
        ASSERT_OK_AND_ASSIGN(
            source_, FileSource::open(machine_, clock_, log_, options_, &metrics_, "access"));
    }
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
    /// Steps until nothing progresses; then the next look finds new and renamed files.
    void run() {
        while (source_->step().progressed) {
        }
        clock_.advance_us(options_.scan_interval_us);
    }
    /// Everything in the log, partition after partition.
    Lines lines() {
        Lines all;
        for (uint32_t index = 0; index < 2; ++index) {
            const Offset end = log_->durable_end().at[index];
            for (Offset at{0}; at < end;) {
                const auto batch = log_->read({index}, at, 1000);
                EXPECT_OK(batch);
                if (!batch) return all;
                all.insert(all.end(), batch->records.begin(), batch->records.end());
                at = batch->end();
            }
        }
        return all;
    }
    bool was_traced(std::string_view part) const {
        return std::ranges::any_of(traced_, [&](const std::string& message) {
            return message.find(part) != std::string::npos;
        });
    }

    const LogId id_{"0123456789abcdef0123456789abcdef"};
    MemoryFileSystem machine_;
    MemoryFileSystem files_;
    SteppedClock clock_;
    Metrics metrics_;
    FileSourceOptions options_;
    log::EmbeddedLogOptions log_options_;
    std::map<std::string, std::unique_ptr<WritableFile>> writers_;
    std::shared_ptr<log::PartitionedLog> log_;
    std::unique_ptr<FileSource> source_;
    Lines traced_;
};

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
    files_.set_free_bytes(10);
    run();
    EXPECT_TRUE(lines().empty());
    EXPECT_FALSE(source_->is_caught_up());
    files_.set_free_bytes(1'000'000);
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
    write("/logs/a.log", "one\n" + std::string(1000, 'x') + "\ntwo\n" + std::string(100, 'y') +
                             "\n" + std::string(101, 'z') + "\n");
    run();
    const std::string marker(kLongRecordMarker);
    EXPECT_EQ(lines(),
              (Lines{"one", marker + "1000" + '\0' + std::string(10, 'x'), "two",
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

TEST(FilePosition, ComesBackFromItsText) {
    const FilePosition position{.offset = 1ULL << 40, .head_bytes = 1024, .head_hash = 77};
    ASSERT_OK_AND_ASSIGN(const FilePosition back, FilePosition::from_text(position.to_text()));
    EXPECT_EQ(back.offset, position.offset);
    EXPECT_EQ(back.head_bytes, position.head_bytes);
    EXPECT_EQ(back.head_hash, position.head_hash);
    EXPECT_FALSE(FilePosition::from_text("x").has_value());
}

}  // namespace
}  // namespace braid::collect
