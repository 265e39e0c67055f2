// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <expected>
#include <type_traits>
#include <utility>

#include "base/error.h"

namespace braid {

/// A value or the reason why there is none. Every operation whose failure a caller can react to
/// returns one; ignoring it is a compile error. Use TRY to pass an error on.
template <typename T>
class [[nodiscard]] Result {
  public:
    using value_type = T;

    template <typename U = T>
        requires(!std::is_same_v<std::remove_cvref_t<U>, Result> &&
                 std::is_constructible_v<T, U &&>)
    Result(U&& value) : state_(std::in_place, std::forward<U>(value)) {}
    Result(Error error) : state_(std::unexpect, std::move(error)) {}

    bool has_value() const { return state_.has_value(); }
    explicit operator bool() const { return has_value(); }

    T& value() & { return *state_; }
    const T& value() const& { return *state_; }
    T&& value() && { return *std::move(state_); }
    T& operator*() & { return *state_; }
    const T& operator*() const& { return *state_; }
    T&& operator*() && { return *std::move(state_); }
    T* operator->() { return &*state_; }
    const T* operator->() const { return &*state_; }

    const Error& error() const& { return state_.error(); }
    Error&& error() && { return std::move(state_).error(); }

    /// Adds what was being done to the error, if there is one.
    Result&& context(std::string line) && {
        if (!state_)
            state_ = std::unexpected(std::move(state_.error()).with_context(std::move(line)));
        return std::move(*this);
    }

  private:
    std::expected<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
  public:
    using value_type = void;

    Result() = default;
    Result(Error error) : state_(std::unexpect, std::move(error)) {}

    bool has_value() const { return state_.has_value(); }
    explicit operator bool() const { return has_value(); }
    void value() const {}

    const Error& error() const& { return state_.error(); }
    Error&& error() && { return std::move(state_).error(); }

    Result&& context(std::string line) && {
        if (!state_)
            state_ = std::unexpected(std::move(state_.error()).with_context(std::move(line)));
        return std::move(*this);
    }

  private:
    std::expected<void, Error> state_;
};

namespace internal {
template <typename T>
Result<T>&& as_result(Result<T>&& result) {
    return std::move(result);
}
template <typename T>
Result<T>&& as_result(Result<T>& result) {
    return std::move(result);
}
}  // namespace internal

}  // namespace braid

/// Evaluates to the value of a Result, or returns its error from the enclosing function.
/// Works on every type for which an overload `internal::as_result` gives a Result.
#define TRY(...)                                                                         \
    __extension__({                                                                      \
        /* One expression: a temporary inside it must live until its Result is moved. */ \
        auto braid_try_result_ = ::braid::internal::as_result(__VA_ARGS__);              \
        if (!braid_try_result_.has_value()) return std::move(braid_try_result_).error(); \
        std::move(braid_try_result_).value();                                            \
    })
