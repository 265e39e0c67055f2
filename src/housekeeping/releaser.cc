// SPDX-License-Identifier: Apache-2.0
#include "housekeeping/releaser.h"

#include <algorithm>
#include <functional>
#include <utility>
#include <vector>

#include "base/file_system.h"
#include "base/trace.h"
#include "batch/view_builder.h"
#include "dataset/listed_files.h"
#include "dataset/segment.h"
#include "runs/run_file.h"

namespace braid::housekeeping {

namespace {

/// Calls with the file of each part of each run that is live, retired or a candidate.
template <typename Visit>
void for_each_named_file(const manifest::State& state, Visit visit) {
    const auto visit_files = [&](const manifest::Run& run) {
        for (const manifest::Part& part : run.parts) visit(part.file);
    };
    for (const auto& [version, list] : state.runs) std::ranges::for_each(list, visit_files);
    for (const manifest::Retired& retired : state.retired) visit_files(retired.run);
    for (const auto& [id, table] : state.tables) {
        if (table.candidate) std::ranges::for_each(table.candidate->runs, visit_files);
    }
}

Result<bool> remove_level(Store& store, const std::string& directory,
                          const std::set<std::string>& named) {
    bool is_empty = true;
    for (const std::string& name : TRY(store.list(directory))) {
        const std::string path = directory + "/" + name;
        const FileInfo info = TRY(store.info(path));
        if (info.is_directory) {
            if (TRY(remove_level(store, path, named))) {
                TRY(store.remove_directory(path));
            } else {
                is_empty = false;
            }
        } else if (named.contains(path)) {
            is_empty = false;
        } else {
            TRY(store.remove(path));
        }
    }
    return is_empty;
}

/// A power cut does not bring them back.
Result<void> remove_for_good(Store& store, const std::set<std::string>& files) {
    TRY(batch::remove_files(store, files));
    std::set<std::string> directories;
    for (const std::string& file : files) directories.insert(parent_directory(file));
    for (const std::string& directory : directories) {
        if (TRY(store.exists(directory))) TRY(store.sync_directory(directory));
    }
    return {};
}

/// Segments that were put but never told of: their rows are written again, perhaps in the folder of
/// another day, and whoever lists the dataset would find them twice. Other files are not touched.
Result<void> remove_unnamed_segments(Store& store, const catalog::Table& table,
                                     const std::set<std::string>& named) {
    if (!TRY(store.exists(table.dataset_folder))) return {};
    const dataset::SegmentSpec spec = dataset::SegmentSpec::of(table);
    for (const std::string& day : TRY(store.list(spec.folder))) {
        const std::string folder = spec.folder + "/" + day;
        if (!day.starts_with("ingest_day=") || !TRY(store.info(folder)).is_directory) continue;
        bool has_some = false;
        for (const std::string& name : TRY(store.list(folder))) {
            const std::string path = folder + "/" + name;
            if (name.starts_with(spec.log.hex + "-") && name.ends_with(".parquet") &&
                !named.contains(path)) {
                TRY(store.remove(path));
                has_some = true;
            }
        }
        if (has_some) TRY(store.sync_directory(folder));
    }
    return {};
}

}  // namespace

Releaser::Releaser(Store& store, manifest::Manifest& manifest, const Clock& clock,
                   std::function<void(RunId)> forget_run)
    : store_(store),
      manifest_(manifest),
      clock_(clock),
      forget_run_(std::move(forget_run)),
      ages_(std::make_shared<RetiredAges>()) {
    ages_->note(*manifest.head(), clock.monotonic_us());
    manifest.on_commit([ages = ages_, &clock](const manifest::StatePtr& state) {
        ages->note(*state, clock.monotonic_us());
    });
}

Result<uint64_t> Releaser::release(int64_t undo_window_us, int64_t snapshot_max_us) {
    const ScopedLock lock(mutex_);
    const manifest::StatePtr state = manifest_.head();
    const int64_t now_us = clock_.monotonic_us();
    manifest::Release release;
    Garbage garbage;
    for (const manifest::Retired& retired : state->retired) {
        const bool is_old = now_us - ages_->retired_us(retired.run.id, now_us) >= undo_window_us;
        // A drop cannot be undone.
        if (!is_old && state->runs.contains(retired.run.version)) continue;
        release.runs.push_back(retired.run.id);
        garbage.runs.push_back(retired.run);
    }
    std::vector<manifest::Change> changes;
    for (manifest::ReleaseSegments& each : TRY(old_segments(*state, now_us, undo_window_us))) {
        for (const std::string& file : each.files) {
            garbage.segments.insert(TRY(store_.can_exchange()) ? dataset::unlisted_path(file)
                                                               : file);
        }
        changes.emplace_back(std::move(each));
    }
    const uint64_t released = garbage.runs.size() + garbage.segments.size();
    manifest::ForgetCuts forget = old_cuts(*state, now_us, undo_window_us);
    if (!forget.cuts.empty()) changes.emplace_back(std::move(forget));
    if (!release.runs.empty()) changes.emplace_back(std::move(release));
    if (!changes.empty()) {
        auto committed = manifest_.commit(std::move(changes));
        // Another process was faster; what is left is seen by the next step.
        if (!committed && committed.error().code() == ErrorCode::kConflict) return uint64_t{0};
        garbage.since = TRY(std::move(committed))->number;
        if (released > 0) garbage_.push_back(std::move(garbage));
    }
    TRY(delete_unpinned(snapshot_max_us));
    return released;
}

/// A file lives as long as one of its runs, be it garbage that is still pinned.
Result<void> Releaser::delete_unpinned(int64_t snapshot_max_us) {
    if (garbage_.empty()) return {};
    const auto pinned = manifest_.pins().oldest(clock_.monotonic_us() - snapshot_max_us);
    const auto kept = std::ranges::find_if(
        garbage_, [&](const Garbage& each) { return pinned && *pinned < each.since; });
    std::vector<Garbage> unpinned(garbage_.begin(), kept);
    std::vector<Garbage> pinned_still(kept, garbage_.end());
    garbage_.swap(pinned_still);
    std::vector<manifest::Run> runs;
    std::set<std::string> segments;
    for (const Garbage& each : unpinned) {
        runs.insert(runs.end(), each.runs.begin(), each.runs.end());
        segments.insert(each.segments.begin(), each.segments.end());
    }
    auto deleted = delete_files(runs, std::move(segments));
    if (!deleted) garbage_.insert(garbage_.begin(), unpinned.begin(), unpinned.end());
    return deleted;
}

Result<void> Releaser::delete_files(const std::vector<manifest::Run>& runs,
                                    std::set<std::string> segments) {
    std::set<std::string> files = std::move(segments);
    for (const manifest::Run& run : runs) {
        if (forget_run_) forget_run_(run.id);
        files.merge(run.files());
    }
    for (const Garbage& each : garbage_) {
        for (const manifest::Run& run : each.runs) {
            for (const std::string& file : run.files()) files.erase(file);
        }
    }
    for_each_named_file(*manifest_.head(), [&](const std::string& file) { files.erase(file); });
    return remove_for_good(store_, files);
}

Result<void> Releaser::destroy_segments(TableId table) {
    const ScopedLock lock(mutex_);
    const manifest::StatePtr state = manifest_.head();
    if (state->table(table) == nullptr || !state->table(table)->has_pending_erasure()) return {};
    const manifest::TableState& of = *state->table(table);
    const catalog::Table& declared = state->catalog.tables.at(table);
    std::set<std::string> named;
    std::set<std::string> unlisted;
    for (const manifest::Segment& each : of.segments) {
        named.insert(each.file);
        unlisted.insert(dataset::unlisted_path(each.file));
    }
    const std::string folder = dataset::unlisted_folder(declared.dataset_folder);
    if (TRY(store_.exists(folder))) {
        TRY(remove_unnamed(store_, folder, unlisted));
        TRY(store_.sync_directory(folder));
    }
    TRY(remove_unnamed_segments(store_, declared, named));
    // The manifest forgets them last: nobody would look for one that is left.
    manifest::ReleaseSegments release{table, {}};
    for (const manifest::RetiredSegment& each : of.retired_segments) {
        release.files.push_back(each.file);
    }
    if (!release.files.empty()) TRY(manifest_.commit({std::move(release)}));
    return {};
}

Result<std::vector<manifest::ReleaseSegments>> Releaser::old_segments(const manifest::State& state,
                                                                      int64_t now_us,
                                                                      int64_t undo_window_us) {
    std::vector<manifest::ReleaseSegments> changes;
    std::map<std::string, int64_t> seen_us;
    for (const auto& [id, table] : state.tables) {
        manifest::ReleaseSegments change{id, {}};
        for (const manifest::RetiredSegment& each : table.retired_segments) {
            const auto known = segments_us_.find(each.file);
            const int64_t since_us = known == segments_us_.end() ? now_us : known->second;
            seen_us.emplace(each.file, since_us);
            if (now_us - since_us < undo_window_us) continue;
            // Where no folder can be exchanged nothing takes its place: a retention took it away.
            const bool is_shown = TRY(store_.can_exchange()) && TRY(store_.exists(each.file));
            if (!is_shown) change.files.push_back(each.file);
        }
        if (!change.files.empty()) changes.push_back(std::move(change));
    }
    segments_us_ = std::move(seen_us);
    return changes;
}

Result<void> Releaser::destroy_runs(TableId table) {
    const ScopedLock lock(mutex_);
    const std::string directory = parent_directory(runs::run_path(table, {})) + "/";
    const auto is_of_table = [&](const manifest::Run& run) {
        return std::ranges::any_of(run.parts, [&](const manifest::Part& part) {
            return part.file.starts_with(directory);
        });
    };
    std::vector<manifest::Run> destroyed;
    manifest::Release release;
    const manifest::StatePtr state = manifest_.head();
    for (const manifest::Retired& retired : state->retired) {
        if (!is_of_table(retired.run)) continue;
        release.runs.push_back(retired.run.id);
        destroyed.push_back(retired.run);
    }
    if (!release.runs.empty()) TRY(manifest_.commit({std::move(release)}));
    for (Garbage& each : garbage_) {
        const auto kept = std::ranges::stable_partition(each.runs, std::not_fn(is_of_table));
        destroyed.insert(destroyed.end(), kept.begin(), kept.end());
        each.runs.erase(kept.begin(), kept.end());
    }
    return delete_files(destroyed, {});
}

/// A cut may be read for an undo window after the next one has taken its place.
manifest::ForgetCuts Releaser::old_cuts(const manifest::State& state, int64_t now_us,
                                        int64_t undo_window_us) const {
    manifest::ForgetCuts forget;
    for (const auto& [id, table] : state.tables) {
        for (size_t next = 1; next < table.cuts.size(); ++next) {
            const int64_t since_us = ages_->published_us(table.cuts[next].number, now_us);
            if (now_us - since_us < undo_window_us) break;
            forget.cuts.push_back(table.cuts[next - 1].number);
        }
    }
    return forget;
}

Result<void> remove_unnamed(Store& store, const std::string& directory,
                            const std::set<std::string>& named) {
    TRY(remove_level(store, directory, named));
    return {};
}

namespace {

/// A day that was to be exchanged when the process ended is exchanged now, if all is there that it
/// is to show. Gives where segments lie that are still read, or are yet to be listed.
Result<std::set<std::string>> show_days(Store& store, const manifest::State& state) {
    std::set<std::string> unlisted;
    const bool can_show = TRY(store.can_exchange());
    for (const auto& [id, table] : state.tables) {
        const std::string& folder = state.catalog.tables.at(id).dataset_folder;
        std::set<std::string> days;
        for (const manifest::RetiredSegment& each : table.retired_segments) {
            unlisted.insert(dataset::unlisted_path(each.file));
            days.insert(dataset::day_of(each.file));
        }
        if (!can_show) days.clear();  // what an erasure has replaced is destroyed where it lies
        for (const std::string& day : days) {
            const auto shown = dataset::show_day(store, folder, day, table);
            if (shown) continue;
            write_trace(TraceLevel::kError, "housekeeping", shown.error().to_string());
            for (const manifest::Segment& each : table.segments) {
                if (each.ingest_day == day) unlisted.insert(dataset::unlisted_path(each.file));
            }
        }
    }
    return unlisted;
}

}  // namespace

Result<void> remove_orphans(Store& store, Store& local, const manifest::State& state) {
    std::set<std::string> named;
    for_each_named_file(state, [&](const std::string& file) { named.insert(file); });
    const auto clear = [](Store& root, const char* directory,
                          const std::set<std::string>& kept) -> Result<void> {
        if (!TRY(root.exists(directory))) return {};
        return remove_unnamed(root, directory, kept);
    };
    TRY(clear(store, dataset::kUnlistedDirectory, TRY(show_days(store, state))));
    for (const auto& [id, table] : state.tables) {
        std::set<std::string> segments;
        for (const manifest::Segment& each : table.segments) segments.insert(each.file);
        for (const auto& each : table.retired_segments) segments.insert(each.file);
        TRY(remove_unnamed_segments(store, state.catalog.tables.at(id), segments));
    }
    TRY(clear(store, "runs", named));
    // What was spilled or half written when a process ended is nobody's.
    TRY(clear(store, "_tmp", {}));
    TRY(clear(local, "_tmp", {}));
    TRY(clear(local, "spill", {}));
    return {};
}

}  // namespace braid::housekeeping
