// SPDX-License-Identifier: Apache-2.0
#include "bench/load_client.h"

#include <algorithm>
#include <atomic>
#include <iterator>
#include <memory>
#include <time.h>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/clock.h"
#include "base/error_makers.h"
#include "base/posix_file_system.h"
#include "base/thread.h"
#include "net/http_client.h"

namespace braid::bench {

namespace {

constexpr uint64_t kRequestRecords = 1000;
constexpr double kMicrosPerSecond = 1e6;
constexpr uint64_t kScatter = 2'654'435'761;  // a prime: consecutive numbers land far apart

/// One connection that posts bodies of records.
class Sender {
  public:
    explicit Sender(const LoadTarget& target) : client_(target.host, target.port) {
        request_.method = "POST";
        request_.target = "/v1/tables/" + target.table + "/records";
    }

    std::string& body() { return request_.body; }
    Result<void> send() {
        const net::HttpResponse response = TRY(client_.send(request_));
        if (response.status / 100 != 2) {
            return unavailable("status {}: {}", response.status, response.body);
        }
        return {};
    }
    double seconds() const {
        return static_cast<double>(clock_.monotonic_us() - started_us_) / kMicrosPerSecond;
    }

  private:
    net::HttpClient client_;
    net::HttpClient::Request request_;
    SystemClock clock_;
    int64_t started_us_ = clock_.monotonic_us();
};

void wait_for(double seconds) {
    if (seconds <= 0) return;
    constexpr double kNano = 1e9;
    const auto whole = static_cast<time_t>(seconds);
    const timespec pause{whole, static_cast<long>((seconds - static_cast<double>(whole)) * kNano)};
    nanosleep(&pause, nullptr);
}

/// The first `count` lines, 1,000 to a body; the file begins again where it ends.
std::vector<std::string_view> split(std::string_view file, uint64_t count) {
    std::vector<std::string_view> bodies;
    if (!file.ends_with('\n')) return bodies;  // of no line, or of half a last one
    for (size_t start = 0; count > 0;) {
        size_t end = start;
        uint64_t lines = 0;
        for (; lines < std::min(count, kRequestRecords) && end < file.size(); ++lines) {
            end = file.find('\n', end) + 1;
        }
        bodies.push_back(file.substr(start, end - start));
        count -= lines;
        start = end == file.size() ? 0 : end;
    }
    return bodies;
}

/// Sends the next body that nobody has taken until there is none.
Result<void> send_in_turn(Sender& sender, const std::vector<std::string_view>& bodies,
                          std::atomic<size_t>& next) {
    while (true) {
        const size_t mine = next.fetch_add(1, std::memory_order_relaxed);
        if (mine >= bodies.size()) return {};
        sender.body() = bodies[mine];
        TRY(sender.send());
    }
}

}  // namespace

Result<double> send_lines(const LoadTarget& target, const LineLoad& load) {
    const auto machine = TRY(open_posix_file_system("/"));
    const std::string text = TRY(machine->read_all(load.file));
    const std::vector<std::string_view> bodies = split(text, load.count);
    if (bodies.empty()) return invalid_input("no lines in {}", load.file);
    std::vector<std::unique_ptr<Sender>> senders;
    for (uint64_t each = 0; each < load.connections; ++each) {
        senders.push_back(std::make_unique<Sender>(target));
    }
    std::vector<Result<void>> outcomes(senders.size());
    std::atomic<size_t> next = 0;
    const SystemClock clock;
    const int64_t started_us = clock.monotonic_us();
    {
        std::vector<Thread> threads;
        for (size_t each = 0; each < senders.size(); ++each) {
            threads.emplace_back("sender", [&, each] {
                outcomes[each] = send_in_turn(*senders[each], bodies, next);
            });
        }
    }  // joins
    for (Result<void>& outcome : outcomes) TRY(std::move(outcome));
    return static_cast<double>(clock.monotonic_us() - started_us) / kMicrosPerSecond;
}

Result<double> send_keys(const LoadTarget& target, const KeyLoad& load) {
    Sender sender(target);
    for (uint64_t sent = 0; sent < load.count; sent += kRequestRecords) {
        std::string& body = sender.body();
        body.clear();
        const uint64_t end = std::min(sent + kRequestRecords, load.count);
        for (uint64_t number = load.first + sent; number < load.first + end; ++number) {
            fmt::format_to(std::back_inserter(body), "{{\"k\":{},\"v\":{}}}\n",
                           number * kScatter % load.keys, number);
        }
        if (load.per_second > 0) {
            wait_for(static_cast<double>(sent) / static_cast<double>(load.per_second) -
                     sender.seconds());
        }
        TRY(sender.send());
    }
    return sender.seconds();
}

}  // namespace braid::bench
