// SPDX-License-Identifier: Apache-2.0
// What readers ask of a TableFold: to fold on, to pin, to look.
#include <algorithm>
#include <chrono>

#include <fmt/format.h>

#include "base/check.h"
#include "base/error_makers.h"
#include "speed/table_fold.h"

namespace braid::speed {

namespace {

/// What a statement may get at once is behind what it must see.
constexpr std::string_view kLags = "XB002";
constexpr int64_t kRetryWaitUs = 1000;
constexpr auto kRetryWait = std::chrono::microseconds(kRetryWaitUs);

}  // namespace

Result<void> TableFold::catch_up(int64_t wait_us_max) {
    UniqueLock lock(mutex_);
    return catch_up(lock, log_->durable_end(), parts_.clock->monotonic_us() + wait_us_max);
}

/// Folds on the reader's own thread until `at_least` is reached, so that an answer never waits for
/// another thread to be scheduled; then to the next rest.
Result<void> TableFold::catch_up(UniqueLock& lock, const Positions& at_least, int64_t deadline_us) {
    while (!folded_to_.dominates(at_least)) {
        if (failure_) return *failure_;
        if (parts_.clock->monotonic_us() >= deadline_us) return too_slow(at_least);
        if (is_paused_) {
            folded_.wait_for(lock, kRetryWait);
            continue;
        }
        TRY(fold_slice(log_->durable_end()));
    }
    return settle();
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
        if (failure_) return *failure_;
        if (is_paused_) return false;
        if (parts_.clock->monotonic_us() >= deadline_us) return too_slow(end);
        TRY(fold_slice(end));
    }
    return true;
}

bool TableFold::may_pin() const {
    if (layers_.empty() || layers_.back()->is_pinned() || layers_.back()->is_frozen()) return true;
    const auto held = std::ranges::count_if(
        layers_, [](const auto& layer) { return !layer->is_frozen() && layer->is_pinned(); });
    return static_cast<size_t>(held) < options_.pinned_layers_max;
}

Result<void> TableFold::await_pin(UniqueLock& lock, const Positions& at_least,
                                  int64_t deadline_us) {
    TRY(catch_up(lock, at_least, deadline_us));
    const int64_t tries_max = (deadline_us - parts_.clock->monotonic_us()) / kRetryWaitUs;
    for (int64_t tried = 0; !may_pin(); ++tried) {
        if (tried >= tries_max || parts_.clock->monotonic_us() >= deadline_us) {
            return unavailable("{} scans of stream \"{}\" already hold its newest events",
                               options_.pinned_layers_max, table_.name)
                .with_sqlstate(kLags)
                .with_hint("Try again when one of them has ended.");
        }
        folded_.wait_for(lock, kRetryWait);
        TRY(settle());
    }
    return {};
}

/// At rest, where another layer may be pinned.
runs::PinnedTicks TableFold::pin_layers() {
    CHECK(reader_.is_closed());
    runs::PinnedTicks pinned{{}, folded_to_};
    for (const auto& layer : layers_) pinned.ticks.push_back(layer->pin());
    return pinned;
}

Result<runs::PinnedTicks> TableFold::pin(const Positions& at_least, int64_t wait_us_max) {
    const int64_t deadline_us = parts_.clock->monotonic_us() + wait_us_max;
    readers_waiting_.fetch_add(1, std::memory_order_relaxed);
    UniqueLock lock(mutex_);
    readers_waiting_.fetch_sub(1, std::memory_order_relaxed);
    TRY(await_pin(lock, at_least, deadline_us));
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
