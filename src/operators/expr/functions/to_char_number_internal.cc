// SPDX-License-Identifier: Apache-2.0
#include "operators/expr/functions/to_char_number_internal.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

#include "columnar/ascii.h"
#include "operators/expr/functions/value_errors_internal.h"

namespace braid::operators {

namespace {

using View = std::string_view;

constexpr auto kKeywords = std::to_array<View>({
    ",",  ".",  "0",  "9",  "B",  "C",  "D",  "EEEE", "FM", "G", "L",  "MI",
    "PL", "PR", "RN", "SG", "SP", "S",  "TH", "V",    "b",  "c", "d",  "eeee",
    "fm", "g",  "l",  "mi", "pl", "pr", "rn", "sg",   "sp", "s", "th", "v",
});

constexpr int kDoubleDigits = 15;
constexpr size_t kRomanWidth = 15;
constexpr int64_t kRomanMax = 3999;

Error contradiction(std::string message) { return argument_error("42601", std::move(message)); }

/// A double in C's notation; `format` has one * for the precision.
std::string printed(const char* format, int precision, double value) {
    char buffer[400];
    const int size = std::snprintf(buffer, sizeof buffer, format, precision, value);
    return std::string(buffer, std::min(static_cast<size_t>(size), sizeof buffer - 1));
}

std::string double_text(int after, double value) {
    if (std::isnan(value)) return "NaN";
    if (std::isinf(value)) return value < 0 ? "-Infinity" : "Infinity";
    return printed("%.*f", after, value);
}

/// d.ddde+xx with `after` digits, rounded half away from zero.
std::string scientific_text(const Numeric& value, int after) {
    std::string digits;
    format_numeric(
        Numeric{value.unscaled < 0 ? -value.unscaled : value.unscaled, 0, Numeric::Kind::kFinite},
        digits);
    int exponent = value.unscaled == 0 ? 0 : static_cast<int>(digits.size()) - 1 - value.scale;
    const auto wanted = static_cast<size_t>(after) + 1;
    if (digits.size() > wanted) {
        const bool up = digits[wanted] >= '5';
        digits.resize(wanted);
        size_t at = wanted;
        while (up && at > 0 && digits[at - 1] == '9') digits[--at] = '0';
        if (up && at > 0) ++digits[at - 1];
        if (up && at == 0) {
            digits.insert(0, 1, '1');
            digits.pop_back();
            ++exponent;
        }
    }
    digits.resize(wanted, '0');
    std::string out = value.unscaled < 0 ? "-" : "";
    out += digits[0];
    if (after > 0) out.append(".").append(digits, 1);
    char tail[8];
    std::snprintf(tail, sizeof tail, "e%+03d", exponent);
    return out + tail;
}

std::string roman(int64_t value) {
    struct Part {
        int64_t value;
        View text;
    };
    static constexpr Part kParts[] = {{1000, "M"}, {900, "CM"}, {500, "D"}, {400, "CD"}, {100, "C"},
                                      {90, "XC"},  {50, "L"},   {40, "XL"}, {10, "X"},   {9, "IX"},
                                      {5, "V"},    {4, "IV"},   {1, "I"}};
    if (value < 1 || value > kRomanMax) return std::string(kRomanWidth, '#');
    std::string out;
    for (const Part& part : kParts) {
        for (; value >= part.value; value -= part.value) out += part.text;
    }
    return out;
}

std::string upper(View text) {
    std::string out(text);
    for (char& c : out) {
        if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 32);
    }
    return out;
}

}  // namespace

Result<NumberPicture> NumberPicture::parse(std::string_view picture) {
    NumberPicture out;
    for (PictureItem& item : parse_picture(picture, kKeywords, false)) {
        if (item.keyword < 0) {
            out.items_.push_back({Piece::kLiteral, std::move(item.literal)});
        } else {
            TRY(out.add(kKeywords[static_cast<size_t>(item.keyword)]));
        }
    }
    if (out.zero_start_ > 0) --out.zero_start_;
    return out;
}

