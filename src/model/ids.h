// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <string>

#include "base/result.h"

namespace braid {

/// One incarnation of a log: 16 random bytes as 32 hex digits. A recreated table gets another one,
/// so offsets of the old one are never mistaken for its own.
struct LogId {
    std::string hex;
    friend auto operator<=>(const LogId&, const LogId&) = default;
};

struct PartitionId {
    uint32_t value = 0;
    friend auto operator<=>(const PartitionId&, const PartitionId&) = default;
};

/// Position of an event in a partition. Positions may be sparse: compare them, never subtract to
/// count.
struct Offset {
    int64_t value = 0;
    friend auto operator<=>(const Offset&, const Offset&) = default;
};

/// Numbers that the manifest hands out once and never again; they name things on disk.
struct ObjectId {
    uint64_t value = 0;
    friend auto operator<=>(const ObjectId&, const ObjectId&) = default;
};
using TableId = ObjectId;
using ViewId = ObjectId;
using VersionId = ObjectId;  // one definition of a view
using RunId = ObjectId;

/// Number of a manifest version; 0 means "none yet".
struct ManifestNumber {
    uint64_t value = 0;
    friend auto operator<=>(const ManifestNumber&, const ManifestNumber&) = default;
};

/// Identity of an event within a log.
struct EventId {
    PartitionId partition;
    Offset offset;
    friend auto operator<=>(const EventId&, const EventId&) = default;
};

}  // namespace braid

template <>
struct std::hash<braid::ObjectId> {
    size_t operator()(const braid::ObjectId& id) const noexcept {
        return std::hash<uint64_t>{}(id.value);
    }
};
