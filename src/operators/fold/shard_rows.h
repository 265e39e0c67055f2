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
    bool is_empty() const { return keys_.size() == 0; }
    void fold_into(GroupTable& table) const;

  private:
    friend class ShardSplitter;
    EncodedKeys keys_;
    std::vector<uint32_t> places_;  // of the keys, by row; empty: row i has key i
    std::vector<AggregateInput> inputs_;
    PartitionId partition_ = {};
    std::vector<Offset> offsets_;  // of the rows, where an aggregate asks for them
};

/// Splits the rows of a view by GroupTable::shard_of. Holds scratch memory: one instance per
/// thread.
class ShardSplitter {
  public:
    /// As in GroupTable::fold; without places row i has key i. Every key has a row. `into` has an
    /// empty one for each shard, a power of two of them.
    void split(const EncodedKeys& keys, std::span<const uint32_t> places,
               std::span<const AggregateInput> inputs, const EventPlaces* events,
               std::vector<ShardRows>& into);

  private:
    void split_keys(const EncodedKeys& keys, std::vector<ShardRows>& into);
    /// Rows in the order of their shards: `order_`, with the end of each shard in `ends_`.
    void sort_rows(std::span<const uint32_t> places, size_t rows, size_t shard_count);

    // By key.
    std::vector<uint64_t> hashes_;
    std::vector<uint32_t> shard_of_key_;
    std::vector<uint32_t> place_of_key_;  // among those of its shard
    std::vector<uint32_t> ends_;          // by shard
    std::vector<uint32_t> order_;
};

}  // namespace braid::operators
