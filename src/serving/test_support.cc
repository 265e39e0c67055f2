// SPDX-License-Identifier: Apache-2.0
#include "serving/test_support.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/check.h"
#include "base/error_makers.h"
#include "log/request_limits.h"
#include "sql/sql.h"

namespace braid::read {
/// Nothing is pinned in these tests; a pointer to one is enough.
class PinnedSnapshot {};
}  // namespace braid::read

namespace braid::serving {

FakeLog::FakeLog(LogId id, uint32_t partition_count)
    : id_(std::move(id)), records_(partition_count) {}

Result<log::AppendOutcome> FakeLog::append(PartitionId partition,
                                           const log::AppendRequest& request) {
    ScopedLock lock(mutex_);
    if (failure_) return *failure_;
    TRY(log::check_request(request));
    if (request.key) {
        const auto known = keys_.find(request.key->key);
        if (known != keys_.end()) {
            if (known->second.first != request.key->body_hash) {
                return invalid_input("this key was used with another body");
            }
            log::AppendOutcome outcome = known->second.second;
            outcome.was_duplicate = true;
            return outcome;
        }
    }
    auto& records = records_[partition.value];
    log::AppendOutcome outcome;
    outcome.partition = partition;
    outcome.offsets = Offsets(Offset{static_cast<int64_t>(records.size())});
    for (const std::string_view record : request.records) records.emplace_back(record);
    outcome.end = {static_cast<int64_t>(records.size())};
    if (request.key) keys_[request.key->key] = {request.key->body_hash, outcome};
    ++append_count_;
    return outcome;
}

Positions FakeLog::start() const { return Positions::zero(partition_count()); }

Positions FakeLog::durable_end() const {
    ScopedLock lock(mutex_);
    Positions end;
    for (const auto& records : records_) end.at.push_back({static_cast<int64_t>(records.size())});
    return end;
}

Result<log::RecordBatch> FakeLog::read(const Interval&, size_t) { return log::RecordBatch(); }
std::vector<log::SourcePosition> FakeLog::source_positions(PartitionId) const { return {}; }
Result<void> FakeLog::trim(PartitionId, Offset) { return {}; }
void FakeLog::on_durable(std::function<void()>) {}

std::vector<std::string> FakeLog::all() const {
    ScopedLock lock(mutex_);
    std::vector<std::string> all;
    for (const auto& records : records_) all.insert(all.end(), records.begin(), records.end());
    return all;
}

size_t FakeLog::append_count() const {
    ScopedLock lock(mutex_);
    return append_count_;
}

void FakeLog::fail_with(Error error) {
    ScopedLock lock(mutex_);
    failure_ = std::move(error);
}

FakeControl::FakeControl() : state_(std::make_shared<manifest::State>()) {}

manifest::StatePtr FakeControl::state() const {
    ScopedLock lock(mutex_);
    return state_;
}

Result<std::shared_ptr<log::PartitionedLog>> FakeControl::log_of(TableId table) const {
    ScopedLock lock(mutex_);
    const auto place = logs_.find(table);
    if (place == logs_.end()) return not_found("stream {} was dropped", table.value);
    return std::shared_ptr<log::PartitionedLog>(place->second);
}

void FakeControl::change(const std::function<void(manifest::State&)>& edit) {
    ScopedLock lock(mutex_);
    auto next = std::make_shared<manifest::State>(*state_);
    edit(*next);
    ++next->number.value;
    state_ = std::move(next);
}

std::vector<TaskReport> FakeControl::tasks() const {
    const manifest::StatePtr state = this->state();
    if (state->catalog.tables.empty()) return {};
    return {{.number = 4,
             .kind = "compact",
             .table = state->catalog.tables.begin()->first,
             .done = 30,
             .all = 100,
             .unit = "rows",
             .began_at_us = 0},
            {.number = 5, .kind = "refresh", .table = {}, .unit = "events", .began_at_us = 0}};
}

std::vector<SourceRow> FakeControl::sources_of(TableId table) const {
    const manifest::StatePtr state = this->state();
    const auto place = state->catalog.tables.find(table);
    if (place == state->catalog.tables.end()) return {};
    if (place->second.connector != "file") return {{.source = "http", .state = "open"}};
    return {{.source = "/log", .state = "following", .position = 70, .size = 100},
            {.source = "/log.gz", .state = "compressed", .last_error = "not read yet"}};
}

std::vector<std::string> FakeControl::source_troubles(const catalog::Table& table) const {
    if (table.connector != "file") return {};
    return {"path \"" + table.option("path", "") + "\" matches no file"};
}

Result<ObjectId> FakeControl::new_id() {
    const ScopedLock lock(mutex_);
    return ObjectId{next_id_++};
}

Result<std::vector<manifest::Change>> FakeControl::complete(catalog::Table table) {
    table.id = TRY(new_id());
    table.log = {fmt::format("{:032x}", table.id.value)};
    table.dataset_folder = catalog::dataset_folder(table.name, table.id);
    return std::vector<manifest::Change>{manifest::CreateTable{std::move(table)}};
}

Result<catalog::MaterializedView> FakeControl::complete(std::string name,
                                                        const plan::ViewPlan& plan,
                                                        std::string time_zone) {
    catalog::MaterializedView view;
    view.id = TRY(new_id());
    view.name = std::move(name);
    view.table = plan.table;
    view.current = TRY(new_id());
    view.versions.push_back(
        {.id = view.current, .definition = plan.definition, .time_zone = std::move(time_zone)});
    return view;
}

Result<void> FakeControl::commit(const TransactionWork& work) {
    manifest::State next = TRY(manifest::apply(*state(), work.changes, 0));
    std::vector<ViewId> views;
    for (const auto& [id, view] : next.catalog.views) views.push_back(id);
    for (const ViewId id : views) {
        for (catalog::ViewVersion& version : next.catalog.views.edit(id).versions) {
            if (version.wants_backfill) version.is_populated = true;
        }
    }
    if (!work.changes.empty()) change([&](manifest::State& state) { state = std::move(next); });
    {
        const ScopedLock lock(mutex_);
        for (const auto& [id, table] : state_->catalog.tables) {
            if (logs_.contains(id)) continue;
            logs_[id] = std::make_shared<FakeLog>(table.log, table.partition_count);
        }
    }
    for (const TransactionWork::Rows& rows : work.inserts) {
        log::AppendRequest request;
        for (const auto& chunk : rows.records) {
            for (const std::string& record : *chunk) request.records.emplace_back(record);
        }
        TRY(TRY(log_of(rows.table.id))->append(PartitionId{0}, request));
    }
    return {};
}

Result<void> FakeControl::refresh(ViewId view, const StatementLimits& /*limits*/) {
    ScopedLock lock(mutex_);
    refreshed_.push_back(state_->catalog.views.at(view).name);
    return {};
}

Result<uint64_t> FakeControl::erase(TableId /*table*/, const plan::ExprPtr& predicate,
                                    const TextFormat& /*format*/,
                                    const StatementLimits& /*limits*/) {
    ScopedLock lock(mutex_);
    erased_.push_back(plan::fingerprint(*predicate));
    return uint64_t{7};
}

std::vector<std::string> FakeControl::erased() const {
    ScopedLock lock(mutex_);
    return erased_;
}

Result<uint64_t> FakeControl::judge_audit(uint64_t audit, bool is_accepted) {
    ScopedLock lock(mutex_);
    if (audit > 2) return not_found("audit {} does not exist", audit).with_sqlstate("42704");
    judged_.push_back(fmt::format("{} {}", is_accepted ? "accept" : "reject", audit));
    return audit - 1;
}

FakeLog& FakeControl::log(std::string_view table) const {
    const manifest::StatePtr now = state();
    const catalog::Table* found = now->catalog.find_table(table);
    CHECK(found != nullptr);
    ScopedLock lock(mutex_);
    return *logs_.at(found->id);
}

std::vector<std::string> FakeControl::judged() const {
    ScopedLock lock(mutex_);
    return judged_;
}

std::vector<std::string> FakeControl::refreshed() const {
    ScopedLock lock(mutex_);
    return refreshed_;
}

namespace {

const Datum* value_of(const plan::Expr& expr, const std::vector<Datum>& parameters) {
    if (expr.kind == plan::Expr::Kind::kConstant) return &expr.constant;
    if (expr.kind != plan::Expr::Kind::kParameter) return nullptr;
    return &parameters.at(static_cast<size_t>(expr.column));
}

Error too_hard() { return unsupported("the reader of these tests does not know this plan"); }

void append_value(const Datum& value, ColumnBuilder& builder) {
    if (value.is_null()) return builder.append_null();
    Datum typed = value;
    typed.type = builder.type();
    builder.append(typed);
}

Result<Batch> project(const plan::Node& node, const Batch& input,
                      const std::vector<Datum>& parameters) {
    Batch batch{.length = input.length, .columns = {}};
    for (const plan::ExprPtr& expr : node.exprs) {
        if (expr->kind == plan::Expr::Kind::kColumn) {
            batch.columns.push_back(input.columns[static_cast<size_t>(expr->column)]);
            continue;
        }
        const Datum* value = value_of(*expr, parameters);
        if (value == nullptr) return too_hard();
        ColumnBuilder builder(expr->type);
        for (size_t row = 0; row < input.length; ++row) append_value(*value, builder);
        batch.columns.push_back(builder.finish());
    }
    return batch;
}

/// Rows for which the column's text is the value's.
Result<Batch> keep_equal(const plan::Expr& predicate, const Batch& input,
                         const std::vector<Datum>& parameters) {
    if (predicate.kind != plan::Expr::Kind::kCall || predicate.function->name != "=")
        return too_hard();
    const plan::Expr& left = *predicate.arguments[0];
    const Datum* right = value_of(*predicate.arguments[1], parameters);
    if (left.kind != plan::Expr::Kind::kColumn || right == nullptr) return too_hard();
    const Column& column = input.columns[static_cast<size_t>(left.column)];
    std::string wanted;
    if (!right->is_null()) format_text(*right, utc_format(), wanted);
    std::vector<uint32_t> rows;
    for (uint32_t row = 0; row < input.length; ++row) {
        if (column.is_null(row) || right->is_null()) continue;
        std::string text;
        format_text(column, row, utc_format(), text);
        if (text == wanted) rows.push_back(row);
    }
    return input.gather(rows);
}

Result<Batch> values(const plan::Node& node, const std::vector<Datum>& parameters) {
    std::vector<ColumnBuilder> builders;
    for (const Field& field : node.output.fields) builders.emplace_back(field.type);
    for (const auto& row : node.rows) {
        for (size_t i = 0; i < row.size(); ++i) {
            const Datum* value = value_of(*row[i], parameters);
            if (value == nullptr) return too_hard();
            append_value(*value, builders[i]);
        }
    }
    Batch batch{.length = node.rows.size(), .columns = {}};
    for (ColumnBuilder& builder : builders) batch.columns.push_back(builder.finish());
    return batch;
}

}  // namespace

/// Gives its batches, and keeps what FakeReader was told to do meanwhile.
class FakeAnswer final : public read::Answer {
  public:
    FakeAnswer(FakeReader& reader, Schema schema, std::vector<Batch> batches,
               read::ReadOptions options)
        : reader_(reader),
          schema_(std::move(schema)),
          batches_(std::move(batches)),
          options_(std::move(options)) {
        receipt_.manifest = {17};
        receipt_.mode = "live";
        receipt_.own.push_back(
            {.view = "v", .kind = "sealed", .box = {}, .digest = Digest{}, .rows = 3});
    }
    const Schema& schema() const override { return schema_; }
    Result<bool> next(Batch& batch) override {
        UniqueLock lock(reader_.mutex_);
        ++reader_.holding_;
        reader_.changed_.notify_all();
        while (reader_.held_) {
            if (options_.cancel != nullptr && options_.cancel->cancelled) {
                return cancelled("canceling statement due to user request");
            }
            reader_.changed_.wait_for(lock, std::chrono::milliseconds(1));
        }
        --reader_.holding_;
        if (given_ > 0 && reader_.failure_) return *reader_.failure_;
        if (given_ == batches_.size()) return false;
        batch = batches_[given_++];
        return true;
    }
    std::shared_ptr<const runs::ReceiptSource> receipt() const override {
        return std::make_shared<const runs::ReceiptSource>(receipt_);
    }

