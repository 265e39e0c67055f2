// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "columnar/type.h"

/// How PostgreSQL takes the text of a date, time or interval apart before it gives the parts a
/// meaning.
namespace braid::time_fields {

/// Why a text is no time, as far as PostgreSQL's errors tell it apart.
enum class Fault : uint8_t {
    kNone,
    kSyntax,      // 22007
    kField,       // 22008 date/time field value out of range
    kMonthOrDay,  // 22008 likewise, with a hint at the order of the fields
    kInterval,    // 22015
    kZoneOffset,  // 22009
    kZoneName,    // 22023
    kNeedsClock,  // 0A000: "now" and the like
};

enum class FieldKind : uint8_t {
    kNumber,   // digits, maybe a point and more digits
    kWord,     // letters
    kDate,     // parts joined by - / or . — or the name of a time zone
    kTime,     // hh:mm…
    kOffset,   // a sign and digits, maybe : . - between them
    kSpecial,  // a sign and letters
};

struct Field {
    FieldKind kind;
    std::string_view text;  // lower case
};

/// The fields of one text; owns their characters, so it neither moves nor copies.
class Fields {
  public:
    Fields() = default;
    Fields(const Fields&) = delete;
    Fields& operator=(const Fields&) = delete;

    /// kSyntax if some character belongs to no field or the text is too long.
    Fault split(std::string_view text);
    int count() const { return count_; }
    const Field& operator[](int index) const { return fields_[static_cast<size_t>(index)]; }

  private:
    static constexpr int kFieldsMax = 25;
    static constexpr size_t kBytesMax = 128 + kFieldsMax;

    Fault split_one();
    FieldKind take_number();
    FieldKind take_word();
    bool take_signed(FieldKind& kind);
    void take();
    template <typename Accept>
    void take_while(Accept accept);
    char next() const { return at_ < end_ ? *at_ : '\0'; }

    const char* at_ = nullptr;
    const char* end_ = nullptr;
    std::array<Field, kFieldsMax> fields_;
    int count_ = 0;
    std::array<char, kBytesMax> bytes_;
    size_t used_ = 0;
    bool full_ = false;
};

/// Words that dates know, without the abbreviations of time zones.
enum class WordKind : uint8_t {
    kUnknown,
    kIgnored,
    kMonth,  // value: 1 to 12
    kWeekday,
    kHalfDay,   // value: 0 am, 1 pm
    kEra,       // value: 0 AD, 1 BC
    kDaylight,  // DST behind a zone; value: seconds
    kEpoch,
    kInfinity,
    kNegativeInfinity,
    kMidnightUtc,  // allballs
    kNeedsClock,
    kIsoTime,  // T
    kJulian,
    kOther,  // known to PostgreSQL, of no use in a date
};
struct Word {
    WordKind kind = WordKind::kUnknown;
    int value = 0;
};
Word find_word(std::string_view lower);

/// A whole number and where it ended. `in_range` is false beyond 32 bits.
struct Number {
    int value = 0;
    std::string_view rest;
    bool in_range = true;
};
Number read_number(std::string_view text);

/// ".5" -> 0.5; a point alone is 0. False if anything but digits (and an exponent) follows.
bool read_fraction(std::string_view text, double& fraction);

/// hh:mm, hh:mm:ss or mm:ss.f… within their bounds, hours without one.
struct ClockTime {
    int64_t hour = 0;
    int minute = 0;
    int second = 0;
    int microsecond = 0;  // up to 1,000,000, by rounding
};
Fault read_clock_time(std::string_view text, ClockTime& time);

/// The error of a fault in `text`; `zone_name` only for kZoneName.
Error error_of(Fault fault, std::string_view text, const Type& type,
               std::string_view zone_name = {});

}  // namespace braid::time_fields
