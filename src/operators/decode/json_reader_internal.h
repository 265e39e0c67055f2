// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "operators/decode/column_writer_internal.h"

namespace braid::operators {

/// Values of JSON on their way into columns: the rules that both readers share.
///
/// Columns are found by name, exactly; of a key that comes twice the last counts, as in
/// PostgreSQL's jsonb, and the others are not looked at. null and a missing key are NULL. A string
/// goes through the type's text input; so does the text of a number, true or false, except that a
/// number is no time. An object or array fits only text, as it is written.
class JsonRow {
  public:
    static constexpr int kNoColumn = -1;

    JsonRow(const Schema& schema, std::vector<ColumnWriter>& columns);

    int find_column(std::string_view key) const;

    void start(uint32_t row);
    /// A value of the column follows; whatever one before it was does not count.
    void claim(int column) {
        seen_[static_cast<size_t>(column)] = generation_;
        if (!refused_.empty()) forget_refusal(column);
    }
    /// The value did not fit: the row is bad, unless the column comes again.
    void refuse(int column, std::string reason) {
        refused_.emplace_back(column, std::move(reason));
    }
    void set_null(int column) { writer(column).set_null(row_); }
    /// `text` is valid UTF-8; it holds no NUL if `is_plain`.
    bool set_string(int column, std::string_view text, bool is_plain, std::string& reason) {
        return is_plain ? writer(column).set(row_, text, reason)
                        : writer(column).set_unchecked(row_, text, reason);
    }
    /// A whole number, true, false or null as it is written.
    bool set_scalar(int column, std::string_view token, std::string& reason);
    bool set_nested(int column, std::string_view json, std::string& reason);
    /// Columns without a value are NULL. False with the reason if a value was refused.
    bool finish(std::string& reason);

    std::string_view keep(std::string_view text) { return arena_->add(text); }
    /// Before the rows of a slice, when its columns have been started.
    void start_slice(TextArena* arena) {
        arena_ = arena;
        ++slice_number_;
    }
    /// False for text that nobody wants: no value of it is kept and none can be bad, if it is valid
    /// text.
    bool is_needed(int column) const { return columns_[static_cast<size_t>(column)].is_needed(); }
    /// Counts the calls of start_slice.
    uint64_t slice_number() const { return slice_number_; }
    size_t column_count() const { return columns_.size(); }

  private:
    ColumnWriter& writer(int column) { return columns_[static_cast<size_t>(column)]; }
    void forget_refusal(int column);

    std::vector<ColumnWriter>& columns_;
    struct NameHash : std::hash<std::string_view> {
        using is_transparent = void;
    };
    std::unordered_map<std::string, int, NameHash, std::equal_to<>> by_name_;
    std::vector<uint32_t> seen_;  // generation in which the column got its value
    std::vector<std::pair<int, std::string>> refused_;
    uint64_t slice_number_ = 0;
    uint32_t generation_ = 0;
    uint32_t row_ = 0;
    TextArena* arena_ = nullptr;
};

enum class JsonScalar : uint8_t { kNone, kNull, kBool, kNumber };
JsonScalar classify_scalar(std::string_view token);
/// Bytes that numbers, true, false and null are made of.
inline bool is_json_scalar_byte(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '-' || c == '+' || c == '.' ||
           c == 'E';
}

/// The conforming reader, on simdjson: checks every byte of the record.
class JsonReader {
  public:
    static constexpr int kDepthMax = 64;

    JsonReader();
    ~JsonReader();
    bool read(std::string_view record, JsonRow& row, std::string& reason);

  private:
    struct Body;
    std::unique_ptr<Body> body_;
};

}  // namespace braid::operators
