// SPDX-License-Identifier: Apache-2.0
#include "app/append_gate.h"

#include <utility>

#include "base/error_makers.h"

namespace braid::app {

namespace {

Error refused(const std::string& stream, const HealthReport& ill) {
    return Error(unavailable("stream \"{}\" takes no records: they could not be sealed", stream))
        .with_detail(fmt::format("The part \"{}\" is ill: {}", ill.part, ill.reason));
}

}  // namespace

AppendGate::AppendGate(const Health& health, std::string stream, uint64_t unsealed_bytes_max)
    : health_(health), stream_(std::move(stream)), unsealed_bytes_max_(unsealed_bytes_max) {}

Result<void> AppendGate::admit(uint64_t bytes) {
    if (health_.has_no_illness()) {
        if (unsealed_bytes_.load(std::memory_order_relaxed) != 0) unsealed_bytes_.store(0);
        return {};
    }
    bool seals_fail = false;
    for (const HealthReport& each : health_.report()) {
        if (each.state != HealthState::kIll) continue;
        const bool is_own = each.stream == stream_;
        if (each.part == "manifest" || (is_own && each.part == "fold")) {
            return refused(stream_, each)
                .with_hint("What was acknowledged is safe. If this lasts, restart the process.");
        }
        if (!is_own || each.part != "seal") continue;
        seals_fail = true;
        if (unsealed_bytes_.load() + bytes > unsealed_bytes_max_) {
            return refused(stream_, each)
                .with_hint("What was acknowledged is safe. Try again when seals succeed.");
        }
    }
    if (seals_fail) {
        unsealed_bytes_.fetch_add(bytes);
    } else {
        unsealed_bytes_.store(0);
    }
    return {};
}

}  // namespace braid::app
