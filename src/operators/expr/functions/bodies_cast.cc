// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <limits>
#include <string>

#include "columnar/kind_switch.h"
#include "columnar/text_io.h"
#include "columnar/time_zone.h"
#include "operators/expr/body_internal.h"
#include "operators/expr/functions/time_internal.h"
#include "operators/expr/functions/utf8_internal.h"
#include "operators/expr/functions/value_errors_internal.h"

namespace braid::operators {

namespace {

/// Any type but text from text: the input function of the type wanted.
Column from_text(Call& call) {
    const Reader<std::string_view> in = reader<std::string_view>(call, 0);
    ColumnBuilder builder(call.result, call.rows);
    for (size_t row = 0; row < call.rows; ++row) {
        if (!call.is_active(row) || !call.pace.spend(row_work(in[row]))) {
            builder.append_null();
            continue;
        }
        Result<void> parsed = parse_text_into(builder, in[row], call.context.format);
        if (parsed.has_value()) continue;
        builder.append_null();
        call.errors.push_back({static_cast<uint32_t>(row), std::move(parsed).error()});
    }
    return builder.finish();
}

/// Text from any type: its output function.
Column to_text(Call& call) {
    TextResult result(call);
    const Column& argument = call.arguments[0];
    std::string scratch;
    for (size_t row = 0; row < call.rows; ++row) {
        if (!call.is_active(row)) continue;
        if (!call.pace.spend(kRowWork)) break;
        scratch.clear();
        format_text(argument, row, call.context.format, scratch);
        result.set(row, scratch);
    }
    return result.finish();
}

Column bool_to_text(Call& call) {
    return map_text<uint8_t>(
        call, [](std::string& out, uint8_t value) { out = value != 0 ? "true" : "false"; });
}

/// text || any, any || text: through the cast to text.
Column concatenate(Call& call) {
    TextResult result(call);
    std::string scratch;
    for (size_t row = 0; row < call.rows; ++row) {
        if (!call.is_active(row)) continue;
        if (!call.pace.spend(kRowWork)) break;
        scratch.clear();
        for (const Column& argument : call.arguments) {
            if (argument.type().kind == TypeKind::kBool) {
                scratch += argument.at<uint8_t>(row) != 0 ? "true" : "false";
            } else {
                format_text(argument, row, call.context.format, scratch);
            }
        }
        result.set(row, scratch);
    }
    return result.finish();
}

template <typename From, typename To>
Column widen(Call& call) {
    return map_total<To, From>(call, [](From value) { return static_cast<To>(value); });
}

struct IntegerRange {
    int64_t min;
    int64_t max;
    std::string_view type;
};
constexpr IntegerRange kSmallint{INT16_MIN, INT16_MAX, "smallint"};
constexpr IntegerRange kInteger{INT32_MIN, INT32_MAX, "integer"};
constexpr IntegerRange kBigint{INT64_MIN, INT64_MAX, "bigint"};
constexpr IntegerRange kOid{0, UINT32_MAX, "OID"};

template <const IntegerRange& range, typename From, typename To>
Column narrow(Call& call) {
    return map_fallible<To, From>(call, [](From value) -> Result<To> {
        if (value < range.min || value > range.max) return out_of_range(range.type);
        return static_cast<To>(value);
    });
}

template <const IntegerRange& range, typename To>
Column from_double(Call& call) {
    return map_fallible<To, double>(call, [](double value) -> Result<To> {
        const double rounded = std::rint(value);
        // The upper bound + 1 is a power of two, which a double holds exactly; NaN fails both.
        const bool fits =
            rounded >= static_cast<double>(range.min) && rounded < -static_cast<double>(range.min);
        if (!fits) return out_of_range(range.type);
        return static_cast<To>(rounded);
    });
}

template <const IntegerRange& range, typename To>
Column from_numeric(Call& call) {
    return map_fallible<To, Numeric>(call, [](const Numeric& value) -> Result<To> {
        if (!value.is_finite()) {
            const std::string_view what = value.kind == Numeric::Kind::kNaN ? "NaN" : "infinity";
            return argument_error(
                "0A000", "cannot convert " + std::string(what) + " to " + std::string(range.type));
        }
        const Result<int64_t> whole = to_int8(value);
        if (!whole.has_value() || *whole < range.min || *whole > range.max) {
            return out_of_range(range.type);
        }
        return static_cast<To>(*whole);
    });
}

Result<Numeric> double_to_numeric(double value) { return numeric_from_double(value); }

Column fit_numeric(Call& call) {
    return map_fallible<Numeric, Numeric, int32_t, int32_t>(
        call, [](const Numeric& value, int32_t precision, int32_t scale) {
            return fit(value, precision, scale);
        });
}

Column cut_varchar(Call& call) {
    return map_slice<std::string_view, int32_t>(
        call, [](std::string_view text, int32_t length) { return utf8_prefix(text, length); });
}

/// OIDs are unsigned: a negative int4 is the same 32 bits.
Column int4_to_oid(Call& call) {
    return map_total<int64_t, int32_t>(
        call, [](int32_t value) { return int64_t{static_cast<uint32_t>(value)}; });
}
Column oid_to_int4(Call& call) {
    return map_total<int32_t, int64_t>(
        call, [](int64_t value) { return static_cast<int32_t>(static_cast<uint32_t>(value)); });
}

Column first_character(Call& call) {
    return map_slice<std::string_view>(call,
                                       [](std::string_view text) { return utf8_prefix(text, 1); });
}

void add_number_casts(BodyTable& table) {
    table.add_cheap("cast:int8(int4)", widen<int32_t, int64_t>);
    table.add_cheap("cast:float8(int4)", widen<int32_t, double>);
    table.add_cheap("cast:float8(int8)", widen<int64_t, double>);
    table.add_cheap("cast:numeric(int4)", [](Call& call) {
        return map_total<Numeric, int32_t>(call, [](int32_t v) { return Numeric::from_int(v); });
    });
    table.add_cheap("cast:numeric(int8)", [](Call& call) {
        return map_total<Numeric, int64_t>(call, [](int64_t v) { return Numeric::from_int(v); });
    });
    table.add_cheap("cast:float8(numeric)", [](Call& call) {
        return map_total<double, Numeric>(call, [](const Numeric& v) { return to_double(v); });
    });
    table.add("cast:numeric(float8)",
              [](Call& call) { return map_fallible<Numeric, double>(call, double_to_numeric); });
    table.add("cast:numeric(numeric,int4,int4)", fit_numeric);
    table.add("cast:int4(int8)", narrow<kInteger, int64_t, int32_t>);
    table.add("cast:int2(int4)", narrow<kSmallint, int32_t, int32_t>);
    table.add("cast:int2(int8)", narrow<kSmallint, int64_t, int32_t>);
    table.add("cast:int4(float8)", from_double<kInteger, int32_t>);
    table.add("cast:int8(float8)", from_double<kBigint, int64_t>);
    table.add("cast:int2(float8)", from_double<kSmallint, int32_t>);
    table.add("cast:int4(numeric)", from_numeric<kInteger, int32_t>);
    table.add("cast:int8(numeric)", from_numeric<kBigint, int64_t>);
    table.add("cast:int2(numeric)", from_numeric<kSmallint, int32_t>);
    table.add_cheap("cast:bool(int4)", [](Call& call) {
        return map_total<uint8_t, int32_t>(call, [](int32_t v) { return uint8_t{v != 0}; });
    });
    table.add_cheap("cast:int4(bool)", [](Call& call) {
        return map_total<int32_t, uint8_t>(call, [](uint8_t v) { return int32_t{v != 0}; });
    });
    for (const char* reference : {"oid", "regclass", "regtype", "regproc"}) {
        const std::string name(reference);
        table.add_cheap("cast:" + name + "(int4)", int4_to_oid);
        table.add("cast:" + name + "(int8)", narrow<kOid, int64_t, int64_t>);
        table.add_cheap("cast:int4(" + name + ")", oid_to_int4);
    }
    table.add_cheap("cast:oid(int2)", int4_to_oid);
}

Column timestamp_to_date(Call& call) {
    return map_total<int32_t, int64_t>(call, [](int64_t us) { return date_of_us(us); });
}
Column timestamptz_to_date(Call& call) {
    ZoneOffsets zone(call.context.format.zone);
    return map_total<int32_t, int64_t>(
        call, [&](int64_t us) { return date_of_us(zone.to_local_us(us)); });
}
Column timestamptz_to_timestamp(Call& call) {
    ZoneOffsets zone(call.context.format.zone);
    return map_fallible<int64_t, int64_t>(call, [&](int64_t us) -> Result<int64_t> {
        return checked_timestamp(zone.to_local_us(us));
    });
}
Column timestamp_to_timestamptz(Call& call) {
    const TimeZone& zone = *call.context.format.zone;
    return map_fallible<int64_t, int64_t>(
        call, [&](int64_t us) { return timestamptz_of_local(us, zone); });
}
Column date_to_timestamp(Call& call) {
    return map_fallible<int64_t, int32_t>(call, timestamp_of_date);
}
Column date_to_timestamptz(Call& call) {
    const TimeZone& zone = *call.context.format.zone;
    return map_fallible<int64_t, int32_t>(call, [&](int32_t days) -> Result<int64_t> {
        return timestamptz_of_local(TRY(timestamp_of_date(days)), zone);
    });
}

void add_time_casts(BodyTable& table) {
    table.add("cast:date(timestamp)", timestamp_to_date);
    table.add("cast:date(timestamptz)", timestamptz_to_date);
    table.add("cast:timestamp(timestamptz)", timestamptz_to_timestamp);
    table.add("cast:timestamptz(timestamp)", timestamp_to_timestamptz);
    table.add("cast:timestamp(date)", date_to_timestamp);
    table.add("cast:timestamptz(date)", date_to_timestamptz);
}

}  // namespace

void add_cast_bodies(BodyTable& table) {
    add_number_casts(table);
    add_time_casts(table);
    table.add("cast:text-input", from_text);
    for (const char* type :
         {"int4", "int8", "numeric", "float8", "date", "timestamp", "timestamptz", "interval"}) {
        table.add("cast:text(" + std::string(type) + ")", to_text);
        table.add("output:text(" + std::string(type) + ")", to_text);
        table.add("||(" + std::string(type) + ",text)", concatenate);
        table.add("||(text," + std::string(type) + ")", concatenate);
    }
    table.add("||(bool,text)", concatenate);
    table.add("||(text,bool)", concatenate);
    table.add("cast:text(bool)", bool_to_text);
    table.add("output:text(bool)", to_text);
    table.add("output:text(text)",
              [](Call& call) { return call.arguments[0].with_type(call.result); });
    table.add("cast:varchar(text,int4)", cut_varchar);
    table.add("cast:char(text)", first_character);
}

}  // namespace braid::operators
