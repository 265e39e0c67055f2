// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace braid::manifest {

/// Appends JSON (RFC 8259) to a string. The caller keeps keys and values in order; commas, colons
/// and escapes come by themselves. Text must be UTF-8: it is escaped, not checked. Containers down
/// to `broken_levels` levels put each element on a line of its own, so that people can read the
/// file.
class JsonWriter {
  public:
    explicit JsonWriter(std::string& out, int broken_levels = 0)
        : out_(out), broken_levels_(broken_levels) {}

    void begin_object() { begin('{'); }
    void end_object() { end('}'); }
    void begin_array() { begin('['); }
    /// On one line with all that is in it, whatever its level.
    void begin_short_array();
    void end_array() { end(']'); }
    void key(std::string_view name);

    void text(std::string_view value);
    void boolean(bool value);
    /// As a number with the fewest digits that read back the same; null when it is not finite.
    void number(double value);
    template <typename T>
        requires(std::is_integral_v<T> && !std::is_same_v<T, bool>)
    void number(T value) {
        if constexpr (std::is_signed_v<T>) {
            signed_number(value);
        } else {
            unsigned_number(value);
        }
    }
    void null();
    /// Lower-case hex digits of any bytes, as text.
    void hex(std::string_view bytes);

    template <typename T>
    void field(std::string_view name, const T& value) {
        key(name);
        if constexpr (std::is_same_v<T, bool>) {
            boolean(value);
        } else if constexpr (std::is_arithmetic_v<T>) {
            number(value);
        } else {
            text(value);
        }
    }

  private:
    void begin(char bracket);
    void end(char bracket);
    void before_value();
    bool is_broken() const;
    void line_break();
    void quoted(std::string_view value);
    void signed_number(int64_t value);
    void unsigned_number(uint64_t value);

    std::string& out_;
    const int broken_levels_;
    int depth_ = 0;
    int short_depth_ = 0;     // of the outermost short array that is open, else 0
    bool first_ = true;       // nothing stands in the innermost container yet
    bool after_key_ = false;  // the next value belongs to a key
};

}  // namespace braid::manifest
