// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/file_system.h"
#include "base/metric.h"
#include "base/mutex.h"
#include "base/result.h"
#include "base/worker.h"
#include "log/commit_order.h"
#include "log/partitioned_log.h"
#include "manifest/manifest.h"
#include "model/health.h"
#include "operators/decode/decoder.h"
#include "operators/fold/view_folder.h"
#include "runs/tick_source.h"

namespace braid::speed {

/// Limits of the speed layer; ARCHITECTURE.md says why each has its value.
struct SpeedOptions {
    size_t slice_records_max = 4096;
    int64_t seal_interval_us = 5'000'000;
    uint64_t seal_bytes_max = 256ULL << 20;
    /// A layer with at most this many groups is merged back into the one before it in one step.
    size_t merge_groups_max = 65'536;
    size_t pinned_layers_max = 2;
};

/// What a worker stands on; all of it outlives the worker.
struct SpeedParts {
    FileSystem* files = nullptr;
    const Clock* clock = nullptr;
    manifest::Manifest* manifest = nullptr;
    operators::BoundViews* views = nullptr;
    Metrics* metrics = nullptr;
    Health* health = nullptr;  // may be null
    /// Gives records that the log no longer holds, from the dataset: same form as
    /// PartitionedLog::read.
    std::function<Result<log::RecordBatch>(TableId, PartitionId, Offset, size_t)> refill;
    /// Of the logs; needed to pin several streams at one moment.
    const log::CommitOrder* order = nullptr;
};

/// Folds one stream into a hash table per view version and seals what it has folded.
///
/// Folded state lies in layers, oldest first, that tile [sealed frontier, folded): each is written
/// until it is pinned by a scan or frozen by a seal; then new slices open the next one. Small
/// layers merge back when the pin is gone; a seal merges all layers into one run per version and
/// commits them as one box.
///
/// What others may see ends at closed vectors (log/commit_order.h), whatever order slices come in:
/// folding goes in epochs, each up to ends that were read in one step, and within one by sequence,
/// so that it can rest after each group. Whoever pins, looks, seals or declares first folds on to
/// the next rest.
///
/// Threads: fold_step is called by one thread; readers may fold too when they are ahead of it
/// (catch_up), so all folding happens under mutex_. Sealing writes files on another thread, under
/// seal_mutex_ only. After a crash everything above the sealed frontier is folded again from the
/// log.
class TableWorker {
  public:
    static Result<std::unique_ptr<TableWorker>> open(SpeedParts parts, SpeedOptions options,
                                                     const catalog::Table& table,
                                                     std::shared_ptr<log::PartitionedLog> log);

    /// Folds at most one slice, or tidies layers.
    StepOutcome fold_step();
    /// Seals when the interval has passed or the layers have grown too large; idle streams do not
    /// seal.
    StepOutcome seal_step();

    /// Folds what was acknowledged until now and makes it durable as one commit; nothing to do is
    /// success.
    Result<void> seal();
    /// The same for what is folded already.
    Result<void> seal_folded();
    /// Commits catalog changes together with a seal, so that a version created by them starts
    /// exactly at the sealed frontier; folding waits meanwhile. Conflict as in Manifest::commit.
    Result<void> declare(std::vector<manifest::Change> changes);

    Result<runs::PinnedTicks> pin(const Positions& at_least, int64_t wait_us_max);
    /// The same for streams of one node at one moment, so that their ends together are one closed
    /// vector; one that cannot be pinned has its own error. The workers come in order of their
    /// tables.
    struct Wanted {
        std::shared_ptr<TableWorker> worker;
        Positions at_least;
    };
    static std::vector<Result<runs::PinnedTicks>> pin_together(const log::CommitOrder& order,
                                                               const std::vector<Wanted>& wanted,
                                                               int64_t wait_us_max);

    Result<void> look(const Positions& at_least, int64_t wait_us_max,
                      const std::function<Result<void>(const std::vector<runs::TickPtr>&)>& look);
    Positions frontier() const;
    /// Why a partition stopped folding, if one did; readers get it instead of an answer with a gap.
    std::optional<Error> failure() const;
    uint64_t bytes_used() const;

