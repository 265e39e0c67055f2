// SPDX-License-Identifier: Apache-2.0
#include "batch/fold_splits.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <utility>

#include <fmt/format.h>

#include "base/mutex.h"
#include "base/thread.h"
#include "catalog/retention.h"
#include "dataset/segment_files.h"
#include "operators/decode/declared_decoder.h"
#include "operators/fold/event_clock.h"
#include "operators/fold/slice_splitter.h"

namespace braid::batch {

namespace {

using operators::SplitSlice;
using operators::SplitSlicePtr;

/// Slices of a thread that wait for others who take in what is theirs.
constexpr size_t kSlicesOfThreadMax = 2;

/// Which split comes next, for all threads.
class SplitQueue {
  public:
    explicit SplitQueue(std::span<const dataset::Split> splits) : splits_(splits) {}
    /// Null when all are taken.
    const dataset::Split* take() {
        const size_t number = next_++;
        return number < splits_.size() ? &splits_[number] : nullptr;
    }

  private:
    const std::span<const dataset::Split> splits_;
    std::atomic<size_t> next_ = 0;
};

size_t count_not_empty(std::span<const dataset::Split> splits) {
    return static_cast<size_t>(
        std::ranges::count_if(splits, [](const dataset::Split& each) { return !each.empty(); }));
}

/// Decodes the splits that one thread takes, slice by slice.
class SplitReader {
  public:
    SplitReader(const FoldJob& job, const FoldWatch& watch, dataset::SegmentFiles& files,
                SplitQueue& queue, std::vector<bool> wanted)
        : job_(job), watch_(watch), files_(files), queue_(queue) {
        scan_spec_.wanted = std::move(wanted);
        scan_spec_.from = job.from;
        scan_spec_.end = job.end;
    }

    /// False when no split is left.
    Result<bool> next(operators::DecodedSlice& slice) {
        while (true) {
            if (has_rows_ && TRY(scan_->next(slice))) return true;
            if (has_rows_) erased_ += scan_->erased();
            has_rows_ = false;
            if (split_ == nullptr || piece_ == split_->size()) {
                split_ = queue_.take();
                piece_ = 0;
                if (split_ == nullptr) return false;
                continue;
            }
            TRY(open((*split_)[piece_++]));
        }
    }

    /// Erased events of the splits that were read to their ends.
    uint64_t erased() const { return erased_; }

  private:
    Result<void> open(const dataset::SplitPiece& piece) {
        if (watch_.before_piece) TRY(watch_.before_piece());
        dataset::ScanSpec scan = scan_spec_;
        scan.rows = piece.rows;
        // The one before lasts until then: its file may be the same.
        scan_ = TRY(dataset::SegmentScan::open(files_, dataset::SegmentSpec::of(job_.table),
                                               operators::decoder_spec_of(job_.table),
                                               piece.segment, std::move(scan)));
        has_rows_ = true;
        return {};
    }

    const FoldJob& job_;
    const FoldWatch& watch_;
    dataset::SegmentFiles& files_;
    SplitQueue& queue_;
    dataset::ScanSpec scan_spec_;
    const dataset::Split* split_ = nullptr;
    size_t piece_ = 0;
    std::unique_ptr<dataset::SegmentScan> scan_;
    bool has_rows_ = false;
    uint64_t erased_ = 0;
};

/// One thread's part of a fold; it goes on after a spill where it was.
struct Folder {
    std::unique_ptr<operators::ViewFolder> views;
    operators::SliceSplitter splitter;
    SplitReader reader;
    operators::DecodedSlice slice;
    std::optional<operators::EventClock> clock;
};

class SplitFold {
  public:
    SplitFold(const FoldJob& job, std::span<const dataset::Split> splits, const FoldLimits& limits,
              const FoldWatch& watch)
        : job_(job),
          limits_(limits),
          watch_(watch),
          threads_(std::clamp<size_t>(count_not_empty(splits), 1, limits.write.threads)),
          files_(job.store),
          queue_(splits),
          accounts_(job.views.size()),
          failed_(job.views.size()) {}

    Result<Folded> run(runs::RunFile& file) {
        TRY(open());
        while (true) {
            is_full_ = false;
            empty_tables();
            TRY(on_threads(threads_, "batch", [&](size_t thread) { return fold(thread); }));
            if (!is_full_) break;
            for (size_t view = 0; view < builders_.size(); ++view) {
                TRY(builders_[view]->spill(tables(view)));
            }
        }
        Folded folded{TRY(finish(file)), std::nullopt};
        for (const auto& folder : folders_) {
            if (folder->clock)
                folded.clock_us = std::max(folded.clock_us, folder->clock->time_us());
        }
        return folded;
    }