Result<void> NumberPicture::add(std::string_view keyword) {
    const std::string name = upper(keyword);
    if (is_scientific_ && name != "EEEE")
        return contradiction("\"EEEE\" must be the last pattern used");
    const auto piece = [&](Piece kind) { items_.push_back({kind, {}}); };
    if (name == "9" || name == "0") return add_digit(name == "0");
    if (name == "S" || name == "MI" || name == "PL" || name == "SG" || name == "PR") {
        return add_sign(name);
    }
    if (name == ".") {
        if (has_point_) return contradiction("multiple decimal points");
        if (is_multiplied_) return contradiction("cannot use \"V\" and decimal point together");
        has_point_ = true;
        piece(Piece::kPoint);
    } else if (name == "D") {
        if (has_point_) return contradiction("multiple decimal points");
        if (is_multiplied_) return contradiction("cannot use \"V\" and decimal point together");
        has_point_ = true;
        piece(Piece::kPoint);
    } else if (name == ",") {
        piece(Piece::kComma);
    } else if (name == "G") {
        piece(Piece::kGroup);
    } else if (name == "L") {
        piece(Piece::kCurrency);
    } else if (name == "FM") {
        fill_mode_ = true;
    } else if (name == "B") {
        has_blank_ |= before_ == 0 && after_ == 0 && !has_zero_;
    } else if (name == "V") {
        if (has_point_) return contradiction("cannot use \"V\" and decimal point together");
        is_multiplied_ = true;
    } else if (name == "RN") {
        is_roman_ = true;
        piece(keyword == "RN" ? Piece::kRoman : Piece::kRomanLower);
    } else if (name == "TH") {
        piece(keyword == "TH" ? Piece::kOrdinal : Piece::kOrdinalLower);
    } else if (name == "EEEE") {
        if (is_scientific_) return contradiction("cannot use \"EEEE\" twice");
        const bool clashes = has_blank_ || fill_mode_ || sign_place_ != SignPlace::kNone ||
                             has_brackets_ || has_minus_ || has_plus_ || is_roman_ ||
                             is_multiplied_;
        if (clashes) return contradiction("\"EEEE\" is incompatible with other formats");
        is_scientific_ = true;
    }
    return {};
}

Result<void> NumberPicture::add_digit(bool is_zero) {
    if (has_brackets_) {
        return contradiction(std::string("\"") + (is_zero ? "0" : "9") +
                             "\" must be ahead of \"PR\"");
    }
    items_.push_back({is_zero ? Piece::kZeroDigit : Piece::kDigit, {}});
    if (!is_zero && is_multiplied_) {
        ++multiply_digits_;
        return {};
    }
    if (is_zero && !has_zero_ && !has_point_) {
        has_zero_ = true;
        zero_start_ = before_ + 1;
    }
    ++(has_point_ ? after_ : before_);
    if (is_zero) zero_end_ = before_ + after_;
    return {};
}

Result<void> NumberPicture::add_sign(std::string_view keyword) {
    const bool has_s = sign_place_ != SignPlace::kNone;
    if (keyword == "S") {
        if (has_s) return contradiction("cannot use \"S\" twice");
        if (has_plus_ || has_minus_ || has_brackets_) {
            return contradiction("cannot use \"S\" and \"PL\"/\"MI\"/\"SG\"/\"PR\" together");
        }
        sign_place_ = has_point_ ? SignPlace::kAfter : SignPlace::kBefore;
        sign_place_before_ = before_;
        items_.push_back({Piece::kNothing, {}});
        return {};
    }
    if (keyword == "PR") {
        if (has_s || has_plus_ || has_minus_) {
            return contradiction("cannot use \"PR\" and \"S\"/\"PL\"/\"MI\"/\"SG\" together");
        }
        has_brackets_ = true;
        return {};
    }
    if (has_s) {
        return contradiction("cannot use \"S\" and \"" + std::string(keyword) + "\" together");
    }
    has_minus_ |= keyword != "PL";
    has_plus_ |= keyword != "MI";
    const Piece piece = keyword == "MI"   ? Piece::kMinus
                        : keyword == "PL" ? Piece::kPlus
                                          : Piece::kSign;
    items_.push_back({piece, {}});
    return {};
}

