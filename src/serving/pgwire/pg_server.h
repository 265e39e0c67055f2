// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>

#include "base/result.h"
#include "base/worker.h"
#include "net/hangup_watch.h"
#include "net/listener.h"
#include "serving/pgwire/cancel_registry.h"
#include "serving/session/services.h"

namespace braid::serving::pgwire {

/// Serves PostgreSQL's protocol on a loopback port: one thread and one Session a connection.
class PgServer {
  public:
    /// Services and workers outlive it. `listener.name` may stay empty.
    static Result<std::unique_ptr<PgServer>> start(net::ListenerOptions listener,
                                                   const Services& services, Workers& workers);
    /// Stops.
    ~PgServer();
    uint16_t port() const { return listener_->port(); }
    size_t connection_count() const { return listener_->connection_count(); }
    /// Cancels what is running, closes all connections and waits for their threads.
    void stop();

  private:
    PgServer(const Services& services, Workers& workers);

    const Services& services_;
    CancelRegistry cancels_;
    net::HangupWatch hangups_;
    std::unique_ptr<net::Listener> listener_;  // last: its threads use the others
};

}  // namespace braid::serving::pgwire
