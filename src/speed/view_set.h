// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <vector>

#include "base/result.h"
#include "manifest/manifest.h"
#include "model/ids.h"
#include "operators/fold/view_folder.h"

namespace braid::speed {

/// The view versions of one stream that are folded together: bound and checked whole, then taken in
/// place of the set before. Immutable, so it may be read from any thread; what was folded for it
/// keeps it alive.
class ViewSet {
  public:
    /// Those of all views of the stream in a state of the manifest.
    static Result<std::shared_ptr<const ViewSet>> bind(const manifest::State& state, TableId table,
                                                       operators::BoundViews& views);

    size_t size() const { return versions_.size(); }
    bool is_empty() const { return versions_.empty(); }
    VersionId version(size_t index) const { return versions_[index]; }
    /// Whether one of them keeps its groups for a time only.
    bool retains() const {
        return std::ranges::any_of(bound_,
                                   [](const auto& view) { return view.retention != nullptr; });
    }
    /// Whether the stream has a clock: one of them retains, or the stream itself.
    bool has_clock() const { return stream_retains_ || retains(); }
    /// Whether there is anything to find in events.
    bool is_idle() const { return is_empty() && !has_clock(); }
    const std::vector<operators::BoundView>& bound() const { return bound_; }
    const std::vector<plan::Aggregate>& aggregates(size_t index) const {
        return bound_[index].plan->aggregates;
    }

  private:
    std::vector<VersionId> versions_;
    std::vector<operators::BoundView> bound_;  // by version
    bool stream_retains_ = false;
};
using ViewSetPtr = std::shared_ptr<const ViewSet>;

}  // namespace braid::speed
