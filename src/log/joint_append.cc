// SPDX-License-Identifier: Apache-2.0
#include "log/joint_append.h"

#include <algorithm>
#include <deque>
#include <tuple>
#include <utility>

#include "base/check.h"

namespace braid::log {

namespace {

std::tuple<const std::string&, PartitionId> place_of(const Partition& partition) {
    return {partition.context().id.hex, partition.id()};
}

}  // namespace

JointAppend::Part& JointAppend::part_of(Partition& partition) {
    const auto place =
        std::ranges::lower_bound(parts_, place_of(partition), {},
                                 [](const Part& part) { return place_of(*part.partition); });
    if (place != parts_.end() && place->partition == &partition) return *place;
    return *parts_.insert(place, Part{&partition, {}, {}, {}});
}

void JointAppend::add(Partition& partition, const AppendRequest& request) {
    waiters_.push_back(std::make_unique<Partition::Waiter>(
        Partition::Waiter{.request = request, .blocks = encode_request(request), .outcome = {}}));
    Partition::Waiter& waiter = *waiters_.back();
    waiter.bytes = waiter.blocks.bytes.size();
    part_of(partition).group.push_back(&waiter);
}

Result<std::vector<AppendOutcome>> JointAppend::run() {
    for (const Part& part : parts_) part.partition->take_lead();
    const Result<void> written = write();
    if (written) show();
    for (const Part& part : parts_) part.partition->release_lead();
    if (!written) return written.error();
    for (const Part& part : parts_) {
        if (part.partition->context().committed) part.partition->context().committed();
    }
    std::vector<AppendOutcome> outcomes;
    for (const auto& waiter : waiters_) outcomes.push_back(**waiter->outcome);
    return outcomes;
}

Result<void> JointAppend::write() {
    const uint64_t sequence = order_.next_sequence();
    for (auto part = parts_.begin(); part != parts_.end(); ++part) {
        part->stamp = part->partition->context().stamp_of(sequence);
        auto pieces = part->partition->commit(part->group, part->stamp);
        if (pieces) {
            part->pieces = *std::move(pieces);
            continue;
        }
        for (auto before = parts_.begin(); before != part; ++before) {
            before->partition->discard_written();
        }
        return std::move(pieces).error();
    }
    return {};
}

void JointAppend::show() {
    std::deque<ScopedLock> locks;
    std::vector<CommitOrder::End> ends;
    for (Part& part : parts_) {
        locks.emplace_back(part.partition->mutex_);
        ends.push_back(part.partition->publish(part.group, std::move(part.pieces), part.stamp));
    }
    order_.publish(ends);
}

}  // namespace braid::log
