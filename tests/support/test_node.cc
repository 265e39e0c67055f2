// SPDX-License-Identifier: Apache-2.0
#include "tests/support/test_node.h"

#include <gtest/gtest.h>

#include "base/error_makers.h"
#include "columnar/text_io.h"
#include "read/merge/failed_scan.h"
#include "read/merge/pinned_snapshot.h"
#include "read/merge/view_scan.h"

namespace braid::testing {

app::NodeOptions TestNode::small_options() {
    app::NodeOptions options;
    options.log.extent_bytes_max = 4096;
    options.log.keep_free_bytes = 0;
    options.speed.seal_interval_us = 5'000'000;
    options.speed.seal_events_min = 0;
    options.archive.interval_us = 60'000'000;
    options.archive.segment_rows_max = 1000;
    options.allowed_files = {"/"};
    options.query = {.threads = 2, .rows_min = 2};
    return options;
}

TestNode::TestNode(app::NodeOptions options) : options_(std::move(options)), random_(1) {}

TestNode::TestNode(app::NodeOptions options, const Clock& clock, Workers& workers, uint64_t seed)
    : options_(std::move(options)),
      clock_in_use_(&clock),
      workers_in_use_(&workers),
      random_(seed) {}

TestNode::~TestNode() {
    end_session();
    node_.reset();
}

void TestNode::end_session() {
    session_.reset();
    appender_.reset();
    receipts_.reset();
    quarantine_.reset();
}

Result<void> TestNode::start() {
    app::NodeGround ground{local_,          store_,   &machine_, clock_in_use_,
                           workers_in_use_, &random_, &metrics_};
    ground.logs = sparse_logs_;
    node_ = TRY(app::Node::open(ground, options_));
    quarantine_ = std::make_unique<app::Quarantine>(*node_);
    receipts_ = std::make_unique<serving::ReceiptLog>();
    appender_ = std::make_unique<serving::RecordAppender>(*node_);
    services_ = {};
    services_.control = node_.get();
    services_.reader = &node_->reader();
    services_.clock = clock_in_use_;
    services_.random = &random_;
    services_.metrics = &metrics_;
    services_.view_plans = &node_->views();
    services_.quarantine = quarantine_.get();
    services_.receipts = receipts_.get();
    services_.appender = appender_.get();
    services_.version = "test";
    session_ = open_session();
    return {};
}

void TestNode::crash(CrashFate fate, uint64_t seed) {
    // Its threads may still run: nothing that they do from here on reaches the files.
    files_->fail_all_after(0);
    end_session();
    node_.reset();
    files_->crash(fate, seed);
    files_->clear_faults();
}

Result<void> TestNode::stop() {
    end_session();
    auto closed = node_->close();
    node_.reset();
    return closed;
}

std::unique_ptr<TestSession> TestNode::open_session() {
    return std::make_unique<TestSession>(services_);
}

Result<std::vector<std::string>> TestNode::query(std::string_view sql) {
    return session_->query(sql);
}

TestSession::TestSession(const serving::Services& services)
    : session_(services, serving::Session::Identity{}) {}

Result<std::vector<std::string>> TestSession::query(std::string_view sql) {
    std::vector<std::string> lines;
    for (const sql::Statement& statement : TRY(sql::parse(sql))) {
        lines.clear();
        auto prepared = TRY(session_.prepare(statement, {}));
        auto cursor = session_.execute(*prepared, {});
        if (!cursor) {
            session_.fail();
            return std::move(cursor).error();
        }
        Batch batch;
        while (TRY((*cursor)->next(batch))) {
            for (size_t row = 0; row < batch.length; ++row) {
                std::string line;
                for (const Column& column : batch.columns) {
                    if (!line.empty() || &column != &batch.columns.front()) line += '|';
                    if (column.is_null(row)) {
                        line += "NULL";
                    } else {
                        format_text(column, row, utc_format(), line);
                    }
                }
                lines.push_back(std::move(line));
            }
        }
        TRY(session_.finish_implicit());
    }
    return lines;
}

std::vector<std::string> TestNode::rows(std::string_view sql) {
    auto lines = query(sql);
    EXPECT_TRUE(lines.has_value()) << sql << "\n" << (lines ? "" : lines.error().to_string());
    return lines ? *lines : std::vector<std::string>();
}

void TestNode::run(std::string_view sql) { rows(sql); }

TableId TestNode::table(const std::string& name) const {
    const manifest::StatePtr state = node_->state();
    const catalog::Table* table = state->catalog.find_table(name);
    return table == nullptr ? TableId{} : table->id;
}

void TestNode::add_partition(const std::string& table) {
    sparse_logs_->add_partition(node_->state()->catalog.find_table(table)->log);
}

uint32_t TestNode::partition_count(const std::string& table) const {
    return node_->log_of(this->table(table)).value()->partition_count();
}

Result<log::AppendOutcome> TestNode::append(const std::string& table, uint32_t partition,
                                            const std::vector<std::string>& records,
                                            const std::string& idempotency_key) {
    const auto log = TRY(node_->log_of(this->table(table)));
    log::AppendRequest request;
    std::string body;
    for (const std::string& record : records) {
        request.records.emplace_back(record);
        body += record;
    }
    if (!idempotency_key.empty()) request.key = log::IdempotencyKey{idempotency_key, hash64(body)};
    return log->append({partition}, request);
}

Result<void> TestNode::seal(const std::string& table) { return node_->seal(this->table(table)); }

Result<void> TestNode::archive(const std::string& table) {
    return node_->archive(this->table(table));
}

Result<Digest> TestNode::digest(const std::string& view, runs::ReadMode mode,
                                std::optional<int64_t> horizon_us) {
    const manifest::StatePtr state = node_->state();
    const catalog::MaterializedView* found = state->catalog.find_view(view);
    if (found == nullptr) return not_found("view {} does not exist", view);
    read::ReadOptions options;
    options.mode = mode;
    options.format = utc_format();
    const auto snapshot =
        TRY(read::PinnedSnapshot::take(node_->read_parts(), {found->table}, options));
    runs::Tiling tiling = TRY(snapshot->tiling_of(node_->read_parts(), found->current));
    const operators::BoundView bound = TRY(node_->views().view_of(found->current));
    if (horizon_us) tiling.floor = bound.floor_at(horizon_us);
    operators::GroupTable merged(bound.plan->aggregates);
    TRY(read::gather(tiling, {}, -1, {}, UINT64_MAX, merged));
    Digest digest;
    TRY(merged.visit_rows([&](uint32_t section, const operators::StateRow& row) -> Result<void> {
        digest.add_row(section, row.key, row.subkey, row.state);
        return {};
    }));
    const operators::FailedEvents failed = TRY(read::gather_failed(tiling));
    for (const auto& [event, reason] : failed.kept()) {
        digest.add_row(operators::encode_event(event), reason);
    }
    FoldAccount account = read::account_of(tiling);
    if (horizon_us) account.counted += std::exchange(account.expired, 0);
    digest.add_row("account", fmt::format("{} {} {} {} {}", account.counted, account.filtered,
                                          account.quarantined, account.failed, account.expired));
    return digest;
}

}  // namespace braid::testing
