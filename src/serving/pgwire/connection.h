// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/memory_share.h"
#include "base/result.h"
#include "net/hangup_watch.h"
#include "net/stream.h"
#include "serving/pgwire/backend_message.h"
#include "serving/pgwire/cancel_registry.h"
#include "serving/pgwire/frontend_message.h"
#include "serving/pgwire/message_reader.h"
#include "serving/pgwire/wire_values.h"
#include "serving/session/services.h"
#include "serving/session/session.h"

namespace braid::serving::pgwire {

/// One client that speaks PostgreSQL's protocol, from its first byte to its last. Its own thread
/// runs it.
///
///     start-up ─▶ idle ─▶ query ─▶ idle            simple: any number of statements in one text
///                  │ └──▶ parse bind execute … ─▶ sync ─▶ idle
///                  │             └─ error ─▶ skip until sync
///                  └──▶ terminate
class Connection {
  public:
    Connection(net::Stream& stream, const Services& services, CancelRegistry& cancels,
               net::HangupWatch& hangups, uint16_t port);

    /// Until the client leaves. `over_limit`: only to say that there are too many.
    void run(bool over_limit);

  private:
    /// A statement with its parameters, and how far its rows have been taken.
    struct Portal {
        PreparedPtr prepared;
        std::vector<Datum> parameters;
        std::vector<bool> result_is_binary;
        std::unique_ptr<Cursor> cursor;  // once it has been started
        Batch batch;
        size_t next_row = 0;
        bool ended = false;
        uint64_t bytes = 0;  // of the parameters, and of itself
        MemoryClaim held;
    };

    // connection_start.cc; false if no session comes of it.
    bool start(bool over_limit);
    Result<bool> greet(bool over_limit);
    Result<void> accept(const Startup& startup);
    Result<void> check_identity(const Startup& startup) const;
    Result<void> apply_parameters(const Startup& startup, std::vector<std::string>& unknown);

    void serve();
    /// How long the client may let it wait now; 0: for ever.
    int64_t idle_us_max() const;
    Error waited_too_long() const;
    /// False when the connection ends.
    bool handle(const MessageReader::Message& message);
    void handle_query(const Query& query);
    Result<void> run_query(const Query& query);
    Result<void> handle_extended(const FrontendMessage& message);
    Result<void> handle(const Parse& parse);
    Result<void> handle(const Bind& bind);
    Result<void> handle(const Describe& describe);
    Result<void> handle(const Close& close);
    Result<void> handle(const Execute& execute);
    void handle_sync();
    void skip_to_sync();

    Result<PreparedPtr> find_statement(std::string_view name) const;
    Result<std::vector<Datum>> read_parameters(const Bind& bind, const PreparedStatement& prepared);
    /// Sends up to `rows_max` rows (0: all); true when there are no more.
    Result<bool> send_rows(Portal& portal, uint64_t rows_max, uint64_t& rows);
    Result<void> run_statement(const sql::Statement& statement, bool is_last);

    void send_notices();
    void send_changed_settings();
    void send_ready();
    /// Tells of an error, and that the transaction is done for.
    void send_error(const Error& error);
    void send_fatal(const Error& error);
    Result<void> flush();
    Result<void> flush_if_large();

    net::Stream& stream_;
    const Services& services_;
    CancelRegistry& cancels_;
    net::HangupWatch& hangups_;
    const uint16_t port_;
    MessageReader reader_;
    BackendMessages out_;
    CancelRegistry::Key key_;
    std::unique_ptr<Session> session_;
    std::map<std::string, std::string, std::less<>> reported_;  // settings as the client knows them
    std::optional<uint64_t> reported_version_;
    PreparedPtr unnamed_;
    std::map<std::string, Portal, std::less<>> portals_;
    bool skips_to_sync_ = false;
    bool is_ready_ = false;   // the client was told so, and has said nothing since
    bool is_broken_ = false;  // nothing can be sent any more
};

}  // namespace braid::serving::pgwire
