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
    CHECK(!is_resting_);
    const uint64_t start = window_start();
    bytes_ += bytes.size();
    if (start == 0 && window_start() > 0) {
        head_ = window_.substr(0, kHeadBytes);
        head_ += bytes.substr(0, kHeadBytes - head_.size());
    }
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

std::string_view ContentHash::head() const {
    return window_start() == 0 ? std::string_view(window_).substr(0, kHeadBytes) : head_;
}

ContentMark ContentHash::mark() const {
    return {.bytes = bytes_,
            .head = hash64(head()),
            .chain = chain_,
            .tail = is_resting_ ? tail_ : hash64(window_)};
}

bool ContentHash::fits_window(std::string_view text) const {
    if (!is_resting_) return text.starts_with(window_);
    return text.size() >= window_size() && hash64(text.substr(0, window_size())) == tail_;
}

void ContentHash::rest() {
    if (is_resting_) return;
    if (window_start() == 0) return window_.shrink_to_fit();
    tail_ = hash64(window_);
    is_resting_ = true;
    std::string().swap(window_);  // an assignment would keep the room
}

void ContentHash::wake(std::string_view text) {
    if (!is_resting_) return;
    is_resting_ = false;
    window_ = text.substr(0, window_size());
}

uint64_t ContentHash::chain_at(uint64_t start) const {
    CHECK(!is_resting_);
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
