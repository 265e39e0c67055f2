// SPDX-License-Identifier: Apache-2.0
// The part of the commit rule about batch answers that differ from what they would replace.
#include <algorithm>

#include "base/error_makers.h"
#include "manifest/rule_internal.h"

namespace braid::manifest {

namespace {

const Audit* find_audit(const State& state, uint64_t number) {
    const auto found = std::ranges::find(state.audits, number, &Audit::number);
    return found == state.audits.end() ? nullptr : &*found;
}

bool is_pending(const State& state, uint64_t number) {
    const Audit* audit = find_audit(state, number);
    return audit != nullptr && audit->verdict == Verdict::kPending;
}

}  // namespace

std::string_view to_text(Verdict verdict) {
    switch (verdict) {
        case Verdict::kMatched:
            return "matched";
        case Verdict::kPending:
            return "pending";
        case Verdict::kAccepted:
            return "accepted";
        case Verdict::kRejected:
            return "rejected";
    }
    return "";
}

std::vector<uint64_t> State::pending_audits(TableId id) const {
    const TableState* of = table(id);
    std::vector<uint64_t> pending;
    if (of == nullptr || !of->candidate) return pending;
    std::ranges::copy_if(of->candidate->audits, std::back_inserter(pending),
                         [&](uint64_t number) { return is_pending(*this, number); });
    return pending;
}

Result<void> Rule::operator()(const Park& change) {
    TableState& table = *TRY(this->table(change.table));
    TRY(check_epoch(table, change.epoch));
    if (table.has_unpublished_erasure()) {
        return conflict("what was erased differs from what was there: it is no candidate");
    }
    TRY(admit_at_cut(change.table, table, change.cut, change.runs, table.start));
    for (const Audit& audit : change.audits) {
        if (audit.table != change.table) return internal_error("an audit of another table");
    }
    if (std::ranges::none_of(
            change.audits, [](const Audit& audit) { return audit.verdict == Verdict::kPending; })) {
        return internal_error("a candidate without a pending audit");
    }
    table.candidate =
        Candidate{.runs = change.runs, .audits = record(change.audits), .at_us = now_us_};
    return {};
}

Result<void> Rule::operator()(const Judge& change) {
    const Audit* audit = find_audit(state_, change.audit);
    if (audit == nullptr) {
        return not_found("audit {} does not exist", change.audit)
            .with_sqlstate("42704")
            .with_hint("braid.audits shows the audits that there are.");
    }
    if (audit->verdict != Verdict::kPending) {
        return invalid_input("audit {} is not pending", change.audit)
            .with_sqlstate("55000")
            .with_hint("braid.audits shows the verdict of each audit.");
    }
    const TableId id = audit->table;
    TableState& table = *TRY(this->table(id));
    if (!table.candidate) return internal_error("audit {} has no candidate", change.audit);
    if (change.is_accepted) {
        judge(change.audit, Verdict::kAccepted);
        return settle(id, table);
    }
    for (const uint64_t number : table.candidate->audits) {
        if (is_pending(state_, number) || number == change.audit) {
            judge(number, Verdict::kRejected);
        }
    }
    drop_candidate(table);
    return {};
}

Result<void> Rule::settle(TableId id, TableState& table) {
    if (!state_.pending_audits(id).empty()) return {};
    const std::vector<Run> runs = std::move(table.candidate->runs);
    table.candidate.reset();
    return publish_runs(id, table, runs);
}

void Rule::drop_candidate(TableState& table) {
    SharedList<Run>::Items runs;
    for (const Run& run : table.candidate->runs) runs.push_back(std::make_shared<const Run>(run));
    retire(runs);
    table.candidate.reset();
    table.cut_in_flight.reset();
}

/// Its version is dropped. What is left of the candidate still waits for the other audits.
void Rule::drop_candidate_run(TableState& table, VersionId version) {
    if (!table.candidate) return;
    std::vector<Run>& runs = table.candidate->runs;
    const auto place = std::ranges::find(runs, version, &Run::version);
    if (place == runs.end()) return;
    retire({std::make_shared<const Run>(*place)});
    runs.erase(place);
    for (const uint64_t number : table.candidate->audits) {
        const Audit* audit = find_audit(state_, number);
        if (audit != nullptr && audit->version == version && is_pending(state_, number)) {
            judge(number, Verdict::kRejected);
        }
    }
    if (runs.empty()) drop_candidate(table);
}

void Rule::judge(uint64_t number, Verdict verdict) {
    state_.audits.edit([&](SharedList<Audit>::Items& items) {
        const auto place =
            std::ranges::find_if(items, [&](const auto& item) { return item->number == number; });
        if (place == items.end()) return;
        Audit judged = **place;
        judged.verdict = verdict;
        *place = std::make_shared<const Audit>(std::move(judged));
    });
}

}  // namespace braid::manifest
