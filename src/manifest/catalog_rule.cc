// SPDX-License-Identifier: Apache-2.0
// The part of the commit rule about what the user declared; commit_rule.cc has the part about runs.
#include <algorithm>

#include "base/error_makers.h"
#include "manifest/rule_internal.h"

namespace braid::manifest {

namespace {

/// Blocks of which something is left. A number of a block that is older than all of them is refused
/// like a used one, so forgetting the oldest is safe.
constexpr size_t kOpenRangesMax = 4096;
constexpr uint64_t kBlockMax = 1'000'000;
/// Each position vector of each version holds one offset a partition.
constexpr uint32_t kPartitionsMax = 4096;
constexpr size_t kAllowedFilesMax = 10'000;

void open_block(uint64_t& next, uint64_t count, std::vector<IdRange>& open) {
    if (count == 0) return;
    if (!open.empty() && open.back().to == next) {
        open.back().to += count;
    } else {
        open.push_back({next, next + count});
    }
    next += count;
    if (open.size() > kOpenRangesMax) open.erase(open.begin(), open.end() - kOpenRangesMax);
}

/// A session may try its changes on a version that is older than the block of their numbers: then
/// what they skip is opened.
Result<void> take_number(uint64_t number, uint64_t& next, std::vector<IdRange>& open,
                         std::string_view what) {
    if (number >= next) {
        if (number - next >= kBlockMax) {
            return internal_error("{} {} was never handed out", what, number);
        }
        open_block(next, number + 1 - next, open);
    }
    const auto place = std::ranges::upper_bound(open, number, {}, &IdRange::to);
    if (place == open.end() || number < place->from) {
        return conflict("{} {} has been used before", what, number);
    }
    const IdRange above{number + 1, place->to};
    place->to = number;
    const bool is_empty_below = place->from == place->to;
    if (above.from == above.to) {
        if (is_empty_below) open.erase(place);
    } else if (is_empty_below) {
        *place = above;
    } else {
        open.insert(std::next(place), above);
    }
    return {};
}

Result<void> check_origin(const Positions& origin) {
    if (origin.partition_count() == 0 || origin.partition_count() > kPartitionsMax) {
        return internal_error("a table of {} partitions", origin.partition_count());
    }
    if (std::ranges::any_of(origin.at, [](Offset each) { return each < Offset{0}; })) {
        return internal_error("a log that begins at {}", origin.to_string());
    }
    return {};
}

Error no_such(std::string_view what, ObjectId id) {
    return not_found("{} {} does not exist", what, id.value);
}

}  // namespace

Result<void> Rule::take_id(ObjectId id) {
    return take_number(id.value, state_.catalog.next_id, state_.open_ids, "object id");
}

Result<void> Rule::take_run_id(RunId id) {
    return take_number(id.value, state_.next_run, state_.open_runs, "run id");
}

Result<void> Rule::check_free_name(std::string_view name) const {
    if (name.empty()) return internal_error("a relation without a name");
    if (!state_.catalog.has_relation(name)) return {};
    return already_exists("relation \"{}\" already exists", name).with_sqlstate("42P07");
}

Result<TableState*> Rule::table(TableId id) {
    if (!state_.tables.contains(id)) return no_such("table", id);
    return &state_.tables.edit(id);
}

Result<void> Rule::operator()(const CreateTable& change) {
    const catalog::Table& table = change.table;
    TRY(check_free_name(table.name));
    const Positions origin =
        change.origin.at.empty() ? Positions::zero(table.partition_count) : change.origin;
    TRY(check_origin(origin));
    if (origin.partition_count() != table.partition_count) {
        return internal_error("a table of {} partitions whose log begins at {}",
                              table.partition_count, origin.to_string());
    }
    if (const catalog::Table* other = state_.catalog.tables.marked(table.log.hex)) {
        return conflict("log {} belongs to \"{}\"", table.log.hex, other->name);
    }
    if (const catalog::Table* other = state_.catalog.tables.marked(table.dataset_folder)) {
        return conflict("folder \"{}\" belongs to \"{}\"", table.dataset_folder, other->name);
    }
    TRY(take_id(table.id));
    state_.catalog.tables.put(table);
    state_.tables.put(
        table.id,
        TableState{
            .origin = origin, .archive_end = origin, .sealed_frontier = origin, .start = origin});
    return {};
}

Result<void> Rule::operator()(const Grow& change) {
    TableState& table = *TRY(this->table(change.table));
    TRY(check_origin(change.origin));
    const uint32_t known = table.origin.partition_count();
    if (change.origin.partition_count() <= known) {
        return conflict("the table has {} partitions already", known);
    }
    if (!std::equal(table.origin.at.begin(), table.origin.at.end(), change.origin.at.begin())) {
        return internal_error("a log that begins at {}, and then at {}", table.origin.to_string(),
                              change.origin.to_string());
    }
    const auto grow = [&](Positions& positions) { positions.grow(change.origin); };
    grow(table.origin);
    grow(table.archive_end);
    grow(table.sealed_frontier);
    grow(table.start);
    if (table.cut_in_flight) grow(*table.cut_in_flight);
    for (PublishedCut& published : table.cuts) grow(published.cut);
    for (Horizon& horizon : table.horizons) grow(horizon.from);
    if (!table.thinned_below.at.empty()) grow(table.thinned_below);
    for (Erasure& erasure : table.erasures) grow(erasure.ends);
    for (const catalog::MaterializedView* view : state_.catalog.views_of(change.table)) {
        for (catalog::ViewVersion& version : state_.catalog.views.edit(view->id).versions) {
            grow(version.first_seal);
            if (!version.complete_since.at.empty()) grow(version.complete_since);
        }
    }
    state_.catalog.tables.edit(change.table).partition_count = table.origin.partition_count();
    return {};
}

Result<void> Rule::operator()(const DropTable& change) {
    const auto found = state_.catalog.tables.find(change.table);
    if (found == state_.catalog.tables.end()) return no_such("table", change.table);
    const auto views = state_.catalog.views_of(change.table);
    if (!views.empty()) {
        std::string detail;
        for (const catalog::MaterializedView* view : views) {
            if (!detail.empty()) detail += '\n';
            detail += fmt::format("materialized view {} depends on table {}", view->name,
                                  found->second.name);
        }
        return invalid_input("cannot drop table {} because other objects depend on it",
                             found->second.name)
            .with_sqlstate("2BP01")
            .with_detail(std::move(detail))
            .with_hint("Drop the dependent objects first.");
    }
    state_.dropped.push_back({change.table, found->second.dataset_folder, now_us_});
    state_.catalog.tables.erase(change.table);
    state_.tables.erase(change.table);
    return {};
}

Result<void> Rule::operator()(const Sweep& change) {
    for (const TableId table : change.tables) {
        const auto found = std::ranges::find(state_.dropped, table, &Dropped::table);
        if (found == state_.dropped.end()) {
            return conflict("table {} has no files to be swept", table.value);
        }
        state_.dropped.erase(found);
    }
    return {};
}

Result<void> Rule::operator()(const CreateView& change) {
    catalog::MaterializedView view = change.view;
    TRY(check_free_name(view.name));
    TableState* table = TRY(this->table(view.table));
    if (view.versions.size() != 1 || view.current != view.versions.front().id) {
        return internal_error("view \"{}\" must be created with one version", view.name);
    }
    TRY(take_id(view.id));
    catalog::ViewVersion& version = view.versions.front();
    TRY(take_id(version.id));
    version.first_seal = table->sealed_frontier;
    version.is_populated = false;
    state_.runs[version.id] = {};
    if (view.retention_us > 0 && table->clock_us) table->horizon_us = table->clock_us;
    state_.catalog.views.put(std::move(view));
    return {};
}

Result<void> Rule::operator()(const DropView& change) {
    const auto found = state_.catalog.views.find(change.view);
    if (found == state_.catalog.views.end()) return no_such("materialized view", change.view);
    TableState& table = *TRY(this->table(found->second.table));
    for (const catalog::ViewVersion& version : found->second.versions) {
        drop_candidate_run(table, version.id);
        SharedList<Run>::Items runs;
        const SharedList<Run>& listed = state_.runs_of(version.id);
        for (size_t index = 0; index < listed.size(); ++index) {
            runs.push_back(listed.shared(index));
        }
        retire(runs);
        state_.runs.erase(version.id);
    }
    const TableId id = found->second.table;
    state_.catalog.views.erase(change.view);
    return table.candidate ? settle(id, table) : Result<void>();
}

Result<void> Rule::operator()(const CreatePlainView& change) {
    TRY(check_free_name(change.view.name));
    TRY(take_id(change.view.id));
    state_.catalog.plain_views.put(change.view);
    return {};
}

Result<void> Rule::operator()(const DropPlainView& change) {
    if (state_.catalog.plain_views.erase(change.view) == 0) return no_such("view", change.view);
    return {};
}

Result<void> Rule::operator()(const TakeOver& change) {
    if (change.epoch != state_.epoch + 1) {
        return conflict("epoch {} does not follow {}", change.epoch, state_.epoch);
    }
    state_.epoch = change.epoch;
    return {};
}

Result<void> Rule::operator()(const AllocateIds& change) {
    if (change.ids > kBlockMax || change.runs > kBlockMax) {
        return internal_error("a block of {} ids and {} runs", change.ids, change.runs);
    }
    open_block(state_.catalog.next_id, change.ids, state_.open_ids);
    open_block(state_.next_run, change.runs, state_.open_runs);
    return {};
}

Result<void> Rule::operator()(const SetFunctionData& change) {
    const auto found = state_.catalog.function_data.find(change.data.name);
    if (found != state_.catalog.function_data.end() &&
        change.data.version <= found->second.version) {
        return conflict("version {} of \"{}\" is not newer than version {}", change.data.version,
                        change.data.name, found->second.version);
    }
    state_.catalog.function_data[change.data.name] = change.data;
    return {};
}

Result<void> Rule::operator()(const AllowFiles& change) {
    std::set<std::string>& allowed = state_.allowed_files.edit();
    allowed.insert(change.directories.begin(), change.directories.end());
    if (allowed.size() > kAllowedFilesMax) {
        return exhausted("more than {} directories of sources", kAllowedFilesMax)
            .with_hint("Name directories that hold several of them.")
            .with_sqlstate("54000");
    }
    return {};
}

}  // namespace braid::manifest
