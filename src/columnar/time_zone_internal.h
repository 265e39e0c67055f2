// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string_view>

#include "columnar/time_zone.h"

/// The two kinds of names of a zone, which text input looks up at different places.
namespace braid::zones {

/// An abbreviation in lower case: a fixed offset, or, when `zone` is not empty, what that zone
/// means by it.
struct Abbreviation {
    std::string_view name;
    int offset_seconds;
    std::string_view zone;
};

/// nullptr if PostgreSQL does not know it by default.
const Abbreviation* find_abbreviation(std::string_view lower_name);

/// The zone that an abbreviation stands for; never nullptr.
std::shared_ptr<const TimeZone> zone_of(const Abbreviation& abbreviation);

/// A zone of the IANA database in any case, or an offset as POSIX writes it; nullptr if it is
/// neither.
std::shared_ptr<const TimeZone> find_named_zone(std::string_view name);

}  // namespace braid::zones
