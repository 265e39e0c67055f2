// SPDX-License-Identifier: Apache-2.0
#include "base/bytes.h"

namespace braid {

Result<uint64_t> ByteReader::varint() {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        if (in_.empty()) return truncated();
        const auto byte = static_cast<uint8_t>(in_.front());
        in_.remove_prefix(1);
        if (shift == 63 && byte > 1) break;
        value |= static_cast<uint64_t>(byte & 0x7F) << shift;
        if (byte < 0x80) return value;
    }
    return Error(ErrorCode::kCorrupt, "variable-width integer does not fit in 64 bits");
}

Result<std::string_view> ByteReader::text() {
    const uint64_t size = TRY(varint());
    return raw(size);
}

Result<std::string_view> ByteReader::raw(size_t size) {
    if (in_.size() < size) return truncated();
    const std::string_view bytes = in_.substr(0, size);
    in_.remove_prefix(size);
    return bytes;
}

Error ByteReader::truncated() {
    return Error(ErrorCode::kCorrupt, "bytes end before the value does");
}

}  // namespace braid
