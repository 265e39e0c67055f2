// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace braid::operators {

/// A record as it looks where most values keep their length: the text between the values, and how
/// long each steady value is. So the greater part of a record is compared at places known before,
/// many bytes at a time. It accepts only printable ASCII without escapes.
class JsonTemplate {
  public:
    /// A value: `before` is the text from the end of the value before. A string's length is that of
    /// its text, without the quotes.
    struct Part {
        std::string_view before;
        uint32_t length;
        bool is_steady;
        bool is_string;  // of a steady value
    };
    struct Value {
        uint32_t from;
        uint32_t size;
        bool is_string;
        std::string_view in(std::string_view record) const { return {record.data() + from, size}; }
    };

    JsonTemplate() = default;
    JsonTemplate(const std::vector<Part>& parts, std::string_view tail);

    /// False says nothing about the record. A steady value that is no string consists of any bytes;
    /// whether it is a value is for the caller to see.
    bool match(std::string_view record);
    /// Of the record that was matched.
    Value value(size_t part) const {
        const Place& place = places_[part];
        if (place.is_steady)
            return {starts_[place.index] + place.from, place.size, place.is_string};
        return values_[place.index];
    }

  private:
    /// Text and steady values up to a value that is not steady, or to the end.
    struct Segment {
        uint32_t first = 0;  // in texts_, literals_ and insides_
        uint32_t size = 0;
    };
    struct Place {
        bool is_steady;
        bool is_string;
        uint32_t index;  // of the segment, or in values_
        uint32_t from;   // in the segment
        uint32_t size;
    };

    void add_text(Segment& segment, std::string_view text);
    void add_inside(Segment& segment, size_t bytes);
    void start_segment(Segment& segment);
    bool match_segment(const Segment& segment, const char* at, const char* end) const;
    static bool find_value(const char* begin, const char* end, const char*& at, Value& value);
    static const char* find_quote(const char* at, const char* end);

    std::vector<Segment> segments_;
    std::vector<Place> places_;
    // Of all segments, each with room around it: the bytes, then 0xFF where they are text that must
    // be there, and 0xFF where they are inside a value.
    std::vector<char> texts_;
    std::vector<char> literals_;
    std::vector<char> insides_;
    // Of the record at hand: where each segment starts, and the values that are not steady.
    std::vector<uint32_t> starts_;
    std::vector<Value> values_;
};

}  // namespace braid::operators
