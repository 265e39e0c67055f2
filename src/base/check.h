// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include <fmt/format.h>

namespace braid::internal {

[[noreturn]] void check_failed(const char* expression, const char* file, int line,
                               const std::string& values);

template <typename A, typename B>
std::string describe(const A& left, const B& right) {
    if constexpr (fmt::is_formattable<A>::value && fmt::is_formattable<B>::value) {
        return fmt::format("{} vs. {}", left, right);
    } else {
        return "values not printable";
    }
}

}  // namespace braid::internal

/// Aborts with the expression when an invariant does not hold. On in release builds; never for
/// input.
#define CHECK(condition)                                                                    \
    do {                                                                                    \
        if (!(condition)) [[unlikely]]                                                      \
            ::braid::internal::check_failed(#condition, __FILE__, __LINE__, std::string()); \
    } while (false)

#define BRAID_CHECK_OP(left, op, right)                                  \
    do {                                                                 \
        const auto& braid_left_ = (left);                                \
        const auto& braid_right_ = (right);                              \
        if (!(braid_left_ op braid_right_)) [[unlikely]]                 \
            ::braid::internal::check_failed(                             \
                #left " " #op " " #right, __FILE__, __LINE__,            \
                ::braid::internal::describe(braid_left_, braid_right_)); \
    } while (false)

#define CHECK_EQ(left, right) BRAID_CHECK_OP(left, ==, right)
#define CHECK_NE(left, right) BRAID_CHECK_OP(left, !=, right)
#define CHECK_LE(left, right) BRAID_CHECK_OP(left, <=, right)
#define CHECK_LT(left, right) BRAID_CHECK_OP(left, <, right)
#define CHECK_GE(left, right) BRAID_CHECK_OP(left, >=, right)
#define CHECK_GT(left, right) BRAID_CHECK_OP(left, >, right)

#ifdef NDEBUG
#define DCHECK(condition) \
    do {                  \
    } while (false)
#else
#define DCHECK(condition) CHECK(condition)
#endif
