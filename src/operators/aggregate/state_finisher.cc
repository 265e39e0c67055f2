// SPDX-License-Identifier: Apache-2.0
#include "operators/aggregate/state_finisher.h"

#include <utility>

#include "base/check.h"
#include "base/error_makers.h"
#include "operators/aggregate/finish_row_internal.h"
#include "operators/aggregate/scratch_entry_internal.h"
#include "operators/aggregate/subkey_aggregate_internal.h"

namespace braid::operators {

namespace {

/// What the group at hand keeps under subkeys of one aggregate.
struct SubkeySection {
    size_t aggregate = 0;
    std::unique_ptr<SubkeyFinish> finish;
    std::unique_ptr<ScratchEntry> state;  // null: a set
    uint64_t count = 0;
};

}  // namespace

struct StateFinisher::Body {
    Body(const std::vector<plan::Aggregate>& given, std::vector<bool> asked)
        : aggregates(given), wanted(std::move(asked)), entry(make_accumulators(given)) {
        CHECK_EQ(aggregates.size(), wanted.size());
        for (size_t a = 0; a < aggregates.size(); ++a) {
            if (entry.accumulator(a) != nullptr) continue;
            SubkeySection& section = sections.emplace_back();
            section.aggregate = a;
            section.finish = make_subkey_finish(aggregates[a]);
            std::vector<std::unique_ptr<Accumulator>> state;
            state.push_back(subkey_states(aggregates[a]).state);
            if (state.front() == nullptr) continue;
            section.state = std::make_unique<ScratchEntry>(std::move(state));
        }
        for (const plan::Aggregate& each : aggregates) builders.emplace_back(each.result_type);
        errors.resize(aggregates.size());
    }
    Result<void> begin_group(std::string_view states);
    void end_group();

    const std::vector<plan::Aggregate>& aggregates;
    const std::vector<bool> wanted;
    ScratchEntry entry;
    std::vector<SubkeySection> sections;  // section n at n - 1
    bool is_open = false;                 // a group is begun and not ended
    uint32_t groups = 0;                  // ended
    std::vector<ColumnBuilder> builders;
    std::vector<std::vector<RowError>> errors;
};

Result<void> StateFinisher::Body::begin_group(std::string_view states) {
    end_group();
    entry.clear();
    TRY(entry.merge(states));
    for (SubkeySection& section : sections) {
        section.count = 0;
        section.finish->start();
    }
    is_open = true;
    return {};
}

void StateFinisher::Body::end_group() {
    if (!is_open) return;
    is_open = false;
    for (size_t a = 0; a < aggregates.size(); ++a) {
        const Accumulator* accumulator = entry.accumulator(a);
        if (!wanted[a] || accumulator == nullptr) continue;
        finish_row(accumulator->finish(entry.state(a), builders[a]), groups, builders[a],
                   errors[a]);
    }
    for (const SubkeySection& section : sections) {
        const size_t a = section.aggregate;
        if (!wanted[a]) continue;
        finish_row(section.finish->finish(section.count, builders[a]), groups, builders[a],
                   errors[a]);
    }
    ++groups;
}

StateFinisher::StateFinisher(const std::vector<plan::Aggregate>& aggregates,
                             std::vector<bool> wanted)
    : body_(std::make_unique<Body>(aggregates, std::move(wanted))) {}
StateFinisher::~StateFinisher() = default;

Result<void> StateFinisher::add(uint32_t section, const StateRow& row) {
    if (section == 0) return body_->begin_group(row.state);
    CHECK(body_->is_open);
    SubkeySection& into = body_->sections[section - 1];
    if (!body_->wanted[into.aggregate]) return {};
    ++into.count;
    if (!into.finish->reads_rows()) return {};
    if (into.state == nullptr) {
        into.finish->add(row.subkey, nullptr);
        return {};
    }
    into.state->clear();
    TRY(into.state->merge(row.state));
    into.finish->add(row.subkey, into.state->state(0));
    return {};
}

std::vector<Evaluated> StateFinisher::take() {
    body_->end_group();
    std::vector<Evaluated> taken;
    for (size_t a = 0; a < body_->aggregates.size(); ++a) {
        Column column = body_->wanted[a] ? body_->builders[a].finish() : Column();
        taken.push_back({std::move(column), std::exchange(body_->errors[a], {})});
    }
    body_->groups = 0;
    return taken;
}

}  // namespace braid::operators
