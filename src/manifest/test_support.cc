// SPDX-License-Identifier: Apache-2.0
#include "manifest/test_support.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include <fmt/format.h>

#include "base/check.h"
#include "catalog/view_versions.h"
#include "manifest/version_file_internal.h"

namespace braid::manifest {

catalog::Table test_table(TableId id, std::string name, uint32_t partition_count) {
    std::string folder = catalog::dataset_folder(name, id);
    return {
        .id = id,
        .log = {fmt::format("{:032x}", id.value)},
        .name = std::move(name),
        .columns = {{{"at", Type::of(TypeKind::kTimestampTz)}, {"price", Type::numeric(10, 2)}}},
        .connector = "http",
        .format = "json",
        .options = {{"connector", "http"}, {"format", "json"}},
        .partition_count = partition_count,
        .created_at_us = 1,
        .dataset_folder = std::move(folder)};
}

catalog::MaterializedView test_view(ViewId id, VersionId version, TableId table, std::string name) {
    return {.id = id,
            .name = std::move(name),
            .table = table,
            .versions = {{.id = version,
                          .definition = "SELECT count(*) FROM t",
                          .time_zone = "UTC",
                          .function_data = {},
                          .first_seal = {},
                          .is_populated = false}},
            .current = version,
            .created_at_us = 2};
}

Run test_run(RunId id, VersionId version, RunKind kind, Box box) {
    Run run{.id = id, .version = version, .kind = kind, .box = std::move(box)};
    for (const Interval& each : run.box.intervals) {
        run.counted += static_cast<uint64_t>(each.to.value - each.from.value);
    }
    return run;
}

Segment test_segment(uint32_t partition, int64_t from, int64_t to) {
    return test_segment(Box{{{{partition}, {from}, {to}}}});
}

Segment test_segment(Box box) {
    const Interval& first = box.intervals.front();
    const uint64_t rows = box.width();
    return {
        .file = fmt::format("dataset/1/x-{}-{}.parquet", first.partition.value, first.from.value),
        .box = std::move(box),
        .rows = rows,
        .bad_rows = 0,
        .bytes = 100,
        .crc = 7,
        .ingest_day = "2026-11-22"};
}

Positions at(std::vector<int64_t> offsets) {
    Positions positions;
    for (const int64_t offset : offsets) positions.at.push_back({offset});
    return positions;
}

Box box(std::vector<int64_t> from, std::vector<int64_t> to) {
    return Box::between(at(std::move(from)), at(std::move(to)));
}

std::string to_text(const State& state) {
    Result<std::string> text = write_version(state.number, "", 0, {}, &state);
    CHECK(text.has_value());
    return *std::move(text);
}

Result<void> TestHistory::apply(std::vector<Change> changes) {
    now_us += 1'000;
    State next = TRY(manifest::apply(state, changes, now_us));
    next.number.value = state.number.value + 1;
    state = std::move(next);
    return {};
}

TableId TestHistory::add_table(const std::string& name, uint32_t partition_count) {
    const TableId id = new_id();
    CHECK(apply({CreateTable{test_table(id, name, partition_count)}}).has_value());
    return id;
}

TableId TestHistory::add_table_at(const std::string& name, const Positions& origin) {
    const TableId id = new_id();
    CHECK(apply({CreateTable{test_table(id, name, origin.partition_count()), origin}}).has_value());
    return id;
}

void TestHistory::add_partition(TableId table, int64_t origin) {
    Positions grown = state.table(table)->origin;
    grown.at.push_back({origin});
    CHECK(apply({Grow{table, grown}}).has_value());
}

VersionId TestHistory::add_view(TableId table, const std::string& name) {
    const ViewId id = new_id();
    const VersionId version = {id.value + 1};
    CHECK(apply({CreateView{test_view(id, version, table, name)}}).has_value());
    return version;
}

std::vector<VersionId> TestHistory::versions_of(TableId table) const {
    return catalog::versions_of(state.catalog, table);
}

Seal TestHistory::seal(TableId table, const Positions& to) const {
    Seal seal{.table = table, .box = Box::between(state.table(table)->sealed_frontier, to)};
    uint64_t run = state.next_run;
    for (const VersionId version : versions_of(table)) {
        seal.runs.push_back(test_run({run++}, version, RunKind::kSealed, seal.box));
    }
    return seal;
}

Publish TestHistory::publish(TableId table) const {
    const TableState& of = *state.table(table);
    Publish publish{.table = table, .cut = *of.cut_in_flight};
    uint64_t run = state.next_run;
    for (const VersionId version : versions_of(table)) {
        const auto* listed = state.catalog.view_of_version(version)->find(version);
        if (!publish.cut.dominates(listed->first_seal)) continue;
        publish.runs.push_back(
            test_run({run++}, version, RunKind::kBatch, Box::between(of.start, publish.cut)));
    }
    return publish;
}

Publish TestHistory::publish_new(TableId table) const {
    Publish publish{.table = table, .cut = *state.table(table)->cut_in_flight};
    uint64_t run = state.next_run;
    for (const VersionId version : versions_of(table)) {
        const Positions from = state.batch_end(version);
        if (from == publish.cut || !publish.cut.dominates(from)) continue;
        Run& made = publish.runs.emplace_back(
            test_run({run++}, version, RunKind::kBatch, Box::between(from, publish.cut)));
        made.increments = from == state.table(table)->start ? 0 : 1;
    }
    return publish;
}

void TestHistory::archive_to(TableId table, const Positions& to) {
    Positions end = to;
    end.grow(state.table(table)->archive_end);
    Box box = Box::between(state.table(table)->archive_end, end);
    std::erase_if(box.intervals, [](const Interval& each) { return each.from == each.to; });
    if (box.intervals.empty()) return;
    CHECK(apply({Archive{table, {test_segment(std::move(box))}}}).has_value());
}

namespace {

/// A run with files: groups in section 0, a set in section 1.
Run run_with_files(RunId id, VersionId version, RunKind kind, Box box) {
    Run run = test_run(id, version, kind, std::move(box));
    run.counted -= 2;
    run.filtered = 1;
    run.quarantined = 1;
    run.parts = {{.section = 0,
                  .file = fmt::format("runs/1/{}.run", id.value),
                  .rows = 2,
                  .bytes = 1000,
                  .crc = 0xfedcba98,
                  .digest = {.low = 0xffffffffffffffff, .high = id.value},
                  .first_key = std::string("\0\x7f", 2),
                  .last_key = "\xff\"z"},
                 {.section = 1,
                  .file = fmt::format("runs/1/{}.run", id.value),
                  .at = 1000,
                  .rows = 9,
                  .bytes = 900,
                  .crc = 1,
                  .digest = {.low = 1, .high = 0},
                  .first_key = "",
                  .last_key = "k"}};
    run.rows = 2;
    for (const Part& part : run.parts) run.digest.add(part.digest);
    return run;
}

CreateTable unpleasant_table() {
    catalog::Table table = test_table({1}, "Zugriff \"é\" \\ \n\t\x01\x7f 日志", 2);
    table.options["delimiter"] = "\t";
    table.options["path"] = "/var/log/\\\"*\".log";
    table.options[""] = std::string("\0", 1);
    table.columns.fields = {{"a\"b", Type::of(TypeKind::kText)},
                            {"n", Type::numeric(38, 0)},
                            {"n2", Type::of(TypeKind::kNumeric)},
                            {"v", Type::aliased(TypeKind::kText, TypeAlias::kVarchar)},
                            {"s", Type::aliased(TypeKind::kInt4, TypeAlias::kInt2)},
                            {"ts", Type::of(TypeKind::kTimestamp)},
                            {"i", Type::of(TypeKind::kInterval)}};
    return {table};
}

/// A table that is dropped, and segments that become one.
std::vector<std::vector<Change>> sample_replacements() {
    std::vector<std::vector<Change>> commits;
    commits.push_back({CreateTable{test_table({11}, "gone")}, DropTable{{11}}});
    Segment joined = test_segment(box({0, 0}, {10, 9}));
    joined.file = "dataset/1/x-joined.parquet";
    joined.raw_bytes = 1000;
    joined.level = 1;
    commits.push_back(
        {ReplaceSegments{{1}, {"dataset/1/x-0-0.parquet", "dataset/1/x-1-0.parquet"}, {joined}}});
    commits.push_back({ReleaseSegments{{1}, {"dataset/1/x-0-0.parquet"}}});
    return commits;
}

}  // namespace

std::vector<std::vector<Change>> sample_growth() {
    constexpr int64_t kFar = 1LL << 40;
    const auto run = [](uint64_t id, RunKind kind, Box box) {
        return run_with_files({id}, {10}, kind, std::move(box));
    };
    const Box first = box({17}, {22});
    const Box second = box({22, kFar}, {25, kFar + 4});
    const Audit audit{.table = {8}, .version = {10}, .cut = at({22}), .verdict = Verdict::kMatched};
    return {
        {CreateTable{test_table({8}, "far", 1), at({17})},
         CreateView{test_view({9}, {10}, {8}, "f")}},
        {Seal{{8}, first, {run(50, RunKind::kSealed, first)}},
         Archive{{8}, {test_segment(0, 17, 22)}}},
        {Grow{{8}, at({17, kFar})},
         Backfill{test_run({51}, {10}, RunKind::kBatch, box({17}, {17}))},
         ChooseCut{{8}, at({22})}},
        {Grow{{8}, at({17, kFar, 0})},
         Publish{{8}, at({22, kFar}), {run(52, RunKind::kBatch, first)}, {audit}}},
        {Seal{{8}, second, {run(53, RunKind::kSealed, second)}}},
    };
}

std::vector<std::vector<Change>> sample_increments(uint64_t first_cut) {
    constexpr int64_t kFar = 1LL << 40;
    const Cut cut = at({25, kFar + 4, 0});
    Run run = run_with_files({54}, {10}, RunKind::kBatch, box({22, kFar}, {25, kFar + 4}));
    run.increments = 1;
    const Audit audit{.table = {8}, .version = {10}, .cut = cut, .verdict = Verdict::kMatched};
    return {
        {Archive{{8}, {test_segment(0, 22, 25), test_segment(1, kFar, kFar + 4)}},
         ChooseCut{{8}, cut}},
        {Publish{{8}, cut, {run}, {audit}}},
        {ForgetCuts{{first_cut}}},
    };
}

std::vector<std::vector<Change>> sample_retention() {
    catalog::MaterializedView view = test_view({13}, {14}, {12}, "k");
    view.retention_us = 604'800'000'000;
    const auto run = [](uint64_t id, RunKind kind, Box box, uint64_t expired) {
        Run run = test_run({id}, {14}, kind, std::move(box));
        run.counted -= expired;
        run.expired = expired;
        return run;
    };
    constexpr int64_t kFirst = 1'700'000'000'000'000;
    constexpr int64_t kSecond = kFirst + 86'400'000'000;
    const Box first = box({0}, {4});
    const Box second = box({4}, {9});
    const Box all = box({0}, {9});
    const Audit audit{.table = {12}, .version = {14}, .cut = at({9}), .verdict = Verdict::kMatched};
    return {
        {CreateTable{test_table({12}, "kept")}, CreateView{view}},
        {Backfill{run(60, RunKind::kBatch, box({0}, {0}), 0), kFirst - 1}},
        {Seal{{12}, first, {run(61, RunKind::kSealed, first, 0)}, kSecond}},
        {Seal{{12},
              second,
              {run(62, RunKind::kSealed, second, 2)},
              std::nullopt,
              {{at({4}), kFirst - 1}, {at({6}), kSecond}}}},
        {Archive{{12}, {test_segment(0, 0, 9)}}, ChooseCut{{12}, at({9})}},
        {Publish{{12}, at({9}), {run(63, RunKind::kBatch, all, 2)}, {audit}, kSecond + 1}},
    };
}

std::vector<std::vector<Change>> sample_erasure() {
    constexpr int64_t kFar = 1LL << 40;
    const Cut cut = at({25, kFar + 4, 0});
    Segment again = test_segment(0, 17, 22);
    const std::string file = std::exchange(again.file, "dataset/1/x-0-17-9.parquet");
    again.erased_rows = 1;
    Run run = run_with_files({55}, {10}, RunKind::kBatch, Box::between(at({17, kFar, 0}), cut));
    run.counted -= 1;
    run.erased = 1;
    return {
        {Erase{{8}, {.id = 1, .predicate_hash = "00ff", .ends = at({22, kFar, 0}), .rows = 1}},
         ReplaceSegments{{8}, {file}, {again}}},
        {ChooseCut{{8}, cut}},
        {Publish{{8}, cut, {run}, {}, std::nullopt, 1}},
        {Erased{{8}, {1}}},
    };
}

std::vector<std::vector<Change>> sample_commits() {
    catalog::MaterializedView view = test_view({2}, {3}, {1}, "Besuche 'täglich'");
    view.versions[0].definition = "SELECT region(ip), count(*)\n FROM \"t\" WHERE a ~ E'\\\\d\"'";
    view.versions[0].function_data = {{"geo", 1, "abc", "city 2026-11"}};
    const auto sealed = [](uint64_t id, VersionId version, Box box) {
        return run_with_files({id}, version, RunKind::kSealed, std::move(box));
    };
    const Box first = box({0, 0}, {5, 5});
    const Box second = box({5, 5}, {9, 9});
    const Box third = box({9, 9}, {12, 12});
    const Box fourth = box({12, 12}, {20, 12});
    Audit audit{.table = {1},
                .version = {3},
                .cut = at({9, 9}),
                .verdict = Verdict::kAccepted,
                .difference = "key \"x\"\n"};
    const Audit pending{.table = {1}, .version = {3}, .cut = at({20, 12}), .difference = "key y"};
    const auto parked = [&](uint64_t id) {
        const Box box = manifest::box({0, 0}, {20, 12});
        return Park{
            {1}, at({20, 12}), {run_with_files({id}, {3}, RunKind::kBatch, box)}, {pending}};
    };
    std::vector<std::vector<Change>> commits = {
        {AllocateIds{3, 2}, unpleasant_table(), SetFunctionData{{"geo", 1, "abc", "city 2026-11"}},
         AllowFiles{{"/var/log/\u2028 \"web\"", "/srv"}}},
        {CreateView{view}},
        {Backfill{test_run({1}, {3}, RunKind::kBatch, box({0, 0}, {0, 0}))}},
        {Seal{{1}, first, {sealed(2, {3}, first)}}},
        {Archive{{1}, {test_segment(0, 0, 10), test_segment(1, 0, 9)}},
         CreatePlainView{{{4}, "p \u2028", "SELECT 1;\r\n", 9}}},
        {Seal{{1}, second, {sealed(3, {3}, second)}}, CreateView{test_view({5}, {6}, {1}, "w")}},
        {ChooseCut{{1}, at({9, 9})}},
        {Publish{{1},
                 at({9, 9}),
                 {run_with_files({7}, {3}, RunKind::kBatch, box({0, 0}, {9, 9})),
                  run_with_files({8}, {6}, RunKind::kBatch, box({0, 0}, {9, 9}))},
                 {audit}}},
        {Seal{{1}, third, {sealed(9, {3}, third), sealed(10, {6}, third)}}},
        {Seal{{1}, fourth, {sealed(11, {3}, fourth), sealed(12, {6}, fourth)}}},
        {Compact{{{9}, {11}},
                 [] {
                     Run run = run_with_files({13}, {3}, RunKind::kSealed, box({9, 9}, {20, 12}));
                     run.counted -= 2;
                     run.filtered += 1;
                     run.quarantined += 1;
                     return run;
                 }()}},
        {Release{{{2}}}, CreateTable{test_table({7}, "u")}},
        {DropPlainView{{4}}, DropView{{5}}, DropTable{{7}}, ChooseCut{{1}, at({9, 9})}},
        {ChooseCut{{1}, std::nullopt}},
        {Archive{{1}, {test_segment(0, 10, 20), test_segment(1, 9, 12)}},
         ChooseCut{{1}, at({20, 12})}},
        {parked(14)},
        {Judge{2, true}},
        {ChooseCut{{1}, at({20, 12})}, parked(15), Judge{3, false}},
        {ChooseCut{{1}, at({20, 12})}, parked(16)},
        {TakeOver{1}, AllocateIds{8, 24}},
        {Sweep{{{7}}}},
    };
    std::ranges::move(sample_growth(), std::back_inserter(commits));
    std::ranges::move(sample_increments(3), std::back_inserter(commits));
    std::ranges::move(sample_replacements(), std::back_inserter(commits));
    std::ranges::move(sample_retention(), std::back_inserter(commits));
    std::ranges::move(sample_erasure(), std::back_inserter(commits));
    return commits;
}

}  // namespace braid::manifest