  private:
    friend class JointPin;

    struct Layer {
        Positions from;
        Positions to;
        std::vector<std::shared_ptr<operators::GroupTable>> tables;  // in order of versions_
        std::vector<FoldAccount> accounts;
        std::vector<std::shared_ptr<operators::FailedEvents>> failed;
        std::weak_ptr<const runs::Tick> pin;
        bool is_frozen = false;

        bool is_pinned() const { return !pin.expired(); }
    };
    /// What is being folded: up to a vector that is closed.
    struct Epoch {
        Positions to;
        Positions folded;            // what is in the tables; beyond folded_to_ while not at rest
        uint64_t last_sequence = 0;  // of what was folded last
        std::vector<std::optional<log::RecordBatch>> next;  // read, not folded; by partition
    };
    /// What a seal wrote, before the manifest knows it.
    struct Sealed {
        Box box;
        std::vector<manifest::Run> runs;
    };

    TableWorker(SpeedParts parts, SpeedOptions options, catalog::Table table,
                std::shared_ptr<log::PartitionedLog> log);

    // All of these want mutex_ held.
    Result<void> reload();
    void reload_or_stop();
    /// Folds the next slice below `end`, a vector read in one step; false: there is none.
    Result<bool> fold_slice(const Positions& end);
    /// Folds on until what is in the tables ends at a closed vector.
    Result<void> settle();
    Result<void> fold_next();
    /// Reads, for each partition that has not reached the epoch's end, what is folded next of it.
    Result<void> read_ahead();
    Result<log::RecordBatch> read_slice(PartitionId partition);
    /// The partition whose next slice has the lowest sequence; null at the end of the epoch.
    std::optional<log::RecordBatch>* first_slice();
    void fold_batch(const log::RecordBatch& batch);
    /// What is in the tables may be seen.
    void rest();
    Result<void> fail(Result<void> folded);
    Layer& writable_layer();
    bool merge_back();
    runs::TickPtr tick_of(const Layer& layer) const;
    uint64_t layer_bytes() const;

    Result<void> catch_up(UniqueLock& lock, const Positions& at_least, int64_t deadline_us);
    /// Folds exactly to `end`, which was published by now; false if folding is paused before it.
    Result<bool> fold_to(const Positions& end, int64_t deadline_us);
    Error too_slow(const Positions& asked) const;
    /// Catches up and waits until another layer may be pinned.
    Result<void> await_pin(UniqueLock& lock, const Positions& at_least, int64_t deadline_us);
    bool may_pin() const;
    runs::PinnedTicks pin_layers();
    // These want seal_mutex_ held, and mutex_ not.
    Result<std::optional<Sealed>> write_layers();
    Result<void> commit(std::optional<Sealed> sealed, std::vector<manifest::Change> changes);
    Result<void> seal_locked();
    void thaw();

    const SpeedParts parts_;
    const SpeedOptions options_;
    const catalog::Table table_;
    const std::shared_ptr<log::PartitionedLog> log_;

    Mutex seal_mutex_;
    int64_t last_seal_us_ = 0;

    mutable Mutex mutex_;
    CondVar folded_;
    std::atomic<int> readers_waiting_ = 0;
    bool is_paused_ = false;
    std::optional<Error> failure_;
    const std::shared_ptr<PartHealth> fold_health_;
    const std::shared_ptr<PartHealth> seal_health_;
    std::vector<VersionId> versions_;
    std::vector<operators::BoundView> bound_;
    std::unique_ptr<operators::ViewFolder> folder_;
    std::unique_ptr<operators::Decoder> decoder_;
    std::vector<bool> wanted_;
    operators::DecodedSlice decoded_;
    Positions sealed_;
    Positions folded_to_;  // where folding last rested: what others see
    Epoch epoch_;
    std::vector<std::shared_ptr<Layer>> layers_;
    Metric* folded_count_ = nullptr;
    Metric* bad_count_ = nullptr;
    Metric* seal_count_ = nullptr;
};

}  // namespace braid::speed
