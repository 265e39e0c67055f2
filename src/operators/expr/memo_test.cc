// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/error_makers.h"
#include "operators/expr/memo_internal.h"

namespace braid::operators {
namespace {

constexpr Type kText = Type::of(TypeKind::kText);

Column texts(const std::vector<std::string>& values) {
    ColumnBuilder builder(kText);
    for (const std::string& value : values) {
        if (value == "NULL") {
            builder.append_null();
        } else {
            builder.append_text(value);
        }
    }
    return builder.finish();
}

/// The first byte of each text; nothing for an empty one; an error for "!".
Evaluated first_bytes(const Column& missing) {
    Evaluated out;
    ColumnBuilder builder(kText);
    for (size_t row = 0; row < missing.length(); ++row) {
        const auto text = missing.at<std::string_view>(row);
        if (text == "!") out.errors.push_back({static_cast<uint32_t>(row), invalid_input("no")});
        if (text.empty() || text == "!") {
            builder.append_null();
        } else {
            builder.append_text(text.substr(0, 1));
        }
    }
    out.column = builder.finish();
    return out;
}

std::string joined(const Column& column) {
    std::string out;
    for (size_t row = 0; row < column.length(); ++row) {
        out +=
            column.is_null(row) ? std::string("_") : std::string(column.at<std::string_view>(row));
    }
    return out;
}

TEST(MemoCache, ComputesEachTextOnce) {
    MemoCache cache;
    size_t computed = 0;
    const auto compute = [&](const Column& missing) {
        computed += missing.length();
        return first_bytes(missing);
    };
    const Column column = texts({"abc", "b", "abc", "NULL", "", "b", "axe"});
    EXPECT_EQ(joined(cache.look_up(column, kText, compute).column), "aba__ba");
    EXPECT_EQ(computed, 4u);
    EXPECT_EQ(joined(cache.look_up(column, kText, compute).column), "aba__ba");
    EXPECT_EQ(computed, 4u);
    // Equal results share one dictionary value.
    EXPECT_EQ(cache.look_up(column, kText, compute).column.dictionary().length(), 2u);
}

TEST(MemoCache, DoesNotRememberFailures) {
    MemoCache cache;
    const Column column = texts({"a", "!", "b", "!"});
    for (int i = 0; i < 2; ++i) {
        const Evaluated result = cache.look_up(column, kText, first_bytes);
        ASSERT_EQ(result.errors.size(), 2u);
        EXPECT_EQ(result.errors[0].row, 1u);
        EXPECT_EQ(result.errors[1].row, 3u);
        EXPECT_EQ(joined(result.column), "a_b_");
    }
}

TEST(MemoCache, ForgetsWhenItIsFull) {
    MemoCache cache;
    Column kept;
    for (int round = 0; round < 40; ++round) {
        std::vector<std::string> values;
        for (int i = 0; i < 4096; ++i) {
            values.push_back(static_cast<char>('a' + i % 26) + std::to_string(round * 4096 + i));
        }
        const Evaluated result = cache.look_up(texts(values), kText, first_bytes);
        ASSERT_EQ(result.column.at<std::string_view>(27), "b");
        ASSERT_LE(cache.entry_count(), MemoCache::kEntriesMax);
        if (round == 0) kept = result.column;
    }
    // What was given out before is still whole.
    EXPECT_EQ(kept.at<std::string_view>(25), "z");
}

TEST(MemoCache, BoundsTheBytesOfItsKeys) {
    MemoCache cache;
    for (int round = 0; round < 40; ++round) {
        std::vector<std::string> values;
        for (int i = 0; i < 10; ++i) values.emplace_back(100'000, static_cast<char>('a' + i));
        for (std::string& value : values) value += std::to_string(round);
        cache.look_up(texts(values), kText, first_bytes);
    }
    EXPECT_LT(cache.entry_count(), 200u);
}

}  // namespace
}  // namespace braid::operators
