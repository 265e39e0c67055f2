// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "columnar/key_codec.h"
#include "operators/aggregate/accumulator_internal.h"
#include "operators/aggregate/key_table_internal.h"
#include "operators/aggregate/subkey_aggregate_internal.h"

namespace braid::operators {

/// What one aggregate keeps under subkeys, of all groups in one table keyed (group, subkey): a
/// state, or none where the aggregate is a set. The subkeys of a group form a list; its head and
/// length lie in the group's entry.
class SubkeyTable {
  public:
    /// In the entry of a group.
    struct Head {
        KeyTable::Ref first;
        uint32_t count;
    };

    explicit SubkeyTable(const plan::Aggregate& aggregate)
        : SubkeyTable(subkey_states(aggregate)) {}

    void set_offset(size_t offset) { offset_ = offset; }
    const Head& head_of(const char* entry) const {
        return *reinterpret_cast<const Head*>(entry + offset_);
    }

    /// Adds rows; the argument may have any encoding, groups[i] goes with entries[i].
    void fold(const FoldBlock& block, std::span<const uint32_t> groups);
    /// ⊕ with a row of a run.
    Result<void> merge_row(char* entry, uint32_t group, std::string_view subkey,
                           std::string_view state);
    /// ⊕ with what another table keeps for its entry.
    void merge(char* entry, uint32_t group, const SubkeyTable& other, const char* other_entry);

    /// Calls with (subkey, state), unordered; the state of a set is no memory to read.
    template <typename Visit>
    void for_each(const char* entry, Visit visit) const {
        for (KeyTable::Ref at = head_of(entry).first; at != KeyTable::kNone;) {
            const char* payload = table_.payload(at);
            visit(table_.key(at), payload + sizeof(Element));
            at = element(payload).next;
        }
    }
    /// The subkeys of an entry, unordered, as what the next two take. Valid as long as the table.
    void list(const char* entry, std::vector<KeyTable::Ref>& into) const {
        for (KeyTable::Ref at = head_of(entry).first; at != KeyTable::kNone;) {
            into.push_back(at);
            at = element(table_.payload(at)).next;
        }
    }
    std::string_view key(KeyTable::Ref at) const { return table_.key(at); }
    const char* state(KeyTable::Ref at) const { return table_.payload(at) + sizeof(Element); }
    void encode(const char* state, ByteWriter& out) const {
        if (state_ != nullptr) state_->encode(state, out);
    }
    size_t bytes_used() const {
        return table_.bytes_used() + (state_ == nullptr ? 0 : state_->bytes_used());
    }

  private:
    /// Before each state.
    struct Element {
        uint32_t group;
        KeyTable::Ref next;  // of the same group
    };
    /// A subkey on its way to entry and group.
    struct Probe {
        uint32_t tag;
        uint32_t group;
        char* entry;
        std::string_view subkey;
        char* likely;
        const char* from;  // merge: the state that comes with it
    };
    static constexpr size_t kProbesMax = 1024;

    explicit SubkeyTable(SubkeyStates states);
    static Element& element(char* payload) { return *reinterpret_cast<Element*>(payload); }
    static const Element& element(const char* payload) {
        return *reinterpret_cast<const Element*>(payload);
    }
    static uint32_t tag_of(uint32_t group, std::string_view subkey);
    bool is_element(const char* payload, uint32_t group, std::string_view subkey) const {
        return element(payload).group == group && table_.is_key(payload, subkey);
    }
    KeyTable::Ref find(uint32_t tag, uint32_t group, std::string_view subkey) const;
    char* add(char* entry, uint32_t group, uint32_t tag, std::string_view subkey);
    void add_probe(char* entry, uint32_t group, std::string_view subkey, const char* from);
    /// Calls with each probe and the payload it has found or made.
    template <typename Visit>
    void insert_probes(Visit visit);
    void merge_probes();
    void fold_states(const Column& argument);

    size_t offset_ = 0;
    const std::unique_ptr<Accumulator> state_;  // null: a set
    const bool reads_values_;
    KeyTable table_;
    // Scratch of fold and merge.
    std::vector<uint32_t> rows_;
    std::vector<uint32_t> places_;
    EncodedKeys subkeys_;
    std::vector<Probe> probes_;
    std::vector<char*> payloads_;
};

}  // namespace braid::operators
