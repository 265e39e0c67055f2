// SPDX-License-Identifier: Apache-2.0
#include "operators/decode/json_reader_internal.h"

namespace braid::operators {

JsonRow::JsonRow(const Schema& schema, std::vector<ColumnWriter>& columns)
    : columns_(columns), seen_(schema.fields.size(), 0) {
    for (size_t c = 0; c < schema.fields.size(); ++c) {
        by_name_.emplace(schema.fields[c].name, static_cast<int>(c));
    }
}

int JsonRow::find_column(std::string_view key) const {
    const auto at = by_name_.find(key);
    return at == by_name_.end() ? kNoColumn : at->second;
}

void JsonRow::start(uint32_t row) {
    row_ = row;
    refused_.clear();
    if (++generation_ != 0) return;
    seen_.assign(seen_.size(), 0);
    generation_ = 1;
}

bool JsonRow::set_scalar(int column, std::string_view token, std::string& reason) {
    const JsonScalar kind = classify_scalar(token);
    if (kind == JsonScalar::kNull) {
        set_null(column);
        return true;
    }
    ColumnWriter& to = writer(column);
    if (kind == JsonScalar::kNumber && to.is_time()) {
        // PostgreSQL would read 1400001231 as a day of the year 140000.
        reason = reason_in_column(to.field().name, "number " + std::string(token) +
                                                       " is not a valid " + to.field().type.name());
        return false;
    }
    return to.set(row_, token, reason);
}

bool JsonRow::set_nested(int column, std::string_view json, std::string& reason) {
    ColumnWriter& to = writer(column);
    if (to.field().type.kind == TypeKind::kText) return to.set(row_, json, reason);
    const std::string what = json.starts_with('{') ? "an object" : "an array";
    reason = reason_in_column(to.field().name, what + " is not a valid " + to.field().type.name());
    return false;
}

void JsonRow::forget_refusal(int column) {
    std::erase_if(refused_, [&](const auto& refusal) { return refusal.first == column; });
}

bool JsonRow::finish(std::string& reason) {
    if (!refused_.empty()) {
        reason = std::move(refused_.front().second);
        return false;
    }
    for (size_t c = 0; c < seen_.size(); ++c) {
        if (seen_[c] != generation_) columns_[c].set_null(row_);
    }
    return true;
}

JsonScalar classify_scalar(std::string_view token) {
    if (token == "null") return JsonScalar::kNull;
    if (token == "true" || token == "false") return JsonScalar::kBool;
    return is_json_number(token) ? JsonScalar::kNumber : JsonScalar::kNone;
}

}  // namespace braid::operators
