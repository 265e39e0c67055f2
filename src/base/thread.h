// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <thread>

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

}  // namespace braid
