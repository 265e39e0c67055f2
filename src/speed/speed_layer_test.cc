// SPDX-License-Identifier: Apache-2.0
#include "speed/speed_layer.h"

#include <optional>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/memory_file_system.h"
#include "base/simulation.h"
#include "base/test_support.h"
#include "base/thread.h"
#include "speed/stream_test_support.h"

namespace braid::speed {
namespace {

class SpeedLayerTest : public testing::Test {
  protected:
    void SetUp() override {
        stream_.open();
        layer_ = std::make_unique<SpeedLayer>(stream_.parts(), stream_.options, workers_);
        ASSERT_OK(layer_->add_table(stream_.table, stream_.log));
    }
    TestStream stream_;
    SteppedWorkers workers_;
    std::unique_ptr<SpeedLayer> layer_;
};

TEST_F(SpeedLayerTest, FoldsAndSealsWhenItsStepsRun) {
    ASSERT_OK(layer_->declare(stream_.table.id, {stream_.new_view("v")}));
    stream_.append(0, {stream_.event("a", 1), stream_.event("b", 2)});
    EXPECT_EQ(layer_->frontier(stream_.table.id), manifest::at({0, 0}));
    workers_.run_until_idle();
    EXPECT_EQ(layer_->frontier(stream_.table.id), manifest::at({2, 0}));
    EXPECT_EQ(stream_.state().sealed_frontier, manifest::at({0, 0}));
    stream_.clock.advance_us(stream_.options.seal_interval_us);
    workers_.run_until_idle();
    EXPECT_EQ(stream_.state().sealed_frontier, manifest::at({2, 0}));
    const uint64_t runs = stream_.runs("v").size();
    stream_.clock.advance_us(stream_.options.seal_interval_us);
    workers_.run_until_idle();
    EXPECT_EQ(stream_.runs("v").size(), runs) << "an idle stream does not seal";
}

/// A stream that waits for more events than a few before it is sealed.
class SmallSealTest : public SpeedLayerTest {
  protected:
    static constexpr uint64_t kEventsMin = 20;

