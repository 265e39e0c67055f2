// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "columnar/time_zone.h"
#include "columnar/type.h"
#include "operators/expr/functions/format_picture_internal.h"

namespace braid::operators {

/// What to_char shows of a time. Of an interval every field may be negative and hours pass 24.
struct ShownTime {
    CivilTime civil;
    int32_t days = 0;  // the date; of an interval its approximate length
    /// The date, also of an interval, taken as if its fields were one; for weeks and Julian days.
    int32_t calendar_days = 0;
    bool is_interval = false;
    int zone_seconds = 0;
    std::string zone_name;  // empty for a time without zone
};

/// A to_char picture of a time, compiled.
class TimePicture {
  public:
    explicit TimePicture(std::string_view picture);
    /// 22007 for a field that an interval does not have.
    Result<void> format(const ShownTime& time, std::string& out) const;
    /// Some keyword shows the zone.
    bool needs_zone() const { return needs_zone_; }

  private:
    std::vector<PictureItem> items_;
    bool needs_zone_ = false;
};

ShownTime shown_interval(const Interval64& span);

}  // namespace braid::operators
