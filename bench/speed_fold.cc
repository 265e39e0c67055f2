// SPDX-License-Identifier: Apache-2.0
#include "bench/speed_fold.h"

#include <limits>
#include <map>
#include <memory>
#include <vector>

#include <fmt/format.h>

#include "base/clock.h"
#include "base/error_makers.h"
#include "base/memory_file_system.h"
#include "base/metric.h"
#include "base/worker.h"
#include "log/memory_log.h"
#include "manifest/manifest.h"
#include "speed/speed_layer.h"

namespace braid::bench {

namespace {

constexpr double kMicro = 1e-6;
constexpr int64_t kNever = std::numeric_limits<int64_t>::max() / 2;

/// The job's views under the ids that they have in the manifest.
class JobViews final : public operators::BoundViews {
  public:
    Result<operators::BoundView> view_of(VersionId version) override {
        const auto found = views_.find(version);
        if (found == views_.end()) return not_found("view version {}", version.value);
        return found->second;
    }
    void add(VersionId version, operators::BoundView view) { views_[version] = std::move(view); }

  private:
    std::map<VersionId, operators::BoundView> views_;
};

/// The stream and its views, created as the newest version of a manifest.
Result<catalog::Table> create(const Job& job, manifest::Manifest& manifest, JobViews& views) {
    catalog::Table table = job.table;
    table.id = TRY(manifest.new_id());
    std::vector<manifest::Change> changes = {manifest::CreateTable{table}};
    for (const operators::BoundView& bound : job.views) {
        catalog::MaterializedView view;
        view.id = TRY(manifest.new_id());
        view.name = fmt::format("view_{}", view.id.value);
        view.table = table.id;
        view.current = TRY(manifest.new_id());
        view.versions.push_back({.id = view.current});
        views.add(view.current, bound);
        changes.emplace_back(manifest::CreateView{std::move(view)});
    }
    TRY(manifest.commit(std::move(changes)));
    return table;
}

}  // namespace

Result<SpeedFolded> fold_in_speed(const Job& job, LineSlices lines, size_t threads,
                                  const std::function<void()>& await_start) {
    MemoryFileSystem files;
    const SystemClock clock;
    Metrics metrics;
    JobViews views;
    log::CommitOrder order;
    const auto manifest = TRY(manifest::Manifest::open(files, clock, "manifest"));
    const catalog::Table table = TRY(create(job, *manifest, views));
    const auto log = std::make_shared<log::MemoryLog>(clock, table.log, Positions::zero(1),
                                                      log::HoleRule(), &order);
    operators::RecordSlice records;
    while (TRY(lines.next(records))) {
        log::AppendRequest request;
        request.records.assign(records.records.begin(), records.records.end());
        TRY(log->append({0}, request));
    }
    ThreadWorkers workers;
    speed::SpeedOptions options;
    options.fold_threads = threads;
    options.seal_interval_us = kNever;
    options.seal_bytes_max = std::numeric_limits<uint64_t>::max();
    speed::SpeedParts parts;
    parts.store = &files;
    parts.clock = &clock;
    parts.manifest = manifest.get();
    parts.views = &views;
    parts.metrics = &metrics;
    parts.order = &order;
    speed::SpeedLayer speed(parts, options, workers);
    await_start();
    const int64_t started_us = clock.monotonic_us();
    TRY(speed.add_table(table, log));
    auto held = speed.pin({{table.id, log->durable_end()}}, kNever);
    const double seconds = static_cast<double>(clock.monotonic_us() - started_us) * kMicro;
    TRY(held.at(table.id));
    return SpeedFolded{lines.lines(), seconds};
}

}  // namespace braid::bench
