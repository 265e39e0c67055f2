// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <variant>

#include "columnar/numeric.h"
#include "columnar/type.h"

namespace braid {

/// One value with its type; monostate is NULL. For constants, parameters and single answers, not
/// for loops. The alternative follows the type's kind: bool kBool, int32_t kInt4/kDate, int64_t
/// kInt8/kTimestamp/kTimestampTz, double, Numeric, Interval64, std::string kText/kUnknown.
struct Datum {
    using Value = std::variant<std::monostate, bool, int32_t, int64_t, double, Numeric, Interval64,
                               std::string>;

    Type type;
    Value value;

    static Datum null(Type type) { return {type, std::monostate{}}; }
    static Datum boolean(bool value) { return {Type::of(TypeKind::kBool), value}; }
    static Datum int4(int32_t value) { return {Type::of(TypeKind::kInt4), value}; }
    static Datum int8(int64_t value) { return {Type::of(TypeKind::kInt8), value}; }
    static Datum float8(double value) { return {Type::of(TypeKind::kFloat8), value}; }
    static Datum text(std::string value) { return {Type::of(TypeKind::kText), std::move(value)}; }

    bool is_null() const { return std::holds_alternative<std::monostate>(value); }
    template <typename T>
    const T& as() const {
        return std::get<T>(value);
    }
};

}  // namespace braid
