// SPDX-License-Identifier: Apache-2.0
#include "operators/expr/functions/value_errors_internal.h"

#include <string>
#include <utility>

#include "base/error_makers.h"

namespace braid::operators {

Error argument_error(std::string_view sqlstate, std::string message) {
    return Error(ErrorCode::kInvalidInput, std::move(message)).with_sqlstate(sqlstate);
}

Error out_of_range(std::string_view type) {
    return argument_error("22003", std::string(type) + " out of range");
}

Error division_by_zero() { return argument_error("22012", "division by zero"); }

Error overflow_error() { return argument_error("22003", "value out of range: overflow"); }

Error underflow_error() { return argument_error("22003", "value out of range: underflow"); }

Error datetime_out_of_range(std::string_view what) {
    return argument_error("22008", std::string(what) + " out of range");
}

Error bad_parameter(std::string message) { return argument_error("22023", std::move(message)); }

}  // namespace braid::operators
