// SPDX-License-Identifier: Apache-2.0
#include "housekeeping/segment_merger.h"

#include <set>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/error_makers.h"
#include "base/memory_file_system.h"
#include "base/test_support.h"
#include "dataset/listed_files.h"
#include "dataset/segment.h"
#include "dataset/segment_erase.h"
#include "dataset/segment_merge.h"
#include "housekeeping/releaser.h"
#include "manifest/test_support.h"
#include "operators/decode/declared_decoder.h"
#include "plan/view_plan.h"

namespace braid::housekeeping {
namespace {

constexpr const char* kDay = "2026-11-22";
constexpr uint32_t kPartitions = 2;
constexpr int kSegments = 4;
constexpr size_t kMerged = kSegments - 1;

/// "partition:offset" of each row.
using Places = std::vector<std::string>;

/// A stream of two partitions with four segments of a day.
class Dataset {
  public:
    explicit Dataset(int segments = kSegments) {
        manifest_ = manifest::Manifest::open(files_, clock_, "manifest").value();
        table_ = manifest::test_table(manifest_->new_id().value(), "t", kPartitions);
        table_.columns.fields = {{"n", Type::of(TypeKind::kInt8)}};
        EXPECT_OK(manifest_->commit({manifest::CreateTable{table_}}));
        for (int number = 0; number < segments; ++number) archive();
        open();
    }

