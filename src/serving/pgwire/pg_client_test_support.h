// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/stream.h"

namespace braid::serving::pgwire {

/// A client for tests that says exactly the bytes it is told to, and tells what it hears as lines:
///
///     T a:23 b:25      D 1|x      C SELECT 1      Z I      E ERROR 42P01 relation … [P15]      S
///     name=value
class PgClient {
  public:
    /// Connects without saying anything.
    explicit PgClient(uint16_t port);

    PgClient& raw(std::string_view bytes);
    /// A message with its type and length.
    PgClient& message(char type, std::string_view body);
    PgClient& startup(const std::vector<std::pair<std::string, std::string>>& parameters,
                      uint32_t version = 3 << 16);
    PgClient& query(std::string_view text);
    PgClient& parse(std::string_view name, std::string_view text,
                    const std::vector<uint32_t>& oids = {});
    struct Value {
        std::optional<std::string> bytes;
        bool is_binary = false;
    };
    PgClient& bind(std::string_view portal, std::string_view statement,
                   const std::vector<Value>& values = {},
                   const std::vector<bool>& result_is_binary = {});
    PgClient& describe(char kind, std::string_view name);
    PgClient& execute(std::string_view portal, uint32_t rows_max = 0);
    PgClient& close(char kind, std::string_view name);
    PgClient& flush() { return message('H', ""); }
    PgClient& sync() { return message('S', ""); }

    /// Sends what was said, and hears up to and with the next ReadyForQuery, or to the end.
    std::vector<std::string> hear();
    /// Sends, and hears so many messages.
    std::vector<std::string> hear(size_t count);
    /// As user and database `braid`; what was heard up to the first ReadyForQuery.
    std::vector<std::string> log_in();
    void send();
    /// Sent at once: one byte of answer.
    char hear_byte();

    uint32_t process() const { return process_; }
    uint32_t secret() const { return secret_; }
    net::Stream& stream() { return *stream_; }

  private:
    std::optional<std::string> hear_one();
    std::string describe_message(char type, std::string_view body);

    std::unique_ptr<net::Stream> stream_;
    std::string out_;
    uint32_t process_ = 0;
    uint32_t secret_ = 0;
    bool is_ready_ = false;
};

std::string word16(uint32_t value);
std::string word32(uint32_t value);

}  // namespace braid::serving::pgwire
