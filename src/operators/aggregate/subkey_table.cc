// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "base/error_makers.h"
#include "operators/aggregate/subkey_table_internal.h"

namespace braid::operators {

SubkeyTable::SubkeyTable(SubkeyStates states)
    : state_(std::move(states.state)),
      reads_values_(states.reads_values),
      table_(sizeof(Element) + (state_ == nullptr ? 0 : state_->state_bytes())) {
    if (state_ != nullptr) state_->set_offset(sizeof(Element));
}

void SubkeyTable::fold(const FoldBlock& block, std::span<const uint32_t> groups) {
    const Column& argument = block.arguments.front();
    const bool may_have_nulls = argument.may_have_nulls();
    const FoldBlock filter_only{block.entries, block.first, {}, block.filter};
    const RowSelection selected(filter_only);
    rows_.clear();
    places_.clear();
    for (uint32_t i = 0; i < block.entries.size(); ++i) {
        const auto row = static_cast<uint32_t>(block.first + i);
        if (!selected[i] || (may_have_nulls && argument.is_null(row))) continue;
        rows_.push_back(row);
        places_.push_back(i);
    }
    encode_keys({&argument, 1}, rows_, subkeys_);
    probes_.clear();
    for (size_t i = 0; i < places_.size(); ++i) {
        add_probe(block.entries[places_[i]], groups[places_[i]], subkeys_.at(i), nullptr);
    }
    if (state_ == nullptr) {
        insert_probes([](const Probe&, char*) {});
    } else {
        fold_states(argument);
    }
}

void SubkeyTable::fold_states(const Column& argument) {
    payloads_.clear();
    insert_probes([this](const Probe&, char* payload) { payloads_.push_back(payload); });
    FoldBlock block{payloads_, 0, {}, nullptr};
    if (!reads_values_) return state_->fold(block);
    const Column values = argument.gather(rows_).flattened();
    block.arguments = {&values, 1};
    state_->fold(block);
}

Result<void> SubkeyTable::merge_row(char* entry, uint32_t group, std::string_view subkey,
                                    std::string_view state) {
    const uint32_t tag = tag_of(group, subkey);
    const KeyTable::Ref found = find(tag, group, subkey);
    char* payload =
        found == KeyTable::kNone ? add(entry, group, tag, subkey) : table_.payload(found);
    ByteReader in(state);
    if (state_ != nullptr) TRY(state_->merge_encoded(payload + sizeof(Element), in));
    if (!in.at_end()) return corrupt("state of a subkey is longer than its aggregate");
    return {};
}

void SubkeyTable::merge(char* entry, uint32_t group, const SubkeyTable& other,
                        const char* other_entry) {
    probes_.clear();
    other.for_each(other_entry, [&](std::string_view subkey, const char* state) {
        if (probes_.size() == kProbesMax) {
            merge_probes();
            probes_.clear();
        }
        add_probe(entry, group, subkey, state);
    });
    merge_probes();
}

void SubkeyTable::merge_probes() {
    if (state_ == nullptr) return insert_probes([](const Probe&, char*) {});
    insert_probes([this](const Probe& probe, char* payload) {
        state_->merge(payload + sizeof(Element), probe.from);
    });
}

uint32_t SubkeyTable::tag_of(uint32_t group, std::string_view subkey) {
    constexpr uint64_t kOdd = 0xA54FF53A5F1D36F1;  // digits of a square root
    return static_cast<uint32_t>(fold_product(hash_bytes(subkey) ^ group, kOdd) >> 32);
}

KeyTable::Ref SubkeyTable::find(uint32_t tag, uint32_t group, std::string_view subkey) const {
    return table_.find_where(
        tag, [&](const char* payload) { return is_element(payload, group, subkey); });
}

/// Only for a subkey that find did not find. Gives its payload.
char* SubkeyTable::add(char* entry, uint32_t group, uint32_t tag, std::string_view subkey) {
    const KeyTable::Ref ref = table_.insert(tag, subkey);
    auto& head = *reinterpret_cast<Head*>(entry + offset_);
    char* payload = table_.payload(ref);
    element(payload) = {group, head.first};
    head.first = ref;
    ++head.count;
    return payload;
}

void SubkeyTable::add_probe(char* entry, uint32_t group, std::string_view subkey,
                            const char* from) {
    probes_.push_back({tag_of(group, subkey), group, entry, subkey, nullptr, from});
}

template <typename Visit>
void SubkeyTable::insert_probes(Visit visit) {
    const bool is_large = table_.is_worth_prefetching();
    if (is_large) {
        for (const Probe& probe : probes_) table_.prefetch_bucket(probe.tag);
    }
    for (Probe& probe : probes_) probe.likely = table_.likely_entry(probe.tag);
    if (is_large) {
        for (const Probe& probe : probes_) table_.prefetch_entry(probe.likely);
    }
    for (const Probe& probe : probes_) {
        if (is_element(probe.likely, probe.group, probe.subkey)) {
            visit(probe, probe.likely);
            continue;
        }
        // Not at its first place; or new, unless it came twice in this block.
        const KeyTable::Ref found = find(probe.tag, probe.group, probe.subkey);
        visit(probe, found != KeyTable::kNone
                         ? table_.payload(found)
                         : add(probe.entry, probe.group, probe.tag, probe.subkey));
    }
}

}  // namespace braid::operators
