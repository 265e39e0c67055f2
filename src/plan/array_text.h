// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace braid::plan {

/// An array's text as PostgreSQL prints it: `{ a, "b" }` is {a,b}. 22P02 if it is no array literal.
/// One of several dimensions stays as it is.
Result<std::string> array_as_written(std::string_view text);

}  // namespace braid::plan
