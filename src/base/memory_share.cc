// SPDX-License-Identifier: Apache-2.0
#include "base/memory_share.h"

#include <fmt/format.h>

#include "base/error_makers.h"

namespace braid {

namespace {

Metric& metric_of(const std::string& share, Metrics& metrics, const std::string& what,
                  Metrics::Kind kind, const std::string& help) {
    return metrics.get("braid_memory_" + what, kind, help, fmt::format("share=\"{}\"", share));
}

}  // namespace

MemoryShare::MemoryShare(std::string name, uint64_t bytes_max, Metrics& metrics)
    : name_(std::move(name)),
      bytes_max_(bytes_max),
      shown_(metric_of(name_, metrics, "bytes", Metrics::Kind::kGauge,
                       "Memory that those of a share hold.")),
      refusals_(metric_of(name_, metrics, "refusals_total", Metrics::Kind::kCounter,
                          "How often somebody was refused memory of a share.")) {
    metric_of(name_, metrics, "limit_bytes", Metrics::Kind::kGauge,
              "Memory that those of a share may hold.")
        .set(static_cast<int64_t>(bytes_max));
}

bool MemoryShare::take(uint64_t bytes) {
    uint64_t held = bytes_.load(std::memory_order_relaxed);
    do {
        if (bytes > bytes_max_ || held > bytes_max_ - bytes) {
            refusals_.add(1);
            return false;
        }
    } while (!bytes_.compare_exchange_weak(held, held + bytes, std::memory_order_relaxed));
    shown_.add(static_cast<int64_t>(bytes));
    return true;
}

void MemoryShare::give_back(uint64_t bytes) {
    bytes_.fetch_sub(bytes, std::memory_order_relaxed);
    shown_.add(-static_cast<int64_t>(bytes));
}

Error MemoryShare::refusal() const {
    return Error(exhausted("out of memory"))
        .with_sqlstate("53200")
        .with_detail(fmt::format("All {} together may hold {} MiB.", name_, bytes_max_ >> 20))
        .with_hint("Try again when others have ended, or raise memory_limit.");
}

MemoryClaim& MemoryClaim::operator=(MemoryClaim&& other) noexcept {
    if (this == &other) return *this;
    (void)hold(0);
    share_ = other.share_;
    bytes_ = std::exchange(other.bytes_, 0);
    return *this;
}

bool MemoryClaim::hold(uint64_t bytes) {
    if (share_ != nullptr) {
        if (bytes > bytes_ && !share_->take(bytes - bytes_)) return false;
        if (bytes < bytes_) share_->give_back(bytes_ - bytes);
    }
    bytes_ = bytes;
    return true;
}

}  // namespace braid
