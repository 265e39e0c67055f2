// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <charconv>
#include <vector>

#include "columnar/ascii.h"
#include "operators/expr/body_internal.h"
#include "operators/expr/functions/utf8_internal.h"
#include "operators/expr/functions/value_errors_internal.h"

namespace braid::operators {

namespace {

using View = std::string_view;

char to_upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - ('a' - 'A')) : c; }

template <auto change>
Column change_case(Call& call) {
    return map_text<View>(call, [](std::string& out, View text) {
        out.resize(text.size());
        std::ranges::transform(text, out.begin(), change);
    });
}

Column initial_capitals(Call& call) {
    return map_text<View>(call, [](std::string& out, View text) {
        bool in_word = false;
        for (const char c : text) {
            out += in_word ? ascii::to_lower(c) : to_upper(c);
            in_word = ascii::is_alpha(c) || ascii::is_digit(c);
        }
    });
}

Column character_count(Call& call) {
    return map_total<int32_t, View>(
        call, [](View text) { return static_cast<int32_t>(utf8_length(text)); });
}

/// Where a text begins in another, counted in characters from 1; 0 if it does not occur.
int32_t position_of(View text, View wanted) {
    const size_t at = find_part(text, wanted);
    if (at == View::npos) return 0;
    return static_cast<int32_t>(utf8_length(text.substr(0, at))) + 1;
}

Result<void> replace_all(std::string& out, View text, View from, View to) {
    if (from.empty()) {
        out = text;
        return {};
    }
    while (true) {
        const size_t at = find_part(text, from);
        out.append(text.substr(0, at));
        if (at == View::npos) return {};
        out.append(to);
        if (out.size() > kTextResultBytesMax) return text_too_long();
        text.remove_prefix(at + from.size());
    }
}

/// Each character of `from` becomes the one at its place in `to`, or nothing.
void translate(std::string& out, View text, View from, View to, Pace& pace) {
    for (; !text.empty(); text.remove_prefix(utf8_size(text[0]))) {
        const View character = utf8_first(text);
        View source = from;
        View target = to;
        if (!pace.spend(from.size())) return;
        while (!source.empty() && utf8_first(source) != character) {
            source.remove_prefix(utf8_size(source[0]));
            if (!target.empty()) target.remove_prefix(utf8_size(target[0]));
        }
        if (source.empty()) {
            out.append(character);
        } else if (!target.empty()) {
            out.append(utf8_first(target));
        }
    }
}

Result<void> overlay(std::string& out, View text, View part, int32_t start, int32_t length) {
    if (start <= 0) return argument_error("22011", "negative substring length not allowed");
    int32_t end;
    if (__builtin_add_overflow(start, length, &end)) return out_of_range("integer");
    out.append(utf8_prefix(text, int64_t{start} - 1));
    out.append(part);
    out.append(utf8_suffix_from(text, int64_t{end} - 1));
    return {};
}

/// `count` characters of `fill` over and over.
Result<void> append_fill(std::string& out, View fill, size_t count) {
    View rest = fill;
    for (; count > 0; --count) {
        if (rest.empty()) rest = fill;
        out.append(utf8_first(rest));
        if (out.size() > kTextResultBytesMax) return text_too_long();
        rest.remove_prefix(utf8_size(rest[0]));
    }
    return {};
}

enum class Side : uint8_t { kLeft, kRight };

template <Side side>
Result<void> pad(std::string& out, View text, int32_t wanted, View fill) {
    const View kept = utf8_prefix(text, wanted);
    const auto length = static_cast<int64_t>(utf8_length(kept));
    const size_t missing =
        fill.empty() || wanted <= length ? 0 : static_cast<size_t>(wanted - length);
    if (side == Side::kRight) out.append(kept);
    if (missing > 0) TRY(append_fill(out, fill, missing));
    if (side == Side::kLeft) out.append(kept);
    return {};
}

Result<void> repeat(std::string& out, View text, int32_t count) {
    if (count <= 0 || text.empty()) return {};
    if (text.size() * static_cast<size_t>(count) > kTextResultBytesMax) return text_too_long();
    for (; count > 0; --count) out.append(text);
    return {};
}

void reverse(std::string& out, View text) {
    for (; !text.empty(); text.remove_suffix(utf8_last(text).size())) out.append(utf8_last(text));
}

int32_t first_code(View text) {
    return text.empty() ? 0 : static_cast<int32_t>(utf8_decode(utf8_first(text)));
}

