// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>
#include <utility>

#include <gtest/gtest.h>

#include "base/result.h"

/// Assertions on Result for every floor's tests; included only from *_test.cc.
///
///     ASSERT_OK(file->sync());                              EXPECT_OK(...) goes on
///     ASSERT_OK_AND_ASSIGN(auto file, files.create("a"));
///     EXPECT_ERROR(files.create("a"), ErrorCode::kAlreadyExists);
///     EXPECT_TRUE(IsError(ErrorCode::kExhausted, "53100")(result));
///     EXPECT_TRUE(IS_OK(result));

namespace braid::test {

template <typename T>
testing::AssertionResult is_ok(const Result<T>& result) {
    if (result.has_value()) return testing::AssertionSuccess();
    return testing::AssertionFailure() << "failed: " << result.error().to_string();
}

}  // namespace braid::test

namespace braid {

/// Holds for a Result, or an Error, of this code and, when given, of this SQLSTATE.
class IsError {
  public:
    explicit IsError(ErrorCode code, std::string_view sqlstate = {})
        : code_(code), sqlstate_(sqlstate) {}

    template <typename T>
    testing::AssertionResult operator()(const Result<T>& result) const {
        if (result.has_value()) {
            return testing::AssertionFailure() << "succeeded, expected " << facts_of(code_).name;
        }
        return (*this)(result.error());
    }
    testing::AssertionResult operator()(const Error& error) const {
        const bool same_state = sqlstate_.empty() || error.sqlstate() == sqlstate_;
        if (error.code() == code_ && same_state) return testing::AssertionSuccess();
        return testing::AssertionFailure() << "expected " << facts_of(code_).name << ' '
                                           << sqlstate_ << ", failed with " << error.to_string();
    }

  private:
    ErrorCode code_;
    std::string_view sqlstate_;
};

}  // namespace braid

#define IS_OK(...) (::braid::test::is_ok(__VA_ARGS__))
#define ASSERT_OK(...) ASSERT_TRUE(IS_OK(__VA_ARGS__))
#define EXPECT_OK(...) EXPECT_TRUE(IS_OK(__VA_ARGS__))
#define ASSERT_ERROR(expression, ...) ASSERT_TRUE(::braid::IsError(__VA_ARGS__)(expression))
#define EXPECT_ERROR(expression, ...) EXPECT_TRUE(::braid::IsError(__VA_ARGS__)(expression))

#define BRAID_TEST_JOIN_(left, right) left##right
#define BRAID_TEST_NAME_(left, right) BRAID_TEST_JOIN_(left, right)
#define BRAID_TEST_ASSIGN_(name, left, ...)  \
    auto name = (__VA_ARGS__);               \
    ASSERT_TRUE(::braid::test::is_ok(name)); \
    left = std::move(name).value()

/// Declares or assigns `left` from the value of a Result; ends the test when there is none.
#define ASSERT_OK_AND_ASSIGN(left, ...) \
    BRAID_TEST_ASSIGN_(BRAID_TEST_NAME_(braid_test_result_, __COUNTER__), left, __VA_ARGS__)
