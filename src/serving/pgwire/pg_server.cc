// SPDX-License-Identifier: Apache-2.0
#include "serving/pgwire/pg_server.h"

#include <utility>

#include "serving/pgwire/connection.h"

namespace braid::serving::pgwire {

PgServer::PgServer(const Services& services, Workers& workers)
    : services_(services), cancels_(*services.random), hangups_(workers) {}

PgServer::~PgServer() { stop(); }

Result<std::unique_ptr<PgServer>> PgServer::start(net::ListenerOptions listener,
                                                  const Services& services, Workers& workers) {
    if (listener.name.empty()) listener.name = "pg";
    const uint16_t port = listener.port;
    std::unique_ptr<PgServer> server(new PgServer(services, workers));
    server->listener_ = TRY(net::Listener::start(
        std::move(listener), [own = server.get(), port](net::Stream& stream, bool over_limit) {
            Connection connection(stream, own->services_, own->cancels_, own->hangups_, port);
            connection.run(over_limit);
        }));
    return server;
}

void PgServer::stop() {
    if (listener_ == nullptr) return;
    cancels_.cancel_all();
    listener_->stop();
}

}  // namespace braid::serving::pgwire
