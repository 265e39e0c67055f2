// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace braid::operators {

/// Buffers for texts that come and go: sizes are powers of two, a freed buffer serves the next text
/// of its size. So a minimum that keeps falling does not fill memory with what it was before.
class TextStore {
  public:
    static constexpr uint32_t kBytesMin = 16;

    /// `capacity` becomes what can be written: at least `bytes`.
    char* allocate(uint32_t bytes, uint32_t& capacity);
    void free(char* buffer, uint32_t capacity);
    size_t bytes_used() const { return bytes_; }

  private:
    static constexpr size_t kBlockBytes = 32'768;
    static constexpr int kClasses = 28;  // up to 2 GiB

    std::array<std::vector<char*>, kClasses> free_;
    std::vector<std::unique_ptr<char[]>> blocks_;
    char* next_ = nullptr;
    size_t left_ = 0;
    size_t bytes_ = 0;
};

}  // namespace braid::operators
