// SPDX-License-Identifier: Apache-2.0
#include "net/stream.h"

#include <arpa/inet.h>
#include <array>
#include <atomic>
#include <future>
#include <list>
#include <netinet/in.h>
#include <string>
#include <sys/socket.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "base/test_support.h"
#include "base/worker.h"
#include "net/hangup_watch.h"
#include "net/listener.h"

namespace braid::net {
namespace {

constexpr int64_t kLongUs = 10'000'000;

std::unique_ptr<Stream> connect_to(const Listener& listener) {
    auto stream = Stream::connect("127.0.0.1", listener.port(), kLongUs);
    EXPECT_OK(stream);
    return *std::move(stream);
}

Result<std::unique_ptr<Listener>> start_echo(uint32_t connections_max = 8,
                                             uint32_t refusals_max = 1,
                                             uint32_t address_connections_max = 150) {
    return Listener::start({.name = "echo",
                            .connections_max = connections_max,
                            .address_connections_max = address_connections_max,
                            .refusals_max = refusals_max},
                           [](Stream& stream, bool over_limit) {
                               if (over_limit) {
                                   (void)stream.write_all("full", kLongUs);
                                   stream.finish();
                                   return;
                               }
                               std::array<char, 1024> buffer;
                               while (true) {
                                   const auto size = stream.read_some(buffer, kLongUs);
                                   if (!size || *size == 0) return;
                                   if (!stream.write_all({buffer.data(), *size}, kLongUs)) return;
                               }
                           });
}

std::string read_text(Stream& stream, size_t size) {
    std::string text(size, '\0');
    EXPECT_OK(stream.read_exact(text, kLongUs));
    return text;
}

std::string read_to_end(Stream& stream) {
    std::string text;
    std::array<char, 1024> buffer;
    while (true) {
        const auto size = stream.read_some(buffer, kLongUs);
        if (!size || *size == 0) return text;
        text.append(buffer.data(), *size);
    }
}

TEST(Stream, CarriesBytesBothWays) {
    ASSERT_OK_AND_ASSIGN(auto listener, start_echo());
    auto stream = connect_to(*listener);
    const std::string large(3 << 20, 'x');
    auto writing =
        std::async(std::launch::async, [&] { return stream->write_all(large, kLongUs); });
    EXPECT_EQ(read_text(*stream, large.size()), large);
    EXPECT_OK(writing.get());
}

TEST(Stream, TimesOutWithoutBytes) {
    ASSERT_OK_AND_ASSIGN(auto listener, start_echo());
    auto stream = connect_to(*listener);
    std::array<char, 1> buffer;
    EXPECT_ERROR(stream->read_some(buffer, 1000), ErrorCode::kTimeout);
}

TEST(Stream, EndsWhenShutDownByAnotherThread) {
    ASSERT_OK_AND_ASSIGN(auto listener, start_echo());
    auto stream = connect_to(*listener);
    auto reading = std::async(std::launch::async, [&] {
        std::array<char, 1> buffer;
        return stream->read_some(buffer, kLongUs);
    });
    stream->shutdown();
    ASSERT_OK_AND_ASSIGN(const size_t size, reading.get());
    EXPECT_EQ(size, 0u);
}

TEST(Stream, ReportsAPeerThatStopsInTheMiddle) {
    ASSERT_OK_AND_ASSIGN(auto listener, start_echo());
    auto stream = connect_to(*listener);
    ASSERT_OK(stream->write_all("abc", kLongUs));
    EXPECT_EQ(read_text(*stream, 3), "abc");
    listener->stop();
    std::array<char, 2> buffer;
    EXPECT_ERROR(stream->read_exact(buffer, kLongUs), ErrorCode::kIo);
}

TEST(Stream, CannotConnectWhereNobodyListens) {
    ASSERT_OK_AND_ASSIGN(auto listener, start_echo());
    const uint16_t port = listener->port();
    listener.reset();
    EXPECT_ERROR(Stream::connect("127.0.0.1", port, kLongUs), ErrorCode::kIo);
    EXPECT_ERROR(Stream::connect("example", port, kLongUs), ErrorCode::kInvalidInput);
}

TEST(Listener, RefusesOtherThanLoopback) {
    EXPECT_ERROR(Listener::start({.name = "x", .address = "0.0.0.0"}, {}), ErrorCode::kUnsupported);
}

TEST(Listener, RefusesAPortThatIsTaken) {
    ASSERT_OK_AND_ASSIGN(auto listener, start_echo());
    EXPECT_ERROR(Listener::start({.name = "x", .port = listener->port()}, {}),
                 ErrorCode::kUnavailable);
}

TEST(Listener, TellsClientsBeyondTheLimit) {
    ASSERT_OK_AND_ASSIGN(auto listener, start_echo(1));
    auto first = connect_to(*listener);
    ASSERT_OK(first->write_all("a", kLongUs));
    EXPECT_EQ(read_text(*first, 1), "a");
    auto second = connect_to(*listener);
    EXPECT_EQ(read_to_end(*second), "full");
    EXPECT_EQ(listener->connection_count(), 1u);
}

/// A client at one of the machine's own addresses that has said something and then stays; closed
/// with this.
class ClientAt {
  public:
    ClientAt(const char* address, uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
        const sockaddr_in from = place(address, 0);
        const sockaddr_in to = place("127.0.0.1", port);
        EXPECT_EQ(::bind(socket_, reinterpret_cast<const sockaddr*>(&from), sizeof from), 0);
        EXPECT_EQ(::connect(socket_, reinterpret_cast<const sockaddr*>(&to), sizeof to), 0);
        EXPECT_EQ(::send(socket_, "a", 1, 0), 1);
    }
    ClientAt(const ClientAt&) = delete;
    ClientAt& operator=(const ClientAt&) = delete;
    ~ClientAt() { ::close(socket_); }

