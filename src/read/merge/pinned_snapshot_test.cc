// SPDX-License-Identifier: Apache-2.0
#include "read/merge/pinned_snapshot.h"

#include <memory>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/error_makers.h"
#include "base/memory_file_system.h"
#include "base/test_support.h"
#include "read/merge/read_options.h"
#include "runs/run_file.h"

namespace braid::read {
namespace {

template <typename T>
T must(Result<T> result) {
    if (!result) ADD_FAILURE() << result.error().to_string();
    return std::move(result).value();
}

/// Ends somewhere; nothing else is asked of it.
class EndedLog final : public log::PartitionedLog {
  public:
    explicit EndedLog(Offset end) : end_{{end}} {}
    const LogId& id() const override { return id_; }
    uint32_t partition_count() const override { return 1; }
    Result<log::AppendOutcome> append(PartitionId, const log::AppendRequest&) override {
        return unavailable("read only");
    }
    Positions origin() const override { return start(); }
    Positions start() const override { return {{Offset{0}}}; }
    Positions durable_end() const override { return end_; }
    Result<log::RecordBatch> read(const Interval&, size_t) override { return unavailable("empty"); }
    std::vector<log::SourcePosition> source_positions(PartitionId) const override { return {}; }
    Result<void> trim(PartitionId, Offset) override { return {}; }
    Result<Positions> roll() override { return durable_end(); }
    void on_durable(std::function<void()>) override {}

  private:
    const LogId id_;
    const Positions end_;
};

/// Speed that runs ahead of whoever asks, and a seal that may come right behind.
class FastTicks final : public runs::TickSource {
  public:
    std::vector<Offset> ends;           // of one pin after the other
    std::function<void()> after_a_pin;  // may commit a seal
    std::vector<std::map<TableId, Positions>> asked;
    TableId sick;

    std::map<TableId, Result<runs::PinnedTicks>> pin(const std::map<TableId, Positions>& at_least,
                                                     int64_t) override {
        const Offset end = ends.at(std::min(asked.size(), ends.size() - 1));
        asked.push_back(at_least);
        std::map<TableId, Result<runs::PinnedTicks>> pinned;
        for (const auto& [table, least] : at_least) {
            auto tick = std::make_shared<runs::Tick>();
            tick->box = Box::between({{Offset{0}}}, {{end}});
            pinned.emplace(table, runs::PinnedTicks{{std::move(tick)}, {{end}}});
            if (table == sick) pinned.at(table) = timeout("it is sick");
        }
        if (after_a_pin) after_a_pin();
        return pinned;
    }
    Result<void> look(
        TableId, const Positions&, int64_t,
        const std::function<Result<void>(const std::vector<runs::TickPtr>&)>&) override {
        return unavailable("not looked at");
    }
    Positions frontier(TableId) const override { return {{ends.back()}}; }
};

class PinnedSnapshotTest : public ::testing::Test {
  protected:
    void SetUp() override {
        manifest_ = must(manifest::Manifest::open(files_, clock_, "m"));
        table_ = manifest_->new_id().value();
        other_ = manifest_->new_id().value();
        for (const TableId id : {table_, other_}) {
            const std::string name = id == table_ ? "t" : "u";
            const catalog::Table table{.id = id,
                                       .log = {std::string(31, '0') + (id == table_ ? "1" : "2")},
                                       .name = name,
                                       .columns = {},
                                       .connector = "http",
                                       .format = "json",
                                       .options = {},
                                       .partition_count = 1,
                                       .created_at_us = 1,
                                       .dataset_folder = catalog::dataset_folder(name, id)};
            must(manifest_->commit({manifest::CreateTable{table}}));
        }
        parts_.manifest = manifest_.get();
        parts_.tilings = &tilings_;
        parts_.ticks = &ticks_;
        parts_.log_of = [](TableId) { return std::make_shared<EndedLog>(Offset{10}); };
    }
    void seal_to(int64_t end) {
        const Positions from = manifest_->head()->table(table_)->sealed_frontier;
        if (from.at[0].value >= end) return;
        must(manifest_->commit({manifest::Seal{table_, Box::between(from, {{Offset{end}}}), {}}}));
    }
    int64_t end_of(const PinnedSnapshot& snapshot) {
        return must(snapshot.stream_end(table_)).at[0].value;
    }

