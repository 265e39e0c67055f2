// SPDX-License-Identifier: Apache-2.0
// The commit rule: a change removes runs and adds runs with the same boxes, or adds boxes that
// start exactly at the end. catalog_rule.cc has the part about what the user declared.
#include <algorithm>
#include <map>
#include <numeric>
#include <optional>
#include <ranges>

#include "base/error_makers.h"
#include "catalog/view_versions.h"
#include "manifest/rule_internal.h"
#include "model/side.h"

namespace braid::manifest {

namespace {

constexpr size_t kAuditsKept = 1000;

/// Partitions ascending, none twice, all of the table; no interval runs backwards.
bool is_well_formed(const Box& box, uint32_t partition_count) {
    for (size_t index = 0; index < box.intervals.size(); ++index) {
        const Interval& each = box.intervals[index];
        if (each.partition.value >= partition_count || each.to < each.from) return false;
        if (index > 0 && each.partition <= box.intervals[index - 1].partition) return false;
    }
    return true;
}

Result<void> check_sums(const Run& run) {
    uint64_t rows = 0;
    Digest digest;
    for (const Part& part : run.parts) {
        if (part.file.empty())
            return internal_error("run {} has a part without file", run.id.value);
        if (part.section == 0) rows += part.rows;
        digest.add(part.digest);
    }
    if (rows != run.rows || digest != run.digest) {
        return internal_error("run {} is not the sum of its parts", run.id.value);
    }
    // Offsets may be sparse: a box holds at most as many events as it is wide.
    if (run.failed > run.quarantined) {
        return internal_error("run {} has more failed than quarantined events", run.id.value);
    }
    if (run.account().sum() > run.box.width()) {
        return internal_error("run {} accounts for more events than box {} can hold", run.id.value,
                              run.box.to_string());
    }
    if (run.box.is_empty() && !run.parts.empty()) {
        return internal_error("run {} has rows but its box is empty", run.id.value);
    }
    return {};
}

Error not_the_tiling(std::string what, std::string_view expected, const Box& box) {
    return conflict("{}", std::move(what))
        .with_detail(fmt::format("Expected {}, the box is {}.", expected, box.to_string()));
}

/// What a segment must be whatever comes of it.
Result<void> check_segment(const Segment& segment, uint32_t partition_count) {
    const bool is_of_table = is_well_formed(segment.box, partition_count);
    const bool has_empty = std::ranges::any_of(
        segment.box.intervals, [](const Interval& each) { return each.from == each.to; });
    if (!is_of_table || has_empty || segment.box.intervals.empty() || segment.file.empty() ||
        segment.bad_rows + segment.erased_rows > segment.rows ||
        segment.rows > segment.box.width()) {
        return internal_error("segment \"{}\" is malformed", segment.file)
            .with_detail(fmt::format("Its box is {}.", segment.box.to_string()));
    }
    return {};
}

/// The segments' boxes as one; nullopt if they do not follow one another.
std::optional<Box> box_of(std::ranges::input_range auto&& segments) {
    std::optional<Box> whole = Box();
    for (const Segment& each : segments) {
        whole = join(*whole, each.box);
        if (!whole) break;
    }
    return whole;
}

/// Segments of the table, neighbours, may give way to these.
Result<void> check_same_events(const TableState& table,
                               std::ranges::subrange<SharedList<Segment>::Iterator> removed,
                               const std::vector<Segment>& added) {
    const auto rows = [](uint64_t sum, const Segment& each) { return sum + each.rows; };
    for (const Segment& segment : added) {
        TRY(check_segment(segment, table.origin.partition_count()));
        const auto is_named = [&](const auto& each) { return each.file == segment.file; };
        const bool is_twice = std::ranges::count(added, segment.file, &Segment::file) > 1 ||
                              std::ranges::any_of(table.segments, is_named) ||
                              std::ranges::any_of(table.retired_segments, is_named);
        if (is_twice) return internal_error("there was a segment \"{}\" before", segment.file);
        const auto other_day = [&](const Segment& each) {
            return each.ingest_day != segment.ingest_day;
        };
        if (std::ranges::any_of(removed, other_day)) {
            return internal_error("segment \"{}\" is of another ingest day than what it replaces",
                                  segment.file);
        }
    }
    const bool is_same = box_of(removed) == box_of(added) &&
                         std::accumulate(removed.begin(), removed.end(), uint64_t{0}, rows) ==
                             std::accumulate(added.begin(), added.end(), uint64_t{0}, rows);
    if (is_same) return {};
    return internal_error("segments do not hold the events of those that they replace")
        .with_detail(fmt::format("The first to be replaced is \"{}\".", removed.front().file));
}

}  // namespace

Result<State> apply(const State& base, const std::vector<Change>& changes, int64_t now_us) {
    Rule rule(base, now_us);
    for (const Change& change : changes) TRY(std::visit(rule, change));
    return std::move(rule).take();
}

std::set<VersionId> Rule::versions_of(TableId table) const {
    const std::vector<VersionId> versions = catalog::versions_of(state_.catalog, table);
    return {versions.begin(), versions.end()};
}

const catalog::ViewVersion* Rule::find_version(VersionId version) const {
    const catalog::MaterializedView* view = state_.catalog.view_of_version(version);
    return view == nullptr ? nullptr : view->find(version);
}

void Rule::set_populated(VersionId version, const TableState& table) {
    const ViewId view = state_.catalog.view_of_version(version)->id;
    auto& versions = state_.catalog.views.edit(view).versions;
    const auto found = std::ranges::find(versions, version, &catalog::ViewVersion::id);
    if (!found->is_populated && table.start != table.origin) found->complete_since = table.start;
    found->is_populated = true;
    found->wants_backfill = false;
}

Result<void> Rule::admit(const Run& run, RunKind kind, const Box& box) {
    if (run.kind != kind) return internal_error("run {} is of the wrong kind", run.id.value);
    if (!is_same_but_older(run.box, box)) {
        return not_the_tiling(fmt::format("run {} does not fit the change", run.id.value),
                              box.to_string(), run.box);
    }
    TRY(check_sums(run));
    return take_run_id(run.id);
}

Result<void> Rule::admit_all(std::span<const Run> runs, const std::set<VersionId>& versions,
                             RunKind kind, const std::function<Result<Box>(const Run&)>& box_of) {
    std::set<VersionId> given;
    for (const Run& run : runs) {
        if (!versions.contains(run.version)) {
            return conflict("run {} is for view version {}, which is not to be answered",
                            run.id.value, run.version.value);
        }
        if (!given.insert(run.version).second) {
            return internal_error("two runs for view version {}", run.version.value);
        }
        TRY(admit(run, kind, TRY(box_of(run))));
    }
    for (const VersionId version : versions) {
        if (!given.contains(version)) return conflict("no run for view version {}", version.value);
    }
    return {};
}

Result<void> Rule::operator()(const Seal& change) {
    TableState& table = *TRY(this->table(change.table));
    if (!is_well_formed(change.box, table.origin.partition_count())) {
        return internal_error("box {} is malformed", change.box.to_string());
    }
    const Positions from = table.sealed_frontier;
    if (!extend(table.sealed_frontier, change.box)) {
        return not_the_tiling("the seal does not start at the sealed frontier", from.to_string(),
                              change.box);
    }
    TRY(admit_all(change.runs, versions_of(change.table), RunKind::kSealed,
                  [&](const Run&) { return Result<Box>(change.box); }));
    TRY(take_horizons(table, from, change));
    if (change.box.is_empty()) return {};  // nothing to remember
    for (const Run& run : change.runs) state_.runs[run.version].push_back(run);
    return {};
}

Result<void> Rule::operator()(const Backfill& change) {
    const catalog::ViewVersion* version = find_version(change.run.version);
    if (version == nullptr)
        return not_found("view version {} does not exist", change.run.version.value);
    if (version->is_populated) {
        return conflict("view version {} is populated already", version->id.value);
    }
    const TableId id = state_.catalog.view_of_version(version->id)->table;
    TableState& table = *TRY(this->table(id));
    TRY(check_epoch(table, change.epoch));
    TRY(admit(change.run, RunKind::kBatch, Box::between(table.start, version->first_seal)));
    state_.runs[version->id].edit([&](SharedList<Run>::Items& runs) {
        runs.insert(runs.begin(), std::make_shared<const Run>(change.run));
    });
    set_populated(change.run.version, table);
    raise_clock(id, table, change.clock_us);
    return {};
}

Result<void> Rule::operator()(const Archive& change) {
    TableState& table = *TRY(this->table(change.table));
    for (const Segment& segment : change.segments) {
        TRY(check_segment(segment, table.origin.partition_count()));
        if (extend(table.archive_end, segment.box)) continue;
        return not_the_tiling(
            fmt::format("segment \"{}\" does not start at the archive end", segment.file),
            table.archive_end.to_string(), segment.box);
    }
    if (change.segments.empty()) return {};
    table.segments.edit([&](SharedList<Segment>::Items& list) {
        for (const Segment& segment : change.segments) {
            list.push_back(std::make_shared<const Segment>(segment));
        }
    });
    return {};
}

Result<void> Rule::operator()(const ReplaceSegments& change) {
    TableState& table = *TRY(this->table(change.table));
    const auto first =
        change.removed.empty()
            ? table.segments.end()
            : std::ranges::find(table.segments, change.removed.front(), &Segment::file);
    const auto left = static_cast<size_t>(table.segments.end() - first);
    const bool are_there =
        left >= change.removed.size() && left > 0 &&
        std::ranges::equal(first, first + std::ssize(change.removed), change.removed.begin(),
                           change.removed.end(), {}, &Segment::file);
    if (!are_there) return conflict("the segments to replace are not what they were");
    // Until its files are destroyed: what a version since then names stays.
    if (table.has_pending_erasure() && table.readable_from.value != state_.number.value + 1) {
        return conflict("files of events that were erased are being destroyed");
    }
    TRY(check_same_events(table, {first, first + std::ssize(change.removed)}, change.added));
    table.retired_segments.edit([&](SharedList<RetiredSegment>::Items& items) {
        for (const std::string& file : change.removed) {
            items.push_back(std::make_shared<const RetiredSegment>(file, now_us_));
        }
    });
    const auto place = first - table.segments.begin();
    table.segments.edit([&](SharedList<Segment>::Items& items) {
        auto at =
            items.erase(items.begin() + place, items.begin() + place + std::ssize(change.removed));
        for (const Segment& segment : change.added) {
            at = items.insert(at, std::make_shared<const Segment>(segment)) + 1;
        }
    });
    return {};
}

Result<void> Rule::operator()(const ReleaseSegments& change) {
    TableState& table = *TRY(this->table(change.table));
    const std::set<std::string> wanted(change.files.begin(), change.files.end());
    const size_t before = table.retired_segments.size();
    table.retired_segments.edit([&](SharedList<RetiredSegment>::Items& items) {
        std::erase_if(items, [&](const auto& item) { return wanted.contains(item->file); });
    });
    if (before - table.retired_segments.size() != change.files.size()) {
        return conflict("a segment to release is not retired");
    }
    return {};
}

Result<void> Rule::operator()(const ChooseCut& change) {
    TableState& table = *TRY(this->table(change.table));
    if (!change.cut) {
        if (!table.cut_in_flight) return conflict("no cut is in flight");
        if (table.candidate) return conflict("the cut in flight has a candidate");
        table.cut_in_flight.reset();
        return {};
    }
    Cut cut = *change.cut;
    if (cut.partition_count() > table.origin.partition_count()) {
        return internal_error("cut {} has more partitions than the table", cut.to_string());
    }
    cut.grow(table.origin);
    if (table.cut_in_flight) {
        return conflict("cut {} is in flight already", table.cut_in_flight->to_string());
    }
    if (!table.archive_end.dominates(cut)) {
        return conflict("the archive has not reached cut {}", cut.to_string())
            .with_detail(fmt::format("It ends at {}.", table.archive_end.to_string()));
    }
    const Positions& least = table.cuts.empty() ? table.origin : table.cuts.back().cut;
    if (!table.sealed_frontier.dominates(cut) || !cut.dominates(least)) {
        return conflict("cut {} is not between {} and the sealed frontier {}", cut.to_string(),
                        least.to_string(), table.sealed_frontier.to_string());
    }
    for (const VersionId version : versions_of(change.table)) {
        for (const Run& run : state_.runs_of(version)) {
            if (side_of(run.box, cut) != Side::kAcross) continue;
            return conflict("cut {} goes through run {}", cut.to_string(), run.id.value)
                .with_detail(fmt::format("Its box is {}.", run.box.to_string()));
        }
    }
    table.cut_in_flight = std::move(cut);
    return {};
}

Result<void> Rule::admit_at_cut(TableId id, const TableState& table, Cut cut,
                                std::span<const Run> runs, const Positions& start) {
    cut.grow(table.origin);
    if (table.cut_in_flight != cut) {
        return conflict("cut {} is not in flight", cut.to_string())
            .with_detail(table.cut_in_flight
                             ? fmt::format("Cut {} is.", table.cut_in_flight->to_string())
                             : "None is.");
    }
    if (table.candidate) return conflict("cut {} has a candidate already", cut.to_string());
    // A version that was declared after the cut was chosen starts behind it, or, where nothing came
    // between, exactly at it: it has no box below the cut and may wait for the next one. Nor has
    // batch anything to add where it has answered all.
    std::set<VersionId> versions = versions_of(id);
    std::erase_if(versions, [&](VersionId version) {
        const Positions& first = find_version(version)->first_seal;
        const bool is_given = std::ranges::find(runs, version, &Run::version) != runs.end();
        if (!cut.dominates(first)) return true;
        return !is_given && (first == cut || state_.batch_end(version) == cut);
    });
    return admit_all(runs, versions, RunKind::kBatch,
                     [&](const Run& run) { return box_below(cut, start, run); });
}

Result<Box> Rule::box_below(const Cut& cut, const Positions& start, const Run& run) const {
    if (run.increments == 0) return Box::between(start, cut);
    if (run.increments != 1) return internal_error("run {} is not one batch", run.id.value);
    const Positions from = state_.batch_end(run.version);
    if (from == start || from == cut || !cut.dominates(from)) {
        return conflict("the batch runs of view version {} end at {}", run.version.value,
                        from.to_string())
            .with_detail(fmt::format("The cut is {}.", cut.to_string()));
    }
    return Box::between(from, cut);
}

Result<void> Rule::operator()(const Publish& change) {
    TableState& table = *TRY(this->table(change.table));
    TRY(check_epoch(table, change.epoch));
    const bool moves = !change.start.at.empty();
    TRY(check_start(change.table, table, change));
    TRY(admit_at_cut(change.table, table, change.cut, change.runs,
                     moves ? change.start : table.start));
    if (moves) {
        std::set<VersionId> versions;
        for (const Run& run : change.runs) versions.insert(run.version);
        const Box below = Box::between(table.start, change.start);
        TRY(admit_all(change.base_runs, versions, RunKind::kBatch,
                      [&](const Run&) { return Result<Box>(below); }));
    }
    TRY(check_erases(table, change));
    for (const Audit& audit : change.audits) {
        if (audit.table != change.table) return internal_error("an audit of another table");
        if (audit.verdict == Verdict::kPending) {
            return internal_error("a publish before its audit is accepted");
        }
    }
    record(change.audits);
    TRY(publish_runs(change.table, table, change.runs, change.base_runs));
    if (moves) TRY(move_start(change.table, table, change.start));
    raise_clock(change.table, table, change.clock_us);
    if (table.has_unpublished_erasure()) note_published(change.table, table);
    return {};
}

Result<void> Rule::publish_runs(TableId id, TableState& table, const std::vector<Run>& runs,
                                const std::vector<Run>& base_runs) {
    PublishedCut published{.number = state_.next_cut++,
                           .table = id,
                           .cut = *table.cut_in_flight,
                           .runs = {},
                           .at_us = now_us_};
    for (const Run& run : runs) {
        const auto base = std::ranges::find(base_runs, run.version, &Run::version);
        TRY(publish_version(run, base == base_runs.end() ? nullptr : &*base, table, published.cut));
    }
    for (const VersionId version : versions_of(id)) {
        if (state_.batch_end(version) != published.cut) continue;
        for (const Run& run : state_.runs_of(version)) {
            if (run.kind == RunKind::kBatch) published.runs.push_back(run.id);
        }
    }
    table.cuts.push_back(std::move(published));
    if (std::ranges::all_of(runs, [](const Run& run) { return run.increments == 0; })) {
        table.recomputed_at_us = now_us_;
    }
    table.cut_in_flight.reset();
    return {};
}

Result<void> Rule::publish_version(const Run& run, const Run* base, const TableState& table,
                                   const Cut& cut) {
    SharedList<Run>& runs = state_.runs[run.version];
    SharedList<Run>::Items replaced;
    SharedList<Run>::Items result;
    size_t index = 0;
    const auto stays = [&](const Run& old) {
        return run.increments > 0 ? old.kind == RunKind::kBatch : table.is_base(old);
    };
    for (; index < runs.size() && stays(runs[index]); ++index) {
        result.push_back(runs.shared(index));
    }
    if (base != nullptr) result.push_back(std::make_shared<const Run>(*base));
    result.push_back(std::make_shared<const Run>(run));
    Positions end = cut;
    for (; index < runs.size(); ++index) {
        const Side side = side_of(runs[index].box, cut);
        if (side == Side::kBelow) {
            replaced.push_back(runs.shared(index));
        } else if (side == Side::kAbove && extend(end, runs[index].box)) {
            result.push_back(runs.shared(index));
        } else {
            return conflict("cut {} goes through run {} of view version {}", cut.to_string(),
                            runs[index].id.value, run.version.value)
                .with_detail(fmt::format("Its box is {}.", runs[index].box.to_string()));
        }
    }
    if (end != table.sealed_frontier) {
        return internal_error("view version {} would end at {}, not at the sealed frontier {}",
                              run.version.value, end.to_string(),
                              table.sealed_frontier.to_string());
    }
    retire(replaced);
    runs.edit([&](SharedList<Run>::Items& items) { items = std::move(result); });
    set_populated(run.version, table);
    return {};
}

Result<void> Rule::operator()(const Compact& change) {
    const VersionId version = change.added.version;
    if (!state_.runs.contains(version))
        return not_found("view version {} does not exist", version.value);
    SharedList<Run>& runs = state_.runs.edit(version);
    if (change.removed.size() < 2) return internal_error("a compaction of less than two runs");
    const auto first = std::ranges::find(runs, change.removed.front(), &Run::id) - runs.begin();
    if (runs.size() - static_cast<size_t>(first) < change.removed.size()) {
        return conflict("run {} is gone", change.removed.front().value);
    }
    Run sum{.version = version};
    SharedList<Run>::Items removed;
    for (size_t index = 0; index < change.removed.size(); ++index) {
        const Run& run = runs[static_cast<size_t>(first) + index];
        if (run.id != change.removed[index])
            return conflict("run {} is gone", change.removed[index].value);
        if (run.kind != change.added.kind) {
            return conflict("run {} is of another kind", run.id.value);
        }
        sum.extend(run);
        removed.push_back(runs.shared(static_cast<size_t>(first) + index));
    }
    TRY(admit(change.added, change.added.kind, sum.box));
    if (change.added.account() != sum.account() || change.added.increments != sum.increments) {
        return internal_error("the accounts of run {} are not those of what it replaces",
                              change.added.id.value);
    }
    TableState& table = *TRY(this->table(state_.catalog.view_of_version(version)->table));
    const auto crosses = [&](const Cut& cut) { return side_of(sum.box, cut) == Side::kAcross; };
    if (crosses(table.start)) {
        return conflict("box {} would go through {}, where the dataset begins", sum.box.to_string(),
                        table.start.to_string());
    }
    if ((table.cut_in_flight && crosses(*table.cut_in_flight)) ||
        std::ranges::any_of(table.cuts, [&](const auto& each) { return crosses(each.cut); })) {
        return conflict("box {} would go through a cut", sum.box.to_string());
    }
    for (PublishedCut& cut : table.cuts) {
        const auto place = std::ranges::find(cut.runs, change.removed.front());
        if (place == cut.runs.end()) continue;
        *place = change.added.id;
        std::erase_if(cut.runs, [&](RunId run) {
            return std::ranges::find(change.removed, run) != change.removed.end();
        });
    }
    retire(removed);
    runs.edit([&](SharedList<Run>::Items& items) {
        const auto place = items.erase(
            items.begin() + first, items.begin() + first + static_cast<int64_t>(removed.size()));
        items.insert(place, std::make_shared<const Run>(change.added));
    });
    return {};
}

Result<void> Rule::operator()(const Release& change) {
    const std::set<RunId> wanted(change.runs.begin(), change.runs.end());
    std::map<RunId, VersionId> released;
    state_.retired.edit([&](SharedList<Retired>::Items& items) {
        std::erase_if(items, [&](const auto& item) {
            if (!wanted.contains(item->run.id)) return false;
            released.emplace(item->run.id, item->run.version);
            return true;
        });
    });
    if (released.size() != change.runs.size()) return conflict("a run to release is not retired");
    forget_unbacked_cuts(released);
    return {};
}

Result<void> Rule::operator()(const ForgetCuts& change) {
    for (const uint64_t number : change.cuts) {
        const auto is_kept = [&](const auto& entry) {
            const std::vector<PublishedCut>& cuts = entry.second.cuts;
            const auto place = std::ranges::find(cuts, number, &PublishedCut::number);
            return place != cuts.end() && place + 1 != cuts.end();
        };
        const auto table = std::ranges::find_if(state_.tables, is_kept);
        if (table == state_.tables.end()) {
            return conflict("cut {} is the newest, or not kept", number);
        }
        std::erase_if(state_.tables.edit(table->first).cuts,
                      [&](const PublishedCut& cut) { return cut.number == number; });
    }
    return {};
}

void Rule::retire(const SharedList<Run>::Items& runs) {
    if (runs.empty()) return;
    state_.retired.edit([&](SharedList<Retired>::Items& items) {
        for (const auto& run : runs) {
            items.push_back(
                std::make_shared<const Retired>(Retired{.run = *run, .at_us = now_us_}));
        }
    });
}

std::vector<uint64_t> Rule::record(const std::vector<Audit>& audits) {
    std::vector<uint64_t> numbers;
    if (audits.empty()) return numbers;
    state_.audits.edit([&](SharedList<Audit>::Items& items) {
        for (Audit audit : audits) {
            audit.number = state_.next_audit++;
            numbers.push_back(audit.number);
            items.push_back(std::make_shared<const Audit>(std::move(audit)));
        }
        size_t surplus = items.size() - std::min(items.size(), kAuditsKept);
        std::erase_if(items, [&](const auto& item) {
            return item->verdict != Verdict::kPending && surplus > 0 && surplus-- > 0;
        });
    });
    return numbers;
}

/// A view can be read at a cut while all runs are kept that the cut names for it. The newest cut
/// stays in any case: it says how far batch has answered.
void Rule::forget_unbacked_cuts(const std::map<RunId, VersionId>& released) {
    std::map<RunId, VersionId> kept;
    for (const auto& [id, version] : released) {
        for (const Run& run : state_.runs_of(version)) kept.emplace(run.id, version);
    }
    for (const Retired& each : state_.retired) kept.emplace(each.run.id, each.run.version);
    const auto is_broken = [&](const PublishedCut& cut) {
        return std::ranges::any_of(cut.runs, [&](RunId run) { return released.contains(run); });
    };
    std::vector<TableId> touched;
    for (const auto& [id, table] : state_.tables) {
        if (std::ranges::any_of(table.cuts, is_broken)) touched.push_back(id);
    }
    for (const TableId id : touched) {
        TableState& table = state_.tables.edit(id);
        const uint64_t newest = table.cuts.back().number;
        std::erase_if(table.cuts, [&](PublishedCut& cut) {
            std::set<VersionId> broken;
            for (const RunId run : cut.runs) {
                const auto gone = released.find(run);
                if (gone != released.end()) broken.insert(gone->second);
            }
            std::erase_if(cut.runs, [&](RunId run) {
                const auto left = kept.find(run);
                return released.contains(run) ||
                       (left != kept.end() && broken.contains(left->second));
            });
            return cut.number != newest && !broken.empty() && cut.runs.empty();
        });
    }
}

}  // namespace braid::manifest
