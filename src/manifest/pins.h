// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "model/ids.h"

namespace braid::manifest {

/// Which manifest versions are read from by statements, transactions and cursors. A file that a
/// version named is deleted only once no older one is pinned (epoch-based reclamation; Fraser,
/// Practical lock-freedom, 2004), or the pin is older than whoever deletes has promised.
/// Thread-safe.
class Pins {
    struct Registry;

  public:
    /// Ends with its last copy; may outlive the registry's owner.
    class Pin;
    using PinPtr = std::shared_ptr<const Pin>;

    Pins();
    ~Pins();
    PinPtr add(ManifestNumber version, int64_t monotonic_us);
    /// The oldest version that was pinned at `since_us` or later and still is.
    std::optional<ManifestNumber> oldest(int64_t since_us) const;
    size_t size() const;

  private:
    std::shared_ptr<Registry> registry_;
};

/// One pin.
class Pins::Pin {
  public:
    Pin(std::shared_ptr<Registry> registry, ManifestNumber version, int64_t since_us);
    ~Pin();
    Pin(const Pin&) = delete;
    Pin& operator=(const Pin&) = delete;

    int64_t since_us() const { return since_us_; }

  private:
    friend class Pins;
    const std::shared_ptr<Registry> registry_;
    const ManifestNumber version_;
    const int64_t since_us_;
};

}  // namespace braid::manifest
