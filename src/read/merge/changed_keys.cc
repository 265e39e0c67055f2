// SPDX-License-Identifier: Apache-2.0
#include "read/merge/changed_keys.h"

#include <algorithm>
#include <set>
#include <span>
#include <utility>

#include "base/error_makers.h"
#include "base/hash.h"
#include "columnar/key_codec.h"
#include "model/side.h"
#include "read/merge/point_rows.h"

namespace braid::read {

namespace {

constexpr size_t kBlockRows = 4096;

Result<void> add_run(const runs::RunReader& run, std::vector<std::string>& keys) {
    operators::StateRow row;
    const auto rows = TRY(run.scan(0, {}, {}));
    while (TRY(rows->next(row))) keys.emplace_back(row.key);
    return {};
}

Result<void> add_tick(const runs::Tick& tick, VersionId version, std::vector<std::string>& keys) {
    const auto tables = tick.tables_of(version);
    if (tables.empty()) return internal_error("a tick lacks view version {}", version.value);
    for (const auto& table : tables) {
        for (operators::GroupTable::Group group = 0; group < table->size(); ++group) {
            keys.emplace_back(table->key_of(group));
        }
    }
    return {};
}

/// Keys of what lies behind `end`, and of what lies across it.
Result<void> add_behind(const runs::Tiling& tiling, const Positions& end, ChangedKeys& changed) {
    for (const auto& run : tiling.runs()) {
        const Side side = side_of(run->run().box, end);
        if (side == Side::kBelow) continue;
        changed.is_exact = changed.is_exact && side == Side::kAbove;
        TRY(add_run(*run, changed.keys));
    }
    for (const runs::TickPtr& tick : tiling.ticks) {
        const Side side = side_of(tick->box, end);
        if (side == Side::kBelow) continue;
        changed.is_exact = changed.is_exact && side == Side::kAbove;
        TRY(add_tick(*tick, tiling.version(), changed.keys));
    }
    return {};
}

/// Keys that the horizon has passed since, and none that it had passed before.
Result<void> add_expired(const runs::Tiling& before, const runs::Tiling& after,
                         ChangedKeys& changed) {
    std::erase_if(changed.keys, [&](const auto& key) { return before.has_expired(key); });
    if (!after.floor || after.floor == before.floor) return {};
    const Positions nowhere{std::vector<Offset>(after.end.at.size(), Offset{INT64_MIN})};
    ChangedKeys all;
    TRY(add_behind(before, nowhere, all));
    for (std::string& key : all.keys) {
        if (!after.has_expired(key) || before.has_expired(key)) continue;
        changed.keys.push_back(std::move(key));
    }
    return {};
}

void sort(std::vector<std::string>& keys) {
    std::ranges::sort(keys);
    const auto again = std::ranges::unique(keys);
    keys.erase(again.begin(), again.end());
}

/// A person has put another answer in the place of what was there, or may have (audits are kept for
/// a while only): any key of either may differ.
bool is_judged_between(const manifest::State& before, const manifest::State& after,
                       VersionId version) {
    uint64_t newest = 0;
    std::set<uint64_t> accepted;
    for (const manifest::Audit& audit : before.audits) {
        newest = std::max(newest, audit.number);
        if (audit.verdict == manifest::Verdict::kAccepted) accepted.insert(audit.number);
    }
    uint64_t last = newest;
    uint64_t kept = 0;
    for (const manifest::Audit& audit : after.audits) {
        last = std::max(last, audit.number);
        if (audit.number > newest) ++kept;
        if (audit.version == version && audit.verdict == manifest::Verdict::kAccepted &&
            !accepted.contains(audit.number)) {
            return true;
        }
    }
    return kept != last - newest;
}

}  // namespace

Result<ChangedKeys> changed_keys(const runs::Tiling& before, const runs::Tiling& after) {
    if (before.version() != after.version() || !after.end.dominates(before.end)) {
        return internal_error("view version {} at {} does not come behind version {} at {}",
                              after.version().value, after.end.to_string(), before.version().value,
                              before.end.to_string());
    }
    ChangedKeys changed;
    Positions end = before.end;
    end.grow(after.base->listed->facts.complete_since);
    TRY(add_behind(after, end, changed));
    TRY(add_expired(before, after, changed));
    sort(changed.keys);
    return changed;
}

Result<ChangedKeys> changed_keys(const ReadParts& parts, const PinnedSnapshot& before,
                                 const PinnedSnapshot& after, VersionId version) {
    const runs::Tiling earlier = TRY(before.tiling_of(parts, version));
    const runs::Tiling later = TRY(after.tiling_of(parts, version));
    TRY(parts.key_counts->check(*after.state()->catalog.view_of_version(version), later, {}));
    ChangedKeys changed = TRY(changed_keys(earlier, later));
    if (!is_judged_between(*before.state(), *after.state(), version)) return changed;
    const Positions nowhere{std::vector<Offset>(later.end.at.size(), Offset{INT64_MIN})};
    TRY(add_behind(earlier, nowhere, changed));
    TRY(add_behind(later, nowhere, changed));
    changed.is_exact = false;
    sort(changed.keys);
    return changed;
}

/// The rows of single keys at one tiling.
class ChangedRows::Moment {
  public:
    static Result<std::shared_ptr<Moment>> open(const operators::BoundView& view,
                                                runs::Tiling tiling, const ViewRows& wanted) {
        ViewRows all = {wanted.outputs, nullptr, wanted.context};
        ViewFinisher finisher = TRY(ViewFinisher::create(view, all));
        return std::make_shared<Moment>(view, std::move(tiling), std::move(all),
                                        std::move(finisher));
    }
    Moment(operators::BoundView view, runs::Tiling tiling, ViewRows wanted, ViewFinisher finisher)
        : view_(std::move(view)),
          tiling_(std::move(tiling)),
          wanted_(std::move(wanted)),
          finisher_(std::move(finisher)) {}

