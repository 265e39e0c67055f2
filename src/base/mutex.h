// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

#include "base/thread_annotations.h"
#include "base/turns.h"

namespace braid {

/// The lock of the house. A std::mutex and one predictable branch: a thread of a simulation (Turns)
/// passes its turn on around every lock and unlock, and waits in a way that can be told from a
/// deadlock.
class CAPABILITY("mutex") Mutex {
  public:
    Mutex() = default;
    Mutex(const Mutex&) = delete;
    Mutex& operator=(const Mutex&) = delete;

    void lock(const Place& at = Place::current()) ACQUIRE() NO_THREAD_SAFETY_ANALYSIS {
        if (Turns* turns = Turns::mine(); turns != nullptr) [[unlikely]]
            return lock_in_turn(*turns, at);
        mutex_.lock();
    }
    void unlock(const Place& at = Place::current()) RELEASE() NO_THREAD_SAFETY_ANALYSIS {
        mutex_.unlock();
        if (Turns* turns = Turns::mine(); turns != nullptr) [[unlikely]]
            tell_unlocked(*turns, at);
    }

  private:
    friend class CondVar;
    void lock_in_turn(Turns& turns, const Place& at) NO_THREAD_SAFETY_ANALYSIS;
    void tell_unlocked(Turns& turns, const Place& at);

    std::mutex mutex_;
};

/// Holds a lock for as long as it lives.
class SCOPED_CAPABILITY ScopedLock {
  public:
    explicit ScopedLock(Mutex& mutex, const Place& at = Place::current()) ACQUIRE(mutex)
        : mutex_(mutex) {
        mutex.lock(at);
    }
    ScopedLock(const ScopedLock&) = delete;
    ScopedLock& operator=(const ScopedLock&) = delete;
    ~ScopedLock() RELEASE() { mutex_.unlock(); }

  private:
    Mutex& mutex_;
};

/// The same, which may let go meanwhile and can wait.
class SCOPED_CAPABILITY UniqueLock {
  public:
    explicit UniqueLock(Mutex& mutex, const Place& at = Place::current()) ACQUIRE(mutex)
        : mutex_(mutex) {
        mutex.lock(at);
    }
    UniqueLock(const UniqueLock&) = delete;
    UniqueLock& operator=(const UniqueLock&) = delete;
    ~UniqueLock() RELEASE() {
        if (is_held_) mutex_.unlock();
    }

    void lock(const Place& at = Place::current()) ACQUIRE() {
        mutex_.lock(at);
        is_held_ = true;
    }
    void unlock() RELEASE() {
        is_held_ = false;
        mutex_.unlock();
    }

  private:
    friend class CondVar;
    Mutex& mutex_;
    bool is_held_ = true;
};

/// Waits for a fact under a lock, as std::condition_variable does; may return without a notice.
class CondVar {
  public:
    CondVar() = default;
    CondVar(const CondVar&) = delete;
    CondVar& operator=(const CondVar&) = delete;

    void notify_one() {
        changed_.notify_one();
        if (Turns* turns = Turns::mine(); turns != nullptr) [[unlikely]]
            turns->wake_one(this);
    }
    void notify_all() {
        changed_.notify_all();
        if (Turns* turns = Turns::mine(); turns != nullptr) [[unlikely]]
            turns->wake_all(this);
    }

    void wait(UniqueLock& lock, const Place& at = Place::current());
    template <typename Predicate>
    void wait(UniqueLock& lock, Predicate holds, const Place& at = Place::current()) {
        while (!holds()) wait(lock, at);
    }
    /// False when the time has passed.
    bool wait_for(UniqueLock& lock, std::chrono::microseconds time,
                  const Place& at = Place::current());
    /// Whether the predicate holds in the end. Each notice begins the time again.
    template <typename Predicate>
    bool wait_for(UniqueLock& lock, std::chrono::microseconds time, Predicate holds,
                  const Place& at = Place::current()) {
        while (!holds()) {
            if (!wait_for(lock, time, at)) return holds();
        }
        return true;
    }

  private:
    std::condition_variable changed_;
};

}  // namespace braid
