// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string_view>

#include "base/error.h"

namespace braid::serving {

/// What an SQLSTATE, or a class of them, is over HTTP. docs/operating/http.md shows this table.
struct StatusOfSqlstate {
    std::string_view sqlstate;  // five characters, or the two of a class
    int status;
    std::string_view about;
};

/// Single ones before their classes.
std::span<const StatusOfSqlstate> statuses_of_sqlstates();

/// The status for an error: by its SQLSTATE; 57014 tells a timeout (504) from a client that left
/// (499). What the table does not know is 500.
int http_status_of(const Error& error);

}  // namespace braid::serving
