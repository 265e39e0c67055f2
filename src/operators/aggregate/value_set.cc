// SPDX-License-Identifier: Apache-2.0
#include "operators/aggregate/value_set_internal.h"

namespace braid::operators {

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
    probes_.clear();
    for (size_t i = 0; i < places_.size(); ++i) {
        add_probe(block.entries[places_[i]], groups[places_[i]], values_.at(i));
    }
    insert_probes();
}

void ValueSet::insert(char* entry, uint32_t group, std::string_view value) {
    const uint32_t tag = tag_of(group, value);
    if (find(tag, group, value) == KeyTable::kNone) add(entry, group, tag, value);
}

void ValueSet::merge(char* entry, uint32_t group, const ValueSet& other, const char* other_entry) {
    probes_.clear();
    other.for_each(other_entry, [&](std::string_view value) {
        if (probes_.size() == kProbesMax) {
            insert_probes();
            probes_.clear();
        }
        add_probe(entry, group, value);
    });
    insert_probes();
}

bool ValueSet::contains(uint32_t group, std::string_view value) const {
    return find(tag_of(group, value), group, value) != KeyTable::kNone;
}

uint32_t ValueSet::tag_of(uint32_t group, std::string_view value) {
    constexpr uint64_t kOdd = 0xA54FF53A5F1D36F1;  // digits of a square root
    return static_cast<uint32_t>(fold_product(hash_bytes(value) ^ group, kOdd) >> 32);
}

KeyTable::Ref ValueSet::find(uint32_t tag, uint32_t group, std::string_view value) const {
    return table_.find_where(
        tag, [&](const char* payload) { return is_element(payload, group, value); });
}

/// Only for a value that find did not find.
void ValueSet::add(char* entry, uint32_t group, uint32_t tag, std::string_view value) {
    const KeyTable::Ref ref = table_.insert(tag, value);
    auto& head = *reinterpret_cast<Head*>(entry + offset_);
    element(table_.payload(ref)) = {group, head.first};
    head.first = ref;
    ++head.count;
}

void ValueSet::add_probe(char* entry, uint32_t group, std::string_view value) {
    probes_.push_back({tag_of(group, value), group, entry, value, nullptr});
}

void ValueSet::insert_probes() {
    const bool is_large = table_.is_worth_prefetching();
    if (is_large) {
        for (const Probe& probe : probes_) table_.prefetch_bucket(probe.tag);
    }
    for (Probe& probe : probes_) probe.likely = table_.likely_entry(probe.tag);
    if (is_large) {
        for (const Probe& probe : probes_) table_.prefetch_entry(probe.likely);
    }
    for (const Probe& probe : probes_) {
        if (is_element(probe.likely, probe.group, probe.value)) continue;
        // Not at its first place; or new, unless it came twice in this block.
        if (find(probe.tag, probe.group, probe.value) != KeyTable::kNone) continue;
        add(probe.entry, probe.group, probe.tag, probe.value);
    }
}

}  // namespace braid::operators
