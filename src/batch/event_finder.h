// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "base/result.h"
#include "base/store.h"
#include "batch/batch_layer.h"
#include "catalog/catalog.h"
#include "dataset/segment.h"
#include "model/box.h"

namespace braid::batch {

/// Finds the events of a stream for which a predicate is true. A record that does not decode has no
/// columns: it is found only by a predicate over system columns alone. Thread-safe; what is passed
/// in must outlive it.
class EventFinder {
  public:
    /// Those in [from, ends).
    EventFinder(Store& store, const catalog::Table& table, const ErasePredicate& predicate,
                Positions from, Cut ends);

    /// Those of one segment, in order of partition and offset. `go_on` is asked after each slice
    /// with its events. The error of the first event that the predicate fails for ends it.
    Result<void> find(const manifest::Segment& segment,
                      const std::function<Result<void>(uint64_t events)>& go_on,
                      const std::function<void(PartitionId, Offset)>& found) const;

  private:
    Store& store_;
    const catalog::Table& table_;
    const ErasePredicate& predicate_;
    const Positions from_;
    const Cut ends_;
};

}  // namespace braid::batch
