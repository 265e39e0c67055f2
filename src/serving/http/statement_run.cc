// SPDX-License-Identifier: Apache-2.0
#include "serving/http/statement_run.h"

#include <utility>

#include <fmt/format.h>

#include "base/error_makers.h"
#include "serving/session/receipt_text.h"

namespace braid::serving {

namespace {

constexpr size_t kReceiptBytesMax = 8 * 1024;
constexpr size_t kPieceBytes = 64 * 1024;

}  // namespace

StatementRun::StatementRun(const Services& services, net::HangupWatch& hangups,
                           const net::Stream* connection)
    : session_(services, {}), guard_(hangups.watch(connection, [this] { session_.cancel(); })) {}

Result<void> StatementRun::start(const std::string& text,
                                 const std::vector<std::optional<std::string>>& params) {
    const auto statements = TRY(sql::parse(text));
    if (statements.empty())
        return invalid_input("the request holds no statement").with_sqlstate("42601");
    if (statements.size() > 1 && !params.empty()) {
        return invalid_input("parameters can be given to one statement only")
            .with_sqlstate("42601");
    }
    Batch dropped;
    for (size_t i = 0; i < statements.size(); ++i) {
        cursor_ = TRY(execute(statements[i], params));
        const bool is_last = i + 1 == statements.size();
        while (!is_last && cursor_->schema() && TRY(cursor_->next(dropped))) {
        }
    }
    return {};
}

Result<std::unique_ptr<Cursor>> StatementRun::execute(
    const sql::Statement& statement, const std::vector<std::optional<std::string>>& params) {
    cursor_.reset();  // before what it reads
    prepared_ = TRY(session_.prepare(statement, {}));
    if (prepared_->parameters.size() != params.size()) {
        return invalid_input("the statement takes {} parameters, {} were given",
                             prepared_->parameters.size(), params.size())
            .with_sqlstate("42601");
    }
    std::vector<Datum> values;
    for (size_t i = 0; i < params.size(); ++i) {
        const Type& type = prepared_->parameters[i];
        values.push_back(params[i] ? TRY(parse_text(*params[i], type, session_.settings().format())
                                             .context(fmt::format("parameter ${}", i + 1)))
                                   : Datum::null(type));
    }
    return session_.execute(*prepared_, std::move(values));
}

void StatementRun::write_as(ResultForm form) {
    writer_.emplace(cursor_->schema() ? &*cursor_->schema() : nullptr, form, session_);
}

Result<bool> StatementRun::next(std::string& out) {
    if (stage_ == Stage::kEnded) return false;
    if (stage_ == Stage::kBegin) writer_->begin(out);
    stage_ = Stage::kRows;
    if (next_row_ == batch_.length && cursor_->schema()) {
        batch_ = {};
        next_row_ = 0;
        (void)TRY(cursor_->next(batch_));
    }
    if (next_row_ < batch_.length) {
        while (next_row_ < batch_.length && out.size() < kPieceBytes) {
            writer_->write(batch_, next_row_++, out);
        }
        return true;
    }
    stage_ = Stage::kEnded;
    TRY(finish());
    writer_->end(*cursor_, out);
    return true;
}

std::vector<net::HttpHeader> StatementRun::trailers() {
    if (session_.receipt() == nullptr) return {};
    return {{"Braid-Receipt", receipt_json_within(*session_.receipt(), kReceiptBytesMax)}};
}

}  // namespace braid::serving
