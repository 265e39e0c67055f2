// SPDX-License-Identifier: Apache-2.0
#include "operators/expr/functions/regex_internal.h"

#include <algorithm>
#include <utility>

#include <re2/re2.h>

#include "base/error_makers.h"

namespace braid::operators {

namespace {

// A DFA that outgrows this falls back to RE2's slower automaton, still linear.
constexpr int64_t kRegexBytesMax = int64_t{16} << 20;

Error too_complex(const RE2& regex) {
    return unsupported("regular expression is too complex for RE2: {}", regex.error());
}

}  // namespace

struct Regex::Body {
    Body(const std::string& pattern, const RE2::Options& options) : re2(pattern, options) {}
    RE2 re2;
};

Regex::Regex() = default;
Regex::Regex(Regex&&) noexcept = default;
Regex& Regex::operator=(Regex&&) noexcept = default;
Regex::~Regex() = default;

Result<Regex> Regex::compile(std::string_view pattern, const RegexFlags& flags, bool needs_extent) {
    const RegexSyntax syntax = TRY(translate_regex(pattern, flags));
    const bool is_mixed = syntax.has_lazy && (syntax.has_greedy || syntax.has_alternation);
    if (needs_extent && is_mixed) {
        return unsupported(
            "regular expressions that mix greedy and non-greedy parts are not supported here");
    }
    RE2::Options options;
    options.set_log_errors(false);
    options.set_dot_nl(true);
    options.set_max_mem(kRegexBytesMax);
    // A match reaches as far as it can, as PostgreSQL's does; where all quantifiers are lazy, no
    // farther than it must.
    options.set_longest_match(needs_extent && !syntax.has_lazy);
    options.set_never_capture(!needs_extent);
    Regex regex;
    regex.body_ = std::make_unique<Body>(syntax.re2, options);
    if (!regex.body_->re2.ok()) return too_complex(regex.body_->re2);
    regex.groups_ = syntax.groups;
    return regex;
}

bool Regex::matches(std::string_view text) const {
    const re2::StringPiece piece(text.data(), text.size());
    return body_->re2.Match(piece, 0, piece.size(), RE2::UNANCHORED, nullptr, 0);
}

bool Regex::find(std::string_view text, size_t from, std::span<std::string_view> groups) const {
    constexpr size_t kGroupsOnStack = 10;
    re2::StringPiece found[kGroupsOnStack];
    const size_t wanted = std::min(groups.size(), kGroupsOnStack);
    const re2::StringPiece piece(text.data(), text.size());
    const bool is_found = body_->re2.Match(piece, from, piece.size(), RE2::UNANCHORED, found,
                                           static_cast<int>(wanted));
    if (!is_found) return false;
    for (size_t i = 0; i < groups.size(); ++i) {
        const bool has_part = i < wanted && found[i].data() != nullptr;
        groups[i] =
            has_part ? std::string_view(found[i].data(), found[i].size()) : std::string_view();
    }
    return true;
}

}  // namespace braid::operators
