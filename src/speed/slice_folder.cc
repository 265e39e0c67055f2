// SPDX-License-Identifier: Apache-2.0
#include "speed/slice_folder.h"

#include "operators/decode/declared_decoder.h"

namespace braid::speed {

namespace {

/// Folding a slice first pays where a group takes in at least so many of its rows.
constexpr size_t kRowsOfGroupMin = 2;
constexpr int kRowSlices = 15;

}  // namespace

Result<std::unique_ptr<SliceFolder>> SliceFolder::create(const catalog::Table& table,
                                                         const ViewSet& views) {
    std::unique_ptr<SliceFolder> made(new SliceFolder());
    made->decoder_ = TRY(operators::make_decoder_of(table));
    made->folder_ = TRY(operators::ViewFolder::create(views.bound()));
    made->wanted_ = made->folder_->wanted(table.columns.fields.size() + plan::kSystemColumnCount);
    made->rows_for_.resize(views.size());
    for (const operators::BoundView& view : views.bound()) {
        made->empty_.emplace_back(view.plan->aggregates);
    }
    return made;
}

void SliceFolder::decode(const log::RecordBatch& batch) {
    decoder_->decode({batch.partition, batch.offsets, batch.ingested_at_us, batch.records,
                      Keepalive(batch.bytes), batch.preamble},
                     wanted_, decoded_);
}

size_t SliceFolder::fold(const log::RecordBatch& slice, Layer& into) {
    decode(slice);
    folder_->fold(decoded_, into.targets());
    return decoded_.bad.size();
}

/// A view with few keys is folded into a table of the slice's own, whose groups are then merged: so
/// a hot key is one group a slice to its shard. Where that would hardly shrink the slice, its rows
/// are handed on as they are.
void SliceFolder::split(const FoldedSlicePtr& slice) {
    const size_t views = folder_->view_count();
    slice->accounts.resize(views);
    slice->failed.resize(views);
    std::vector<std::shared_ptr<operators::GroupTable>> tables(views);
    std::vector<std::vector<operators::ShardRows>> rows(views);
    std::vector<operators::FoldTarget> targets;
    for (size_t view = 0; view < views; ++view) {
        if (rows_for_[view] > 0) {
            --rows_for_[view];
            rows[view].resize(slice->layer->shard_count());
        } else {
            tables[view] = std::make_shared<operators::GroupTable>(folder_->plan(view).aggregates);
        }
        targets.push_back({tables[view] ? tables[view].get() : &empty_[view],
                           &slice->accounts[view], &slice->failed[view],
                           tables[view] ? nullptr : &rows[view]});
    }
    for (const log::RecordBatch& batch : slice->batches) {
        if (batch.records.empty()) continue;  // a hole that was passed
        decode(batch);
        folder_->fold(decoded_, targets);
        slice->records += batch.records.size();
        slice->bad += decoded_.bad.size();
    }
    slice->batches.clear();
    for (size_t view = 0; view < views; ++view) {
        if (!tables[view]) {
            push_rows(slice, view, std::move(rows[view]));
            continue;
        }
        const bool shrinks =
            tables[view]->size() * kRowsOfGroupMin <= slice->accounts[view].counted;
        if (!shrinks) rows_for_[view] = kRowSlices;
        push_groups(slice, view, std::move(tables[view]));
    }
}

void SliceFolder::push_rows(const FoldedSlicePtr& slice, size_t view,
                            std::vector<operators::ShardRows> shards) {
    for (size_t shard = 0; shard < shards.size(); ++shard) {
        if (shards[shard].is_empty()) continue;
        slice->add_piece();
        slice->layer->shard(view, shard).push({slice, std::move(shards[shard]), nullptr, {}});
    }
}

void SliceFolder::push_groups(const FoldedSlicePtr& slice, size_t view,
                              std::shared_ptr<const operators::GroupTable> table) {
    using Group = operators::GroupTable::Group;
    std::vector<std::vector<Group>> shards(slice->layer->shard_count());
    for (Group group = 0; group < table->size(); ++group) {
        shards[operators::GroupTable::shard_of(table->key_of(group), shards.size())].push_back(
            group);
    }
    for (size_t shard = 0; shard < shards.size(); ++shard) {
        if (shards[shard].empty()) continue;
        slice->add_piece();
        slice->layer->shard(view, shard).push({slice, {}, table, std::move(shards[shard])});
    }
}

}  // namespace braid::speed
