// SPDX-License-Identifier: Apache-2.0
// Power cuts at every change of the disk, and again while recovering from the first.
#include <map>
#include <optional>

#include <gtest/gtest.h>

#include "base/random.h"
#include "log/test_support.h"

namespace braid::log {
namespace {

using test::kFirst;
using test::kLogId;
using test::read_from;
using test::tiny_extents;
using Records = std::vector<std::string>;

constexpr uint32_t kPartitions = 2;
constexpr CrashFate kFates[] = {CrashFate::kDropUnsynced, CrashFate::kKeepUnsynced,
                                CrashFate::kTearUnsynced};

/// One step of a history: an append, or a trim when there is nothing to append.
struct Step {
    PartitionId partition;
    Records records;
    std::string key;
    std::string position;
    int64_t trim_to = -1;

    AppendRequest request() const {
        AppendRequest request = test::request_of(records);
        if (!position.empty()) request.positions = {{"source", position}};
        if (!key.empty()) request.key = IdempotencyKey{key, 7};
        request.preamble = "head";
        return request;
    }
};

/// Appends of all shapes, enough to roll each partition several times, and trims between them.
std::vector<Step> make_history() {
    std::vector<Step> history;
    for (int index = 0; index < 26; ++index) {
        Step step;
        step.partition.value = index % 3 == 2 ? 1 : 0;
        const int count = index % 5;  // none: only a position
        for (int record = 0; record < count; ++record) {
            step.records.push_back(fmt::format("record {} of step {}", record, index));
        }
        if (index % 2 == 0) step.key = fmt::format("key {}", index);
        if (index % 3 == 0 || count == 0) step.position = fmt::format("at {}", index);
        history.push_back(step);
        if (index % 8 == 7) history.push_back({.partition = {0}, .trim_to = index});
    }
    return history;
}

/// What a log must hold: everything acknowledged.
struct Model {
    std::vector<Records> records{kPartitions};
    std::vector<std::string> positions{kPartitions};
    std::map<std::string, std::pair<uint32_t, int64_t>> keys;  // partition and first offset
    int64_t trim_to = 0;

    void apply(const Step& step) {
        const uint32_t partition = step.partition.value;
        Records& all = records[partition];
        if (step.trim_to >= 0) trim_to = step.trim_to;
        if (!step.key.empty()) keys[step.key] = {partition, all.size()};
        if (!step.position.empty()) positions[partition] = step.position;
        all.insert(all.end(), step.records.begin(), step.records.end());
    }
};

class CrashTest : public testing::Test {
  protected:
    Result<std::unique_ptr<PartitionedLog>> open(MemoryFileSystem& files) const {
        return open_embedded_log(files, clock_, "data/log", kLogId, kPartitions, tiny_extents(),
                                 nullptr);
    }

    /// Runs the history until a step fails; that one is the one under way.
    static std::optional<Step> run(PartitionedLog& log, const std::vector<Step>& history,
                                   Model& model) {
        for (const Step& step : history) {
            const bool done = step.trim_to >= 0
                                  ? log.trim(step.partition, Offset{step.trim_to}).has_value()
                                  : log.append(step.partition, step.request()).has_value();
            if (!done) return step;
            model.apply(step);
        }
        return std::nullopt;
    }

    /// The log holds what the model does; the step under way happened as a whole or not at all, and
    /// then the model takes it over.
    static void check(PartitionedLog& log, Model& model, const std::optional<Step>& under_way) {
        if (under_way && happened(log, model, *under_way)) model.apply(*under_way);
        for (uint32_t index = 0; index < kPartitions; ++index) {
            const PartitionId partition{index};
            const Records& all = model.records[index];
            ASSERT_EQ(log.durable_end().of(partition).value, static_cast<int64_t>(all.size()));
            const Offset start = log.start().of(partition);
            ASSERT_LE(start.value, index == 0 ? std::max<int64_t>(model.trim_to, 0) : 0);
            ASSERT_OK_AND_ASSIGN(const Records got, read_from(log, partition, start));
            ASSERT_EQ(got, Records(all.begin() + start.value, all.end()));
            const auto positions = log.source_positions(partition);
            ASSERT_EQ(positions.empty() ? "" : positions[0].position, model.positions[index]);
        }
        check_keys(log, model);
    }

    static bool happened(PartitionedLog& log, const Model& model, const Step& step) {
        if (step.trim_to >= 0) return true;  // whole or not, start() is only a bound
        const uint32_t partition = step.partition.value;
        if (!step.records.empty()) {
            return log.durable_end().at[partition].value >
                   static_cast<int64_t>(model.records[partition].size());
        }
        const auto positions = log.source_positions(step.partition);
        return !positions.empty() && positions[0].position == step.position;
    }

    static void check_keys(PartitionedLog& log, const Model& model) {
        for (const auto& [key, place] : model.keys) {
            AppendRequest again;
            again.key = IdempotencyKey{key, 7};
            const auto outcome = log.append(PartitionId{0}, again);
            ASSERT_OK(outcome);
            ASSERT_TRUE(outcome->was_duplicate) << key;
            ASSERT_EQ(outcome->partition.value, place.first);
            ASSERT_EQ(outcome->offsets[0].value, place.second);
        }
    }

