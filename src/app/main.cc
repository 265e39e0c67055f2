// SPDX-License-Identifier: Apache-2.0
#include "app/cli/arguments.h"
#include "app/cli/commands.h"
#include "app/process_memory.h"

int main(int count, char** values) {
    using braid::app::Arguments;
    braid::app::share_one_allocator();
    const auto parsed = braid::app::parse_arguments(count, values);
    if (!parsed.arguments) return parsed.exit_status;
    switch (parsed.arguments->command) {
        case Arguments::Command::kServe:
            return braid::app::run_serve(*parsed.arguments);
        case Arguments::Command::kCheck:
            return braid::app::run_check(*parsed.arguments);
        case Arguments::Command::kSql:
            return braid::app::run_sql(*parsed.arguments);
        case Arguments::Command::kFold:
            return braid::app::run_fold(*parsed.arguments);
        case Arguments::Command::kMerge:
            return braid::app::run_merge(*parsed.arguments);
    }
    return 2;
}
