// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace braid::app {

/// The command line, as written; empty = not given.
struct Arguments {
    enum class Command : unsigned char { kServe, kCheck, kSql };
    Command command = Command::kServe;
    // serve
    std::string config;
    std::string data;
    std::string init;
    std::string pg;
    std::string http;
    std::vector<std::string> files;
    bool verbose = false;
    // check: the file, `config`, or both
    std::string file;
    // sql
    std::string statement;
    std::string format = "csv";
};

/// What to do; or the exit status when everything is said already (--help, --version, a mistake).
struct ParsedArguments {
    std::optional<Arguments> arguments;
    int exit_status = 0;
};
ParsedArguments parse_arguments(int count, char** values);

}  // namespace braid::app
