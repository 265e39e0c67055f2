// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "columnar/datum.h"
#include "serving/system/system_view.h"
#include "sql/sql.h"

namespace braid::serving {

/// What the functions of a session are constants of.
struct SessionFacts {
    uint32_t process = 0;
    uint16_t port = 0;          // of the server
    std::string version;        // of Braid
    int64_t started_at_us = 0;  // of the server, Unix microseconds
    /// Of the transaction and of the statement, Unix microseconds.
    int64_t transaction_at_us = 0;
    int64_t statement_at_us = 0;
};

/// PostgreSQL's functions over catalogs, as SQL over our system relations: all overloads of a name.
std::vector<sql::SqlFunction> catalog_functions(std::string_view name, const CatalogImage& image,
                                                const Settings& settings);

/// Functions without arguments (or with constant ones) whose value is one for the session or, with
/// `depends_on_now`, for the statement.
struct SessionFunction {
    sql::SqlFunction function;
    bool depends_on_now = false;
};
std::optional<SessionFunction> session_function(std::string_view name, const SessionFacts& facts,
                                                const Settings& settings);

/// OID of a function for 'array_in'::regproc and the like; nullopt if none is called so.
std::optional<int64_t> function_oid(std::string_view name);

}  // namespace braid::serving
