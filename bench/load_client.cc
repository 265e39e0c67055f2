// SPDX-License-Identifier: Apache-2.0
#include "bench/load_client.h"

#include <algorithm>
#include <iterator>
#include <time.h>

#include <fmt/format.h>

#include "base/clock.h"
#include "base/error_makers.h"
#include "base/posix_file_system.h"
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

}  // namespace

Result<double> send_lines(const LoadTarget& target, const std::string& file, uint64_t skip,
                          uint64_t count) {
    const auto machine = TRY(open_posix_file_system("/"));
    const auto mapped = TRY(machine->map(file));
    std::string_view rest = as_text(mapped->bytes());
    const auto skip_lines = [&](uint64_t lines) {
        size_t end = 0;
        for (; lines > 0 && end < rest.size(); --lines) {
            const size_t found = rest.find('\n', end);
            end = found == std::string_view::npos ? rest.size() : found + 1;
        }
        const std::string_view passed = rest.substr(0, end);
        rest.remove_prefix(end);
        return passed;
    };
    skip_lines(skip);
    Sender sender(target);
    for (uint64_t sent = 0; sent < count && !rest.empty(); sent += kRequestRecords) {
        sender.body() = skip_lines(std::min(kRequestRecords, count - sent));
        TRY(sender.send());
    }
    return sender.seconds();
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
