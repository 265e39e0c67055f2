// SPDX-License-Identifier: Apache-2.0
#include "net/stream.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <poll.h>
#include <sys/socket.h>
#include <thread>

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/address.hpp>
#include <fmt/format.h>

#include "base/clock.h"
#include "base/error_makers.h"
#include "net/socket_adapter.h"

namespace braid::net {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

// What finish() is willing to wait for, without a byte and in all, and to throw away.
constexpr int64_t kFinishIdleUs = 2'000'000;
constexpr int64_t kFinishUs = 10'000'000;
constexpr size_t kFinishBytesMax = 64 << 20;

// Falling asleep and being woken costs some 30 us each way. A peer that answered within this time
// is waited for awake as long again, which gives the processor to whoever wants it.
constexpr int64_t kPromptUs = 100;

/// The right to wait awake: for one thread per two processors, so that idle ones pay for it.
class Vigil {
  public:
    Vigil() : is_held_(count().fetch_add(1, std::memory_order_relaxed) < count_max()) {}
    ~Vigil() { count().fetch_sub(1, std::memory_order_relaxed); }
    Vigil(const Vigil&) = delete;
    Vigil& operator=(const Vigil&) = delete;
    bool is_held() const { return is_held_; }

  private:
    static std::atomic<unsigned>& count() {
        static std::atomic<unsigned> threads = 0;
        return threads;
    }
    static unsigned count_max() {
        static const unsigned threads = std::max(1U, std::thread::hardware_concurrency() / 2);
        return threads;
    }
    const bool is_held_;
};

bool must_wait(const error_code& code) {
    return code == asio::error::would_block || code == asio::error::try_again ||
           code == asio::error::interrupted;
}

Error timed_out(const char* what) { return timeout("{} timed out", what); }

}  // namespace

asio::io_context& no_events() {
    static auto* context = new asio::io_context;  // never destroyed: sockets may outlive statics
    return *context;
}

bool wait_ready(int descriptor, short events, int64_t timeout_us) {
    const int timeout_ms = timeout_us < 0 ? -1 : static_cast<int>((timeout_us + 999) / 1000);
    while (true) {
        pollfd waited{.fd = descriptor, .events = events, .revents = 0};
        const int ready = ::poll(&waited, 1, timeout_ms);
        if (ready > 0) return true;
        if (ready == 0) return false;
        if (errno != EINTR) return true;  // the call that follows reports what is wrong
    }
}

Error io_failure(const char* what, const error_code& code) {
    return io_error("{}: {}", what, code.message());
}

Result<asio::ip::address> parse_address(const std::string& address) {
    error_code code;
    auto parsed = asio::ip::make_address(address, code);
    if (code) return invalid_input("not a numeric address: \"{}\"", address);
    return parsed;
}

Result<std::unique_ptr<Stream>> make_stream(asio::ip::tcp::socket socket) {
    error_code code;
    socket.non_blocking(true, code);
    if (code) return io_failure("preparing a connection", code);
    socket.set_option(asio::ip::tcp::no_delay(true), code);
    if (code) return io_failure("preparing a connection", code);
    auto body = std::make_unique<Stream::Body>(std::move(socket));
    const auto remote = body->socket.remote_endpoint(code);
    if (code) return io_failure("preparing a connection", code);  // it has gone already
    const std::string address = remote.address().to_string(code);
    body->peer = remote.address().is_v6() ? fmt::format("[{}]:{}", address, remote.port())
                                          : fmt::format("{}:{}", address, remote.port());
    return std::make_unique<Stream>(std::move(body));
}

Result<std::unique_ptr<Stream>> Stream::connect(const std::string& address, uint16_t port,
                                                int64_t timeout_us) {
    const asio::ip::tcp::endpoint endpoint(TRY(parse_address(address)), port);
    asio::ip::tcp::socket socket(no_events());
    error_code code;
    socket.open(endpoint.protocol(), code);
    if (!code) socket.non_blocking(true, code);
    if (code) return io_failure("opening a socket", code);
    // Not socket.connect(): it waits without a limit even on a non-blocking socket.
    if (::connect(socket.native_handle(), endpoint.data(),
                  static_cast<socklen_t>(endpoint.size())) != 0) {
        if (errno != EINPROGRESS) return io_error("connecting to {}:{}: refused", address, port);
        if (!wait_ready(socket.native_handle(), POLLOUT, timeout_us))
            return timed_out("connecting");
        int failure = 0;
        socklen_t size = sizeof failure;
        ::getsockopt(socket.native_handle(), SOL_SOCKET, SO_ERROR, &failure, &size);
        if (failure != 0) {
            return io_error("connecting to {}:{}: {}", address, port,
                            error_code(failure, boost::system::system_category()).message());
        }
    }
    return make_stream(std::move(socket));
}

