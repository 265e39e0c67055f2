// SPDX-License-Identifier: Apache-2.0
// What every form of PartitionedLog promises (log/partitioned_log.h), as one suite. A form is a
// class with
//     PartitionedLog& log();                       open, empty, of kPartitions partitions
//     std::optional<PartitionId> add_partition();  one more, if the form can
// and is put under test by INSTANTIATE_TYPED_TEST_SUITE_P(Name, PartitionedLogConformance, Form).
// Included only from *_test.cc.
#pragma once

#include <algorithm>
#include <atomic>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/test_support.h"
#include "base/thread.h"
#include "log/test_support.h"

namespace braid::log::test {

constexpr uint32_t kPartitions = 3;

template <typename Form>
class PartitionedLogConformance : public testing::Test {
  protected:
    /// What a partition holds: offset and record.
    using Held = std::vector<std::pair<int64_t, std::string>>;

    PartitionedLog& log() { return form_.log(); }
    Offset origin(PartitionId partition = kFirst) { return log().origin().of(partition); }
    Offset end(PartitionId partition = kFirst) { return log().durable_end().of(partition); }

    AppendOutcome append(const std::vector<std::string>& records, PartitionId partition = kFirst) {
        auto outcome = log().append(partition, request_of(records));
        EXPECT_OK(outcome);
        if (!outcome) return {};
        for (size_t index = 0; index < records.size(); ++index) {
            held_[partition].emplace_back(outcome->offsets[index].value, records[index]);
        }
        return *outcome;
    }
    /// Requests of one to five records, now and then of none.
    void append_some(int requests, PartitionId partition = kFirst) {
        for (int request = 0; request < requests; ++request) {
            std::vector<std::string> records;
            for (int index = 0; index < request * 7 % 6; ++index) {
                records.push_back(fmt::format("record {} of {}", index, request));
            }
            append(records, partition);
        }
    }
    Held read_all(Offset at, size_t records_max, PartitionId partition = kFirst) {
        Held all;
        while (true) {
            const auto batch = log().read(from(at, partition), records_max);
            EXPECT_OK(batch);
            if (!batch || batch->next == at) return all;
            EXPECT_LT(at, batch->next);
            add(*batch, all);
            at = batch->next;
        }
    }
    static void add(const RecordBatch& batch, Held& all) {
        for (size_t index = 0; index < batch.records.size(); ++index) {
            EXPECT_LT(batch.offsets[index], batch.next);
            all.emplace_back(batch.offsets[index].value, batch.records[index]);
        }
    }
    Held held_between(Offset from, Offset to) {
        Held held;
        for (const auto& each : held_[kFirst]) {
            if (each.first >= from.value && each.first < to.value) held.push_back(each);
        }
        return held;
    }
    /// At, before and behind each record, and the ends.
    std::vector<Offset> places() {
        std::set<Offset> places = {origin(), end()};
        for (const auto& [offset, record] : held_[kFirst]) {
            for (const int64_t at : {offset - 1, offset, offset + 1}) {
                if (at >= origin().value && at <= end().value) places.insert({at});
            }
        }
        return {places.begin(), places.end()};
    }
    std::map<std::string, std::string> positions(PartitionId partition = kFirst) {
        std::map<std::string, std::string> all;
        for (const SourcePosition& each : log().source_positions(partition)) {
            EXPECT_TRUE(all.emplace(each.source, each.position).second);
        }
        return all;
    }

