// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "operators/aggregate/accumulator_internal.h"

namespace braid::operators {

/// Gives each accumulator its place in an entry: the aligned ones first, then `between` bytes for
/// the caller, then single bytes; null ones have none. Returns the end.
size_t place_states(const std::vector<std::unique_ptr<Accumulator>>& accumulators, size_t between,
                    size_t& between_offset);

/// One accumulator by aggregate; null for one with subkeys.
std::vector<std::unique_ptr<Accumulator>> make_accumulators(
    const std::vector<plan::Aggregate>& aggregates);

/// ⊕ with encoded states, one after the other; `entry` holds those of the accumulators.
Result<void> merge_encoded(const std::vector<std::unique_ptr<Accumulator>>& accumulators,
                           char* entry, std::string_view states);

/// The states of one group, or of one subkey, outside a table; used again and again.
class ScratchEntry {
  public:
    explicit ScratchEntry(std::vector<std::unique_ptr<Accumulator>> accumulators);

    /// The states of no row.
    void clear();
    Result<void> merge(std::string_view states) {
        return merge_encoded(accumulators_, entry(), states);
    }
    void encode(std::string& out) const;
    const Accumulator* accumulator(size_t index) const { return accumulators_[index].get(); }
    const char* state(size_t index) const {
        return reinterpret_cast<const char*>(memory_.data()) + accumulators_[index]->offset();
    }

  private:
    char* entry() { return reinterpret_cast<char*>(memory_.data()); }

    std::vector<std::unique_ptr<Accumulator>> accumulators_;
    std::vector<uint64_t> memory_;
};

}  // namespace braid::operators
