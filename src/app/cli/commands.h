// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdio>

#include <fmt/format.h>

#include "app/cli/arguments.h"
#include "base/error.h"

namespace braid::app {

/// Each runs one subcommand and gives the exit status; messages go to standard error.
int run_serve(const Arguments& arguments);
int run_check(const Arguments& arguments);
int run_sql(const Arguments& arguments);
int run_fold(const Arguments& arguments);
int run_merge(const Arguments& arguments);

/// Says why on standard error; gives the exit status of what has failed.
inline int fail(const Error& error) {
    fmt::print(stderr, "braid: {}\n", error.to_string());
    return 1;
}

}  // namespace braid::app
