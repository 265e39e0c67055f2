// SPDX-License-Identifier: Apache-2.0
// What readers ask of a TableFold: to fold on, to pin, to look.
#include <chrono>

#include <fmt/format.h>

#include "base/check.h"
#include "base/error_makers.h"
#include "speed/table_fold.h"

namespace braid::speed {

namespace {

/// What a statement may get at once is behind what it must see.
constexpr std::string_view kLags = "XB002";
constexpr auto kRetryWait = std::chrono::milliseconds(1);

}  // namespace

Result<void> TableFold::catch_up(int64_t wait_us_max) {
    UniqueLock lock(mutex_);
    return catch_up(lock, log_->durable_end(), parts_.clock->monotonic_us() + wait_us_max);
}

/// Folds on the reader's own thread until `at_least` is reached, so that an answer never waits for
/// another thread to be scheduled; then to the next rest.
Result<void> TableFold::catch_up(UniqueLock& lock, const Positions& at_least, int64_t deadline_us) {
    while (true) {
        if (folded_to_.dominates(at_least)) {
            TRY(settle(lock));
            // What was folded may have been dropped while it waited.
            if (folded_to_.dominates(at_least)) return {};
        }
        if (failure_) return *failure_;
        if (parts_.clock->monotonic_us() >= deadline_us) return too_slow(at_least);
        if (is_paused_) {
            folded_.wait_for(lock, kRetryWait);
            continue;
        }
        const Folded folded = TRY(fold_slice(&lock, log_->durable_end()));
        if (folded != Folded::kSlice) folded_.wait_for(lock, kRetryWait);
    }
}

Error TableFold::too_slow(const Positions& asked) const {
    return unavailable("stream \"{}\" is not folded yet up to what was acknowledged", table_.name)
        .with_sqlstate(kLags)
        .with_detail(fmt::format("It is folded to {}, the statement waits for {}.",
                                 folded_to_.to_string(), asked.to_string()))
        .with_hint("Try again: nothing is lost.");
}

Result<bool> TableFold::fold_to(const Positions& end, int64_t deadline_us) {
    CHECK(end.dominates(reader_.end()));
    while (folded_to_ != end) {
        // A piece may have been left to a thread that is about to leave its shard: it needs the
        // lock to say that the piece is in.
        if (is_on_the_way()) return false;
        if (failure_) return *failure_;
        if (is_paused_) return false;
        if (parts_.clock->monotonic_us() >= deadline_us) return too_slow(end);
        // A seal that gives memory back needs the lock.
        if (TRY(fold_slice(nullptr, end)) == Folded::kNoMemory) return false;
    }
    return true;
}

void TableFold::hold(int more) {
    const ScopedLock lock(mutex_);
    settling_ += more;
}

/// At rest. Each scan that pins a layer opens another one: where there are many, and the newest is
/// small, it is copied instead.
runs::PinnedTicks TableFold::pin_layers() {
    CHECK(reader_.is_closed());
    runs::PinnedTicks pinned{{}, folded_to_};
    for (const LayerPtr& layer : layers_) {
        const bool is_copied = layers_.size() > options_.layers_max && layer == layers_.back() &&
                               layer->is_writable() &&
                               layer->group_count() <= options_.merge_groups_max;
        pinned.ticks.push_back(is_copied ? layer->copy() : layer->pin());
    }
    return pinned;
}

Result<runs::PinnedTicks> TableFold::pin(const Positions& at_least, int64_t wait_us_max) {
    const int64_t deadline_us = parts_.clock->monotonic_us() + wait_us_max;
    readers_waiting_.fetch_add(1, std::memory_order_relaxed);
    UniqueLock lock(mutex_);
    readers_waiting_.fetch_sub(1, std::memory_order_relaxed);
    TRY(catch_up(lock, at_least, deadline_us));
    return pin_layers();
}

Result<void> TableFold::look(
    const Positions& at_least, int64_t wait_us_max,
    const std::function<Result<void>(const std::vector<runs::TickPtr>&)>& look) {
    const int64_t deadline_us = parts_.clock->monotonic_us() + wait_us_max;
    readers_waiting_.fetch_add(1, std::memory_order_relaxed);
    UniqueLock lock(mutex_);
    readers_waiting_.fetch_sub(1, std::memory_order_relaxed);
    TRY(catch_up(lock, at_least, deadline_us));
    std::vector<runs::TickPtr> ticks;
    for (const auto& layer : layers_) ticks.push_back(layer->tick());
    return look(ticks);
}

}  // namespace braid::speed
