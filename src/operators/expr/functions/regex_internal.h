// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace braid::operators {

/// PostgreSQL's flags of a regular expression: "gi" and such, or what an operator implies.
struct RegexFlags {
    bool ignore_case = false;
    bool is_literal = false;            // q
    bool is_expanded = false;           // x: white space and comments are ignored
    bool dot_stops_at_newline = false;  // n, p
    bool anchors_at_newline = false;    // n, w
    bool is_global = false;             // g, only for functions that replace or count
};

/// 22023 for a letter that PostgreSQL does not know.
Result<RegexFlags> parse_regex_flags(std::string_view letters);

/// What the translator found out about a pattern.
struct RegexSyntax {
    std::string re2;
    int groups = 0;
    bool has_greedy = false;  // a quantifier that may match more or less, and takes more
    bool has_lazy = false;    // one that takes less
    bool has_alternation = false;
};

/// PostgreSQL's advanced regular expression as one of RE2: same language, other spelling. Letters
/// match in both cases by ASCII only. 2201B for what PostgreSQL refuses; 0A000, with the reason,
/// for what RE2 cannot: back references, lookaround, and word edges beside something that is not a
/// word character.
Result<RegexSyntax> translate_regex(std::string_view pattern, RegexFlags flags);

/// A compiled pattern. Matching is thread-safe, though a program has its own.
class Regex {
  public:
    /// `needs_extent`: find() will be asked, so where a match ends matters.
    static Result<Regex> compile(std::string_view pattern, const RegexFlags& flags,
                                 bool needs_extent);
    Regex(Regex&&) noexcept;
    Regex& operator=(Regex&&) noexcept;
    ~Regex();

    bool matches(std::string_view text) const;
    int group_count() const { return groups_; }
    /// Finds the leftmost match from `from` on; groups[0] is all of it, a group that took no part
    /// has null data.
    bool find(std::string_view text, size_t from, std::span<std::string_view> groups) const;

  private:
    struct Body;
    Regex();
    std::unique_ptr<Body> body_;
    int groups_ = 0;
};

}  // namespace braid::operators
