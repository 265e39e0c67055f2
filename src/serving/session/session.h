// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"
#include "serving/session/prepared_statement.h"
#include "serving/session/services.h"
#include "serving/session/transaction.h"
#include "serving/session/transaction_views.h"
#include "serving/system/settings.h"
#include "serving/system/system_catalog.h"
#include "sql/sql.h"

namespace braid::serving {

class Session;

/// A statement that is running or has run: rows to be taken, then what was done. Ends before its
/// session.
class Cursor {
  public:
    /// nullopt: it gives no rows.
    const std::optional<Schema>& schema() const { return schema_; }
    /// False at the end. Batches have at least one row. After an error there is nothing more.
    Result<bool> next(Batch& batch);
    /// The CommandComplete tag, for `rows` rows taken: "SELECT 3", "INSERT 0 2", "BEGIN".
    std::string tag(uint64_t rows) const;

  private:
    friend class Session;
    Session* session_ = nullptr;
    std::optional<Schema> schema_;
    std::unique_ptr<read::Answer> answer_;  // either this gives the rows,
    std::vector<Batch> ready_;              // or they are here,
    size_t given_ = 0;                      // so many of them given
    std::string tag_;
    bool counts_rows_ = false;
    std::string statement_;  // for the receipt log
    /// Set from cancel() while the statement runs.
    std::shared_ptr<CancelToken> cancel_;
    int64_t started_at_us_ = 0;
};

/// One client's conversation: settings, prepared statements, a transaction, and one statement at a
/// time. One thread, but for cancel(). The protocols above put it into bytes.
///
/// A statement outside of a block is a transaction of its own; statements of one message (a simple
/// query of several, or up to a Sync) are one implicit transaction, which ends with
/// finish_implicit(). A transaction sees what it has inserted and declared; all of it happens in
/// one step at its end, or not at all.
class Session {
  public:
    struct Identity {
        uint32_t process = 0;
        uint16_t port = 0;
    };

    Session(const Services& services, Identity identity);
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    Settings& settings() { return settings_; }
    const Settings& settings() const { return settings_; }
    const SystemCatalog& system() const { return system_; }

    /// Reads and, where it is needed to know parameters and columns, binds one statement.
    Result<PreparedPtr> prepare(const sql::Statement& statement, std::vector<Type> parameter_types);
    PreparedPtr prepare_empty() const;
    /// That its parameters and columns are still what they were when it was prepared: otherwise
    /// 0A000, as often as it is tried. What it names may be gone: 42P01 and the like.
    Result<void> check_still_holds(PreparedStatement& prepared);
    /// Begins to run it. 25P02 in a failed block. Commands are done when this returns.
    Result<std::unique_ptr<Cursor>> execute(PreparedStatement& prepared,
                                            std::vector<Datum> parameters);

    /// 25P02 in a failed block, for all but its end.
    Result<void> check_may_run(const sql::Statement& statement) const;

    /// Statements that were given a name, by PREPARE or by the protocol: one space of names.
    /// Exhausted (53200) where there are too many, or clients hold too much.
    Result<void> keep(std::string name, PreparedPtr prepared);
    PreparedPtr find(std::string_view name) const;
    void forget(std::string_view name);

    TransactionStatus status() const { return transaction_.status; }
    /// A statement has failed: an implicit transaction is undone, a block waits for its ROLLBACK.
    void fail();
    /// The end of a message: what it did outside of a block happens now.
    Result<void> finish_implicit();

    /// What the client should hear, in order, cleared by reading; below client_min_messages
    /// nothing.
    std::vector<sql::Notice> take_notices();
    /// Of the last statement that read something; null if there was none.
    const std::shared_ptr<const runs::ReceiptSource>& receipt() const { return receipt_; }

    /// Stops the statement that is running, if any. Thread-safe.
    void cancel();

  private:
    friend class Cursor;
    sql::BindOptions bind_options(const std::vector<Type>& parameter_types);
    void begin_statement();
    Result<std::shared_ptr<const sql::BoundStatement>> bind(
        const PreparedStatement& prepared, const std::vector<Type>& parameter_types);
    Result<void> bind_again(PreparedStatement& prepared);
    bool is_bound_as_now(const PreparedStatement& prepared) const;
    /// Binds again if what it was bound under has changed.
    Result<void> refresh(PreparedStatement& prepared);
    read::ReadOptions read_options(const std::shared_ptr<CancelToken>& cancel);
    Result<void> note_query(sql::StatementKind kind);
    Result<void> pin_snapshot(const std::shared_ptr<CancelToken>& cancel);
    bool is_in_block() const { return transaction_.status != TransactionStatus::kIdle; }
    /// Takes what it keeps between statements from the share of clients: 53200 where that has no
    /// more.
    Result<void> hold_kept();
    void forget_all();