  private:
    FakeReader& reader_;
    const Schema schema_;
    const std::vector<Batch> batches_;
    const read::ReadOptions options_;
    runs::ReceiptSource receipt_;
    size_t given_ = 0;
};

namespace {

class FakePrepared final : public read::PreparedRead {
  public:
    FakePrepared(FakeReader& reader, plan::Query query, read::SystemSource* system)
        : reader_(reader), query_(std::move(query)), system_(system) {}
    Result<std::unique_ptr<read::Answer>> run(const std::vector<Datum>& parameters,
                                              const read::ReadOptions& options) override {
        return reader_.execute(query_, parameters, options, system_);
    }

  private:
    FakeReader& reader_;
    const plan::Query query_;
    read::SystemSource* const system_;
};

}  // namespace

Result<std::vector<Batch>> FakeReader::evaluate(const plan::Node& node,
                                                const std::vector<Datum>& parameters,
                                                const read::ReadOptions& options,
                                                read::SystemSource* system) const {
    using Kind = plan::Node::Kind;
    if (node.kind == Kind::kValues) return std::vector<Batch>{TRY(values(node, parameters))};
    if (node.kind == Kind::kScan) {
        using From = plan::RelationRef::Kind;
        if (node.relation.kind == From::kSystem || node.relation.kind == From::kFunction) {
            return system->rows(node, options);
        }
        ScopedLock lock(mutex_);
        const auto known = rows_.find(node.relation.name);
        if (known == rows_.end()) return std::vector<Batch>();
        std::vector<Batch> batches;
        for (const Batch& whole : known->second) {
            Batch& batch = batches.emplace_back(Batch{.length = whole.length, .columns = {}});
            for (const int column : node.scan_columns) {
                batch.columns.push_back(whole.columns.at(static_cast<size_t>(column)));
            }
        }
        return batches;
    }
    if (node.inputs.size() != 1) return too_hard();
    std::vector<Batch> batches = TRY(evaluate(*node.inputs[0], parameters, options, system));
    for (Batch& batch : batches) {
        if (node.kind == Kind::kProject) {
            batch = TRY(project(node, batch, parameters));
        } else if (node.kind == Kind::kFilter) {
            batch = TRY(keep_equal(*node.predicate, batch, parameters));
        } else if (node.kind == Kind::kLimit) {
            const Datum* limit =
                node.limit == nullptr ? nullptr : value_of(*node.limit, parameters);
            if (limit == nullptr || node.offset != nullptr) return too_hard();
            const auto count = static_cast<size_t>(limit->as<int64_t>());
            if (batch.length > count) batch = batch.slice(0, count);
        } else if (node.kind != Kind::kSort) {
            return too_hard();
        }
    }
    std::erase_if(batches, [](const Batch& batch) { return batch.length == 0; });
    return batches;
}

Result<std::unique_ptr<read::Answer>> FakeReader::execute(const plan::Query& query,
                                                          const std::vector<Datum>& parameters,
                                                          const read::ReadOptions& options,
                                                          read::SystemSource* system) {
    auto batches = TRY(evaluate(*query.root, parameters, options, system));
    ScopedLock lock(mutex_);
    seen_.push_back(options);
    return std::make_unique<FakeAnswer>(*this, query.output, std::move(batches), options);
}

Result<std::shared_ptr<read::PreparedRead>> FakeReader::prepare(plan::Query query,
                                                                read::SystemSource* system) {
    ScopedLock lock(mutex_);
    ++prepare_count_;
    return std::make_shared<FakePrepared>(*this, std::move(query), system);
}

Result<std::shared_ptr<const read::PinnedSnapshot>> FakeReader::pin(const read::ReadOptions&) {
    ScopedLock lock(mutex_);
    ++pin_count_;
    return std::make_shared<const read::PinnedSnapshot>();
}

void FakeReader::rows(const std::string& relation, std::vector<Batch> batches) {
    ScopedLock lock(mutex_);
    rows_[relation] = std::move(batches);
}

void FakeReader::fail_with(std::optional<Error> error) {
    ScopedLock lock(mutex_);
    failure_ = std::move(error);
}

void FakeReader::hold(bool held) {
    ScopedLock lock(mutex_);
    held_ = held;
    changed_.notify_all();
}

void FakeReader::wait_for_held() {
    UniqueLock lock(mutex_);
    changed_.wait(lock, [&] { return holding_ > 0; });
}

std::vector<read::ReadOptions> FakeReader::seen_options() const {
    ScopedLock lock(mutex_);
    return seen_;
}

FakeNode::FakeNode() {
    services = {.control = &control,
                .reader = &reader,
                .clock = &clock,
                .random = &random,
                .metrics = &metrics,
                .receipts = &receipts,
                .appender = &appender,
                .version = "0.1",
                .started_at_us = clock.wall_us()};
    const auto made = session();
    for (const std::string_view statement :
         {"CREATE TABLE t (a int, b text)",
          "CREATE TABLE s (x numeric, y timestamptz, z double precision, w boolean)",
          "CREATE TABLE f (ip text) WITH (connector = 'file', path = '/log', format = 'combined')",
          "CREATE MATERIALIZED VIEW v AS SELECT b, count(*) AS n FROM t GROUP BY b",
          "CREATE VIEW pv AS SELECT b FROM v"}) {
        const auto outcome = run(*made, statement);
        CHECK_EQ(outcome.back().substr(0, 6), "CREATE");
    }
    ColumnBuilder key(Type::of(TypeKind::kText));
    ColumnBuilder count(Type::of(TypeKind::kInt8));
    for (const auto& [text, number] :
         {std::pair("one", 1), std::pair("two", 2), std::pair("\"3\"", 3)}) {
        key.append_text(text);
        count.append_int8(number);
    }
    reader.rows("v", {Batch{.length = 3, .columns = {key.finish(), count.finish()}}});
}

std::unique_ptr<Session> FakeNode::session() {
    return std::make_unique<Session>(services, Session::Identity{.process = 42, .port = 5433});
}

std::vector<std::string> rows_as_text(const Batch& batch) {
    std::vector<std::string> rows;
    for (size_t row = 0; row < batch.length; ++row) {
        std::string text;
        for (const Column& column : batch.columns) {
            if (&column != batch.columns.data()) text += '|';
            if (column.is_null(row)) {
                text += '~';
            } else {
                format_text(column, row, utc_format(), text);
            }
        }
        rows.push_back(std::move(text));
    }
    return rows;
}

namespace {

Result<std::vector<std::string>> try_run(Session& session, std::string_view text,
                                         const std::vector<std::string>& parameters) {
    std::vector<std::string> out;
    for (const sql::Statement& statement : TRY(sql::parse(text))) {
        const PreparedPtr prepared = TRY(session.prepare(statement, {}));
        std::vector<Datum> values;
        for (size_t i = 0; i < parameters.size(); ++i) {
            values.push_back(
                TRY(parse_text(parameters[i], prepared->parameters.at(i), utc_format())));
        }
        const auto cursor = TRY(session.execute(*prepared, std::move(values)));
        uint64_t count = 0;
        Batch batch;
        while (cursor->schema() && TRY(cursor->next(batch))) {
            for (std::string& row : rows_as_text(batch)) out.push_back(std::move(row));
            count += batch.length;
        }
        out.push_back(cursor->tag(count));
    }
    TRY(session.finish_implicit());
    return out;
}

}  // namespace

std::vector<std::string> run(Session& session, std::string_view text,
                             const std::vector<std::string>& parameters) {
    auto out = try_run(session, text, parameters);
    if (out) return *std::move(out);
    session.fail();
    return {fmt::format("{} {}", out.error().sqlstate(), out.error().message())};
}

}  // namespace braid::serving
