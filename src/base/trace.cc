// SPDX-License-Identifier: Apache-2.0
#include "base/trace.h"

#include <atomic>
#include <chrono>
#include <cstdio>
#include <memory>

#include <fmt/chrono.h>

#include "base/mutex.h"

namespace braid {

namespace {

using Sink = std::function<void(TraceLevel, std::string_view, std::string_view)>;

std::atomic<TraceLevel> least_level{TraceLevel::kInfo};

struct SinkPlace {
    Mutex mutex;
    std::shared_ptr<const Sink> sink;
};

/// Never destroyed: threads may trace while the process ends.
SinkPlace& sink_place() {
    static auto* place = new SinkPlace;
    return *place;
}

std::string_view name_of(TraceLevel level) {
    switch (level) {
        case TraceLevel::kDebug:
            return "debug";
        case TraceLevel::kInfo:
            return "info";
        case TraceLevel::kWarning:
            return "warning";
        case TraceLevel::kError:
            return "error";
    }
    return "?";
}

std::string escape(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (const char each : text) {
        const auto byte = static_cast<unsigned char>(each);
        if (byte < 0x20 || byte == 0x7F) {
            out += fmt::format("\\x{:02x}", byte);
        } else {
            out += each;
        }
    }
    return out;
}

void write_line(TraceLevel level, std::string_view component, std::string_view text) {
    const auto now = std::chrono::system_clock::now();
    const auto in_second = now.time_since_epoch() % std::chrono::seconds(1);
    const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(in_second).count();
    const std::string line = fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:06}Z {} {}: {}\n",
                                         fmt::gmtime(std::chrono::system_clock::to_time_t(now)),
                                         micros, name_of(level), component, text);
    std::fwrite(line.data(), 1, line.size(), stderr);  // one call: lines of threads do not mix
}

}  // namespace

void write_trace(TraceLevel level, std::string_view component, std::string_view text) {
    if (level < least_level.load(std::memory_order_relaxed)) return;
    const std::string safe_component = escape(component);
    const std::string safe_text = escape(text);
    std::shared_ptr<const Sink> sink;
    {
        ScopedLock lock(sink_place().mutex);
        sink = sink_place().sink;
    }
    if (sink) {
        (*sink)(level, safe_component, safe_text);
    } else {
        write_line(level, safe_component, safe_text);
    }
}

void set_trace_level(TraceLevel least) { least_level.store(least); }

void set_trace_sink(Sink sink) {
    ScopedLock lock(sink_place().mutex);
    sink_place().sink = sink ? std::make_shared<const Sink>(std::move(sink)) : nullptr;
}

}  // namespace braid
