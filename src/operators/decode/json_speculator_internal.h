// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "operators/decode/byte_marks_internal.h"
#include "operators/decode/json_reader_internal.h"
#include "operators/decode/json_template_internal.h"

namespace braid::operators {

/// Reads records that are written exactly like one seen before: machines print the same keys in the
/// same order with the same spaces, only the values differ. It compares every byte between the
/// values, finds where each value ends, and declines whatever is unusual: an escape, a control
/// character, another key. What it declines is for JsonReader; what it accepts, JsonReader would
/// read the same way.
class JsonSpeculator {
  public:
    static constexpr size_t kShapesMax = 4;

    explicit JsonSpeculator(const JsonRow& row) : column_count_(row.column_count()) {}

    /// True if the row is set. False says nothing about the record.
    bool read(std::string_view record, JsonRow& row);
    /// Learns from a record that JsonReader has accepted but read() has declined.
    void learn(std::string_view record, const JsonRow& row);

  private:
    /// The text between two values. Most are short enough for one comparison.
    struct Literal {
        explicit Literal(std::string_view of);
        bool equals(const char* at, const char* end) const;

        alignas(sizeof(__m256i)) char head[sizeof(__m256i)];
        uint32_t mask;  // a bit for each byte of head that counts
        uint32_t size;
        std::string text;
    };
    /// A value and the text before it, from the end of the value before.
    struct Slot {
        Literal before;
        int column;  // JsonRow::kNoColumn: checked, not kept
        // As long as each value was of this length and kind.
        bool is_steady = true;
        bool is_string = false;
        uint32_t length = 0;
    };
    struct Shape {
        std::vector<Slot> slots;
        std::string tail;
        std::vector<int> missing;  // columns that no slot sets
        JsonTemplate looks;
        std::vector<uint32_t> checked;  // slots whose value the template may take for one
        // Slots whose value is needed in the slice of that number.
        std::vector<uint32_t> needed;
        uint64_t needed_in = 0;
    };
    struct Value {
        const char* from;
        uint32_t size;
        bool is_string;
        std::string_view text() const { return {from, size}; }
    };

    bool mark(std::string_view record);
    static bool is_only_high(std::string_view record);
    bool match(const Shape& shape, std::string_view record);
    static bool match_scalar(const char*& at, const char* end, Value& value);
    bool set(Shape& shape, JsonRow& row);
    bool set_value(int column, std::string_view text, bool is_string, JsonRow& row);
    bool read_by_template(Shape& shape, std::string_view record, JsonRow& row);
    void note_lengths(Shape& shape);
    static void set_template(Shape& shape);
    static void find_needed(Shape& shape, const JsonRow& row);
    static bool take_shape(std::string_view record, const JsonRow& row, Shape& shape);

    /// So many records without a match, and speculation rests for as many as kRest.
    static constexpr uint32_t kMissesMax = 64;
    static constexpr uint32_t kRest = 1024;

    size_t column_count_;
    std::vector<Shape> shapes_;  // the last that matched comes first
    uint32_t misses_ = 0;
    uint32_t resting_ = 0;
    // Of the record at hand.
    ByteMarks quotes_;
    std::vector<Value> values_;
    std::string scratch_reason_;
};

}  // namespace braid::operators
