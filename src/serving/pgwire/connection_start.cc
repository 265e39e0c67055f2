// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string>
#include <utility>

#include "base/error_makers.h"
#include "serving/pgwire/connection.h"

namespace braid::serving::pgwire {

namespace {

constexpr int64_t kLoginTimeoutUs = 10'000'000;
/// A client may ask for TLS, then for GSS, and then begins.
constexpr int kPacketsMax = 3;

const std::string* find_parameter(const Startup& startup, std::string_view name) {
    for (const auto& [key, value] : startup.parameters) {
        if (key == name) return &value;
    }
    return nullptr;
}

}  // namespace

bool Connection::start(bool over_limit) {
    auto greeted = greet(over_limit);
    if (greeted) return *greeted;
    // Nobody listens when the connection broke or never said a word.
    if (greeted.error().code() != ErrorCode::kIo) send_fatal(greeted.error());
    return false;
}

Result<bool> Connection::greet(bool over_limit) {
    const int64_t deadline_us = services_.clock->monotonic_us() + kLoginTimeoutUs;
    for (int packet = 0; packet < kPacketsMax; ++packet) {
        const auto body = TRY(reader_.next_startup(kStartupBytesMax, deadline_us));
        if (!body) return false;
        const StartupPacket parsed = TRY(parse_startup(*body));
        if (const auto* cancel = std::get_if<CancelRequest>(&parsed)) {
            cancels_.cancel({cancel->process, cancel->secret});
            return false;
        }
        if (const auto* startup = std::get_if<Startup>(&parsed)) {
            if (over_limit) {
                return exhausted("sorry, too many clients already")
                    .with_sqlstate("53300")
                    .with_hint(
                        "Close connections, or raise connections.max or connections.address_max.");
            }
            TRY(accept(*startup));
            return true;
        }
        // What was sent before our answer would be taken for what comes through the secure channel.
        if (reader_.has_more()) return false;
        TRY(stream_.write_all("N", kLoginTimeoutUs));
    }
    return invalid_input("unexpected startup packet").with_sqlstate("08P01");
}

Result<void> Connection::check_identity(const Startup& startup) const {
    if (startup.major != 3) {
        return unsupported("unsupported frontend protocol {}.{}: server supports 3.0 to 3.0",
                           startup.major, startup.minor);
    }
    const std::string* user = find_parameter(startup, "user");
    if (user == nullptr || user->empty()) {
        return invalid_input("no PostgreSQL user name specified in startup packet")
            .with_sqlstate("28000");
    }
    if (*user != kUserName) {
        return not_found("role \"{}\" does not exist", *user).with_sqlstate("28000");
    }
    const std::string* database = find_parameter(startup, "database");
    if (database != nullptr && !database->empty() && *database != kDatabaseName) {
        return not_found("database \"{}\" does not exist", *database).with_sqlstate("3D000");
    }
    const std::string* replication = find_parameter(startup, "replication");
    if (replication != nullptr && *replication != "false" && *replication != "off" &&
        *replication != "no" && *replication != "0") {
        return unsupported("replication connections are not supported");
    }
    return {};
}

Result<void> Connection::apply_parameters(const Startup& startup,
                                          std::vector<std::string>& unknown) {
    if (const std::string* options = find_parameter(startup, "options")) {
        for (const auto& [name, value] : TRY(parse_options(*options))) {
            TRY(session_->settings().set_default(name, value));
        }
    }
    for (const auto& [name, value] : startup.parameters) {
        if (name == "user" || name == "database" || name == "options" || name == "replication")
            continue;
        if (name.starts_with("_pq_.")) {
            unknown.push_back(name);
        } else {
            TRY(session_->settings().set_default(name, value));
        }
    }
    return {};
}

Result<void> Connection::accept(const Startup& startup) {
    TRY(check_identity(startup));
    key_ = cancels_.next_key();
    session_ = std::make_unique<Session>(services_,
                                         Session::Identity{.process = key_.process, .port = port_});
    std::vector<std::string> unknown;
    TRY(apply_parameters(startup, unknown));
    if (startup.minor > 0 || !unknown.empty()) out_.negotiate_version(0, unknown);
    out_.authentication_ok();
    send_changed_settings();
    out_.backend_key(key_.process, key_.secret);
    cancels_.add(key_, *session_);
    return {};
}

}  // namespace braid::serving::pgwire
