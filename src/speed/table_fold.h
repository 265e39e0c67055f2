// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "base/metric.h"
#include "base/mutex.h"
#include "base/result.h"
#include "base/worker.h"
#include "catalog/catalog.h"
#include "log/partitioned_log.h"
#include "model/health.h"
#include "runs/tick_source.h"
#include "speed/layer.h"
#include "speed/slice_folder.h"
#include "speed/slice_reader.h"
#include "speed/speed_parts.h"
#include "speed/view_set.h"

namespace braid::speed {

/// The folding half of a TableWorker: one stream's events become states.
///
/// A log may get partitions. The fold is who sees it first, for the manifest too: what nobody has
/// folded is not archived, sealed or below a cut.
///
/// What is folded lies in layers, oldest first, that tile [sealed frontier, folded): each is
/// written until it is pinned by a scan or frozen by a seal; then new slices open the next one.
/// Small layers merge back when the pin is gone.
///
/// What others may see ends at closed vectors, whatever order slices come in: SliceReader says
/// where folding may rest. Whoever pins, looks or freezes first folds on to the next rest.
///
/// Slices are given under the lock, in their order, and are on their way until all that they add is
/// in their layer. With one thread that is one step. With more, each thread takes the next slice
/// and makes its pieces under no lock; they go into the layer's shards in any order (Shard). The
/// *epochs* between two rests say what may be seen: the end of one is shown once its slices and all
/// before are in. To pin, look, freeze or pause, a thread stops the giving, waits for what is on
/// its way, and then acts under the lock: so layers end only where nothing is on its way.
///
/// A reload forgets what is on its way too: it goes into layers that nobody has any more, and is of
/// an older generation.
///
/// Thread-safe. Readers fold too, so that none waits for another thread to be scheduled.
class TableFold {
  public:
    TableFold(const SpeedParts& parts, const SpeedOptions& options, const catalog::Table& table,
              std::shared_ptr<log::PartitionedLog> log);

    /// Takes the sealed frontier and the versions of the manifest's head as the truth and forgets
    /// all layers. An error changes nothing.
    Result<void> reload();
    /// Folds at most one slice, or tidies layers. By any number of threads.
    StepOutcome step();
    /// Folds what was acknowledged until now.
    Result<void> catch_up(int64_t wait_us_max);

    Result<runs::PinnedTicks> pin(const Positions& at_least, int64_t wait_us_max);
    Result<void> look(const Positions& at_least, int64_t wait_us_max,
                      const std::function<Result<void>(const std::vector<runs::TickPtr>&)>& look);
    Positions frontier() const;
    std::optional<Error> failure() const;
    uint64_t bytes_used() const;
    /// Whether its states are large, or folding waits for memory that a seal of them would give
    /// back: then it is not to wait until it is due.
    bool wants_seal() const;

    // For the seal: one at a time.

    /// Whether something is folded that is not sealed, and may be.
    bool has_unsealed() const;
    /// Whether that is so little that it can wait: few events, and no memory is wanted back.
    bool is_unsealed_small() const;
    /// All that is folded, and stays as it is until thaw() or sealed().
    struct Frozen {
        Box box;
        ViewSetPtr views;
        std::vector<std::shared_ptr<const Layer>> layers;
    };
    /// Nothing folded since the last seal: nullopt.
    Result<std::optional<Frozen>> freeze();
    /// After a seal that came to nothing its layers are ordinary ones again.
    void thaw();
    /// What was frozen is durable.
    void sealed(const Box& box);
    /// A seal was refused: where somebody else has moved the frontier, what was folded here is
    /// dropped and folded again from there.
    void refused();
    /// Nothing is folded, by anybody, until resume().
    Result<void> pause();
    void resume();
    /// The same with the views that there are now.
    void resume_reloaded();

  private:
    friend class JointPin;

    /// One more, or one less, who wants nothing to be given but to readers.
    void hold(int more);

