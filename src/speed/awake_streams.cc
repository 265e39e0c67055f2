// SPDX-License-Identifier: Apache-2.0
#include "speed/awake_streams.h"

namespace braid::speed {

void AwakeStreams::wake(TableId table) {
    const ScopedLock lock(mutex_);
    since_[table] = ++last_;
}

void AwakeStreams::keep(TableId table) {
    const ScopedLock lock(mutex_);
    if (since_.try_emplace(table, last_ + 1).second) ++last_;
}

void AwakeStreams::rest(const Awake& awake) {
    const ScopedLock lock(mutex_);
    const auto place = since_.find(awake.table);
    if (place != since_.end() && place->second == awake.since) since_.erase(place);
}

std::vector<AwakeStreams::Awake> AwakeStreams::all() const {
    const ScopedLock lock(mutex_);
    std::vector<Awake> all;
    all.reserve(since_.size());
    for (const auto& [table, since] : since_) all.push_back({table, since});
    return all;
}

}  // namespace braid::speed
