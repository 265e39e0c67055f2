// SPDX-License-Identifier: Apache-2.0
#include "base/worker.h"

#include <algorithm>
#include <chrono>
#include <unistd.h>
#include <utility>

#include "base/check.h"
#include "base/mutex.h"
#include "base/thread.h"

namespace braid {

namespace {

/// A tenth of the share of an ordinary thread (110 of 1,024 to Linux).
constexpr int kBackgroundNiceness = 10;

}  // namespace

struct ThreadWorkers::Thread {
    Handle handle;
    std::string name;
    Step step;
    int niceness;
    Mutex mutex;
    CondVar changed;
    bool woken = false;
    bool stopping = false;
    braid::Thread thread;

    void run();
    /// Sleeps until woken, stopped or idle for long enough; false when it is time to end.
    bool rest(const StepOutcome& outcome);
    void wake();
    void stop_and_join();
};

void ThreadWorkers::Thread::run() {
    // Linux keeps this for each thread. Refused: it only runs as the others do.
    if (niceness != 0) static_cast<void>(::nice(niceness));
    while (rest(step())) {
    }
}

bool ThreadWorkers::Thread::rest(const StepOutcome& outcome) {
    UniqueLock lock(mutex);
    if (!outcome.progressed) {
        changed.wait_for(lock, std::chrono::microseconds(outcome.idle_us),
                         [&] { return woken || stopping; });
    }
    woken = false;
    return !stopping;
}

void ThreadWorkers::Thread::wake() {
    ScopedLock lock(mutex);
    woken = true;
    changed.notify_one();
}

void ThreadWorkers::Thread::stop_and_join() {
    {
        ScopedLock lock(mutex);
        stopping = true;
        changed.notify_one();
    }
    thread.join();
}

ThreadWorkers::ThreadWorkers() = default;

ThreadWorkers::~ThreadWorkers() {
    for (const auto& each : threads_) each->stop_and_join();
}

Workers::Handle ThreadWorkers::start(std::string name, Step step) {
    return start(std::move(name), std::move(step), 0);
}

Workers::Handle ThreadWorkers::start_background(std::string name, Step step) {
    return start(std::move(name), std::move(step), kBackgroundNiceness);
}

Workers::Handle ThreadWorkers::start(std::string name, Step step, int niceness) {
    auto fresh = std::make_unique<Thread>();
    fresh->niceness = niceness;
    fresh->name = std::move(name);
    fresh->step = std::move(step);
    ScopedLock lock(mutex_);
    fresh->handle = next_++;
    fresh->thread = braid::Thread(fresh->name, [thread = fresh.get()] { thread->run(); });
    threads_.push_back(std::move(fresh));
    return threads_.back()->handle;
}

void ThreadWorkers::wake(Handle handle) {
    ScopedLock lock(mutex_);
    for (const auto& each : threads_) {
        if (each->handle == handle) each->wake();
    }
}

void ThreadWorkers::stop(Handle handle) {
    std::unique_ptr<Thread> stopped;
    {
        ScopedLock lock(mutex_);
        auto place =
            std::ranges::find(threads_, handle, [](const auto& each) { return each->handle; });
        if (place == threads_.end()) return;
        stopped = std::move(*place);
        threads_.erase(place);
    }
    stopped->stop_and_join();  // not under the lock: the step may wake others while it ends
}

Workers::Handle SteppedWorkers::start(std::string name, Step step) {
    entries_.push_back({next_, std::move(name), std::move(step)});
    return next_++;
}

Workers::Handle SteppedWorkers::start_background(std::string name, Step step) {
    return start(std::move(name), std::move(step));
}

void SteppedWorkers::wake(Handle /*handle*/) {}

void SteppedWorkers::stop(Handle handle) {
    std::erase_if(entries_, [&](const Entry& each) { return each.handle == handle; });
}

bool SteppedWorkers::step(const std::string& name) {
    auto place = std::ranges::find(entries_, name, &Entry::name);
    if (place == entries_.end()) return false;
    const Step step = place->step;  // a copy: the step may start or stop others
    return step().progressed;
}

void SteppedWorkers::run_until_idle(int rounds_max) {
    for (int round = 0; round < rounds_max; ++round) {
        std::vector<Handle> handles;
        for (const Entry& each : entries_) handles.push_back(each.handle);
        bool progressed = false;
        for (const Handle handle : handles) {
            auto place = std::ranges::find(entries_, handle, &Entry::handle);
            if (place == entries_.end()) continue;
            const Step step = place->step;
            if (step().progressed) progressed = true;
        }
        if (!progressed) return;
    }
}

std::vector<std::string> SteppedWorkers::names() const {
    std::vector<std::string> names;
    for (const Entry& each : entries_) names.push_back(each.name);
    return names;
}

}  // namespace braid
