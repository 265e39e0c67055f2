// SPDX-License-Identifier: Apache-2.0
#include "log/memory_log.h"

#include <algorithm>

#include "base/check.h"
#include "base/error_makers.h"
#include "base/random.h"
#include "log/request_limits.h"

namespace braid::log {

HoleRule seeded_holes(uint64_t seed) {
    constexpr uint64_t kShortMax = 5;
    constexpr uint64_t kLongMax = 100'000;
    auto states = std::make_shared<std::map<PartitionId, uint64_t>>();
    return [seed, states](PartitionId partition) -> uint64_t {
        uint64_t& state = states->try_emplace(partition, seed + partition.value).first->second;
        switch (split_mix(state) % 16) {
            case 0:
                return split_mix(state) % kLongMax;
            case 1:
            case 2:
            case 3:
                return 1 + split_mix(state) % kShortMax;
            default:
                return 0;
        }
    };
}

MemoryLog::MemoryLog(const Clock& clock, LogId id, const Positions& origin, HoleRule holes,
                     CommitOrder* order)
    : clock_(clock),
      id_(std::move(id)),
      holes_(std::move(holes)),
      own_order_(order == nullptr ? std::make_unique<CommitOrder>() : nullptr),
      order_(own_order_ ? *own_order_ : *order) {
    for (const Offset each : origin.at) {
        partitions_.push_back({.origin = each, .start = each, .end = each});
    }
    order_.add(*this, origin);
}

MemoryLog::~MemoryLog() { order_.remove(*this); }

PartitionId MemoryLog::add_partition(Offset origin) {
    PartitionId added;
    {
        const ScopedLock lock(mutex_);
        added.value = static_cast<uint32_t>(partitions_.size());
        partitions_.push_back({.origin = origin, .start = origin, .end = origin});
        order_.add(*this, all(&Partition::end));
    }
    listeners_.call();
    return added;
}

uint32_t MemoryLog::partition_count() const {
    const ScopedLock lock(mutex_);
    return static_cast<uint32_t>(partitions_.size());
}

Positions MemoryLog::origin() const {
    const ScopedLock lock(mutex_);
    return all(&Partition::origin);
}

Positions MemoryLog::start() const {
    const ScopedLock lock(mutex_);
    return all(&Partition::start);
}

Positions MemoryLog::all(Offset Partition::* which) const {
    Positions positions;
    for (const Partition& each : partitions_) positions.at.push_back(each.*which);
    return positions;
}

Result<AppendOutcome> MemoryLog::append(PartitionId partition, const AppendRequest& request) {
    AppendOutcome outcome;
    {
        const ScopedLock lock(mutex_);
        if (partition.value >= partitions_.size()) {
            return invalid_input("no such partition: {}", partition.value);
        }
        TRY(check_request(request));
        if (request.key) {
            const auto known = keys_.find(request.key->key);
            if (known != keys_.end()) {
                if (known->second.first != request.key->body_hash) {
                    return invalid_input("idempotency key \"{}\" was used with another body",
                                         request.key->key)
                        .with_sqlstate("22000");
                }
                outcome = known->second.second;
                outcome.was_duplicate = true;
                return outcome;
            }
        }
        Partition& of = partitions_[partition.value];
        Group group = place(partition, request, of);
        outcome = {.partition = partition,
                   .offsets = group.records.empty() ? Offsets(of.end) : Offsets::of(group.offsets),
                   .end = group.records.empty() ? of.end : Offset{group.offsets.back() + 1},
                   .ingested_at_us = group.ingested_at_us,
                   .was_duplicate = false};
        if (request.key) keys_[request.key->key] = {request.key->body_hash, outcome};
        of.end = group.end;
        if (group.end > (of.groups.empty() ? of.start : of.groups.back().end)) {
            of.groups.push_back(std::move(group));
        }
        const CommitOrder::End end{this, partition, of.end};
        order_.publish({&end, 1});
    }
    listeners_.call();
    return outcome;
}

MemoryLog::Group MemoryLog::place(PartitionId id, const AppendRequest& request,
                                  Partition& partition) {
    Group group{.ingested_at_us = clock_.wall_us(),
                .sequence = order_.next_sequence(),
                .preamble = std::string(request.preamble),
                .end = partition.end};
    auto bytes = std::make_shared<std::string>();
    for (const std::string_view record : request.records) *bytes += record;
    size_t at = 0;
    const auto skip = [&] {
        if (holes_) group.end.value += static_cast<int64_t>(holes_(id));
    };
    for (const std::string_view record : request.records) {
        skip();
        group.offsets.push_back(group.end.value++);
        group.records.push_back(std::string_view(*bytes).substr(at, record.size()));
        at += record.size();
    }
    if (!request.records.empty()) skip();
    group.bytes = std::move(bytes);
    for (const auto& [source, position] : request.positions) {
        if (position.empty()) {
            partition.positions.erase(source);
        } else {
            partition.positions[source] = position;
        }
    }
    return group;
}

Result<RecordBatch> MemoryLog::read(const Interval& range, size_t records_max) {
    CHECK_GT(records_max, size_t{0});
    const ScopedLock lock(mutex_);
    CHECK_LT(range.partition.value, partitions_.size());
    const Partition& partition = partitions_[range.partition.value];
    const Interval limited{range.partition, range.from, std::min(range.to, partition.end)};
    if (range.from > partition.end) {
        return invalid_input("offset {} of partition {} is beyond the end of the log at {}",
                             range.from.value, range.partition.value, partition.end.value);
    }
    if (range.from < partition.start) {
        return not_found("offset {} of partition {} is no longer in the log", range.from.value,
                         range.partition.value)
            .with_detail(fmt::format("The log begins at {}.", partition.start.value));
    }
    auto group = std::ranges::upper_bound(partition.groups, range.from, {}, &Group::end);
    for (; group != partition.groups.end() && range.from < limited.to; ++group) {
        RecordBatch batch = batch_of(*group, limited, records_max);
        if (!batch.records.empty() || batch.next == limited.to) return batch;
    }
    return RecordBatch{.partition = range.partition,
                       .offsets = Offsets(range.from),
                       .next = std::max(range.from, limited.to),
                       .preamble = {},
                       .records = {},
                       .bytes = {}};
}

RecordBatch MemoryLog::batch_of(const Group& group, const Interval& range, size_t records_max) {
    const auto begin = std::ranges::lower_bound(group.offsets, range.from.value);
    const auto to = std::ranges::lower_bound(begin, group.offsets.end(), range.to.value);
    const auto count = std::min<size_t>(static_cast<size_t>(to - begin), records_max);
    const auto end = begin + static_cast<ptrdiff_t>(count);
    const auto first = group.records.begin() + (begin - group.offsets.begin());
    const bool is_whole = end == group.offsets.end();
    return {
        .partition = range.partition,
        .offsets = count == 0 ? Offsets(range.from) : Offsets::of(std::vector<int64_t>(begin, end)),
        .next = is_whole    ? std::min(group.end, range.to)
                : end == to ? range.to
                            : Offset{*(end - 1) + 1},
        .ingested_at_us = group.ingested_at_us,
        .sequence = group.sequence,
        .preamble = group.preamble,
        .records = std::vector<std::string_view>(first, first + static_cast<ptrdiff_t>(count)),
        .bytes = group.bytes};
}

std::vector<SourcePosition> MemoryLog::source_positions(PartitionId partition) const {
    const ScopedLock lock(mutex_);
    CHECK_LT(partition.value, partitions_.size());
    std::vector<SourcePosition> positions;
    for (const auto& [source, position] : partitions_[partition.value].positions) {
        positions.push_back({source, position});
    }
    return positions;
}

Result<void> MemoryLog::trim(PartitionId partition, Offset keep_from) {
    const ScopedLock lock(mutex_);
    CHECK_LT(partition.value, partitions_.size());
    Partition& of = partitions_[partition.value];
    while (!of.groups.empty() && of.groups.front().end <= keep_from) {
        of.start = of.groups.front().end;
        of.groups.pop_front();
    }
    return {};
}

}  // namespace braid::log
