// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace braid::operators {

/// A piece of a to_char picture: a keyword, or characters that stand for themselves.
struct PictureItem {
    int keyword = -1;  // index in the table of keywords; -1 = literal
    std::string literal;
    bool fill_mode = false;      // FM before it
    bool is_localized = false;   // TM before it: a name is as long as it is
    bool ordinal_upper = false;  // TH after it
    bool ordinal_lower = false;  // th after it
};

/// Cuts a picture into keywords (longest first), quoted and plain characters. `has_affixes`: FM and
/// TM may stand before a keyword, TH, th and SP after it, as in pictures of times; in those of
/// numbers they are keywords themselves.
std::vector<PictureItem> parse_picture(std::string_view picture,
                                       std::span<const std::string_view> keywords,
                                       bool has_affixes);

/// "st", "nd", "rd" or "th" for a number that ends in these digits.
std::string_view ordinal_suffix(std::string_view digits);

}  // namespace braid::operators