    /// The first byte of the answer: 'a' where it is served, 'f' where it is told that all is full.
    char answer() const {
        char first = 0;
        EXPECT_EQ(::recv(socket_, &first, 1, 0), 1);
        return first;
    }

  private:
    static sockaddr_in place(const char* address, uint16_t port) {
        sockaddr_in place{};
        place.sin_family = AF_INET;
        place.sin_port = htons(port);
        EXPECT_EQ(::inet_pton(AF_INET, address, &place.sin_addr), 1);
        return place;
    }

    const int socket_;
};

TEST(Listener, ServesAsManyAsItMayOfOneAddressAndOfAll) {
    ASSERT_OK_AND_ASSIGN(auto listener, start_echo(3, 8, 2));
    std::list<ClientAt> clients;
    const auto connect_from = [&](const char* address) {
        return clients.emplace_back(address, listener->port()).answer();
    };
    EXPECT_EQ(connect_from("127.0.0.1"), 'a');
    EXPECT_EQ(connect_from("127.0.0.1"), 'a') << "as many as of one address";
    EXPECT_EQ(connect_from("127.0.0.1"), 'f') << "one more";
    EXPECT_EQ(connect_from("127.0.0.2"), 'a') << "as many as of all";
    EXPECT_EQ(connect_from("127.0.0.2"), 'f') << "one more";
    EXPECT_EQ(connect_from("127.0.0.3"), 'f') << "one more, the first of its address";
    EXPECT_EQ(listener->connection_count(), 3U);
}

TEST(Listener, TakesANewClientWhenOneHasLeft) {
    ASSERT_OK_AND_ASSIGN(auto listener, start_echo(1, 0));
    auto first = connect_to(*listener);
    ASSERT_OK(first->write_all("a", kLongUs));
    EXPECT_EQ(read_text(*first, 1), "a");
    first.reset();
    while (listener->connection_count() > 0) {
    }
    auto second = connect_to(*listener);
    ASSERT_OK(second->write_all("b", kLongUs));
    EXPECT_EQ(read_text(*second, 1), "b");
}

TEST(Listener, StopsWhileClientsAreConnected) {
    ASSERT_OK_AND_ASSIGN(auto listener, start_echo());
    auto stream = connect_to(*listener);
    ASSERT_OK(stream->write_all("a", kLongUs));
    EXPECT_EQ(read_text(*stream, 1), "a");
    listener->stop();
    EXPECT_EQ(read_to_end(*stream), "");
    EXPECT_EQ(listener->connection_count(), 0u);
}

TEST(HangupWatch, TellsOnceWhenThePeerLeaves) {
    SteppedWorkers workers;
    HangupWatch watch(workers);
    std::promise<void> client_left;
    std::promise<int> told;
    auto listener = Listener::start({.name = "x"}, [&](Stream& stream, bool) {
        int calls = 0;
        const auto guard = watch.watch(&stream, [&] { ++calls; });
        workers.run_until_idle();
        EXPECT_EQ(calls, 0);
        EXPECT_OK(stream.write_all("x", kLongUs));
        client_left.get_future().wait();
        while (!stream.peer_is_gone()) {
        }
        workers.run_until_idle();
        workers.run_until_idle();
        told.set_value(calls);
    });
    ASSERT_OK(listener);
    auto stream = connect_to(**listener);
    EXPECT_EQ(read_text(*stream, 1), "x");
    stream.reset();
    client_left.set_value();
    EXPECT_EQ(told.get_future().get(), 1);
}

}  // namespace
}  // namespace braid::net
