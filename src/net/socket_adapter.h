// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "base/error.h"
#include "base/result.h"
#include "net/stream.h"

namespace braid::net {

/// Included only by the sources that use Asio: its headers are heavy.
struct Stream::Body {
    explicit Body(boost::asio::ip::tcp::socket connected) : socket(std::move(connected)) {}

    boost::asio::ip::tcp::socket socket;
    std::string peer;
    /// The last bytes came so soon after they were waited for that sleeping was not worth it.
    bool is_prompt = false;
    static constexpr int64_t kBusy = INT64_MAX;
    static constexpr int64_t kGivesWay = INT64_MAX - 1;
    std::atomic<int64_t> rests_since_us{kBusy};
};

/// Asio wants one; nothing ever runs in it, because every call here is synchronous.
boost::asio::io_context& no_events();

/// Waits until the descriptor is ready for `events` (poll's) or has failed; false after the
/// timeout, which is never when negative.
bool wait_ready(int descriptor, short events, int64_t timeout_us);

/// Takes a connected socket: non-blocking, without Nagle's delay.
Result<std::unique_ptr<Stream>> make_stream(boost::asio::ip::tcp::socket socket);

Result<boost::asio::ip::address> parse_address(const std::string& address);

Error io_failure(const char* what, const boost::system::error_code& code);

}  // namespace braid::net