  private:
    Result<void> open() {
        for (size_t thread = 0; thread < threads_; ++thread) {
            auto views = TRY(operators::ViewFolder::create(job_.views));
            auto wanted =
                views->wanted(job_.table.columns.fields.size() + plan::kSystemColumnCount);
            std::optional<operators::EventClock> clock;
            if (retains() || catalog::retention_of(job_.table) > 0) {
                clock.emplace(job_.table.columns, job_.table.option("event_time", ""));
                clock->add_wanted(wanted);
            }
            operators::ViewFolder& folder = *views;
            folders_.push_back(std::make_unique<Folder>(
                std::move(views), operators::SliceSplitter(folder),
                SplitReader(job_, watch_, files_, queue_, std::move(wanted)),
                operators::DecodedSlice(), std::move(clock)));
        }
        find_floors();
        for (size_t view = 0; view < job_.views.size(); ++view) {
            builders_.push_back(std::make_unique<ViewBuilder>(
                job_.local, job_.views[view].plan->aggregates,
                fmt::format("{}/{}", job_.spill_directory, view), limits_.write,
                job_.views[view].floor_at(job_.horizon_us)));
        }
        return {};
    }

    bool retains() const {
        return std::ranges::any_of(job_.views,
                                   [](const auto& view) { return view.retention != nullptr; });
    }

    void find_floors() {
        if (!retains()) return;
        for (const Horizon& horizon : job_.horizons) {
            auto& floors = floors_.emplace_back();
            for (const operators::BoundView& view : job_.views) {
                floors.push_back(view.floor_at(horizon.time_us));
            }
        }
    }

    void empty_tables() {
        shards_.clear();
        for (const operators::BoundView& view : job_.views) {
            auto& of_view = shards_.emplace_back();
            for (size_t shard = 0; shard < operators::shard_count_of(threads_); ++shard) {
                of_view.push_back(std::make_unique<operators::Shard>(view.plan->aggregates));
            }
        }
    }

    std::vector<const operators::GroupTable*> tables(size_t view) const {
        std::vector<const operators::GroupTable*> tables;
        for (const auto& shard : shards_[view]) tables.push_back(shard->table().get());
        return tables;
    }

    /// What one thread does until the tables are full or nothing is left. At least one slice, so
    /// that any memory will do.
    Result<void> fold(size_t thread) {
        Result<void> outcome = fold_slices(*folders_[thread]);
        if (!outcome) has_failed_ = true;
        return outcome;
    }

    Result<void> fold_slices(Folder& folder) {
        if (watch_.after_slice) TRY(watch_.after_slice(0));
        while (!has_failed_ && TRY(folder.reader.next(folder.slice))) {
            const size_t events = folder.slice.batch.length;
            if (folder.clock) folder.clock->note(folder.slice);
            fold_by_horizons(folder);
            if (watch_.after_slice) TRY(watch_.after_slice(events));
            if (bytes_used() > limits_.memory_bytes_max) is_full_ = true;
            if (is_full_) break;
        }
        return {};
    }

    /// Slice by slice as horizons cut what was read.
    void fold_by_horizons(Folder& folder) {
        const operators::DecodedSlice& slice = folder.slice;
        if (floors_.empty()) return fold_slice(folder, slice, {});
        const std::span<const Horizon> horizons = job_.horizons;
        for (size_t from = 0; from < slice.batch.length;) {
            const size_t hold = horizons_at(horizons, slice.partition, slice.offsets[from]);
            size_t to = slice.batch.length;
            if (hold < horizons.size()) {
                const Offset next = horizons[hold].from.of(slice.partition);
                to = operators::first_row_at(slice, next, from);
            }
            std::span<const operators::KeyFloorPtr> floors;
            if (hold > 0) floors = floors_[hold - 1];
            const bool is_whole = from == 0 && to == slice.batch.length;
            fold_slice(folder, is_whole ? slice : operators::part_of(slice, from, to), floors);
            from = to;
        }
    }

