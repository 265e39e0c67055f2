// SPDX-License-Identifier: Apache-2.0
#include "catalog/retention.h"

#include <limits>
#include <string>

#include "base/error_makers.h"
#include "columnar/text_io.h"
#include "columnar/time_zone.h"

namespace braid::catalog {

Result<int64_t> parse_retention(std::string_view words) {
    const auto bad = [&](const char* hint) {
        return invalid_input("invalid value for option \"retention\": \"{}\"", words)
            .with_sqlstate("22023")
            .with_hint(hint);
    };
    const auto parsed = parse_text(words, Type::of(TypeKind::kInterval), utc_format());
    if (!parsed) return bad("It is an interval, for example '7 days' or '36 hours'.");
    const auto& interval = parsed->as<Interval64>();
    if (interval.months != 0) {
        return bad("Months and years have no fixed length: say how many days, as in '90 days'.");
    }
    const __int128 us = interval.us + static_cast<__int128>(interval.days) * kMicrosPerDay;
    if (us <= 0 || us > std::numeric_limits<int64_t>::max()) {
        return bad("It is a time above 0, for example '7 days' or '36 hours'.");
    }
    return static_cast<int64_t>(us);
}

std::string retention_text(int64_t retention_us) {
    const Interval64 interval{.us = retention_us % kMicrosPerDay,
                              .days = static_cast<int32_t>(retention_us / kMicrosPerDay),
                              .months = 0};
    std::string text;
    format_text(Datum{Type::of(TypeKind::kInterval), interval}, utc_format(), text);
    return text;
}

/// Refused at CREATE where it is no such time.
int64_t retention_of(const Table& table) {
    const std::string words = table.option("retention", "");
    if (words.empty()) return 0;
    const auto retention_us = parse_retention(words);
    return retention_us ? *retention_us : 0;
}

}  // namespace braid::catalog
