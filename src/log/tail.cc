// SPDX-License-Identifier: Apache-2.0
#include "log/tail.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace braid::log {

void Tail::add(std::string blocks, uint64_t position) {
    auto chunk = std::make_shared<Chunk>();
    chunk->position = position;
    chunk->bytes = std::make_shared<const std::string>(std::move(blocks));
    for (std::string_view left = *chunk->bytes; !left.empty();) {
        chunk->blocks.push_back(view_block(left));
        left.remove_prefix(chunk->blocks.back().header.length);
    }
    CHECK(!chunk->blocks.empty());
    chunk->first = chunk->blocks.front().first();
    if (!chunks_.empty()) CHECK(chunks_.back()->end() == chunk->first);
    bytes_ += chunk->bytes->size();
    chunks_.push_back(std::move(chunk));
    while (bytes_ > kBytesMax) drop_oldest();
}

std::shared_ptr<const Chunk> Tail::find(Offset from) const {
    const auto behind = std::ranges::upper_bound(
        chunks_, from, {}, [](const std::shared_ptr<const Chunk>& each) { return each->first; });
    if (behind == chunks_.begin()) return nullptr;
    const std::shared_ptr<const Chunk>& chunk = *std::prev(behind);
    return from < chunk->end() ? chunk : nullptr;
}

void Tail::release(Offset end) {
    while (bytes_ > kBytesKept && chunks_.front()->end() <= end) drop_oldest();
}

void Tail::trim(Offset start) {
    while (!chunks_.empty() && chunks_.front()->first < start) drop_oldest();
}

void Tail::drop_oldest() {
    bytes_ -= chunks_.front()->bytes->size();
    chunks_.pop_front();
}

}  // namespace braid::log
