// SPDX-License-Identifier: Apache-2.0
#include "base/metric.h"

#include <utility>

#include <fmt/format.h>

#include "base/check.h"

namespace braid {

namespace {

/// Help texts are one line in the format.
std::string escape_help(const std::string& help) {
    std::string out;
    for (const char each : help) {
        if (each == '\\') {
            out += "\\\\";
        } else if (each == '\n') {
            out += "\\n";
        } else {
            out += each;
        }
    }
    return out;
}

}  // namespace

Metric& Metrics::get(const std::string& name, Kind kind, const std::string& help,
                     const std::string& labels) {
    ScopedLock lock(mutex_);
    auto [family, fresh] = families_.try_emplace(name);
    if (fresh) {
        family->second.kind = kind;
        family->second.help = help;
    }
    CHECK(family->second.kind == kind);
    std::unique_ptr<Metric>& metric = family->second.by_labels[labels];
    if (!metric) metric = std::make_unique<Metric>();
    return *metric;
}

void Metrics::on_read(std::function<void()> look) {
    ScopedLock lock(mutex_);
    looks_.push_back(std::move(look));
}

std::string Metrics::to_prometheus() const {
    std::vector<std::function<void()>> looks;
    {
        ScopedLock lock(mutex_);
        looks = looks_;
    }
    for (const auto& look : looks) look();
    ScopedLock lock(mutex_);
    std::string out;
    for (const auto& [name, family] : families_) {
        const char* kind = family.kind == Kind::kCounter ? "counter" : "gauge";
        out +=
            fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, escape_help(family.help), name, kind);
        for (const auto& [labels, metric] : family.by_labels) {
            out += labels.empty() ? fmt::format("{} {}\n", name, metric->get())
                                  : fmt::format("{}{{{}}} {}\n", name, labels, metric->get());
        }
    }
    return out;
}

}  // namespace braid
