// SPDX-License-Identifier: Apache-2.0
#include "serving/pgwire/message_reader.h"

#include <future>
#include <string>

#include <gtest/gtest.h>

#include "base/test_support.h"
#include "net/listener.h"
#include "serving/pgwire/pg_client_test_support.h"

namespace braid::serving::pgwire {
namespace {

constexpr size_t kFree = MessageReader::kFreeBytes;
constexpr int64_t kLongUs = 60'000'000;

/// A message of so many bytes with its type and length.
std::string message_of(size_t bytes) {
    return "Q" + word32(static_cast<uint32_t>(bytes - 1)) + std::string(bytes - 5, 'x');
}

struct Reading {
    size_t bytes_max = 1 << 20;
    MemoryShare* share = nullptr;
    int before = 0;  // messages that are read before it
};

/// What reading one message gives that is sent in these parts: how many bytes it has, or the error.
/// Nobody waits for the rest of what is held of the share.
Result<size_t> read_one(const Reading& reading, const std::vector<std::string>& parts) {
    const SystemClock clock;
    std::promise<Result<size_t>> answer;
    const auto read = [&](net::Stream& stream, bool) {
        MessageReader reader(stream, clock, reading.share, 0);
        for (int other = 0; other < reading.before; ++other) EXPECT_OK(reader.next(1 << 20));
        const auto message = reader.next(reading.bytes_max);
        answer.set_value(message ? Result<size_t>((*message)->body.size() + 5) : message.error());
    };
    const auto listener = net::Listener::start({.name = "pg"}, read);
    EXPECT_OK(listener);
    const auto client = net::Stream::connect("127.0.0.1", (*listener)->port(), kLongUs);
    EXPECT_OK(client);
    for (const std::string& part : parts) EXPECT_OK((*client)->write_all(part, kLongUs));
    return answer.get_future().get();
}

TEST(MessageReader, TakesMessagesUpToTheirLimit) {
    // The length counts itself, but not the type.
    for (const size_t length : {99, 100}) {
        ASSERT_OK_AND_ASSIGN(const size_t bytes,
                             read_one({.bytes_max = 100}, {message_of(length + 1)}));
        EXPECT_EQ(bytes, length + 1);
    }
    const auto above = read_one({.bytes_max = 100}, {message_of(102)});
    ASSERT_ERROR(above, ErrorCode::kExhausted, "54000");
    EXPECT_FALSE(above.error().hint().empty());
}

TEST(MessageReader, WaitsForEverForTheRestOfASmallMessage) {
    Metrics metrics;
    MemoryShare none("clients", 0, metrics);
    // Also where some of it came with another.
    const std::string other = message_of(10 << 10);
    for (const size_t bytes : {kFree - 1, kFree}) {
        const std::string message = message_of(bytes);
        const Reading reading{.share = &none, .before = 1};
        ASSERT_OK_AND_ASSIGN(const size_t read,
                             read_one(reading, {other + message.substr(0, bytes - 1), "x"}));
        EXPECT_EQ(read, bytes);
    }
}

TEST(MessageReader, EndsWhereALargeMessageStandsStill) {
    Metrics metrics;
    // Little of a very large one, which is not held yet, too.
    for (const std::string& message :
         {message_of(kFree + 1).substr(0, kFree), message_of(1 << 20).substr(0, kFree / 2)}) {
        // While it is held, and while it is passed over.
        for (const uint64_t bytes : {4 << 20, 0}) {
            MemoryShare share("clients", bytes, metrics);
            const auto read = read_one({.share = &share}, {message});
            ASSERT_ERROR(read, ErrorCode::kUnavailable, "08006");
            EXPECT_FALSE(read.error().hint().empty());
            EXPECT_EQ(share.bytes(), 0U);
        }
    }
}

}  // namespace
}  // namespace braid::serving::pgwire
