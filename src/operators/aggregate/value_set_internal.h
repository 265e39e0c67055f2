// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "columnar/key_codec.h"
#include "operators/aggregate/accumulator_internal.h"
#include "operators/aggregate/key_table_internal.h"

namespace braid::operators {

/// The sets of one count(DISTINCT x), of all groups in one table keyed (group, encoded value). The
/// elements of a group form a list; its head and length lie in the group's entry.
class ValueSet {
  public:
    /// In the entry of a group.
    struct Head {
        KeyTable::Ref first;
        uint32_t count;
    };

    ValueSet() : table_(sizeof(KeyTable::Ref)) {}

    void set_offset(size_t offset) { offset_ = offset; }
    const Head& head_of(const char* entry) const {
        return *reinterpret_cast<const Head*>(entry + offset_);
    }

    /// Adds the argument's values; `block.argument` may have any encoding, groups[i] goes with
    /// entries[i].
    void fold(const FoldBlock& block, std::span<const uint32_t> groups);
    void insert(char* entry, uint32_t group, std::string_view value);
    /// Adds the set of another table's entry.
    void merge(char* entry, uint32_t group, const ValueSet& other, const char* other_entry);
    bool contains(uint32_t group, std::string_view value) const;

    template <typename Visit>
    void for_each(const char* entry, Visit visit) const {
        for (KeyTable::Ref at = head_of(entry).first; at != KeyTable::kNone; at = next_of(at)) {
            visit(table_.key(at).substr(sizeof(uint32_t)));
        }
    }
    size_t bytes_used() const { return table_.bytes_used(); }

  private:
    struct Probe {
        uint32_t tag;
        uint32_t from;  // of its key in keys_
        uint32_t size;
        uint32_t place;  // in the block
        const char* likely;
    };

    KeyTable::Ref& next_of(KeyTable::Ref at) const {
        return *reinterpret_cast<KeyTable::Ref*>(table_.payload(at));
    }
    void add_probe(uint32_t group, std::string_view value, uint32_t place);
    void insert_probes(std::span<char* const> entries);
    void add_key(char* entry, uint32_t tag, std::string_view key);

    size_t offset_ = 0;
    KeyTable table_;
    // Scratch of fold and merge.
    std::vector<uint32_t> rows_;
    std::vector<uint32_t> places_;
    EncodedKeys values_;
    std::string keys_;
    std::vector<Probe> probes_;
};

}  // namespace braid::operators
