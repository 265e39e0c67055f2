// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <bit>

#include "base/check.h"
#include "operators/aggregate/text_store_internal.h"

namespace braid::operators {

char* TextStore::allocate(uint32_t bytes, uint32_t& capacity) {
    CHECK_LE(bytes, uint32_t{1} << 30);
    capacity = std::bit_ceil(std::max(bytes, kBytesMin));
    auto& freed = free_[static_cast<size_t>(std::countr_zero(capacity / kBytesMin))];
    if (!freed.empty()) {
        char* buffer = freed.back();
        freed.pop_back();
        return buffer;
    }
    if (capacity >= kBlockBytes) {
        bytes_ += capacity;
        return blocks_.emplace_back(std::make_unique_for_overwrite<char[]>(capacity)).get();
    }
    if (left_ < capacity) {
        blocks_.push_back(std::make_unique_for_overwrite<char[]>(kBlockBytes));
        bytes_ += kBlockBytes;
        next_ = blocks_.back().get();
        left_ = kBlockBytes;
    }
    char* buffer = next_;
    next_ += capacity;
    left_ -= capacity;
    return buffer;
}

void TextStore::free(char* buffer, uint32_t capacity) {
    free_[static_cast<size_t>(std::countr_zero(capacity / kBytesMin))].push_back(buffer);
}

}  // namespace braid::operators
