// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "base/error_makers.h"
#include "columnar/ascii.h"
#include "operators/expr/functions/regex_internal.h"
#include "operators/expr/functions/utf8_internal.h"
#include "operators/expr/functions/value_errors_internal.h"

namespace braid::operators {

namespace {

using View = std::string_view;

constexpr int kRepeatMax = 255;  // PostgreSQL's
constexpr uint32_t kCodePointMax = 0x10FFFF;

Error invalid_regex(std::string reason) {
    return argument_error("2201B", "invalid regular expression: " + std::move(reason));
}
Error beyond_re2(View what) {
    return unsupported("regular expressions with {} are not supported", what)
        .with_detail("Patterns are run by RE2, whose time is linear in the text.");
}

bool is_word(uint32_t c) {
    const char byte = static_cast<char>(c);
    return c < 0x80 && (ascii::is_alpha(byte) || ascii::is_digit(byte) || byte == '_');
}
bool is_letter(uint32_t c) { return c < 0x80 && ascii::is_alpha(static_cast<char>(c)); }
uint32_t other_case(uint32_t letter) { return letter ^ 0x20; }

int hex_value(char c) {
    if (ascii::is_digit(c)) return c - '0';
    const char lower = ascii::to_lower(c);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

void append_code(uint32_t c, std::string& out) {
    if (is_word(c)) {
        out += static_cast<char>(c);
    } else {
        fmt::format_to(std::back_inserter(out), "\\x{{{:x}}}", c);
    }
}

constexpr std::array<View, 13> kClassNames = {"alnum", "alpha", "blank", "cntrl", "digit",
                                              "graph", "lower", "print", "punct", "space",
                                              "upper", "word",  "xdigit"};

/// Recursive descent over the pattern; recursion is bounded by kDepthMax.
class Translator {
  public:
    Translator(View pattern, RegexFlags flags) : rest_(pattern), flags_(flags) {}

    Result<RegexSyntax> run() {
        TRY(take_prefixes());
        if (flags_.is_literal) {
            while (!rest_.empty()) emit_literal(take_code());
        } else {
            TRY(alternatives(0));
            if (!rest_.empty()) return invalid_regex("parentheses () not balanced");
        }
        syntax_.re2 = std::move(out_);
        return std::move(syntax_);
    }

  private:
    static constexpr int kDepthMax = 200;

    Result<void> take_prefixes();
    Result<void> alternatives(int depth);
    Result<void> branch(int depth);
    /// An atom, or an anchor: then false, for it takes no quantifier.
    Result<bool> atom(int depth);
    Result<bool> group(int depth);
    Result<void> quantifier();
    Result<std::pair<int, int>> bounds();
    Result<bool> escape();
    Result<uint32_t> character_escape(char letter);
    Result<uint32_t> hex_digits(size_t min, size_t max);
    Result<uint32_t> octal_escape(char first);
    Result<bool> word_edge(bool is_start);
    Result<void> bracket();
    Result<void> bracket_item(std::string& set);
    Result<std::optional<uint32_t>> bracket_bound(std::string& set);
    void add_range(uint32_t low, uint32_t high, std::string& set) const;
    void add_class(View name, std::string& set) const;

    bool at(View text) const { return rest_.starts_with(text); }
    bool skip(View text) {
        if (!at(text)) return false;
        rest_.remove_prefix(text.size());
        return true;
    }
    uint32_t take_code() {
        const View character = utf8_first(rest_);
        rest_.remove_prefix(character.size());
        return utf8_decode(character);
    }
    void skip_ignored();
    void emit_literal(uint32_t c) {
        if (flags_.ignore_case && is_letter(c)) {
            out_ += '[';
            append_code(c, out_);
            append_code(other_case(c), out_);
            out_ += ']';
        } else {
            append_code(c, out_);
        }
        ends_in_word_ = is_word(c);
    }

    View rest_;
    RegexFlags flags_;
    std::string out_;
    RegexSyntax syntax_;
    bool ends_in_word_ = false;  // the last atom surely ended with a word character
};

/// "***=", "***:" and "(?letters)", which may only stand at the start.
Result<void> Translator::take_prefixes() {
    if (skip("***=")) {
        flags_.is_literal = true;
        return {};
    }
    if (!skip("***:") && at("***")) return invalid_regex("quantifier operand invalid");
    const bool has_options =
        !flags_.is_literal && at("(?") && rest_.size() > 2 && ascii::is_alpha(rest_[2]);
    if (!has_options) return {};
    const size_t end = rest_.find(')');
    if (end == View::npos) return invalid_regex("invalid embedded option");
    for (const char letter : rest_.substr(2, end - 2)) {
        switch (letter) {
            case 'i':
                flags_.ignore_case = true;
                break;
            case 'c':
                flags_.ignore_case = false;
                break;
            case 'n':
            case 'm':
                flags_.dot_stops_at_newline = flags_.anchors_at_newline = true;
                break;
            case 'p':
                flags_.dot_stops_at_newline = true;
                flags_.anchors_at_newline = false;
                break;
            case 'w':
                flags_.dot_stops_at_newline = false;
                flags_.anchors_at_newline = true;
                break;
            case 's':
                flags_.dot_stops_at_newline = flags_.anchors_at_newline = false;
                break;
            case 'q':
                flags_.is_literal = true;
                break;
            case 'x':
                flags_.is_expanded = true;
                break;
            case 't':
                flags_.is_expanded = false;
                break;
            case 'b':
            case 'e':
                return beyond_re2("the embedded option b or e");
            default:
                return invalid_regex("invalid embedded option");
        }
    }
    rest_.remove_prefix(end + 1);
    return {};
}

void Translator::skip_ignored() {
    while (true) {
        if (at("(?#")) {
            const size_t end = rest_.find(')');
            rest_.remove_prefix(end == View::npos ? rest_.size() : end + 1);
        } else if (flags_.is_expanded && !rest_.empty() && ascii::is_space(rest_[0])) {
            rest_.remove_prefix(1);
        } else if (flags_.is_expanded && at("#")) {
            rest_.remove_prefix(std::min(rest_.find('\n'), rest_.size()));
        } else {
            return;
        }
    }
}

Result<void> Translator::alternatives(int depth) {
    if (depth > kDepthMax) return invalid_regex("regular expression is too complex");
    while (true) {
        ends_in_word_ = false;
        TRY(branch(depth));
        if (!skip("|")) return {};
        syntax_.has_alternation = true;
        out_ += '|';
    }
}

Result<void> Translator::branch(int depth) {
    bool can_repeat = false;
    while (true) {
        skip_ignored();
        if (rest_.empty() || rest_[0] == '|') return {};
        if (rest_[0] == ')') {
            if (depth > 0) return {};
            return invalid_regex("parentheses () not balanced");
        }
        const bool is_bound = rest_[0] == '{' && rest_.size() > 1 && ascii::is_digit(rest_[1]);
        if (rest_[0] == '*' || rest_[0] == '+' || rest_[0] == '?' || is_bound) {
            if (!can_repeat) return invalid_regex("quantifier operand invalid");
            TRY(quantifier());
            can_repeat = false;
            continue;
        }
        can_repeat = TRY(atom(depth));
    }
}

Result<bool> Translator::atom(int depth) {
    const char c = rest_[0];
    switch (c) {
        case '(':
            return group(depth);
        case '[':
            if (skip("[[:<:]]")) return word_edge(true);
            if (skip("[[:>:]]")) return word_edge(false);
            TRY(bracket());
            ends_in_word_ = false;
            return true;
        case '\\':
            return escape();
        case '.':
            rest_.remove_prefix(1);
            out_ += flags_.dot_stops_at_newline ? "[^\\n]" : ".";
            ends_in_word_ = false;
            return true;
        case '^':
            rest_.remove_prefix(1);
            out_ += flags_.anchors_at_newline ? "(?m:^)" : "\\A";
            return false;
        case '$':
            rest_.remove_prefix(1);
            out_ += flags_.anchors_at_newline ? "(?m:$)" : "\\z";
            return false;
        default:
            emit_literal(take_code());
            return true;
    }
}

Result<bool> Translator::group(int depth) {
    rest_.remove_prefix(1);
    if (at("?=") || at("?!") || at("?<=") || at("?<!")) return beyond_re2("lookaround");
    if (skip("?:")) {
        out_ += "(?:";
    } else if (at("?")) {
        return invalid_regex("quantifier operand invalid");
    } else {
        out_ += '(';
        ++syntax_.groups;
    }
    TRY(alternatives(depth + 1));
    if (!skip(")")) return invalid_regex("parentheses () not balanced");
    out_ += ')';
    ends_in_word_ = false;
    return true;
}

Result<std::pair<int, int>> Translator::bounds() {
    const auto number = [&]() -> std::optional<int> {
        int value = 0;
        size_t digits = 0;
        while (digits < rest_.size() && ascii::is_digit(rest_[digits]) && value <= kRepeatMax) {
            value = value * 10 + (rest_[digits++] - '0');
        }
        rest_.remove_prefix(digits);
        return digits == 0 ? std::nullopt : std::optional(value);
    };
    rest_.remove_prefix(1);
    const int low = number().value_or(0);
    int high = low;
    if (skip(",")) high = number().value_or(-1);
    if (low > kRepeatMax || high > kRepeatMax) return invalid_regex("invalid repetition count(s)");
    if (high >= 0 && low > high) return invalid_regex("invalid repetition count(s)");
    if (!skip("}")) return invalid_regex("invalid repetition count(s)");
    return std::pair(low, high);
}

Result<void> Translator::quantifier() {
    const char c = rest_[0];
    bool is_fixed = false;
    bool may_be_none = c == '*' || c == '?';
    if (c == '{') {
        const auto [low, high] = TRY(bounds());
        is_fixed = low == high;
        may_be_none = low == 0;
        if (is_fixed) {
            fmt::format_to(std::back_inserter(out_), "{{{}}}", low);
        } else if (high < 0) {
            fmt::format_to(std::back_inserter(out_), "{{{},}}", low);
        } else {
            fmt::format_to(std::back_inserter(out_), "{{{},{}}}", low, high);
        }
    } else {
        rest_.remove_prefix(1);
        out_ += c;
    }
    const bool is_lazy = skip("?");
    if (is_lazy && !is_fixed) out_ += '?';
    syntax_.has_lazy |= is_lazy && !is_fixed;
    syntax_.has_greedy |= !is_lazy && !is_fixed;
    if (may_be_none) ends_in_word_ = false;
    return {};
}

/// \m and \M: the start and the end of a word. RE2 knows only \b; beside a word character it means
/// the same.
Result<bool> Translator::word_edge(bool is_start) {
    bool is_beside_word = ends_in_word_;
    if (is_start) {
        const bool is_class = at("\\w") || at("\\d");
        const bool is_plain = !rest_.empty() && is_word(static_cast<uint8_t>(rest_[0]));
        const View after = rest_.substr(std::min<size_t>(is_class ? 2 : 1, rest_.size()));
        const bool may_be_none =
            after.starts_with('*') || after.starts_with('?') || after.starts_with("{0");
        is_beside_word = (is_class || is_plain) && !may_be_none;
    }
    if (!is_beside_word) return beyond_re2("\\m or \\M not beside a word character");
    out_ += "\\b";
    return false;
}

Result<bool> Translator::escape() {
    rest_.remove_prefix(1);
    if (rest_.empty()) return invalid_regex("invalid escape \\ sequence");
    const char c = rest_[0];
    if (!ascii::is_alpha(c) && !ascii::is_digit(c)) {
        emit_literal(take_code());
        return true;
    }
    rest_.remove_prefix(1);
    switch (c) {
        case 'A':
            out_ += "\\A";
            return false;
        case 'Z':
            out_ += "\\z";
            return false;
        case 'y':
            out_ += "\\b";
            return false;
        case 'Y':
            out_ += "\\B";
            return false;
        case 'm':
            return word_edge(true);
        case 'M':
            return word_edge(false);
        case 'd':
            out_ += "[0-9]";
            ends_in_word_ = true;
            return true;
        case 'w':
            out_ += "[0-9A-Za-z_]";
            ends_in_word_ = true;
            return true;
        case 's':
            out_ += "[[:space:]]";
            ends_in_word_ = false;
            return true;
        case 'D':
            out_ += "[^0-9]";
            ends_in_word_ = false;
            return true;
        case 'W':
            out_ += "[^0-9A-Za-z_]";
            ends_in_word_ = false;
            return true;
        case 'S':
            out_ += "[^[:space:]]";
            ends_in_word_ = false;
            return true;
        default:
            break;
    }
    if (c >= '1' && c <= '9') {
        const bool is_octal = rest_.size() >= 1 && rest_[0] >= '0' && rest_[0] <= '7' && c <= '7';
        if (!is_octal) return beyond_re2("back references");
    }
    emit_literal(TRY(character_escape(c)));
    return true;
}

Result<uint32_t> Translator::character_escape(char letter) {
    switch (letter) {
        case 'a':
            return uint32_t{'\a'};
        case 'b':
            return uint32_t{'\b'};
        case 'B':
            return uint32_t{'\\'};
        case 'e':
            return uint32_t{27};
        case 'f':
            return uint32_t{'\f'};
        case 'n':
            return uint32_t{'\n'};
        case 'r':
            return uint32_t{'\r'};
        case 't':
            return uint32_t{'\t'};
        case 'v':
            return uint32_t{'\v'};
        case 'c':
            if (rest_.empty()) return invalid_regex("invalid escape \\ sequence");
            return take_code() & 0x1F;
        case 'u':
            return hex_digits(4, 4);
        case 'U':
            return hex_digits(8, 8);
        case 'x':
            return hex_digits(1, 255);
        default:
            break;
    }
    if (ascii::is_digit(letter)) return octal_escape(letter);
    return invalid_regex("invalid escape \\ sequence");
}

Result<uint32_t> Translator::hex_digits(size_t min, size_t max) {
    uint32_t value = 0;
    size_t count = 0;
    while (count < max && count < rest_.size() && hex_value(rest_[count]) >= 0) {
        value = value * 16 + static_cast<uint32_t>(hex_value(rest_[count++]));
        if (value > kCodePointMax) return invalid_regex("invalid escape \\ sequence");
    }
    if (count < min) return invalid_regex("invalid escape \\ sequence");
    rest_.remove_prefix(count);
    return value;
}

Result<uint32_t> Translator::octal_escape(char first) {
    auto value = static_cast<uint32_t>(first - '0');
    for (int i = 0; i < 2 && !rest_.empty() && rest_[0] >= '0' && rest_[0] <= '7'; ++i) {
        value = value * 8 + static_cast<uint32_t>(rest_[0] - '0');
        rest_.remove_prefix(1);
    }
    return value;
}

void Translator::add_range(uint32_t low, uint32_t high, std::string& set) const {
    const auto append = [&](uint32_t from, uint32_t to) {
        append_code(from, set);
        if (from == to) return;
        set += '-';
        append_code(to, set);
    };
    append(low, high);
    if (!flags_.ignore_case) return;
    for (const auto& [first, last] : {std::pair{'a', 'z'}, std::pair{'A', 'Z'}}) {
        const uint32_t from = std::max(low, static_cast<uint32_t>(first));
        const uint32_t to = std::min(high, static_cast<uint32_t>(last));
        if (from <= to) append(other_case(from), other_case(to));
    }
}

void Translator::add_class(View name, std::string& set) const {
    const bool is_cased = name == "lower" || name == "upper";
    set.append("[:").append(is_cased && flags_.ignore_case ? "alpha" : name).append(":]");
}

/// A character that may begin or end a range; nothing if it was a class, which then is in the set.
Result<std::optional<uint32_t>> Translator::bracket_bound(std::string& set) {
    if (skip("[:")) {
        const size_t end = rest_.find(":]");
        if (end == View::npos) return invalid_regex("brackets [] not balanced");
        const View name = rest_.substr(0, end);
        if (std::ranges::find(kClassNames, name) == kClassNames.end()) {
            return invalid_regex("invalid character class");
        }
        rest_.remove_prefix(end + 2);
        add_class(name, set);
        return std::optional<uint32_t>();
    }
    if (at("[.") || at("[=")) {
        const std::string closing = {rest_[1], ']'};
        rest_.remove_prefix(2);
        const size_t end = rest_.find(closing, 1);
        if (end == View::npos) return invalid_regex("brackets [] not balanced");
        const View element = rest_.substr(0, end);
        if (utf8_length(element) != 1) return beyond_re2("collating elements");
        rest_.remove_prefix(end + 2);
        return std::optional(utf8_decode(element));
    }
    if (at("\\") && rest_.size() > 1) {
        rest_.remove_prefix(1);
        const char c = rest_[0];
        if (!ascii::is_alpha(c) && !ascii::is_digit(c)) return std::optional(take_code());
        rest_.remove_prefix(1);
        switch (c) {
            case 'd':
                set += "0-9";
                return std::optional<uint32_t>();
            case 'w':
                set += "0-9A-Za-z_";
                return std::optional<uint32_t>();
            case 's':
                set += "[:space:]";
                return std::optional<uint32_t>();
            case 'D':
                set += "[:^digit:]";
                return std::optional<uint32_t>();
            case 'W':
                set += "[:^word:]";
                return std::optional<uint32_t>();
            case 'S':
                set += "[:^space:]";
                return std::optional<uint32_t>();
            default:
                return std::optional(TRY(character_escape(c)));
        }
    }
    return std::optional(take_code());
}

Result<void> Translator::bracket_item(std::string& set) {
    const std::optional<uint32_t> low = TRY(bracket_bound(set));
    const bool is_range = at("-") && rest_.size() > 1 && rest_[1] != ']';
    if (!low.has_value()) {
        if (is_range) return invalid_regex("invalid character range");
        return {};
    }
    if (!is_range) {
        add_range(*low, *low, set);
        return {};
    }
    rest_.remove_prefix(1);
    std::string ignored;
    const std::optional<uint32_t> high = TRY(bracket_bound(ignored));
    if (!high.has_value() || *low > *high) return invalid_regex("invalid character range");
    add_range(*low, *high, set);
    return {};
}

Result<void> Translator::bracket() {
    rest_.remove_prefix(1);
    const bool is_negated = skip("^");
    std::string set;
    bool is_first = true;
    while (is_first || !at("]")) {
        if (rest_.empty()) return invalid_regex("brackets [] not balanced");
        TRY(bracket_item(set));
        is_first = false;
    }
    rest_.remove_prefix(1);
    out_ += is_negated ? "[^" : "[";
    out_ += set;
    if (is_negated && flags_.dot_stops_at_newline) out_ += "\\n";
    out_ += ']';
    return {};
}

}  // namespace

Result<RegexFlags> parse_regex_flags(std::string_view letters) {
    RegexFlags flags;
    for (; !letters.empty(); letters.remove_prefix(utf8_size(letters[0]))) {
        switch (letters[0]) {
            case 'g':
                flags.is_global = true;
                break;
            case 'i':
                flags.ignore_case = true;
                break;
            case 'c':
                flags.ignore_case = false;
                break;
            case 'n':
            case 'm':
                flags.dot_stops_at_newline = flags.anchors_at_newline = true;
                break;
            case 'p':
                flags.dot_stops_at_newline = true;
                flags.anchors_at_newline = false;
                break;
            case 'w':
                flags.dot_stops_at_newline = false;
                flags.anchors_at_newline = true;
                break;
            case 's':
                flags.dot_stops_at_newline = flags.anchors_at_newline = false;
                break;
            case 'q':
                flags.is_literal = true;
                break;
            case 'x':
                flags.is_expanded = true;
                break;
            case 't':
                flags.is_expanded = false;
                break;
            case 'b':
            case 'e':
                return beyond_re2("the option b or e");
            default:
                return bad_parameter("invalid regular expression option: \"" +
                                     std::string(utf8_first(letters)) + "\"");
        }
    }
    return flags;
}

Result<RegexSyntax> translate_regex(std::string_view pattern, RegexFlags flags) {
    return Translator(pattern, flags).run();
}

}  // namespace braid::operators
