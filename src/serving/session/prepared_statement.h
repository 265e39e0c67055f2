// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "manifest/manifest.h"
#include "read/reader.h"
#include "sql/sql.h"

namespace braid::serving {

/// A statement that was parsed, and bound where it takes parameters or gives rows. The binding is
/// kept and used again as long as the catalog and the settings under it are the same. Belongs to
/// one session.
struct PreparedStatement {
    sql::Statement statement;
    bool is_empty = false;       // a text without any statement
    std::vector<Type> declared;  // parameter types that the client gave; kUnknown: none
    /// OIDs behind `declared`, kept for the protocol: values come in the client's types. 0: none.
    std::vector<uint32_t> declared_oids;
    /// Types of $1, $2, … and the columns of the rows that it gives (nullopt: none), as they were
    /// when it was prepared. They were told to the client and hold until it is prepared again.
    std::vector<Type> parameters;
    std::optional<Schema> output;

    /// What follows holds under this catalog and these settings.
    manifest::StatePtr bound_under;
    uint64_t settings_version = 0;
    bool holds_once = false;  // now() stands in it as a constant
    std::shared_ptr<const sql::BoundStatement> bound;
    /// Of a SELECT, from its second run on.
    std::shared_ptr<read::PreparedRead> read;
    uint64_t runs = 0;
};
using PreparedPtr = std::shared_ptr<PreparedStatement>;

/// About what it takes of memory.
uint64_t bytes_of(const PreparedStatement& prepared);

/// True for statements that are bound when they are prepared: their rows or parameters are asked
/// for.
bool is_bound_early(sql::StatementKind kind);

/// Columns of what a bound statement answers; nullopt if it only does something.
std::optional<Schema> output_of(const sql::BoundStatement& bound);

/// The relations that a binding names are still what they were.
bool still_holds(const sql::BoundStatement& bound, const manifest::State& before,
                 const manifest::State& now);

}  // namespace braid::serving
