// SPDX-License-Identifier: Apache-2.0
// Opens the samples of docs/formats/manifest.md. They are never written again: what a later build
// says of them must stay what it is here.
#include <gtest/gtest.h>

#include "base/memory_file_system.h"
#include "base/posix_file_system.h"
#include "base/test_support.h"
#include "manifest/test_support.h"

namespace braid::manifest {
namespace {

/// The state that a sample directory holds; opening needs a place to write.
Result<StatePtr> open_sample(const std::string& directory) {
    const auto disk = TRY(open_posix_file_system("docs/formats/samples"));
    MemoryFileSystem files;
    TRY(files.create_directories("manifest/_tmp"));
    for (const std::string& name : TRY(disk->list(directory))) {
        const std::string text = TRY(disk->read_all(directory + "/" + name));
        TRY(put_new(files, "manifest/" + name, as_bytes(text)));
    }
    const SteppedClock clock;
    const auto manifest = TRY(Manifest::open(files, clock, "manifest"));
    return manifest->head();
}

void expect_sample_state(const State& state) {
    const catalog::Table& table = state.catalog.tables.at({1});
    EXPECT_EQ(table.name, "Zugriff \"é\" \\ \n\t\x01\x7f 日志");
    EXPECT_EQ(table.log.hex, "00000000000000000000000000000001");
    EXPECT_EQ(table.partition_count, 2U);
    EXPECT_EQ(table.option("path", ""), "/var/log/\\\"*\".log");
    EXPECT_EQ(table.columns.fields[1].type, Type::numeric(38, 0));
    const catalog::MaterializedView& view = state.catalog.views.at({2});
    EXPECT_EQ(view.name, "Besuche 'täglich'");
    EXPECT_TRUE(view.versions.at(0).is_populated);
    EXPECT_EQ(view.versions[0].function_data.at(0).source, "city 2026-11");
    EXPECT_TRUE(state.catalog.plain_views.empty());
    EXPECT_EQ(state.catalog.function_data.at("geo").version, 1U);

    const TableState& stream = state.tables.at({1});
    EXPECT_EQ(stream.sealed_frontier, at({20, 12}));
    EXPECT_EQ(stream.archive_end, at({10, 9}));
    ASSERT_EQ(stream.segments.size(), 2U);
    EXPECT_EQ(stream.segments[1].file, "dataset/1/x-1-0.parquet");
    EXPECT_EQ(table.dataset_folder, catalog::dataset_folder(table.name, {1}));
    EXPECT_EQ(stream.cuts.at(0).cut, at({9, 9}));
    ASSERT_EQ(state.runs_of({3}).size(), 2U);
    const auto& run = state.runs_of({3})[0];
    EXPECT_EQ(run.kind, RunKind::kBatch);
    EXPECT_EQ(run.box, box({0, 0}, {9, 9}));
    EXPECT_EQ(run.parts.at(0).last_key, "\xff\"z");
    EXPECT_EQ(run.parts[0].crc, 0xfedcba98U);
    EXPECT_EQ(run.parts[0].digest, (Digest{.low = 0xffffffffffffffff, .high = 7}));
    EXPECT_EQ(state.audits[0].difference, "key \"x\"\n");
    EXPECT_EQ(state.catalog.next_id, 8U);
    EXPECT_EQ(state.next_run, 14U);
    EXPECT_EQ(state.open_runs, (std::vector<IdRange>{{4, 7}}));
    EXPECT_FALSE(state.retired.empty());
}

TEST(ManifestSample, OpensFromTheFirstVersion) {
    ASSERT_OK_AND_ASSIGN(const StatePtr state, open_sample("manifest"));
    EXPECT_EQ(state->number, ManifestNumber{14});
    expect_sample_state(*state);
    EXPECT_FALSE(state->tables.at({1}).cut_in_flight.has_value());
}

TEST(ManifestSample, OpensFromAWholeVersion) {
    ASSERT_OK_AND_ASSIGN(const StatePtr state, open_sample("manifest_whole"));
    EXPECT_EQ(state->number, ManifestNumber{257});
    expect_sample_state(*state);
}

TEST(ManifestSample, OpensWithACandidate) {
    ASSERT_OK_AND_ASSIGN(const StatePtr state, open_sample("manifest_candidate"));
    EXPECT_EQ(state->number, ManifestNumber{19});
    const TableState& stream = state->tables.at({1});
    ASSERT_TRUE(stream.candidate.has_value());
    EXPECT_EQ(stream.candidate->runs.at(0).id, RunId{16});
    EXPECT_EQ(stream.cut_in_flight, at({20, 12}));
    EXPECT_EQ(state->pending_audits({1}), (std::vector<uint64_t>{4}));
    std::vector<std::string_view> verdicts;
    for (const Audit& audit : state->audits) verdicts.push_back(to_text(audit.verdict));
    EXPECT_EQ(verdicts,
              (std::vector<std::string_view>{"accepted", "accepted", "rejected", "pending"}));
    EXPECT_EQ(state->runs_of({3})[0].id, RunId{14});
}

TEST(ManifestSample, OpensWithPartitionsThatCameLater) {
    ASSERT_OK_AND_ASSIGN(const StatePtr state, open_sample("manifest_growth"));
    EXPECT_EQ(state->number, ManifestNumber{5});
    constexpr int64_t kFar = 1LL << 40;
    const TableState& stream = state->tables.at({8});
    EXPECT_EQ(state->catalog.tables.at({8}).partition_count, 3U);
    EXPECT_EQ(stream.origin, at({17, kFar, 0}));
    EXPECT_EQ(stream.archive_end, at({22, kFar, 0}));
    EXPECT_EQ(stream.sealed_frontier, at({25, kFar + 4, 0}));
    EXPECT_EQ(stream.cuts.at(0).cut, at({22, kFar, 0}));
    EXPECT_EQ(state->audits[0].cut, at({22}));
    EXPECT_EQ(state->catalog.views.at({9}).versions.at(0).first_seal, at({17, kFar, 0}));
    ASSERT_EQ(state->runs_of({10}).size(), 2U);
    EXPECT_EQ(state->runs_of({10})[0].box, box({17}, {22}));
    EXPECT_EQ(state->runs_of({10})[1].box, box({22, kFar}, {25, kFar + 4}));
}

TEST(ManifestSample, OpensWithABatchThatWentOn) {
    ASSERT_OK_AND_ASSIGN(const StatePtr state, open_sample("manifest_increments"));
    EXPECT_EQ(state->number, ManifestNumber{8});
    constexpr int64_t kFar = 1LL << 40;
    const TableState& stream = state->tables.at({8});
    ASSERT_EQ(stream.cuts.size(), 1U);
    EXPECT_EQ(stream.cuts[0].cut, at({25, kFar + 4, 0}));
    EXPECT_EQ(stream.cuts[0].runs, (std::vector<RunId>{{52}, {54}}));
    EXPECT_EQ(stream.recomputed_at_us, 1'700'000'003'000'000);
    ASSERT_EQ(state->runs_of({10}).size(), 2U);
    EXPECT_EQ(state->runs_of({10})[1].increments, 1U);
    EXPECT_EQ(state->runs_of({10})[1].box, box({22, kFar}, {25, kFar + 4}));
    EXPECT_EQ(state->batch_end({10}), stream.cuts[0].cut);
}

TEST(ManifestSample, OpensWithHorizons) {
    ASSERT_OK_AND_ASSIGN(const StatePtr state, open_sample("manifest_retention"));
    EXPECT_EQ(state->number, ManifestNumber{6});
    constexpr int64_t kFirst = 1'700'000'000'000'000;
    constexpr int64_t kSecond = kFirst + 86'400'000'000;
    const TableState& stream = state->tables.at({12});
    EXPECT_EQ(stream.clock_us, kSecond + 1);
    EXPECT_EQ(stream.horizon_us, kSecond);
    EXPECT_EQ(stream.horizons, (std::vector<Horizon>{{at({4}), kFirst - 1}, {at({6}), kSecond}}));
    EXPECT_EQ(state->catalog.views.at({13}).retention_us, 604'800'000'000);
    EXPECT_EQ(state->runs_of({14})[0].expired, 2U);
}

TEST(ManifestSample, OpensWithAnErasure) {
    ASSERT_OK_AND_ASSIGN(const StatePtr state, open_sample("manifest_erasure"));
    EXPECT_EQ(state->number, ManifestNumber{13});
    const TableState& stream = state->tables.at({8});
    ASSERT_EQ(stream.erasures.size(), 1U);
    const Erasure& erasure = stream.erasures[0];
    EXPECT_EQ(erasure.id, 1U);
    EXPECT_EQ(erasure.predicate_hash, "00ff");
    EXPECT_EQ(erasure.rows, 1U);
    EXPECT_EQ(erasure.at_us, 1'700'000'008'000'000);
    EXPECT_EQ(erasure.published_at_us, 1'700'000'010'000'000);
    EXPECT_EQ(erasure.done_at_us, 1'700'000'011'000'000);
    EXPECT_EQ(stream.erasure_epoch, 1U);
    EXPECT_EQ(stream.readable_from, ManifestNumber{11});
    EXPECT_EQ(stream.segments[0].erased_rows, 1U);
    ASSERT_EQ(stream.cuts.size(), 1U);
    EXPECT_EQ(state->runs_of({10})[0].erased, 1U);
}

TEST(ManifestSample, OpensWithTablesThatWereDropped) {
    ASSERT_OK_AND_ASSIGN(const StatePtr state, open_sample("manifest_dropped"));
    EXPECT_EQ(state->number, ManifestNumber{258});
    ASSERT_EQ(state->dropped.size(), 2U);
    EXPECT_EQ(state->dropped[0].table, TableId{2});
    EXPECT_EQ(state->dropped[0].dataset_folder, "dataset/t-2");
    EXPECT_EQ(state->dropped[0].at_us, 6);
    EXPECT_EQ(state->dropped[1].table, TableId{3});
    EXPECT_EQ(state->dropped[1].dataset_folder, "dataset/kept-3");
}

}  // namespace
}  // namespace braid::manifest