    void open() {
        merger_.reset();
        releaser_.reset();
        manifest_.reset();
        manifest_ = manifest::Manifest::open(files_, clock_, "manifest").value();
        merger_.emplace(SegmentMergerParts{&files_, &clock_, manifest_.get()});
        releaser_ = std::make_unique<Releaser>(files_, *manifest_, clock_, nullptr);
    }
    void archive() {
        const Positions from = state().archive_end;
        const auto spec = dataset::SegmentSpec::of(table_);
        const std::string path = dataset::segment_path(spec.folder, kDay, spec.log, from);
        std::unique_ptr<dataset::SegmentWriter> writer;
        const auto decoder = operators::make_decoder_of(table_).value();
        const std::vector<bool> wanted(1 + plan::kSystemColumnCount, true);
        for (uint32_t index = 0; index < kPartitions; ++index) {
            const PartitionId partition{index};
            const Offset begin = from.of(partition);
            if (writer) {
                writer->go_to(partition, begin);
            } else {
                writer =
                    dataset::SegmentWriter::create(files_, spec, path, partition, begin).value();
            }
            const std::vector<std::string_view> raw = {R"({"n":1})", "nonsense", R"({"n":3})"};
            operators::DecodedSlice decoded;
            decoder->decode({partition, Offsets(begin), 5, raw, {}, {}}, wanted, decoded);
            EXPECT_OK(writer->add(decoded, raw, 5, {begin.value + 3}));
            for (int64_t at = begin.value; at < begin.value + 3; ++at) {
                places_.push_back(fmt::format("{}:{}", index, at));
            }
        }
        const manifest::Segment segment = writer->move_in().value();
        EXPECT_OK(manifest_->commit({manifest::Archive{table_.id, {segment}}}));
        std::ranges::sort(places_);
    }
    /// All but the last, which stays as it is.
    Result<bool> merge() {
        MergePlan plan{.table = table_.id, .segments = {}};
        for (const manifest::Segment& each : state().segments) plan.segments.push_back(each);
        plan.segments.pop_back();
        return merger_->merge(plan, [](uint64_t) { return Result<void>(); });
    }
    const manifest::TableState& state() {
        head_ = manifest_->head();
        return *head_->table(table_.id);
    }
    /// What whoever lists the day's folder reads.
    Places listed() {
        const std::string day = table_.dataset_folder + "/ingest_day=" + kDay;
        const std::vector<std::string> names = files_.list(day).value();
        const auto segments = dataset::list_segments(files_, table_.dataset_folder).value();
        EXPECT_EQ(names.size(), segments.size());
        return places_of(segments);
    }
    /// What Braid reads by a manifest version.
    Places named(const manifest::TableState& state) {
        return places_of({state.segments.begin(), state.segments.end()});
    }
    Places places_of(const std::vector<manifest::Segment>& segments) {
        Places found;
        const std::vector<bool> wanted(1 + plan::kSystemColumnCount, true);
        Positions end{std::vector<Offset>(kPartitions, Offset{1000})};
        for (const manifest::Segment& each : segments) {
            const auto scan = dataset::SegmentScan::open(
                files_, dataset::SegmentSpec::of(table_), operators::decoder_spec_of(table_), each,
                {wanted, end, Positions::zero(kPartitions)});
            if (!scan) {
                found.push_back(scan.error().to_string());
                continue;
            }
            operators::DecodedSlice slice;
            while ((*scan)->next(slice).value()) {
                for (size_t row = 0; row < slice.batch.length; ++row) {
                    found.push_back(
                        fmt::format("{}:{}", slice.partition.value, slice.offsets[row].value));
                }
            }
        }
        std::ranges::sort(found);
        return found;
    }
    /// Takes an event out of the first segment, in one commit.
    Result<void> erase_first() {
        if (!state().sealed_frontier.dominates(state().archive_end)) {
            const Box box = Box::between(state().sealed_frontier, state().archive_end);
            TRY(manifest_->commit({manifest::Seal{table_.id, box, {}}}));
        }
        const manifest::Segment segment = state().segments[0];
        const std::string path = dataset::merged_path(segment, TRY(manifest_->new_run_id()));
        const std::string put_at = TRY(dataset::path_to_put(files_, path));
        const manifest::Segment written =
            TRY(dataset::erase_events(files_, dataset::SegmentSpec::of(table_), segment,
                                      {{PartitionId{0}, {0}}}, path, put_at));
        const manifest::Erasure erasure{.id = state().erasure_epoch + 1,
                                        .predicate_hash = "00",
                                        .ends = state().archive_end,
                                        .rows = 1};
        TRY(manifest_->commit({manifest::Erase{table_.id, erasure},
                               manifest::ReplaceSegments{table_.id, {segment.file}, {written}}}));
        return {};
    }
    Result<void> destroy() {
        return merger_->show_all(table_.id,
                                 [this] { return releaser_->destroy_segments(table_.id); });
    }
    /// places_ without it.
    Places left() const {
        Places left = places_;
        std::erase(left, "0:0");
        return left;
    }
    /// All that lies in the dataset, listed or not, is what the manifest names, and is listed.
    void expect_only_named() {
        EXPECT_EQ(unlisted(), 0U);
        const std::string day = table_.dataset_folder + "/ingest_day=" + kDay;
        std::set<std::string> found;
        const std::vector<std::string> names = files_.list(day).value();
        for (const std::string& name : names) found.insert(day + "/" + name);
        std::set<std::string> named;
        for (const manifest::Segment& each : state().segments) named.insert(each.file);
        EXPECT_EQ(found, named);
        EXPECT_TRUE(state().retired_segments.empty());
    }
    size_t unlisted() {
        const std::string folder = dataset::unlisted_folder(table_.dataset_folder);
        if (!files_.exists(folder).value()) return 0;
        return files_.list(folder).value().size();
    }

