// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <source_location>
#include <string>

namespace braid {

/// Where a thread stands, for whoever must explain why nobody can go on.
using Place = std::source_location;

/// What a thread of a simulation asks before it goes on. There exactly one thread runs at a time,
/// and who is next is somebody else's choice. Mutex, CondVar, Thread and the file system in memory
/// ask; an ordinary thread has no Turns and pays one branch. One object a thread, called by that
/// thread alone.
class Turns {
  public:
    virtual ~Turns() = default;

    /// The calling thread's, or null.
    static Turns* mine() { return mine_; }
    /// Gives the calling thread its Turns, or takes them away.
    static void set_mine(Turns* turns) { mine_ = turns; }

    /// Another may go on first.
    virtual void pass(const Place& at) = 0;
    /// Returns after somebody has woken who waits for `thing`, whatever it is.
    virtual void wait(const void* thing, const Place& at) = 0;
    /// The same, at most for this time; false when it has passed.
    virtual bool wait_for(const void* thing, int64_t us, const Place& at) = 0;
    virtual void wake_one(const void* thing) = 0;
    virtual void wake_all(const void* thing) = 0;
    /// Gives a thread that is about to be started turns of its own: it must run the body that is
    /// returned here. `id` is for join().
    virtual std::function<void()> start(std::string name, std::function<void()> body,
                                        uint64_t& id) = 0;
    /// Returns once that thread's body has returned.
    virtual void join(uint64_t id, const Place& at) = 0;

  private:
    static inline constinit thread_local Turns* mine_ = nullptr;
};

/// A point where, in a simulation, another thread may go on first; nothing otherwise.
inline void pass_turn(const Place& at = Place::current()) {
    if (Turns* turns = Turns::mine(); turns != nullptr) [[unlikely]]
        turns->pass(at);
}

}  // namespace braid
