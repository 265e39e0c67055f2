// SPDX-License-Identifier: Apache-2.0
#include "base/error.h"

#include <set>

#include <gtest/gtest.h>

#include "base/error_makers.h"
#include "base/result.h"
#include "base/test_support.h"

namespace braid {
namespace {

constexpr int kCodeCount = 12;

TEST(Error, IsOnePointerWide) { EXPECT_EQ(sizeof(Error), sizeof(void*)); }

TEST(Error, EveryCodeHasNameStateAndStatus) {
    std::set<std::string_view> names;
    for (int index = 0; index < kCodeCount; ++index) {
        const ErrorCodeFacts& facts = facts_of(static_cast<ErrorCode>(index));
        EXPECT_TRUE(names.insert(facts.name).second) << facts.name;
        EXPECT_EQ(facts.sqlstate.size(), 5u);
        EXPECT_GE(facts.http_status, 400);
    }
}

TEST(Error, OnlyWhatMayPassByItselfIsRetryable) {
    std::set<std::string_view> retryable;
    for (int index = 0; index < kCodeCount; ++index) {
        const ErrorCodeFacts& facts = facts_of(static_cast<ErrorCode>(index));
        if (facts.retryable) retryable.insert(facts.name);
    }
    EXPECT_EQ(retryable, (std::set<std::string_view>{"Conflict", "Exhausted", "Unavailable"}));
}

TEST(Error, HasTheStateOfItsCodeUnlessAFinerOneIsSet) {
    EXPECT_EQ(exhausted("full").sqlstate(), "53000");
    EXPECT_EQ(exhausted("full").with_sqlstate("53100").sqlstate(), "53100");
}

TEST(Error, TellsEverythingInOneText) {
    const Error error = invalid_input("no such column: {}", "a")
                            .with_detail("The table has b and c.")
                            .with_hint("Perhaps you meant b.")
                            .with_position(8)
                            .with_context("planning")
                            .with_context("creating view v");
    EXPECT_EQ(error.to_string(),
              "InvalidInput (22000): no such column: a at character 8\n"
              "DETAIL: The table has b and c.\n"
              "HINT: Perhaps you meant b.\n"
              "CONTEXT: planning\n"
              "CONTEXT: creating view v");
}

TEST(Error, CopiesAreIndependent) {
    const Error first = not_found("a");
    Error second = first;
    second = std::move(second).with_detail("only here");
    EXPECT_EQ(first.detail(), "");
    EXPECT_EQ(second.message(), "a");
    EXPECT_EQ(second.code(), ErrorCode::kNotFound);
}

Result<int> half(int number) {
    if (number % 2 != 0) return invalid_input("{} is odd", number);
    return number / 2;
}

Result<int> quarter(int number) {
    const int first = TRY(half(number));
    return TRY(half(first).context("in the second half"));
}

Result<void> check_even(int number) {
    TRY(half(number));
    return {};
}

TEST(Result, TryGivesTheValueOrReturnsTheError) {
    ASSERT_OK_AND_ASSIGN(const int number, quarter(8));
    EXPECT_EQ(number, 2);
    EXPECT_ERROR(quarter(7), ErrorCode::kInvalidInput);
    EXPECT_OK(check_even(2));
    EXPECT_ERROR(check_even(1), ErrorCode::kInvalidInput, "22000");
}

TEST(Result, ContextIsAddedToAnErrorOnly) {
    const Result<int> failed = quarter(6);
    ASSERT_FALSE(failed.has_value());
    EXPECT_EQ(failed.error().context_lines(), (std::vector<std::string>{"in the second half"}));
    EXPECT_OK(half(2).context("unused"));
}

TEST(Result, HoldsValuesThatCanOnlyMove) {
    const auto make = []() -> Result<std::unique_ptr<int>> { return std::make_unique<int>(7); };
    ASSERT_OK_AND_ASSIGN(std::unique_ptr<int> number, make());
    EXPECT_EQ(*number, 7);
}

TEST(IsError, ComparesCodeAndState) {
    EXPECT_TRUE(IsError(ErrorCode::kInvalidInput)(half(1)));
    EXPECT_FALSE(IsError(ErrorCode::kNotFound)(half(1)));
    EXPECT_FALSE(IsError(ErrorCode::kInvalidInput, "22001")(half(1)));
    EXPECT_FALSE(IsError(ErrorCode::kInvalidInput)(half(2)));
}

}  // namespace
}  // namespace braid
