// SPDX-License-Identifier: Apache-2.0
#include "model/health.h"

#include <algorithm>
#include <array>
#include <tuple>
#include <utility>

#include <fmt/format.h>

namespace braid {

namespace {

constexpr std::array<std::string_view, 3> kNames = {"ok", "degraded", "ill"};

/// A label's value in Prometheus' text format.
std::string escaped(std::string_view text) {
    std::string out;
    for (const char each : text) {
        if (each == '\\' || each == '"') out += '\\';
        out += each == '\n' ? std::string("\\n") : std::string(1, each);
    }
    return out;
}

}  // namespace

std::string_view name_of(HealthState state) { return kNames[static_cast<size_t>(state)]; }

PartHealth::~PartHealth() { recovered(); }

void PartHealth::tell(HealthState state, const Error& reason) { set(state, reason.to_string()); }

void PartHealth::recovered() {
    if (state() != HealthState::kWell) set(HealthState::kWell, {});
}

void PartHealth::set(HealthState state, std::string reason) {
    const ScopedLock lock(mutex_);
    reason_ = std::move(reason);
    const HealthState before = state_.exchange(state);
    if (before == state || owner_ == nullptr) return;
    since_us_ = owner_->clock_.wall_us();
    if (metric_ != nullptr) metric_->set(static_cast<int64_t>(state));
    owner_->ill_parts_ += int{state == HealthState::kIll} - int{before == HealthState::kIll};
}

HealthReport PartHealth::report() const {
    const ScopedLock lock(mutex_);
    return {.part = part_,
            .stream = stream_,
            .state = state(),
            .reason = reason_,
            .since_us = since_us_};
}

std::shared_ptr<PartHealth> Health::add(std::string part, std::string stream) {
    auto added = std::make_shared<PartHealth>();
    added->owner_ = this;
    added->since_us_ = clock_.wall_us();
    if (metrics_ != nullptr) {
        added->metric_ = &metrics_->get(
            "braid_part_state", Metrics::Kind::kGauge,
            "How a part of the node is: 0 ok, 1 degraded, 2 ill.",
            stream.empty()
                ? fmt::format("part=\"{}\"", part)
                : fmt::format("part=\"{}\",table=\"{}\"", escaped(part), escaped(stream)));
        added->metric_->set(0);
    }
    added->part_ = std::move(part);
    added->stream_ = std::move(stream);
    const ScopedLock lock(mutex_);
    // Only when there is no room: a look at all for each would be the square of them.
    if (parts_.size() == parts_.capacity()) {
        std::erase_if(parts_, [](const auto& each) { return each.expired(); });
    }
    parts_.push_back(added);
    return added;
}

std::shared_ptr<PartHealth> Health::add_to(Health* health, std::string part, std::string stream) {
    if (health == nullptr) return std::make_shared<PartHealth>();
    return health->add(std::move(part), std::move(stream));
}

std::vector<HealthReport> Health::report() const {
    std::vector<std::shared_ptr<PartHealth>> parts;
    {
        const ScopedLock lock(mutex_);
        for (const auto& each : parts_) parts.push_back(each.lock());
    }
    std::vector<HealthReport> reports;
    for (const auto& each : parts) {
        if (each) reports.push_back(each->report());
    }
    std::ranges::sort(reports, {},
                      [](const HealthReport& each) { return std::tie(each.part, each.stream); });
    return reports;
}

HealthState Health::state() const {
    HealthState worst = HealthState::kWell;
    for (const HealthReport& each : report()) worst = std::max(worst, each.state);
    return worst;
}

}  // namespace braid
