// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <thread>

#include "base/result.h"

namespace braid {

/// A thread that is joined before its object ends. For work that blocks, one thread a connection;
/// what comes in small steps belongs to Workers. The body must end by itself: nothing can force it.
class Thread {
  public:
    Thread() = default;
    Thread(std::string name, std::function<void()> body);
    Thread(Thread&& other) noexcept = default;
    /// Joins the thread that it held.
    Thread& operator=(Thread&& other) noexcept;
    ~Thread();

    /// Returns once the body has returned. Not callable from the body.
    void join();

  private:
    std::thread thread_;
    uint64_t turns_id_ = 0;  // of Turns::start, where it was started by a thread of a simulation
};

/// Calls work(0) … work(threads - 1), each on a thread of its own; the caller's is one of them, and
/// with one thread nothing is started. Returns when all have, with the error of the lowest number;
/// no thread outlives the call, and none is borrowed from others, so it waits for nobody else.
Result<void> on_threads(size_t threads, const std::string& name,
                        const std::function<Result<void>(size_t)>& work);

/// Calls work(0) … work(count - 1), each once, by whichever of at most so many threads is free.
/// After an error nothing more is begun; that of the lowest number is given, whichever came first.
Result<void> for_each_on_threads(size_t threads, const std::string& name, size_t count,
                                 const std::function<Result<void>(size_t)>& work);

}  // namespace braid
