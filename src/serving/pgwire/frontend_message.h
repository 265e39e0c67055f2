// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"

/// What a client may send (PostgreSQL's protocol 3), read strictly out of bytes. Pure functions of
/// their input; texts point into it. A message that is too short, too long or not UTF-8 is an
/// error: 08P01 for the form, 22021 for texts.
namespace braid::serving::pgwire {

inline constexpr size_t kStartupBytesMax = 10 * 1024;
inline constexpr size_t kMessageBytesMax = 16 << 20;

struct SslRequest {};
struct GssRequest {};
struct CancelRequest {
    uint32_t process = 0;
    uint32_t secret = 0;
};
struct Startup {
    uint16_t major = 3;
    uint16_t minor = 0;
    std::vector<std::pair<std::string, std::string>> parameters;
};
using StartupPacket = std::variant<SslRequest, GssRequest, CancelRequest, Startup>;

/// `body` is what follows the length word.
Result<StartupPacket> parse_startup(std::string_view body);

struct Query {
    std::string_view text;
};
struct Parse {
    std::string_view statement;
    std::string_view text;
    std::vector<uint32_t> parameter_oids;
};
struct Bind {
    std::string_view portal;
    std::string_view statement;
    std::vector<bool> parameter_is_binary;                // none: all text; one: it is for all
    std::vector<std::optional<std::string_view>> values;  // nullopt is NULL
    std::vector<bool> result_is_binary;                   // likewise
};
/// Describe or Close.
struct Target {
    bool is_portal = false;
    std::string_view name;
};
struct Describe : Target {};
struct Close : Target {};
struct Execute {
    std::string_view portal;
    uint32_t rows_max = 0;  // 0 is no limit
};
struct Flush {};
struct Sync {};
struct Terminate {};
/// COPY data, function calls and passwords: known, never asked for.
struct Unasked {
    char type = 0;
};
using FrontendMessage =
    std::variant<Query, Parse, Bind, Describe, Close, Execute, Flush, Sync, Terminate, Unasked>;

/// 08P01 for a type that no client may send: what follows cannot be told apart any more.
Result<FrontendMessage> parse_message(char type, std::string_view body);
bool is_message_type(char type);

/// Splits the option string of a connection ("-c a=b --c-d=e") into settings, backslash escaping.
Result<std::vector<std::pair<std::string, std::string>>> parse_options(std::string_view options);

}  // namespace braid::serving::pgwire
