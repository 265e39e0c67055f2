// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>

#include "base/mutex.h"
#include "base/random.h"

namespace braid::serving {
class Session;
}

namespace braid::serving::pgwire {

/// Which session a CancelRequest means. Thread-safe.
class CancelRegistry {
  public:
    explicit CancelRegistry(Random& random) : random_(random) {}

    struct Key {
        uint32_t process = 0;
        uint32_t secret = 0;
    };
    /// A number that no other connection has, and a secret for it.
    Key next_key();
    void add(Key key, Session& session);
    /// Afterwards nobody touches the session.
    void remove(Key key);
    /// Stops what the session is running; a wrong key does nothing and tells nothing.
    void cancel(Key key);
    void cancel_all();

  private:
    struct Entry {
        uint32_t secret;
        Session* session;
    };
    Random& random_;
    Mutex mutex_;
    uint32_t next_process_ GUARDED_BY(mutex_) = 1;
    std::map<uint32_t, Entry> sessions_ GUARDED_BY(mutex_);
};

}  // namespace braid::serving::pgwire
