// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "columnar/column.h"
#include "columnar/key_codec.h"
#include "operators/aggregate/event_places.h"
#include "operators/aggregate/group_table.h"

namespace braid::operators {

/// Evaluated rows of one view whose keys belong to one shard of its groups, ready to be folded by
/// whoever writes that shard. Immutable once made: one thread makes them, another folds them.
class ShardRows {
  public:
    bool is_empty() const { return parts_.empty(); }
    void fold_into(GroupTable& table) const;

  private:
    friend class ShardSplitter;
    /// Of one slice.
    struct Part {
        EncodedKeys keys;
        std::vector<AggregateInput> inputs;
        PartitionId partition;
        std::vector<Offset> offsets;  // of the rows, where an aggregate asks for them
    };
    std::vector<Part> parts_;
};

/// Splits the rows of a view by GroupTable::shard_of. Holds scratch memory: one instance per
/// thread.
class ShardSplitter {
  public:
    /// As in GroupTable::fold; without places row i has key i. A power of two of shards.
    void split(const EncodedKeys& keys, std::span<const uint32_t> places,
               std::span<const AggregateInput> inputs, const EventPlaces* events,
               std::vector<ShardRows>& into);

  private:
    std::vector<uint32_t> shard_of_key_;
    std::vector<uint32_t> ends_;  // by shard
    std::vector<uint32_t> order_;
};

}  // namespace braid::operators
