// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace braid::sql {

/// A lexical unit of SQL, as far as needed to cut texts apart at the right places. The text has
/// been read by libpg_query before, so it is well formed.
struct Token {
    enum class Kind : unsigned char { kWord, kQuoted, kString, kNumber, kSign };
    Kind kind = Kind::kSign;
    size_t begin = 0;
    size_t end = 0;
};

/// Blanks and comments are left out. kWord includes keywords; kQuoted is "an identifier"; kSign is
/// one byte.
std::vector<Token> tokenize(std::string_view text);

/// The token is this keyword, given in lower case.
bool is_word(std::string_view text, const Token& token, std::string_view lower_case);

}  // namespace braid::sql
