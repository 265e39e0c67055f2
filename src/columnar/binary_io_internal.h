// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <cstring>
#include <string>

#include "base/error_makers.h"

/// Integers in network order, as PostgreSQL's binary formats hold them.
namespace braid::binary_io {

template <typename T>
T swapped(T value) {
    if constexpr (sizeof(T) == 2)
        value = static_cast<T>(__builtin_bswap16(static_cast<uint16_t>(value)));
    if constexpr (sizeof(T) == 4)
        value = static_cast<T>(__builtin_bswap32(static_cast<uint32_t>(value)));
    if constexpr (sizeof(T) == 8)
        value = static_cast<T>(__builtin_bswap64(static_cast<uint64_t>(value)));
    return value;
}

template <typename T>
void append_big_endian(T value, std::string& out) {
    value = swapped(value);
    out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

template <typename T>
T read_big_endian(const char* from) {
    T value;
    std::memcpy(&value, from, sizeof value);
    return swapped(value);
}

inline Error bad_size() {
    return invalid_input("incorrect binary data format").with_sqlstate("22P03");
}

}  // namespace braid::binary_io
