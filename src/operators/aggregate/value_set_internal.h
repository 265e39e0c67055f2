// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <span>
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

    ValueSet() : table_(sizeof(Element)) {}

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
        for (KeyTable::Ref at = head_of(entry).first; at != KeyTable::kNone;) {
            visit(table_.key(at));
            at = element(table_.payload(at)).next;
        }
    }
    size_t bytes_used() const { return table_.bytes_used(); }

  private:
    /// Before each value.
    struct Element {
        uint32_t group;
        KeyTable::Ref next;  // of the same group
    };
    /// A value on its way into the set of entry and group.
    struct Probe {
        uint32_t tag;
        uint32_t group;
        char* entry;
        std::string_view value;
        const char* likely;
    };
    static constexpr size_t kProbesMax = 1024;

    static Element& element(char* payload) { return *reinterpret_cast<Element*>(payload); }
    static const Element& element(const char* payload) {
        return *reinterpret_cast<const Element*>(payload);
    }
    static uint32_t tag_of(uint32_t group, std::string_view value);
    bool is_element(const char* payload, uint32_t group, std::string_view value) const {
        return element(payload).group == group && table_.is_key(payload, value);
    }
    KeyTable::Ref find(uint32_t tag, uint32_t group, std::string_view value) const;
    void add(char* entry, uint32_t group, uint32_t tag, std::string_view value);
    void add_probe(char* entry, uint32_t group, std::string_view value);
    void insert_probes();

    size_t offset_ = 0;
    KeyTable table_;
    // Scratch of fold and merge.
    std::vector<uint32_t> rows_;
    std::vector<uint32_t> places_;
    EncodedKeys values_;
    std::vector<Probe> probes_;
};

}  // namespace braid::operators
