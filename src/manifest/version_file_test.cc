// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "base/hash.h"
#include "base/random.h"
#include "base/test_support.h"
#include "manifest/test_support.h"
#include "manifest/version_file_internal.h"

namespace braid::manifest {
namespace {

constexpr int64_t kNow = 1'700'000'000'000'000;

std::string with_crc(std::string json) {
    json += '\n';
    return json + fmt::format("crc32c {:08x}\n", crc32c(json));
}

/// The state after all sample commits, each written as a file and read again before it is applied.
State replay_samples() {
    State state;
    for (const std::vector<Change>& changes : sample_commits()) {
        const ManifestNumber number{state.number.value + 1};
        const Result<std::string> text = write_version(number, "w", kNow, changes, nullptr);
        EXPECT_OK(text);
        Result<VersionFile> file = read_version(*text, "f");
        EXPECT_OK(file);
        if (!file) return state;
        // What was read writes the same bytes.
        EXPECT_EQ(*write_version(file->number, file->writer, file->at_us, file->changes, nullptr),
                  *text);
        Result<State> next = apply(state, file->changes, file->at_us);
        EXPECT_OK(next);
        if (!next) return state;
        next->number = number;
        state = *std::move(next);
    }
    return state;
}

TEST(VersionFile, HoldsEveryChange) {
    State direct;
    std::set<size_t> kinds;
    for (const std::vector<Change>& changes : sample_commits()) {
        const uint64_t number = direct.number.value + 1;
        for (const Change& change : changes) kinds.insert(change.index());
        ASSERT_OK_AND_ASSIGN(direct, apply(direct, changes, kNow));
        direct.number.value = number;
    }
    EXPECT_EQ(kinds.size(), std::variant_size_v<Change>) << "the samples miss a kind of change";
    EXPECT_EQ(to_text(replay_samples()), to_text(direct));
}

TEST(VersionFile, HoldsAWholeState) {
    const State state = replay_samples();
    ASSERT_FALSE(state.retired.empty());
    ASSERT_OK_AND_ASSIGN(const std::string text,
                         write_version(state.number, "w", kNow, {DropTable{{1}}}, &state));
    ASSERT_OK_AND_ASSIGN(const VersionFile file, read_version(text, "f"));
    ASSERT_TRUE(file.state.has_value());
    EXPECT_EQ(file.state->number, state.number);
    EXPECT_EQ(to_text(*file.state), to_text(state));
    EXPECT_EQ(file.changes.size(), 1U);
    ASSERT_EQ(file.state->dropped.size(), 1U);
    EXPECT_EQ(file.state->dropped[0].table, TableId{11});
    const TableState& stream = file.state->tables.at({1});
    ASSERT_EQ(stream.retired_segments.size(), 1U);
    EXPECT_EQ(stream.retired_segments[0].file, "dataset/1/x-1-0.parquet");
    EXPECT_EQ(stream.segments[0].level, 1U);
    EXPECT_EQ(stream.segments[0].raw_bytes, 1000U);
    const catalog::Table& table = file.state->catalog.tables.at({1});
    EXPECT_EQ(table.options, state.catalog.tables.at({1}).options);
    EXPECT_EQ(table.columns, state.catalog.tables.at({1}).columns);
    EXPECT_EQ(file.state->runs_of({3})[0].parts[0].first_key, std::string("\0\x7f", 2));
}

TEST(VersionFile, FindsEveryFlippedBit) {
    ASSERT_OK_AND_ASSIGN(const std::string good,
                         write_version({7}, "w", kNow, sample_commits()[3], nullptr));
    for (size_t index = 0; index < good.size(); ++index) {
        std::string bad = good;
        bad[index] = static_cast<char>(bad[index] ^ (1 << (index % 8)));
        const Result<VersionFile> read = read_version(bad, "manifest/7");
        // A digit of the checksum in the other case says the same.
        if (read && index >= good.size() - 9 && (bad[index] ^ good[index]) == 0x20) continue;
        ASSERT_TRUE(IsError(ErrorCode::kCorrupt)(read)) << "byte " << index;
        ASSERT_NE(read.error().message().find("manifest/7"), std::string::npos);
    }
}

TEST(VersionFile, FindsEveryTruncation) {
    ASSERT_OK_AND_ASSIGN(const std::string good,
                         write_version({7}, "w", kNow, sample_commits()[0], nullptr));
    for (size_t size = 0; size < good.size(); ++size) {
        ASSERT_ERROR(read_version(good.substr(0, size), "f"), ErrorCode::kCorrupt);
    }
    EXPECT_ERROR(read_version(good + "\n", "f"), ErrorCode::kCorrupt);
    EXPECT_ERROR(read_version(good + good, "f"), ErrorCode::kCorrupt);
}

TEST(VersionFile, IsNotUnderstoodWhenSomethingIsOfAnotherForm) {
    const std::string head = R"({"braid_manifest":1,"number":1,"writer":"w","at_us":1,"changes":)";
    const auto read = [&](const std::string& rest) {
        return read_version(with_crc(head + rest), "f");
    };
    ASSERT_OK(read("[]}"));
    ASSERT_OK(read(R"([{"drop_table":1}]})"));
    for (const char* rest : {
             "[",
             "{}}",
             "[1]}",
             "[{}]}",
             R"([{"drop_tables":1}]})",
             R"([{"drop_table":"1"}]})",
             R"([{"drop_table":-1}]})",
             R"([{"drop_table":1.5}]})",
             R"([{"choose_cut":{"table":1}}]})",
             R"([{"choose_cut":{"table":1,"cut":[1,"2"]}}]})",
             R"([{"seal":{"table":1,"box":[[0,1]],"runs":[]}}]})",
             R"([{"seal":{"table":1,"box":[[4294967296,1,2]],"runs":[]}}]})",
             R"([{"release":[1,null]}]})",
             R"([],"state":{}})",
             R"([],"state":null})",
         }) {
        EXPECT_ERROR(read(rest), ErrorCode::kCorrupt) << rest;
    }
    EXPECT_ERROR(read_version(with_crc("[]"), "f"), ErrorCode::kCorrupt);
    EXPECT_ERROR(read_version(with_crc(""), "f"), ErrorCode::kCorrupt);
}

TEST(VersionFile, RefusesAFormatThatItDoesNotKnow) {
    const std::string text =
        with_crc(R"({"braid_manifest":2,"number":1,"writer":"w","at_us":1,"changes":[]})");
    EXPECT_ERROR(read_version(text, "f"), ErrorCode::kUnsupported);
}

TEST(VersionFile, IsNotWrittenWithTextThatIsNotUtf8) {
    for (const char* name : {"\xff", "a\xc3", "\xed\xa0\x80"}) {
        EXPECT_TRUE(IsError(ErrorCode::kInvalidInput, "22021")(
            write_version({1}, "w", kNow, {CreateTable{test_table({1}, name)}}, nullptr)));
    }
}

TEST(VersionFile, SurvivesAnyDamageWithAGoodChecksum) {
    Random random(7);
    const State state = replay_samples();
    ASSERT_OK_AND_ASSIGN(std::string good,
                         write_version({7}, "w", kNow, sample_commits()[7], &state));
    good.resize(good.size() - 17);
    for (int round = 0; round < 3'000; ++round) {
        std::string bad = good;
        for (uint64_t edits = 1 + random.below(3); edits > 0; --edits) {
            const size_t place = random.below(bad.size());
            if (random.below(2) == 0) {
                bad[place] = good[random.below(good.size())];
            } else {
                bad.erase(place, random.below(40));
            }
        }
        static_cast<void>(read_version(with_crc(bad), "f"));  // an answer or an error, no crash
    }
}

}  // namespace
}  // namespace braid::manifest
