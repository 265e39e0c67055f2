// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>
#include <vector>

namespace braid::serving {

/// A word of PostgreSQL 15's grammar, as pg_get_keywords() tells of it.
struct Keyword {
    std::string_view word;
    char category;  // U, C, T or R
    bool is_bare_label;
};

/// Sorted.
const std::vector<Keyword>& keywords();
std::string_view meaning_of_category(char category);

}  // namespace braid::serving
