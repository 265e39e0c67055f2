// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/worker.h"

namespace braid::collect {

/// How one part of a source stands, such as one file: a row of braid.sources.
struct SourceFacts {
    std::string path;  // of the part: what a person knows it by
    /// A word of the source's own, a constant: following, rotated, unreadable, … (file_source.h).
    std::string_view state;
    std::optional<uint64_t> position;  // bytes of it that are in the log
    std::optional<uint64_t> size;
    std::string last_error;
};

/// Fetches records of one stream and appends them to its log, each once: its position travels in
/// the batches. What a node runs; it knows no other face of one. One step at a time, by one thread;
/// the rest from any.
class Source {
  public:
    virtual ~Source() = default;
    /// Reads at most one batch.
    virtual StepOutcome step() = 0;
    /// Whether all that was seen so far is in the log.
    virtual bool is_caught_up() const = 0;
    /// As of the last step that found nothing to do.
    virtual std::vector<SourceFacts> facts() const = 0;
};

}  // namespace braid::collect
