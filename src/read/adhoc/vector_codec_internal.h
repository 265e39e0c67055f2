// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include "base/result.h"
#include "columnar/column.h"

struct _duckdb_vector;
struct _duckdb_logical_type;

namespace braid::read {

using DuckVector = _duckdb_vector*;

/// DuckDB's type of a column of ours; the caller destroys it.
_duckdb_logical_type* make_logical_type(TypeKind kind);
/// True if the vector holds values as we keep this kind in DuckDB. Costs an allocation: ask once,
/// not per chunk.
bool has_form_of(DuckVector vector, TypeKind kind);

/// The first `count` values of a flat vector. Text points into the vector, alive through
/// `keepalive` (or, for a null one, as long as the caller sees to it).
Result<Column> read_vector(DuckVector vector, const Type& type, size_t count, Keepalive keepalive);

/// Writes rows [from, from + count) of the column, of any encoding, into a vector of its form, at
/// its rows from `at` on.
void write_vector(const Column& column, size_t from, size_t count, DuckVector vector,
                  size_t at = 0);

/// Writes rows of dictionary and constant columns as references to a dictionary that DuckDB gets
/// only once. One object per output column of a scan.
class DictionaryWriter {
  public:
    DictionaryWriter() = default;
    DictionaryWriter(const DictionaryWriter&) = delete;
    DictionaryWriter& operator=(const DictionaryWriter&) = delete;
    DictionaryWriter(DictionaryWriter&& other) noexcept;
    ~DictionaryWriter();

    void write(const Column& column, size_t from, size_t count, DuckVector vector);

  private:
    void load(const Column& dictionary);
    void clear();

    Column loaded_;  // held, so that its address cannot come to mean another one
    DuckVector vector_ = nullptr;
};

}  // namespace braid::read
