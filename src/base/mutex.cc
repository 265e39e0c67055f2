// SPDX-License-Identifier: Apache-2.0
#include "base/mutex.h"

namespace braid {

void Mutex::lock_in_turn(Turns& turns, const Place& at) {
    turns.pass(at);
    while (!mutex_.try_lock()) turns.wait(this, at);
}

void Mutex::tell_unlocked(Turns& turns, const Place& at) {
    turns.wake_all(this);
    turns.pass(at);
}

void CondVar::wait(UniqueLock& lock, const Place& at) {
    Mutex& mutex = lock.mutex_;
    if (Turns* turns = Turns::mine(); turns != nullptr) [[unlikely]] {
        // Nobody else runs between the two: no notice is lost.
        mutex.mutex_.unlock();
        turns->wake_all(&mutex);
        turns->wait(this, at);
        mutex.lock_in_turn(*turns, at);
        return;
    }
    std::unique_lock held(mutex.mutex_, std::adopt_lock);
    changed_.wait(held);
    held.release();
}

bool CondVar::wait_for(UniqueLock& lock, std::chrono::microseconds time, const Place& at) {
    Mutex& mutex = lock.mutex_;
    if (Turns* turns = Turns::mine(); turns != nullptr) [[unlikely]] {
        mutex.mutex_.unlock();
        turns->wake_all(&mutex);
        const bool woken = turns->wait_for(this, time.count(), at);
        mutex.lock_in_turn(*turns, at);
        return woken;
    }
    std::unique_lock held(mutex.mutex_, std::adopt_lock);
    const bool woken = changed_.wait_for(held, time) == std::cv_status::no_timeout;
    held.release();
    return woken;
}

}  // namespace braid