    Result<void> reload_locked() REQUIRES(mutex_);
    void reload_or_stop() REQUIRES(mutex_);
    /// The manifest's head once it knows these origins, which are those of the log. Corrupt where
    /// it knows others.
    Result<manifest::StatePtr> head_with(const Positions& origin) const;
    /// The log has got partitions, as `end` shows: the manifest is told, then all here is grown.
    /// Folding and readers wait for that one commit.
    Result<void> grow(const Positions& end) REQUIRES(mutex_);
    /// That the log goes on where the manifest says that it does.
    Result<void> check_log(const manifest::TableState& state, const Positions& log_start) const;
    /// Slices between two rests.
    struct Epoch {
        Positions to;
        size_t on_the_way = 0;
        bool is_closed = false;  // all its slices were given
    };
    enum class Folded : uint8_t { kSlice, kNothing, kTooMuchOnTheWay, kNoMemory };
    /// Folds the next slice below `end`, a vector read in one step.
    /// With a lock it is let go meanwhile, so that others may fold too; null: it is kept, which
    /// wants nothing on its way.
    Result<Folded> fold_slice(UniqueLock* lock, const Positions& end) REQUIRES(mutex_);
    Result<void> fold_next(UniqueLock* lock) REQUIRES(mutex_);
    /// Of the next slice, at most but for its last batch.
    size_t slice_records() const REQUIRES(mutex_);
    /// The next slice, on its way from now on.
    Result<FoldedSlicePtr> take_slice() REQUIRES(mutex_);
    void fold_in_place(FoldedSlice& slice) REQUIRES(mutex_);
    void fold_pieces(UniqueLock* lock, const FoldedSlicePtr& slice)
        REQUIRES(mutex_) NO_THREAD_SAFETY_ANALYSIS;
    std::unique_ptr<SliceFolder> take_folder() REQUIRES(mutex_);
    /// All of the slice is in its layer.
    void arrive(const FoldedSlice& slice) REQUIRES(mutex_);
    /// Shows the epochs that are in.
    void rest() REQUIRES(mutex_);
    bool is_on_the_way() const REQUIRES(mutex_) { return on_the_way_ > 0; }
    /// Folds on until what is in the tables ends at a closed vector and nothing is on its way; true
    /// until the lock is released.
    Result<void> settle(UniqueLock& lock) REQUIRES(mutex_);
    /// After a slice that cannot be read.
    Result<void> fail(Result<void> folded) REQUIRES(mutex_);
    LayerPtr writable_layer() REQUIRES(mutex_);
    /// Of the next layer.
    std::optional<int64_t> horizon() const REQUIRES(mutex_);
    bool merge_back() REQUIRES(mutex_);
    uint64_t layer_bytes() const REQUIRES(mutex_);
    /// Says what the layers hold.
    /// With what decoders hold.
    uint64_t held_bytes() const REQUIRES(mutex_);
    void count_memory() REQUIRES(mutex_) { memory_.hold(held_bytes()); }

    Result<void> catch_up(UniqueLock& lock, const Positions& at_least, int64_t deadline_us)
        REQUIRES(mutex_);
    /// Folds exactly to `end`, which was published by now; false if that must wait.
    /// Nothing is on its way, before and behind.
    Result<bool> fold_to(const Positions& end, int64_t deadline_us) REQUIRES(mutex_);
    Error too_slow(const Positions& asked) const REQUIRES(mutex_);
    runs::PinnedTicks pin_layers() REQUIRES(mutex_);

    const SpeedParts& parts_;
    const SpeedOptions& options_;
    const catalog::Table& table_;
    const std::shared_ptr<log::PartitionedLog> log_;
    const size_t shard_count_;
    const size_t on_the_way_max_;
    const std::shared_ptr<PartHealth> health_;
    Metric* folded_count_ = nullptr;
    Metric* bad_count_ = nullptr;
    Metric* wait_count_ = nullptr;

    mutable Mutex mutex_;
    CondVar folded_;
    std::atomic<int> readers_waiting_ = 0;
    bool is_paused_ GUARDED_BY(mutex_) = false;
    std::optional<Error> failure_ GUARDED_BY(mutex_);
    ViewSetPtr views_ GUARDED_BY(mutex_);
    /// Those that nobody uses; of the views that there are now.
    std::vector<std::unique_ptr<SliceFolder>> folders_ GUARDED_BY(mutex_);
    SliceReader reader_ GUARDED_BY(mutex_);
    Positions sealed_ GUARDED_BY(mutex_);
    Positions folded_to_ GUARDED_BY(mutex_);  // where folding last rested: what others see
    std::vector<LayerPtr> layers_ GUARDED_BY(mutex_);
    StreamMemory memory_ GUARDED_BY(mutex_);
    uint64_t generation_ GUARDED_BY(mutex_) = 0;   // of all below: one more with each reload
    std::deque<Epoch> epochs_ GUARDED_BY(mutex_);  // not shown yet
    uint64_t first_epoch_ GUARDED_BY(mutex_) = 0;  // number of the first of them
    size_t on_the_way_ GUARDED_BY(mutex_) = 0;
    size_t folding_ GUARDED_BY(mutex_) = 0;  // threads at work on a slice, whatever generation
    int settling_ GUARDED_BY(mutex_) = 0;    // threads that want nothing more to be given
};

}  // namespace braid::speed
