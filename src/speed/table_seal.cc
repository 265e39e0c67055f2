// SPDX-License-Identifier: Apache-2.0
#include "speed/table_seal.h"

#include <algorithm>
#include <deque>
#include <span>

#include <fmt/format.h>

#include "base/error_makers.h"
#include "base/trace.h"
#include "runs/run_file.h"

namespace braid::speed {

namespace {

/// The states of one view, shard by shard: those of the layer, or merged from all layers.
class ShardsOfView {
  public:
    ShardsOfView(const TableFold::Frozen& frozen, size_t view) {
        if (frozen.layers.empty()) {  // nothing but positions
            tables_.push_back(&merged_.emplace_back(frozen.views->aggregates(view)));
            return;
        }
        const Layer& first = *frozen.layers.front();
        for (size_t shard = 0; shard < first.shard_count(); ++shard) {
            if (frozen.layers.size() == 1) {
                tables_.push_back(&first.table(view, shard));
                continue;
            }
            auto& merged = merged_.emplace_back(frozen.views->aggregates(view));
            for (const auto& layer : frozen.layers) merged.merge(layer->table(view, shard));
            tables_.push_back(&merged);
        }
    }
    std::span<const operators::GroupTable* const> tables() const { return tables_; }

  private:
    std::deque<operators::GroupTable> merged_;
    std::vector<const operators::GroupTable*> tables_;
};

/// What the layers were held against and the table does not list yet.
std::vector<Horizon> new_horizons(const TableFold::Frozen& frozen,
                                  const manifest::TableState& table) {
    std::vector<Horizon> horizons;
    std::optional<int64_t> last;
    if (!table.horizons.empty()) last = table.horizons.back().time_us;
    for (const auto& layer : frozen.layers) {
        for (const Horizon& horizon : layer->horizons()) {
            if (last && horizon.time_us <= *last) continue;
            last = horizon.time_us;
            horizons.push_back(horizon);
        }
    }
    return horizons;
}

}  // namespace

TableSeal::TableSeal(const SpeedParts& parts, const SpeedOptions& options,
                     const catalog::Table& table, TableFold& fold)
    : parts_(parts),
      options_(options),
      table_(table),
      fold_(fold),
      health_(Health::add_to(parts.health, "seal", table.name)),
      seal_count_(&parts.metrics->get("braid_speed_seals_total", Metrics::Kind::kCounter,
                                      "Seals committed by the speed layer.",
                                      fmt::format("table=\"{}\"", table.id.value))),
      expired_count_(&parts.metrics->get(
          "braid_speed_expired_total", Metrics::Kind::kCounter,
          "Events that came when their group had expired, of each view that keeps its groups for a "
          "time.",
          fmt::format("table=\"{}\"", table.id.value))),
      last_seal_us_(parts.clock->monotonic_us()) {}

StepOutcome TableSeal::step() {
    const int64_t now_us = parts_.clock->monotonic_us();
    waits_for_more_ = false;
    if (!fold_.has_unsealed()) {
        has_rested_ = true;
        return {.progressed = false, .idle_us = kUntilWoken};
    }
    // What came after a rest waits for a whole interval.
    if (std::exchange(has_rested_, false)) last_seal_us_ = now_us;
    const int64_t interval_us = options_.seal_interval_us;
    const int64_t waited_us = now_us - last_seal_us_;
    if (fold_.is_unsealed_small()) {
        if (waited_us / kSmallSealIntervals < interval_us) {
            waits_for_more_ = true;
            return {.progressed = false, .idle_us = interval_us};
        }
    } else if (waited_us < interval_us && !fold_.wants_seal()) {
        return {.progressed = false,
                .idle_us = std::min<int64_t>(interval_us - waited_us, 100'000)};
    }
    const auto sealed = seal_folded();
    if (!sealed) {
        // Dropped a moment ago: this step ends soon.
        if (parts_.manifest->head()->table(table_.id) == nullptr) return {};
        write_trace(TraceLevel::kError, "speed", sealed.error().to_string());
        return {.progressed = false, .idle_us = 1'000'000};
    }
    return {.progressed = true, .idle_us = 0};
}

Result<void> TableSeal::seal_folded() {
    const ScopedLock lock(mutex_);
    auto sealed = seal_locked();
    if (sealed) {
        health_->recovered();
    } else if (sealed.error().code() != ErrorCode::kConflict) {
        health_->fell_ill(sealed.error());  // a conflict is a race that the next seal wins
    }
    return sealed;
}

Result<void> TableSeal::seal_locked() {
    auto written = TRY(write_folded());
    if (!written) return {};
    return commit(std::move(written), {});
}

Result<void> TableSeal::declare(std::vector<manifest::Change> changes) {
    const ScopedLock lock(mutex_);
    // The bulk is sealed while folding goes on; what is left then is small, and folding waits for
    // it.
    TRY(seal_locked());
    TRY(fold_.pause());
    auto written = write_folded();
    Result<void> outcome = written ? commit(*std::move(written), std::move(changes))
                                   : Result<void>(std::move(written).error());
    if (outcome) {
        // The change is in the manifest by now: only folding can suffer.
        fold_.resume_reloaded();
    } else {
        fold_.resume();
    }
    return outcome;
}

Result<std::optional<TableSeal::Written>> TableSeal::write_folded() {
    // While the outcome of another commit is unknown, what is written here would be for nothing.
    TRY(parts_.manifest->settle());
    const std::optional<TableFold::Frozen> frozen = TRY(fold_.freeze());
    if (!frozen) return std::optional<Written>();
    auto written = write_views(*frozen);
    if (!written) {
        fold_.thaw();
        return std::move(written).error();
    }
    return std::optional(*std::move(written));
}

Result<TableSeal::Written> TableSeal::write_views(const TableFold::Frozen& frozen) {
    const manifest::StatePtr state = parts_.manifest->head();
    const manifest::TableState* table = state->table(table_.id);
    if (table == nullptr) return not_found("stream \"{}\" was dropped", table_.name);
    Written written{.box = frozen.box,
                    .runs = {},
                    .expired = 0,
                    .clock_us = {},
                    .horizons = new_horizons(frozen, *table),
                    .file = {}};
    for (const auto& layer : frozen.layers) {
        written.clock_us = std::max(written.clock_us, layer->clock_us());
    }
    std::optional<runs::RunFile> file;
    for (size_t view = 0; view < frozen.views->size(); ++view) {
        const VersionId version = frozen.views->version(view);
        if (state->catalog.view_of_version(version) == nullptr) {
            return conflict("a view of stream \"{}\" was dropped", table_.name);
        }
        const RunId id = TRY(parts_.manifest->new_run_id());
        if (!file) file.emplace(*parts_.store, runs::run_path(table_.id, id));
        manifest::Run run = TRY(write_view(frozen, view, *file));
        run.id = id;
        run.version = version;
        written.expired += run.expired;
        written.runs.push_back(std::move(run));
    }
    if (file) {
        TRY(file->put());
        written.file = runs::UnnamedFile(*parts_.store, file->path());
    }
    return written;
}

Result<manifest::Run> TableSeal::write_view(const TableFold::Frozen& frozen, size_t view,
                                            runs::RunFile& file) {
    FoldAccount account;
    operators::FailedEvents failed;
    for (const auto& layer : frozen.layers) {
        account.add(layer->account(view));
        failed.merge(layer->failed(view));
    }
    const ShardsOfView shards(frozen, view);
    manifest::Run run = TRY(runs::write_tables(file, shards.tables(), failed));
    run.kind = manifest::RunKind::kSealed;
    run.box = frozen.box;
    run.set_account(account);
    return run;
}

/// The one commit of a seal: state and position together.
Result<void> TableSeal::commit(std::optional<Written> written,
                               std::vector<manifest::Change> changes) {
    std::vector<manifest::Change> all;
    Box box;
    if (written) {
        box = written->box;
        all.emplace_back(manifest::Seal{table_.id, box, std::move(written->runs), written->clock_us,
                                        std::move(written->horizons)});
    }
    std::ranges::move(changes, std::back_inserter(all));
    if (all.empty()) return {};
    const auto committed = parts_.manifest->commit(std::move(all));
    last_seal_us_ = parts_.clock->monotonic_us();
    if (written) written->file.keep_if(committed);
    if (!committed) {
        fold_.refused();
        return committed.error();
    }
    if (written) {
        fold_.sealed(box);
        seal_count_->add(1);
        expired_count_->add(static_cast<int64_t>(written->expired));
    }
    return {};
}

}  // namespace braid::speed
