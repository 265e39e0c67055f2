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
            if (is_in_block()) {
                TRY(apply_modes(transaction));
            } else {
                warn("25P01", "SET TRANSACTION can only be used in transaction blocks");
            }
            return done(tag);
        case Kind::kSetSession:
            TRY(apply_defaults(transaction));
            return done(tag);
    }
    return internal_error("a transaction statement of no kind");
}

/// Statements of the same message before it belong to the block.
Result<void> Session::begin(const sql::Transaction& transaction) {
    if (is_in_block()) {
        warn("25001", "there is already a transaction in progress");
        return apply_modes(transaction);
    }
    settings_.begin_transaction();
    transaction_.status = TransactionStatus::kInBlock;
    transaction_.began_at_us = services_.clock->wall_us();
    auto applied = apply_modes(transaction);
    if (!applied) undo();  // no block has begun
    return applied;
}

Result<void> Session::apply_modes(const sql::Transaction& transaction) {
    const auto set = [&](std::string_view name, const std::string& value) -> Result<void> {
        TRY(check_mode(name, value));
        const std::string words[] = {value};
        return settings_.set(name, words, false);
    };
    if (!transaction.isolation.empty()) TRY(set("transaction_isolation", transaction.isolation));
    if (transaction.read_only) {
        TRY(set("transaction_read_only", *transaction.read_only ? "on" : "off"));
    }
    if (transaction.deferrable) {
        TRY(set("transaction_deferrable", *transaction.deferrable ? "on" : "off"));
    }
    return {};
}

Result<void> Session::apply_defaults(const sql::Transaction& transaction) {
    const auto set = [&](std::string_view name, const std::string& value) {
        const std::string words[] = {value};
        return settings_.set(name, words, false);
    };
    settings_.begin_implicit();
    if (!transaction.isolation.empty()) {
        TRY(set("default_transaction_isolation", transaction.isolation));
    }
    if (transaction.read_only) {
        TRY(set("default_transaction_read_only", *transaction.read_only ? "on" : "off"));
    }
    if (transaction.deferrable) {
        TRY(set("default_transaction_deferrable", *transaction.deferrable ? "on" : "off"));
    }
    return {};
}

Result<void> Session::check_mode(std::string_view name, std::string_view value) const {
    if (!is_in_block()) return {};
    const std::string now = TRY(settings_.show(name));
    const bool is_nested = !transaction_.savepoints.empty();
    std::string_view fault;
    if (name == "transaction_isolation" && value != now) {
        if (transaction_.has_queried) {
            fault = "SET TRANSACTION ISOLATION LEVEL must be called before any query";
        } else if (is_nested) {
            fault = "SET TRANSACTION ISOLATION LEVEL must not be called in a subtransaction";
        }
    } else if (name == "transaction_read_only" && value == "off" && now == "on") {
        if (is_nested) {
            fault = "cannot set transaction read-write mode inside a read-only transaction";
        } else if (transaction_.has_queried) {
            fault = "transaction read-write mode must be set before any query";
        }
    } else if (name == "transaction_deferrable") {
        if (is_nested) {
            fault = "SET TRANSACTION [NOT] DEFERRABLE cannot be called within a subtransaction";
        } else if (transaction_.has_queried) {
            fault = "SET TRANSACTION [NOT] DEFERRABLE must be called before any query";
        }
    }
    if (fault.empty()) return {};
    return invalid_input("{}", fault).with_sqlstate("25001");
}

Result<void> Session::begin_chained(const sql::Transaction& modes) {
    TRY(begin(modes));
    transaction_.chained = modes;
    return {};
}

/// AND CHAIN begins another block like the one that ends.
Result<sql::Transaction> Session::modes_of_next(const sql::Transaction& end, std::string_view tag) {
    sql::Transaction next;
    if (!is_in_block()) {
        if (end.and_chain) return only_in_block(tag);
        warn("25P01", "there is no transaction in progress");
        return next;
    }
    // A block that has failed has lost what it was, but for what a chain gave it, unless only a
    // savepoint's part of it failed.
    const bool is_lost = transaction_.savepoints.empty();
    if (transaction_.status == TransactionStatus::kFailed && is_lost) return transaction_.chained;
    next.isolation = TRY(settings_.show("transaction_isolation"));
    next.read_only = TRY(settings_.show("transaction_read_only")) == "on";
    next.deferrable = TRY(settings_.show("transaction_deferrable")) == "on";
    return next;
}

