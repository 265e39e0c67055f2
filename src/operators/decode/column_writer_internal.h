// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "columnar/column.h"
#include "columnar/text_io.h"
#include "operators/decode/field_parse_internal.h"

namespace braid::operators {

/// Texts made while decoding (unescaped, mended), alive as long as the columns that point to them.
class TextArena {
  public:
    std::string_view add(std::string_view text);

  private:
    static constexpr size_t kBlockBytes = 16'384;
    std::deque<std::unique_ptr<char[]>> blocks_;
    char* next_ = nullptr;
    size_t left_ = 0;
};

/// One declared column of a slice in the making. A row may be set again; the last value counts. A
/// column that nobody wants checks its values in the same way and keeps none.
class ColumnWriter {
  public:
    struct Options {
        TextFormat format;
        /// Times look like "17/May/2015:10:05:03 +0000".
        bool has_log_times = false;
    };

    ColumnWriter(Field field, Options options);

    void start(size_t rows, bool is_wanted, TextArena* arena);
    void set_null(uint32_t row);
    /// Reads the text as the column's type; false with the reason if that fails. The text must be
    /// valid UTF-8 without NUL and is kept as a view, so it must live as long as the column.
    bool set(uint32_t row, std::string_view text, std::string& reason) {
        if (!is_plain_text_) return parse(row, text, reason);
        if (is_wanted_) {
            texts_[row] = text;
            mark_valid(row);
        }
        return true;
    }
    /// The same for a text that may be no valid UTF-8 or hold a NUL.
    bool set_unchecked(uint32_t row, std::string_view text, std::string& reason);

    /// Empty if the column is not wanted.
    Column finish(const Keepalive& keepalive);

    const Field& field() const { return field_; }
    bool is_time() const;
    /// False if setting a valid text can do nothing.
    bool is_needed() const { return is_wanted_ || !is_plain_text_; }

  private:
    bool parse(uint32_t row, std::string_view text, std::string& reason);
    bool parse_time(uint32_t row, std::string_view text);
    bool parse_slowly(uint32_t row, std::string_view text, std::string& reason);
    void store(uint32_t row, const Datum& value);
    template <typename T>
    void put(std::vector<T>& values, uint32_t row, const T& value) {
        if (!is_wanted_) return;
        values[row] = value;
        mark_valid(row);
    }
    void mark_valid(uint32_t row) {
        if (!validity_.empty()) validity_[row] = 1;
    }

    Field field_;
    Options options_;
    bool is_plain_text_;
    bool is_utc_;
    bool is_wanted_ = false;
    size_t rows_ = 0;
    TextArena* arena_ = nullptr;
    DayMemo memo_;
    // One of these is used, by the kind of the type.
    std::vector<std::string_view> texts_;
    std::vector<uint8_t> bools_;
    std::vector<int32_t> int4s_;
    std::vector<int64_t> int8s_;
    std::vector<double> float8s_;
    std::vector<Numeric> numerics_;
    std::vector<Interval64> intervals_;
    std::vector<uint8_t> validity_;  // empty until the first NULL
};

/// Invalid bytes and NUL become U+FFFD, one for each maximal part of a character.
std::string mended_utf8(std::string_view bytes);
/// `column "name": message`, in one line of valid text.
std::string reason_in_column(const std::string& column, std::string_view message);
/// One line of valid text of bounded length.
std::string one_line(std::string_view text);

}  // namespace braid::operators
