// SPDX-License-Identifier: Apache-2.0
#include "operators/fold/shard_rows.h"

#include <numeric>

namespace braid::operators {

namespace {

Column gathered(const Column& column, std::span<const uint32_t> rows) {
    return column.length() == 0 ? Column() : column.gather(rows);
}

Column slice_of(const Column& column, size_t from, size_t length) {
    return column.length() == 0 ? Column() : column.slice(from, length);
}

template <typename Change>
std::vector<AggregateInput> changed(std::span<const AggregateInput> inputs, Change change) {
    std::vector<AggregateInput> all(inputs.size());
    for (size_t index = 0; index < inputs.size(); ++index) {
        for (const Column& each : inputs[index].arguments) {
            all[index].arguments.push_back(change(each));
        }
        all[index].filter = change(inputs[index].filter);
    }
    return all;
}

}  // namespace

void ShardRows::fold_into(GroupTable& table) const {
    for (const Part& part : parts_) {
        const EventPlaces events{part.partition, part.offsets};
        table.fold(part.keys, part.inputs, part.offsets.empty() ? nullptr : &events);
    }
}

/// Rows are put in the order of their shards, so that each column is gathered once and a shard's
/// part of it is a slice.
void ShardSplitter::split(const EncodedKeys& keys, std::span<const uint32_t> places,
                          std::span<const AggregateInput> inputs, const EventPlaces* events,
                          std::vector<ShardRows>& into) {
    const size_t rows = places.empty() ? keys.size() : places.size();
    const auto key_of = [&](uint32_t row) { return places.empty() ? row : places[row]; };
    shard_of_key_.resize(keys.size());
    for (size_t key = 0; key < keys.size(); ++key) {
        shard_of_key_[key] = static_cast<uint32_t>(GroupTable::shard_of(keys.at(key), into.size()));
    }
    ends_.assign(into.size() + 1, 0);
    for (uint32_t row = 0; row < rows; ++row) ++ends_[shard_of_key_[key_of(row)] + 1];
    std::partial_sum(ends_.begin(), ends_.end(), ends_.begin());
    order_.resize(rows);
    for (uint32_t row = 0; row < rows; ++row) order_[ends_[shard_of_key_[key_of(row)]]++] = row;
    const std::vector<AggregateInput> all =
        changed(inputs, [&](const Column& each) { return gathered(each, order_); });
    uint32_t from = 0;
    for (size_t shard = 0; shard < into.size(); ++shard) {
        const uint32_t to = ends_[shard];  // its place for rows has moved to its end
        if (from == to) continue;
        ShardRows::Part part;
        for (uint32_t at = from; at < to; ++at) {
            part.keys.bytes += keys.at(key_of(order_[at]));
            part.keys.ends.push_back(static_cast<uint32_t>(part.keys.bytes.size()));
        }
        part.inputs =
            changed(all, [&](const Column& each) { return slice_of(each, from, to - from); });
        if (events != nullptr) {
            part.partition = events->partition;
            for (uint32_t at = from; at < to; ++at) {
                part.offsets.push_back(events->offsets[order_[at]]);
            }
        }
        into[shard].parts_.push_back(std::move(part));
        from = to;
    }
}

}  // namespace braid::operators
