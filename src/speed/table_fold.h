// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
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
/// What is folded lies in layers, oldest first, that tile [sealed frontier, folded): each is
/// written until it is pinned by a scan or frozen by a seal; then new slices open the next one.
/// Small layers merge back when the pin is gone.
///
/// What others may see ends at closed vectors, whatever order slices come in: SliceReader says
/// where folding may rest. Whoever pins, looks or freezes first folds on to the next rest.
///
/// Thread-safe. step() is called by one thread; readers fold too when they are ahead of it, so all
/// folding happens under the lock.
class TableFold {
  public:
    TableFold(const SpeedParts& parts, const SpeedOptions& options, const catalog::Table& table,
              std::shared_ptr<log::PartitionedLog> log);

    /// Takes the sealed frontier and the versions of the manifest's head as the truth and forgets
    /// all layers. An error changes nothing.
    Result<void> reload();
    /// Folds at most one slice, or tidies layers.
    StepOutcome step();
    /// Folds what was acknowledged until now.
    Result<void> catch_up(int64_t wait_us_max);

    Result<runs::PinnedTicks> pin(const Positions& at_least, int64_t wait_us_max);
    Result<void> look(const Positions& at_least, int64_t wait_us_max,
                      const std::function<Result<void>(const std::vector<runs::TickPtr>&)>& look);
    Positions frontier() const;
    std::optional<Error> failure() const;
    uint64_t bytes_used() const;

    // For the seal: one at a time.

    /// Whether something is folded that is not sealed, and may be.
    bool has_unsealed() const;
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

    Result<void> reload_locked() REQUIRES(mutex_);
    void reload_or_stop() REQUIRES(mutex_);
    /// That the log goes on where the manifest says that it does.
    Result<void> check_log(const manifest::TableState& state, const Positions& log_start) const;
    /// Folds the next slice below `end`, a vector read in one step; false: there is none.
    Result<bool> fold_slice(const Positions& end) REQUIRES(mutex_);
    /// Folds on until what is in the tables ends at a closed vector.
    Result<void> settle() REQUIRES(mutex_);
    Result<void> fold_next() REQUIRES(mutex_);
    /// What is in the tables may be seen.
    void rest() REQUIRES(mutex_);
    Result<void> fail(Result<void> folded) REQUIRES(mutex_);
    Layer& writable_layer() REQUIRES(mutex_);
    bool merge_back() REQUIRES(mutex_);
    uint64_t layer_bytes() const REQUIRES(mutex_);

    Result<void> catch_up(UniqueLock& lock, const Positions& at_least, int64_t deadline_us)
        REQUIRES(mutex_);
    /// Folds exactly to `end`, which was published by now; false if folding is paused before it.
    Result<bool> fold_to(const Positions& end, int64_t deadline_us) REQUIRES(mutex_);
    Error too_slow(const Positions& asked) const REQUIRES(mutex_);
    runs::PinnedTicks pin_layers() REQUIRES(mutex_);

    const SpeedParts& parts_;
    const SpeedOptions& options_;
    const catalog::Table& table_;
    const std::shared_ptr<log::PartitionedLog> log_;
    const std::shared_ptr<PartHealth> health_;
    Metric* folded_count_ = nullptr;
    Metric* bad_count_ = nullptr;

    mutable Mutex mutex_;
    CondVar folded_;
    std::atomic<int> readers_waiting_ = 0;
    bool is_paused_ GUARDED_BY(mutex_) = false;
    std::optional<Error> failure_ GUARDED_BY(mutex_);
    ViewSetPtr views_ GUARDED_BY(mutex_);
    std::unique_ptr<SliceFolder> folder_ GUARDED_BY(mutex_);  // null: no views
    SliceReader reader_ GUARDED_BY(mutex_);
    Positions sealed_ GUARDED_BY(mutex_);
    Positions folded_to_ GUARDED_BY(mutex_);  // where folding last rested: what others see
    std::vector<LayerPtr> layers_ GUARDED_BY(mutex_);
};

}  // namespace braid::speed
