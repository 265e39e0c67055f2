// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace braid::net {

/// One TCP connection. Its owner's thread reads and writes, each call blocking until done or timed
/// out; any other thread may call shutdown() or peer_is_gone() meanwhile. Closed when destroyed.
class Stream {
  public:
    /// `address` is numeric ("127.0.0.1", "::1").
    static Result<std::unique_ptr<Stream>> connect(const std::string& address, uint16_t port,
                                                   int64_t timeout_us);
    ~Stream();
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;

    /// Waits for at least one byte; 0 when the peer has finished or shutdown() was called. Timeout
    /// after `timeout_us` without a byte, Io when the connection broke.
    Result<size_t> read_some(std::span<char> buffer, int64_t timeout_us);
    /// Fills the buffer. Io if the peer finishes before; the timeout is for each wait.
    Result<void> read_exact(std::span<char> buffer, int64_t timeout_us);
    /// The timeout is for each wait: a peer that takes something is not too slow.
    Result<void> write_all(std::string_view bytes, int64_t timeout_us);

    /// Says that nothing more will be sent, then drops what still comes until the peer has finished
    /// too, within bounds of bytes and time. Without it a last message is lost when unread bytes
    /// are waiting: closing would then reset the connection.
    void finish();
    /// Ends both directions; a blocked call of the owner returns. Thread-safe.
    void shutdown() noexcept;
    /// The peer has closed or vanished. Does not block and takes no bytes. Thread-safe.
    bool peer_is_gone() const noexcept;

    /// Closing will tell the peer that something failed, not that this was all.
    void reset_on_close() noexcept;

    /// From now on it waits for its peer to begin something new; `now_us` of the monotonic clock.
    void begin_rest(int64_t now_us) noexcept;
    /// The peer has begun. False where give_way() was quicker: then the owner must end.
    bool end_rest() noexcept;
    /// Since when it rests; INT64_MAX while it does not. Thread-safe.
    int64_t rests_since_us() const noexcept;
    /// Shuts it down if it still rests. Thread-safe.
    bool give_way() noexcept;

    /// "127.0.0.1:50312"
    const std::string& peer() const;
    /// The same without the port.
    std::string_view peer_address() const;
    /// The port at this end.
    uint16_t local_port() const;

    /// For the sources of this folder.
    struct Body;
    explicit Stream(std::unique_ptr<Body> body);

  private:
    std::unique_ptr<Body> body_;
};

}  // namespace braid::net
