// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "app/cli/arguments.h"

namespace braid::app {

/// Each runs one subcommand and gives the exit status; messages go to standard error.
int run_serve(const Arguments& arguments);
int run_check(const Arguments& arguments);
int run_sql(const Arguments& arguments);
int run_fold(const Arguments& arguments);
int run_merge(const Arguments& arguments);

}  // namespace braid::app
