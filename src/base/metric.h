// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"

namespace braid {

/// A number that others may read at any time. Lock-free.
class Metric {
  public:
    void add(int64_t delta) { value_.fetch_add(delta, std::memory_order_relaxed); }
    void set(int64_t value) { value_.store(value, std::memory_order_relaxed); }
    int64_t get() const { return value_.load(std::memory_order_relaxed); }

  private:
    std::atomic<int64_t> value_{0};
};

/// All metrics of a process by name and labels, in the Prometheus text format on request.
/// Thread-safe; a returned reference lives as long as the registry.
class Metrics {
  public:
    enum class Kind : uint8_t { kCounter, kGauge };

    /// `labels` is the text between the braces, e.g. `table="access"`; may be empty.
    Metric& get(const std::string& name, Kind kind, const std::string& help,
                const std::string& labels = "");
    /// Calls who has to look before there is something to tell, then writes.
    std::string to_prometheus() const;
    /// Called before each time that the metrics are read, by whoever reads: perhaps by several
    /// threads at a time. For what is only known by looking.
    void on_read(std::function<void()> look);

  private:
    struct Family {
        Kind kind;
        std::string help;
        std::map<std::string, std::unique_ptr<Metric>> by_labels;
    };
    mutable Mutex mutex_;
    std::map<std::string, Family> families_;
    std::vector<std::function<void()>> looks_;
};

}  // namespace braid
