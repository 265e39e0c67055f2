// SPDX-License-Identifier: Apache-2.0
#include "tests/support/utc_text.h"

#include "columnar/text_io.h"
#include "columnar/time_zone.h"

namespace braid::testing {

std::string utc_text(int64_t unix_us) {
    std::string text;
    format_text(Datum{Type::of(TypeKind::kTimestampTz), unix_us + kUnixEpochUs}, utc_format(),
                text);
    return text;
}

}  // namespace braid::testing
