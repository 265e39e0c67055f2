// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "catalog/catalog.h"
#include "sql/sql.h"

/// Fixtures for tests that need bound statements.
namespace braid::sql {

/// A catalog made by running CREATE statements one after the other, with ids 1, 2, 3, …. Aborts on
/// an error.
catalog::Catalog catalog_of(std::string_view statements);

/// Streams access, orders and metrics, materialized views and plain views over them.
const catalog::Catalog& sample_catalog();

/// PostgreSQL's system relations (tests/corpus/system_relations.tsv, so the working directory must
/// be the root of the tree), a few functions, and braid.streams.
const SystemRelations& sample_system();

/// Options with sample_system() and time zone UTC.
BindOptions sample_options();

/// What the statements bind to, as text: plan, columns, parameters, notices; or the error on lines
/// of "error SQLSTATE at POSITION: message", "detail: …", "hint: …".
std::string describe(std::string_view text, const catalog::Catalog& catalog,
                     const BindOptions& options);
std::string describe(const Error& error);

}  // namespace braid::sql
