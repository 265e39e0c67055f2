// SPDX-License-Identifier: Apache-2.0
#include "net/stream.h"

#include <array>
#include <atomic>
#include <future>
#include <string>

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
                                             uint32_t refusals_max = 1) {
    return Listener::start(
        {.name = "echo", .connections_max = connections_max, .refusals_max = refusals_max},
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
