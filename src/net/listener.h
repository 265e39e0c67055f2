// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "net/stream.h"

namespace braid::net {

struct ListenerOptions {
    std::string name;  // of the threads
    std::string address = "127.0.0.1";
    uint16_t port = 0;  // 0 takes a free one
    uint32_t connections_max = 200;
    /// Of one address: a client that holds many leaves room for others.
    uint32_t address_connections_max = 150;
    /// Connections beyond the limit that may be told so at the same time; further ones are just
    /// closed.
    uint32_t refusals_max = 16;
};

/// Accepts connections on a loopback address and gives each one a thread, which runs the handler;
/// when it returns the connection is closed. At a limit the connection that has rested longest
/// (Stream::begin_rest) gives way to the new one; where none rests the new one is refused. There is
/// no login yet, so any other address is refused.
class Listener {
  public:
    /// Runs on the connection's own thread. `over_limit`: tell the client that there are too many
    /// and return soon. Must end when the stream is shut down.
    using Handler = std::function<void(Stream& stream, bool over_limit)>;

    static Result<std::unique_ptr<Listener>> start(ListenerOptions options, Handler handler);
    /// Stops.
    ~Listener();

    uint16_t port() const;
    /// Connections that are being served, without refusals.
    size_t connection_count() const;
    /// Accepts no more, shuts all connections down and waits until their handlers have returned.
    void stop();

  private:
    struct Body;
    explicit Listener(std::unique_ptr<Body> body);
    std::unique_ptr<Body> body_;
};

}  // namespace braid::net
