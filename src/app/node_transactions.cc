// SPDX-License-Identifier: Apache-2.0
// The end of transactions: what makes it one step, and what a start does with one that a crash has
// cut.
#include <algorithm>
#include <iterator>
#include <set>

#include <fmt/format.h>

#include "app/append_gate.h"
#include "app/node.h"
#include "base/error_makers.h"
#include "base/trace.h"

namespace braid::app {

namespace {

using manifest::Change;

/// Ids of what the changes make, or drop.
struct Touched {
    std::vector<ObjectId> made;
    std::vector<ObjectId> dropped;
};

Touched touched_by(const std::vector<Change>& changes) {
    Touched touched;
    for (const Change& change : changes) {
        if (const auto* table = std::get_if<manifest::CreateTable>(&change)) {
            touched.made.push_back(table->table.id);
        } else if (const auto* view = std::get_if<manifest::CreateView>(&change)) {
            touched.made.push_back(view->view.id);
        } else if (const auto* plain = std::get_if<manifest::CreatePlainView>(&change)) {
            touched.made.push_back(plain->view.id);
        } else if (const auto* no_table = std::get_if<manifest::DropTable>(&change)) {
            touched.dropped.push_back(no_table->table);
        } else if (const auto* no_view = std::get_if<manifest::DropView>(&change)) {
            touched.dropped.push_back(no_view->view);
        } else if (const auto* no_plain = std::get_if<manifest::DropPlainView>(&change)) {
            touched.dropped.push_back(no_plain->view);
        }
    }
    return touched;
}

bool exists(const catalog::Catalog& catalog, ObjectId id) {
    return catalog.tables.contains(id) || catalog.views.contains(id) ||
           catalog.plain_views.contains(id);
}

/// The stream that is sealed in the same commit: views of it are made or dropped, and it is there
/// before and after.
std::optional<TableId> stream_of_views(const catalog::Catalog& catalog,
                                       const std::vector<Change>& changes) {
    const Touched touched = touched_by(changes);
    const auto is_kept = [&](TableId table) {
        return catalog.tables.contains(table) &&
               std::ranges::find(touched.dropped, table) == touched.dropped.end();
    };
    for (const Change& change : changes) {
        TableId table;
        if (const auto* made = std::get_if<manifest::CreateView>(&change)) {
            table = made->view.table;
        } else if (const auto* dropped = std::get_if<manifest::DropView>(&change)) {
            const auto view = catalog.views.find(dropped->view);
            if (view != catalog.views.end()) table = view->second.table;
        }
        if (is_kept(table)) return table;
    }
    return std::nullopt;
}

/// Whether the transaction of a record has happened: its record is written before its changes of
/// the catalog are committed, and those are there together or not at all.
bool has_happened(const log::RedoRecord& record, const catalog::Catalog& catalog) {
    if (record.made.empty() && record.dropped.empty()) return true;
    return std::ranges::any_of(record.made, [&](ObjectId id) { return exists(catalog, id); }) ||
           std::ranges::any_of(record.dropped, [&](ObjectId id) { return !exists(catalog, id); });
}

Error to_be_finished(const Error& cause) {
    return Error(unavailable("the transaction is finished by the next start: {}", cause.message()))
        .with_sqlstate("40003");
}

using Logs = std::map<TableId, std::shared_ptr<log::PartitionedLog>>;

log::AppendRequest request_of(const log::RedoRecord::Part& part) {
    log::AppendRequest request;
    request.records = {part.records.begin(), part.records.end()};
    return request;
}

/// All there is: it needs no record.
Result<void> append_first(const log::RedoRecord& record, const Logs& logs) {
    const log::RedoRecord::Part& part = record.parts.front();
    TRY(logs.at(part.table)->append(part.partition, request_of(part)));
    return {};
}

/// Whoever sees one of the parts sees all. Those that are stored already are left as they are.
Result<void> append_all(const log::RedoRecord& record, const Logs& logs, log::CommitOrder& order) {
    std::vector<log::AppendPart> parts;
    for (const log::RedoRecord::Part& part : record.parts) {
        // Dropped meanwhile, and its rows with it.
        const auto log = logs.find(part.table);
        if (log == logs.end() || log->second->id() != part.log) continue;
        log::AppendPart& given =
            parts.emplace_back(log->second.get(), part.partition, request_of(part));
        given.request.key = log::IdempotencyKey{record.key(), 0};
    }
    if (parts.empty()) return {};
    TRY(log::append_jointly(order, parts));
    return {};
}

}  // namespace

log::RedoRecord Node::record_of(const serving::TransactionWork& work) {
    Touched touched = touched_by(work.changes);
    log::RedoRecord record;
    record.name = random_hex(*ground_.random);
    record.epoch = owner_->epoch();
    record.made = std::move(touched.made);
    record.dropped = std::move(touched.dropped);
    for (const serving::TransactionWork::Rows& rows : work.inserts) {
        log::RedoRecord::Part& part = record.parts.emplace_back();
        part.table = rows.table.id;
        part.log = rows.table.log;
        part.partition = {turn_.fetch_add(1, std::memory_order_relaxed) %
                          rows.table.partition_count};
        for (const auto& chunk : rows.records) {
            part.records.insert(part.records.end(), chunk->begin(), chunk->end());
        }
    }
    return record;
}

Result<void> Node::commit(const serving::TransactionWork& work) {
    const log::RedoRecord record = record_of(work);
    if (work.changes.empty()) return store(work, record);
    Result<void> done;
    {
        const ScopedLock lock(definitions_mutex_);
        done = store(work, record);
    }
    if (done) done = backfill(work);
    if (done) return done;
    // Views of it may be there all the same, and nobody waits for their history.
    for (const Change& change : work.changes) {
        const auto* made = std::get_if<manifest::CreateView>(&change);
        if (made != nullptr) batch_->look_for_backfills(made->view.table);
    }
    return done;
}

Result<void> Node::check_room(const log::RedoRecord& record) const {
    const manifest::StatePtr now = state();
    uint64_t bytes = 0;
    for (const log::RedoRecord::Part& part : record.parts) {
        uint64_t own = 0;
        for (const std::string& each : part.records) own += each.size();
        bytes += own;
        const auto table = now->catalog.tables.find(part.table);
        if (table == now->catalog.tables.end()) continue;
        TRY(AppendGate(health_, table->second.name, options_.unsealed_bytes_max).admit(own));
    }
    const uint64_t free = TRY(ground_.local->free_bytes());
    if (free >= options_.log.keep_free_bytes + 2 * bytes) return {};
    return exhausted("disk is nearly full: {} bytes are free", free)
        .with_hint("Make room on the disk of the data directory; reading goes on.")
        .with_sqlstate("53100")
        .with_detail(fmt::format("{} bytes are kept free; nothing is accepted until there is room.",
                                 options_.log.keep_free_bytes));
}

/// The catalog and the rows. Where that is more than one write, a redo record makes it one.
Result<void> Node::store(const serving::TransactionWork& work, const log::RedoRecord& record) {
    Logs logs;
    for (const log::RedoRecord::Part& part : record.parts) {
        const bool is_made = std::ranges::find(record.made, part.table) != record.made.end();
        if (is_made) continue;
        logs[part.table] = TRY(log_of(part.table));
    }
    if (record.parts.empty()) return define(work.changes);
    if (work.changes.empty() && record.parts.size() == 1) return append_first(record, logs);
    TRY(check_room(record));
    TRY(write_redo(record));
    if (auto defined = define(work.changes); !defined) {
        // When nobody can know, the record stays, and the next start looks.
        if (defined.error().code() != ErrorCode::kUnavailable) TRY(redo_->remove(record));
        return defined;
    }
    for (const ObjectId id : record.made) {
        if (auto log = log_of(id)) logs[id] = *std::move(log);
    }
    if (auto appended = append_all(record, logs, commit_order_); !appended) {
        return to_be_finished(appended.error());
    }
    if (const auto removed = redo_->remove(record); !removed) {
        write_trace(TraceLevel::kError, "node", removed.error().to_string());
    }
    return {};
}

Result<void> Node::write_redo(const log::RedoRecord& record) {
    auto written = redo_->write(record);
    if (written) return written;
    // It must not be found by the next start when this one says that nothing has happened.
    const auto removed = redo_->remove(record);
    if (removed || removed.error().code() == ErrorCode::kNotFound) return written;
    return to_be_finished(written.error());
}

Result<void> Node::define(const std::vector<Change>& changes) {
    if (changes.empty()) return {};
    std::set<TableId> made;
    for (const Change& change : changes) {
        if (const auto* table = std::get_if<manifest::CreateTable>(&change)) {
            made.insert(table->table.id);
        }
    }
    if (made.empty()) return define_and_open(changes);
    {
        const ScopedLock lock(mutex_);
        opening_.insert(made.begin(), made.end());
    }
    const auto defined = define_and_open(changes);
    const ScopedLock lock(mutex_);
    for (const TableId table : made) opening_.erase(table);
    opened_.notify_all();
    return defined;
}

Result<void> Node::define_and_open(const std::vector<Change>& changes) {
    const manifest::StatePtr before = manifest_->head();
    const auto stream = stream_of_views(before->catalog, changes);
    const bool is_folded = stream && check_not_failed(*stream).has_value();
    if (is_folded) {
        TRY(declare(*stream, changes));
    } else {
        TRY(manifest_->commit(changes));
    }
    const manifest::StatePtr after = manifest_->head();
    if (stream && !is_folded) {
        // What was dropped may have been all that ailed the stream.
        static_cast<void>(open_table(after->catalog.tables.at(*stream)));
    }
    for (const Change& change : changes) {
        if (const auto* dropped = std::get_if<manifest::DropTable>(&change)) {
            close_table(dropped->table);
        } else if (const auto* made = std::get_if<manifest::CreateTable>(&change)) {
            if (!after->catalog.tables.contains(made->table.id)) continue;
            TRY(open_table(made->table));
        }
    }
    return {};
}

Result<void> Node::declare(TableId table, const std::vector<Change>& changes) {
    constexpr int kAttemptsMax = 10;
    Result<void> outcome;
    for (int attempt = 0; attempt < kAttemptsMax; ++attempt) {
        outcome = speed_->declare(table, changes);
        // Its seal came too late: the worker has folded again from where the other one ended.
        if (outcome || outcome.error().code() != ErrorCode::kConflict) break;
    }
    return outcome;
}

Result<void> Node::backfill(const serving::TransactionWork& work) {
    for (const Change& change : work.changes) {
        const auto* made = std::get_if<manifest::CreateView>(&change);
        if (made == nullptr || !made->view.find(made->view.current)->wants_backfill) continue;
        if (!state()->catalog.views.contains(made->view.id)) continue;
        auto filled = batch_->backfill(made->view.current, work.limits);
        const bool has_data = filled.has_value();
        if (has_data) filled = key_watch_->check(made->view.current);
        if (filled) continue;
        if (work.changes.size() > 1 || !work.inserts.empty()) {
            return std::move(filled).error().with_context(
                fmt::format("The transaction is committed; materialized view \"{}\" {}.",
                            made->view.name, has_data ? "is there" : "has no data yet"));
        }
        const auto dropped = speed_->declare(made->view.table, {manifest::DropView{made->view.id}});
        if (!dropped && state()->catalog.views.contains(made->view.id)) {
            write_trace(TraceLevel::kError, "node", dropped.error().to_string());
        }
        return filled;
    }
    return {};
}

Result<void> Node::finish_transactions(const Logs& logs) {
    for (const log::RedoRecord& record : TRY(redo_->left())) {
        // It came when the start of a later epoch had looked: that one has shown what there is.
        const bool is_late = record.epoch < takeover_->decided();
        if (is_late) {
            write_trace(TraceLevel::kWarning, "node",
                        fmt::format("removing the transaction {}: written by owner {} of the "
                                    "directory when {} had it",
                                    record.name, record.epoch, takeover_->decided()));
        }
        const bool happened = !is_late && has_happened(record, state()->catalog);
        if (happened) TRY(append_all(record, logs, commit_order_));
        // A stream that cannot be opened now gets its rows when it is mended; the others have them.
        log::RedoRecord rest{
            .name = record.name, .epoch = owner_->epoch(), .made = {}, .dropped = {}, .parts = {}};
        std::ranges::copy_if(record.parts, std::back_inserter(rest.parts), [&](const auto& part) {
            return !check_not_failed(part.table).has_value();
        });
        const auto replaced =
            happened && !rest.parts.empty() ? redo_->narrow(record, rest) : redo_->remove(record);
        // Whoever had the directory before may have removed it himself.
        if (!replaced && replaced.error().code() != ErrorCode::kNotFound) return replaced;
    }
    return {};
}

}  // namespace braid::app
