// SPDX-License-Identifier: Apache-2.0
// The part of the commit rule about events that are erased.
#include <algorithm>

#include "base/error_makers.h"
#include "catalog/view_versions.h"
#include "manifest/rule_internal.h"

namespace braid::manifest {

namespace {

/// That are done.
constexpr size_t kErasuresKept = 100;

bool is_unpublished(const Erasure& erasure) { return erasure.published_at_us == 0; }

}  // namespace

bool TableState::has_unpublished_erasure() const {
    return std::ranges::any_of(erasures, is_unpublished);
}

bool TableState::has_pending_erasure() const {
    return std::ranges::any_of(erasures, &Erasure::is_pending);
}

Result<void> check_epoch(const TableState& table, uint64_t epoch) {
    if (table.erasure_epoch == epoch) return {};
    return conflict("events were erased since this was computed")
        .with_detail(
            fmt::format("It is of erasure epoch {}, now is {}.", epoch, table.erasure_epoch));
}

Result<void> Rule::operator()(const Erase& change) {
    TableState& table = *TRY(this->table(change.table));
    if (table.candidate) return conflict("a candidate waits for a person's word");
    Erasure erasure = change.erasure;
    if (erasure.id != table.erasure_epoch + 1) {
        return conflict("erasure {} does not follow erasure {}", erasure.id, table.erasure_epoch);
    }
    erasure.ends.grow(table.origin);
    if (erasure.ends.partition_count() != table.origin.partition_count() || erasure.rows == 0) {
        return internal_error("erasure {} is malformed", erasure.id);
    }
    if (!table.archive_end.dominates(erasure.ends) ||
        !table.sealed_frontier.dominates(erasure.ends)) {
        return conflict("events below {} are not archived and sealed", erasure.ends.to_string());
    }
    erasure.at_us = now_us_;
    erasure.published_at_us = 0;
    erasure.done_at_us = 0;
    table.erasure_epoch = erasure.id;
    table.readable_from = {state_.number.value + 1};
    size_t surplus = table.erasures.size() - std::min(table.erasures.size(), kErasuresKept);
    std::erase_if(table.erasures, [&](const Erasure& each) {
        return !each.is_pending() && surplus > 0 && surplus-- > 0;
    });
    table.erasures.push_back(std::move(erasure));
    return {};
}

Result<void> Rule::operator()(const Erased& change) {
    TableState& table = *TRY(this->table(change.table));
    for (const uint64_t id : change.erasures) {
        const auto erasure = std::ranges::find(table.erasures, id, &Erasure::id);
        if (erasure == table.erasures.end() || !erasure->is_pending()) {
            return conflict("erasure {} is not pending", id);
        }
        if (is_unpublished(*erasure)) {
            return internal_error("views still show what erasure {} took away", id);
        }
        erasure->done_at_us = now_us_;
    }
    return {};
}

Result<void> Rule::check_erases(const TableState& table, const Publish& change) {
    for (const Erasure& erasure : table.erasures) {
        if (!is_unpublished(erasure)) continue;
        if (!table.cut_in_flight->dominates(erasure.ends)) {
            return conflict("cut {} does not hold all of what erasure {} reaches",
                            table.cut_in_flight->to_string(), erasure.id);
        }
    }
    if (!table.has_unpublished_erasure()) return {};
    for (const VersionId version : versions_of(change.table)) {
        const catalog::ViewVersion& view = *find_version(version);
        // Its history is still to come, or came after the cut was chosen: of this epoch.
        if (!view.is_populated || !table.cut_in_flight->dominates(view.first_seal)) continue;
        const auto run = std::ranges::find(change.runs, version, &Run::version);
        if (run == change.runs.end() || run->increments != 0) {
            return conflict("view version {} would still show what was erased", version.value);
        }
    }
    return {};
}

void Rule::note_published(TableId id, TableState& table) {
    for (Erasure& erasure : table.erasures) {
        if (is_unpublished(erasure)) erasure.published_at_us = now_us_;
    }
    table.cuts.erase(table.cuts.begin(), table.cuts.end() - 1);
    table.readable_from = {state_.number.value + 1};
    // They name keys, which may be of what was erased.
    state_.audits.edit([&](SharedList<Audit>::Items& items) {
        for (auto& item : items) {
            if (item->table != id || item->difference.empty()) continue;
            Audit audit = *item;
            audit.difference = "erased";
            item = std::make_shared<const Audit>(std::move(audit));
        }
    });
}

}  // namespace braid::manifest
