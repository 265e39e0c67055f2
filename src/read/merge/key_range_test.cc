// SPDX-License-Identifier: Apache-2.0
#include "read/merge/key_range.h"

#include <gtest/gtest.h>

#include "columnar/key_codec.h"
#include "plan/function.h"

namespace braid::read {
namespace {

const Type kInt4 = Type::of(TypeKind::kInt4);
const Type kInt8 = Type::of(TypeKind::kInt8);

/// SELECT k, … GROUP BY k, with a key of this type.
plan::ViewPlan view_with_key(const Type& key) {
    plan::ViewPlan view;
    view.keys = {plan::column_ref(0, key)};
    view.outputs = {{"k", plan::column_ref(0, key)}};
    return view;
}

/// k <op> $1, whose function is found by its key.
plan::ExprPtr compared(const char* function, const Type& key, const Type& parameter) {
    return plan::call(
        plan::function_by_key(function),
        {plan::column_ref(0, key), std::make_shared<plan::Expr>(plan::Expr{
                                       .kind = plan::Expr::Kind::kParameter, .type = parameter})});
}

std::string encoded(int64_t value) {
    std::string key;
    encode_key(Datum::int8(value), key);
    return key;
}

TEST(KeyRange, AnInt4FindsAnInt8Key) {
    const plan::ViewPlan view = view_with_key(kInt8);
    const auto equal = compared("=(int8,int4)", kInt8, kInt4);
    ASSERT_EQ(point_of(view, equal).size(), 1u);
    const KeyRange point = key_range_of(view, equal, {Datum::int4(-7)});
    EXPECT_TRUE(point.is_point);
    EXPECT_EQ(point.from, encoded(-7));
    EXPECT_TRUE(key_range_of(view, equal, {Datum::null(kInt4)}).is_empty);
    const auto greater = compared(">=(int8,int4)", kInt8, kInt4);
    EXPECT_EQ(key_range_of(view, greater, {Datum::int4(5)}).from, encoded(5));
}

TEST(KeyRange, AnInt8MayNotFitAnInt4KeyAndIsLeftToBeCompared) {
    const plan::ViewPlan view = view_with_key(kInt4);
    const auto equal = compared("=(int4,int8)", kInt4, kInt8);
    EXPECT_TRUE(point_of(view, equal).empty());
    EXPECT_FALSE(key_range_of(view, equal, {Datum::int8(5)}).is_point);
}

}  // namespace
}  // namespace braid::read