    // One per command; session_commands.cc.
    using Done = Result<std::unique_ptr<Cursor>>;
    Done run_query(PreparedStatement& prepared, const plan::Query& query,
                   const std::vector<Datum>& parameters);
    Result<plan::Query> with_settings_set(const plan::Query& query,
                                          const std::vector<Datum>& parameters);
    Done run_insert(const sql::Insert& insert, const std::vector<Datum>& parameters);
    Done run_explain(const sql::Explain& explain, const std::vector<Datum>& parameters);
    Done run_show(const sql::Show& show);
    Done run_transaction(const sql::Transaction& transaction, const std::string& tag);
    Done run_execute(const sql::Execute& execute);
    Done run_call(const sql::Call& call, const std::vector<Datum>& parameters);
    Result<void> run_definition(const sql::Command& command);
    Result<void> run_drop(const sql::Drop& drop);
    Result<void> run_set(const sql::Set& set);
    /// SET and set_config: 53200 where clients hold too much, and all is as it was.
    Result<void> change_setting(std::string_view name, std::span<const std::string> words,
                                bool is_local);
    Result<void> run_discard(const sql::Discard& discard);
    Result<void> run_create_view(const sql::CreateMaterializedView& create);
    Result<void> run_create_plain_view(const sql::CreateView& create);
    Result<void> run_refresh(const sql::Refresh& refresh);
    Result<std::unique_ptr<Cursor>> run_delete(const sql::Delete& erase,
                                               const std::vector<Datum>& parameters);
    void tell_what_is_left(TableId id);

    // session_transactions.cc
    Result<void> begin(const sql::Transaction& transaction);
    Result<void> begin_chained(const sql::Transaction& modes);
    Result<std::string> commit(const sql::Transaction& transaction);
    Result<std::string> rollback(const sql::Transaction& transaction);
    Result<void> savepoint(const sql::Transaction& transaction);
    Result<void> apply_modes(const sql::Transaction& transaction);
    Result<void> apply_defaults(const sql::Transaction& transaction);
    /// 25001 for a mode of the transaction that cannot change any more.
    Result<void> check_mode(std::string_view name, std::string_view value) const;
    Result<sql::Transaction> modes_of_next(const sql::Transaction& end, std::string_view tag);
    Result<void> finish(bool is_committed);
    void undo();
    Result<void> check_writable(std::string_view tag) const;
    Result<void> check_may_insert() const;
    /// Takes what a statement declares or drops into the transaction.
    Result<void> define(std::vector<manifest::Change> changes);
    /// What the transaction has done itself, as far as the query sees it.
    Result<std::shared_ptr<const read::OwnRows>> own_rows(
        const std::vector<plan::RelationRef>& reads) const;

    Result<std::unique_ptr<read::Answer>> start_reading(const plan::Query& query,
                                                        PreparedStatement* prepared,
                                                        const std::vector<Datum>& parameters,
                                                        const std::shared_ptr<CancelToken>& cancel);
    std::unique_ptr<Cursor> done(std::string tag) const;
    std::unique_ptr<Cursor> rows_of(Schema schema, std::vector<std::vector<std::string>> rows,
                                    std::string tag) const;
    std::shared_ptr<CancelToken> new_cancel_token();
    /// Of a statement that computes history: REFRESH, or one that makes a view.
    StatementLimits work_limits();
    void note_finished(const std::string& statement,
                       std::shared_ptr<const runs::ReceiptSource> receipt);
    void warn(std::string_view sqlstate, std::string message);

    const Services& services_;
    const Identity identity_;
    Settings settings_;
    PendingWork pending_;
    TransactionViews view_plans_;
    SystemCatalog system_;
    SessionFacts facts_;
    manifest::StatePtr state_;  // of the statement under way
    std::string statement_text_;
    std::map<std::string, PreparedPtr, std::less<>> named_;
    uint64_t named_bytes_ = 0;
    MemoryClaim kept_;
    TransactionState transaction_;
    std::map<TableId, Positions> seen_;
    std::vector<sql::Notice> notices_;
    std::shared_ptr<const runs::ReceiptSource> receipt_;

    Mutex cancel_mutex_;
    std::shared_ptr<CancelToken> running_;  // guarded by cancel_mutex_
};

}  // namespace braid::serving
