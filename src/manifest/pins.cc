// SPDX-License-Identifier: Apache-2.0
#include "manifest/pins.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/mutex.h"

namespace braid::manifest {

struct Pins::Registry {
    Mutex mutex;
    std::set<const Pin*> pins GUARDED_BY(mutex);
};

Pins::Pin::Pin(std::shared_ptr<Registry> registry, ManifestNumber version, int64_t since_us)
    : registry_(std::move(registry)), version_(version), since_us_(since_us) {
    const ScopedLock lock(registry_->mutex);
    registry_->pins.insert(this);
}

Pins::Pin::~Pin() {
    const ScopedLock lock(registry_->mutex);
    registry_->pins.erase(this);
}

Pins::Pins() : registry_(std::make_shared<Registry>()) {}

Pins::~Pins() = default;

Pins::PinPtr Pins::add(ManifestNumber version, int64_t monotonic_us) {
    return std::make_shared<const Pin>(registry_, version, monotonic_us);
}

std::optional<ManifestNumber> Pins::oldest(int64_t since_us) const {
    const ScopedLock lock(registry_->mutex);
    std::optional<ManifestNumber> oldest;
    for (const Pin* pin : registry_->pins) {
        if (pin->since_us_ < since_us) continue;
        oldest = oldest ? std::min(*oldest, pin->version_) : pin->version_;
    }
    return oldest;
}

size_t Pins::size() const {
    const ScopedLock lock(registry_->mutex);
    return registry_->pins.size();
}

}  // namespace braid::manifest
