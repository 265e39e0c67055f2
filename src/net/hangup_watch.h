// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <list>

#include "base/mutex.h"
#include "base/worker.h"
#include "net/stream.h"

namespace braid::net {

/// Notices clients that leave while a statement runs for them, so that it can be stopped. One step
/// looks at all of them a few times a second: starting to watch costs a list entry and no system
/// call.
class HangupWatch {
  public:
    explicit HangupWatch(Workers& workers, int64_t interval_us = 200'000);
    ~HangupWatch();

    /// Watches as long as it lives.
    class Guard {
      public:
        ~Guard();
        Guard(const Guard&) = delete;
        Guard& operator=(const Guard&) = delete;

      private:
        friend class HangupWatch;
        struct Entry {
            const Stream* stream;
            std::function<void()> on_gone;
            bool told = false;
        };
        Guard(HangupWatch& watch, std::list<Entry>::iterator entry)
            : watch_(watch), entry_(entry) {}
        HangupWatch& watch_;
        std::list<Entry>::iterator entry_;
    };

    /// `on_gone` is called at most once, from another thread, and never after the guard has ended.
    /// It must be quick. The stream must outlive the guard; without one there is nothing to notice.
    [[nodiscard]] Guard watch(const Stream* stream, std::function<void()> on_gone);

  private:
    StepOutcome step();

    Workers& workers_;
    const int64_t interval_us_;
    Mutex mutex_;
    std::list<Guard::Entry> entries_ GUARDED_BY(mutex_);
    Workers::Handle handle_;
};

}  // namespace braid::net
