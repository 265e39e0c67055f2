// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/memory_share.h"
#include "base/result.h"
#include "net/stream.h"

namespace braid::serving::pgwire {

/// Cuts the bytes of a connection into messages. Memory grows with what has arrived, never with
/// what a length word promises.
class MessageReader {
  public:
    /// What each connection may have without asking, so that there is always a word with it.
    static constexpr size_t kFreeBytes = 64 * 1024;
    /// How long a message may stand still that is larger than that.
    static constexpr int64_t kStandStillUsMax = 60'000'000;

    /// Large messages are held of that share; null: of no account.
    MessageReader(net::Stream& stream, const Clock& clock, MemoryShare* share = nullptr,
                  int64_t stand_still_us_max = kStandStillUsMax)
        : stream_(stream), clock_(clock), stand_still_us_max_(stand_still_us_max), held_(share) {}

    struct Message {
        char type = 0;
        std::string_view body;  // valid until the next call
        /// 53200: there was no memory for the body, which was passed over.
        std::optional<Error> refusal = std::nullopt;
    };
    /// nullopt at the end of the connection. 08P01 for a length that cannot be or a type that is
    /// none, 54000 for one beyond the limit, 08006 where a large one stands still, Timeout where
    /// none has begun within `idle_us_max` (0: for ever); the connection cannot go on behind them.
    Result<std::optional<Message>> next(size_t bytes_max, int64_t idle_us_max = 0);
    /// The same for packets without a type, all within the deadline (monotonic clock).
    Result<std::optional<std::string_view>> next_startup(size_t bytes_max, int64_t deadline_us);
    /// Whether more has arrived already than was handed out.
    bool has_more() const { return used_ < buffer_.size(); }

  private:
    enum class Filled : uint8_t { kYes, kEnded, kRefused };
    /// Waits until `size` bytes are there; kEnded at a clean end. Timeout at the deadline.
    Result<Filled> fill(size_t size, int64_t deadline_us);
    /// How long the next bytes may take.
    Result<int64_t> timeout_us(size_t size, int64_t deadline_us) const;
    /// What came of a wait for more; where it took too long for what is held, 08006.
    Result<size_t> arrived(Result<size_t> got, int64_t deadline_us) const;
    /// Passes over what is missing of `size` bytes, and drops what is there of them.
    Result<void> drop(size_t size);
    uint32_t word_at(size_t at) const;

    net::Stream& stream_;
    const Clock& clock_;
    const int64_t stand_still_us_max_;
    std::string buffer_;
    size_t used_ = 0;
    MemoryClaim held_;
};

}  // namespace braid::serving::pgwire