    Form form_;
    std::map<PartitionId, Held> held_;
};

TYPED_TEST_SUITE_P(PartitionedLogConformance);

TYPED_TEST_P(PartitionedLogConformance, ANewLogIsEmptyAndBeginsAtItsOrigin) {
    EXPECT_EQ(this->log().partition_count(), kPartitions);
    EXPECT_EQ(this->log().origin().partition_count(), kPartitions);
    EXPECT_EQ(this->log().start(), this->log().origin());
    EXPECT_EQ(this->log().durable_end(), this->log().origin());
    const Offset origin = this->origin();
    ASSERT_OK_AND_ASSIGN(const RecordBatch batch, this->log().read(from(origin), 10));
    EXPECT_TRUE(batch.records.empty());
    EXPECT_EQ(batch.next, origin);
}

TYPED_TEST_P(PartitionedLogConformance, WhatWasAppendedIsReadBackAtTheOffsetsThatWereTold) {
    Offset before = this->origin();
    for (const auto& records : std::vector<std::vector<std::string>>{
             {"a", "", "ccc"}, {std::string("\0\n\xFF", 3)}, {}, {"after none"}}) {
        const AppendOutcome outcome = this->append(records);
        EXPECT_EQ(outcome.partition, kFirst);
        EXPECT_FALSE(outcome.was_duplicate);
        for (size_t index = 0; index < records.size(); ++index) {
            EXPECT_LE(before, outcome.offsets[index]);
            before = {outcome.offsets[index].value + 1};
        }
        EXPECT_LE(before, outcome.end);
        EXPECT_LE(outcome.end, this->end());
        before = outcome.end;
    }
    EXPECT_EQ(this->read_all(this->origin(), 100), this->held_[kFirst]);
    EXPECT_EQ(this->log().durable_end().of({1}), this->origin({1}));
    EXPECT_EQ(this->log().start(), this->log().origin());
}

TYPED_TEST_P(PartitionedLogConformance, EveryRangeGivesItsRecordsWithEveryLimit) {
    this->append_some(12);
    const std::vector<Offset> places = this->places();
    for (const size_t limit : {1, 2, 7, 100}) {
        for (const Offset from : places) {
            EXPECT_EQ(this->read_all(from, limit), this->held_between(from, this->end()));
        }
    }
    for (const Offset from : places) {
        for (const Offset to : places) {
            typename TestFixture::Held all;
            for (Offset at = from; at < to;) {
                ASSERT_OK_AND_ASSIGN(const RecordBatch batch,
                                     this->log().read({kFirst, at, to}, 3));
                ASSERT_LT(at, batch.next);
                ASSERT_LE(batch.next, to);
                EXPECT_LE(batch.records.size(), 3U);
                this->add(batch, all);
                at = batch.next;
            }
            EXPECT_EQ(all, this->held_between(from, to));
        }
    }
}

TYPED_TEST_P(PartitionedLogConformance, AReadFromInsideAHoleGivesTheNextRecord) {
    this->append_some(30);
    for (const Offset at : this->places()) {
        const auto left = this->held_between(at, this->end());
        ASSERT_OK_AND_ASSIGN(const RecordBatch batch, this->log().read(from(at), 2));
        ASSERT_EQ(batch.records.empty(), left.empty());
        if (left.empty()) {
            EXPECT_EQ(batch.next, this->end());
        } else {
            EXPECT_EQ(batch.offsets[0], Offset{left.front().first});
            EXPECT_EQ(batch.records[0], left.front().second);
        }
    }
}

TYPED_TEST_P(PartitionedLogConformance, NothingLiesBeyondTheDurableEnd) {
    this->append_some(4);
    const Offset end = this->end();
    ASSERT_OK_AND_ASSIGN(const RecordBatch batch, this->log().read(from(end), 10));
    EXPECT_TRUE(batch.records.empty());
    EXPECT_EQ(batch.next, end);
    EXPECT_ERROR(this->log().read(from({end.value + 1}), 10), ErrorCode::kInvalidInput);
    ASSERT_OK_AND_ASSIGN(const RecordBatch none, this->log().read({kFirst, end, end}, 10));
    EXPECT_EQ(none.next, end);
}

TYPED_TEST_P(PartitionedLogConformance, ABatchIsOfOneRequestAndTellsItsPreamble) {
    const std::vector<std::string> records = {"1", "2"};
    AppendRequest request = request_of(records);
    request.preamble = "a,b";
    ASSERT_OK_AND_ASSIGN(const AppendOutcome first, this->log().append(kFirst, request));
    const AppendOutcome second = this->append({"3"});
    ASSERT_OK_AND_ASSIGN(const RecordBatch one, this->log().read(from(this->origin()), 100));
    ASSERT_EQ(one.records.size(), 2U);
    EXPECT_EQ(one.preamble, "a,b");
    EXPECT_EQ(one.ingested_at_us, first.ingested_at_us);
    ASSERT_OK_AND_ASSIGN(const RecordBatch two, this->log().read(from(one.next), 100));
    ASSERT_EQ(two.records.size(), 1U);
    EXPECT_EQ(two.preamble, "");
    EXPECT_EQ(two.ingested_at_us, second.ingested_at_us);
    EXPECT_LT(one.sequence, two.sequence);
}

TYPED_TEST_P(PartitionedLogConformance, PartitionsHaveRecordsOfTheirOwn) {
    this->append({"a", "b"}, {0});
    this->append({"c"}, {2});
    EXPECT_EQ(this->read_all(this->origin({0}), 10, {0}), this->held_[{0}]);
    EXPECT_EQ(this->read_all(this->origin({1}), 10, {1}), this->held_[{1}]);
    EXPECT_EQ(this->read_all(this->origin({2}), 10, {2}), this->held_[{2}]);
    EXPECT_ERROR(this->log().append({kPartitions}, request_of({"d"})), ErrorCode::kInvalidInput);
}

TYPED_TEST_P(PartitionedLogConformance, TrimmingForgetsOnlyWhatLiesBelow) {
    this->append_some(80);
    const Offset keep_from = {this->held_[kFirst][150].first};
    ASSERT_OK(this->log().trim(kFirst, keep_from));
    const Offset start = this->log().start().of(kFirst);
    EXPECT_LT(this->origin(), start) << "nothing was trimmed";
    EXPECT_LE(start, keep_from);
    EXPECT_EQ(this->read_all(start, 100), this->held_between(start, this->end()));
    EXPECT_ERROR(this->log().read(from({start.value - 1}), 1), ErrorCode::kNotFound);
    EXPECT_ERROR(this->log().read(from(this->origin()), 1), ErrorCode::kNotFound);
    this->append({"more"});
    EXPECT_EQ(this->read_all(start, 100), this->held_between(start, this->end()));
    EXPECT_EQ(this->log().start().of({1}), this->origin({1}));
    ASSERT_OK(this->log().trim(kFirst, this->origin()));
    EXPECT_EQ(this->log().start().of(kFirst), start) << "trimming never gives back";
}

TYPED_TEST_P(PartitionedLogConformance, WhatLiesBelowABorderCanAllBeTrimmed) {
    this->append_some(7);
    const Offset end = this->end();
    ASSERT_OK_AND_ASSIGN(const Positions border, this->log().roll());
    this->append_some(5);
    ASSERT_OK(this->log().trim(kFirst, end));
    EXPECT_EQ(this->log().start(), border);
    EXPECT_EQ(this->read_all(end, 100), this->held_between(end, this->end()));
}

TYPED_TEST_P(PartitionedLogConformance, TheNewestPositionOfASourceWinsAndAnEmptyOneForgetsIt) {
    const auto move = [&](const std::string& source, const std::string& position) {
        AppendRequest request;
        request.positions = {{source, position}};
        ASSERT_OK(this->log().append(kFirst, request));
    };
    using Positions = std::map<std::string, std::string>;
    move("a", "1");
    move("b", "1");
    move("a", "2");
    EXPECT_EQ(this->positions(), (Positions{{"a", "2"}, {"b", "1"}}));
    move("b", "");
    EXPECT_EQ(this->positions(), (Positions{{"a", "2"}}));
    EXPECT_EQ(this->positions({1}), Positions());
    this->append_some(30);
    ASSERT_OK(this->log().trim(kFirst, this->end()));
    EXPECT_EQ(this->positions(), (Positions{{"a", "2"}}));
}

TYPED_TEST_P(PartitionedLogConformance, AKeyStoresOnceWhateverThePartition) {
    const std::vector<std::string> records = {"a", "b", "c"};
    AppendRequest request = request_of(records);
    request.key = IdempotencyKey{"k", 7};
    ASSERT_OK_AND_ASSIGN(const AppendOutcome first, this->log().append(kFirst, request));
    const Positions end = this->log().durable_end();
    for (const PartitionId partition : {kFirst, PartitionId{1}}) {
        ASSERT_OK_AND_ASSIGN(const AppendOutcome again, this->log().append(partition, request));
        EXPECT_TRUE(again.was_duplicate);
        EXPECT_EQ(again.partition, kFirst);
        EXPECT_EQ(again.end, first.end);
        EXPECT_EQ(again.ingested_at_us, first.ingested_at_us);
        for (size_t index = 0; index < 3; ++index) {
            EXPECT_EQ(again.offsets[index], first.offsets[index]);
        }
    }
    request.key = IdempotencyKey{"k", 8};
    const auto refused = this->log().append(kFirst, request);
    ASSERT_ERROR(refused, ErrorCode::kInvalidInput);
    EXPECT_EQ(refused.error().sqlstate(), "22000");
    for (const std::string& key : {std::string(), std::string(256, 'k')}) {
        request.key = IdempotencyKey{key, 7};
        EXPECT_ERROR(this->log().append(kFirst, request), ErrorCode::kInvalidInput);
    }
    EXPECT_EQ(this->log().durable_end(), end);
}

TYPED_TEST_P(PartitionedLogConformance, ListenersAreCalledWhenTheRecordsCanBeRead) {
    std::vector<size_t> seen;
    this->log().on_durable([&] { seen.push_back(this->read_all(this->origin(), 10).size()); });
    this->append({"a"});
    this->append({"b", "c"});
    EXPECT_EQ(seen, (std::vector<size_t>{1, 3}));
}

TYPED_TEST_P(PartitionedLogConformance, WritersAndAFollowerMeetOnWhole) {
    constexpr int kWriters = 4;
    constexpr int kRequests = 60;
    std::vector<std::unique_ptr<Thread>> writers;
    for (int writer = 0; writer < kWriters; ++writer) {
        writers.push_back(std::make_unique<Thread>("writer", [this, writer] {
            for (int request = 0; request < kRequests; ++request) {
                const std::vector<std::string> records = {fmt::format("{} {} a", writer, request),
                                                          fmt::format("{} {} b", writer, request)};
                EXPECT_OK(this->log().append(kFirst, request_of(records)));
            }
        }));
    }
    std::map<char, std::vector<std::string>> by_writer;
    int64_t last = -1;
    uint64_t sequence = 0;
    size_t records = 0;
    for (Offset at = this->origin(); records < size_t{2} * kWriters * kRequests;) {
        ASSERT_OK_AND_ASSIGN(const RecordBatch batch, this->log().read(from(at), 7));
        if (batch.next == at) continue;
        EXPECT_LE(sequence, batch.sequence);
        if (!batch.records.empty()) sequence = batch.sequence;
        for (size_t index = 0; index < batch.records.size(); ++index) {
            EXPECT_LT(last, batch.offsets[index].value);
            last = batch.offsets[index].value;
            const std::string record(batch.records[index]);
            by_writer[record.front()].push_back(record);
        }
        records += batch.records.size();
        at = batch.next;
    }
    for (const auto& writer : writers) writer->join();
    for (int writer = 0; writer < kWriters; ++writer) {
        std::vector<std::string> expected;
        for (int request = 0; request < kRequests; ++request) {
            expected.push_back(fmt::format("{} {} a", writer, request));
            expected.push_back(fmt::format("{} {} b", writer, request));
        }
        EXPECT_EQ(by_writer[static_cast<char>('0' + writer)], expected);
    }
}

TYPED_TEST_P(PartitionedLogConformance, ANewPartitionBeginsAtItsOwnOrigin) {
    this->append_some(5);
    const Positions origin = this->log().origin();
    const Positions end = this->log().durable_end();
    const std::optional<PartitionId> added = this->form_.add_partition();
    if (!added) return;  // partitions of this form do not grow
    EXPECT_EQ(added->value, kPartitions);
    EXPECT_EQ(this->log().partition_count(), kPartitions + 1);
    for (const Positions& each :
         {this->log().origin(), this->log().start(), this->log().durable_end()}) {
        ASSERT_EQ(each.partition_count(), kPartitions + 1);
        EXPECT_EQ(each.of(*added), this->origin(*added));
    }
    for (uint32_t index = 0; index < kPartitions; ++index) {
        EXPECT_EQ(this->origin({index}), origin.of({index}));
        EXPECT_EQ(this->end({index}), end.of({index}));
    }
    this->append({"a", "b"}, *added);
    EXPECT_EQ(this->read_all(this->origin(*added), 10, *added), this->held_[*added]);
    EXPECT_EQ(this->read_all(this->origin(), 10), this->held_[kFirst]);
    AppendRequest request;
    request.positions = {{"a", "1"}};
    ASSERT_OK(this->log().append(*added, request));
    EXPECT_EQ(this->positions(*added), (std::map<std::string, std::string>{{"a", "1"}}));
    EXPECT_TRUE(this->positions().empty());
    this->append_some(80, *added);
    ASSERT_OK(this->log().trim(*added, this->end(*added)));
    EXPECT_LT(this->origin(*added), this->log().start().of(*added)) << "nothing was trimmed";
    EXPECT_EQ(this->log().origin().of(*added), this->origin(*added));
    EXPECT_EQ(this->read_all(this->origin(), 10), this->held_[kFirst]);
}

TYPED_TEST_P(PartitionedLogConformance, NoVectorShowsAPartitionBeforeTheOriginDoes) {
    if (!this->form_.add_partition()) return;
    constexpr uint32_t kAdded = 100;
    Thread grower("grower", [this] {
        for (uint32_t count = 1; count < kAdded; ++count) this->form_.add_partition();
    });
    Positions last = this->log().origin();
    while (last.partition_count() < kPartitions + kAdded) {
        const Positions end = this->log().durable_end();
        const Positions start = this->log().start();
        const Positions origin = this->log().origin();
        EXPECT_LE(end.partition_count(), origin.partition_count());
        EXPECT_LE(start.partition_count(), origin.partition_count());
        EXPECT_LE(last.partition_count(), end.partition_count());
        EXPECT_TRUE(origin.dominates(end)) << "nothing was appended";
        last = end;
    }
    grower.join();
}

REGISTER_TYPED_TEST_SUITE_P(
    PartitionedLogConformance, ANewLogIsEmptyAndBeginsAtItsOrigin,
    WhatWasAppendedIsReadBackAtTheOffsetsThatWereTold, EveryRangeGivesItsRecordsWithEveryLimit,
    AReadFromInsideAHoleGivesTheNextRecord, NothingLiesBeyondTheDurableEnd,
    ABatchIsOfOneRequestAndTellsItsPreamble, PartitionsHaveRecordsOfTheirOwn,
    TrimmingForgetsOnlyWhatLiesBelow, WhatLiesBelowABorderCanAllBeTrimmed,
    TheNewestPositionOfASourceWinsAndAnEmptyOneForgetsIt, AKeyStoresOnceWhateverThePartition,
    ListenersAreCalledWhenTheRecordsCanBeRead, WritersAndAFollowerMeetOnWhole,
    ANewPartitionBeginsAtItsOwnOrigin, NoVectorShowsAPartitionBeforeTheOriginDoes);

}  // namespace braid::log::test
