// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <utility>

#include <fmt/format.h>

#include "base/error.h"

namespace braid {

#define BRAID_ERROR_MAKER(name, code)                                                  \
    template <typename... Args>                                                        \
    Error name(fmt::format_string<Args...> text, Args&&... args) {                     \
        return Error(ErrorCode::code, fmt::format(text, std::forward<Args>(args)...)); \
    }

BRAID_ERROR_MAKER(invalid_input, kInvalidInput)
BRAID_ERROR_MAKER(not_found, kNotFound)
BRAID_ERROR_MAKER(already_exists, kAlreadyExists)
BRAID_ERROR_MAKER(conflict, kConflict)
BRAID_ERROR_MAKER(unsupported, kUnsupported)
BRAID_ERROR_MAKER(exhausted, kExhausted)
BRAID_ERROR_MAKER(unavailable, kUnavailable)
BRAID_ERROR_MAKER(timeout, kTimeout)
BRAID_ERROR_MAKER(cancelled, kCancelled)
BRAID_ERROR_MAKER(corrupt, kCorrupt)
BRAID_ERROR_MAKER(io_error, kIo)
BRAID_ERROR_MAKER(internal_error, kInternal)

#undef BRAID_ERROR_MAKER

}  // namespace braid
