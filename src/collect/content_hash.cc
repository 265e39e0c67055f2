// SPDX-License-Identifier: Apache-2.0
#include "collect/content_hash.h"

#include "base/check.h"
#include "base/hash.h"

namespace braid::collect {

namespace {

uint64_t fold(uint64_t chain, std::string_view block) {
    const uint64_t pair[2] = {chain, hash64(block)};
    return hash64({reinterpret_cast<const char*>(pair), sizeof pair});
}

}  // namespace

void ContentHash::add(std::string_view bytes) {
    if (head_.size() < kHeadBytes) head_ += bytes.substr(0, kHeadBytes - head_.size());
    const uint64_t start = window_start();
    bytes_ += bytes.size();
    // Blocks that leave the window: first those of which it holds a part, then those that only
    // passed by.
    uint64_t to_fold = window_start() - start;
    if (to_fold > 0 && window_.size() % kBlockBytes != 0) {
        const size_t missing = kBlockBytes - window_.size() % kBlockBytes;
        window_ += bytes.substr(0, missing);
        bytes.remove_prefix(missing);
    }
    size_t folded = 0;
    for (; to_fold > 0 && folded < window_.size(); to_fold -= kBlockBytes, folded += kBlockBytes) {
        chain_ = fold(chain_, std::string_view(window_).substr(folded, kBlockBytes));
    }
    window_.erase(0, folded);
    for (; to_fold > 0; to_fold -= kBlockBytes) {
        chain_ = fold(chain_, bytes.substr(0, kBlockBytes));
        bytes.remove_prefix(kBlockBytes);
    }
    window_ += bytes;
}

ContentMark ContentHash::mark() const {
    return {.bytes = bytes_, .head = hash64(head_), .chain = chain_, .tail = hash64(window_)};
}

uint64_t ContentHash::chain_at(uint64_t start) const {
    CHECK_GE(start, window_start());
    CHECK_LE(start, bytes_);
    uint64_t chain = chain_;
    for (uint64_t at = window_start(); at < start; at += kBlockBytes) {
        chain = fold(chain, std::string_view(window_).substr(at - window_start(), kBlockBytes));
    }
    return chain;
}

uint64_t ContentHash::head_hash(std::string_view bytes) {
    return hash64(bytes.substr(0, kHeadBytes));
}

}  // namespace braid::collect
