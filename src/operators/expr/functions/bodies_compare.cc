// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <string_view>

#include "columnar/time_zone.h"
#include "operators/expr/body_internal.h"
#include "operators/expr/compare_internal.h"

namespace braid::operators {

namespace {

/// The six signs as predicates: on two values, and on the outcome of order_of.
struct Equal {
    static constexpr std::string_view kSign = "=";
    static bool test(const auto& a, const auto& b) { return a == b; }
};
struct NotEqual {
    static constexpr std::string_view kSign = "<>";
    static bool test(const auto& a, const auto& b) { return a != b; }
};
struct Less {
    static constexpr std::string_view kSign = "<";
    static bool test(const auto& a, const auto& b) { return a < b; }
};
struct LessEqual {
    static constexpr std::string_view kSign = "<=";
    static bool test(const auto& a, const auto& b) { return a <= b; }
};
struct Greater {
    static constexpr std::string_view kSign = ">";
    static bool test(const auto& a, const auto& b) { return a > b; }
};
struct GreaterEqual {
    static constexpr std::string_view kSign = ">=";
    static bool test(const auto& a, const auto& b) { return a >= b; }
};

/// Values whose own operators are SQL's; of the others order_of decides.
template <typename T>
inline constexpr bool kHasPlainOrder = std::is_integral_v<T> || std::is_same_v<T, std::string_view>;

template <typename Sign, typename L, typename R>
bool holds(const L& left, const R& right) {
    if constexpr (kHasPlainOrder<L>) {
        return Sign::test(left, right);
    } else {
        return Sign::test(order_of(left, right), 0);
    }
}

/// Hot: three loops, so that the compiler can make vector instructions of each.
template <typename Sign, typename L, typename R>
Column compare_columns(Call& call) {
    const Reader<L> left = reader<L>(call, 0);
    const Reader<R> right = reader<R>(call, 1);
    std::vector<uint8_t> out(call.rows);
    uint8_t* const to = out.data();
    const L* const a = left.data();
    const R* const b = right.data();
    const size_t rows = call.rows;
    if (left.is_constant() && right.is_constant()) {
        for (size_t row = 0; row < rows; ++row) to[row] = holds<Sign>(*a, *b);
    } else if (right.is_constant()) {
        const R value = *b;
        for (size_t row = 0; row < rows; ++row) to[row] = holds<Sign>(a[row], value);
    } else if (left.is_constant()) {
        const L value = *a;
        for (size_t row = 0; row < rows; ++row) to[row] = holds<Sign>(value, b[row]);
    } else {
        for (size_t row = 0; row < rows; ++row) to[row] = holds<Sign>(a[row], b[row]);
    }
    return make_column(call, std::move(out));
}

// Instants as numbers wide enough that dates beyond the range of timestamps still compare right.
constexpr int128 kForever = static_cast<int128>(1) << 100;

int128 instant_of_timestamp(int64_t us) {
    if (us == kTimestampInfinity) return kForever;
    if (us == kTimestampNegativeInfinity) return -kForever;
    return us;
}
int128 instant_of_date(int32_t days) {
    if (days == kDateInfinity) return kForever;
    if (days == kDateNegativeInfinity) return -kForever;
    return static_cast<int128>(days) * kMicrosPerDay;
}
/// A local time as an instant; what no timestamp can hold stays as it is, it is beyond all others.
int128 to_utc(int128 local, const TimeZone& zone) {
    constexpr int64_t kSafe = INT64_MAX - 2 * kMicrosPerDay;
    if (local > kSafe || local < -kSafe) return local;
    return zone.to_utc_us(static_cast<int64_t>(local));
}

template <TypeKind kind>
int128 local_instant(const Call& call, size_t argument, size_t row) {
    if constexpr (kind == TypeKind::kDate) {
        return instant_of_date(call.arguments[argument].at<int32_t>(row));
    } else {
        return instant_of_timestamp(call.arguments[argument].at<int64_t>(row));
    }
}

template <typename Sign, TypeKind left, TypeKind right>
Column compare_times(Call& call) {
    const TimeZone& zone = *call.context.format.zone;
    constexpr bool kLeftIsUtc = left == TypeKind::kTimestampTz;
    constexpr bool kRightIsUtc = right == TypeKind::kTimestampTz;
    std::vector<uint8_t> out(call.rows);
    for (size_t row = 0; row < call.rows; ++row) {
        if (!call.is_active(row)) continue;
        int128 a = local_instant<left>(call, 0, row);
        int128 b = local_instant<right>(call, 1, row);
        if (kLeftIsUtc && !kRightIsUtc) b = to_utc(b, zone);
        if (kRightIsUtc && !kLeftIsUtc) a = to_utc(a, zone);
        out[row] = Sign::test(a, b);
    }
    return make_column(call, std::move(out));
}

std::string pair_key(std::string_view sign, std::string_view left, std::string_view right) {
    std::string key(sign);
    return key.append("(").append(left).append(",").append(right).append(")");
}

template <typename Sign, typename L, typename R>
void add_columns(BodyTable& table, std::string_view left, std::string_view right) {
    table.add_cheap(pair_key(Sign::kSign, left, right), compare_columns<Sign, L, R>);
}

template <typename Sign>
void add_sign(BodyTable& table) {
    add_columns<Sign, uint8_t, uint8_t>(table, "bool", "bool");
    add_columns<Sign, int32_t, int32_t>(table, "int4", "int4");
    add_columns<Sign, int32_t, int64_t>(table, "int4", "int8");
    add_columns<Sign, int64_t, int32_t>(table, "int8", "int4");
    add_columns<Sign, int64_t, int64_t>(table, "int8", "int8");
    add_columns<Sign, double, double>(table, "float8", "float8");
    add_columns<Sign, Numeric, Numeric>(table, "numeric", "numeric");
    add_columns<Sign, std::string_view, std::string_view>(table, "text", "text");
    add_columns<Sign, int32_t, int32_t>(table, "date", "date");
    add_columns<Sign, int64_t, int64_t>(table, "timestamp", "timestamp");
    add_columns<Sign, int64_t, int64_t>(table, "timestamptz", "timestamptz");
    add_columns<Sign, Interval64, Interval64>(table, "interval", "interval");
    using enum TypeKind;
    table.add(pair_key(Sign::kSign, "date", "timestamp"), compare_times<Sign, kDate, kTimestamp>);
    table.add(pair_key(Sign::kSign, "timestamp", "date"), compare_times<Sign, kTimestamp, kDate>);
    table.add(pair_key(Sign::kSign, "date", "timestamptz"),
              compare_times<Sign, kDate, kTimestampTz>);
    table.add(pair_key(Sign::kSign, "timestamptz", "date"),
              compare_times<Sign, kTimestampTz, kDate>);
    table.add(pair_key(Sign::kSign, "timestamp", "timestamptz"),
              compare_times<Sign, kTimestamp, kTimestampTz>);
    table.add(pair_key(Sign::kSign, "timestamptz", "timestamp"),
              compare_times<Sign, kTimestampTz, kTimestamp>);
}

}  // namespace

void add_compare_bodies(BodyTable& table) {
    add_sign<Equal>(table);
    add_sign<NotEqual>(table);
    add_sign<Less>(table);
    add_sign<LessEqual>(table);
    add_sign<Greater>(table);
    add_sign<GreaterEqual>(table);
}

}  // namespace braid::operators
