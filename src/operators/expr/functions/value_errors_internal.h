// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "base/error.h"

/// PostgreSQL's errors that many bodies share, with its messages and SQLSTATEs.
namespace braid::operators {

Error out_of_range(std::string_view type);           // 22003 "integer out of range"
Error division_by_zero();                            // 22012
Error overflow_error();                              // 22003, of float8
Error underflow_error();                             // 22003, of float8
Error datetime_out_of_range(std::string_view what);  // 22008 "timestamp out of range"
Error bad_parameter(std::string message);            // 22023
Error argument_error(std::string_view sqlstate, std::string message);

}  // namespace braid::operators
