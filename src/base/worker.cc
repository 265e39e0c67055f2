// SPDX-License-Identifier: Apache-2.0
#include "base/worker.h"

#include <algorithm>
#include <chrono>
#include <deque>
#include <map>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>

#include "base/mutex.h"
#include "base/thread.h"

namespace braid {

namespace {

/// A tenth of the share of an ordinary thread (110 of 1,024 to Linux).
constexpr int kBackgroundNiceness = 10;

const char* name_of(StepKind kind) {
    switch (kind) {
        case StepKind::kWatch:
            return "watch";
        case StepKind::kFold:
            return "fold";
        case StepKind::kSource:
            return "source";
        case StepKind::kSeal:
            return "seal";
        case StepKind::kBackground:
            return "background";
        case StepKind::kLong:
            return "long";
    }
    return "";
}

bool is_yielding(StepKind kind) { return kind == StepKind::kBackground || kind == StepKind::kLong; }

}  // namespace

/// The steps of one kind and their threads.
class ThreadWorkers::Pool {
  public:
    Pool(StepKind kind, size_t threads_max, const Clock& clock, Metrics* metrics);

    /// Returns once no step runs; none will.
    void end() EXCLUDES(mutex_);
    Handle start(std::string name, Step step) EXCLUDES(mutex_);
    void wake(Handle handle) EXCLUDES(mutex_);
    void stop(Handle handle) EXCLUDES(mutex_);

  private:
    enum class State : uint8_t { kReady, kRunning, kResting };
    struct Job {
        Handle handle;
        std::string name;
        Step step;
        State state = State::kReady;
        int64_t due_us = 0;     // while it rests: kUntilWoken has no timer
        bool is_woken = false;  // while it ran
        bool is_stopped = false;
    };
    using JobPtr = std::shared_ptr<Job>;

    void run();
    /// Waits until one is ready; null when it is time to end.
    JobPtr next(UniqueLock& lock) REQUIRES(mutex_);
    void collect_due(int64_t now_us) REQUIRES(mutex_);
    void make_ready(const JobPtr& job) REQUIRES(mutex_);
    void put_back(const JobPtr& job, const StepOutcome& outcome) REQUIRES(mutex_);
    void take_out(const JobPtr& job) REQUIRES(mutex_);

    const StepKind kind_;
    const size_t threads_max_;
    const Clock& clock_;
    Metric* runs_ = nullptr;

