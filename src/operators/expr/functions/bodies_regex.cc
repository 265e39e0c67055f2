// SPDX-License-Identifier: Apache-2.0
#include <array>

#include "base/check.h"
#include "columnar/ascii.h"
#include "operators/expr/body_internal.h"
#include "operators/expr/functions/regex_internal.h"
#include "operators/expr/functions/utf8_internal.h"
#include "operators/expr/functions/value_errors_internal.h"

namespace braid::operators {

namespace {

using View = std::string_view;
/// The whole match and what \1 to \9 can name.
using Groups = std::array<View, 10>;

/// Compiled patterns of one call site, by pattern and flags.
class Patterns {
  public:
    Result<const Regex*> get(View pattern, View letters, bool needs_extent, Pace& pace) {
        key_.assign(letters).append(1, '\0').append(pattern);
        return compiled_.get(key_, [&](View) -> Result<Regex> {
            pace.spend(kCompileWork);
            const RegexFlags flags = TRY(parse_regex_flags(letters));
            return Regex::compile(pattern, flags, needs_extent);
        });
    }

  private:
    /// A pattern of a few bytes may take milliseconds.
    static constexpr size_t kCompileWork = size_t{64} << 10;

    std::string key_;
    Compiled<Regex> compiled_;
};

Column match_each(Call& call, View letters, bool negated) {
    auto& patterns = call_state<Patterns>(call);
    const auto text = reader<View>(call, 0);
    const auto pattern = reader<View>(call, 1);
    std::vector<uint8_t> out(call.rows);
    for (size_t row = 0; row < call.rows; ++row) {
        if (!call.is_active(row)) continue;
        if (!call.pace.spend(row_work(text[row], pattern[row]))) break;
        Result<const Regex*> regex = patterns.get(pattern[row], letters, false, call.pace);
        if (regex.has_value()) {
            out[row] = (*regex)->matches(text[row]) != negated;
        } else {
            call.errors.push_back({static_cast<uint32_t>(row), std::move(regex).error()});
        }
    }
    return make_column(call, std::move(out));
}

Column regexp_like(Call& call) {
    auto& patterns = call_state<Patterns>(call);
    return map_fallible<uint8_t, View, View, View>(
        call, [&](View text, View pattern, View letters) -> Result<uint8_t> {
            if (letters.find('g') != View::npos) {
                return bad_parameter("regexp_like() does not support the \"global\" option");
            }
            return uint8_t{TRY(patterns.get(pattern, letters, false, call.pace))->matches(text)};
        });
}

/// The text at an address: RE2 says of an empty part without one that it took no part.
View with_address(View text) { return text.data() == nullptr ? View("") : text; }

size_t offset_in(View text, View part) { return static_cast<size_t>(part.data() - text.data()); }

/// Calls `visit(groups)` for each match from the left, until it returns false or the statement must
/// end. After an empty match the search goes on one character later. Each search may read all that
/// is left.
template <typename F>
void for_each_match(const Regex& regex, View text, Pace& pace, F visit) {
    CHECK(text.data() != nullptr);
    Groups groups;
    size_t from = 0;
    while (from <= text.size() && regex.find(text, from, groups)) {
        if (!pace.spend(text.size() - from) || !visit(groups)) return;
        const size_t end = offset_in(text, groups[0]) + groups[0].size();
        from = end;
        if (groups[0].empty()) from += end < text.size() ? utf8_size(text[end]) : 1;
    }
}

Column regexp_count(Call& call) {
    auto& patterns = call_state<Patterns>(call);
    return map_fallible<int32_t, View, View>(call, [&](View text, View pattern) -> Result<int32_t> {
        const Regex* regex = TRY(patterns.get(pattern, "", true, call.pace));
        int32_t count = 0;
        for_each_match(*regex, with_address(text), call.pace,
                       [&](const Groups&) { return ++count > 0; });
        return count;
    });
}

/// The first match, or its first group where there is one: a view, or NULL.
template <bool use_group>
Column substring_match(Call& call) {
    auto& patterns = call_state<Patterns>(call);
    const auto text = reader<View>(call, 0);
    const auto pattern = reader<View>(call, 1);
    TextResult result(call);
    Groups groups;
    for (size_t row = 0; row < call.rows; ++row) {
        if (!call.is_active(row)) continue;
        if (!call.pace.spend(row_work(text[row], pattern[row]))) break;
        Result<const Regex*> regex = patterns.get(pattern[row], "", true, call.pace);
        if (!regex.has_value()) {
            result.fail(row, std::move(regex).error());
            continue;
        }
        if (!(*regex)->find(with_address(text[row]), 0, groups)) continue;
        const View part = groups[use_group && (*regex)->group_count() > 0 ? 1 : 0];
        if (part.data() != nullptr) result.set_view(row, part);
    }
    return result.finish();
}

/// The replacement with \1 … \9, \& and \\ filled in; any other backslash stands for itself. Not
/// all of it where `out` becomes too long: each \1 may be a text as long as any.
void append_replacement(View replacement, const Groups& groups, std::string& out) {
    while (out.size() <= kTextResultBytesMax) {
        const size_t at = replacement.find('\\');
        out.append(replacement.substr(0, at));
        if (at == View::npos) return;
        replacement.remove_prefix(at + 1);
        const char c = replacement.empty() ? '\0' : replacement[0];
        if (c >= '1' && c <= '9') {
            out.append(groups[static_cast<size_t>(c - '0')]);
        } else if (c == '&') {
            out.append(groups[0]);
        } else {
            out += '\\';
            if (c != '\\') continue;
        }
        replacement.remove_prefix(1);
    }
}

Result<void> replace_matches(std::string& out, View text, const Regex& regex, View replacement,
                             bool is_global, Pace& pace) {
    text = with_address(text);
    size_t copied = 0;
    bool is_too_long = false;
    for_each_match(regex, text, pace, [&](const Groups& groups) {
        const size_t begin = offset_in(text, groups[0]);
        out.append(text.substr(copied, begin - copied));
        append_replacement(replacement, groups, out);
        copied = begin + groups[0].size();
        is_too_long = out.size() > kTextResultBytesMax;
        return is_global && !is_too_long;
    });
    if (is_too_long) return text_too_long();
    out.append(text.substr(copied));
    return {};
}

Column regexp_replace(Call& call) {
    auto& patterns = call_state<Patterns>(call);
    return map_text<View, View, View>(
        call, [&](std::string& out, View text, View pattern, View replacement) -> Result<void> {
            const Regex* regex = TRY(patterns.get(pattern, "", true, call.pace));
            return replace_matches(out, text, *regex, replacement, false, call.pace);
        });
}

Column regexp_replace_flags(Call& call) {
    auto& patterns = call_state<Patterns>(call);
    return map_text<View, View, View, View>(
        call,
        [&](std::string& out, View text, View pattern, View replacement,
            View letters) -> Result<void> {
            if (!letters.empty() && ascii::is_digit(letters[0])) {
                return bad_parameter("invalid regular expression option: \"" +
                                     std::string(1, letters[0]) + "\"");
            }
            const Regex* regex = TRY(patterns.get(pattern, letters, true, call.pace));
            return replace_matches(out, text, *regex, replacement, letters.find('g') != View::npos,
                                   call.pace);
        });
}

}  // namespace

void add_regex_bodies(BodyTable& table) {
    table.add("~(text,text)", [](Call& call) { return match_each(call, "", false); });
    table.add("!~(text,text)", [](Call& call) { return match_each(call, "", true); });
    table.add("~*(text,text)", [](Call& call) { return match_each(call, "i", false); });
    table.add("!~*(text,text)", [](Call& call) { return match_each(call, "i", true); });
    table.add("regexp_like(text,text)", [](Call& call) { return match_each(call, "", false); });
    table.add("regexp_like(text,text,text)", regexp_like);
    table.add("regexp_count(text,text)", regexp_count);
    table.add("regexp_substr(text,text)", substring_match<false>);
    table.add("substring(text,text)", substring_match<true>);
    table.add("regexp_replace(text,text,text)", regexp_replace);
    table.add("regexp_replace(text,text,text,text)", regexp_replace_flags);
}

}  // namespace braid::operators