    /// After recovery the log must go on as if nothing had been.
    void check_goes_on(MemoryFileSystem& files, std::unique_ptr<PartitionedLog> log,
                       Model& model) const {
        const Step more{
            .partition = {0}, .records = {"after", "the crash"}, .key = "after", .position = "new"};
        ASSERT_OK(log->append(more.partition, more.request()));
        model.apply(more);
        log.reset();
        files.crash(CrashFate::kDropUnsynced, 1);
        ASSERT_OK_AND_ASSIGN(log, open(files));
        ASSERT_NO_FATAL_FAILURE(check(*log, model, std::nullopt));
    }

    uint64_t operations_of_history() const {
        MemoryFileSystem files;
        auto log = open(files);
        EXPECT_OK(log);
        Model model;
        EXPECT_EQ(run(**log, make_history(), model).has_value(), false);
        EXPECT_GT(files.list("data/log/0")->size(), 2u);
        return files.operation_count();
    }

    SteppedClock clock_;
    test::QuietTrace quiet_;
};

TEST_F(CrashTest, NothingAcknowledgedIsLostAtAnyPoint) {
    const uint64_t points = operations_of_history();
    ASSERT_GT(points, 80u);
    for (uint64_t point = 0; point <= points; ++point) {
        for (const CrashFate fate : kFates) {
            for (uint64_t seed = 0; seed < (fate == CrashFate::kTearUnsynced ? 6u : 1u); ++seed) {
                SCOPED_TRACE(fmt::format("point {}, fate {}, seed {}", point, int(fate), seed));
                MemoryFileSystem files;
                files.fail_all_after(point);
                Model model;
                std::optional<Step> under_way;
                if (auto log = open(files)) under_way = run(**log, make_history(), model);
                files.crash(fate, seed);
                auto log = open(files);
                ASSERT_OK(log);
                ASSERT_NO_FATAL_FAILURE(check(**log, model, under_way));
                ASSERT_NO_FATAL_FAILURE(check_goes_on(files, *std::move(log), model));
            }
        }
    }
}

TEST_F(CrashTest, NothingAcknowledgedIsLostWhenRecoveryCrashesToo) {
    const uint64_t points = operations_of_history();
    for (uint64_t point = 0; point <= points; ++point) {
        for (uint64_t again = 0;; ++again) {
            const CrashFate first = kFates[(point + again) % 3];
            const CrashFate second = kFates[(point / 3 + again) % 3];
            SCOPED_TRACE(fmt::format("point {}, then {}", point, again));
            MemoryFileSystem files;
            files.fail_all_after(point);
            Model model;
            std::optional<Step> under_way;
            if (auto log = open(files)) under_way = run(**log, make_history(), model);
            files.crash(first, point);
            files.fail_all_after(again);
            const bool recovered = open(files).has_value();
            files.crash(second, again);
            auto log = open(files);
            ASSERT_OK(log);
            ASSERT_NO_FATAL_FAILURE(check(**log, model, under_way));
            ASSERT_NO_FATAL_FAILURE(check_goes_on(files, *std::move(log), model));
            if (recovered) break;
        }
    }
}

/// Whatever a reader was shown stays: also what one process found of another that had not synced
/// it.
TEST_F(CrashTest, WhatARestartShowedIsDurable) {
    const uint64_t points = operations_of_history();
    for (uint64_t point = 0; point <= points; ++point) {
        SCOPED_TRACE(fmt::format("point {}", point));
        MemoryFileSystem files;
        Model model;
        std::optional<Step> under_way;
        files.fail_all_after(point);
        if (auto log = open(files)) under_way = run(**log, make_history(), model);
        files.clear_faults();  // the process dies, the machine and its page cache live on
        {
            auto log = open(files);
            ASSERT_OK(log);
            ASSERT_NO_FATAL_FAILURE(check(**log, model, under_way));
        }
        files.crash(CrashFate::kDropUnsynced, point);
        auto log = open(files);
        ASSERT_OK(log);
        ASSERT_NO_FATAL_FAILURE(check(**log, model, std::nullopt));
    }
}

/// A seeded walk: many lives, each ended by a crash at a random point.
TEST_F(CrashTest, ManyLivesOfOneLogKeepItsPromises) {
    for (uint64_t seed = 0; seed < 40; ++seed) {
        Random random(seed);
        MemoryFileSystem files;
        Model model;
        for (int life = 0; life < 12; ++life) {
            SCOPED_TRACE(fmt::format("seed {}, life {}", seed, life));
            std::vector<Step> history;
            for (int index = 0; index < 10; ++index) {
                Step step{.partition = {static_cast<uint32_t>(random.below(kPartitions))}};
                for (uint64_t count = random.below(4); count > 0; --count) {
                    step.records.push_back(
                        std::string(random.below(120), static_cast<char>('a' + life)));
                }
                step.key = fmt::format("{}/{}", life, index);
                step.position = step.key;
                history.push_back(std::move(step));
            }
            files.fail_all_after(random.below(60));
            std::optional<Step> under_way;
            if (auto log = open(files)) under_way = run(**log, history, model);
            if (random.below(4) == 0) {
                files.clear_faults();
            } else {
                files.crash(kFates[random.below(3)], random.next());
            }
            auto log = open(files);
            ASSERT_OK(log);
            ASSERT_NO_FATAL_FAILURE(check(**log, model, under_way));
        }
    }
}

}  // namespace
}  // namespace braid::log
