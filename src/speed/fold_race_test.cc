// SPDX-License-Identifier: Apache-2.0
// Several threads fold one stream while a client appends, readers pin and look, seals are written,
// refused and repeated, and views are declared: one interleaving a seed.
#include <algorithm>
#include <charconv>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "base/simulation.h"
#include "base/test_support.h"
#include "base/thread.h"
#include "base/trace.h"
#include "speed/stream_test_support.h"
#include "speed/table_worker.h"

namespace braid::speed {
namespace {

using Lines = std::vector<std::string>;

constexpr int64_t kWaitUs = 60'000'000;
constexpr uint64_t kSeeds = 40;

/// Appends now here, now there, each time after the last was acknowledged: so a vector is closed
/// exactly if it is the beginning of what was done.
class Client {
  public:
    Client(TestStream& stream, Random& random) : stream_(stream), random_(random) {}

    void append() {
        const auto partition = static_cast<uint32_t>(random_.below(2));
        std::vector<std::string> records;
        Positions next = ends_.back();
        for (uint64_t left = 1 + random_.below(9); left > 0; --left) {
            // A hot key, a few others, and many.
            const uint64_t kind = random_.below(3);
            const std::string key =
                kind == 0 ? "hot" : fmt::format("k{}", random_.below(kind == 1 ? 4 : 1000));
            const auto number = static_cast<int64_t>(random_.below(5));
            records.push_back(TestStream::event(key, number));
            ++next.at[partition].value;
        }
        ends_.push_back(next);
        stream_.append(partition, records);
    }
    bool was_at(const Positions& end) const { return std::ranges::find(ends_, end) != ends_.end(); }

  private:
    TestStream& stream_;
    Random& random_;
    std::vector<Positions> ends_ = {Positions::zero(2)};
};

uint64_t events_in(const Box& box) {
    uint64_t events = 0;
    for (const Interval& each : box.intervals) {
        events += static_cast<uint64_t>(each.to.value - each.from.value);
    }
    return events;
}

/// Sum of count(*) over all groups.
uint64_t counted(const runs::Tick& tick, VersionId version) {
    operators::GroupTable whole(operators::test_bound_view({}, {}).plan->aggregates);
    for (const auto& table : tick.tables_of(version)) whole.merge(*table);
    uint64_t count = 0;
    for (const std::string& line : operators::lines_of(whole)) {
        uint64_t rows = 0;
        std::from_chars(line.data() + line.find(' ') + 1, line.data() + line.size(), rows);
        count += rows;
    }
    return count;
}

class FoldRace {
  public:
    explicit FoldRace(uint64_t seed) : seed_(seed), random_(seed), simulation_(seed) {}

    void run() {
        simulation_.run([&] { story(); });
    }

