// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "columnar/time_fields_internal.h"
#include "columnar/time_zone.h"

/// Any spelling of a date and time that PostgreSQL reads under DateStyle "ISO, MDY".
namespace braid::time_fields {

struct DateTime {
    enum class Kind : uint8_t { kCivil, kEpoch, kInfinity, kNegativeInfinity };
    enum class Zone : uint8_t { kNone, kOffset, kNamed };

    Kind kind = Kind::kCivil;
    /// Not normalized: hours may be 24 and microseconds 1,000,000; without zone.
    CivilTime civil;
    Zone zone_kind = Zone::kNone;
    int offset_seconds = 0;                      // kOffset: east of UTC
    std::shared_ptr<const TimeZone> named_zone;  // kNamed
    std::string_view unknown_zone;  // what Fault::kZoneName is about; lies in the fields
};

Fault decode_date_time(const Fields& fields, DateTime& result);

}  // namespace braid::time_fields
