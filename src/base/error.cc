// SPDX-License-Identifier: Apache-2.0
#include "base/error.h"

#include <array>
#include <utility>

#include "base/check.h"

namespace braid {

namespace {

/// In the order of ErrorCode. The only place that says what a code means to a client.
constexpr std::array<ErrorCodeFacts, 12> kFacts = {{
    {"InvalidInput", "22000", 400, false},
    {"NotFound", "42P01", 404, false},
    {"AlreadyExists", "42710", 409, false},
    {"Conflict", "40001", 409, true},
    {"Unsupported", "0A000", 501, false},
    {"Exhausted", "53000", 429, true},
    {"Unavailable", "57P03", 503, true},
    {"Timeout", "57014", 504, false},
    {"Cancelled", "57014", 499, false},
    {"Corrupt", "XX001", 500, false},
    {"Io", "58030", 500, false},
    {"Internal", "XX000", 500, false},
}};
static_assert(static_cast<size_t>(ErrorCode::kInternal) + 1 == kFacts.size());

}  // namespace

struct Error::Body {
    ErrorCode code;
    int position = 0;
    std::string message;
    std::string detail;
    std::string hint;
    std::string sqlstate;  // empty: the code's own
    std::vector<std::string> context_lines;
};

const ErrorCodeFacts& facts_of(ErrorCode code) {
    const auto index = static_cast<size_t>(code);
    CHECK_LT(index, kFacts.size());
    return kFacts[index];
}

Error::Error(ErrorCode code, std::string message)
    : body_(new Body{.code = code,
                     .message = std::move(message),
                     .detail = {},
                     .hint = {},
                     .sqlstate = {},
                     .context_lines = {}}) {}

Error::Error(const Error& other)
    : body_(other.body_ ? std::make_unique<Body>(*other.body_) : nullptr) {}

Error& Error::operator=(const Error& other) {
    if (this != &other) body_ = other.body_ ? std::make_unique<Body>(*other.body_) : nullptr;
    return *this;
}

Error::Error(Error&&) noexcept = default;
Error& Error::operator=(Error&&) noexcept = default;
Error::~Error() = default;

ErrorCode Error::code() const { return body_->code; }
const std::string& Error::message() const { return body_->message; }
const std::string& Error::detail() const { return body_->detail; }
const std::string& Error::hint() const { return body_->hint; }
int Error::position() const { return body_->position; }
const std::vector<std::string>& Error::context_lines() const { return body_->context_lines; }

std::string_view Error::sqlstate() const {
    return body_->sqlstate.empty() ? facts_of(body_->code).sqlstate
                                   : std::string_view(body_->sqlstate);
}

Error&& Error::with_detail(std::string detail) && {
    body_->detail = std::move(detail);
    return std::move(*this);
}

Error&& Error::with_hint(std::string hint) && {
    body_->hint = std::move(hint);
    return std::move(*this);
}

Error&& Error::with_sqlstate(std::string_view sqlstate) && {
    CHECK_EQ(sqlstate.size(), size_t{5});
    body_->sqlstate = sqlstate;
    return std::move(*this);
}

Error&& Error::with_position(int position) && {
    body_->position = position;
    return std::move(*this);
}

Error&& Error::with_context(std::string line) && {
    body_->context_lines.push_back(std::move(line));
    return std::move(*this);
}

std::string Error::to_string() const {
    std::string text = fmt::format("{} ({}): {}", facts_of(code()).name, sqlstate(), message());
    if (position() > 0) text += fmt::format(" at character {}", position());
    if (!detail().empty()) text += "\nDETAIL: " + detail();
    if (!hint().empty()) text += "\nHINT: " + hint();
    for (const std::string& line : context_lines()) text += "\nCONTEXT: " + line;
    return text;
}

}  // namespace braid