    Result<void> find(std::span<const std::string> keys, std::vector<bool>& is_there,
                      std::vector<Column>& columns) {
        std::vector<ColumnBuilder> builders;
        for (const int output : wanted_.outputs) {
            const plan::ExprPtr& expr = view_.plan->outputs[static_cast<size_t>(output)].expr;
            builders.emplace_back(expr->type, keys.size());
        }
        is_there.clear();
        for (const std::string& key : keys) {
            const Batch row = TRY(row_of(key));
            is_there.push_back(row.length > 0);
            for (size_t column = 0; column < builders.size(); ++column) {
                if (row.length == 0) {
                    builders[column].append_null();
                } else {
                    builders[column].append_from(row.columns[column], 0);
                }
            }
        }
        columns.clear();
        for (ColumnBuilder& builder : builders) columns.push_back(builder.finish());
        return {};
    }

  private:
    Result<Batch> row_of(const std::string& key) {
        if (tiling_.has_expired(key)) return Batch();
        const uint32_t sections = plan::subkey_sections(view_.plan->aggregates);
        PointRows rows(key);
        TRY(tiling_.base->probes().visit(hash64(key), [&](uint32_t run) {
            return rows.add_run(*tiling_.runs()[run], sections);
        }));
        for (const runs::TickPtr& tick : tiling_.ticks) {
            const operators::GroupTable* table = tick->table_of(tiling_.version(), key);
            if (table == nullptr) {
                return internal_error("a tick lacks view version {}", tiling_.version().value);
            }
            rows.add_tick(*table);
        }
        if (rows.is_empty()) return Batch();
        if (rows.is_too_much()) return read_point(view_, tiling_, key, wanted_);
        return rows.finish(view_, finisher_);
    }

    const operators::BoundView view_;
    const runs::Tiling tiling_;
    const ViewRows wanted_;
    ViewFinisher finisher_;
};

ChangedRows::ChangedRows(operators::BoundView view, ChangedKeys keys)
    : view_(std::move(view)), keys_(std::move(keys)) {}

Result<std::unique_ptr<ChangedRows>> ChangedRows::open(operators::BoundView view, ChangedKeys keys,
                                                       runs::Tiling before, runs::Tiling after,
                                                       const ViewRows& wanted) {
    std::unique_ptr<ChangedRows> rows(new ChangedRows(std::move(view), std::move(keys)));
    rows->before_ = TRY(Moment::open(rows->view_, std::move(before), wanted));
    rows->after_ = TRY(Moment::open(rows->view_, std::move(after), wanted));
    return rows;
}

Result<bool> ChangedRows::next(Block& block) {
    const auto keys = std::span(keys_.keys).subspan(next_);
    if (keys.empty()) return false;
    const auto now = keys.first(std::min(keys.size(), kBlockRows));
    next_ += now.size();
    std::vector<ColumnBuilder> builders;
    for (const plan::ExprPtr& key : view_.plan->keys) builders.emplace_back(key->type, now.size());
    for (std::string_view key : now) {
        for (size_t column = 0; column < builders.size(); ++column) {
            TRY(decode_key_value(key, view_.plan->keys[column]->type, builders[column]));
        }
    }
    block = {};
    block.length = now.size();
    for (ColumnBuilder& builder : builders) block.keys.push_back(builder.finish());
    TRY(before_->find(now, block.was, block.before));
    TRY(after_->find(now, block.is, block.after));
    return true;
}

}  // namespace braid::read
