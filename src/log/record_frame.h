// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace braid::log {

/// How the small files beside extents begin: a magic of eight bytes, a version, the CRC-32C of the
/// body behind it.
struct FrameKind {
    std::string_view magic;
    uint32_t version = 1;   // that is written; all from 1 on are read
    std::string_view name;  // for people: "redo record"
};

std::string frame_record(const FrameKind& kind, std::string_view body);

struct FramedRecord {
    uint32_t version = 0;
    std::string_view body;  // of the bytes that were opened
};
/// Corrupt for what is no such record, Unsupported for a version that is not known.
Result<FramedRecord> open_record(const FrameKind& kind, std::string_view bytes);

}  // namespace braid::log
