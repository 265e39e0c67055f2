// SPDX-License-Identifier: Apache-2.0
#include "operators/expr/functions/like_internal.h"

#include <algorithm>

#include "columnar/ascii.h"
#include "operators/expr/functions/utf8_internal.h"
#include "operators/expr/functions/value_errors_internal.h"

namespace braid::operators {

LikePattern::LikePattern(std::string_view pattern, bool ignore_case) : ignore_case_(ignore_case) {
    for (size_t i = 0; i < pattern.size(); ++i) {
        const char byte = pattern[i];
        if (byte == '%') {
            // Two in a row mean no more than one.
            if (tokens_.empty() || tokens_.back().kind != Token::Kind::kAnyText) {
                tokens_.push_back({Token::Kind::kAnyText});
            }
        } else if (byte == '_') {
            tokens_.push_back({Token::Kind::kAnyCharacter});
        } else if (byte == '\\' && i + 1 == pattern.size()) {
            tokens_.push_back({Token::Kind::kBadEscape});
        } else {
            const char literal = byte == '\\' ? pattern[++i] : byte;
            tokens_.push_back(
                {Token::Kind::kByte, ignore_case ? ascii::to_lower(literal) : literal});
        }
    }
    find_shape();
}

void LikePattern::find_shape() {
    if (ignore_case_) return;
    size_t from = 0;
    size_t to = tokens_.size();
    const bool open_left = to > 0 && tokens_.front().kind == Token::Kind::kAnyText;
    const bool open_right = to > 1 && tokens_.back().kind == Token::Kind::kAnyText;
    from += open_left;
    to -= open_right;
    for (size_t i = from; i < to; ++i) {
        if (tokens_[i].kind != Token::Kind::kByte) return;
        literal_ += tokens_[i].byte;
    }
    if (open_left && (open_right || to == from)) {
        shape_ = Shape::kContains;
    } else if (open_left) {
        shape_ = Shape::kSuffix;
    } else {
        shape_ = open_right ? Shape::kPrefix : Shape::kExact;
    }
}

Result<bool> LikePattern::matches(std::string_view text, Pace& pace) const {
    switch (shape_) {
        case Shape::kExact:
            return text == literal_;
        case Shape::kPrefix:
            return text.starts_with(literal_);
        case Shape::kSuffix:
            return text.ends_with(literal_);
        case Shape::kContains:
            return find_part(text, literal_) != std::string_view::npos;
        case Shape::kGeneral:
            break;
    }
    return matches_general(text, pace);
}

bool LikePattern::equal(char byte, char wanted) const {
    return (ignore_case_ ? ascii::to_lower(byte) : byte) == wanted;
}

/// Greedy with one way back: when a part after a '%' fails, only the last '%' need take one
/// character more.
Result<bool> LikePattern::matches_general(std::string_view text, Pace& pace) const {
    const auto bad_escape = [] {
        return argument_error("22025", "LIKE pattern must not end with escape character");
    };
    size_t at = 0;
    size_t token = 0;
    bool has_way_back = false;
    size_t back_at = 0;
    size_t back_token = 0;
    while (true) {
        const bool has_token = token < tokens_.size();
        if (has_token && tokens_[token].kind == Token::Kind::kAnyText) {
            has_way_back = true;
            back_token = ++token;
            back_at = at;
            continue;
        }
        if (at == text.size()) {
            // Only '%' could still match nothing, and those in a row are one.
            return !has_token;
        }
        if (has_token) {
            const Token& wanted = tokens_[token];
            if (wanted.kind == Token::Kind::kBadEscape) return bad_escape();
            if (wanted.kind == Token::Kind::kAnyCharacter) {
                at += utf8_size(text[at]);
                ++token;
                continue;
            }
            if (equal(text[at], wanted.byte)) {
                ++at;
                ++token;
                continue;
            }
        }
        if (!has_way_back) return false;
        if (!pace.spend(at - back_at + 1)) return false;
        back_at += utf8_size(text[back_at]);
        at = back_at;
        token = back_token;
    }
}

}  // namespace braid::operators
