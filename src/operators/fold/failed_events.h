// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>

#include "base/result.h"
#include "model/ids.h"

namespace braid::operators {

/// The events for which an expression of one view failed, with the reason: the view does not count
/// them, other views do. At most the kKeptMax smallest by (partition, offset) are kept, so that ⊕,
/// which is union, stays commutative and associative; how many there are is in the view's account.
class FailedEvents {
  public:
    static constexpr size_t kKeptMax = 10'000;
    /// A longer reason is cut off.
    static constexpr size_t kReasonBytesMax = 512;

    void add(EventId event, std::string_view reason);
    void merge(const FailedEvents& other);
    /// ⊕ with one row of a run: what encode_event gave, and its reason.
    Result<void> merge_encoded(std::string_view event, std::string_view reason);

    const std::map<EventId, std::string>& kept() const { return kept_; }
    size_t bytes_used() const { return bytes_; }

  private:
    std::map<EventId, std::string> kept_;
    size_t bytes_ = 0;
};

/// Twelve bytes that sort as events do; docs/formats/run.md.
std::string encode_event(EventId event);

/// Corrupt for anything else.
Result<EventId> decode_event(std::string_view bytes);

}  // namespace braid::operators
