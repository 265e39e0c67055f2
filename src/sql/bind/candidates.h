// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <vector>

#include "columnar/type.h"

namespace braid::sql {

/// What overload resolution knows of a function, operator or aggregate.
struct Signature {
    std::vector<Type> arguments;  // kUnknown: takes any type
    bool is_variadic = false;     // the last argument repeats, one or more times
};

struct Choice {
    enum class Outcome : unsigned char { kNone, kFound, kAmbiguous };
    Outcome outcome = Outcome::kNone;
    size_t index = 0;
};

/// PostgreSQL's choice among overloads of one name for a call with these argument types (its
/// manual, sections 10.2 and 10.3): an exact match; else those that can take the arguments by
/// implicit casts, narrowed by exact matches, by preferred types, and by categories for unknown
/// literals.
Choice choose_function(std::span<const Signature> candidates, std::span<const Type> arguments);

/// The same for an operator, where an unknown literal beside another type first counts as of that
/// type.
Choice choose_operator(std::span<const Signature> candidates, std::span<const Type> arguments);

/// Types that the chosen signature asks for, as many as there are arguments.
std::vector<Type> expanded(const Signature& signature, size_t count);

}  // namespace braid::sql