Result<void> character_of(std::string& out, int32_t code) {
    constexpr int32_t kCodePointMax = 0x10FFFF;
    if (code < 0) return bad_parameter("character number must be positive");
    if (code == 0) return argument_error("54000", "null character not permitted");
    if (code > kCodePointMax) {
        return argument_error(
            "54000", "requested character too large for encoding: " + std::to_string(code));
    }
    if (code >= 0xD800 && code <= 0xDFFF) {
        return argument_error(
            "54000", "requested character not valid for encoding: " + std::to_string(code));
    }
    utf8_append(static_cast<uint32_t>(code), out);
    return {};
}

template <typename T>
Column hexadecimal(Call& call) {
    return map_text<T>(call, [](std::string& out, T value) {
        char digits[2 * sizeof(T)];
        const auto bits = static_cast<std::make_unsigned_t<T>>(value);
        const auto end = std::to_chars(digits, digits + sizeof digits, bits, 16).ptr;
        out.assign(digits, end);
    });
}

template <Side side>
void add_pad(BodyTable& table, const std::string& name) {
    table.add(name + "(text,int4)", [](Call& call) {
        return map_text<View, int32_t>(call, [](std::string& out, View text, int32_t wanted) {
            return pad<side>(out, text, wanted, " ");
        });
    });
    table.add(name + "(text,int4,text)",
              [](Call& call) { return map_text<View, int32_t, View>(call, pad<side>); });
}

void add_measures(BodyTable& table) {
    for (const char* name : {"length(text)", "char_length(text)", "character_length(text)"}) {
        table.add_cheap(name, character_count);
    }
    table.add_cheap("octet_length(text)", [](Call& call) {
        return map_total<int32_t, View>(
            call, [](View text) { return static_cast<int32_t>(text.size()); });
    });
    table.add_cheap("bit_length(text)", [](Call& call) {
        return map_total<int32_t, View>(
            call, [](View text) { return static_cast<int32_t>(8 * text.size()); });
    });
    for (const char* name : {"position(text,text)", "strpos(text,text)"}) {
        table.add(name,
                  [](Call& call) { return map_total<int32_t, View, View>(call, position_of); });
    }
    for (const char* name : {"starts_with(text,text)", "^@(text,text)"}) {
        table.add_cheap(name, [](Call& call) {
            return map_total<uint8_t, View, View>(
                call, [](View text, View prefix) { return uint8_t{text.starts_with(prefix)}; });
        });
    }
    table.add_cheap("ascii(text)",
                    [](Call& call) { return map_total<int32_t, View>(call, first_code); });
}

}  // namespace

void add_text_bodies(BodyTable& table) {
    table.add("unknown_setting:(text)", [](Call& call) {
        return map_text<View>(call, [](std::string&, View name) -> Result<void> {
            return argument_error(
                "42704", "unrecognized configuration parameter \"" + std::string(name) + "\"");
        });
    });
    table.add("lower(text)", change_case<ascii::to_lower>);
    table.add("upper(text)", change_case<to_upper>);
    table.add("initcap(text)", initial_capitals);
    table.add("||(text,text)", [](Call& call) {
        return map_text<View, View>(
            call, [](std::string& out, View a, View b) { out.append(a).append(b); });
    });
    table.add("replace(text,text,text)",
              [](Call& call) { return map_text<View, View, View>(call, replace_all); });
    table.add("translate(text,text,text)", [](Call& call) {
        return map_text<View, View, View>(call,
                                          [&](std::string& out, View text, View from, View to) {
                                              translate(out, text, from, to, call.pace);
                                          });
    });
    table.add("overlay(text,text,int4,int4)",
              [](Call& call) { return map_text<View, View, int32_t, int32_t>(call, overlay); });
    table.add("overlay(text,text,int4)", [](Call& call) {
        return map_text<View, View, int32_t>(
            call, [](std::string& out, View text, View part, int32_t start) {
                return overlay(out, text, part, start, static_cast<int32_t>(utf8_length(part)));
            });
    });
    table.add("repeat(text,int4)",
              [](Call& call) { return map_text<View, int32_t>(call, repeat); });
    table.add("reverse(text)", [](Call& call) { return map_text<View>(call, reverse); });
    table.add("chr(int4)", [](Call& call) { return map_text<int32_t>(call, character_of); });
    table.add("to_hex(int4)", hexadecimal<int32_t>);
    table.add("to_hex(int8)", hexadecimal<int64_t>);
    add_pad<Side::kLeft>(table, "lpad");
    add_pad<Side::kRight>(table, "rpad");
    add_measures(table);
}

}  // namespace braid::operators