/// Puts digits ("-12.50") into the picture's places; too many before the point become '#'.
NumberPicture::Digits NumberPicture::place(std::string digits, int after) const {
    Digits out;
    out.before = before_ + (is_multiplied_ ? multiply_digits_ : 0);
    out.after = after;
    if (digits.starts_with('-')) {
        out.sign = '-';
        digits.erase(0, 1);
    }
    const size_t point = std::min(digits.find('.'), digits.size());
    const int whole = static_cast<int>(point);
    if (whole < out.before) {
        out.blanks_before = out.before - whole;
        out.text = std::move(digits);
    } else if (whole > out.before) {
        out.text.assign(static_cast<size_t>(out.before), '#');
        out.text += '.';
        out.text.append(static_cast<size_t>(out.after), '#');
    } else {
        out.text = std::move(digits);
    }
    return out;
}

/// Walks over the picture with the digits. Places are counted from the left, the point is one of
/// them.
class NumberPicture::Writer {
  public:
    Writer(const NumberPicture& picture, Digits digits, std::string& out)
        : picture_(picture), digits_(std::move(digits)), out_(out) {
        sign_place_ = picture.sign_place_;
        has_brackets_ = picture.has_brackets_;
        prepare_sign();
        prepare_places();
    }

    void write(const Item& item) {
        switch (item.piece) {
            case Piece::kLiteral:
                out_ += item.literal;
                break;
            case Piece::kDigit:
            case Piece::kZeroDigit:
            case Piece::kPoint:
                write_place(item.piece);
                break;
            case Piece::kComma:
            case Piece::kGroup:
                if (in_number_) {
                    out_ += ',';
                } else if (!picture_.fill_mode_) {
                    out_ += ' ';
                }
                break;
            case Piece::kCurrency:
                out_ += ' ';
                break;
            case Piece::kMinus:
                write_if(digits_.sign == '-', '-');
                break;
            case Piece::kPlus:
                write_if(digits_.sign == '+', '+');
                break;
            case Piece::kSign:
                out_ += digits_.sign;
                break;
            case Piece::kOrdinal:
                write_ordinal(true);
                break;
            case Piece::kOrdinalLower:
                write_ordinal(false);
                break;
            case Piece::kRoman:
            case Piece::kRomanLower:
            case Piece::kNothing:
                break;
        }
    }

    void finish() {
        if (cut_ != std::string::npos) out_.resize(cut_);
    }

  private:
    void prepare_sign() {
        if (picture_.has_plus_ || picture_.has_minus_) {
            // MI and SG write the sign themselves; PL alone writes only a plus.
            sign_done_ = !(picture_.has_plus_ && !picture_.has_minus_);
            return;
        }
        if (digits_.sign != '-' && picture_.fill_mode_) has_brackets_ = false;
        sign_done_ = digits_.sign == '+' && picture_.fill_mode_ && sign_place_ == SignPlace::kNone;
        if (sign_place_ == SignPlace::kBefore && digits_.before == picture_.sign_place_before_) {
            sign_place_ = SignPlace::kAfter;
        }
    }

    void prepare_places() {
        last_place_ = digits_.after + digits_.before - 1;
        if (picture_.fill_mode_ && picture_.has_point_) find_last_kept();
        if (!sign_done_ && digits_.blanks_before == 0) ++last_place_;
    }

    /// Trailing zeros after the point are dropped, except those that a 0 in the picture asks for.
    void find_last_kept() {
        const size_t point = digits_.text.find('.');
        if (point == View::npos) return;
        size_t last = point;
        for (size_t i = point + 1; i < digits_.text.size(); ++i) {
            if (digits_.text[i] != '0') last = i;
        }
        if (picture_.zero_end_ > digits_.blanks_before) {
            const auto wanted = static_cast<size_t>(picture_.zero_end_ - digits_.blanks_before);
            last = std::max(last, std::min(digits_.text.size() - 1, wanted));
        }
        last_kept_ = static_cast<int64_t>(last);
    }

    bool has_last_kept() const { return last_kept_ >= 0; }
    bool ends_at_point() const {
        return has_last_kept() && digits_.text[static_cast<size_t>(last_kept_)] == '.';
    }
    /// "0.5" in a picture without 0 before the point begins with a blank instead of the 0.
    bool hides_leading_zero() const {
        return !picture_.has_zero_ && at_ == 0 && digits_.text.starts_with('0') &&
               digits_.after != 0;
    }

    void write_if(bool condition, char c) {
        if (condition) {
            out_ += c;
        } else if (!picture_.fill_mode_) {
            out_ += ' ';
        }
    }