  private:
    void story() {
        stream_.options.slice_records_max = 4;
        stream_.options.layers_max = random_.below(3);
        stream_.options.fold_threads = 1 + seed_ % 4;
        stream_.open();
        SpeedParts parts = stream_.parts();
        parts.clock = &simulation_;
        worker_ = *TableWorker::open(parts, stream_.options, stream_.table, stream_.log);
        ASSERT_OK(worker_->declare({stream_.new_view("v0")}));
        version_ = stream_.manifest->head()->catalog.find_view("v0")->current;
        {
            ThreadWorkers workers({.clock = &simulation_});
            for (size_t number = 0; number < stream_.options.fold_threads; ++number) {
                workers.start(fmt::format("fold {}", number), StepKind::kFold, [this] {
                    // Nobody wakes it here.
                    StepOutcome outcome = worker_->fold_step();
                    outcome.idle_us = std::min<int64_t>(outcome.idle_us, 100'000);
                    return outcome;
                });
            }
            Thread writer("writer", [this] { write(); });
            Thread reader("reader", [this] { read(); });
            Thread other("other reader", [this] { read(); });
            Thread sealer("sealer", [this] { seal(); });
            for (Thread* each : {&writer, &reader, &other, &sealer}) each->join();
        }
        check_whole();
    }

    void rest(uint64_t us) { simulation_.rest_us(static_cast<int64_t>(simulation_.below(us))); }

    void write() {
        for (int step = 0; step < 60; ++step) {
            client_.append();
            if (simulation_.below(3) != 0) rest(40);
        }
        is_over_ = true;
    }

    void read() {
        while (!is_over_) {
            const Positions least = stream_.log->durable_end();
            if (simulation_.below(2) == 0) {
                auto pinned = worker_->pin(least, kWaitUs);
                ASSERT_OK(pinned);
                EXPECT_TRUE(pinned->end.dominates(least));
                EXPECT_TRUE(client_.was_at(pinned->end)) << "pin " << pinned->end.to_string();
                check(pinned->ticks);
                rest(300);
                check(pinned->ticks);
            } else {
                ASSERT_OK(worker_->look(least, kWaitUs, [&](const auto& ticks) -> Result<void> {
                    check(ticks);
                    return {};
                }));
            }
            EXPECT_TRUE(client_.was_at(worker_->frontier()));
            rest(100);
        }
    }

    /// Each holds exactly the events of its box, and begins where the last one ends.
    void check(const std::vector<runs::TickPtr>& ticks) {
        const runs::Tick* last = nullptr;
        for (const runs::TickPtr& tick : ticks) {
            const uint64_t events = events_in(tick->box);
            EXPECT_EQ(counted(*tick, version_), events) << tick->box.to_string();
            const auto account = tick->accounts.find(version_);
            ASSERT_NE(account, tick->accounts.end());
            EXPECT_EQ(account->second.counted, events);
            EXPECT_TRUE(last == nullptr || join(last->box, tick->box).has_value());
            last = tick.get();
        }
    }

    /// Also by another worker of the stream, whose seal moves the frontier under this one's feet.
    void seal() {
        SpeedParts parts = stream_.parts();
        parts.clock = &simulation_;
        for (int number = 1; !is_over_; ++number) {
            rest(400);
            const uint64_t what = simulation_.below(4);
            if (what == 0) {
                const auto rival =
                    TableWorker::open(parts, stream_.options, stream_.table, stream_.log);
                ASSERT_OK(rival);
                ASSERT_OK((*rival)->seal());
                rest(50);
            }
            const auto sealed =
                what == 1 ? worker_->declare({stream_.new_view(fmt::format("v{}", number))})
                          : worker_->seal_folded();
            EXPECT_TRUE(sealed || sealed.error().code() == ErrorCode::kConflict);
            EXPECT_TRUE(client_.was_at(stream_.state().sealed_frontier));
        }
    }

    /// The same as one thread folds from the beginning.
    void check_whole() {
        ASSERT_OK(worker_->pin(stream_.log->durable_end(), kWaitUs));
        const auto lines = stream_.answer(*worker_, "v0");
        ASSERT_OK(lines);
        std::vector<std::string> records;
        for (uint32_t partition = 0; partition < 2; ++partition) {
            const Offset end = stream_.log->durable_end().at[partition];
            for (Offset at{0}; at < end;) {
                const auto batch = stream_.log->read({PartitionId{partition}, at, end}, 4096);
                ASSERT_OK(batch);
                records.insert(records.end(), batch->records.begin(), batch->records.end());
                at = batch->next;
            }
        }
        EXPECT_EQ(*lines, operators::lines_of(operators::fold_records(records).table));
    }

    const uint64_t seed_;
    Random random_;
    Simulation simulation_;
    TestStream stream_;
    Client client_{stream_, random_};
    std::unique_ptr<TableWorker> worker_;
    VersionId version_;
    bool is_over_ = false;
};

TEST(FoldRace, ShowsExactlyWhatItSaysWhoeverFolds) {
    set_trace_sink([](TraceLevel, std::string_view, std::string_view) {});
    for (uint64_t seed = 1; seed <= kSeeds && !testing::Test::HasFailure(); ++seed) {
        SCOPED_TRACE(seed);
        FoldRace(seed).run();
    }
    set_trace_sink({});
}

}  // namespace
}  // namespace braid::speed
