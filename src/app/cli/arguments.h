// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace braid::app {

/// The number-th of so many, from 1.
struct Share {
    size_t number = 1;
    size_t count = 1;
};

/// The command line, as written; empty = not given.
struct Arguments {
    enum class Command : unsigned char { kServe, kCheck, kSql, kFold, kMerge };
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
    // fold, merge; with `config` and `data`
    std::string view;
    std::string output;
    Share share;       // of the dataset, or of the keys
    std::string from;  // "0:17,1:4"
    std::string to;
    size_t threads = 1;
    uint64_t memory_mib = 1024;
    std::vector<std::string> runs;
};

/// What to do; or the exit status when everything is said already (--help, --version, a mistake).
struct ParsedArguments {
    std::optional<Arguments> arguments;
    int exit_status = 0;
};
ParsedArguments parse_arguments(int count, char** values);

}  // namespace braid::app
