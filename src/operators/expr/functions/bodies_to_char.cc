// SPDX-License-Identifier: Apache-2.0
#include "columnar/time_zone.h"
#include "operators/expr/body_internal.h"
#include "operators/expr/functions/time_internal.h"
#include "operators/expr/functions/to_char_number_internal.h"
#include "operators/expr/functions/to_char_time_internal.h"

namespace braid::operators {

namespace {

using View = std::string_view;

Result<TimePicture> make_time_picture(View text) { return TimePicture(text); }

ShownTime shown_local(int64_t local_us) {
    ShownTime shown;
    shown.civil = civil_from_us(local_us);
    shown.days = date_of_us(local_us);
    shown.calendar_days = shown.days;
    return shown;
}

/// to_char of a time: NULL for an infinity and for an empty picture.
template <bool with_zone>
Column time_to_char(Call& call) {
    auto& pictures = call_state<Compiled<TimePicture>>(call);
    ZoneOffsets zone(call.context.format.zone);
    const auto us = reader<int64_t>(call, 0);
    const auto picture = reader<View>(call, 1);
    TextResult result(call);
    std::string scratch;
    for (size_t row = 0; row < call.rows; ++row) {
        if (!call.is_active(row) || picture[row].empty() || !is_finite_us(us[row])) continue;
        if (!call.pace.spend(row_work(picture[row]))) break;
        const TimePicture& compiled = **pictures.get(picture[row], make_time_picture);
        ShownTime shown = shown_local(with_zone ? zone.to_local_us(us[row]) : us[row]);
        if (with_zone && compiled.needs_zone()) {
            shown.zone_seconds = zone.offset_seconds_at(us[row]);
            shown.zone_name = zone.zone().abbreviation_at(us[row]);
        }
        scratch.clear();
        Result<void> done = compiled.format(shown, scratch);
        if (done.has_value()) {
            result.set(row, scratch);
        } else {
            result.fail(row, std::move(done).error());
        }
    }
    return result.finish();
}

Column interval_to_char(Call& call) {
    auto& pictures = call_state<Compiled<TimePicture>>(call);
    const auto span = reader<Interval64>(call, 0);
    const auto picture = reader<View>(call, 1);
    TextResult result(call);
    std::string scratch;
    for (size_t row = 0; row < call.rows; ++row) {
        if (!call.is_active(row) || picture[row].empty()) continue;
        if (!call.pace.spend(row_work(picture[row]))) break;
        const TimePicture& compiled = **pictures.get(picture[row], make_time_picture);
        scratch.clear();
        Result<void> done = compiled.format(shown_interval(span[row]), scratch);
        if (done.has_value()) {
            result.set(row, scratch);
        } else {
            result.fail(row, std::move(done).error());
        }
    }
    return result.finish();
}

/// to_char of a number by `format(picture, value, out)`.
template <typename T, typename F>
Column number_to_char(Call& call, F format) {
    auto& pictures = call_state<Compiled<NumberPicture>>(call);
    return map_text<T, View>(
        call, [&](std::string& out, const T& value, View text) -> Result<void> {
            const NumberPicture* picture = TRY(pictures.get(text, NumberPicture::parse));
            return format(*picture, value, out);
        });
}

}  // namespace

void add_to_char_bodies(BodyTable& table) {
    table.add("to_char(timestamp,text)", time_to_char<false>);
    table.add("to_char(timestamptz,text)", time_to_char<true>);
    table.add("to_char(interval,text)", interval_to_char);
    table.add("to_char(int4,text)", [](Call& call) {
        return number_to_char<int32_t>(
            call, [](const NumberPicture& picture, int32_t value, std::string& out) {
                return picture.format_int(value, true, out);
            });
    });
    table.add("to_char(int8,text)", [](Call& call) {
        return number_to_char<int64_t>(
            call, [](const NumberPicture& picture, int64_t value, std::string& out) {
                return picture.format_int(value, false, out);
            });
    });
    table.add("to_char(numeric,text)", [](Call& call) {
        return number_to_char<Numeric>(
            call, [](const NumberPicture& picture, const Numeric& value, std::string& out) {
                return picture.format_numeric(value, out);
            });
    });
    table.add("to_char(float8,text)", [](Call& call) {
        return number_to_char<double>(
            call, [](const NumberPicture& picture, double value, std::string& out) {
                return picture.format_double(value, out);
            });
    });
}

}  // namespace braid::operators
