// SPDX-License-Identifier: Apache-2.0
#include "runs/point_probes.h"

#include "runs/run_file.h"

namespace braid::runs {

PointProbes::PointProbes(const RunReaders& runs) {
    probes_.reserve(runs.size());
    for (size_t index = 0; index < runs.size(); ++index) {
        const size_t parts = runs[index]->group_parts();
        if (parts == 0) continue;
        Probe& probe = probes_.emplace_back();
        probe.run = static_cast<uint32_t>(index);
        // A part is found by its keys, and then asks its own.
        const KeyFilter* filter = parts == 1 ? runs[index]->filter(0) : nullptr;
        if (filter == nullptr) continue;
        probe.blocks = filter->blocks().data();
        probe.count = static_cast<uint32_t>(filter->blocks().size());
    }
}

const PointProbes& LazyProbes::make(const RunReaders& runs) const {
    const ScopedLock lock(mutex_);
    if (!made_) made_ = std::make_unique<const PointProbes>(runs);
    shown_.store(made_.get(), std::memory_order_release);
    return *made_;
}

}  // namespace braid::runs
