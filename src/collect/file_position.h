// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "collect/content_hash.h"
#include "model/ids.h"

namespace braid::collect {

/// How far a file is in the log: the bytes that `content` describes. It travels in the log with the
/// records that it covers (docs/formats/positions.md).
struct FilePosition {
    ContentMark content;
    /// The last record taken was a line without end, and lies there: what comes next is its rest.
    std::optional<EventId> first_part;
    /// How large the file was when this was written.
    uint64_t seen_bytes = 0;
    int64_t grown_at_s = 0;  // Unix seconds: the oldest are forgotten first
    /// Everything of it was taken, and nothing more is expected: it may be gone.
    bool is_done = false;
    /// All of it had been taken from the file that it is a copy of.
    bool is_copy = false;
    /// Of a build that kept only a hash of the first bytes: `old_head` of `old_head_bytes`.
    bool is_old = false;
    uint64_t old_head_bytes = 0;
    uint64_t old_head = 0;
    std::string path;  // where it was last

    uint64_t offset() const { return content.bytes; }

    std::string to_text() const;
    static Result<FilePosition> from_text(std::string_view text);
};

}  // namespace braid::collect
