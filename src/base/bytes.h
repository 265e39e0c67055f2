// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "base/result.h"

namespace braid {

static_assert(std::endian::native == std::endian::little, "file formats are little endian");

/// Appends fixed and variable width values to a string, little endian.
class ByteWriter {
  public:
    explicit ByteWriter(std::string& out) : out_(out) {}
    template <typename T>
    void fixed(T value) {
        static_assert(std::is_trivially_copyable_v<T>);
        out_.append(reinterpret_cast<const char*>(&value), sizeof value);
    }
    /// LEB128.
    void varint(uint64_t value) {
        while (value >= 0x80) {
            out_.push_back(static_cast<char>(value | 0x80));
            value >>= 7;
        }
        out_.push_back(static_cast<char>(value));
    }
    /// varint length, then the bytes.
    void text(std::string_view value) {
        varint(value.size());
        out_.append(value);
    }
    void raw(std::string_view value) { out_.append(value); }

  private:
    std::string& out_;
};

/// Reads what ByteWriter wrote; every read checks the bounds and fails with Corrupt.
class ByteReader {
  public:
    explicit ByteReader(std::string_view in) : in_(in) {}

    template <typename T>
    Result<T> fixed() {
        if (in_.size() < sizeof(T)) return truncated();
        T value;
        std::memcpy(&value, in_.data(), sizeof value);
        in_.remove_prefix(sizeof value);
        return value;
    }
    Result<uint64_t> varint();
    Result<std::string_view> text();
    Result<std::string_view> raw(size_t size);

    size_t remaining() const { return in_.size(); }
    bool at_end() const { return in_.empty(); }

  private:
    static Error truncated();
    std::string_view in_;
};

}  // namespace braid
