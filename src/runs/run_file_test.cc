// SPDX-License-Identifier: Apache-2.0
#include "runs/run_file.h"

#include <algorithm>
#include <set>
#include <tuple>

#include <gtest/gtest.h>

#include "base/error_makers.h"
#include "base/hash.h"
#include "base/memory_file_system.h"
#include "base/random.h"
#include "base/test_support.h"
#include "base/thread.h"
#include "runs/block_cache.h"
#include "runs/key_filter.h"
#include "runs/test_support.h"

namespace braid::runs {
namespace {

const std::string kPath = "runs/1/3.run";

/// The rows of `all` with from <= key < to.
TestRows between(const TestRows& all, std::string_view from, std::string_view to) {
    TestRows rows;
    for (const auto& row : all) {
        if (row.first >= from && (to.empty() || row.first < to)) rows.push_back(row);
    }
    return rows;
}

/// Each key with a set of some values; the key at `large` with `large_count`.
TestRows test_set(const TestRows& groups, size_t large, uint64_t large_count) {
    TestRows rows;
    for (size_t index = 0; index < groups.size(); ++index) {
        const uint64_t count = index == large ? large_count : index % 4;
        for (uint64_t value = 0; value < count; ++value) {
            rows.emplace_back(groups[index].first, fmt::format("value {:08}", value));
        }
    }
    return rows;
}

TEST(RunFile, OfNothingIsNoFile) {
    MemoryFileSystem files;
    ASSERT_OK_AND_ASSIGN(const manifest::Run run, write_rows(files, kPath, {}));
    EXPECT_TRUE(run.parts.empty());
    EXPECT_EQ(run.rows, 0U);
    EXPECT_EQ(run.digest, Digest{});
    EXPECT_FALSE(files.exists(kPath).value());
    ASSERT_OK_AND_ASSIGN(const auto reader, RunReader::open(files, run));
    EXPECT_FALSE(find(*reader, "k")->has_value());
    EXPECT_TRUE(read_rows(*reader, 0)->empty());
    EXPECT_TRUE(read_rows(*reader, 1)->empty());
}

TEST(RunFile, HoldsWhatWasWritten) {
    for (const uint64_t count : {1, 2, 4'095, 4'096, 4'097, 10'000}) {
        MemoryFileSystem files;
        const TestRows rows = test_rows(count);
        ASSERT_OK_AND_ASSIGN(const manifest::Run run, write_rows(files, kPath, rows));
        ASSERT_EQ(run.parts.size(), 1U);
        const manifest::Part& part = run.parts[0];
        EXPECT_EQ(part.file, kPath);
        EXPECT_EQ(part.rows, count);
        EXPECT_EQ(part.bytes, files.info(part.file)->bytes);
        EXPECT_EQ(part.first_key, rows.front().first);
        EXPECT_EQ(part.last_key, rows.back().first);
        EXPECT_EQ(run.rows, count);
        Digest digest;
        for (const auto& [key, state] : rows) digest.add_row(0, key, {}, state);
        EXPECT_EQ(run.digest, digest);
        ASSERT_OK_AND_ASSIGN(const auto reader, RunReader::open(files, run));
        ASSERT_OK_AND_ASSIGN(const TestRows read, read_rows(*reader, 0));
        EXPECT_TRUE(read == rows) << count;
    }
}

TEST(RunFile, FindsEveryKeyAndNoOther) {
    MemoryFileSystem files;
    TestRows rows = test_rows(10'000);
    TestRows absent;
    for (size_t index = 0; index < rows.size(); index += 7) {
        absent.push_back(rows[index]);
        rows.erase(rows.begin() + static_cast<int64_t>(index));
    }
    ASSERT_OK_AND_ASSIGN(const manifest::Run run,
                         write_rows(files, kPath, rows, {}, {.part_bytes_max = 40'000}));
    EXPECT_GT(run.parts.size(), 5U);
    ASSERT_OK_AND_ASSIGN(const auto reader, RunReader::open(files, run));
    for (const auto& [key, state] : rows) {
        ASSERT_OK_AND_ASSIGN(const auto found, find(*reader, key));
        ASSERT_EQ(found, std::optional<std::string>(state));
    }
    for (const auto& [key, state] : absent) {
        ASSERT_OK_AND_ASSIGN(const auto found, find(*reader, key));
        ASSERT_FALSE(found.has_value());
    }
    EXPECT_FALSE(find(*reader, std::string(40, '\xff'))->has_value());
}

TEST(RunFile, ScansAnyRange) {
    MemoryFileSystem files;
    const TestRows rows = test_rows(9'000);
    const TestRows set = test_set(rows, 4'000, 9'000);
    Random random(1);
    for (const uint64_t bytes_max : {uint64_t{60'000}, uint64_t{1} << 30}) {
        const std::string path = fmt::format("runs/1/{}.run", bytes_max);
        ASSERT_OK_AND_ASSIGN(const manifest::Run run,
                             write_rows(files, path, rows, {set}, {.part_bytes_max = bytes_max}));
        ASSERT_OK_AND_ASSIGN(const auto reader, RunReader::open(files, run));
        for (int round = 0; round < 60; ++round) {
            // Bounds that are keys, lie between keys, are no bound, or are the wrong way round.
            std::string from = rows[random.below(rows.size())].first;
            std::string to = rows[random.below(rows.size())].first;
            if (round % 3 == 0) from += '\x7f';
            if (round % 5 == 0) to += '\0';
            if (round % 7 == 0) to.clear();
            ASSERT_OK_AND_ASSIGN(const TestRows groups, read_rows(*reader, 0, from, to));
            ASSERT_TRUE(groups == between(rows, from, to)) << round;
            ASSERT_OK_AND_ASSIGN(const TestRows values, read_rows(*reader, 1, from, to));
            ASSERT_TRUE(values == between(set, from, to)) << round;
        }
        EXPECT_TRUE(read_rows(*reader, 2)->empty());
    }
}

TEST(RunFile, TellsTheBlocksThatCanHoldARangeWithoutReadingOne) {
    MemoryFileSystem files;
    const TestRows rows = test_rows(9'000);
    Metrics metrics;
    ASSERT_OK_AND_ASSIGN(const manifest::Run run,
                         write_rows(files, kPath, rows, {rows}, {.part_bytes_max = 20'000}));
    constexpr uint64_t kRowsOfPart = 1'000;  // and fewer
    EXPECT_GT(run.parts.size(), 2 * rows.size() / kRowsOfPart);
    RunCache cache(files, {}, &metrics);
    ASSERT_OK_AND_ASSIGN(const auto reader, cache.get(run));
    Random random(1);
    for (int round = 0; round < 60; ++round) {
        const size_t first = random.below(rows.size());
        const size_t end = first + 1 + random.below(rows.size() - first);
        const std::string from = round % 7 == 0 ? "" : rows[first].first;
        const std::string to = end == rows.size() ? "" : rows[end].first;
        const size_t wanted = between(rows, from, to).size();
        std::vector<std::string> keys;
        uint64_t told = 0;
        ASSERT_OK(reader->visit_blocks(static_cast<uint32_t>(round % 2), from, to,
                                       [&](std::string_view key, uint64_t count) {
                                           keys.emplace_back(key);
                                           told += count;
                                       }));
        ASSERT_FALSE(keys.empty());
        EXPECT_TRUE(std::ranges::is_sorted(keys));
        EXPECT_LE(keys.front(), rows[round % 7 == 0 ? 0 : first].first);
        EXPECT_GE(told, wanted);
        EXPECT_LE(told, wanted + 2 * kRowsOfPart) << "but for the blocks at either end";
    }
    EXPECT_LE(ReadMetrics(metrics).misses.get(), run.parts.size()) << "indexes alone";
    EXPECT_OK(reader->visit_blocks(2, {}, {},
                                   [](std::string_view, uint64_t) { FAIL() << "no section"; }));
}

TEST(RunFile, KeepsSubkeysBySectionAcrossParts) {
    MemoryFileSystem files;
    const TestRows rows = test_rows(500);
    const std::vector<TestRows> sets = {{}, test_set(rows, 250, 6'000), test_set(rows, 0, 5)};
    ASSERT_OK_AND_ASSIGN(const manifest::Run run,
                         write_rows(files, kPath, rows, sets, {.part_bytes_max = 30'000}));
    EXPECT_EQ(run.rows, rows.size()) << "rows of a run are groups";
    std::map<uint32_t, uint64_t> in_section;
    Digest digest;
    for (const manifest::Part& part : run.parts) {
        in_section[part.section] += part.rows;
        digest.add(part.digest);
    }
    EXPECT_EQ(in_section,
              (std::map<uint32_t, uint64_t>{{0, 500}, {2, sets[1].size()}, {3, sets[2].size()}}));
    EXPECT_EQ(digest, run.digest);
    ASSERT_OK_AND_ASSIGN(const auto reader, RunReader::open(files, run));
    for (uint32_t section = 1; section <= 3; ++section) {
        for (const auto& [key, state] : rows) {
            TestRows found;
            ASSERT_OK(reader->find_rows(
                section, key, [&](uint32_t, const operators::StateRow& row) -> Result<void> {
                    found.emplace_back(row.key, row.subkey);
                    return {};
                }));
            ASSERT_EQ(found, between(sets[section - 1], key, key + '\0'));
        }
    }
    ASSERT_OK(reader->find_rows(9, "k", [](uint32_t, const operators::StateRow&) -> Result<void> {
        return internal_error("there is no such section");
    }));
}

TEST(RunFile, KeepsStatesUnderSubkeysWhereThereAreSome) {
    MemoryFileSystem files;
    RunFile file(files, kPath);
    const auto writer = RunWriter::create(file, {.part_bytes_max = 30'000});
    using Row = std::tuple<std::string, std::string, std::string>;
    std::vector<Row> rows;
    for (int key = 0; key < 30; ++key) {
        for (int subkey = 0; subkey < 200; ++subkey) {
            rows.emplace_back(fmt::format("key {:02}", key), fmt::format("subkey {:03}", subkey),
                              std::string(static_cast<size_t>(1 + (key + subkey) % 9), 's'));
        }
    }
    for (const auto& [key, subkey, state] : rows) {
        ASSERT_OK(writer->add(1, {key, subkey, state}));
        ASSERT_OK(writer->add(2, {key, subkey, {}}));
    }
    ASSERT_OK_AND_ASSIGN(const manifest::Run run, writer->finish());
    ASSERT_OK(file.put());
    uint64_t with_states = 0;
    uint64_t without = 0;
    for (const manifest::Part& part : run.parts) {
        EXPECT_LE(part.bytes, 30'000U);
        (part.section == 1 ? with_states : without) += part.bytes;
    }
    EXPECT_LT(without + 4 * rows.size(), with_states) << "a set has no column of states";
    ASSERT_OK_AND_ASSIGN(const auto reader, RunReader::open(files, run));
    for (const uint32_t section : {1U, 2U}) {
        ASSERT_OK_AND_ASSIGN(const auto cursor, reader->scan(section, {}, {}));
        operators::StateRow row;
        Digest digest;
        for (const auto& [key, subkey, state] : rows) {
            ASSERT_TRUE(cursor->next(row).value());
            ASSERT_EQ(std::tuple(row.key, row.subkey, row.state),
                      std::tuple(key, subkey, section == 1 ? state : std::string()));
            digest.add_row(section, row.key, row.subkey, row.state);
        }
        EXPECT_FALSE(cursor->next(row).value());
        for (const manifest::Part& part : run.parts) {
            if (part.section != section) digest.add(part.digest);
        }
        EXPECT_EQ(digest, run.digest);
    }
}

TEST(RunFileDeathTest, RowsOfASectionAllHaveAStateOrNone) {
    MemoryFileSystem files;
    RunFile file(files, kPath);
    const auto writer = RunWriter::create(file);
    ASSERT_OK(writer->add(1, {"k", "a", {}}));
    EXPECT_DEATH(static_cast<void>(writer->add(1, {"k", "b", "state"})), "");
}

TEST(RunFile, SplitsIntoPartsOfBoundedSize) {
    const TestRows rows = test_rows(20'000);
    for (const uint64_t bytes_max : {uint64_t{8'000}, uint64_t{50'000}, uint64_t{100'000}}) {
        MemoryFileSystem files;
        ASSERT_OK_AND_ASSIGN(const manifest::Run run,
                             write_rows(files, kPath, rows, {}, {.part_bytes_max = bytes_max}));
        std::string last;
        uint64_t end = 0;
        for (size_t index = 0; index < run.parts.size(); ++index) {
            const manifest::Part& part = run.parts[index];
            EXPECT_EQ(part.file, kPath);
            EXPECT_EQ(part.at, end) << "one behind the other";
            end += part.bytes;
            EXPECT_LE(part.bytes, bytes_max);
            EXPECT_TRUE(index == 0 || last < part.first_key);
            last = part.last_key;
            if (index + 1 < run.parts.size()) {
                EXPECT_GT(part.bytes + 6'000, bytes_max) << "not too small";
            }
        }
        EXPECT_EQ(files.info(kPath)->bytes, end);
    }
}

TEST(RunFile, TakesLargeStates) {
    MemoryFileSystem files;
    TestRows rows;
    for (int index = 0; index < 20; ++index) {
        rows.emplace_back(fmt::format("key {:02}", index), std::string(1'000'000, 'x'));
    }
    ASSERT_OK_AND_ASSIGN(const manifest::Run run, write_rows(files, kPath, rows));
    ASSERT_OK_AND_ASSIGN(const auto reader, RunReader::open(files, run));
    EXPECT_TRUE(read_rows(*reader, 0).value() == rows);
    ASSERT_OK_AND_ASSIGN(const manifest::Run split,
                         write_rows(files, "runs/1/4.run", rows, {}, {.part_bytes_max = 1'000}));
    EXPECT_EQ(split.parts.size(), rows.size()) << "a row is never split";
}

TEST(RunFile, DigestsDoNotDependOnTheSplit) {
    MemoryFileSystem files;
    const TestRows rows = test_rows(3'000);
    const auto whole = write_rows(files, "runs/1/1.run", rows);
    const auto split = write_rows(files, "runs/1/2.run", rows, {}, {.part_bytes_max = 20'000});
    EXPECT_GT(split->parts.size(), 1U);
    EXPECT_EQ(whole->digest, split->digest);
}

TEST(RunFile, HoldsRunsOfSeveralVersionsWrittenByAnyThread) {
    MemoryFileSystem files;
    RunFile file(files, kPath);
    std::vector<TestRows> rows;
    std::vector<manifest::Run> runs(4);
    for (uint64_t run = 0; run < runs.size(); ++run) rows.push_back(test_rows(1'000 + run));
    {
        std::vector<Thread> threads;
        for (size_t index = 0; index < runs.size(); ++index) {
            threads.emplace_back("writer", [&, index] {
                const auto writer = RunWriter::create(file, {.part_bytes_max = 5'000});
                for (const auto& [key, state] : rows[index]) {
                    ASSERT_OK(writer->add(0, {.key = key, .subkey = {}, .state = state}));
                }
                ASSERT_OK_AND_ASSIGN(runs[index], writer->finish());
            });
        }
    }
    EXPECT_FALSE(files.exists(kPath).value()) << "it is not put yet";
    ASSERT_OK(file.put());
    uint64_t bytes = 0;
    for (size_t index = 0; index < runs.size(); ++index) {
        EXPECT_GT(runs[index].parts.size(), 1U);
        for (const manifest::Part& part : runs[index].parts) bytes += part.bytes;
        ASSERT_OK_AND_ASSIGN(const auto reader, RunReader::open(files, runs[index]));
        EXPECT_TRUE(read_rows(*reader, 0).value() == rows[index]);
    }
    EXPECT_EQ(files.info(kPath)->bytes, bytes);
}

TEST(RunFile, TouchesNoFileOfItsName) {
    MemoryFileSystem files;
    ASSERT_OK_AND_ASSIGN(const manifest::Run first, write_rows(files, kPath, {{"first", "1"}}));
    EXPECT_ERROR(write_rows(files, kPath, {{"second", "2"}}), ErrorCode::kAlreadyExists);
    EXPECT_EQ(find(*RunReader::open(files, first).value(), "first").value(), "1");
}

TEST(RunFile, SurvivesAPowerCutOnceFinished) {
    const TestRows rows = test_rows(5'000);
    uint64_t operations = 0;
    for (uint64_t point = 0; point == 0 || point <= operations; ++point) {
        MemoryFileSystem files;
        if (point > 0) files.fail_all_after(point - 1);
        const auto run = write_rows(files, kPath, rows, {rows}, {.part_bytes_max = 60'000});
        if (point == 0) operations = files.operation_count();
        ASSERT_EQ(run.has_value(), point == 0 || point > operations);
        files.crash(CrashFate::kDropUnsynced, point);
        if (!run) continue;
        const auto reader = RunReader::open(files, *run).value();
        ASSERT_TRUE(read_rows(*reader, 0).value() == rows);
        ASSERT_TRUE(read_rows(*reader, 1).value() == rows);
    }
    EXPECT_GT(operations, 10U);
}

TEST(RunFile, SaysWhyItCouldNotBeWritten) {
    MemoryFileSystem files;
    const TestRows rows = test_rows(5'000);
    files.set_free_bytes(50'000);
    EXPECT_TRUE(IsError(ErrorCode::kExhausted, "53100")(write_rows(files, kPath, rows)));
    files.set_free_bytes(1'000'000);
    files.set_fault_hook([](const FileOperation& operation) -> Result<void> {
        if (operation.kind != FileOperation::Kind::kSync) return {};
        return Error(ErrorCode::kIo, "injected");
    });
    EXPECT_ERROR(write_rows(files, "runs/1/4.run", rows), ErrorCode::kIo);
}

TEST(RunFileDeathTest, RefusesRowsOutOfOrder) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    MemoryFileSystem files;
    EXPECT_DEATH((void)write_rows(files, kPath, {{"b", ""}, {"a", ""}}), "last_key_");
    EXPECT_DEATH((void)write_rows(files, kPath, {{"a", ""}, {"a", "x"}}), "last_key_");
    EXPECT_DEATH((void)write_rows(files, kPath, {}, {{{"a", "2"}, {"a", "2"}}}), "last_key_");
    EXPECT_OK(write_rows(files, kPath, {}, {{{"a", "2"}, {"a", "3"}, {"b", "1"}}}));
}

/// Reads everything there is, both ways.
Result<void> read_all(FileSystem& files, const manifest::Run& run, const TestRows& rows) {
    const auto reader = TRY(RunReader::open(files, run));
    const TestRows read = TRY(read_rows(*reader, 0));
    EXPECT_TRUE(read == rows) << "wrong rows were served";
    return {};
}

TEST(RunFileDamage, IsFoundWhereverABitFlips) {
    MemoryFileSystem files;
    const TestRows rows = test_rows(4'200);
    ASSERT_OK_AND_ASSIGN(const manifest::Run run, write_rows(files, kPath, rows));
    const std::string path = run.parts[0].file;
    const uint64_t size = run.parts[0].bytes;
    std::set<uint64_t> places;
    for (uint64_t at = 0; at < size; at += 173) places.insert(at);
    for (uint64_t at = 0; at < 900; ++at) places.insert(at);
    for (uint64_t at = size - 1'500; at < size; ++at) places.insert(at);
    uint64_t unnoticed = 0;
    for (const uint64_t at : places) {
        const int bit = static_cast<int>(at % 8);
        ASSERT_OK(files.flip_bit(path, at, bit));
        const Result<void> outcome = read_all(files, run, rows);
        if (outcome) {  // in the filter: it is read apart, and then holds nothing back
            ++unnoticed;
            const auto reader = RunReader::open(files, run).value();
            ASSERT_EQ(reader->filter(0), nullptr) << "byte " << at;
        } else {
            ASSERT_TRUE(IsError(ErrorCode::kCorrupt)(outcome)) << "byte " << at;
            ASSERT_NE(outcome.error().to_string().find(path), std::string::npos) << "byte " << at;
        }
        ASSERT_OK(files.flip_bit(path, at, bit));
    }
    EXPECT_LE(unnoticed, KeyFilter::bytes_for(rows.size()));
    EXPECT_OK(read_all(files, run, rows));
}

TEST(RunFileDamage, HidesOnlyTheBlockThatItHit) {
    MemoryFileSystem files;
    const TestRows rows = test_rows(10'000);
    ASSERT_OK_AND_ASSIGN(const manifest::Run run, write_rows(files, kPath, rows));
    ASSERT_OK(files.flip_bit(run.parts[0].file, run.parts[0].bytes / 2, 0));
    ASSERT_OK_AND_ASSIGN(const auto reader, RunReader::open(files, run));
    EXPECT_OK(find(*reader, rows.front().first));
    EXPECT_OK(find(*reader, rows.back().first));
    for (int again = 0; again < 2; ++again) {
        EXPECT_ERROR(find(*reader, rows[5'000].first), ErrorCode::kCorrupt);
        EXPECT_ERROR(read_rows(*reader, 0), ErrorCode::kCorrupt);
    }
}

TEST(RunFileDamage, IsFoundWhenTheFileIsAnother) {
    MemoryFileSystem files;
    const TestRows rows = test_rows(300);
    ASSERT_OK_AND_ASSIGN(const manifest::Run run, write_rows(files, kPath, rows));
    ASSERT_OK_AND_ASSIGN(const manifest::Run other,
                         write_rows(files, "runs/1/4.run", test_rows(299)));
    const auto refused = [&](auto change) {
        manifest::Run wrong = run;
        change(wrong.parts[0]);
        return IsError(ErrorCode::kCorrupt)(read_all(files, wrong, rows));
    };
    EXPECT_TRUE(refused([&](manifest::Part& part) { part.file = other.parts[0].file; }));
    EXPECT_TRUE(refused([](manifest::Part& part) { part.file = "runs/1/9.run"; }));
    EXPECT_TRUE(refused([](manifest::Part& part) { part.crc ^= 1; }));
    EXPECT_TRUE(refused([](manifest::Part& part) { part.rows += 1; }));
    EXPECT_TRUE(refused([](manifest::Part& part) { part.digest.low += 1; }));
    manifest::Run moved = run;
    moved.parts[0].section = 1;
    EXPECT_ERROR(read_rows(*RunReader::open(files, moved).value(), 1), ErrorCode::kCorrupt);
    ASSERT_OK(files.truncate(run.parts[0].file, run.parts[0].bytes - 1));
    EXPECT_ERROR(read_all(files, run, rows), ErrorCode::kCorrupt);
    for (const uint64_t bytes :
         {uint64_t{100}, uint64_t{41}, uint64_t{39}, uint64_t{9}, uint64_t{0}}) {
        ASSERT_OK(files.truncate(run.parts[0].file, bytes));
        EXPECT_TRUE(refused([&](manifest::Part& part) { part.bytes = bytes; }));
    }
}

TEST(RunFileDamage, IsFoundInTheOrderOfParts) {
    MemoryFileSystem files;
    ASSERT_OK_AND_ASSIGN(manifest::Run run, write_rows(files, kPath, test_rows(5'000), {},
                                                       {.part_bytes_max = 30'000}));
    ASSERT_GT(run.parts.size(), 2U);
    std::swap(run.parts[0], run.parts[1]);
    EXPECT_ERROR(RunReader::open(files, run), ErrorCode::kCorrupt);
    run.parts[0] = run.parts[1];
    EXPECT_ERROR(RunReader::open(files, run), ErrorCode::kCorrupt);
}

/// Damages every block and the tail of a part; a second time mends them.
void spoil(MemoryFileSystem& files, const manifest::Part& part) {
    for (uint64_t at = 0; at < part.bytes; at += 100) {
        ASSERT_OK(files.flip_bit(part.file, part.at + at, 0));
    }
    ASSERT_OK(files.flip_bit(part.file, part.at + part.bytes - 1, 1));
}

TEST(RunReader, OpensPartsWhenTheyAreNeeded) {
    MemoryFileSystem files;
    const TestRows rows = test_rows(5'000);
    ASSERT_OK_AND_ASSIGN(const manifest::Run run,
                         write_rows(files, kPath, rows, {}, {.part_bytes_max = 30'000}));
    for (const manifest::Part& part : run.parts) spoil(files, part);
    ASSERT_OK_AND_ASSIGN(const auto reader, RunReader::open(files, run));
    EXPECT_ERROR(find(*reader, rows.back().first), ErrorCode::kCorrupt);
    spoil(files, run.parts.back());
    EXPECT_OK(find(*reader, rows.back().first));
    EXPECT_ERROR(find(*reader, rows.front().first), ErrorCode::kCorrupt);
}

TEST(RunReader, AMissingFileIsNamed) {
    MemoryFileSystem files;
    ASSERT_OK_AND_ASSIGN(const manifest::Run run, write_rows(files, kPath, test_rows(5'000), {},
                                                             {.part_bytes_max = 30'000}));
    ASSERT_OK_AND_ASSIGN(const auto reader, RunReader::open(files, run));
    ASSERT_OK(files.remove(kPath));
    const auto refused = read_rows(*reader, 0);
    ASSERT_TRUE(IsError(ErrorCode::kCorrupt)(refused));
    EXPECT_NE(refused.error().message().find(kPath), std::string::npos);
}

TEST(RunReader, WhatLiesBeforeACutIsRead) {
    MemoryFileSystem files;
    ASSERT_OK_AND_ASSIGN(const manifest::Run run, write_rows(files, kPath, test_rows(5'000), {},
                                                             {.part_bytes_max = 30'000}));
    ASSERT_OK(files.truncate(kPath, run.parts[1].at + run.parts[1].bytes - 1));
    ASSERT_OK_AND_ASSIGN(const auto reader, RunReader::open(files, run));
    EXPECT_OK(find(*reader, run.parts[0].first_key));
    EXPECT_ERROR(find(*reader, run.parts[1].first_key), ErrorCode::kCorrupt);
}

TEST(RunReader, TouchesNoPartBehindTheRange) {
    MemoryFileSystem files;
    ASSERT_OK_AND_ASSIGN(const manifest::Run run, write_rows(files, kPath, test_rows(5'000), {},
                                                             {.part_bytes_max = 30'000}));
    ASSERT_OK_AND_ASSIGN(const auto reader, RunReader::open(files, run));
    const auto& part = run.parts[1];
    for (const manifest::Part& other : run.parts) {
        if (other.at != part.at) spoil(files, other);
    }
    ASSERT_OK_AND_ASSIGN(const TestRows rows,
                         read_rows(*reader, 0, part.first_key, run.parts[2].first_key));
    EXPECT_EQ(rows.size(), part.rows);
}

TEST(RunReader, FiltersHoldBackNoKeyThatIsThere) {
    MemoryFileSystem files;
    const TestRows rows = test_rows(5'000);
    ASSERT_OK_AND_ASSIGN(const manifest::Run run, write_rows(files, kPath, rows, {rows}));
    RunCache cache(files);
    ASSERT_OK_AND_ASSIGN(const auto reader, cache.get(run));
    ASSERT_EQ(reader->group_parts(), 1U);
    const KeyFilter* filter = reader->filter(0);
    ASSERT_NE(filter, nullptr);
    for (const auto& [key, state] : rows) ASSERT_TRUE(filter->may_hold(hash64(key)));
}

TEST(RunReader, WithoutRoomThereIsNoFilter) {
    MemoryFileSystem files;
    ASSERT_OK_AND_ASSIGN(const manifest::Run run, write_rows(files, kPath, test_rows(5'000)));
    RunCache cache(files, {.bytes_max = 8'000});
    ASSERT_OK_AND_ASSIGN(const auto reader, cache.get(run));
    EXPECT_EQ(reader->filter(0), nullptr);
    EXPECT_EQ(read_rows(*reader, 0)->size(), 5'000U) << "nor for a block: read each time";
}

/// What a process sees of files that change under it: what it has read before is right or refused.
TEST(RunFileDamage, WhileReadingIsRefusedOrNeverNeeded) {
    const TestRows rows = test_rows(4'000);
    for (const uint64_t memory : {uint64_t{0}, uint64_t{200'000}, uint64_t{64} << 20}) {
        MemoryFileSystem files;
        ASSERT_OK_AND_ASSIGN(const manifest::Run run,
                             write_rows(files, kPath, rows, {rows}, {.part_bytes_max = 40'000}));
        Metrics metrics;
        RunCache cache(files, {.bytes_max = memory, .files_max = 2}, &metrics);
        ASSERT_OK_AND_ASSIGN(const auto reader, cache.get(run));
        for (const uint32_t section : {0U, 1U}) {
            ASSERT_TRUE(read_rows(*reader, section).value() == rows);
        }
        Random random(memory);
        int refusals = 0;
        for (int round = 0; round < 150; ++round) {
            const manifest::Part& part = run.parts[random.below(run.parts.size())];
            const uint64_t at = random.below(part.bytes);
            const int bit = static_cast<int>(random.below(8));
            ASSERT_OK(files.flip_bit(part.file, part.at + at, bit));
            const uint32_t section = part.section;
            const auto read = read_rows(*reader, section);
            if (read) {
                ASSERT_TRUE(*read == rows) << "byte " << at;
            } else {
                ++refusals;
                ASSERT_TRUE(IsError(ErrorCode::kCorrupt)(read));
                ASSERT_NE(read.error().message().find(part.file), std::string::npos);
            }
            const auto& [key, state] = rows[random.below(rows.size())];
            const auto found = find(*reader, key);
            ASSERT_TRUE(found ? *found == state : IsError(ErrorCode::kCorrupt)(found));
            ASSERT_OK(files.flip_bit(part.file, part.at + at, bit));
        }
        if (memory == 0) {
            EXPECT_GT(refusals, 100);
        }
        EXPECT_EQ(refusals == 0, memory == uint64_t{64} << 20) << refusals;
        ASSERT_OK(files.truncate(run.parts[0].file, run.parts[0].bytes / 2));
        const auto cut = read_rows(*reader, 0);
        ASSERT_TRUE(cut ? *cut == rows : IsError(ErrorCode::kCorrupt)(cut));
        if (memory != 100'000) {
            EXPECT_EQ(cut.has_value(), memory != 0) << "kept whole, or not at all";
        }
        EXPECT_NE(metrics.to_prometheus().find("braid_read_damaged_total"), std::string::npos);
    }
}

TEST(RunCache, OpenFilesDoNotGrowWithTheNumberOfRuns) {
    MemoryFileSystem files;
    RunCache cache(files, {.bytes_max = 1 << 20, .files_max = 10});
    for (uint64_t id = 1; id <= 200; ++id) {
        ASSERT_OK_AND_ASSIGN(manifest::Run run,
                             write_rows(files, fmt::format("runs/1/{}.run", id), test_rows(20)));
        run.id = {id};
        ASSERT_OK_AND_ASSIGN(const auto reader, cache.get(run));
        ASSERT_EQ(read_rows(*reader, 0)->size(), 20U);
        EXPECT_LE(cache.open_file_count(), 10U);
    }
}

TEST(RunReader, IsSharedByThreads) {
    MemoryFileSystem files;
    const TestRows rows = test_rows(20'000);
    ASSERT_OK_AND_ASSIGN(const manifest::Run run,
                         write_rows(files, kPath, rows, {}, {.part_bytes_max = 200'000}));
    RunCache cache(files);
    const auto work = [&](uint64_t seed) {
        Random random(seed);
        const auto reader = cache.get(run).value();
        for (int round = 0; round < 2'000; ++round) {
            const auto& [key, state] = rows[random.below(rows.size())];
            ASSERT_EQ(find(*reader, key).value(), std::optional<std::string>(state));
        }
        ASSERT_TRUE(read_rows(*reader, 0).value() == rows);
    };
    const Thread first("first", [&] { work(1); });
    const Thread second("second", [&] { work(2); });
    work(3);
}

TEST(RunCache, KeepsReadersUntilToldToForget) {
    MemoryFileSystem files;
    ASSERT_OK_AND_ASSIGN(manifest::Run run, write_rows(files, kPath, test_rows(5)));
    run.id = {7};
    RunCache cache(files);
    ASSERT_OK_AND_ASSIGN(const auto first, cache.get(run));
    EXPECT_EQ(cache.get(run).value(), first);
    cache.forget({7});
    cache.forget({8});
    ASSERT_OK_AND_ASSIGN(const auto second, cache.get(run));
    EXPECT_NE(second, first);
    EXPECT_TRUE(find(*first, "")->has_value()) << "whoever holds it goes on";
}

}  // namespace
}  // namespace braid::runs
