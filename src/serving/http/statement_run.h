// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "net/hangup_watch.h"
#include "net/http.h"
#include "serving/http/result_body.h"
#include "serving/session/services.h"
#include "serving/session/session.h"

namespace braid::serving {

/// The statements of one request, together one implicit transaction; what the last one gives is the
/// answer, which is made while the client takes it. A client that leaves stops them. One thread.
class StatementRun final : public net::HttpBodySource {
  public:
    /// All outlive it; without a connection there is nobody who could leave.
    StatementRun(const Services& services, net::HangupWatch& hangups,
                 const net::Stream* connection);

    Session& session() { return session_; }

    /// Runs all, the last one up to its first row. Once.
    Result<void> start(const std::string& text,
                       const std::vector<std::optional<std::string>>& params);
    /// What the last one gives, after start().
    Cursor& cursor() { return *cursor_; }
    /// What was done outside of a block happens now; a BEGIN without its COMMIT is undone.
    Result<void> finish() { return session_.finish_implicit(); }

    /// The answer's form, before the first next().
    void write_as(ResultForm form);
    /// Some rows at a time. The end comes after finish().
    Result<bool> next(std::string& out) override;
    /// The receipt, if there is one.
    std::vector<net::HttpHeader> trailers() override;
    std::string trailer_names() const override { return "Braid-Receipt"; }

  private:
    Result<std::unique_ptr<Cursor>> execute(const sql::Statement& statement,
                                            const std::vector<std::optional<std::string>>& params);

    Session session_;
    net::HangupWatch::Guard guard_;
    PreparedPtr prepared_;
    std::unique_ptr<Cursor> cursor_;
    std::optional<ResultWriter> writer_;
    Batch batch_;
    size_t next_row_ = 0;  // of it
    enum class Stage : unsigned char { kBegin, kRows, kEnded } stage_ = Stage::kBegin;
};

}  // namespace braid::serving
