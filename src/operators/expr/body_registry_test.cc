// SPDX-License-Identifier: Apache-2.0
#include "operators/expr/body_registry.h"

#include <gtest/gtest.h>

#include "base/test_support.h"
#include "operators/expr/evaluator.h"

namespace braid::operators {
namespace {

TEST(BodyRegistry, HasABodyForEveryFunctionThatViewsMayUse) {
    for (const plan::Function& function : plan::functions()) {
        if (!function.allowed_in_views) continue;
        EXPECT_TRUE(has_body(function)) << function.key();
    }
}

TEST(BodyRegistry, LeavesSessionFunctionsToOthers) {
    const plan::Function* function = plan::function_by_key("pg_backend_pid()");
    ASSERT_NE(function, nullptr);
    EXPECT_FALSE(has_body(*function));
    EXPECT_ERROR(evaluate_constant(*plan::call(function, {}), {}), ErrorCode::kUnsupported);
}

TEST(BodyRegistry, PrefersTheBodyOfTheContext) {
    const plan::Function* function = plan::function_by_key("current_user()");
    auto bodies = std::make_shared<BodyMap>();
    (*bodies)["current_user()"] = [](Call& call) {
        return Column::constant(Datum::text("ada"), call.rows);
    };
    EvaluationContext context;
    context.bodies = bodies;
    ASSERT_OK_AND_ASSIGN(const Datum user, evaluate_constant(*plan::call(function, {}), context));
    EXPECT_EQ(user.as<std::string>(), "ada");
}

TEST(BodyRegistry, TakesBodiesOfOtherFloors) {
    const plan::Function* function = plan::function_by_key("version()");
    register_body("version()",
                  [](Call& call) { return Column::constant(Datum::text("Braid"), call.rows); });
    ASSERT_OK_AND_ASSIGN(const Datum version, evaluate_constant(*plan::call(function, {}), {}));
    EXPECT_EQ(version.as<std::string>(), "Braid");
}

}  // namespace
}  // namespace braid::operators
