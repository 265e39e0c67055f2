// SPDX-License-Identifier: Apache-2.0
#include "base/big_stack.h"

#include <condition_variable>
#include <functional>
#include <mutex>
#include <pthread.h>
#include <vector>

#include "base/check.h"
#include "base/turns.h"

namespace braid {
namespace {

constexpr size_t kIdleThreadsMax = 8;

/// One thread and the slot through which it gets work. It works in its caller's place, also in its
/// caller's turns, so the two hand over without anybody's choice: by a std::mutex.
struct BigThread {
    std::mutex mutex;
    std::condition_variable changed;
    const std::function<void()>* work = nullptr;
    Turns* turns = nullptr;
    bool must_end = false;
};

thread_local bool on_big_stack = false;

void* serve(void* argument) {
    auto* thread = static_cast<BigThread*>(argument);
    on_big_stack = true;
    std::unique_lock lock(thread->mutex);
    for (;;) {
        thread->changed.wait(lock, [&] { return thread->work != nullptr || thread->must_end; });
        if (thread->work == nullptr) break;
        Turns::set_mine(thread->turns);
        (*thread->work)();
        Turns::set_mine(nullptr);
        thread->work = nullptr;
        thread->changed.notify_all();
    }
    lock.unlock();
    delete thread;
    return nullptr;
}

/// Null when the system refuses.
BigThread* start_thread() {
    auto* thread = new BigThread;
    pthread_attr_t attributes;
    CHECK_EQ(pthread_attr_init(&attributes), 0);
    CHECK_EQ(pthread_attr_setstacksize(&attributes, kBigStackBytes), 0);
    CHECK_EQ(pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED), 0);
    pthread_t id;
    const int failure = pthread_create(&id, &attributes, serve, thread);
    pthread_attr_destroy(&attributes);
    if (failure == 0) return thread;
    delete thread;
    return nullptr;
}

/// Threads without work. Lives for ever: they may outlast static destructors.
struct Pool {
    std::mutex mutex;
    std::vector<BigThread*> idle;

    BigThread* take() {
        std::lock_guard lock(mutex);
        if (idle.empty()) return nullptr;
        BigThread* thread = idle.back();
        idle.pop_back();
        return thread;
    }

    bool put(BigThread* thread) {
        std::lock_guard lock(mutex);
        if (idle.size() >= kIdleThreadsMax) return false;
        idle.push_back(thread);
        return true;
    }
};

Pool& pool() {
    static Pool* const instance = new Pool;
    return *instance;
}

}  // namespace

bool run_on_big_stack(const std::function<void()>& work) {
    if (on_big_stack) {
        work();
        return true;
    }
    BigThread* thread = pool().take();
    if (thread == nullptr) thread = start_thread();
    if (thread == nullptr) return false;
    {
        std::unique_lock lock(thread->mutex);
        thread->work = &work;
        thread->turns = Turns::mine();
        thread->changed.notify_all();
        thread->changed.wait(lock, [&] { return thread->work == nullptr; });
    }
    if (pool().put(thread)) return true;
    std::lock_guard lock(thread->mutex);
    thread->must_end = true;
    thread->changed.notify_all();
    return true;
}

}  // namespace braid
