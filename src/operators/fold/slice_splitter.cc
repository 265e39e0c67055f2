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

void SliceSplitter::begin(SplitSlice& slice, size_t shard_count) {
    const size_t views = folder_.view_count();
    slice.accounts.assign(views, {});
    slice.failed.assign(views, {});
    tables_.assign(views, nullptr);
    rows_.assign(views, {});
    targets_.clear();
    for (size_t view = 0; view < views; ++view) {
        if (rows_for_[view] > 0) {
            --rows_for_[view];
            rows_[view].resize(shard_count);
        } else {
            tables_[view] = std::make_shared<GroupTable>(folder_.plan(view).aggregates);
        }
        targets_.push_back({tables_[view] ? tables_[view].get() : &empty_[view],
                            &slice.accounts[view], &slice.failed[view],
                            tables_[view] ? nullptr : &rows_[view]});
    }
}

void SliceSplitter::fold(const DecodedSlice& decoded) { folder_.fold(decoded, targets_); }

void SliceSplitter::push(const SplitSlicePtr& slice, Shards& into) {
    for (size_t view = 0; view < folder_.view_count(); ++view) {
        if (!tables_[view]) {
            push_rows(slice, view, into);
            continue;
        }
        const bool shrinks =
            tables_[view]->size() * kRowsOfGroupMin <= slice->accounts[view].counted;
        if (!shrinks) rows_for_[view] = kRowSlices;
        push_groups(slice, view, into);
    }
}

void SliceSplitter::push_rows(const SplitSlicePtr& slice, size_t view, Shards& into) {
    for (size_t shard = 0; shard < rows_[view].size(); ++shard) {
        if (rows_[view][shard].is_empty()) continue;
        slice->add_piece();
        into[view][shard]->push({slice, std::move(rows_[view][shard]), nullptr, {}});
    }
}

void SliceSplitter::push_groups(const SplitSlicePtr& slice, size_t view, Shards& into) {
    const std::shared_ptr<const GroupTable> table = std::move(tables_[view]);
    std::vector<std::vector<GroupTable::Group>> shards(into[view].size());
    for (GroupTable::Group group = 0; group < table->size(); ++group) {
        shards[GroupTable::shard_of(table->key_of(group), shards.size())].push_back(group);
    }
    for (size_t shard = 0; shard < shards.size(); ++shard) {
        if (shards[shard].empty()) continue;
        slice->add_piece();
        into[view][shard]->push({slice, {}, table, std::move(shards[shard])});
    }
}

}  // namespace braid::operators
