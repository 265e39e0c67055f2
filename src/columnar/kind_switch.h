// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>
#include <utility>

#include "columnar/numeric.h"
#include "columnar/type.h"

namespace braid {

/// Calls `body(std::type_identity<T>{})` with the C++ type in which values of the kind are held.
/// For code that treats all kinds alike; what differs by kind belongs in a switch of its own.
template <typename Body>
decltype(auto) switch_kind(TypeKind kind, Body&& body) {
    switch (kind) {
        case TypeKind::kBool:
            return body(std::type_identity<uint8_t>{});
        case TypeKind::kInt4:
        case TypeKind::kDate:
            return body(std::type_identity<int32_t>{});
        case TypeKind::kInt8:
        case TypeKind::kTimestamp:
        case TypeKind::kTimestampTz:
            return body(std::type_identity<int64_t>{});
        case TypeKind::kNumeric:
            return body(std::type_identity<Numeric>{});
        case TypeKind::kFloat8:
            return body(std::type_identity<double>{});
        case TypeKind::kInterval:
            return body(std::type_identity<Interval64>{});
        case TypeKind::kUnknown:
        case TypeKind::kText:
            return body(std::type_identity<std::string_view>{});
    }
    std::unreachable();
}

/// Bytes of one value in a flat column.
inline size_t value_size(TypeKind kind) {
    return switch_kind(kind, []<typename T>(std::type_identity<T>) { return sizeof(T); });
}

inline bool is_text(TypeKind kind) { return kind == TypeKind::kText || kind == TypeKind::kUnknown; }

}  // namespace braid
