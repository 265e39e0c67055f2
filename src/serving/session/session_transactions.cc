// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string>
#include <utility>

#include "base/error_makers.h"
#include "serving/session/session.h"

namespace braid::serving {

namespace {

Error no_savepoint(const std::string& name) {
    return not_found("savepoint \"{}\" does not exist", name).with_sqlstate("3B001");
}

Error only_in_block(std::string_view tag) {
    return invalid_input("{} can only be used in transaction blocks", tag).with_sqlstate("25P01");
}

}  // namespace

Result<std::unique_ptr<Cursor>> Session::run_transaction(const sql::Transaction& transaction,
                                                         const std::string& tag) {
    using Kind = sql::Transaction::Kind;
    switch (transaction.kind) {
        case Kind::kBegin:
            TRY(begin(transaction));
            return done(tag);
        case Kind::kCommit:
            return done(TRY(commit(transaction)));
        case Kind::kRollback:
            return done(TRY(rollback(transaction)));
        case Kind::kSavepoint:
        case Kind::kRelease:
        case Kind::kRollbackTo:
            TRY(savepoint(transaction));
            return done(tag);
        case Kind::kSetTransaction:
            if (!is_in_block())
                warn("25P01", "SET TRANSACTION can only be used in transaction blocks");
            TRY(apply_modes(transaction, "transaction_"));
            return done(tag);
        case Kind::kSetSession:
            TRY(apply_modes(transaction, "default_transaction_"));
            return done(tag);
    }
    return internal_error("a transaction statement of no kind");
}

Result<void> Session::begin(const sql::Transaction& transaction) {
    if (is_in_block()) {
        warn("25001", "there is already a transaction in progress");
        return apply_modes(transaction, "transaction_");
    }
    settings_.begin_transaction();
    transaction_ = {.status = TransactionStatus::kInBlock,
                    .snapshot = nullptr,
                    .began_at_us = services_.clock->wall_us(),
                    .savepoints = {}};
    return apply_modes(transaction, "transaction_");
}

Result<void> Session::apply_modes(const sql::Transaction& transaction, std::string_view prefix) {
    const auto set = [&](std::string_view name, const std::string& value) {
        const std::string words[] = {value};
        return settings_.set(fmt::format("{}{}", prefix, name), words, false);
    };
    if (!transaction.isolation.empty()) TRY(set("isolation", transaction.isolation));
    if (transaction.read_only) TRY(set("read_only", *transaction.read_only ? "on" : "off"));
    if (transaction.deferrable) TRY(set("deferrable", *transaction.deferrable ? "on" : "off"));
    return {};
}

Result<std::string> Session::commit(const sql::Transaction& transaction) {
    const bool was_failed = transaction_.status == TransactionStatus::kFailed;
    if (!is_in_block()) {
        warn("25P01", "there is no transaction in progress");
        TRY(append_pending());
        return std::string("COMMIT");
    }
    if (was_failed) pending_.clear();
    auto appended = append_pending();
    end_block(!was_failed && appended.has_value());
    TRY(std::move(appended));
    if (transaction.and_chain) TRY(begin({}));
    return std::string(was_failed ? "ROLLBACK" : "COMMIT");
}

Result<std::string> Session::rollback(const sql::Transaction& transaction) {
    if (!is_in_block()) warn("25P01", "there is no transaction in progress");
    pending_.clear();
    const bool was_in_block = is_in_block();
    end_block(false);
    if (transaction.and_chain && was_in_block) TRY(begin({}));
    return std::string("ROLLBACK");
}

void Session::end_block(bool committed) {
    settings_.end_transaction(committed);
    transaction_ = {};
}

Result<void> Session::savepoint(const sql::Transaction& transaction) {
    using Kind = sql::Transaction::Kind;
    auto& points = transaction_.savepoints;
    if (!is_in_block()) {
        return only_in_block(transaction.kind == Kind::kSavepoint ? "SAVEPOINT"
                             : transaction.kind == Kind::kRelease ? "RELEASE SAVEPOINT"
                                                                  : "ROLLBACK TO SAVEPOINT");
    }
    if (transaction.kind == Kind::kSavepoint) {
        points.push_back({transaction.savepoint, pending_.size()});
        return {};
    }
    // The newest of the name; those behind it end with it.
    const auto newest = std::find_if(points.rbegin(), points.rend(), [&](const auto& each) {
        return each.name == transaction.savepoint;
    });
    if (newest == points.rend()) return no_savepoint(transaction.savepoint);
    const auto place = newest.base() - 1;
    if (transaction.kind == Kind::kRelease) {
        points.erase(place, points.end());
        return {};
    }
    pending_.truncate(place->pending_count);
    points.erase(place + 1, points.end());
    transaction_.status = TransactionStatus::kInBlock;
    return {};
}

void Session::fail() {
    if (is_in_block()) {
        transaction_.status = TransactionStatus::kFailed;
    } else {
        pending_.clear();
    }
}

Result<void> Session::finish_implicit() {
    if (is_in_block()) return {};
    return append_pending();
}

Result<void> Session::append_pending() {
    if (pending_.empty()) return {};
    return pending_.append_all(*services_.appender, services_.control->state()->catalog);
}

Result<void> Session::check_writable(std::string_view tag) const {
    const auto read_only =
        settings_.show(is_in_block() ? "transaction_read_only" : "default_transaction_read_only");
    if (!read_only || *read_only == "off") return {};
    return invalid_input("cannot execute {} in a read-only transaction", tag)
        .with_sqlstate("25006");
}

Result<void> Session::settle_pending(const std::vector<plan::RelationRef>& reads) {
    if (pending_.empty()) return {};
    if (!is_in_block()) return append_pending();
    for (const plan::RelationRef& ref : reads) {
        TableId table = ref.id;
        if (ref.kind == plan::RelationRef::Kind::kView) {
            const auto view = state_->catalog.views.find(ref.id);
            if (view == state_->catalog.views.end()) continue;
            table = view->second.table;
        } else if (ref.kind != plan::RelationRef::Kind::kStream) {
            continue;
        }
        if (!pending_.has(table)) continue;
        return Error(unsupported("\"{}\" has rows that this transaction has inserted", ref.name))
            .with_detail("They are stored at COMMIT and cannot be read before.")
            .with_hint("COMMIT first, or read outside of the transaction.");
    }
    return {};
}

}  // namespace braid::serving
