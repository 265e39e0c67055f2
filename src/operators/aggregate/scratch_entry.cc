// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include "base/error_makers.h"
#include "operators/aggregate/scratch_entry_internal.h"

namespace braid::operators {

size_t place_states(const std::vector<std::unique_ptr<Accumulator>>& accumulators, size_t between,
                    size_t& between_offset) {
    size_t offset = 0;
    const auto place = [&](size_t alignment) {
        for (const auto& accumulator : accumulators) {
            if (accumulator == nullptr || accumulator->alignment() != alignment) continue;
            accumulator->set_offset(offset);
            offset += accumulator->state_bytes();
        }
    };
    place(alignof(int64_t));
    between_offset = offset;
    offset += between;
    place(1);
    return offset;
}

std::vector<std::unique_ptr<Accumulator>> make_accumulators(
    const std::vector<plan::Aggregate>& aggregates) {
    std::vector<std::unique_ptr<Accumulator>> made;
    for (const plan::Aggregate& each : aggregates) {
        const bool has_subkeys = plan::subkeys_of(each.kind) != plan::Subkeys::kNone;
        made.push_back(has_subkeys ? nullptr : make_accumulator(each));
    }
    return made;
}

Result<void> merge_encoded(const std::vector<std::unique_ptr<Accumulator>>& accumulators,
                           char* entry, std::string_view states) {
    ByteReader in(states);
    for (const auto& accumulator : accumulators) {
        if (accumulator != nullptr)
            TRY(accumulator->merge_encoded(entry + accumulator->offset(), in));
    }
    if (!in.at_end()) return corrupt("a row of states is longer than its aggregates");
    return {};
}

ScratchEntry::ScratchEntry(std::vector<std::unique_ptr<Accumulator>> accumulators)
    : accumulators_(std::move(accumulators)) {
    size_t unused = 0;
    const size_t bytes = place_states(accumulators_, 0, unused);
    memory_.assign(bytes / sizeof(uint64_t) + 1, 0);
}

void ScratchEntry::clear() {
    for (const auto& accumulator : accumulators_) {
        if (accumulator != nullptr) accumulator->drop(entry() + accumulator->offset());
    }
    std::ranges::fill(memory_, 0);
}

void ScratchEntry::encode(std::string& out) const {
    ByteWriter writer(out);
    for (size_t index = 0; index < accumulators_.size(); ++index) {
        if (accumulators_[index] != nullptr) accumulators_[index]->encode(state(index), writer);
    }
}

}  // namespace braid::operators
