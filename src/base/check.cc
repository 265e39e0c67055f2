// SPDX-License-Identifier: Apache-2.0
#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace braid::internal {

void check_failed(const char* expression, const char* file, int line, const std::string& values) {
    // Straight to stderr: the trace may be what is broken.
    std::fprintf(stderr, "%s:%d: check failed: %s%s%s%s\n", file, line, expression,
                 values.empty() ? "" : " (", values.c_str(), values.empty() ? "" : ")");
    std::fflush(stderr);
    std::abort();
}

}  // namespace braid::internal
