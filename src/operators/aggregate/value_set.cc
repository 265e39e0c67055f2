// SPDX-License-Identifier: Apache-2.0
#include <limits>

#include "operators/aggregate/value_set_internal.h"

namespace braid::operators {
namespace {

std::string composite_key(uint32_t group, std::string_view value) {
    std::string key(sizeof group + value.size(), '\0');
    std::memcpy(key.data(), &group, sizeof group);
    std::memcpy(key.data() + sizeof group, value.data(), value.size());
    return key;
}

}  // namespace

void ValueSet::fold(const FoldBlock& block, std::span<const uint32_t> groups) {
    const Column& argument = *block.argument;
    const bool may_have_nulls = argument.may_have_nulls();
    const FoldBlock filter_only{block.entries, block.first, nullptr, block.filter};
    const RowSelection selected(filter_only);
    rows_.clear();
    places_.clear();
    for (uint32_t i = 0; i < block.entries.size(); ++i) {
        const auto row = static_cast<uint32_t>(block.first + i);
        if (!selected[i] || (may_have_nulls && argument.is_null(row))) continue;
        rows_.push_back(row);
        places_.push_back(i);
    }
    encode_keys({&argument, 1}, rows_, values_);
    keys_.clear();
    probes_.clear();
    for (size_t i = 0; i < places_.size(); ++i) {
        add_probe(groups[places_[i]], values_.at(i), places_[i]);
    }
    insert_probes(block.entries);
}

void ValueSet::add_probe(uint32_t group, std::string_view value, uint32_t place) {
    Probe probe{};
    probe.from = static_cast<uint32_t>(keys_.size());
    probe.size = static_cast<uint32_t>(sizeof group + value.size());
    probe.place = place;
    keys_.append(reinterpret_cast<const char*>(&group), sizeof group);
    keys_.append(value);
    probe.tag = KeyTable::tag_of(std::string_view(keys_).substr(probe.from, probe.size));
    probes_.push_back(probe);
}

void ValueSet::insert_probes(std::span<char* const> entries) {
    const bool is_large = table_.is_worth_prefetching();
    if (is_large) {
        for (const Probe& probe : probes_) table_.prefetch_bucket(probe.tag);
    }
    for (Probe& probe : probes_) probe.likely = table_.likely_entry(probe.tag);
    if (is_large) {
        for (const Probe& probe : probes_) table_.prefetch_entry(probe.likely);
    }
    for (const Probe& probe : probes_) {
        const std::string_view key(keys_.data() + probe.from, probe.size);
        if (!table_.is_key(probe.likely, key)) add_key(entries[probe.place], probe.tag, key);
    }
}

void ValueSet::add_key(char* entry, uint32_t tag, std::string_view key) {
    const auto [ref, is_new] = table_.find_or_insert(tag, key);
    if (!is_new) return;
    auto& head = *reinterpret_cast<Head*>(entry + offset_);
    next_of(ref) = head.first;
    head.first = ref;
    ++head.count;
}

void ValueSet::insert(char* entry, uint32_t group, std::string_view value) {
    const std::string key = composite_key(group, value);
    add_key(entry, KeyTable::tag_of(key), key);
}

void ValueSet::merge(char* entry, uint32_t group, const ValueSet& other, const char* other_entry) {
    keys_.clear();
    probes_.clear();
    other.for_each(other_entry, [&](std::string_view value) {
        add_probe(group, value, 0);
        constexpr size_t kProbesMax = 1024;
        if (probes_.size() < kProbesMax) return;
        insert_probes({&entry, 1});
        keys_.clear();
        probes_.clear();
    });
    insert_probes({&entry, 1});
}

bool ValueSet::contains(uint32_t group, std::string_view value) const {
    const std::string key = composite_key(group, value);
    return table_.find(KeyTable::tag_of(key), key) != KeyTable::kNone;
}

}  // namespace braid::operators
