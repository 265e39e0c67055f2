// SPDX-License-Identifier: Apache-2.0
// One client appends now here, now there, each time after the last was acknowledged, in between any
// two steps of the speed layer. So a vector is closed exactly if it is the beginning of what the
// client did. Logs that can get partitions do so meanwhile.
#include <gtest/gtest.h>

#include "base/random.h"
#include "base/test_support.h"
#include "speed/stream_test_support.h"
#include "speed/table_worker.h"

namespace braid::speed {
namespace {

constexpr int64_t kWaitUs = 1'000'000;
constexpr size_t kAppendsMax = 400;

/// What a client does, over all partitions of all its streams.
class Client {
  public:
    Client(std::vector<TestStream*> streams, uint64_t seed)
        : streams_(std::move(streams)), random_(seed) {}

    /// Appends something or nothing, and now and then a log gets a partition; to be called wherever
    /// anything may happen.
    void maybe() {
        while (done_.size() < kAppendsMax && random_.below(3) == 0) append();
        if (random_.below(15) == 0) grow(*streams_[random_.below(streams_.size())]);
    }
    void append() {
        const uint64_t stream = random_.below(streams_.size());
        const Request request{
            stream,
            static_cast<uint32_t>(random_.below(streams_[stream]->log->partition_count())),
            1 + random_.below(7),
            {}};
        const std::vector<std::string> records(request.records, TestStream::event("k", 1));
        streams_[request.stream]->append(request.partition, records);
        done_.push_back({request.stream, request.partition, request.records,
                         streams_[request.stream]->log->durable_end().at[request.partition]});
    }
    size_t records() const {
        size_t records = 0;
        for (const Request& each : done_) records += each.records;
        return records;
    }
    bool is_done() const { return done_.size() >= kAppendsMax; }

    /// Whether the ends of some streams, by index, are what the first so many requests gave.
    testing::AssertionResult is_closed(const std::map<size_t, Positions>& ends) const {
        std::map<size_t, Positions> reached;
        std::map<size_t, Positions> grown = ends;  // a vector may be older than a partition
        for (auto& [stream, end] : grown) {
            reached[stream] = streams_[stream]->log->origin();
            end.grow(reached[stream]);
        }
        if (reached == grown) return testing::AssertionSuccess();
        for (const Request& each : done_) {
            const auto place = reached.find(each.stream);
            if (place == reached.end()) continue;
            place->second.at[each.partition] = each.end;
            if (reached == grown) return testing::AssertionSuccess();
        }
        testing::AssertionResult failure = testing::AssertionFailure();
        for (const auto& [stream, end] : ends) failure << stream << ": " << end.to_string() << "; ";
        return failure << "never was so";
    }

  private:
    void grow(TestStream& stream) {
        constexpr uint32_t kPartitionsMax = 30;
        if (!stream.holes_seed || stream.log->partition_count() >= kPartitionsMax) return;
        stream.add_partition(static_cast<int64_t>(random_.below(50)));
    }

    struct Request {
        size_t stream;
        uint32_t partition;
        size_t records;
        Offset end;
    };
    const std::vector<TestStream*> streams_;
    Random random_;
    std::vector<Request> done_;
};

/// A log with something happening before and behind each look at it.
class BusyLog final : public log::PartitionedLog {
  public:
    BusyLog(log::PartitionedLog& log, std::function<void()> happens)
        : log_(log), happens_(std::move(happens)) {}
    const LogId& id() const override { return log_.id(); }
    uint32_t partition_count() const override { return log_.partition_count(); }
    Result<log::AppendOutcome> append(PartitionId partition,
                                      const log::AppendRequest& request) override {
        return log_.append(partition, request);
    }
    Positions origin() const override {
        happens_();
        return log_.origin();
    }
    Positions start() const override { return log_.start(); }
    Positions durable_end() const override {
        happens_();
        Positions end = log_.durable_end();
        happens_();
        return end;
    }
    Result<log::RecordBatch> read(const Interval& range, size_t records_max) override {
        happens_();
        auto batch = log_.read(range, records_max);
        happens_();
        return batch;
    }
    std::vector<log::SourcePosition> source_positions(PartitionId partition) const override {
        return log_.source_positions(partition);
    }
    Result<void> trim(PartitionId partition, Offset keep_from) override {
        return log_.trim(partition, keep_from);
    }
    Result<Positions> roll() override { return log_.roll(); }
    void on_durable(std::function<void()> listener) override {
        log_.on_durable(std::move(listener));
    }

