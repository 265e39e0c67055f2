// SPDX-License-Identifier: Apache-2.0
#include "operators/fold/slice_splitter.h"

#include <utility>

namespace braid::operators {

namespace {

/// Folding a slice first pays where a group takes in at least so many of its rows.
constexpr size_t kRowsOfGroupMin = 8;
constexpr int kRowSlices = 15;

}  // namespace

SliceSplitter::SliceSplitter(ViewFolder& folder) : folder_(folder), rows_for_(folder.view_count()) {
    for (size_t view = 0; view < folder.view_count(); ++view) {
        empty_.emplace_back(folder.plan(view).aggregates);
    }
}

void SliceSplitter::begin(SplitSlicePtr slice, Shards& into) {
    const size_t views = folder_.view_count();
    slice_ = std::move(slice);
    shards_ = &into;
    slice_->accounts.assign(views, {});
    slice_->failed.assign(views, {});
    tables_.assign(views, nullptr);
    rows_.resize(views);
    targets_.clear();
    for (size_t view = 0; view < views; ++view) {
        if (rows_for_[view] > 0) {
            --rows_for_[view];
        } else {
            tables_[view] = std::make_shared<GroupTable>(folder_.plan(view).aggregates);
        }
        targets_.push_back({tables_[view] ? tables_[view].get() : &empty_[view],
                            &slice_->accounts[view], &slice_->failed[view],
                            tables_[view] ? nullptr : &rows_[view]});
    }
}

void SliceSplitter::fold(const DecodedSlice& decoded, std::span<const KeyFloorPtr> floors) {
    for (size_t view = 0; view < folder_.view_count(); ++view) {
        if (!tables_[view]) rows_[view] = std::vector<ShardRows>((*shards_)[view].size());
        targets_[view].floor = floors.empty() ? nullptr : floors[view].get();
    }
    folder_.fold(decoded, targets_);
    for (size_t view = 0; view < folder_.view_count(); ++view) {
        if (!tables_[view]) push_rows(view);
    }
}

std::vector<SplitSlicePtr> SliceSplitter::finish() {
    for (size_t view = 0; view < folder_.view_count(); ++view) {
        if (tables_[view]) push_groups(view);
    }
    if (slice_->settle_piece()) done_.push_back(std::move(slice_));
    slice_.reset();
    return std::exchange(done_, {});
}

void SliceSplitter::push_rows(size_t view) {
    for (size_t shard = 0; shard < rows_[view].size(); ++shard) {
        if (rows_[view][shard].is_empty()) continue;
        slice_->add_piece();
        (*shards_)[view][shard]->push({slice_, std::move(rows_[view][shard]), nullptr, {}});
    }
    take_in(view);
}

void SliceSplitter::push_groups(size_t view) {
    const std::shared_ptr<const GroupTable> table = std::move(tables_[view]);
    const bool shrinks = table->size() * kRowsOfGroupMin <= slice_->accounts[view].counted;
    if (!shrinks) rows_for_[view] = kRowSlices;
    std::vector<std::vector<GroupTable::Group>> groups((*shards_)[view].size());
    for (GroupTable::Group group = 0; group < table->size(); ++group) {
        groups[GroupTable::shard_of(table->key_of(group), groups.size())].push_back(group);
    }
    for (size_t shard = 0; shard < groups.size(); ++shard) {
        if (groups[shard].empty()) continue;
        slice_->add_piece();
        (*shards_)[view][shard]->push({slice_, {}, table, std::move(groups[shard])});
    }
    take_in(view);
}

void SliceSplitter::take_in(size_t view) {
    for (const auto& shard : (*shards_)[view]) shard->drain(done_);
}

}  // namespace braid::operators
