// SPDX-License-Identifier: Apache-2.0
#include "base/thread.h"

#include <pthread.h>
#include <utility>

#include "base/check.h"
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

}  // namespace braid