    void write_place(Piece piece) {
        if (picture_.is_roman_) return;
        in_number_ = false;
        write_sign_before();
        const bool is_blank_place = place_ < digits_.blanks_before;
        const bool is_after_zero = picture_.has_zero_ && picture_.zero_start_ <= place_;
        if (is_blank_place && !is_after_zero) {
            if (!picture_.fill_mode_) out_ += ' ';
        } else if (is_blank_place) {
            out_ += '0';
            in_number_ = true;
        } else {
            write_character(piece);
        }
        write_sign_after();
        ++place_;
    }

    void write_sign_before() {
        const bool is_at_number = place_ >= digits_.blanks_before ||
                                  (picture_.has_zero_ && picture_.zero_start_ == place_);
        if (sign_done_ || !is_at_number || (hides_leading_zero() && !ends_at_point())) return;
        if (sign_place_ != SignPlace::kNone) {
            if (sign_place_ != SignPlace::kBefore) return;
            out_ += digits_.sign;
        } else if (has_brackets_) {
            out_ += digits_.sign == '+' ? ' ' : '<';
        } else if (digits_.sign == '-') {
            out_ += '-';
        } else if (!picture_.fill_mode_) {
            out_ += ' ';
        }
        sign_done_ = true;
    }

    void write_character(Piece piece) {
        const char c = at_ < digits_.text.size() ? digits_.text[at_] : '\0';
        if (c == '.') {
            if (!ends_at_point() || picture_.fill_mode_) out_ += '.';
        } else if (has_last_kept() && static_cast<int64_t>(at_) > last_kept_ &&
                   piece != Piece::kZeroDigit) {
            // A zero that FM drops.
        } else if (hides_leading_zero()) {
            if (!picture_.fill_mode_) {
                out_ += ' ';
            } else if (ends_at_point()) {
                out_ += '0';
            }
        } else if (c != '\0') {
            out_ += c;
            in_number_ = true;
        } else if (cut_ == std::string::npos) {
            // The digits have run out, as those of a double may: PostgreSQL's text ends here.
            cut_ = out_.size();
        }
        if (c != '\0') ++at_;
    }

    void write_sign_after() {
        int64_t end =
            last_place_ + (digits_.blanks_before > 0 ? 1 : 0) + (picture_.has_point_ ? 1 : 0);
        if (has_last_kept() && last_kept_ == static_cast<int64_t>(at_)) end = place_;
        if (place_ + 1 != end) return;
        if (sign_done_ && has_brackets_) {
            out_ += digits_.sign == '+' ? ' ' : '>';
        } else if (sign_place_ == SignPlace::kAfter) {
            out_ += digits_.sign;
        }
    }

    void write_ordinal(bool is_upper) {
        if (!picture_.shows_ordinal(digits_)) return;
        const View suffix = ordinal_suffix(digits_.text);
        out_ += is_upper ? upper(suffix) : std::string(suffix);
    }

    const NumberPicture& picture_;
    Digits digits_;
    std::string& out_;
    SignPlace sign_place_ = SignPlace::kNone;
    bool has_brackets_ = false;
    bool sign_done_ = false;
    bool in_number_ = false;
    int64_t last_place_ = 0;
    int64_t last_kept_ = -1;  // index in the digits of the last one that FM keeps
    int64_t place_ = 0;
    size_t at_ = 0;  // next of the digits
    size_t cut_ = std::string::npos;
};

Result<void> NumberPicture::write(Digits digits, std::string& out) const {
    const bool has_ordinal = std::ranges::any_of(items_, [](const Item& item) {
        return item.piece == Piece::kOrdinal || item.piece == Piece::kOrdinalLower;
    });
    const bool ends_in_digit = !digits.text.empty() && ascii::is_digit(digits.text.back());
    if (has_ordinal && !ends_in_digit && shows_ordinal(digits)) {
        return argument_error("22P02", "\"" + digits.text + "\" is not a number");
    }
    Writer writer(*this, std::move(digits), out);
    for (const Item& item : items_) writer.write(item);
    writer.finish();
    return {};
}

bool NumberPicture::shows_ordinal(const Digits& digits) const {
    return !is_roman_ && !digits.text.starts_with('#') && digits.sign != '-' && !has_point_;
}