    Mutex mutex_;  // none is taken under it
    CondVar changed_;
    CondVar returned_;  // a stopped step has
    std::map<Handle, JobPtr> jobs_ GUARDED_BY(mutex_);
    std::deque<JobPtr> ready_ GUARDED_BY(mutex_);
    std::multimap<int64_t, JobPtr> timers_ GUARDED_BY(mutex_);
    /// Until then one of the threads sleeps, for all of them.
    int64_t alarm_us_ GUARDED_BY(mutex_) = kUntilWoken;
    bool is_ending_ GUARDED_BY(mutex_) = false;
    Handle next_handle_ GUARDED_BY(mutex_);
    std::vector<Thread> threads_ GUARDED_BY(mutex_);
};

ThreadWorkers::Pool::Pool(StepKind kind, size_t threads_max, const Clock& clock, Metrics* metrics)
    : kind_(kind),
      threads_max_(threads_max),
      clock_(clock),
      next_handle_(kStepKindCount + static_cast<Handle>(kind)) {
    if (metrics == nullptr) return;
    runs_ =
        &metrics->get("braid_steps_total", Metrics::Kind::kCounter, "Steps of work that were run.",
                      fmt::format("kind=\"{}\"", name_of(kind)));
}

void ThreadWorkers::Pool::end() {
    std::vector<Thread> threads;
    {
        const ScopedLock lock(mutex_);
        is_ending_ = true;
        changed_.notify_all();
        threads.swap(threads_);
    }
}  // joined

Workers::Handle ThreadWorkers::Pool::start(std::string name, Step step) {
    auto job = std::make_shared<Job>();
    job->name = std::move(name);
    job->step = std::move(step);
    const ScopedLock lock(mutex_);
    job->handle = next_handle_;
    next_handle_ += kStepKindCount;
    jobs_.emplace(job->handle, job);
    make_ready(job);
    if (threads_.size() < std::min(threads_max_, jobs_.size())) {
        threads_.emplace_back(fmt::format("{} {}", name_of(kind_), threads_.size()),
                              [this] { run(); });
    }
    return job->handle;
}

void ThreadWorkers::Pool::wake(Handle handle) {
    const ScopedLock lock(mutex_);
    const auto found = jobs_.find(handle);
    if (found == jobs_.end()) return;
    const JobPtr& job = found->second;
    if (job->state == State::kRunning) job->is_woken = true;
    if (job->state != State::kResting) return;
    take_out(job);
    make_ready(job);
}

void ThreadWorkers::Pool::stop(Handle handle) {
    UniqueLock lock(mutex_);
    const auto found = jobs_.find(handle);
    if (found == jobs_.end()) return;
    const JobPtr job = found->second;
    job->is_stopped = true;
    while (job->state == State::kRunning) returned_.wait(lock);
    take_out(job);
    jobs_.erase(handle);
}

void ThreadWorkers::Pool::run() {
    // Linux keeps this for each thread. Refused: it only runs as the others do.
    if (is_yielding(kind_)) static_cast<void>(::nice(kBackgroundNiceness));
    UniqueLock lock(mutex_);
    while (const JobPtr job = next(lock)) {
        lock.unlock();
        if (runs_ != nullptr) runs_->add(1);
        const StepOutcome outcome = job->step();
        lock.lock();
        put_back(job, outcome);
    }
}

/// One thread sleeps until the first timer, the others until they are told: whoever takes a job
/// sees to it that somebody stays to listen.
ThreadWorkers::Pool::JobPtr ThreadWorkers::Pool::next(UniqueLock& lock) {
    while (!is_ending_) {
        const int64_t now_us = clock_.monotonic_us();
        collect_due(now_us);
        const int64_t due_us = timers_.empty() ? kUntilWoken : timers_.begin()->first;
        if (!ready_.empty()) {
            JobPtr job = std::move(ready_.front());
            ready_.pop_front();
            job->state = State::kRunning;
            if (!ready_.empty() || due_us < alarm_us_) changed_.notify_one();
            return job;
        }
        if (due_us >= alarm_us_) {
            changed_.wait(lock);
            continue;
        }
        alarm_us_ = due_us;
        changed_.wait_for(lock, std::chrono::microseconds(due_us - now_us));
        if (alarm_us_ == due_us) alarm_us_ = kUntilWoken;
    }
    return nullptr;
}

void ThreadWorkers::Pool::collect_due(int64_t now_us) {
    while (!timers_.empty() && timers_.begin()->first <= now_us) {
        const JobPtr job = timers_.begin()->second;
        timers_.erase(timers_.begin());
        job->state = State::kReady;
        ready_.push_back(job);
    }
}

void ThreadWorkers::Pool::make_ready(const JobPtr& job) {
    job->state = State::kReady;
    ready_.push_back(job);
    changed_.notify_one();
}

void ThreadWorkers::Pool::put_back(const JobPtr& job, const StepOutcome& outcome) {
    job->state = State::kResting;
    job->due_us = kUntilWoken;
    const bool is_woken = std::exchange(job->is_woken, false);
    if (job->is_stopped) {
        returned_.notify_all();
    } else if (outcome.progressed || is_woken) {
        job->state = State::kReady;
        ready_.push_back(job);  // this thread goes on with the first of them
    } else if (outcome.idle_us != kUntilWoken) {
        job->due_us = clock_.monotonic_us() + outcome.idle_us;
        timers_.emplace(job->due_us, job);
    }
}

/// Of what it waits in; it does not run.
void ThreadWorkers::Pool::take_out(const JobPtr& job) {
    if (job->state == State::kReady) std::erase(ready_, job);
    if (job->state == State::kResting) {
        const auto [from, to] = timers_.equal_range(job->due_us);
        const auto timer =
            std::find_if(from, to, [&](const auto& each) { return each.second == job; });
        if (timer != to) timers_.erase(timer);
    }
}

ThreadWorkers::ThreadWorkers(ThreadWorkersOptions options) {
    const Clock& clock = options.clock == nullptr ? system_clock_ : *options.clock;
    for (size_t kind = 0; kind < kStepKindCount; ++kind) {
        pools_[kind] = std::make_unique<Pool>(static_cast<StepKind>(kind),
                                              options.threads_max[kind], clock, options.metrics);
    }
}

ThreadWorkers::~ThreadWorkers() {
    // All end before any goes away: steps of one kind wake those of others.
    for (const auto& pool : pools_) pool->end();
}

Workers::Handle ThreadWorkers::start(std::string name, StepKind kind, Step step) {
    return pools_[static_cast<size_t>(kind)]->start(std::move(name), std::move(step));
}

void ThreadWorkers::wake(Handle handle) { pool_of(handle).wake(handle); }

void ThreadWorkers::stop(Handle handle) { pool_of(handle).stop(handle); }

Workers::Handle SteppedWorkers::start(std::string name, StepKind /*kind*/, Step step) {
    entries_.push_back({next_, std::move(name), std::move(step)});
    return next_++;
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
