// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <deque>
#include <vector>

namespace braid::operators {

/// The side memory of all states of one aggregate: objects that never move, and are used again once
/// they were given back. Each holds about `kBytesBeyond` more than its own size.
template <typename T, size_t kBytesBeyond = 0>
class SideStore {
  public:
    /// Empty.
    T* add() {
        if (free_.empty()) return &all_.emplace_back();
        T* object = free_.back();
        free_.pop_back();
        return object;
    }
    void give_back(T* object) {
        object->clear();
        free_.push_back(object);
    }
    size_t bytes_used() const { return all_.size() * (sizeof(T) + kBytesBeyond); }

  private:
    std::deque<T> all_;
    std::vector<T*> free_;
};

}  // namespace braid::operators
