// SPDX-License-Identifier: Apache-2.0
#include "serving/system/relation_rows.h"

#include <utility>

#include "base/check.h"
#include "columnar/time_zone.h"

namespace braid::serving {

namespace {

constexpr size_t kBatchRowsMax = 4096;

}  // namespace

RelationRows::RelationRows(const SystemRelation& relation, std::span<const int> wanted)
    : relation_(relation),
      wanted_(wanted.begin(), wanted.end()),
      place_of_(relation.columns.fields.size(), -1),
      row_(wanted.size()) {
    for (size_t i = 0; i < wanted_.size(); ++i) {
        const auto column = static_cast<size_t>(wanted_[i]);
        place_of_[column] = static_cast<int>(i);
        builders_.emplace_back(relation_.columns.fields[column].type);
    }
}

void RelationRows::add() {
    flush_row();
    has_row_ = true;
    for (size_t i = 0; i < row_.size(); ++i) {
        row_[i].is_null = !relation_.never_null[static_cast<size_t>(wanted_[i])];
        row_[i].number = 0;
        row_[i].text.clear();
    }
}

RelationRows::Cell* RelationRows::cell_of(std::string_view column) {
    const int index = relation_.columns.find(column);
    CHECK_GE(index, 0);
    const int place = place_of_[static_cast<size_t>(index)];
    if (place < 0) return nullptr;
    row_[static_cast<size_t>(place)].is_null = false;
    return &row_[static_cast<size_t>(place)];
}

void RelationRows::set(std::string_view column, std::string_view value) {
    if (Cell* cell = cell_of(column)) cell->text = value;
}

void RelationRows::set(std::string_view column, bool value) {
    if (Cell* cell = cell_of(column)) cell->number = value ? 1 : 0;
}

void RelationRows::set(std::string_view column, int64_t value) {
    if (Cell* cell = cell_of(column)) cell->number = value;
}

void RelationRows::set_time(std::string_view column, int64_t unix_us) {
    if (unix_us == 0) return;
    if (Cell* cell = cell_of(column)) cell->number = unix_us + kUnixEpochUs;
}

void RelationRows::set_null(std::string_view column) {
    if (Cell* cell = cell_of(column)) cell->is_null = true;
}

void RelationRows::append(ColumnBuilder& builder, const Cell& cell) {
    if (cell.is_null) return builder.append_null();
    switch (builder.type().kind) {
        case TypeKind::kBool:
            return builder.append_bool(cell.number != 0);
        case TypeKind::kInt4:
            return builder.append_int4(static_cast<int32_t>(cell.number));
        case TypeKind::kInt8:
        case TypeKind::kTimestampTz:
            return builder.append_int8(cell.number);
        case TypeKind::kFloat8:
            return builder.append_float8(static_cast<double>(cell.number));
        case TypeKind::kText:
            return builder.append_text(cell.text);
        default:
            break;
    }
    CHECK(false);  // no system relation has a column of another kind
}

void RelationRows::flush_row() {
    if (!has_row_) return;
    has_row_ = false;
    for (size_t i = 0; i < row_.size(); ++i) append(builders_[i], row_[i]);
    if (++length_ == kBatchRowsMax) flush_batch();
}

void RelationRows::flush_batch() {
    if (length_ == 0) return;
    Batch batch{.length = length_, .columns = {}};
    for (ColumnBuilder& builder : builders_) {
        const Type type = builder.type();
        batch.columns.push_back(builder.finish());
        builder = ColumnBuilder(type);
    }
    length_ = 0;
    batches_.push_back(std::move(batch));
}

std::vector<Batch> RelationRows::finish() {
    flush_row();
    flush_batch();
    return std::move(batches_);
}

}  // namespace braid::serving