    void SetUp() override {
        stream_.options.seal_events_min = kEventsMin;
        SpeedLayerTest::SetUp();
        ASSERT_OK(layer_->declare(stream_.table.id, {stream_.new_view("v")}));
        workers_.run_until_idle();
    }
    void append(uint64_t count) {
        stream_.append(0, std::vector<std::string>(count, stream_.event("a", 1)));
        workers_.run_until_idle();
    }
    void wait(int64_t us) {
        stream_.clock.advance_us(us);
        workers_.run_until_idle();
    }
    int64_t sealed() const { return stream_.state().sealed_frontier.at[0].value; }
    const int64_t interval_us_ = stream_.options.seal_interval_us;
};

TEST_F(SmallSealTest, FewEventsWaitForTwelveIntervals) {
    append(kEventsMin - 1);
    wait(kSmallSealIntervals * interval_us_ - 1);
    EXPECT_EQ(sealed(), 0);
    wait(1);
    EXPECT_EQ(sealed(), kEventsMin - 1);
}

TEST_F(SmallSealTest, EnoughEventsAreSealedEachInterval) {
    append(kEventsMin);
    wait(interval_us_ - 1);
    EXPECT_EQ(sealed(), 0);
    wait(1);
    EXPECT_EQ(sealed(), kEventsMin);
    append(kEventsMin + 1);
    wait(interval_us_);
    EXPECT_EQ(sealed(), 2 * kEventsMin + 1);
}

TEST_F(SmallSealTest, FewThatBecomeEnoughAreSealedAtOnceIfTheyHaveWaited) {
    append(kEventsMin - 1);
    wait(3 * interval_us_);
    EXPECT_EQ(sealed(), 0);
    append(1);
    EXPECT_EQ(sealed(), kEventsMin);
}

TEST_F(SmallSealTest, WhoAsksForASealGetsIt) {
    append(1);
    ASSERT_OK(layer_->seal(stream_.table.id));
    EXPECT_EQ(sealed(), 1);
}

TEST_F(SmallSealTest, OneEventInFiveSecondsIsSixtySealsAnHour) {
    constexpr int64_t kHourUs = 3'600'000'000;
    const uint64_t before = stream_.manifest->head()->number.value;
    for (int64_t us = 0; us < kHourUs; us += 5'000'000) {
        append(1);
        wait(5'000'000);
    }
    EXPECT_EQ(sealed(), 720);
    EXPECT_LE(stream_.manifest->head()->number.value - before, 61U);
}

TEST_F(SpeedLayerTest, FewEventsAreSealedWhereMemoryIsWanted) {
    layer_.reset();
    stream_.options.seal_events_min = 10;
    stream_.options.memory_bytes_max = 1;
    SpeedLayer small(stream_.parts(), stream_.options, workers_);
    ASSERT_OK(small.add_table(stream_.table, stream_.log));
    ASSERT_OK(small.declare(stream_.table.id, {stream_.new_view("v")}));
    stream_.append(0, {stream_.event("a", 1)});
    workers_.run_until_idle();
    EXPECT_EQ(stream_.state().sealed_frontier, manifest::at({1, 0}));
    small.remove_table(stream_.table.id);
}

TEST_F(SpeedLayerTest, DecodersAreCountedAndARestingStreamHasNone) {
    constexpr size_t kRecordBytes = 300'000;
    const Metric& held = stream_.metrics.get("braid_speed_state_bytes", Metrics::Kind::kGauge, "");
    ASSERT_OK(layer_->declare(stream_.table.id, {stream_.new_view("v")}));
    for (int64_t round = 1; round <= 2; ++round) {
        std::string large = stream_.event("a", round);
        large.insert(1, std::string(kRecordBytes, ' '));
        stream_.append(0, {large});
        workers_.run_until_idle();
        EXPECT_EQ(layer_->frontier(stream_.table.id), manifest::at({round, 0}));
        EXPECT_GE(held.get(), static_cast<int64_t>(kRecordBytes));
        stream_.clock.advance_us(stream_.options.seal_interval_us);
        workers_.run_until_idle();
        EXPECT_EQ(stream_.state().sealed_frontier, manifest::at({round, 0}));
        EXPECT_EQ(held.get(), 0);
    }
}

TEST_F(SpeedLayerTest, SealsEarlyWhenItsTablesAreLarge) {
    stream_.options.seal_bytes_max = 1;
    SpeedLayer greedy(stream_.parts(), stream_.options, workers_);
    layer_->remove_table(stream_.table.id);
    ASSERT_OK(greedy.add_table(stream_.table, stream_.log));
    ASSERT_OK(greedy.declare(stream_.table.id, {stream_.new_view("v")}));
    stream_.append(0, {stream_.event("a", 1)});
    workers_.run_until_idle();
    EXPECT_EQ(stream_.state().sealed_frontier, manifest::at({1, 0}));
}

/// One event after the other, folded as its options let it.
class EdgeOfMemory {
  public:
    explicit EdgeOfMemory(const SpeedOptions& options) {
        stream_.options = options;
        stream_.options.seal_events_min = 0;
        stream_.open();
        layer_.emplace(stream_.parts(), stream_.options, workers_);
        EXPECT_OK(layer_->add_table(stream_.table, stream_.log));
        EXPECT_OK(layer_->declare(stream_.table.id, {stream_.new_view("v")}));
    }
    ~EdgeOfMemory() { layer_->remove_table(stream_.table.id); }
    EdgeOfMemory(const EdgeOfMemory&) = delete;
    EdgeOfMemory& operator=(const EdgeOfMemory&) = delete;

    /// Whether it was folded.
    bool fold(const std::string& key) {
        stream_.append(0, {TestStream::event(key, 1)});
        workers_.step("fold 0");
        return layer_->frontier(stream_.table.id) == stream_.log->durable_end();
    }
    /// Whether anything was sealed long before it was due.
    bool seal() {
        workers_.step(fmt::format("seal {}", stream_.table.id.value));
        return stream_.state().sealed_frontier == stream_.log->durable_end();
    }
    /// Of its tables, and of these with its decoder.
    uint64_t table_bytes() { return layer_->bytes_used(stream_.table.id); }
    uint64_t held_bytes() {
        return static_cast<uint64_t>(
            stream_.metrics.get("braid_speed_state_bytes", Metrics::Kind::kGauge, "").get());
    }

