// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "base/result.h"
#include "model/health.h"

namespace braid::app {

/// Stands before a stream's log: records that could no longer be sealed are refused, instead of
/// filling memory and disk with what no seal will ever take. At once when the manifest has stopped
/// or folding has failed; when seals fail, which may pass, after so many more bytes. Thread-safe;
/// one load while all is well.
class AppendGate {
  public:
    /// `health` outlives this.
    AppendGate(const Health& health, std::string stream, uint64_t unsealed_bytes_max);

    /// Unavailable (57P03) with the reason of the part that is ill.
    Result<void> admit(uint64_t bytes);

  private:
    const Health& health_;
    const std::string stream_;
    const uint64_t unsealed_bytes_max_;
    std::atomic<uint64_t> unsealed_bytes_ = 0;  // taken since seals have been failing
};

}  // namespace braid::app
