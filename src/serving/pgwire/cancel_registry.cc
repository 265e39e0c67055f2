// SPDX-License-Identifier: Apache-2.0
#include "serving/pgwire/cancel_registry.h"

#include "serving/session/session.h"

namespace braid::serving::pgwire {

CancelRegistry::Key CancelRegistry::next_key() {
    ScopedLock lock(mutex_);
    const uint32_t process = next_process_;
    next_process_ = next_process_ == INT32_MAX ? 1 : next_process_ + 1;
    return {process, static_cast<uint32_t>(random_.next())};
}

void CancelRegistry::add(Key key, Session& session) {
    ScopedLock lock(mutex_);
    sessions_[key.process] = {key.secret, &session};
}

void CancelRegistry::remove(Key key) {
    ScopedLock lock(mutex_);
    sessions_.erase(key.process);
}

void CancelRegistry::cancel(Key key) {
    ScopedLock lock(mutex_);
    const auto entry = sessions_.find(key.process);
    // One word: comparing it takes the same time whatever differs.
    if (entry != sessions_.end() && (entry->second.secret ^ key.secret) == 0) {
        entry->second.session->cancel();
    }
}

void CancelRegistry::cancel_all() {
    ScopedLock lock(mutex_);
    for (auto& [process, entry] : sessions_) entry.session->cancel();
}

}  // namespace braid::serving::pgwire
