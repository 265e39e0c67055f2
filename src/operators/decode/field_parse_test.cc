// SPDX-License-Identifier: Apache-2.0
#include <charconv>
#include <string>

#include <gtest/gtest.h>

#include "base/random.h"
#include "operators/decode/field_parse_internal.h"

namespace braid::operators {
namespace {

TEST(ReadInteger, ReadsDigitsOfAnyNumberAndNothingElse) {
    constexpr size_t kDigitsMax = 18;
    Random random(1);
    for (size_t size = 0; size <= kDigitsMax + 3; ++size) {
        for (int round = 0; round < 50; ++round) {
            std::string text = random.below(2) == 0 ? "" : "-";
            for (size_t i = 0; i < size; ++i) text += static_cast<char>('0' + random.below(10));
            int64_t value = 0;
            const bool is_read = size > 0 && size <= kDigitsMax;
            ASSERT_EQ(read_integer(text, value), is_read) << text;
            int64_t expected = 0;
            if (is_read) std::from_chars(text.data(), text.data() + text.size(), expected);
            ASSERT_EQ(value, expected) << text;
        }
    }
}

TEST(ReadInteger, DeclinesEveryOtherByteAtEveryPlace) {
    for (size_t size = 1; size <= 18; ++size) {
        for (size_t at = 0; at < size; ++at) {
            for (int byte = 0; byte < 256; ++byte) {
                std::string text(size, '7');
                text[at] = static_cast<char>(byte);
                const bool is_digit = byte >= '0' && byte <= '9';
                const bool is_sign = byte == '-' && at == 0 && size > 1;
                int64_t value = 0;
                ASSERT_EQ(read_integer(text, value), is_digit || is_sign) << text;
            }
        }
    }
}

}  // namespace
}  // namespace braid::operators