  private:
    TestStream stream_;
    SteppedWorkers workers_;
    std::optional<SpeedLayer> layer_;
};

TEST(SpeedMemory, AStreamSealsWhereItsTablesHoldSoMuch) {
    EdgeOfMemory any({});
    EXPECT_TRUE(any.fold("a"));
    const uint64_t bytes = any.table_bytes();
    EXPECT_GT(bytes, 0U);
    const auto seals = [&](uint64_t seal_bytes_max) {
        EdgeOfMemory stream({.seal_bytes_max = seal_bytes_max});
        EXPECT_TRUE(stream.fold("a"));
        return stream.seal();
    };
    EXPECT_FALSE(seals(bytes + 1));
    EXPECT_TRUE(seals(bytes));
    EXPECT_TRUE(seals(bytes - 1));
}

TEST(SpeedMemory, FoldingWaitsWhereAllHoldSoMuch) {
    EdgeOfMemory any({});
    EXPECT_TRUE(any.fold("a"));
    const uint64_t bytes = any.held_bytes();
    EXPECT_GT(bytes, any.table_bytes());
    const auto folds_on = [&](uint64_t memory_bytes_max) {
        EdgeOfMemory stream({.memory_bytes_max = memory_bytes_max});
        EXPECT_TRUE(stream.fold("a"));
        return stream.fold("b");
    };
    EXPECT_TRUE(folds_on(bytes + 1));
    EXPECT_FALSE(folds_on(bytes));
    EXPECT_FALSE(folds_on(bytes - 1));
    // Whoever fills it is sealed at once, be it by what its decoder holds.
    EdgeOfMemory full({.memory_bytes_max = bytes});
    EXPECT_TRUE(full.fold("a"));
    EXPECT_TRUE(full.seal());
}

/// Of all streams together: one whose states are much of it is sealed at once, and readers wait as
/// folding does.
TEST_F(SpeedLayerTest, FoldsNoFurtherThanItsMemory) {
    layer_.reset();
    stream_.options.memory_bytes_max = 1;
    SpeedLayer small(stream_.parts(), stream_.options, workers_);
    const TableId id = stream_.table.id;
    ASSERT_OK(small.add_table(stream_.table, stream_.log));
    ASSERT_OK(small.declare(id, {stream_.new_view("v")}));
    const auto fold = [&] { workers_.step("fold 0"); };
    const std::string seal = fmt::format("seal {}", id.value);
    stream_.append(0, {stream_.event("a", 1)});
    fold();
    EXPECT_EQ(small.frontier(id), manifest::at({1, 0}));
    stream_.append(0, {stream_.event("b", 2)});
    fold();
    EXPECT_EQ(small.frontier(id), manifest::at({1, 0})) << "the states fill it";
    EXPECT_ERROR(small.pin({{id, manifest::at({2, 0})}}, 0).at(id), ErrorCode::kUnavailable,
                 "XB002");
    EXPECT_TRUE(workers_.step(seal)) << "long before it is due";
    EXPECT_EQ(stream_.state().sealed_frontier, manifest::at({1, 0}));
    fold();
    EXPECT_EQ(small.frontier(id), manifest::at({2, 0}));
    EXPECT_OK(small.pin({{id, manifest::at({2, 0})}}, 0).at(id));
    small.remove_table(id);
}

TEST_F(SpeedLayerTest, SealsWhatItHasFoldedWhenItCloses) {
    stream_.append(1, {stream_.event("a", 1)});
    workers_.run_until_idle();
    ASSERT_OK(layer_->close());
    EXPECT_EQ(stream_.state().sealed_frontier, manifest::at({0, 1}));
    EXPECT_TRUE(workers_.names().empty());
}

TEST_F(SpeedLayerTest, DropsWhatIsNotSealedOfAStreamThatIsTakenAway) {
    stream_.append(0, {stream_.event("a", 1)});
    workers_.run_until_idle();
    layer_->remove_table(stream_.table.id);
    EXPECT_EQ(stream_.state().sealed_frontier, manifest::at({0, 0}));
    EXPECT_EQ(workers_.names(), std::vector<std::string>{"fold 0"}) << "of all streams";
}

TEST_F(SpeedLayerTest, KnowsOnlyItsStreams) {
    const TableId other{77};
    EXPECT_ERROR(layer_->seal(other), ErrorCode::kNotFound);
    EXPECT_ERROR(layer_->declare(other, {}), ErrorCode::kNotFound);
    EXPECT_ERROR(layer_->pin({{other, {}}}, 0).at(other), ErrorCode::kNotFound);
    EXPECT_TRUE(layer_->failure(other).has_value());
    EXPECT_EQ(layer_->bytes_used(other), 0U);
    layer_->remove_table(other);
}

/// One interleaving of writer, reader, folding threads and seal a seed: whoever folds, what came is
/// sealed, though nothing comes after it that would wake anybody.
TEST(SpeedLayerRace, SealsWhatCameLast) {
    constexpr int64_t kWaitUs = 3'600'000'000;
    for (uint64_t seed = 1; seed <= 60 && !testing::Test::HasFailure(); ++seed) {
        SCOPED_TRACE(seed);
        Simulation simulation(seed);
        simulation.run([&] {
            TestStream stream;
            stream.options.fold_threads = 2;
            stream.open();
            SpeedParts parts = stream.parts();
            parts.clock = &simulation;
            ThreadWorkers workers({.clock = &simulation});
            SpeedLayer layer(parts, stream.options, workers);
            const TableId table = stream.table.id;
            ASSERT_OK(layer.add_table(stream.table, stream.log));
            ASSERT_OK(layer.declare(table, {stream.new_view("v")}));
            for (int turn = 0; turn < 3; ++turn) {
                Thread writer("writer", [&] { stream.append(0, {stream.event("a", turn)}); });
                Thread reader("reader", [&] {
                    for (int look = 0; look < 5; ++look) {
                        const Positions end = stream.log->durable_end();
                        EXPECT_OK(layer.pin({{table, end}}, kWaitUs).at(table));
                        simulation.rest_us(static_cast<int64_t>(simulation.below(20)));
                    }
                });
                writer.join();
                reader.join();
                simulation.rest_us(10 * stream.options.seal_interval_us);
                EXPECT_EQ(stream.state().sealed_frontier, stream.log->durable_end());
            }
        });
    }
}

/// Few events that wait are not looked at until there are more: whoever folds those wakes the seal.
TEST(SpeedLayerRace, WakesASealThatWaitsForMore) {
    for (uint64_t seed = 1; seed <= 30 && !testing::Test::HasFailure(); ++seed) {
        SCOPED_TRACE(seed);
        Simulation simulation(seed);
        simulation.run([&] {
            TestStream stream;
            stream.options.fold_threads = 1 + seed % 2;
            stream.options.seal_events_min = 4;
            stream.options.seal_interval_us = 3'600'000'000;  // no thread stalls for long of it
            stream.open();
            SpeedParts parts = stream.parts();
            parts.clock = &simulation;
            ThreadWorkers workers({.clock = &simulation});
            SpeedLayer layer(parts, stream.options, workers);
            const int64_t interval_us = stream.options.seal_interval_us;
            ASSERT_OK(layer.add_table(stream.table, stream.log));
            ASSERT_OK(layer.declare(stream.table.id, {stream.new_view("v")}));
            for (int turn = 0; turn < 2; ++turn) {
                const Positions before = stream.log->durable_end();
                stream.append(0, std::vector<std::string>(3, stream.event("a", turn)));
                simulation.rest_us(7 * interval_us / 2);
                EXPECT_EQ(stream.state().sealed_frontier, before);
                stream.append(0, {stream.event("b", turn)});
                simulation.rest_us(interval_us / 10);
                EXPECT_EQ(stream.state().sealed_frontier, stream.log->durable_end());
            }
        });
    }
}

}  // namespace
}  // namespace braid::speed
