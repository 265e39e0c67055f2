// SPDX-License-Identifier: Apache-2.0
#include "speed/stream_test_support.h"

#include <fmt/format.h>

#include "base/check.h"
#include "base/error_makers.h"
#include "runs/run_file.h"
#include "runs/snapshot.h"

namespace braid::speed {

namespace {

constexpr int64_t kWaitUs = 1;  // the clock stands: as good as for ever

template <typename T>
T must(Result<T> result) {
    CHECK_EQ(result ? "" : result.error().to_string(), "");
    return *std::move(result);
}

const catalog::MaterializedView& view_of(const manifest::State& state, const std::string& name) {
    const catalog::MaterializedView* view = state.catalog.find_view(name);
    CHECK(view != nullptr);
    return *view;
}

Result<void> merge_run(FileSystem& files, const manifest::Run& run, operators::GroupTable& into) {
    const auto reader = TRY(runs::RunReader::open(files, run));
    operators::StateRow row;
    for (const uint32_t section : {0U, 1U}) {
        const auto rows = TRY(reader->scan(section, {}, {}));
        while (TRY(rows->next(row))) TRY(into.merge_row(section, row));
    }
    return {};
}

}  // namespace

void TestStream::open() {
    manifest = must(manifest::Manifest::open(files, clock, "manifest"));
    table = manifest::test_table(manifest->new_id().value(), "t", 2);
    table.columns = operators::test_stream_columns();
    const Positions origin = holes_seed ? manifest::at({1'000, 7}) : Positions();
    must(manifest->commit({manifest::CreateTable{table, origin}}));
    open_log();
}

void TestStream::crash(CrashFate fate) {
    files.crash(fate, 1);
    log.reset();
    order = std::make_shared<log::CommitOrder>();
    manifest = must(manifest::Manifest::open(files, clock, "manifest"));
    open_log();
}

void TestStream::open_log() {
    if (holes_seed) {
        log = std::make_shared<log::MemoryLog>(clock, table.log, state().origin,
                                               log::seeded_holes(*holes_seed), order.get());
        return;
    }
    log::EmbeddedLogOptions log_options;
    log_options.keep_free_bytes = 0;
    log = must(log::open_embedded_log(files, clock, "log/1", table.log, 2, log_options, &metrics,
                                      {.order = order.get()}));
}

SpeedParts TestStream::parts() {
    return {&files, &clock, manifest.get(), &views, &metrics, nullptr, {}, nullptr, order.get()};
}

std::unique_ptr<TableWorker> TestStream::worker() {
    return must(TableWorker::open(parts(), options, table, log));
}

std::string TestStream::event(const std::string& key, int64_t number) {
    return fmt::format(R"({{"k":"{}","n":{}}})", key, number);
}

void TestStream::append(uint32_t partition, const std::vector<std::string>& records) {
    log::AppendRequest request;
    request.records.assign(records.begin(), records.end());
    must(log->append(PartitionId{partition}, request));
}

void TestStream::add_partition(int64_t origin) {
    static_cast<log::MemoryLog&>(*log).add_partition({origin});
}

manifest::Change TestStream::new_view(const std::string& name) const {
    const ViewId id = manifest->new_id().value();
    return manifest::CreateView{
        manifest::test_view(id, manifest->new_id().value(), table.id, name)};
}

const manifest::TableState& TestStream::state() const { return *manifest->head()->table(table.id); }

std::vector<manifest::Run> TestStream::runs(const std::string& view) const {
    const manifest::StatePtr head = manifest->head();
    std::vector<manifest::Run> found;
    for (const manifest::Run& run : head->runs_of(view_of(*head, view).current)) {
        found.push_back(run);
    }
    return found;
}

Positions TestStream::first_seal(const std::string& view) const {
    const manifest::StatePtr head = manifest->head();
    return view_of(*head, view).versions.front().first_seal;
}

Result<std::vector<std::string>> TestStream::answer(TableWorker& worker, const std::string& view) {
    const auto ticks = TRY(worker.pin(log->durable_end(), kWaitUs));
    runs::Tiling tiling;
    const VersionId version = view_of(*manifest->head(), view).current;
    tiling.end = first_seal(view);
    operators::GroupTable merged(operators::test_bound_view({}, {}).plan->aggregates);
    for (const manifest::Run& run : runs(view)) {
        if (!extend(tiling.end, run.box)) return internal_error("{} is a gap", run.id.value);
        TRY(merge_run(files, run, merged));
    }
    if (!runs::add_ticks(tiling, ticks.ticks)) return internal_error("ticks do not continue");
    for (const runs::TickPtr& tick : tiling.ticks) {
        const auto tables = tick->tables_of(version);
        if (tables.empty()) return internal_error("a tick lacks the view");
        for (const auto& folded : tables) merged.merge(*folded);
    }
    if (tiling.end != log->durable_end()) {
        return internal_error("the tiling ends at {}", tiling.end.to_string());
    }
    return operators::lines_of(merged);
}

}  // namespace braid::speed