    MemoryFileSystem files_;
    SteppedClock clock_;
    std::unique_ptr<manifest::Manifest> manifest_;
    runs::RunCache runs_{files_};
    runs::Tilings tilings_{runs_};
    FastTicks ticks_;
    TableId table_;
    TableId other_;
    ReadParts parts_;
};

TEST(ReadParts, ATimeoutOfForEverIsForEver) {
    const SteppedClock clock;
    ReadParts parts;
    parts.clock = &clock;
    ReadOptions options;
    options.timeout_us = std::numeric_limits<int64_t>::max();
    EXPECT_OK(parts.limits_of(options).check());
    options.timeout_us = 0;
    EXPECT_ERROR(parts.limits_of(options).check(), ErrorCode::kTimeout, "57014");
}

TEST_F(PinnedSnapshotTest, AStreamEndsWhereItsTicksEnd) {
    ticks_.ends = {Offset{12}};
    const auto snapshot = must(PinnedSnapshot::take(parts_, {table_}, {}));
    ASSERT_EQ(ticks_.asked.size(), 1u);
    EXPECT_EQ(ticks_.asked[0].at(table_).at[0].value, 10);
    EXPECT_EQ(end_of(*snapshot), 12);
}

TEST_F(PinnedSnapshotTest, AllStreamsArePinnedInOneStep) {
    ticks_.ends = {Offset{12}};
    must(PinnedSnapshot::take(parts_, {table_, other_}, {}));
    ASSERT_EQ(ticks_.asked.size(), 1u);
    EXPECT_EQ(ticks_.asked[0].size(), 2u);
}

TEST_F(PinnedSnapshotTest, ASickStreamFailsOnlyWhoeverReadsIt) {
    ticks_.ends = {Offset{12}};
    ticks_.sick = other_;
    const auto snapshot = must(PinnedSnapshot::take(parts_, {table_, other_}, {}));
    EXPECT_EQ(end_of(*snapshot), 12);
    EXPECT_ERROR(snapshot->stream(other_), ErrorCode::kTimeout);
    EXPECT_ERROR(snapshot->stream_end(other_), ErrorCode::kTimeout);
}

TEST_F(PinnedSnapshotTest, ADroppedStreamFailsOnlyWhoeverReadsIt) {
    ticks_.ends = {Offset{12}};
    parts_.log_of = [this](TableId table) -> Result<std::shared_ptr<log::PartitionedLog>> {
        if (table == other_) return not_found("it was dropped");
        return std::shared_ptr<log::PartitionedLog>(std::make_shared<EndedLog>(Offset{10}));
    };
    const auto snapshot = must(PinnedSnapshot::take(parts_, {table_, other_}, {}));
    EXPECT_EQ(end_of(*snapshot), 12);
    EXPECT_ERROR(snapshot->stream(other_), ErrorCode::kNotFound);
}

TEST_F(PinnedSnapshotTest, ASealOfWhatWasPinnedChangesNothing) {
    ticks_.ends = {Offset{12}};
    ticks_.after_a_pin = [&] { seal_to(12); };
    const auto snapshot = must(PinnedSnapshot::take(parts_, {table_}, {}));
    EXPECT_EQ(ticks_.asked.size(), 1u);
    EXPECT_EQ(end_of(*snapshot), 12);
}

TEST_F(PinnedSnapshotTest, ASealBeyondThePinTakesAnotherPin) {
    ticks_.ends = {Offset{12}, Offset{15}};
    ticks_.after_a_pin = [&] { seal_to(14); };
    const auto snapshot = must(PinnedSnapshot::take(parts_, {table_}, {}));
    EXPECT_EQ(ticks_.asked.size(), 2u);
    EXPECT_EQ(end_of(*snapshot), 15);
    EXPECT_EQ(snapshot->state()->table(table_)->sealed_frontier.at[0].value, 14);
}

TEST_F(PinnedSnapshotTest, SealsThatAlwaysRunAheadAreAnErrorNotAnAnswer) {
    ticks_.ends = {Offset{12}};
    int64_t sealed = 12;
    ticks_.after_a_pin = [&] { seal_to(++sealed); };
    const auto snapshot = PinnedSnapshot::take(parts_, {table_}, {});
    ASSERT_FALSE(snapshot.has_value());
    EXPECT_EQ(snapshot.error().sqlstate(), "40001");
}

}  // namespace
}  // namespace braid::read
