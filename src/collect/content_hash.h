// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace braid::collect {

/// What is remembered of the first `bytes` bytes of a file: enough to tell them from any others.
struct ContentMark {
    uint64_t bytes = 0;
    uint64_t head = 0;   // hash of the first ones
    uint64_t chain = 0;  // hash of all before the window
    uint64_t tail = 0;   // hash of the window: the last ones

    friend bool operator==(const ContentMark&, const ContentMark&) = default;
};

/// The running hash of a file's bytes, from the first one on. It keeps the head and a window of the
/// newest 2 to 4 KiB as they are, so that a look at a file that grew can hold both against what is
/// there now, at a price that does not depend on the file's size. Of a file that rests a hash takes
/// the window's place, until its bytes are read again.
class ContentHash {
  public:
    static constexpr uint64_t kBlockBytes = 2048;
    static constexpr uint64_t kHeadBytes = 512;

    /// Takes the bytes that follow those taken before.
    void add(std::string_view bytes);

    uint64_t bytes() const { return bytes_; }
    std::string_view head() const;
    /// Empty while it rests.
    std::string_view window() const { return window_; }
    uint64_t window_start() const { return window_start_of(bytes_); }
    uint64_t window_size() const { return bytes_ - window_start(); }
    /// Whether these bytes, which stand in the file from the window on, begin with it.
    bool fits_window(std::string_view text) const;
    ContentMark mark() const;
    /// Lets go of a window before which there is more: what is short is kept, as copies that are
    /// shorter still are known by it. Before anything is added it must wake.
    void rest();
    /// With bytes that fit the window.
    void wake(std::string_view text);
    /// The chain up to a block that begins in the window, which must hold all before it.
    uint64_t chain_at(uint64_t start) const;

    /// Where the window of a content of so many bytes begins.
    static uint64_t window_start_of(uint64_t bytes) {
        return bytes < kBlockBytes ? 0 : (bytes / kBlockBytes - 1) * kBlockBytes;
    }
    /// `mark.head` of a file with these first bytes (at least kHeadBytes, or all).
    static uint64_t head_hash(std::string_view bytes);

  private:
    uint64_t bytes_ = 0;
    uint64_t chain_ = 0;
    uint64_t tail_ = 0;  // hash of the window, while it rests
    bool is_resting_ = false;
    std::string head_;  // once the window does not begin with it any more
    std::string window_;
};

}  // namespace braid::collect
