// SPDX-License-Identifier: Apache-2.0
#include <memory>
#include <string>

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/metric.h"
#include "base/random.h"
#include "base/worker.h"
#include "net/http_client.h"
#include "read/reader.h"
#include "serving/control.h"
#include "serving/http/http_api.h"

namespace braid::serving {
namespace {

/// Takes records and forgets them: what is measured is the way from the socket to the log.
class ForgetfulLog final : public log::PartitionedLog {
  public:
    const LogId& id() const override { return id_; }
    uint32_t partition_count() const override { return 1; }
    Result<log::AppendOutcome> append(PartitionId, const log::AppendRequest& request) override {
        log::AppendOutcome outcome;
        outcome.end = {static_cast<int64_t>(request.records.size())};
        return outcome;
    }
    Positions origin() const override { return start(); }
    Positions start() const override { return Positions::zero(1); }
    Positions durable_end() const override { return Positions::zero(1); }
    Result<log::RecordBatch> read(const Interval&, size_t) override { return log::RecordBatch(); }
    std::vector<log::SourcePosition> source_positions(PartitionId) const override { return {}; }
    Result<void> trim(PartitionId, Offset) override { return {}; }
    Result<Positions> roll() override { return durable_end(); }
    void on_durable(std::function<void()>) override {}

  private:
    LogId id_;
};

class OneTable final : public Control {
  public:
    OneTable() : log_(std::make_shared<ForgetfulLog>()) {
        auto state = std::make_shared<manifest::State>();
        catalog::Table table{.id = {1}, .name = "t", .connector = "http", .format = "json"};
        state->catalog.tables.put(std::move(table));
        state_ = std::move(state);
    }
    manifest::StatePtr state() const override { return state_; }
    Result<std::shared_ptr<log::PartitionedLog>> log_of(TableId) const override {
        return std::shared_ptr<log::PartitionedLog>(log_);
    }
    std::optional<Error> failure_of(TableId) const override { return std::nullopt; }
    std::vector<serving::SourceRow> sources_of(TableId) const override { return {}; }
    std::vector<TaskReport> tasks() const override { return {}; }
    std::vector<std::string> source_troubles(const catalog::Table&) const override { return {}; }
    Result<ObjectId> new_id() override { return ObjectId(); }
    Result<std::vector<manifest::Change>> complete(catalog::Table) override {
        return std::vector<manifest::Change>();
    }
    Result<catalog::MaterializedView> complete(std::string, const plan::ViewPlan&,
                                               std::string) override {
        return catalog::MaterializedView{};
    }
    Result<void> commit(const TransactionWork&) override { return {}; }
    Result<void> refresh(ViewId, const StatementLimits&) override { return {}; }
    Result<uint64_t> erase(TableId, const plan::ExprPtr&, const TextFormat&,
                           const StatementLimits&) override {
        return uint64_t{0};
    }
    Result<uint64_t> judge_audit(uint64_t, bool) override { return 0U; }

  private:
    std::shared_ptr<ForgetfulLog> log_;
    manifest::StatePtr state_;
};

/// Requests of so many records over one kept connection, client and server in one process.
void http_records(benchmark::State& state) {
    OneTable control;
    SystemClock clock;
    Random random(1);
    Metrics metrics;
    ThreadWorkers workers;
    ReceiptLog receipts;
    RecordAppender appender(control);
    const Services services{.control = &control,
                            .clock = &clock,
                            .random = &random,
                            .metrics = &metrics,
                            .receipts = &receipts,
                            .appender = &appender,
                            .version = "bench"};
    auto server = HttpApiServer::start({}, services, workers, [] { return true; });
    CHECK(server.has_value());
    net::HttpClient client("127.0.0.1", (*server)->port());
    net::HttpClient::Request request{.method = "POST", .target = "/v1/tables/t/records"};
    for (int64_t i = 0; i < state.range(0); ++i) {
        request.body += fmt::format(
            R"({{"ip":"192.0.2.{}","at":"2026-11-22T10:{:02}:{:02}Z","method":"GET",)"
            R"("path":"/shop/item/{}",)"
            R"("status":200,"bytes":{},"agent":"Mozilla/5.0 (X11; Linux x86_64) Firefox/128.0"}})"
            "\n",
            i % 256, i / 60 % 60, i % 60, i, i * 37 % 100'000);
    }
    for (auto _ : state) {
        const auto response = client.send(request);
        CHECK(response.has_value() && response->status == 200);
    }
    state.SetItemsProcessed(state.iterations() * state.range(0));
    state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(request.body.size()));
}
BENCHMARK(http_records)->Arg(1)->Arg(100)->Arg(1000)->Arg(10'000)->UseRealTime();

}  // namespace
}  // namespace braid::serving
