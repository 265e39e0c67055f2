// SPDX-License-Identifier: Apache-2.0
#include "read/merge/key_counts.h"

#include <algorithm>
#include <queue>
#include <string>
#include <vector>

#include "base/error_makers.h"
#include "base/hash.h"
#include "read/merge/view_pieces.h"
#include "read/merge/view_scan.h"
#include "runs/run_file.h"

namespace braid::read {

namespace {

using operators::GroupTable;

Error full(const catalog::MaterializedView& view) {
    return exhausted("materialized view \"{}\" is full: it has more than {} groups", view.name,
                     view.keys_max)
        .with_sqlstate("53400")
        .with_detail(fmt::format("Its keys_max is {}. Nothing is lost: its stream and other views "
                                 "go on.",
                                 view.keys_max))
        .with_hint(
            "DROP it and CREATE it with a larger keys_max, or with a coarser GROUP BY; AT CUT "
            "reads what it was before.");
}

bool has_own_rows(const runs::Tiling& tiling) {
    return std::ranges::any_of(tiling.ticks, [](const auto& tick) { return tick->is_own; });
}

uint64_t rows_of_runs(const runs::Tiling& tiling) {
    uint64_t rows = 0;
    for (const auto& run : tiling.runs()) rows += run->run().rows;
    return rows;
}

uint64_t rows_of_ticks(const runs::Tiling& tiling) {
    uint64_t rows = 0;
    for (const auto& tick : tiling.ticks) rows += tick->group_count(tiling.version());
    return rows;
}

/// The keys of a run, in order.
struct KeyCursor {
    operators::RowCursorPtr rows;
    operators::StateRow row;  // valid until the cursor moves
};
using KeyCursorPtr = std::shared_ptr<KeyCursor>;

struct LaterKey {
    bool operator()(const KeyCursorPtr& left, const KeyCursorPtr& right) const {
        return left->row.key > right->row.key;
    }
};

/// How many keys several runs have together, up to one more than `keys_max` (a k-way merge; Knuth,
/// TAOCP vol. 3, 5.4.1).
Result<uint64_t> merge_keys(const runs::Tiling& tiling, uint64_t keys_max, RowWatch& watch) {
    std::priority_queue<KeyCursorPtr, std::vector<KeyCursorPtr>, LaterKey> next;
    for (const auto& run : tiling.runs()) {
        auto cursor = std::make_shared<KeyCursor>();
        cursor->rows = TRY(run->scan(0, {}, {}));
        if (TRY(cursor->rows->next(cursor->row))) next.push(std::move(cursor));
    }
    uint64_t keys = 0;
    std::string last;
    while (!next.empty() && keys <= keys_max) {
        TRY(watch.row());
        KeyCursorPtr cursor = next.top();
        next.pop();
        if (!tiling.has_expired(cursor->row.key) && (keys == 0 || cursor->row.key != last)) {
            ++keys;
            last = cursor->row.key;
        }
        if (TRY(cursor->rows->next(cursor->row))) next.push(std::move(cursor));
    }
    return keys;
}

Result<bool> is_in_runs(const runs::Tiling& tiling, std::string_view key) {
    bool is_found = false;
    std::string state;
    TRY(tiling.base->probes().visit(hash64(key), [&](uint32_t run) -> Result<void> {
        if (!is_found) is_found = TRY(tiling.runs()[run]->find(key, state));
        return {};
    }));
    return is_found;
}

/// Keys of the ticks that no run has, each once, up to one more than `keys_max`.
Result<uint64_t> count_new_keys(const runs::Tiling& tiling, uint64_t keys_max, RowWatch& watch) {
    uint64_t keys = 0;
    for (auto tick = tiling.ticks.begin(); tick != tiling.ticks.end(); ++tick) {
        const auto is_in_older = [&](std::string_view key) {
            return std::any_of(tiling.ticks.begin(), tick, [&](const runs::TickPtr& older) {
                const GroupTable* table = older->table_of(tiling.version(), key);
                return table != nullptr && table->find(key) != GroupTable::kNoGroup;
            });
        };
        for (const auto& table : (*tick)->tables_of(tiling.version())) {
            for (GroupTable::Group group = 0; group < table->size(); ++group) {
                TRY(watch.row());
                const std::string_view key = table->key_of(group);
                if (tiling.has_expired(key)) continue;
                if (is_in_older(key) || TRY(is_in_runs(tiling, key))) continue;
                if (++keys > keys_max) return keys;
            }
        }
    }
    return keys;
}

}  // namespace

KeyCounts::Known& KeyCounts::known_of(const runs::Tiling& tiling) {
    Known& known = known_[tiling.version()];
    const std::optional<int64_t> horizon_us =
        tiling.floor ? runs::horizon_of(*tiling.base->state, tiling.version()) : std::nullopt;
    if (known.horizon_us != horizon_us) {
        known = Known();
        known.horizon_us = horizon_us;
    }
    return known;
}

std::optional<Result<void>> KeyCounts::judge(const catalog::MaterializedView& view,
                                             const runs::Tiling& tiling) {
    if (view.keys_max == 0) return Result<void>();
    const uint64_t rows = rows_of_runs(tiling);
    const uint64_t new_rows = rows_of_ticks(tiling);
    if (rows + new_rows <= view.keys_max) return Result<void>();
    const ScopedLock lock(mutex_);
    const Known& known = known_of(tiling);
    if (known.full_from && tiling.end.dominates(*known.full_from)) return Result<void>(full(view));
    if (!has_own_rows(tiling) && known.fits_at && known.fits_at->dominates(tiling.end)) {
        return Result<void>();
    }
    if (known.runs_end == tiling.base->end && known.runs_keys + new_rows <= view.keys_max) {
        return Result<void>();
    }
    return std::nullopt;
}

Result<uint64_t> KeyCounts::count_runs(uint64_t keys_max, const runs::Tiling& tiling,
                                       const StatementLimits& limits) {
    const Positions& end = tiling.base->end;
    {
        const ScopedLock lock(mutex_);
        const Known& known = known_of(tiling);
        if (known.runs_end == end) return known.runs_keys;
    }
    RowWatch watch(limits);
    const uint64_t keys = TRY(merge_keys(tiling, keys_max, watch));
    const ScopedLock lock(mutex_);
    Known& known = known_of(tiling);
    // Of an older one nobody is likely to ask again.
    if (!known.runs_end || end.dominates(*known.runs_end)) {
        known.runs_end = end;
        known.runs_keys = keys;
    }
    return keys;
}

Error KeyCounts::note_full(const catalog::MaterializedView& view, const runs::Tiling& tiling) {
    const Error error = full(view);
    if (has_own_rows(tiling)) return error;
    const ScopedLock lock(mutex_);
    Known& known = known_of(tiling);
    if (!known.full_from || known.full_from->dominates(tiling.end)) known.full_from = tiling.end;
    if (!known.health) known.health = Health::add_to(health_, "view " + view.name);
    known.health->tell(HealthState::kDegraded, error);
    return error;
}

Result<void> KeyCounts::check(const catalog::MaterializedView& view, const runs::Tiling& tiling,
                              const StatementLimits& limits) {
    if (auto judged = judge(view, tiling)) return *std::move(judged);
    const uint64_t keys = TRY(count_runs(view.keys_max, tiling, limits));
    if (keys > view.keys_max) return note_full(view, tiling);
    RowWatch watch(limits);
    const uint64_t left = view.keys_max - keys;
    if (TRY(count_new_keys(tiling, left, watch)) > left) return note_full(view, tiling);
    if (has_own_rows(tiling)) return {};
    const ScopedLock lock(mutex_);
    Known& known = known_of(tiling);
    if (!known.fits_at || tiling.end.dominates(*known.fits_at)) known.fits_at = tiling.end;
    return {};
}

void KeyCounts::forget_dropped(const catalog::Catalog& catalog) {
    const ScopedLock lock(mutex_);
    std::erase_if(known_,
                  [&](const auto& each) { return catalog.view_of_version(each.first) == nullptr; });
}

void KeyCounts::forget_counts() {
    const ScopedLock lock(mutex_);
    known_.clear();
}

}  // namespace braid::read
