// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "read/reader.h"
#include "serving/session/record_appender.h"

namespace braid::serving {

/// Records of INSERTs that wait for the end of their transaction. They are held in memory, so their
/// number is limited: loading much belongs to POST /v1/tables/<t>/records or to smaller
/// transactions.
class PendingInserts {
  public:
    static constexpr size_t kBytesMax = 64 << 20;

    /// Exhausted (53200) beyond the limit; 54000 for a record that is too long.
    Result<void> add(TableId table, const std::string& name, std::string record);
    bool has(TableId table) const;
    bool empty() const { return records_.empty(); }
    size_t size() const { return records_.size(); }
    /// Forgets those behind the first `count`, for ROLLBACK TO.
    void truncate(size_t count);
    void clear();
    /// Appends everything, table by table in order of their first record, and forgets it. Each
    /// table's records become durable in one piece; an error leaves those of earlier tables stored.
    Result<void> append_all(RecordAppender& appender, const catalog::Catalog& catalog);

  private:
    struct Record {
        TableId table;
        std::string text;
    };
    std::vector<Record> records_;
    std::vector<std::pair<TableId, std::string>> tables_;  // in order of first use
    size_t bytes_ = 0;
};

enum class TransactionStatus : uint8_t { kIdle, kInBlock, kFailed };

/// What a session keeps between BEGIN and COMMIT.
struct TransactionState {
    TransactionStatus status = TransactionStatus::kIdle;
    std::shared_ptr<const read::PinnedSnapshot> snapshot;  // since the first SELECT of the block
    int64_t began_at_us = 0;
    struct Savepoint {
        std::string name;
        size_t pending_count;
    };
    std::vector<Savepoint> savepoints;
};

}  // namespace braid::serving
