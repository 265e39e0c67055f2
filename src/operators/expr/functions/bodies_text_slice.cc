// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstring>

#include "operators/expr/body_internal.h"
#include "operators/expr/functions/utf8_internal.h"
#include "operators/expr/functions/value_errors_internal.h"

/// Functions that give a part of a text: their results are views, no byte is copied.
namespace braid::operators {

namespace {

using View = std::string_view;

View left_part(View text, int32_t count) {
    if (count >= 0) return utf8_prefix(text, count);
    return utf8_prefix(text, static_cast<int64_t>(utf8_length(text)) + count);
}

View right_part(View text, int32_t count) {
    if (count < 0) return utf8_suffix_from(text, -int64_t{count});
    return utf8_suffix_from(text, static_cast<int64_t>(utf8_length(text)) - count);
}

View substring_from(View text, int32_t start) { return utf8_suffix_from(text, int64_t{start} - 1); }

Column substring_from_for(Call& call) {
    const auto text = reader<View>(call, 0);
    const auto start = reader<int32_t>(call, 1);
    const auto length = reader<int32_t>(call, 2);
    TextResult result(call);
    for (size_t row = 0; row < call.rows; ++row) {
        if (!call.is_active(row)) continue;
        if (!call.pace.spend(row_work(text[row]))) break;
        if (length[row] < 0) {
            result.fail(row, argument_error("22011", "negative substring length not allowed"));
            continue;
        }
        // Characters before the first count, though there are none.
        const int64_t begin = int64_t{start[row]} - 1;
        const int64_t end = begin + length[row];
        const View rest = utf8_suffix_from(text[row], begin);
        result.set_view(row, utf8_prefix(rest, end - std::max<int64_t>(begin, 0)));
    }
    return result.finish();
}

/// Field `number` (from 1) of a text whose delimiter is not empty.
template <typename Find>
View nth_field(View text, int64_t number, size_t delimiter_size, Find find) {
    while (true) {
        const size_t at = find(text);
        if (number == 1) return text.substr(0, at);
        if (at == View::npos) return {};
        text.remove_prefix(at + delimiter_size);
        --number;
    }
}

/// Where a part of several bytes occurs last; nowhere, too, once the statement must end.
size_t find_last(View text, View part, Pace& pace) {
    if (text.size() < part.size()) return View::npos;
    for (size_t at = text.size() - part.size() + 1; at-- > 0;) {
        if (text[at] != part[0]) continue;
        if (!pace.spend(part.size())) return View::npos;
        if (text.substr(at, part.size()) == part) return at;
    }
    return View::npos;
}

/// Field `number` from the end, 1 = the last.
View nth_field_from_end(View text, View delimiter, int64_t number, Pace& pace) {
    while (true) {
        const size_t at = find_last(text, delimiter, pace);
        if (number == 1) return at == View::npos ? text : text.substr(at + delimiter.size());
        if (at == View::npos) return {};
        text = text.substr(0, at);
        --number;
    }
}

size_t find_byte(View text, char byte) {
    if (text.empty()) return View::npos;
    const void* found = std::memchr(text.data(), byte, text.size());
    return found == nullptr ? View::npos
                            : static_cast<size_t>(static_cast<const char*>(found) - text.data());
}

View split_part(View text, View delimiter, int32_t number, Pace& pace) {
    if (text.empty()) return {};
    if (delimiter.empty()) return number == 1 || number == -1 ? text : View();
    if (number < 0) return nth_field_from_end(text, delimiter, -int64_t{number}, pace);
    if (delimiter.size() == 1) {
        const char byte = delimiter[0];
        return nth_field(text, number, 1, [byte](View rest) { return find_byte(rest, byte); });
    }
    return nth_field(text, number, delimiter.size(),
                     [delimiter](View rest) { return find_part(rest, delimiter); });
}

Column split_parts(Call& call) {
    const auto text = reader<View>(call, 0);
    const auto delimiter = reader<View>(call, 1);
    const auto number = reader<int32_t>(call, 2);
    TextResult result(call);
    for (size_t row = 0; row < call.rows; ++row) {
        if (!call.is_active(row)) continue;
        if (!call.pace.spend(row_work(text[row], delimiter[row]))) break;
        if (number[row] == 0) {
            result.fail(row, bad_parameter("field position must not be zero"));
        } else {
            result.set_view(row, split_part(text[row], delimiter[row], number[row], call.pace));
        }
    }
    return result.finish();
}

bool contains_character(View set, View character, Pace& pace) {
    if (!pace.spend(set.size())) return false;
    for (; !set.empty(); set.remove_prefix(utf8_size(set[0]))) {
        if (utf8_first(set) == character) return true;
    }
    return false;
}

View trim_left(View text, View set, Pace& pace) {
    while (!text.empty() && contains_character(set, utf8_first(text), pace)) {
        text.remove_prefix(utf8_size(text[0]));
    }
    return text;
}
View trim_right(View text, View set, Pace& pace) {
    while (!text.empty() && contains_character(set, utf8_last(text), pace)) {
        text.remove_suffix(utf8_last(text).size());
    }
    return text;
}
View trim_both(View text, View set, Pace& pace) {
    return trim_right(trim_left(text, set, pace), set, pace);
}

template <auto trim>
void add_trim(BodyTable& table, const std::string& name) {
    table.add(name + "(text)", [](Call& call) {
        return map_slice<View>(call, [&](View text) { return trim(text, View(" "), call.pace); });
    });
    table.add(name + "(text,text)", [](Call& call) {
        return map_slice<View, View>(
            call, [&](View text, View set) { return trim(text, set, call.pace); });
    });
}

}  // namespace

void add_text_slice_bodies(BodyTable& table) {
    table.add("left(text,int4)",
              [](Call& call) { return map_slice<View, int32_t>(call, left_part); });
    table.add("right(text,int4)",
              [](Call& call) { return map_slice<View, int32_t>(call, right_part); });
    for (const char* name : {"substring", "substr"}) {
        table.add(std::string(name) + "(text,int4)",
                  [](Call& call) { return map_slice<View, int32_t>(call, substring_from); });
        table.add(std::string(name) + "(text,int4,int4)", substring_from_for);
    }
    table.add("split_part(text,text,int4)", split_parts);
    add_trim<trim_both>(table, "btrim");
    add_trim<trim_left>(table, "ltrim");
    add_trim<trim_right>(table, "rtrim");
}

}  // namespace braid::operators