Stream::Stream(std::unique_ptr<Body> body) : body_(std::move(body)) {}
Stream::~Stream() = default;

uint16_t Stream::local_port() const {
    error_code code;
    const auto endpoint = body_->socket.local_endpoint(code);
    return code ? uint16_t{0} : endpoint.port();
}

const std::string& Stream::peer() const { return body_->peer; }

Result<size_t> Stream::read_some(std::span<char> buffer, int64_t timeout_us) {
    error_code code;
    const auto read = [&] {
        return body_->socket.read_some(asio::buffer(buffer.data(), buffer.size()), code);
    };
    size_t size = read();
    if (must_wait(code)) {
        const SystemClock clock;
        const int64_t began_us = clock.monotonic_us();
        if (body_->is_prompt) {
            const Vigil vigil;
            while (vigil.is_held() && must_wait(code) &&
                   clock.monotonic_us() < began_us + kPromptUs) {
                std::this_thread::yield();
                size = read();
            }
        }
        while (must_wait(code)) {
            if (!wait_ready(body_->socket.native_handle(), POLLIN, timeout_us)) {
                return timed_out("reading from a connection");
            }
            size = read();
        }
        body_->is_prompt = clock.monotonic_us() < began_us + kPromptUs;
    }
    if (!code) return size;
    if (code == asio::error::eof) return size_t{0};
    return io_failure("reading from a connection", code);
}

Result<void> Stream::read_exact(std::span<char> buffer, int64_t timeout_us) {
    while (!buffer.empty()) {
        const size_t size = TRY(read_some(buffer, timeout_us));
        if (size == 0) return io_error("the peer closed the connection");
        buffer = buffer.subspan(size);
    }
    return {};
}

Result<void> Stream::write_all(std::string_view bytes, int64_t timeout_us) {
    while (!bytes.empty()) {
        error_code code;
        bytes.remove_prefix(
            body_->socket.write_some(asio::buffer(bytes.data(), bytes.size()), code));
        if (!code) continue;
        if (!must_wait(code)) {
            return io_failure("writing to a connection", code);
        }
        if (!wait_ready(body_->socket.native_handle(), POLLOUT, timeout_us)) {
            return timed_out("writing to a connection");
        }
    }
    return {};
}

void Stream::finish() {
    error_code code;
    body_->socket.shutdown(asio::ip::tcp::socket::shutdown_send, code);
    if (code) return;
    std::array<char, 16 * 1024> dropped;
    const SystemClock clock;
    const int64_t deadline_us = clock.monotonic_us() + kFinishUs;
    for (size_t total = 0; total < kFinishBytesMax && clock.monotonic_us() < deadline_us;) {
        total += body_->socket.read_some(asio::buffer(dropped), code);
        if (code == asio::error::would_block || code == asio::error::try_again) {
            if (!wait_ready(body_->socket.native_handle(), POLLIN, kFinishIdleUs)) return;
        } else if (code) {
            return;
        }
    }
}

void Stream::shutdown() noexcept {
    // The plain call: Asio's touches the object's state, which belongs to the owner's thread.
    ::shutdown(body_->socket.native_handle(), SHUT_RDWR);
}

void Stream::reset_on_close() noexcept {
    error_code ignored;
    body_->socket.set_option(asio::socket_base::linger(true, 0), ignored);
}

void Stream::begin_rest(int64_t now_us) noexcept { body_->rests_since_us = now_us; }

bool Stream::end_rest() noexcept {
    return body_->rests_since_us.exchange(Body::kBusy) != Body::kGivesWay;
}

int64_t Stream::rests_since_us() const noexcept {
    const int64_t since_us = body_->rests_since_us;
    return since_us == Body::kGivesWay ? Body::kBusy : since_us;
}

bool Stream::give_way() noexcept {
    int64_t since_us = body_->rests_since_us;
    if (since_us >= Body::kGivesWay) return false;
    if (!body_->rests_since_us.compare_exchange_strong(since_us, Body::kGivesWay)) return false;
    shutdown();
    return true;
}

std::string_view Stream::peer_address() const {
    return std::string_view(body_->peer).substr(0, body_->peer.rfind(':'));
}

bool Stream::peer_is_gone() const noexcept {
    pollfd asked{.fd = body_->socket.native_handle(), .events = POLLRDHUP, .revents = 0};
    return ::poll(&asked, 1, 0) > 0 && (asked.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

}  // namespace braid::net
