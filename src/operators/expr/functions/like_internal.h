// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "operators/expr/body_registry.h"

namespace braid::operators {

/// A LIKE pattern made ready: '%' any text, '_' one character, '\' takes the next one as it is.
/// Matches in time proportional to text times pattern at worst, without recursion.
class LikePattern {
  public:
    /// `ignore_case` folds ASCII letters, as collation C does.
    LikePattern(std::string_view pattern, bool ignore_case);

    /// 22025 when the pattern ends with the escape character, and the text gets as far as that.
    /// Either answer once the statement must end.
    Result<bool> matches(std::string_view text, Pace& pace) const;

  private:
    enum class Shape : uint8_t { kExact, kPrefix, kSuffix, kContains, kGeneral };
    struct Token {
        enum class Kind : uint8_t { kByte, kAnyCharacter, kAnyText, kBadEscape };
        Kind kind;
        char byte = 0;
    };

    void find_shape();
    bool equal(char byte, char wanted) const;
    Result<bool> matches_general(std::string_view text, Pace& pace) const;

    std::vector<Token> tokens_;
    bool ignore_case_;
    Shape shape_ = Shape::kGeneral;
    std::string literal_;
};

}  // namespace braid::operators
