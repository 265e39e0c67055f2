// SPDX-License-Identifier: Apache-2.0
#include "runs/key_filter.h"

#include <cstring>

namespace braid::runs {

KeyFilter::KeyFilter(std::span<const uint64_t> hashes) : blocks_(blocks_for(hashes.size())) {
    for (const uint64_t hash : hashes) {
        Block& block = blocks_[place_of(hash, blocks_.size())];
        const Block mask = mask_of(hash);
        for (size_t word = 0; word < kBlockWords; ++word) block[word] |= mask[word];
    }
}

KeyFilter KeyFilter::from_bytes(std::string_view bytes) {
    KeyFilter filter;
    if (bytes.size() % sizeof(Block) != 0) return filter;
    filter.blocks_.resize(bytes.size() / sizeof(Block));
    if (!bytes.empty()) std::memcpy(filter.blocks_.data(), bytes.data(), bytes.size());
    return filter;
}

std::string KeyFilter::bytes() const {
    return {reinterpret_cast<const char*>(blocks_.data()), blocks_.size() * sizeof(Block)};
}

}  // namespace braid::runs