  private:
    log::PartitionedLog& log_;
    const std::function<void()> happens_;
};

class BusyClock final : public Clock {
  public:
    std::function<void()> happens;
    int64_t wall_us() const override { return 1; }
    int64_t monotonic_us() const override {
        if (happens) happens();
        return 1;
    }
};

constexpr uint64_t kSeeds = 20;

void show_one_stream(uint64_t seed, bool is_sparse) {
    TestStream stream;
    stream.options.fold_threads = 1 + seed % 2;
    stream.options.slice_records_max = 4;
    if (is_sparse) stream.holes_seed = seed;
    stream.open();
    Client client({&stream}, seed);
    Random random(seed + 1000);
    const auto open = [&] {
        auto worker =
            TableWorker::open(stream.parts(), stream.options, stream.table,
                              std::make_shared<BusyLog>(*stream.log, [&] { client.maybe(); }));
        EXPECT_OK(worker);
        return *std::move(worker);
    };
    std::unique_ptr<TableWorker> worker = open();
    ASSERT_OK(worker->declare({stream.new_view("v0")}));
    const auto closed = [&](const Positions& ends) { return client.is_closed({{0, ends}}); };
    for (int step = 1; step < 3000 && !client.is_done(); ++step) {
        switch (random.below(12)) {
            case 0: {
                ASSERT_OK_AND_ASSIGN(const auto pinned, worker->pin(worker->frontier(), kWaitUs));
                EXPECT_TRUE(closed(pinned.end)) << "pin";
                break;
            }
            case 1:
                ASSERT_OK(worker->look(worker->frontier(), kWaitUs,
                                       [&](const auto& ticks) -> Result<void> {
                                           Positions end = stream.state().sealed_frontier;
                                           for (const runs::TickPtr& tick : ticks)
                                               EXPECT_TRUE(extend(end, tick->box));
                                           EXPECT_TRUE(closed(end)) << "look";
                                           return {};
                                       }));
                break;
            case 2:
                ASSERT_OK(worker->seal_folded());
                EXPECT_TRUE(closed(stream.state().sealed_frontier)) << "seal";
                break;
            case 3:
                if (random.below(20) != 0) break;
                ASSERT_OK(worker->declare({stream.new_view("v" + std::to_string(step))}));
                EXPECT_TRUE(closed(stream.state().sealed_frontier)) << "declaration";
                break;
            case 4:
                if (random.below(4) != 0) break;
                worker.reset();
                if (!is_sparse) stream.crash(CrashFate::kKeepUnsynced);
                worker = open();
                break;
            default:
                worker->fold_step();
        }
        ASSERT_TRUE(closed(worker->frontier())) << "fold, step " << step;
    }
    EXPECT_TRUE(client.is_done());
    ASSERT_OK_AND_ASSIGN(const auto lines, stream.answer(*worker, "v0"));
    ASSERT_EQ(lines.size(), 1u);
    EXPECT_TRUE(lines[0].starts_with("k " + std::to_string(client.records()) + " ")) << lines[0];
}

void show_two_streams(uint64_t seed) {
    TestStream first;
    TestStream second;
    second.holes_seed = seed;
    second.order = first.order;
    Client client({&first, &second}, seed);
    BusyClock clock;
    std::vector<TableWorker::Wanted> wanted;
    for (TestStream* stream : {&first, &second}) {
        stream->options.slice_records_max = 4;
        stream->options.fold_threads = 1 + seed % 2;
        stream->open();
        SpeedParts parts = stream->parts();
        parts.clock = &clock;
        ASSERT_OK_AND_ASSIGN(std::shared_ptr<TableWorker> worker,
                             TableWorker::open(parts, stream->options, stream->table, stream->log));
        ASSERT_OK(worker->declare({stream->new_view("v")}));
        wanted.push_back({std::move(worker), {}});
    }
    clock.happens = [&] { client.maybe(); };
    Random random(seed + 1000);
    for (int step = 1; step < 3000 && !client.is_done(); ++step) {
        if (random.below(3) != 0) wanted[random.below(2)].worker->fold_step();
        wanted[0].at_least = first.log->durable_end();
        wanted[1].at_least = second.log->durable_end();
        const auto pinned = TableWorker::pin_together(*first.order, wanted, kWaitUs);
        ASSERT_OK(pinned[0]);
        ASSERT_OK(pinned[1]);
        EXPECT_TRUE(pinned[0]->end.dominates(wanted[0].at_least));
        EXPECT_TRUE(pinned[1]->end.dominates(wanted[1].at_least));
        ASSERT_TRUE(client.is_closed({{0, pinned[0]->end}, {1, pinned[1]->end}})) << step;
    }
    EXPECT_TRUE(client.is_done());
}

TEST(ClosedVectors, AreAllThatAFoldAPinALookASealAndADeclarationShow) {
    for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
        SCOPED_TRACE(seed);
        show_one_stream(seed, false);
        show_one_stream(seed, true);
    }
}

TEST(ClosedVectors, AreWhatSeveralStreamsShowTogether) {
    for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
        SCOPED_TRACE(seed);
        show_two_streams(seed);
    }
}

}  // namespace
}  // namespace braid::speed
