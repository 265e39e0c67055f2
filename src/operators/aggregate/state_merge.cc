// SPDX-License-Identifier: Apache-2.0
#include "operators/aggregate/state_merge.h"

#include "operators/aggregate/scratch_entry_internal.h"
#include "operators/aggregate/subkey_aggregate_internal.h"

namespace braid::operators {
namespace {

std::vector<std::unique_ptr<Accumulator>> accumulators_of(
    const std::vector<plan::Aggregate>& aggregates, uint32_t section) {
    if (section == 0) return make_accumulators(aggregates);
    std::vector<std::unique_ptr<Accumulator>> made;
    made.push_back(subkey_states(plan::aggregate_of_section(aggregates, section)).state);
    return made;
}

}  // namespace

struct StateMerge::Body {
    ScratchEntry entry;
    std::string bytes;        // of the state that came alone, or of the sum
    bool is_decoded = false;  // the entry holds the sum
};

StateMerge::StateMerge(const std::vector<plan::Aggregate>& aggregates, uint32_t section)
    : body_(new Body{.entry = ScratchEntry(accumulators_of(aggregates, section)), .bytes = {}}) {}
StateMerge::~StateMerge() = default;

void StateMerge::start(std::string_view state) {
    body_->bytes.assign(state);
    body_->is_decoded = false;
}

Result<void> StateMerge::add(std::string_view state) {
    if (!body_->is_decoded) {
        body_->entry.clear();
        TRY(body_->entry.merge(body_->bytes));
        body_->is_decoded = true;
    }
    return body_->entry.merge(state);
}

std::string_view StateMerge::sum() {
    if (body_->is_decoded) {
        body_->bytes.clear();
        body_->entry.encode(body_->bytes);
    }
    return body_->bytes;
}

}  // namespace braid::operators
