// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "net/stream.h"

namespace braid::serving::pgwire {

/// Cuts the bytes of a connection into messages. Memory grows with what has arrived, never with
/// what a length word promises.
class MessageReader {
  public:
    MessageReader(net::Stream& stream, const Clock& clock) : stream_(stream), clock_(clock) {}

    struct Message {
        char type = 0;
        std::string_view body;  // valid until the next call
    };
    /// nullopt at the end of the connection. 08P01 for a length that cannot be or a type that is
    /// none, 54000 for one beyond the limit, Timeout where none has begun within `idle_us_max` (0:
    /// for ever); the connection cannot go on behind them.
    Result<std::optional<Message>> next(size_t bytes_max, int64_t idle_us_max = 0);
    /// The same for packets without a type, all within the deadline (monotonic clock).
    Result<std::optional<std::string_view>> next_startup(size_t bytes_max, int64_t deadline_us);
    /// Whether more has arrived already than was handed out.
    bool has_more() const { return used_ < buffer_.size(); }

  private:
    /// Waits until `size` bytes are there; false at a clean end. Timeout at the deadline.
    Result<bool> fill(size_t size, int64_t deadline_us);
    uint32_t word_at(size_t at) const;

    net::Stream& stream_;
    const Clock& clock_;
    std::string buffer_;
    size_t used_ = 0;
};

}  // namespace braid::serving::pgwire
