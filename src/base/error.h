// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace braid {

/// The twelve kinds of failure. A kind exists only because some caller reacts differently to it;
/// what each one means for retry, SQLSTATE and HTTP stands in one table in error.cc.
enum class ErrorCode : uint8_t {
    kInvalidInput,
    kNotFound,
    kAlreadyExists,
    kConflict,
    kUnsupported,
    kExhausted,
    kUnavailable,
    kTimeout,
    kCancelled,
    kCorrupt,
    kIo,
    kInternal,
};

struct ErrorCodeFacts {
    std::string_view name;
    std::string_view sqlstate;
    int http_status;
    bool retryable;
};

const ErrorCodeFacts& facts_of(ErrorCode code);

/// Why an operation failed, in PostgreSQL's manner: a lower-case message without period, then
/// detail and hint as sentences. One pointer wide, cheap to move, immutable in practice once
/// returned.
class Error {
  public:
    Error(ErrorCode code, std::string message);
    Error(const Error& other);
    Error(Error&&) noexcept;
    Error& operator=(const Error& other);
    Error& operator=(Error&&) noexcept;
    ~Error();

    ErrorCode code() const;
    const std::string& message() const;
    const std::string& detail() const;
    const std::string& hint() const;
    /// Five characters; the code's own unless a finer one was set.
    std::string_view sqlstate() const;
    /// 1-based character position in the statement, 0 when unknown.
    int position() const;
    const std::vector<std::string>& context_lines() const;

    Error&& with_detail(std::string detail) &&;
    Error&& with_hint(std::string hint) &&;
    Error&& with_sqlstate(std::string_view sqlstate) &&;
    Error&& with_position(int position) &&;
    /// Adds what was being done; the innermost comes first.
    Error&& with_context(std::string line) &&;

    /// For traces and test failures: message, detail, hint and context in one text.
    std::string to_string() const;

  private:
    struct Body;
    std::unique_ptr<Body> body_;
};

// Short makers: `return invalid_input("no such column: {}", name)`. Definitions in error_makers.h
// need fmt.

}  // namespace braid
