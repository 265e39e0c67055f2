// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error_makers.h"
#include "columnar/text_io.h"
#include "operators/expr/body_internal.h"

namespace braid::operators {

namespace {

using View = std::string_view;

Result<void> join(std::string& out, View array, View separator, std::optional<View> null_text) {
    const ArrayElements elements = TRY(parse_array_text(array));
    bool is_first = true;
    for (const auto& element : elements) {
        if (!element && !null_text) continue;
        if (!is_first) out += separator;
        is_first = false;
        out += element ? View(*element) : *null_text;
        if (out.size() > kTextResultBytesMax) return text_too_long();
    }
    return {};
}

Column array_to_string(Call& call) {
    return map_text<View, View>(call, [](std::string& out, View array, View separator) {
        return join(out, array, separator, std::nullopt);
    });
}

/// Not strict: only a NULL text for NULLs means something.
Column array_to_string_with_nulls(Call& call) {
    TextResult result(call);
    const Reader<View> array = reader<View>(call, 0);
    const Reader<View> separator = reader<View>(call, 1);
    const Reader<View> null_text = reader<View>(call, 2);
    std::string scratch;
    for (size_t row = 0; row < call.rows; ++row) {
        if (!call.is_active(row) || is_null(call, 0, row) || is_null(call, 1, row)) continue;
        if (!call.pace.spend(row_work(array[row]))) break;
        scratch.clear();
        const bool has_text = !is_null(call, 2, row);
        const Result<void> joined = join(scratch, array[row], separator[row],
                                         has_text ? std::optional(null_text[row]) : std::nullopt);
        if (joined) {
            result.set(row, scratch);
        } else {
            result.fail(row, joined.error());
        }
    }
    return result.finish();
}

/// `bound` of the size of a dimension; NULL for one that the array has not.
template <typename F>
Column dimension(Call& call, F bound) {
    return map_nullable<int32_t, View, int32_t>(
        call, [&](View array, int32_t number) -> Result<std::optional<int32_t>> {
            std::vector<int32_t> sizes;
            TRY(parse_array_text(array, &sizes));
            if (number < 1 || static_cast<size_t>(number) > sizes.size()) {
                return std::optional<int32_t>();
            }
            return std::optional(bound(sizes[static_cast<size_t>(number) - 1]));
        });
}

Column array_size(Call& call) {
    return dimension(call, [](int32_t size) { return size; });
}

Column array_lower(Call& call) {
    return dimension(call, [](int32_t) { return 1; });
}

Column cardinality(Call& call) {
    return map_fallible<int32_t, View>(call, [](View array) -> Result<int32_t> {
        const ArrayElements elements = TRY(parse_array_text(array));
        return static_cast<int32_t>(elements.size());
    });
}

Column array_position(Call& call) {
    return map_nullable<int32_t, View, View>(
        call, [](View array, View wanted) -> Result<std::optional<int32_t>> {
            std::vector<int32_t> sizes;
            const ArrayElements elements = TRY(parse_array_text(array, &sizes));
            if (sizes.size() > 1) {
                return unsupported(
                    "searching for elements in multidimensional arrays is not supported");
            }
            const auto found = std::ranges::find_if(
                elements, [&](const auto& element) { return element && *element == wanted; });
            if (found == elements.end()) return std::optional<int32_t>();
            return std::optional(static_cast<int32_t>(found - elements.begin()) + 1);
        });
}

/// SQL's three values: a NULL among the elements may be the one, unless another is. Not strict:
/// nothing is in an empty array.
Column equals_any(Call& call) {
    const Reader<View> array = reader<View>(call, 0);
    const Reader<View> wanted = reader<View>(call, 1);
    std::vector<uint8_t> out(call.rows);
    std::vector<uint8_t> validity(call.rows, 0);
    for (size_t row = 0; row < call.rows; ++row) {
        if (!call.is_active(row) || is_null(call, 0, row)) continue;
        if (!call.pace.spend(row_work(array[row]))) break;
        const Result<ArrayElements> elements = parse_array_text(array[row]);
        if (!elements) {
            call.errors.push_back({static_cast<uint32_t>(row), elements.error()});
            continue;
        }
        bool is_found = false;
        bool is_unsure = is_null(call, 1, row) && !elements->empty();
        for (const std::optional<std::string>& element : *elements) {
            if (!element) {
                is_unsure = true;
            } else if (!is_null(call, 1, row) && *element == wanted[row]) {
                is_found = true;
            }
        }
        out[row] = is_found ? 1 : 0;
        validity[row] = is_found || !is_unsure ? 1 : 0;
    }
    return make_column(call, std::move(out), std::move(validity));
}

}  // namespace

void add_array_bodies(BodyTable& table) {
    for (const char* key : {"array_to_string(_text,text)", "array_to_string(_name,text)",
                            "array_to_string(_aclitem,text)"}) {
        table.add(key, array_to_string);
    }
    table.add("array_to_string(_text,text,text)", array_to_string_with_nulls);
    for (const char* key :
         {"array_length(_text,int4)", "array_length(_name,int4)", "array_upper(_text,int4)"}) {
        table.add(key, array_size);
    }
    table.add("array_lower(_text,int4)", array_lower);
    table.add("cardinality(_text)", cardinality);
    table.add("array:(text)", [](Call& call) {
        return map_text<View>(call, [](std::string& out, View text) -> Result<void> {
            std::vector<int32_t> dimensions;
            const ArrayElements elements = TRY(parse_array_text(text, &dimensions));
            out = format_array_text(elements, dimensions);
            return {};
        });
    });
    table.add("array_position(_text,text)", array_position);
    table.add("=any:(_text,text)", equals_any);
}

}  // namespace braid::operators
