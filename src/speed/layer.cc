// SPDX-License-Identifier: Apache-2.0
#include "speed/layer.h"

#include <algorithm>

#include "base/check.h"
#include "speed/folded_slice.h"

namespace braid::speed {

namespace {

/// Counts as one pin while it lives. Whoever finds none left sees all reading done.
struct PinnedTick {
    PinnedTick(const runs::Tick& seen, std::shared_ptr<std::atomic<int>> counter)
        : tick(seen), pins(std::move(counter)) {
        pins->fetch_add(1, std::memory_order_relaxed);
    }
    PinnedTick(const PinnedTick&) = delete;
    PinnedTick& operator=(const PinnedTick&) = delete;
    ~PinnedTick() { pins->fetch_sub(1, std::memory_order_release); }

    const runs::Tick tick;
    const std::shared_ptr<std::atomic<int>> pins;
};

}  // namespace

Layer::Layer(ViewSetPtr views, size_t shard_count, const Positions& from,
             std::optional<int64_t> horizon_us)
    : views_(std::move(views)), from_(from), to_(from), shard_count_(shard_count) {
    for (size_t view = 0; view < views_->size(); ++view) {
        auto& shards = shards_.emplace_back();
        for (size_t shard = 0; shard < shard_count; ++shard) {
            shards.push_back(std::make_unique<operators::Shard>(views_->aggregates(view)));
        }
        failed_.push_back(std::make_shared<operators::FailedEvents>());
    }
    accounts_.resize(views_->size());
    if (!horizon_us || !views_->retains()) return;
    horizons_.push_back({from, *horizon_us});
    for (const operators::BoundView& view : views_->bound()) {
        floors_.push_back(view.floor_at(horizon_us));
    }
}

void Layer::reach(const Positions& to) {
    to_ = to;
    copy_.reset();
}

void Layer::grow(const Positions& origin) {
    from_.grow(origin);
    to_.grow(origin);
    for (Horizon& horizon : horizons_) horizon.from.grow(origin);
    copy_.reset();
}

std::vector<operators::FoldTarget> Layer::targets() {
    CHECK_EQ(shard_count_, size_t{1});
    std::vector<operators::FoldTarget> targets;
    for (size_t view = 0; view < shards_.size(); ++view) {
        targets.push_back(
            {shards_[view].front()->table().get(), &accounts_[view], failed_[view].get()});
        if (!floors_.empty()) targets.back().floor = floors_[view].get();
    }
    return targets;
}

void Layer::raise_clock(std::optional<int64_t> time_us) {
    if (time_us) clock_us_ = std::max(clock_us_.value_or(*time_us), *time_us);
}

void Layer::add(const FoldedSlice& slice) {
    for (size_t view = 0; view < shards_.size(); ++view) {
        accounts_[view].add(slice.accounts[view]);
        failed_[view]->merge(slice.failed[view]);
    }
    raise_clock(slice.clock_us);
}

void Layer::append(const Layer& next) {
    CHECK(next.from_ == to_);
    for (size_t view = 0; view < shards_.size(); ++view) {
        for (size_t shard = 0; shard < shard_count_; ++shard) {
            shards_[view][shard]->table()->merge(next.table(view, shard));
        }
        accounts_[view].add(next.accounts_[view]);
        failed_[view]->merge(*next.failed_[view]);
    }
    raise_clock(next.clock_us_);
    horizons_.insert(horizons_.end(), next.horizons_.begin(), next.horizons_.end());
    floors_ = next.floors_;
    reach(next.to_);
}

size_t Layer::group_count() const {
    size_t groups = 0;
    for (const auto& shards : shards_) {
        for (const auto& shard : shards) groups += shard->table()->size();
    }
    return groups;
}

uint64_t Layer::bytes_used() const {
    uint64_t bytes = 0;
    for (const auto& shards : shards_) {
        for (const auto& shard : shards) bytes += shard->table()->bytes_used();
    }
    for (const auto& failed : failed_) bytes += failed->bytes_used();
    return bytes;
}

runs::TickPtr Layer::tick() const {
    auto tick = std::make_shared<runs::Tick>();
    tick->box = Box::between(from_, to_);
    for (size_t view = 0; view < shards_.size(); ++view) {
        const VersionId version = views_->version(view);
        runs::ShardTables& tables = tick->tables[version];
        for (const auto& shard : shards_[view]) tables.push_back(shard->table());
        tick->accounts.emplace(version, accounts_[view]);
        if (accounts_[view].failed != 0) tick->failed.emplace(version, failed_[view]);
    }
    return tick;
}

runs::TickPtr Layer::pin() {
    auto pinned = std::make_shared<PinnedTick>(*tick(), pins_);
    return {pinned, &pinned->tick};
}

runs::TickPtr Layer::copy() {
    if (runs::TickPtr known = copy_.lock()) return known;
    auto copied = std::make_shared<runs::Tick>(*tick());
    for (auto& [version, tables] : copied->tables) {
        for (auto& table : tables) {
            auto own = std::make_shared<operators::GroupTable>(table->aggregates());
            own->merge(*table);
            table = std::move(own);
        }
    }
    for (auto& [version, failed] : copied->failed) {
        failed = std::make_shared<const operators::FailedEvents>(*failed);
    }
    copy_ = copied;
    return copied;
}

}  // namespace braid::speed
