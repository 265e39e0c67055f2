// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "model/box.h"
#include "model/fold_account.h"
#include "model/horizon.h"
#include "operators/aggregate/group_table.h"
#include "operators/fold/failed_events.h"
#include "operators/fold/retention.h"
#include "operators/fold/shard.h"
#include "runs/tick_source.h"
#include "speed/view_set.h"

namespace braid::speed {

class FoldedSlice;

/// The states folded from exactly the events of [from, to), for each version of a view set. It is
/// written until it is pinned by a scan or frozen by a seal, and never again while it is.
/// Guarded by the lock of its fold; what is frozen or pinned may be read without.
class Layer {
  public:
    /// A power of two of shards. What is folded is held against the horizon; nothing: none.
    Layer(ViewSetPtr views, size_t shard_count, const Positions& from,
          std::optional<int64_t> horizon_us);

    const ViewSet& views() const { return *views_; }
    const Positions& from() const { return from_; }
    const Positions& to() const { return to_; }
    void reach(const Positions& to);
    /// The log has got partitions: none of their events is here. Ticks that were given before lack
    /// them.
    void grow(const Positions& origin);

    size_t shard_count() const { return shard_count_; }
    const operators::GroupTable& table(size_t view, size_t shard) const {
        return *shards_[view][shard]->table();
    }
    operators::Shards& shards() { return shards_; }
    const FoldAccount& account(size_t view) const { return accounts_[view]; }
    const operators::FailedEvents& failed(size_t view) const { return *failed_[view]; }
    /// Where the states of each view go; with one shard.
    std::vector<operators::FoldTarget> targets();
    /// By view; empty: nothing expires.
    std::span<const operators::KeyFloorPtr> floors() const { return floors_; }
    /// What its events were held against, rising.
    const std::vector<Horizon>& horizons() const { return horizons_; }
    /// The greatest event time in it that moves the stream's clock.
    std::optional<int64_t> clock_us() const { return clock_us_; }
    void raise_clock(std::optional<int64_t> time_us);
    /// What a slice adds beside its states.
    void add(const FoldedSlice& slice);
    /// Takes in the layer that begins where this one ends.
    void append(const Layer& next);

    size_t group_count() const;
    uint64_t bytes_used() const;

    void freeze() { is_frozen_ = true; }
    void thaw() { is_frozen_ = false; }
    bool is_frozen() const { return is_frozen_; }
    bool is_pinned() const { return pins_->load(std::memory_order_acquire) > 0; }
    bool is_writable() const { return !is_frozen_ && !is_pinned(); }

    /// What a reader sees of it as it is now.
    runs::TickPtr tick() const;
    /// The same; the layer is pinned for as long as somebody holds it, each for himself.
    runs::TickPtr pin();
    /// The same, of states of its own: the layer is not pinned. Shared by those who ask before the
    /// layer goes on.
    runs::TickPtr copy();

  private:
    const ViewSetPtr views_;
    Positions from_;
    Positions to_;
    const size_t shard_count_;
    operators::Shards shards_;
    std::vector<FoldAccount> accounts_;  // by view, as all below
    std::vector<std::shared_ptr<operators::FailedEvents>> failed_;
    std::vector<operators::KeyFloorPtr> floors_;
    std::vector<Horizon> horizons_;
    std::optional<int64_t> clock_us_;
    std::shared_ptr<std::atomic<int>> pins_ = std::make_shared<std::atomic<int>>(0);
    std::weak_ptr<const runs::Tick> copy_;  // of all up to to_
    bool is_frozen_ = false;
};
using LayerPtr = std::shared_ptr<Layer>;

}  // namespace braid::speed
