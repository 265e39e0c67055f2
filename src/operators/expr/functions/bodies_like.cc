// SPDX-License-Identifier: Apache-2.0
#include "operators/expr/body_internal.h"
#include "operators/expr/functions/like_internal.h"
#include "operators/expr/functions/utf8_internal.h"
#include "operators/expr/functions/value_errors_internal.h"

namespace braid::operators {

namespace {

using View = std::string_view;

template <bool ignore_case, bool negated>
Column like(Call& call) {
    auto& patterns = call_state<Compiled<LikePattern>>(call);
    const auto text = reader<View>(call, 0);
    const auto pattern = reader<View>(call, 1);
    std::vector<uint8_t> out(call.rows);
    for (size_t row = 0; row < call.rows; ++row) {
        if (!call.is_active(row)) continue;
        if (!call.pace.spend(row_work(text[row], pattern[row]))) break;
        const auto compiled = patterns.get(pattern[row], [](View like) -> Result<LikePattern> {
            return LikePattern(like, ignore_case);
        });
        Result<bool> matches = (*compiled)->matches(text[row], call.pace);
        if (matches.has_value()) {
            out[row] = *matches != negated;
        } else {
            call.errors.push_back({static_cast<uint32_t>(row), std::move(matches).error()});
        }
    }
    return make_column(call, std::move(out));
}

/// A pattern with another escape character as one with '\'.
Result<void> like_escape(std::string& out, View pattern, View escape) {
    if (utf8_length(escape) > 1) {
        return argument_error("22025", "invalid escape string")
            .with_hint("Escape string must be empty or one character.");
    }
    if (escape == "\\") {
        out = pattern;
        return {};
    }
    bool is_escaped = false;
    for (; !pattern.empty(); pattern.remove_prefix(utf8_size(pattern[0]))) {
        const View character = utf8_first(pattern);
        if (character == escape && !is_escaped) {
            out += '\\';
            is_escaped = true;
            continue;
        }
        if (character == "\\" && !is_escaped) out += '\\';
        out.append(character);
        is_escaped = false;
    }
    return {};
}

}  // namespace

void add_like_bodies(BodyTable& table) {
    table.add("~~(text,text)", like<false, false>);
    table.add("!~~(text,text)", like<false, true>);
    table.add("~~*(text,text)", like<true, false>);
    table.add("!~~*(text,text)", like<true, true>);
    table.add("like_escape(text,text)",
              [](Call& call) { return map_text<View, View>(call, like_escape); });
}

}  // namespace braid::operators