    MemoryFileSystem files_;
    SteppedClock clock_;
    std::unique_ptr<manifest::Manifest> manifest_;
    catalog::Table table_;
    std::optional<SegmentMerger> merger_;
    std::unique_ptr<Releaser> releaser_;
    manifest::StatePtr head_;
    Places places_;  // of all records
};

TEST(SegmentMergerTest, MakesOneSegmentThatIsListedInPlaceOfTheOthers) {
    Dataset data;
    ASSERT_OK_AND_ASSIGN(const bool done, data.merge());
    EXPECT_TRUE(done);
    ASSERT_EQ(data.state().segments.size(), 2U);
    EXPECT_EQ(data.state().retired_segments.size(), kMerged);
    EXPECT_EQ(data.named(data.state()), data.places_);
    EXPECT_EQ(data.listed(), data.places_);
    EXPECT_TRUE(*data.files_.exists(data.state().segments[0].file));
    data.archive();
    EXPECT_EQ(data.listed(), data.places_);
}

/// Whoever lists the folder at whatever moment.
TEST(SegmentMergerTest, NobodyEverListsAGapOrADouble) {
    Dataset data;
    bool is_looking = false;
    size_t looks = 0;
    data.files_.set_fault_hook([&](const FileOperation&) -> Result<void> {
        if (is_looking) return {};
        is_looking = true;
        EXPECT_EQ(data.listed(), data.places_);
        EXPECT_EQ(data.named(data.state()), data.places_);
        ++looks;
        is_looking = false;
        return {};
    });
    ASSERT_OK(data.merge());
    data.clock_.advance_us(10);
    ASSERT_OK(data.merger_->finish(0));
    ASSERT_OK(data.releaser_->release(0, 1));
    ASSERT_OK(data.releaser_->release(0, 1));
    data.files_.clear_faults();
    EXPECT_GT(looks, 30U);
}

TEST(SegmentMergerTest, ThePowerMayGoAtEveryStep) {
    for (const CrashFate fate :
         {CrashFate::kDropUnsynced, CrashFate::kKeepUnsynced, CrashFate::kTearUnsynced}) {
        bool is_over = false;
        for (uint64_t step = 0; !is_over; ++step) {
            SCOPED_TRACE(fmt::format("fate {} step {}", static_cast<int>(fate), step));
            Dataset data;
            data.files_.fail_all_after(step);
            const auto done = data.merge();
            is_over = done.has_value();
            data.files_.crash(fate, step);
            data.open();
            const manifest::StatePtr state = data.manifest_->head();
            ASSERT_OK(remove_orphans(data.files_, data.files_, *state));
            ASSERT_EQ(data.named(data.state()), data.places_);
            ASSERT_EQ(data.listed(), data.places_);
            EXPECT_EQ(data.unlisted(), data.state().retired_segments.size());
            if (data.state().segments.size() == 2) continue;
            ASSERT_OK(data.merge());
            ASSERT_EQ(data.state().segments.size(), 2U);
            ASSERT_EQ(data.named(data.state()), data.places_);
            ASSERT_EQ(data.listed(), data.places_);
        }
    }
}

TEST(SegmentMergerTest, WhatWasReplacedIsReadAsLongAsItIsPinned) {
    Dataset data;
    std::optional<manifest::PinnedState> pinned = data.manifest_->pin();
    ASSERT_OK(data.merge());
    constexpr int64_t kHourUs = 3'600'000'000;
    ASSERT_OK(data.releaser_->release(0, kHourUs));
    EXPECT_TRUE(data.state().retired_segments.empty());
    EXPECT_EQ(data.named(*pinned->state->table(data.table_.id)), data.places_);
    pinned.reset();
    ASSERT_OK(data.merger_->finish(0));
    ASSERT_OK(data.releaser_->release(0, kHourUs));
    EXPECT_EQ(data.unlisted(), 0U);
    EXPECT_EQ(data.listed(), data.places_);
}

TEST(SegmentMergerTest, WhatWasReplacedStaysForTheUndoWindow) {
    Dataset data;
    ASSERT_OK(data.merge());
    ASSERT_OK(data.releaser_->release(1'000, 1));
    data.clock_.advance_us(999);
    ASSERT_OK(data.releaser_->release(1'000, 1));
    EXPECT_EQ(data.state().retired_segments.size(), kMerged);
    data.clock_.advance_us(1);
    ASSERT_OK_AND_ASSIGN(const uint64_t released, data.releaser_->release(1'000, 1));
    EXPECT_EQ(released, kMerged);
    EXPECT_TRUE(data.state().retired_segments.empty());
}

/// The commit is made and the folder cannot be exchanged: what is listed stays until it can.
TEST(SegmentMergerTest, ADayThatCouldNotBeShownIsShownLater) {
    Dataset data;
    data.files_.set_fault_hook([](const FileOperation& operation) -> Result<void> {
        const bool is_exchange =
            operation.kind == FileOperation::Kind::kMove && operation.path.starts_with("dataset/");
        if (is_exchange) return exhausted("no more of it");
        return {};
    });
    EXPECT_ERROR(data.merge(), ErrorCode::kExhausted);
    EXPECT_EQ(data.state().segments.size(), 2U);
    EXPECT_EQ(data.listed(), data.places_);
    EXPECT_EQ(data.named(data.state()), data.places_);
    EXPECT_EQ(data.unlisted(), kMerged + 1) << "what was replaced, and the new one";
    ASSERT_OK_AND_ASSIGN(const uint64_t released, data.releaser_->release(0, 1));
    EXPECT_EQ(released, 0U) << "they are still listed";
    data.files_.clear_faults();
    ASSERT_OK(data.merger_->finish(1'000));
    EXPECT_EQ(data.files_.list(data.table_.dataset_folder + "/ingest_day=" + kDay)->size(), 2U);
    EXPECT_EQ(data.listed(), data.places_);
}

/// DROP closes the stream, then commits.
TEST(SegmentMergerTest, AStreamThatIsBeingDroppedIsNoFailure) {
    Dataset data;
    bool is_closed = false;
    data.merger_.emplace(
        SegmentMergerParts{&data.files_, &data.clock_, data.manifest_.get(),
                           [&](TableId, const std::function<Result<void>()>& work) -> Result<void> {
                               if (is_closed) return not_found("the stream was dropped meanwhile");
                               return work();
                           }});
    MergePlan plan{.table = data.table_.id, .segments = {}};
    for (const manifest::Segment& each : data.state().segments) plan.segments.push_back(each);
    const auto close = [&](uint64_t) -> Result<void> {
        is_closed = true;
        return {};
    };
    ASSERT_OK(data.merger_->merge(plan, close));
    ASSERT_OK(data.merger_->finish(0));
    EXPECT_EQ(data.listed(), data.places_) << "as it was";
    is_closed = false;
    ASSERT_OK(data.merger_->finish(0));
    EXPECT_EQ(data.listed(), data.places_);
    EXPECT_EQ(data.files_.list(data.table_.dataset_folder + "/ingest_day=" + kDay)->size(), 1U);
}

TEST(SegmentMergerTest, WhoIsOvertakenLeavesNothing) {
    Dataset data;
    MergePlan plan{.table = data.table_.id, .segments = {}};
    for (const manifest::Segment& each : data.state().segments) plan.segments.push_back(each);
    ASSERT_OK(data.merge());
    const size_t before = data.unlisted();
    ASSERT_OK_AND_ASSIGN(const bool done,
                         data.merger_->merge(plan, [](uint64_t) { return Result<void>(); }));
    EXPECT_FALSE(done);
    EXPECT_EQ(data.unlisted(), before);
    EXPECT_EQ(data.listed(), data.places_);
}

TEST(SegmentMergerTest, WhatHeldErasedEventsIsDestroyed) {
    Dataset data;
    ASSERT_OK(data.merge());
    ASSERT_OK(data.erase_first());
    EXPECT_EQ(data.named(data.state()), data.left());
    EXPECT_EQ(data.listed(), data.places_) << "until it is shown";
    EXPECT_GT(data.unlisted(), kMerged) << "also the folder as it was";
    const std::optional<manifest::PinnedState> pinned = data.manifest_->pin();
    ASSERT_OK(data.destroy());
    data.expect_only_named();
    EXPECT_EQ(data.listed(), data.left());
    ASSERT_OK(data.merger_->finish(0));
    ASSERT_OK(data.releaser_->release(0, 1));
}

/// Also what was released, and is still pinned.
TEST(SegmentMergerTest, WhatIsPinnedIsDestroyedToo) {
    Dataset data;
    const std::optional<manifest::PinnedState> pinned = data.manifest_->pin();
    ASSERT_OK(data.merge());
    ASSERT_OK_AND_ASSIGN(const uint64_t released, data.releaser_->release(0, 1'000'000));
    EXPECT_EQ(released, kMerged);
    ASSERT_OK(data.erase_first());
    ASSERT_OK(data.destroy());
    data.expect_only_named();
    ASSERT_OK(data.releaser_->release(0, 0));
}

TEST(SegmentMergerTest, AMergeThatIsUnderWayLosesToAnErasure) {
    Dataset data;
    MergePlan plan{.table = data.table_.id, .segments = {}};
    for (const manifest::Segment& each : data.state().segments) plan.segments.push_back(each);
    ASSERT_OK_AND_ASSIGN(const bool done,
                         data.merger_->merge(plan, [&](uint64_t) { return data.erase_first(); }));
    EXPECT_FALSE(done);
    ASSERT_OK(data.destroy());
    data.expect_only_named();
    EXPECT_EQ(data.listed(), data.left());
    // Nothing is merged until the erasure is done: of what it has not touched either.
    MergePlan rest{.table = data.table_.id, .segments = {}};
    rest.segments.assign(data.state().segments.begin() + 1, data.state().segments.end());
    ASSERT_OK_AND_ASSIGN(const bool merged,
                         data.merger_->merge(rest, [](uint64_t) { return Result<void>(); }));
    EXPECT_FALSE(merged);
    EXPECT_FALSE(plan_merge(*data.manifest_->head(), data.table_.id, "2026-11-23", {}));
    data.expect_only_named();
}

TEST(SegmentMergerTest, APlanThatAnErasureHasOvertakenIsGivenUp) {
    Dataset data;
    MergePlan plan{.table = data.table_.id, .segments = {}};
    for (const manifest::Segment& each : data.state().segments) plan.segments.push_back(each);
    ASSERT_OK(data.erase_first());
    ASSERT_OK(data.destroy());
    ASSERT_OK_AND_ASSIGN(const bool done,
                         data.merger_->merge(plan, [](uint64_t) { return Result<void>(); }));
    EXPECT_FALSE(done);
    data.expect_only_named();
}

/// Whoever lists the folder finds each record once, with the erased ones or without.
TEST(SegmentMergerTest, NobodyEverListsAnErasureInParts) {
    Dataset data;
    ASSERT_OK(data.merge());
    bool is_looking = false;
    std::vector<Places> seen;
    data.files_.set_fault_hook([&](const FileOperation&) -> Result<void> {
        if (is_looking) return {};
        is_looking = true;
        Places found = data.listed();
        if (seen.empty() || seen.back() != found) seen.push_back(std::move(found));
        is_looking = false;
        return {};
    });
    ASSERT_OK(data.erase_first());
    ASSERT_OK(data.destroy());
    data.files_.clear_faults();
    EXPECT_EQ(seen, (std::vector<Places>{data.places_, data.left()}));
}

TEST(SegmentMergerTest, ThePowerMayGoAtEveryStepOfAnErasure) {
    for (const CrashFate fate :
         {CrashFate::kDropUnsynced, CrashFate::kKeepUnsynced, CrashFate::kTearUnsynced}) {
        bool is_over = false;
        for (uint64_t step = 0; !is_over; ++step) {
            SCOPED_TRACE(fmt::format("fate {} step {}", static_cast<int>(fate), step));
            Dataset data;
            ASSERT_OK(data.merge());
            data.files_.fail_all_after(step);
            auto done = data.erase_first();
            if (done) done = data.destroy();
            is_over = done.has_value();
            data.files_.crash(fate, step);
            data.open();
            ASSERT_OK(remove_orphans(data.files_, data.files_, *data.manifest_->head()));
            const bool is_erased = data.state().erasure_epoch == 1;
            EXPECT_TRUE(is_erased || !is_over);
            ASSERT_EQ(data.named(data.state()), is_erased ? data.left() : data.places_);
            ASSERT_EQ(data.listed(), is_erased ? data.left() : data.places_);
            EXPECT_LE(data.unlisted(), data.state().retired_segments.size());
            if (!is_erased) continue;
            ASSERT_OK(data.destroy());
            data.expect_only_named();
        }
    }
}

/// The process ended between a segment's file and its commit, and the rows went into the folder of
/// another day when they were written again.
TEST(SegmentMergerTest, AStartRemovesWhatWasPutButNeverToldOf) {
    Dataset data;
    const std::string named = data.state().segments[0].file;
    const std::string folder = data.table_.dataset_folder;
    const std::string name = named.substr(named.rfind('/'));
    const std::string leftover = folder + "/ingest_day=2026-11-21" + name;
    const std::string foreign = folder + "/ingest_day=2026-11-21/notes.parquet";
    for (const std::string& path : {leftover, foreign}) {
        ASSERT_OK(put_new(data.files_, path, as_bytes(std::string("rows"))));
    }
    ASSERT_OK_AND_ASSIGN(const bool merged, data.merge());
    EXPECT_TRUE(merged);
    data.open();
    ASSERT_OK(remove_orphans(data.files_, data.files_, *data.manifest_->head()));
    EXPECT_FALSE(data.files_.exists(leftover).value());
    EXPECT_TRUE(data.files_.exists(foreign).value()) << "not of Braid";
    ASSERT_OK(data.files_.remove(foreign));
    EXPECT_EQ(data.listed(), data.places_);
}

}  // namespace
}  // namespace braid::housekeeping
