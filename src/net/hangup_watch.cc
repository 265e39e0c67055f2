// SPDX-License-Identifier: Apache-2.0
#include "net/hangup_watch.h"

#include <utility>

namespace braid::net {

HangupWatch::HangupWatch(Workers& workers, int64_t interval_us)
    : workers_(workers),
      interval_us_(interval_us),
      handle_(workers.start("hangup-watch", StepKind::kWatch, [this] { return step(); })) {}

HangupWatch::~HangupWatch() { workers_.stop(handle_); }

HangupWatch::Guard::~Guard() {
    ScopedLock lock(watch_.mutex_);
    watch_.entries_.erase(entry_);
}

HangupWatch::Guard HangupWatch::watch(const Stream* stream, std::function<void()> on_gone) {
    ScopedLock lock(mutex_);
    entries_.push_back({.stream = stream, .on_gone = std::move(on_gone)});
    return {*this, std::prev(entries_.end())};
}

StepOutcome HangupWatch::step() {
    // Under the lock, so that a guard's end waits for the call that is under way.
    ScopedLock lock(mutex_);
    for (Guard::Entry& entry : entries_) {
        if (entry.told || entry.stream == nullptr || !entry.stream->peer_is_gone()) continue;
        entry.told = true;
        entry.on_gone();
    }
    return {.progressed = false, .idle_us = interval_us_};
}

}  // namespace braid::net
