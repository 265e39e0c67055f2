// SPDX-License-Identifier: Apache-2.0
#include "base/thread.h"

#include <algorithm>
#include <atomic>
#include <optional>
#include <pthread.h>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/check.h"
#include "base/mutex.h"
#include "base/turns.h"

namespace braid {

Thread::Thread(std::string name, std::function<void()> body) {
    if (Turns* turns = Turns::mine(); turns != nullptr) {
        body = turns->start(name, std::move(body), turns_id_);
    }
    thread_ = std::thread([name = std::move(name), body = std::move(body)] {
        pthread_setname_np(pthread_self(), name.substr(0, 15).c_str());  // the kernel's limit
        body();
    });
}

Thread& Thread::operator=(Thread&& other) noexcept {
    join();
    thread_ = std::move(other.thread_);
    turns_id_ = other.turns_id_;
    return *this;
}

Thread::~Thread() { join(); }

void Thread::join() {
    if (!thread_.joinable()) return;
    CHECK(thread_.get_id() != std::this_thread::get_id());
    if (Turns* turns = Turns::mine(); turns != nullptr && turns_id_ != 0) {
        turns->join(turns_id_, Place::current());
    }
    thread_.join();
}

namespace {

/// The error of the lowest number, of all that are told.
class LowestError {
  public:
    void tell(size_t number, Error error) {
        const ScopedLock lock(mutex_);
        if (error_ && number_ < number) return;
        number_ = number;
        error_ = std::move(error);
    }
    Result<void> outcome() {
        const ScopedLock lock(mutex_);
        if (error_) return *std::move(error_);
        return {};
    }

  private:
    Mutex mutex_;
    size_t number_ GUARDED_BY(mutex_) = 0;
    std::optional<Error> error_ GUARDED_BY(mutex_);
};

}  // namespace

Result<void> on_threads(size_t threads, const std::string& name,
                        const std::function<Result<void>(size_t)>& work) {
    LowestError error;
    const auto run = [&](size_t number) {
        Result<void> done = work(number);
        if (!done) error.tell(number, std::move(done).error());
    };
    {
        std::vector<Thread> others;
        for (size_t number = 1; number < threads; ++number) {
            others.emplace_back(fmt::format("{} {}", name, number),
                                [&run, number] { run(number); });
        }
        run(0);
    }  // joined
    return error.outcome();
}

Result<void> for_each_on_threads(size_t threads, const std::string& name, size_t count,
                                 const std::function<Result<void>(size_t)>& work) {
    LowestError error;
    std::atomic<size_t> next = 0;
    TRY(on_threads(std::clamp<size_t>(count, 1, threads), name, [&](size_t) -> Result<void> {
        for (size_t item = next++; item < count; item = next++) {
            Result<void> done = work(item);
            if (done) continue;
            // Whatever lies below was begun before, and is still looked at.
            next = count;
            error.tell(item, std::move(done).error());
        }
        return {};
    }));
    return error.outcome();
}

}  // namespace braid
