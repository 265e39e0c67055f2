// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <utility>

#include "base/mutex.h"

namespace braid {

/// A queue with a limit, between threads. push() blocks at the limit; after close() it declines and
/// pop() drains what is left.
template <typename T>
class BoundedQueue {
  public:
    explicit BoundedQueue(size_t capacity) : capacity_(capacity) {}

    bool push(T value) {
        UniqueLock lock(mutex_);
        room_.wait(lock, [&] { return closed_ || items_.size() < capacity_; });
        if (closed_) return false;
        items_.push_back(std::move(value));
        filled_.notify_one();
        return true;
    }
    bool try_push(T value) {
        ScopedLock lock(mutex_);
        if (closed_ || items_.size() >= capacity_) return false;
        items_.push_back(std::move(value));
        filled_.notify_one();
        return true;
    }
    std::optional<T> pop() {
        UniqueLock lock(mutex_);
        filled_.wait(lock, [&] { return closed_ || !items_.empty(); });
        return take();
    }
    std::optional<T> try_pop() {
        ScopedLock lock(mutex_);
        return take();
    }
    void close() {
        ScopedLock lock(mutex_);
        closed_ = true;
        filled_.notify_all();
        room_.notify_all();
    }

  private:
    std::optional<T> take() {
        if (items_.empty()) return std::nullopt;
        std::optional<T> value(std::move(items_.front()));
        items_.pop_front();
        room_.notify_one();
        return value;
    }

    const size_t capacity_;
    Mutex mutex_;
    CondVar filled_;
    CondVar room_;
    std::deque<T> items_;
    bool closed_ = false;
};

}  // namespace braid
