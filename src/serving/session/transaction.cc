// SPDX-License-Identifier: Apache-2.0
#include "serving/session/transaction.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/error_makers.h"
#include "serving/session/record_appender.h"

namespace braid::serving {

namespace {

/// Streams whose views change, but for those that are made or dropped in the same step: what their
/// views start from is decided together with a seal, and a seal is of one stream.
std::set<TableId> streams_of_views(const manifest::State& state,
                                   const std::vector<manifest::Change>& changes) {
    std::set<TableId> tables;
    for (const manifest::Change& change : changes) {
        if (const auto* made = std::get_if<manifest::CreateView>(&change)) {
            tables.insert(made->view.table);
        } else if (const auto* dropped = std::get_if<manifest::DropView>(&change)) {
            const auto view = state.catalog.views.find(dropped->view);
            if (view != state.catalog.views.end()) tables.insert(view->second.table);
        }
    }
    for (const manifest::Change& change : changes) {
        if (const auto* made = std::get_if<manifest::CreateTable>(&change)) {
            tables.erase(made->table.id);
        } else if (const auto* dropped = std::get_if<manifest::DropTable>(&change)) {
            tables.erase(dropped->table);
        }
    }
    return tables;
}

}  // namespace

Result<void> PendingWork::insert(const catalog::Table& table, std::vector<std::string> records) {
    if (records.empty()) return {};
    size_t bytes = 0;
    for (const std::string& record : records) {
        bytes += record.size();
        if (record.size() <= kRecordBytesMax) continue;
        return exhausted("a row of \"{}\" makes a record of {} bytes", table.name, record.size())
            .with_detail(fmt::format("At most {} bytes are stored.", kRecordBytesMax))
            .with_hint("Insert it as several rows, or shorter values.")
            .with_sqlstate("54000");
    }
    if (bytes_ + bytes > kBytesMax) {
        return Error(exhausted("the transaction has inserted more than {} MiB", kBytesMax >> 20))
            .with_hint("Commit more often, or send records to POST /v1/tables/<table>/records.")
            .with_sqlstate("53200");
    }
    if (!held_.hold(bytes_ + bytes)) return held_.refusal();
    bytes_ += bytes;
    inserts_.push_back(
        {table, std::make_shared<const std::vector<std::string>>(std::move(records)), bytes});
    return {};
}

std::shared_ptr<const read::OwnRows> PendingWork::own_rows(
    const std::vector<TableId>& tables) const {
    read::OwnRows own;
    const auto is_read = [&](TableId table) {
        return std::ranges::find(tables, table) != tables.end();
    };
    for (const Insert& each : inserts_) {
        if (is_read(each.table.id)) own.records[each.table.id].push_back(each.records);
    }
    for (const manifest::Change& change : changes_) {
        const auto* made = std::get_if<manifest::CreateTable>(&change);
        if (made != nullptr && is_read(made->table.id)) own.made[made->table.id] = made->table;
    }
    if (own.records.empty() && own.made.empty()) return nullptr;
    return std::make_shared<const read::OwnRows>(std::move(own));
}

Result<void> PendingWork::define(const manifest::StatePtr& base,
                                 std::vector<manifest::Change> changes, int64_t now_us) {
    auto seen = TRY(manifest::apply(*base, changes, now_us));
    std::vector<manifest::Change> all = changes_;
    std::ranges::move(changes, std::back_inserter(all));
    if (streams_of_views(head_ == nullptr ? *base : *head_, all).size() > 1) {
        return Error(unsupported("materialized views of more than one stream in one transaction"))
            .with_hint("Make and drop views of each stream in a transaction of their own.");
    }
    if (head_ == nullptr) head_ = base;
    changes_ = std::move(all);
    seen_ = std::make_shared<const manifest::State>(std::move(seen));
    return {};
}

manifest::StatePtr PendingWork::seen_from(const manifest::StatePtr& head, int64_t now_us) {
    if (changes_.empty()) return head;
    if (head == head_ && seen_ != nullptr) return seen_;
    auto seen = manifest::apply(*head, changes_, now_us);
    if (!seen) return seen_;
    head_ = head;
    seen_ = std::make_shared<const manifest::State>(*std::move(seen));
    return seen_;
}

bool PendingWork::has_made(ViewId view) const {
    return std::ranges::any_of(changes_, [&](const manifest::Change& change) {
        const auto* made = std::get_if<manifest::CreateView>(&change);
        return made != nullptr && made->view.id == view;
    });
}

void PendingWork::go_back(Mark mark) {
    while (inserts_.size() > mark.inserts) {
        bytes_ -= inserts_.back().bytes;
        inserts_.pop_back();
    }
    (void)held_.hold(bytes_);
    if (changes_.size() == mark.changes) return;
    changes_.erase(changes_.begin() + static_cast<std::ptrdiff_t>(mark.changes), changes_.end());
    seen_ = nullptr;
}

TransactionWork PendingWork::take() {
    TransactionWork work;
    std::set<TableId> dropped;
    for (const manifest::Change& change : changes_) {
        if (const auto* drop = std::get_if<manifest::DropTable>(&change))
            dropped.insert(drop->table);
    }
    for (Insert& each : inserts_) {
        if (dropped.contains(each.table.id)) continue;
        const auto place = std::ranges::find_if(
            work.inserts, [&](const auto& rows) { return rows.table.id == each.table.id; });
        TransactionWork::Rows& rows =
            place == work.inserts.end()
                ? work.inserts.emplace_back(std::move(each.table),
                                            std::vector<read::OwnRows::Records>())
                : *place;
        rows.records.push_back(std::move(each.records));
    }
    work.changes = std::move(changes_);
    work.held = std::move(held_);
    clear();
    return work;
}

}  // namespace braid::serving
