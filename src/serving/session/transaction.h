// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/memory_share.h"
#include "base/result.h"
#include "manifest/manifest.h"
#include "read/reader.h"
#include "serving/control.h"
#include "serving/system/settings.h"
#include "sql/sql.h"

namespace braid::serving {

/// What a transaction has asked for and will do at its end: rows, and changes of the catalog. They
/// are held in memory, so the rows are limited: loading much belongs to
/// POST /v1/tables/<t>/records or to smaller transactions.
class PendingWork {
  public:
    static constexpr size_t kBytesMax = 64 << 20;

    /// The rows are held of that share; null: of no account.
    explicit PendingWork(MemoryShare* share) : share_(share), held_(share) {}

    bool empty() const { return inserts_.empty() && changes_.empty(); }
    void clear() { *this = PendingWork(share_); }

    /// The rows of one INSERT. Exhausted (53200) beyond the limit, or where the share has no more.
    Result<void> insert(const catalog::Table& table, std::vector<std::string> records);
    /// Rows that a statement over these streams sees; null if it sees none.
    std::shared_ptr<const read::OwnRows> own_rows(const std::vector<TableId>& tables) const;

    /// What one statement declares or drops; `base` is what it was bound to. 0A000 if it cannot be
    /// one step with what is there already.
    Result<void> define(const manifest::StatePtr& base, std::vector<manifest::Change> changes,
                        int64_t now_us);
    bool has_definitions() const { return !changes_.empty(); }
    /// `head` as the transaction sees it. What somebody else did meanwhile may contradict it; then
    /// it is as it was, and the end of the transaction will say so.
    manifest::StatePtr seen_from(const manifest::StatePtr& head, int64_t now_us);
    bool has_made(ViewId view) const;

    /// For SAVEPOINT and ROLLBACK TO.
    struct Mark {
        size_t inserts = 0;
        size_t changes = 0;
    };
    Mark mark() const { return {inserts_.size(), changes_.size()}; }
    void go_back(Mark mark);

    /// All of it, for the end; rows of streams that it drops again are left out.
    TransactionWork take();

  private:
    struct Insert {
        catalog::Table table;
        read::OwnRows::Records records;
        size_t bytes = 0;
    };
    MemoryShare* share_;
    MemoryClaim held_;
    std::vector<Insert> inserts_;
    size_t bytes_ = 0;
    std::vector<manifest::Change> changes_;
    manifest::StatePtr head_;  // that seen_ was made of
    manifest::StatePtr seen_;
};

enum class TransactionStatus : uint8_t { kIdle, kInBlock, kFailed };

/// What a session keeps between BEGIN and COMMIT.
struct TransactionState {
    TransactionStatus status = TransactionStatus::kIdle;
    /// REPEATABLE READ: since the first statement that PostgreSQL takes a snapshot for.
    std::shared_ptr<const read::PinnedSnapshot> snapshot;
    int64_t began_at_us = 0;
    bool has_queried = false;  // its isolation cannot change any more
    sql::Transaction chained;  // what AND CHAIN gave it
    struct Savepoint {
        std::string name;
        PendingWork::Mark mark;
        Settings::Mark settings;
    };
    std::vector<Savepoint> savepoints;
};

}  // namespace braid::serving
