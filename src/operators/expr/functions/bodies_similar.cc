// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <utility>
#include <vector>

#include "operators/expr/body_internal.h"
#include "operators/expr/functions/regex_internal.h"
#include "operators/expr/functions/utf8_internal.h"
#include "operators/expr/functions/value_errors_internal.h"

// SQL's regular expressions: SIMILAR TO, and SUBSTRING(text SIMILAR pattern ESCAPE escape).

namespace braid::operators {

namespace {

using View = std::string_view;

/// The escape and a quote cut a pattern into what stands before the wanted part, the part, and what
/// stands behind it.
constexpr size_t kPartsMax = 3;
/// Where a pattern has parts, each place of the text is tried as their border.
constexpr size_t kCutTextBytesMax = size_t{16} << 10;

/// The parts of a pattern as regular expressions, unanchored; escape empty = none.
Result<std::vector<std::string>> similar_parts(View pattern, View escape) {
    if (utf8_length(escape) > 1) {
        return argument_error("22025", "invalid escape string")
            .with_hint("Escape string must be empty or one character.");
    }
    std::vector<std::string> parts(1);
    bool is_escaped = false;
    bool in_brackets = false;
    for (; !pattern.empty(); pattern.remove_prefix(utf8_size(pattern[0]))) {
        const View c = utf8_first(pattern);
        std::string& out = parts.back();
        if (std::exchange(is_escaped, false)) {
            if (c != "\"" || in_brackets) {
                out.append("\\").append(c);
                continue;
            }
            if (parts.size() == kPartsMax) {
                return argument_error("2200C",
                                      "SQL regular expression may not contain more than two "
                                      "escape-double-quote separators");
            }
            parts.emplace_back();
        } else if (!escape.empty() && c == escape) {
            is_escaped = true;
        } else if (in_brackets) {
            if (c == "\\") out += '\\';
            out.append(c);
            in_brackets = c != "]";
        } else if (c == "[") {
            out.append(c);
            in_brackets = true;
        } else if (c == "%") {
            out += ".*";
        } else if (c == "_") {
            out += '.';
        } else if (c == "(") {
            out += "(?:";
        } else if (c == "\\" || c == "." || c == "^" || c == "$") {
            out.append("\\").append(c);
        } else {
            out.append(c);
        }
    }
    return parts;
}

/// SIMILAR TO's pattern as one for ~. With parts it is the pattern that PostgreSQL makes of them.
Result<void> similar_to_regex(std::string& out, View pattern, View escape) {
    const std::vector<std::string> parts = TRY(similar_parts(pattern, escape));
    out = "^(?:" + parts[0];
    if (parts.size() > 1) out += "){1,1}?(" + parts[1];
    if (parts.size() > 2) out += "){1,1}(?:" + parts[2];
    out += ")$";
    return {};
}

/// A pattern for SUBSTRING: the part before the wanted one takes as little as it can, the wanted
/// one then as much as it can.
class CutPattern {
  public:
    static Result<CutPattern> compile(View pattern, View escape) {
        CutPattern out;
        const std::vector<std::string> parts = TRY(similar_parts(pattern, escape));
        for (const std::string& part : parts) out.parts_.push_back(TRY(whole(part)));
        if (parts.size() == kPartsMax) out.rest_ = TRY(rest_of(parts[1] + ")(?:" + parts[2]));
        if (parts.size() == 2) out.rest_ = TRY(rest_of(parts[1]));
        return out;
    }

    /// False if the text does not match, or the statement must end.
    Result<bool> find(View text, View& found, Pace& pace) const {
        found = text;
        if (parts_.size() == 1) return parts_[0].matches(text);
        if (text.size() > kCutTextBytesMax) {
            return argument_error("54000", "text of more than " + std::to_string(kCutTextBytesMax) +
                                               " bytes for a pattern with parts")
                .with_hint("Cut it first, or use a regular expression with a group.");
        }
        const size_t end = text.size();
        for (size_t from = 0; from <= end; from += from < end ? utf8_size(text[from]) : 1) {
            if (!pace.spend(text.size())) return false;
            if (!rest_.front().matches(text.substr(from))) continue;
            if (!parts_[0].matches(text.substr(0, from))) continue;
            found = text.substr(from);
            return parts_.size() == 2 || cut_end(text, from, found, pace);
        }
        return false;
    }

  private:
    static Result<Regex> whole(const std::string& part) {
        return Regex::compile("^(?:" + part + ")$", {}, false);
    }
    static Result<std::vector<Regex>> rest_of(const std::string& part) {
        std::vector<Regex> out;
        out.push_back(TRY(whole(part)));
        return out;
    }
    bool cut_end(View text, size_t from, View& found, Pace& pace) const {
        for (size_t to = text.size();; --to) {
            if (!pace.spend(text.size())) return false;
            const bool is_border = to == text.size() || !is_utf8_continuation(text[to]);
            found = text.substr(from, to - from);
            if (is_border && parts_[2].matches(text.substr(to)) && parts_[1].matches(found)) {
                return true;
            }
            if (to == from) return false;
        }
    }

    std::vector<Regex> parts_;
    std::vector<Regex> rest_;  // all behind the first part; empty if that is all
};

Column substring_similar(Call& call) {
    auto& patterns = call_state<Compiled<CutPattern>>(call);
    const auto text = reader<View>(call, 0);
    const auto pattern = reader<View>(call, 1);
    const auto escape = reader<View>(call, 2);
    TextResult result(call);
    std::string key;
    for (size_t row = 0; row < call.rows; ++row) {
        if (!call.is_active(row)) continue;
        if (!call.pace.spend(row_work(text[row], pattern[row]))) break;
        key.assign(escape[row]).append(1, '\0').append(pattern[row]);
        Result<const CutPattern*> compiled =
            patterns.get(key, [&](View) { return CutPattern::compile(pattern[row], escape[row]); });
        if (!compiled.has_value()) {
            result.fail(row, std::move(compiled).error());
            continue;
        }
        View found;
        Result<bool> is_found = (*compiled)->find(text[row], found, call.pace);
        if (!is_found.has_value()) {
            result.fail(row, std::move(is_found).error());
        } else if (*is_found) {
            result.set_view(row, found);
        }
    }
    return result.finish();
}

}  // namespace

void add_similar_bodies(BodyTable& table) {
    table.add("similar_to_escape(text)", [](Call& call) {
        return map_text<View>(call, [](std::string& out, View pattern) {
            return similar_to_regex(out, pattern, "\\");
        });
    });
    table.add("similar_to_escape(text,text)",
              [](Call& call) { return map_text<View, View>(call, similar_to_regex); });
    table.add("substring(text,text,text)", substring_similar);
}

}  // namespace braid::operators