void NumberPicture::write_roman(int64_t value, std::string& out) const {
    const std::string text = roman(value);
    for (const Item& item : items_) {
        if (item.piece == Piece::kLiteral) out += item.literal;
        const bool is_lower = item.piece == Piece::kRomanLower;
        if (!is_lower && item.piece != Piece::kRoman) continue;
        if (!fill_mode_) out.append(kRomanWidth - text.size(), ' ');
        out += is_lower ? ascii::lowered(text) : text;
    }
}

namespace {

/// value × 10^digits in the 32 bits that PostgreSQL has for it.
int32_t wrapped_product(int32_t value, int digits) {
    constexpr int kDigitsThatFit = 9;
    uint32_t factor = 1;
    for (int i = 0; i < digits; ++i) factor *= 10;
    // What a double beyond the range of an integer becomes.
    if (digits > kDigitsThatFit) factor = uint32_t{1} << 31;
    return static_cast<int32_t>(static_cast<uint32_t>(value) * factor);
}

}  // namespace

Result<void> NumberPicture::format_int(int64_t value, bool is_int4, std::string& out) const {
    if (is_roman_) {
        if (value > INT32_MAX || value < INT32_MIN) return out_of_range("integer");
        write_roman(value, out);
        return {};
    }
    if (is_scientific_) {
        const std::string text = is_int4 ? printed("%.*e", after_, static_cast<double>(value))
                                         : scientific_text(Numeric::from_int(value), after_);
        out += value < 0 ? text : " " + text;
        return {};
    }
    if (is_multiplied_ && is_int4) {
        value = wrapped_product(static_cast<int32_t>(value), multiply_digits_);
    } else if (is_multiplied_) {
        for (int i = 0; i < multiply_digits_; ++i) {
            if (__builtin_mul_overflow(value, int64_t{10}, &value)) return out_of_range("bigint");
        }
    }
    std::string digits = std::to_string(value);
    if (after_ > 0) digits.append(".").append(static_cast<size_t>(after_), '0');
    return write(place(std::move(digits), after_), out);
}

Result<void> NumberPicture::format_numeric(const Numeric& value, std::string& out) const {
    if (is_roman_) {
        const Numeric rounded = TRY(round_to(value, 0));
        const int64_t whole = TRY(to_int8(rounded));
        if (whole > INT32_MAX || whole < INT32_MIN) return out_of_range("integer");
        write_roman(whole, out);
        return {};
    }
    if (is_scientific_) {
        if (!value.is_finite()) return format_double(to_double(value), out);
        const std::string text = scientific_text(value, after_);
        out += value.unscaled < 0 ? text : " " + text;
        return {};
    }
    Numeric shown = value;
    if (is_multiplied_ && value.is_finite()) {
        for (int i = 0; i < multiply_digits_; ++i) {
            shown = TRY(multiply(shown, Numeric::from_int(10)));
        }
    }
    std::string digits;
    braid::format_numeric(TRY(round_to(shown, after_)), digits);
    return write(place(std::move(digits), after_), out);
}

Result<void> NumberPicture::format_double(double value, std::string& out) const {
    if (is_roman_) {
        const double rounded = std::rint(value);
        const bool fits = rounded >= 1 && rounded <= static_cast<double>(kRomanMax);
        write_roman(fits ? static_cast<int64_t>(rounded) : 0, out);
        return {};
    }
    if (is_scientific_) {
        if (std::isfinite(value)) {
            const std::string text = printed("%.*e", after_, value);
            out += std::signbit(value) ? text : " " + text;
            return {};
        }
        // Room for a sign, the point, "e", its sign and two digits.
        std::string marks(static_cast<size_t>(before_ + after_ + 6), '#');
        marks[0] = ' ';
        marks[static_cast<size_t>(before_) + 1] = '.';
        out += marks;
        return {};
    }
    if (is_multiplied_) value *= std::pow(10.0, multiply_digits_);
    // No digit is shown that a double does not have.
    const auto whole = static_cast<int>(double_text(0, std::fabs(value)).size());
    const int after = whole >= kDoubleDigits ? 0 : std::min(after_, kDoubleDigits - whole);
    return write(place(double_text(after, value), after), out);
}

}  // namespace braid::operators
