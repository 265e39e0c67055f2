// SPDX-License-Identifier: Apache-2.0
#include "read/merge/statement_limits.h"

#include "base/error_makers.h"

namespace braid::read {

Result<void> StatementLimits::check() const {
    if (cancel_ && cancel_->cancelled.load(std::memory_order_relaxed)) {
        return cancelled("canceling statement due to user request");
    }
    if (clock_ != nullptr && clock_->monotonic_us() >= deadline_us_) {
        return timeout("canceling statement due to statement timeout");
    }
    return {};
}

}  // namespace braid::read