    void fold_slice(Folder& folder, const operators::DecodedSlice& slice,
                    std::span<const operators::KeyFloorPtr> floors) {
        if (threads_ == 1) {
            fold_in_place(folder, slice, floors);
        } else {
            fold_pieces(folder, slice, floors);
        }
    }

    void fold_in_place(Folder& folder, const operators::DecodedSlice& decoded,
                       std::span<const operators::KeyFloorPtr> floors) {
        SplitSlice slice;
        slice.accounts.resize(shards_.size());
        slice.failed.resize(shards_.size());
        std::vector<operators::FoldTarget> targets;
        for (size_t view = 0; view < shards_.size(); ++view) {
            targets.push_back(
                {shards_[view].front()->table().get(), &slice.accounts[view], &slice.failed[view]});
            if (!floors.empty()) targets.back().floor = floors[view].get();
        }
        folder.views->fold(decoded, targets);
        const ScopedLock lock(mutex_);
        add_sums(slice);
    }

    void fold_pieces(Folder& folder, const operators::DecodedSlice& decoded,
                     std::span<const operators::KeyFloorPtr> floors) {
        {
            // Whoever takes in pieces never waits, so there will be room.
            UniqueLock lock(mutex_);
            while (on_the_way_ == threads_ * kSlicesOfThreadMax) room_.wait(lock);
            ++on_the_way_;
        }
        folder.splitter.begin(std::make_shared<SplitSlice>(), shards_);
        folder.splitter.fold(decoded, floors);
        const std::vector<SplitSlicePtr> done = folder.splitter.finish();
        if (done.empty()) return;
        const ScopedLock lock(mutex_);
        for (const SplitSlicePtr& each : done) add_sums(*each);
        on_the_way_ -= done.size();
        room_.notify_all();
    }

    void add_sums(const SplitSlice& slice) REQUIRES(mutex_) {
        for (size_t view = 0; view < shards_.size(); ++view) {
            accounts_[view].add(slice.accounts[view]);
            failed_[view].merge(slice.failed[view]);
        }
    }

    uint64_t bytes_used() const {
        uint64_t bytes = 0;
        for (const auto& of_view : shards_) {
            for (const auto& shard : of_view) {
                bytes += threads_ == 1 ? shard->table()->bytes_used() : shard->bytes_used();
            }
        }
        return bytes;
    }

    Result<std::vector<manifest::Run>> finish(runs::RunFile& file) {
        std::vector<FoldAccount> accounts;
        std::vector<operators::FailedEvents> failed;
        {
            const ScopedLock lock(mutex_);
            accounts.swap(accounts_);
            failed.swap(failed_);
        }
        for (const auto& folder : folders_) {
            for (FoldAccount& each : accounts) each.erased += folder->reader.erased();
        }
        std::vector<manifest::Run> runs;
        for (size_t view = 0; view < builders_.size(); ++view) {
            ViewBuilder& builder = *builders_[view];
            if (builder.spill_count() > 0) {
                TRY(builder.spill(tables(view)));
                shards_[view].clear();  // their memory is for the merge
            }
            manifest::Run run = TRY(builder.finish(tables(view), failed[view], file));
            run.set_account(accounts[view]);
            runs.push_back(std::move(run));
            shards_[view].clear();
        }
        return runs;
    }

    const FoldJob& job_;
    const FoldLimits& limits_;
    const FoldWatch& watch_;
    const size_t threads_;
    dataset::SegmentFiles files_;
    SplitQueue queue_;
    std::vector<std::unique_ptr<Folder>> folders_;             // by thread
    std::vector<std::unique_ptr<ViewBuilder>> builders_;       // by view
    std::vector<std::vector<operators::KeyFloorPtr>> floors_;  // by horizon and view
    operators::Shards shards_;
    std::atomic<bool> is_full_ = false;
    std::atomic<bool> has_failed_ = false;
    Mutex mutex_;
    CondVar room_;
    size_t on_the_way_ GUARDED_BY(mutex_) = 0;
    std::vector<FoldAccount> accounts_ GUARDED_BY(mutex_);  // by view
    std::vector<operators::FailedEvents> failed_ GUARDED_BY(mutex_);
};

}  // namespace

Result<Folded> fold_splits(const FoldJob& job, std::span<const dataset::Split> splits,
                           const FoldLimits& limits, const FoldWatch& watch, runs::RunFile& file) {
    if (job.views.empty()) return Folded();
    return SplitFold(job, splits, limits, watch).run(file);
}

}  // namespace braid::batch
