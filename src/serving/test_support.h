// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/metric.h"
#include "base/mutex.h"
#include "base/random.h"
#include "base/worker.h"
#include "log/partitioned_log.h"
#include "read/reader.h"
#include "serving/control.h"
#include "serving/session/services.h"
#include "serving/session/session.h"

/// A node for tests of serving without the layers below: a catalog in memory, logs that keep what
/// was appended, and a reader that answers the simplest plans.
namespace braid::serving {

class FakeLog final : public log::PartitionedLog {
  public:
    FakeLog(LogId id, uint32_t partition_count);
    const LogId& id() const override { return id_; }
    uint32_t partition_count() const override { return static_cast<uint32_t>(records_.size()); }
    Result<log::AppendOutcome> append(PartitionId partition,
                                      const log::AppendRequest& request) override;
    Positions origin() const override { return start(); }
    Positions start() const override;
    Positions durable_end() const override;
    Result<log::RecordBatch> read(const Interval& range, size_t records_max) override;
    std::vector<log::SourcePosition> source_positions(PartitionId partition) const override;
    Result<void> trim(PartitionId partition, Offset keep_from) override;
    Result<Positions> roll() override { return durable_end(); }
    void on_durable(std::function<void()> listener) override;

    /// All records, partition by partition.
    std::vector<std::string> all() const;
    size_t append_count() const;
    /// Makes appends fail.
    void fail_with(Error error);

  private:
    const LogId id_;
    mutable Mutex mutex_;
    std::vector<std::vector<std::string>> records_;
    std::map<std::string, std::pair<uint64_t, log::AppendOutcome>> keys_;
    size_t append_count_ = 0;
    std::optional<Error> failure_;
};

class FakeControl final : public Control {
  public:
    FakeControl();
    manifest::StatePtr state() const override;
    Result<std::shared_ptr<log::PartitionedLog>> log_of(TableId table) const override;
    std::optional<Error> failure_of(TableId) const override { return std::nullopt; }
    std::vector<SourceRow> sources_of(TableId table) const override;
    std::vector<TaskReport> tasks() const override;
    std::vector<std::string> source_troubles(const catalog::Table& table) const override;
    Result<ObjectId> new_id() override;
    Result<std::vector<manifest::Change>> complete(catalog::Table table) override;
    Result<catalog::MaterializedView> complete(std::string name, const plan::ViewPlan& plan,
                                               std::string time_zone) override;
    Result<void> commit(const TransactionWork& work) override;
    Result<void> refresh(ViewId view, const StatementLimits& limits) override;
    /// Erases nothing and says 7; the predicates are kept as text.
    Result<uint64_t> erase(TableId table, const plan::ExprPtr& predicate, const TextFormat& format,
                           const StatementLimits& limits) override;
    std::vector<std::string> erased() const;
    /// Audit 1 alone is pending, audit 2 is one of two.
    Result<uint64_t> judge_audit(uint64_t audit, bool is_accepted) override;

    FakeLog& log(std::string_view table) const;
    std::vector<std::string> refreshed() const;
    /// "accept 1", "reject 2", …
    std::vector<std::string> judged() const;
    /// Publishes a state with the change applied.
    void change(const std::function<void(manifest::State&)>& edit);

  private:
    mutable Mutex mutex_;
    manifest::StatePtr state_;
    std::map<TableId, std::shared_ptr<FakeLog>> logs_;
    std::vector<std::string> erased_;
    std::vector<std::string> refreshed_;
    std::vector<std::string> judged_;
    uint64_t next_id_ = 1;
};

/// Answers rows of constants, and scans of whatever rows() was told, through projections of columns
/// and constants, equality filters, limits and sorts that it ignores. Anything else is 0A000.
class FakeReader final : public read::Reader {
  public:
    Result<std::unique_ptr<read::Answer>> execute(const plan::Query& query,
                                                  const std::vector<Datum>& parameters,
                                                  const read::ReadOptions& options,
                                                  read::SystemSource* system) override;
    Result<std::shared_ptr<read::PreparedRead>> prepare(plan::Query query,
                                                        read::SystemSource* system) override;
    Result<std::shared_ptr<const read::PinnedSnapshot>> pin(
        const read::ReadOptions& options) override;

    /// What a scan of this relation gives, with all its columns.
    void rows(const std::string& relation, std::vector<Batch> batches);
    /// The next answers end with this after their first batch.
    void fail_with(std::optional<Error> error);
    /// Statements wait until they are cancelled; returns once the test calls it and one waits.
    void hold(bool held);
    void wait_for_held();

    std::vector<read::ReadOptions> seen_options() const;
    size_t prepare_count() const { return prepare_count_; }
    size_t pin_count() const { return pin_count_; }

  private:
    friend class FakeAnswer;
    Result<std::vector<Batch>> evaluate(const plan::Node& node,
                                        const std::vector<Datum>& parameters,
                                        const read::ReadOptions& options,
                                        read::SystemSource* system) const;
    mutable Mutex mutex_;
    CondVar changed_;
    std::map<std::string, std::vector<Batch>> rows_;
    std::vector<read::ReadOptions> seen_;
    std::optional<Error> failure_;
    bool held_ = false;
    size_t holding_ = 0;
    size_t prepare_count_ = 0;
    size_t pin_count_ = 0;
};

/// All of it, ready to make sessions. Streams `t (a int, b text)` and `s (x numeric, y timestamptz,
/// z double precision, w boolean)`, both over HTTP; `f (ip text)` from a file; view `v` (b, n) over
/// t; `pv` over v.
struct FakeNode {
    FakeNode();
    std::unique_ptr<Session> session();

    SteppedClock clock;
    Random random{7};
    Metrics metrics;
    SteppedWorkers workers;
    FakeControl control;
    FakeReader reader;
    ReceiptLog receipts;
    RecordAppender appender{control};
    Services services;
};

/// Text form of the rows of a batch: values parted by '|', NULL as "~".
std::vector<std::string> rows_as_text(const Batch& batch);

/// Runs one statement and gives its rows as text, then its tag; or "SQLSTATE message" of its error.
std::vector<std::string> run(Session& session, std::string_view text,
                             const std::vector<std::string>& parameters = {});

}  // namespace braid::serving
