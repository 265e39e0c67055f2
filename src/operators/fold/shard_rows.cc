// SPDX-License-Identifier: Apache-2.0
#include "operators/fold/shard_rows.h"

#include <cstring>
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
    if (is_empty()) return;
    const EventPlaces places{partition_, offsets_};
    const EventPlaces* events = offsets_.empty() ? nullptr : &places;
    if (places_.empty()) {
        table.fold(keys_, inputs_, events);
    } else {
        table.fold(keys_, places_, inputs_, events);
    }
}

void ShardSplitter::split_keys(const EncodedKeys& keys, std::vector<ShardRows>& into) {
    std::vector<uint32_t> counts(into.size());
    std::vector<uint32_t> sizes(into.size());  // in bytes
    hashes_.resize(keys.size());
    shard_of_key_.resize(keys.size());
    place_of_key_.resize(keys.size());
    for (size_t key = 0; key < keys.size(); ++key) {
        const std::string_view bytes = keys.at(key);
        hashes_[key] = GroupTable::hash_of(bytes);
        const size_t shard = GroupTable::shard_of(hashes_[key], into.size());
        shard_of_key_[key] = static_cast<uint32_t>(shard);
        place_of_key_[key] = counts[shard]++;
        sizes[shard] += static_cast<uint32_t>(bytes.size());
    }
    for (size_t shard = 0; shard < into.size(); ++shard) {
        into[shard].keys_.bytes.resize(sizes[shard]);
        into[shard].keys_.ends.resize(counts[shard]);
        into[shard].keys_.hashes.resize(counts[shard]);
    }
    sizes.assign(into.size(), 0);
    for (size_t key = 0; key < keys.size(); ++key) {
        const std::string_view bytes = keys.at(key);
        const uint32_t shard = shard_of_key_[key];
        EncodedKeys& of_shard = into[shard].keys_;
        std::memcpy(of_shard.bytes.data() + sizes[shard], bytes.data(), bytes.size());
        sizes[shard] += static_cast<uint32_t>(bytes.size());
        of_shard.ends[place_of_key_[key]] = sizes[shard];
        of_shard.hashes[place_of_key_[key]] = hashes_[key];
    }
}

void ShardSplitter::sort_rows(std::span<const uint32_t> places, size_t rows, size_t shard_count) {
    const auto shard_of = [&](uint32_t row) {
        return shard_of_key_[places.empty() ? row : places[row]];
    };
    ends_.assign(shard_count + 1, 0);
    for (uint32_t row = 0; row < rows; ++row) ++ends_[shard_of(row) + 1];
    std::partial_sum(ends_.begin(), ends_.end(), ends_.begin());
    order_.resize(rows);
    // The place for rows of a shard moves to its end.
    for (uint32_t row = 0; row < rows; ++row) order_[ends_[shard_of(row)]++] = row;
}

/// Each column is gathered once, and a shard's part of it is a slice.
void ShardSplitter::split(const EncodedKeys& keys, std::span<const uint32_t> places,
                          std::span<const AggregateInput> inputs, const EventPlaces* events,
                          std::vector<ShardRows>& into) {
    split_keys(keys, into);
    sort_rows(places, places.empty() ? keys.size() : places.size(), into.size());
    const std::vector<AggregateInput> all =
        changed(inputs, [&](const Column& each) { return gathered(each, order_); });
    uint32_t from = 0;
    for (size_t shard = 0; shard < into.size(); ++shard) {
        const std::span<const uint32_t> rows = std::span(order_).subspan(from, ends_[shard] - from);
        ShardRows& part = into[shard];
        if (!places.empty()) {
            part.places_.reserve(rows.size());
            for (const uint32_t row : rows) part.places_.push_back(place_of_key_[places[row]]);
        }
        part.inputs_ =
            changed(all, [&](const Column& each) { return slice_of(each, from, rows.size()); });
        if (events != nullptr) {
            part.partition_ = events->partition;
            part.offsets_.reserve(rows.size());
            for (const uint32_t row : rows) part.offsets_.push_back(events->offsets[row]);
        }
        from = ends_[shard];
    }
}

}  // namespace braid::operators