Result<std::string> Session::commit(const sql::Transaction& transaction) {
    const bool was_failed = transaction_.status == TransactionStatus::kFailed;
    const sql::Transaction next = TRY(modes_of_next(transaction, "COMMIT AND CHAIN"));
    TRY(finish(!was_failed));
    if (transaction.and_chain) TRY(begin_chained(next));
    return std::string(was_failed ? "ROLLBACK" : "COMMIT");
}

Result<std::string> Session::rollback(const sql::Transaction& transaction) {
    const sql::Transaction next = TRY(modes_of_next(transaction, "ROLLBACK AND CHAIN"));
    undo();
    if (transaction.and_chain) TRY(begin_chained(next));
    return std::string("ROLLBACK");
}

/// Ends the transaction, a block or not.
Result<void> Session::finish(bool is_committed) {
    if (!is_committed) {
        undo();
        return {};
    }
    transaction_.snapshot.reset();  // what it pins is given back before anything is sealed
    Result<void> outcome;
    if (!pending_.empty()) {
        TransactionWork work = pending_.take();
        work.limits = work_limits();
        outcome = services_.control->commit(work);
    }
    settings_.end_transaction(outcome.has_value());
    settings_.end_implicit(outcome.has_value());
    transaction_ = {};
    return outcome;
}

void Session::undo() {
    pending_.clear();
    settings_.end_transaction(false);
    settings_.end_implicit(false);
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
        points.push_back({transaction.savepoint, pending_.mark(), settings_.mark()});
        auto held = hold_kept();
        if (!held) points.pop_back();
        return held;
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
    pending_.go_back(place->mark);
    settings_.go_back(place->settings);
    points.erase(place + 1, points.end());
    transaction_.status = TransactionStatus::kInBlock;
    return {};
}

void Session::fail() {
    if (is_in_block()) {
        transaction_.status = TransactionStatus::kFailed;
    } else {
        undo();
    }
}

Result<void> Session::finish_implicit() { return is_in_block() ? Result<void>() : finish(true); }

Result<void> Session::check_writable(std::string_view tag) const {
    const auto read_only = settings_.show("transaction_read_only");
    if (!read_only || *read_only == "off") return {};
    return invalid_input("cannot execute {} in a read-only transaction", tag)
        .with_sqlstate("25006");
}

/// Two that insert what they have not read of each other would both be stored.
Result<void> Session::check_may_insert() const {
    TRY(check_writable("INSERT"));
    if (settings_.isolation() != Isolation::kSerializable) return {};
    return Error(unsupported("INSERT in a SERIALIZABLE transaction is not supported"))
        .with_hint("Use REPEATABLE READ or READ COMMITTED.");
}

Result<void> Session::define(std::vector<manifest::Change> changes) {
    return pending_.define(state_, std::move(changes), services_.clock->wall_us());
}

Result<std::shared_ptr<const read::OwnRows>> Session::own_rows(
    const std::vector<plan::RelationRef>& reads) const {
    using Own = std::shared_ptr<const read::OwnRows>;
    if (pending_.empty()) return Own();
    std::vector<TableId> tables;
    for (const plan::RelationRef& ref : reads) {
        if (ref.kind == plan::RelationRef::Kind::kStream) tables.push_back(ref.id);
        if (ref.kind != plan::RelationRef::Kind::kView) continue;
        const auto view = state_->catalog.views.find(ref.id);
        if (view == state_->catalog.views.end()) continue;
        tables.push_back(view->second.table);
        if (!pending_.has_made(ref.id)) continue;
        return Error(unavailable("materialized view \"{}\" has not been populated", ref.name))
            .with_sqlstate("55000")
            .with_hint("It was made in this transaction, and can be read after COMMIT.");
    }
    return pending_.own_rows(tables);
}

}  // namespace braid::serving
