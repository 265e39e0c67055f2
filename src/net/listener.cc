// SPDX-License-Identifier: Apache-2.0
#include "net/listener.h"

#include <atomic>
#include <chrono>
#include <list>
#include <optional>
#include <poll.h>
#include <sys/socket.h>
#include <utility>

#include "base/error_makers.h"
#include "base/mutex.h"
#include "base/thread.h"
#include "base/trace.h"
#include "net/socket_adapter.h"

namespace braid::net {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

/// How long to rest when the system gives no descriptor: accepting at once would spin.
constexpr auto kRestAfterFailure = std::chrono::milliseconds(100);
constexpr int kBacklog = 256;

}  // namespace

struct Listener::Body {
    struct Connection {
        std::unique_ptr<Stream> stream;  // closed and null, under the mutex, when it has ended
        bool over_limit = false;
        bool ended = false;  // guarded by mutex
        Thread thread;
    };

    Body(ListenerOptions listener_options, Handler connection_handler)
        : options(std::move(listener_options)),
          handler(std::move(connection_handler)),
          acceptor(no_events()) {}

    Result<void> open();
    void accept_until_stopped();
    void serve(std::unique_ptr<Stream> stream);
    /// There is room for one more from there, or will be soon.
    bool make_room(std::string_view address) REQUIRES(mutex);
    void run(Connection& connection);
    void join_ended();
    void rest();

    const ListenerOptions options;
    const Handler handler;
    asio::ip::tcp::acceptor acceptor;
    uint16_t port = 0;

    Mutex mutex;
    CondVar changed;
    bool stopping GUARDED_BY(mutex) = false;
    std::list<Connection> connections;  // entries are made and erased by the accepting thread only
    uint32_t served GUARDED_BY(mutex) = 0;
    uint32_t refused GUARDED_BY(mutex) = 0;

    Thread accepting;
};

Result<void> Listener::Body::open() {
    const asio::ip::address address = TRY(parse_address(options.address));
    if (!address.is_loopback()) {
        return Error(
                   unsupported("refusing to listen on {}: there is no login yet", options.address))
            .with_hint("Use a loopback address, such as 127.0.0.1.");
    }
    const asio::ip::tcp::endpoint endpoint(address, options.port);
    error_code code;
    acceptor.open(endpoint.protocol(), code);
    if (!code) acceptor.set_option(asio::socket_base::reuse_address(true), code);
    if (!code) acceptor.bind(endpoint, code);
    if (!code) acceptor.listen(kBacklog, code);
    if (!code) acceptor.non_blocking(true, code);
    if (!code) port = acceptor.local_endpoint(code).port();
    if (code) {
        return unavailable("cannot listen on {}:{}: {}", options.address, options.port,
                           code.message());
    }
    return {};
}

void Listener::Body::accept_until_stopped() {
    while (true) {
        wait_ready(acceptor.native_handle(), POLLIN, -1);
        {
            ScopedLock lock(mutex);
            if (stopping) return;
        }
        join_ended();
        error_code code;
        asio::ip::tcp::socket socket(no_events());
        acceptor.accept(socket, code);
        if (!code) {
            auto stream = make_stream(std::move(socket));
            if (stream) serve(*std::move(stream));
        } else if (code != asio::error::would_block && code != asio::error::connection_aborted) {
            trace(TraceLevel::kWarning, options.name, "accepting a connection: {}", code.message());
            rest();
        }
    }
}

void Listener::Body::serve(std::unique_ptr<Stream> stream) {
    ScopedLock lock(mutex);
    const bool over_limit = !make_room(stream->peer_address());
    if (over_limit && refused >= options.refusals_max) return;
    ++(over_limit ? refused : served);
    Connection& connection = connections.emplace_back();
    connection.stream = std::move(stream);
    connection.over_limit = over_limit;
    connection.thread = Thread(options.name, [this, &connection] { run(connection); });
}

bool Listener::Body::make_room(std::string_view address) {
    uint32_t of_address = 0;
    for (const Connection& each : connections) {
        const bool is_served = !each.ended && !each.over_limit;
        if (is_served && each.stream->peer_address() == address) ++of_address;
    }
    const bool is_address_full = of_address >= options.address_connections_max;
    if (!is_address_full && served < options.connections_max) return true;
    Stream* longest = nullptr;
    int64_t since_us = INT64_MAX;
    for (const Connection& each : connections) {
        if (each.ended || each.over_limit) continue;
        if (is_address_full && each.stream->peer_address() != address) continue;
        if (each.stream->rests_since_us() >= since_us) continue;
        longest = each.stream.get();
        since_us = longest->rests_since_us();
    }
    return longest != nullptr && longest->give_way();
}

void Listener::Body::run(Connection& connection) {
    handler(*connection.stream, connection.over_limit);
    ScopedLock lock(mutex);
    // Not when the thread is joined, and not only shut down: a peer that still sends would wait for
    // ever, because nobody reads and nothing tells it so.
    connection.stream.reset();
    --(connection.over_limit ? refused : served);
    connection.ended = true;
}

void Listener::Body::join_ended() {
    std::list<Connection> ended;
    {
        ScopedLock lock(mutex);
        for (auto each = connections.begin(); each != connections.end();) {
            const auto next = std::next(each);
            if (each->ended) ended.splice(ended.end(), connections, each);
            each = next;
        }
    }
}  // joins here, not under the lock

void Listener::Body::rest() {
    UniqueLock lock(mutex);
    if (!stopping) changed.wait_for(lock, kRestAfterFailure);
}

Result<std::unique_ptr<Listener>> Listener::start(ListenerOptions options, Handler handler) {
    auto body = std::make_unique<Body>(std::move(options), std::move(handler));
    TRY(body->open());
    body->accepting = Thread(body->options.name + "-accept",
                             [body = body.get()] { body->accept_until_stopped(); });
    return std::unique_ptr<Listener>(new Listener(std::move(body)));
}

Listener::Listener(std::unique_ptr<Body> body) : body_(std::move(body)) {}
Listener::~Listener() { stop(); }

uint16_t Listener::port() const { return body_->port; }

size_t Listener::connection_count() const {
    ScopedLock lock(body_->mutex);
    return body_->served;
}

void Listener::stop() {
    {
        ScopedLock lock(body_->mutex);
        if (body_->stopping) return;
        body_->stopping = true;
        body_->changed.notify_all();
    }
    // Linux wakes whoever polls a listening socket when it is shut down.
    ::shutdown(body_->acceptor.native_handle(), SHUT_RDWR);
    body_->accepting.join();
    {
        ScopedLock lock(body_->mutex);
        for (const Body::Connection& each : body_->connections) {
            if (each.stream) each.stream->shutdown();
        }
    }
    body_->connections.clear();  // joins; nobody adds any more
    error_code ignored;
    body_->acceptor.close(ignored);
}

}  // namespace braid::net
