// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "base/mutex.h"

namespace braid::log {

/// Who wants to know of new records of a log. Thread-safe; calls them under no lock.
class Listeners {
  public:
    void add(std::function<void()> listener) {
        const ScopedLock lock(mutex_);
        auto longer = std::make_shared<std::vector<std::function<void()>>>(*listeners_);
        longer->push_back(std::move(listener));
        listeners_ = std::move(longer);
    }
    void call() const {
        std::shared_ptr<const std::vector<std::function<void()>>> listeners;
        {
            const ScopedLock lock(mutex_);
            listeners = listeners_;
        }
        for (const auto& each : *listeners) each();
    }

  private:
    mutable Mutex mutex_;
    std::shared_ptr<const std::vector<std::function<void()>>> listeners_ GUARDED_BY(mutex_) =
        std::make_shared<std::vector<std::function<void()>>>();
};

}  // namespace braid::log
