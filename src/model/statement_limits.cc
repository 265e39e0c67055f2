// SPDX-License-Identifier: Apache-2.0
#include "model/statement_limits.h"

#include <utility>

#include "base/error_makers.h"

namespace braid {

StatementLimits::StatementLimits(std::shared_ptr<const CancelToken> cancel, const Clock& clock,
                                 int64_t deadline_us)
    : cancel_(std::move(cancel)), clock_(&clock), deadline_us_(deadline_us) {}

StatementLimits::StatementLimits(std::shared_ptr<const CancelToken> cancel, const Clock& clock,
                                 int64_t deadline_us, uint64_t memory_bytes_max, MemoryShare* all)
    : StatementLimits(std::move(cancel), clock, deadline_us) {
    memory_ = std::make_shared<Memory>(memory_bytes_max, all);
}

Result<void> StatementLimits::check() const {
    if (cancel_ && cancel_->cancelled.load(std::memory_order_relaxed)) {
        return cancelled("canceling statement due to user request");
    }
    if (clock_ != nullptr && clock_->monotonic_us() >= deadline_us_) {
        return timeout("canceling statement due to statement timeout");
    }
    return {};
}

Result<void> HeldMemory::take(uint64_t bytes) {
    if (memory_ == nullptr || bytes == 0) return {};
    const uint64_t before = memory_->bytes.fetch_add(bytes, std::memory_order_relaxed);
    const bool is_too_much = before + bytes > memory_->bytes_max;
    if (!is_too_much && (memory_->all == nullptr || memory_->all->take(bytes))) {
        bytes_ += bytes;
        return {};
    }
    memory_->bytes.fetch_sub(bytes, std::memory_order_relaxed);
    if (!is_too_much) return memory_->all->refusal();
    return Error(exhausted("out of memory"))
        .with_sqlstate("53200")
        .with_detail(fmt::format("What a statement computes at a time may take {} MiB.",
                                 memory_->bytes_max >> 20))
        .with_hint("Let it compute shorter texts, or raise query.statement_memory_mib.");
}

void HeldMemory::give_back() {
    if (bytes_ == 0) return;
    memory_->bytes.fetch_sub(bytes_, std::memory_order_relaxed);
    if (memory_->all != nullptr) memory_->all->give_back(bytes_);
    bytes_ = 0;
}

}  // namespace braid
