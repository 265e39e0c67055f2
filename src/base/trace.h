// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace braid {

/// The program's diary, on standard error: one line an entry. Thread-safe. Control characters in
/// values are escaped, so a hostile name cannot forge a line.
enum class TraceLevel : unsigned char { kDebug, kInfo, kWarning, kError };

void write_trace(TraceLevel level, std::string_view component, std::string_view text);
void set_trace_level(TraceLevel least);
/// Tests install a sink to see (and to forbid) lines; an empty function restores standard error.
void set_trace_sink(
    std::function<void(TraceLevel, std::string_view component, std::string_view text)> sink);

template <typename... Args>
void trace(TraceLevel level, std::string_view component, fmt::format_string<Args...> text,
           Args&&... args) {
    write_trace(level, component, fmt::format(text, std::forward<Args>(args)...));
}

}  // namespace braid
