// SPDX-License-Identifier: Apache-2.0
#include "plan/function.h"

#include <set>
#include <string>

#include <gtest/gtest.h>

#include "plan/cast.h"

namespace braid::plan {
namespace {

Type type(TypeKind kind) { return Type::of(kind); }

TEST(Functions, AreFoundByTheirKeys) {
    for (const Function& function : functions()) {
        ASSERT_EQ(function_by_key(function.key()), &function) << function.key();
        ASSERT_EQ(&functions()[function.index], &function);
    }
    EXPECT_EQ(function_by_key("nothing(text)"), nullptr);
}

TEST(Functions, HaveNamesOfTheirOwnInDuckDb) {
    std::set<std::string> names;
    for (const Function& function : functions()) names.insert(function.duck_name());
    EXPECT_EQ(names.size(), functions().size());
}

TEST(Functions, AreGivenByNameWithAllOverloads) {
    EXPECT_EQ(overloads_of("split_part").size(), 1u);
    EXPECT_EQ(overloads_of("date_trunc").size(), 4u);
    EXPECT_TRUE(overloads_of("no_such_function").empty());
    // Unary and binary minus share a name.
    bool has_unary = false;
    bool has_binary = false;
    for (const Function* function : overloads_of("-")) {
        has_unary |= function->arguments.size() == 1;
        has_binary |= function->arguments.size() == 2;
    }
    EXPECT_TRUE(has_unary && has_binary);
}

TEST(Functions, WriteDuckDbSqlOnlyWithTheirOwnArguments) {
    for (const Function& function : functions()) {
        EXPECT_EQ(function.duck == DuckBody::kOwn, function.duck_sql.empty()) << function.key();
        for (size_t i = 0; i + 1 < function.duck_sql.size(); ++i) {
            if (function.duck_sql[i] != '$') continue;
            const int argument = function.duck_sql[i + 1] - '0';
            EXPECT_GE(argument, 1) << function.key();
            EXPECT_LE(argument, static_cast<int>(function.arguments.size())) << function.key();
        }
    }
}

TEST(Functions, KeepTheClockAndTheCatalogOutOfViews) {
    for (const char* key : {"now()", "current_user()", "pg_table_is_visible(oid)", "version()",
                            "cast:regclass(text)", "cast:text(regclass)"}) {
        ASSERT_NE(function_by_key(key), nullptr) << key;
        EXPECT_FALSE(function_by_key(key)->allowed_in_views) << key;
    }
    EXPECT_TRUE(function_by_key("client(text)")->is_memoised);
}

TEST(Functions, SpellVariadicAndAnyArguments) {
    const Function* concat = function_by_key("concat(any...)");
    ASSERT_NE(concat, nullptr);
    EXPECT_TRUE(concat->is_variadic);
    EXPECT_FALSE(concat->is_strict);
    EXPECT_EQ(concat->arguments[0].kind, TypeKind::kUnknown);
}

TEST(Casts, FollowPostgresContexts) {
    using enum TypeKind;
    EXPECT_EQ(find_cast(type(kInt4), type(kInt8))->context, CastContext::kImplicit);
    EXPECT_EQ(find_cast(type(kInt8), type(kInt4))->context, CastContext::kAssignment);
    EXPECT_EQ(find_cast(type(kInt4), type(kBool))->context, CastContext::kExplicit);
    EXPECT_EQ(find_cast(type(kText), type(kInt4))->context, CastContext::kExplicit);
    EXPECT_EQ(find_cast(type(kInt4), type(kText))->context, CastContext::kAssignment);
    EXPECT_EQ(find_cast(type(kBool), type(kDate)), nullptr);
}

TEST(Casts, GiveTheTypesThatTheyName) {
    for (const Cast& cast : casts()) {
        ASSERT_NE(cast.function, nullptr);
        EXPECT_EQ(cast.function->arguments[0], cast.from) << cast.function->key();
        EXPECT_EQ(cast.function->result, cast.to) << cast.function->key();
        EXPECT_EQ(find_cast(cast.from, cast.to), &cast) << cast.function->key();
        EXPECT_TRUE(!cast.is_relabel || cast.from.kind == cast.to.kind) << cast.function->key();
    }
}

TEST(Casts, IgnorePrecision) {
    EXPECT_EQ(find_cast(Type::numeric(10, 2), type(TypeKind::kInt4)),
              find_cast(type(TypeKind::kNumeric), type(TypeKind::kInt4)));
}

TEST(Casts, HaveAnOutputFunctionForEveryType) {
    using enum TypeKind;
    for (const TypeKind kind : {kBool, kInt4, kInt8, kNumeric, kFloat8, kText, kDate, kTimestamp,
                                kTimestampTz, kInterval, kUnknown}) {
        EXPECT_NE(output_function(type(kind)), nullptr) << type(kind).name();
    }
    for (const TypeAlias alias : {TypeAlias::kName, TypeAlias::kTextArray, TypeAlias::kVarchar}) {
        EXPECT_NE(output_function(Type::aliased(kText, alias)), nullptr);
    }
    for (const TypeAlias alias : {TypeAlias::kOid, TypeAlias::kXid, TypeAlias::kRegclass}) {
        EXPECT_NE(output_function(Type::aliased(kInt8, alias)), nullptr);
    }
}

}  // namespace
}  // namespace braid::plan
