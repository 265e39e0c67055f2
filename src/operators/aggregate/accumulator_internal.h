// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "columnar/column.h"
#include "operators/aggregate/event_places.h"
#include "plan/view_plan.h"

namespace braid::operators {

/// Some rows of a slice on their way into states: row first + i belongs to the entry entries[i].
struct FoldBlock {
    std::span<char* const> entries;
    size_t first = 0;
    std::span<const Column> arguments;    // flat, as many as the aggregate has
    const Column* filter = nullptr;       // flat bool; null if the aggregate has none
    const EventPlaces* places = nullptr;  // null unless the aggregate needs them
};

/// One aggregate of a view: what its states mean. A state is a fixed number of bytes inside a
/// group's entry; all zero is the neutral state. What does not fit there (text, wide sums) is owned
/// by the accumulator that made it, so an accumulator lives as long as its table. Byte forms:
/// docs/formats/states.md.
class Accumulator {
  public:
    virtual ~Accumulator() = default;
    virtual size_t state_bytes() const = 0;
    /// Of the state's address: 8 or 1.
    virtual size_t alignment() const = 0;

    /// Its states depend on where rows come from, not only on what they hold.
    virtual bool needs_places() const { return false; }
    virtual void fold(const FoldBlock& block) = 0;
    /// ⊕. `from` is a state of another accumulator of the same aggregate.
    virtual void merge(char* into, const char* from) = 0;
    virtual void encode(const char* state, ByteWriter& out) const = 0;
    /// ⊕ with what encode wrote.
    virtual Result<void> merge_encoded(char* into, ByteReader& in) = 0;
    virtual Result<void> finish(const char* state, ColumnBuilder& out) const = 0;
    /// Gives back what a state holds beyond its entry; its bytes mean nothing from then on.
    virtual void drop(char* /*state*/) {}
    /// Beyond the entries.
    virtual size_t bytes_used() const { return 0; }

    /// Where the state lies in an entry.
    void set_offset(size_t offset) { offset_ = offset; }
    size_t offset() const { return offset_; }

  protected:
    template <typename State>
    State* state_of(char* entry) const {
        return reinterpret_cast<State*>(entry + offset_);
    }

  private:
    size_t offset_ = 0;
};

/// For every kind without subkeys but combine, which only names another.
std::unique_ptr<Accumulator> make_accumulator(const plan::Aggregate& aggregate);

// The makers behind it, by family.
std::unique_ptr<Accumulator> make_count(const plan::Aggregate& aggregate);
std::unique_ptr<Accumulator> make_bool(const plan::Aggregate& aggregate);
std::unique_ptr<Accumulator> make_sum(const plan::Aggregate& aggregate);
std::unique_ptr<Accumulator> make_extreme(const plan::Aggregate& aggregate);

/// True where a row takes part: the filter is true and the first argument, if there is one, not
/// NULL.
class RowSelection {
  public:
    explicit RowSelection(const FoldBlock& block)
        : validity_(block.arguments.empty() ? std::span<const uint8_t>()
                                            : block.arguments.front().validity()),
          first_(block.first) {
        if (block.filter == nullptr) return;
        filter_ = block.filter->values<uint8_t>();
        filter_validity_ = block.filter->validity();
    }
    bool is_all() const { return validity_.empty() && filter_.empty(); }
    bool operator[](size_t i) const {
        const size_t row = first_ + i;
        return (validity_.empty() || validity_[row] != 0) &&
               (filter_.empty() || filter_[row] != 0) &&
               (filter_validity_.empty() || filter_validity_[row] != 0);
    }

  private:
    std::span<const uint8_t> validity_;
    std::span<const uint8_t> filter_;
    std::span<const uint8_t> filter_validity_;
    size_t first_;
};

/// Calls with (entry, value) for each row that takes part. Without NULLs and filter the loop has no
/// test.
template <typename T, typename Visit>
void for_each_value(const FoldBlock& block, Visit visit) {
    const T* values = block.arguments.front().values<T>().data() + block.first;
    const RowSelection selected(block);
    const size_t count = block.entries.size();
    if (selected.is_all()) {
        for (size_t i = 0; i < count; ++i) visit(block.entries[i], values[i]);
        return;
    }
    for (size_t i = 0; i < count; ++i) {
        if (selected[i]) visit(block.entries[i], values[i]);
    }
}

}  // namespace braid::operators
