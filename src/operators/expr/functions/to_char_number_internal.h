// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "columnar/numeric.h"
#include "operators/expr/functions/format_picture_internal.h"

namespace braid::operators {

/// A to_char picture of a number, compiled: "FM999,990.00".
class NumberPicture {
  public:
    /// 42601 for a picture that contradicts itself.
    static Result<NumberPicture> parse(std::string_view picture);

    Result<void> format_int(int64_t value, bool is_int4, std::string& out) const;
    Result<void> format_numeric(const Numeric& value, std::string& out) const;
    Result<void> format_double(double value, std::string& out) const;

  private:
    enum class SignPlace : uint8_t { kNone, kBefore, kAfter };
    enum class Piece : uint8_t {
        kLiteral,
        kComma,
        kPoint,
        kDigit,
        kZeroDigit,
        kGroup,
        kCurrency,
        kMinus,
        kPlus,
        kSign,
        kRoman,
        kRomanLower,
        kOrdinal,
        kOrdinalLower,
        kNothing,
    };
    struct Item {
        Piece piece;
        std::string literal;
    };
    /// The number as digits, and where they stand in the picture.
    struct Digits {
        std::string text;  // "123.40", without sign; "###.##" on overflow
        char sign = '+';
        int blanks_before = 0;
        int before = 0;  // digit places before the point
        int after = 0;
    };
    class Writer;

    Result<void> add(std::string_view keyword);
    Result<void> add_digit(bool is_zero);
    Result<void> add_sign(std::string_view keyword);
    Digits place(std::string digits, int after) const;
    Result<void> write(Digits digits, std::string& out) const;
    bool shows_ordinal(const Digits& digits) const;
    void write_roman(int64_t value, std::string& out) const;

    std::vector<Item> items_;
    int before_ = 0;
    int after_ = 0;
    int multiply_digits_ = 0;  // after V
    int zero_start_ = 0;       // place of the first 0, from 1; 0 = none
    int zero_end_ = 0;
    int sign_place_before_ = 0;  // digit places before S
    SignPlace sign_place_ = SignPlace::kNone;
    bool fill_mode_ = false;
    bool has_point_ = false;
    bool has_zero_ = false;
    bool has_minus_ = false;
    bool has_plus_ = false;
    bool has_brackets_ = false;
    bool has_blank_ = false;
    bool is_multiplied_ = false;
    bool is_roman_ = false;
    bool is_scientific_ = false;
};

}  // namespace braid::operators
