// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "columnar/column.h"
#include "serving/system/system_relation.h"

namespace braid::serving {

/// Collects the rows of a system relation: add(), then set() what is not the column's default (0,
/// false or
/// '' where it is never NULL, else NULL). Columns that nobody asked for cost nothing.
class RelationRows {
  public:
    /// `wanted`: indexes of columns, in the order of the batches.
    RelationRows(const SystemRelation& relation, std::span<const int> wanted);

    /// Begins a row.
    void add();
    void set(std::string_view column, std::string_view value);
    void set(std::string_view column, const char* value) { set(column, std::string_view(value)); }
    void set(std::string_view column, const std::string& value) {
        set(column, std::string_view(value));
    }
    void set(std::string_view column, bool value);
    void set(std::string_view column, int64_t value);
    void set(std::string_view column, int value) { set(column, static_cast<int64_t>(value)); }
    void set(std::string_view column, uint32_t value) { set(column, static_cast<int64_t>(value)); }
    void set(std::string_view column, uint64_t value) { set(column, static_cast<int64_t>(value)); }
    void set(std::string_view column, char value) { set(column, std::string_view(&value, 1)); }
    /// From Unix microseconds, as catalogs hold times; 0 is NULL.
    void set_time(std::string_view column, int64_t unix_us);
    void set_null(std::string_view column);

    std::vector<Batch> finish();

  private:
    struct Cell {
        bool is_null = true;
        int64_t number = 0;
        std::string text;
    };
    Cell* cell_of(std::string_view column);
    void flush_row();
    void flush_batch();
    void append(ColumnBuilder& builder, const Cell& cell);

    const SystemRelation& relation_;
    const std::vector<int> wanted_;
    std::vector<int> place_of_;  // per column of the relation: index into row_, -1 not wanted
    std::vector<Cell> row_;
    bool has_row_ = false;
    size_t length_ = 0;
    std::vector<ColumnBuilder> builders_;
    std::vector<Batch> batches_;
};

}  // namespace braid::serving
