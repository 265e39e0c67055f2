// SPDX-License-Identifier: Apache-2.0
#include "batch/run_merge.h"

#include <algorithm>
#include <queue>
#include <string>

namespace braid::batch {

namespace {

using operators::GroupTable;

constexpr size_t kGroupsAtOnce = 4096;

/// One run's place in a section.
struct Head {
    std::unique_ptr<runs::RunCursor> cursor;
    std::string key;
    std::string value;
    size_t index = 0;

    Result<bool> advance() {
        std::string_view next_key;
        std::string_view next_value;
        if (!TRY(cursor->next(next_key, next_value))) return false;
        key.assign(next_key);
        value.assign(next_value);
        return true;
    }
};

struct LaterHead {
    bool operator()(const Head* left, const Head* right) const {
        if (left->key != right->key) return left->key > right->key;
        if (left->value != right->value) return left->value > right->value;
        return left->index > right->index;
    }
};

/// Calls `visit` with every row of a section of all runs, by key and value.
Result<void> visit_in_order(
    const std::vector<std::shared_ptr<const runs::RunReader>>& runs, uint32_t section,
    const std::function<Result<void>(std::string_view, std::string_view)>& visit) {
    std::vector<Head> heads(runs.size());
    std::priority_queue<Head*, std::vector<Head*>, LaterHead> queue;
    for (size_t index = 0; index < runs.size(); ++index) {
        heads[index].index = index;
        heads[index].cursor = TRY(runs[index]->scan(section, {}, {}));
        if (TRY(heads[index].advance())) queue.push(&heads[index]);
    }
    while (!queue.empty()) {
        Head* head = queue.top();
        queue.pop();
        TRY(visit(head->key, head->value));
        if (TRY(head->advance())) queue.push(head);
    }
    return {};
}

Result<void> emit(const GroupTable& table, const MergedRows& into) {
    std::string state;
    for (const GroupTable::Group group : table.sorted_groups()) {
        state.clear();
        table.encode_state(group, state);
        TRY(into.row(table.key_of(group), state));
    }
    return {};
}

}  // namespace

Result<void> merge_runs(const std::vector<std::shared_ptr<const runs::RunReader>>& runs,
                        const std::vector<plan::Aggregate>& aggregates, const MergedRows& into) {
    auto table = std::make_unique<GroupTable>(aggregates);
    TRY(visit_in_order(runs, 0, [&](std::string_view key, std::string_view state) -> Result<void> {
        // Keys ascend, so a full table holds only finished keys once another key comes.
        if (table->size() >= kGroupsAtOnce && table->find(key) == GroupTable::kNoGroup) {
            TRY(emit(*table, into));
            table = std::make_unique<GroupTable>(aggregates);
        }
        return table->merge_state(key, state);
    }));
    TRY(emit(*table, into));
    const auto sets =
        std::ranges::count(aggregates, plan::AggregateKind::kCountDistinct, &plan::Aggregate::kind);
    for (int set = 0; set < static_cast<int>(sets); ++set) {
        std::string last_key;
        std::string last_value;
        bool has_last = false;
        TRY(visit_in_order(runs, static_cast<uint32_t>(set) + 1,
                           [&](std::string_view key, std::string_view value) -> Result<void> {
                               if (has_last && key == last_key && value == last_value) return {};
                               has_last = true;
                               last_key.assign(key);
                               last_value.assign(value);
                               return into.set_value(set, key, value);
                           }));
    }
    size_t failed = 0;
    return visit_in_order(runs, runs::kFailedSection,
                          [&](std::string_view event, std::string_view reason) -> Result<void> {
                              if (++failed > operators::FailedEvents::kKeptMax) return {};
                              return into.failed_event(event, reason);
                          });
}

Result<Digest> digest_of_merge(const std::vector<std::shared_ptr<const runs::RunReader>>& runs,
                               const std::vector<plan::Aggregate>& aggregates) {
    Digest digest;
    MergedRows into;
    into.row = [&](std::string_view key, std::string_view state) -> Result<void> {
        digest.add_row(key, state);
        return {};
    };
    into.set_value = [&](int, std::string_view key, std::string_view value) -> Result<void> {
        digest.add_row(key, value);
        return {};
    };
    into.failed_event = into.row;
    TRY(merge_runs(runs, aggregates, into));
    return digest;
}

}  // namespace braid::batch
