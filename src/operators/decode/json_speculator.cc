// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "operators/decode/json_speculator_internal.h"

namespace braid::operators {
namespace {

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

/// Reads a record known to be valid, in order, and gives up at what a shape cannot hold.
class Walker {
  public:
    explicit Walker(std::string_view record) : record_(record) {}

    bool take(char wanted) {
        skip_spaces();
        if (at_ >= record_.size() || record_[at_] != wanted) return false;
        ++at_;
        return true;
    }
    bool take_string(std::string_view& text) {
        if (!take('"')) return false;
        const size_t end = record_.find('"', at_);
        if (end == std::string_view::npos) return false;
        text = record_.substr(at_, end - at_);
        at_ = end + 1;
        return text.find('\\') == std::string_view::npos;
    }
    /// Steps over a value that is neither object nor array; `from` is where it begins.
    bool take_value(size_t& from) {
        skip_spaces();
        from = at_;
        std::string_view text;
        if (at_ < record_.size() && record_[at_] == '"') return take_string(text);
        while (at_ < record_.size() && is_json_scalar_byte(record_[at_])) ++at_;
        return at_ > from;
    }
    size_t at() const { return at_; }

  private:
    void skip_spaces() {
        while (at_ < record_.size() && is_space(record_[at_])) ++at_;
    }
    std::string_view record_;
    size_t at_ = 0;
};

}  // namespace

JsonSpeculator::Literal::Literal(std::string_view of)
    : head{}, mask(0), size(static_cast<uint32_t>(of.size())), text(of) {
    const size_t bytes = std::min(of.size(), sizeof head);
    std::memcpy(head, of.data(), bytes);
    mask = static_cast<uint32_t>((uint64_t{1} << bytes) - 1);
}

inline bool JsonSpeculator::Literal::equals(const char* at, const char* end) const {
    const auto left = static_cast<size_t>(end - at);
    if (size > sizeof head || left < sizeof head) [[unlikely]] {
        return std::string_view(at, left).starts_with(text);
    }
    const auto wanted = _mm256_load_si256(reinterpret_cast<const __m256i*>(head));
    const auto found = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at));
    const auto same = static_cast<uint32_t>(_mm256_movemask_epi8(_mm256_cmpeq_epi8(wanted, found)));
    return (same & mask) == mask;
}

bool JsonSpeculator::read(std::string_view record, JsonRow& row) {
    if (resting_ > 0) {
        --resting_;
        return false;
    }
    if (shapes_.empty()) return false;
    for (size_t i = 0; i < shapes_.size(); ++i) {
        if (!read_by_template(shapes_[i], record, row)) continue;
        if (i != 0) std::swap(shapes_[i], shapes_[0]);
        misses_ = 0;
        return true;
    }
    if (mark(record)) {
        for (size_t i = 0; i < shapes_.size(); ++i) {
            if (!match(shapes_[i], record)) continue;
            note_lengths(shapes_[i]);
            if (!set(shapes_[i], row)) break;
            if (i != 0) std::swap(shapes_[i], shapes_[0]);
            misses_ = 0;
            return true;
        }
    }
    if (++misses_ >= kMissesMax) {
        misses_ = 0;
        resting_ = kRest;
        shapes_.clear();
    }
    return false;
}

/// False if the record has what a shape never has: control characters, backslashes, invalid UTF-8.
bool JsonSpeculator::mark(std::string_view record) {
    quotes_.resize(record.size());
    const __m256i space = _mm256_set1_epi8(' ');
    const __m256i slash = _mm256_set1_epi8('\\');
    __m256i unusual = _mm256_setzero_si256();
    const auto look = [&](__m256i bytes) {
        // Compared as signed numbers, bytes above 0x7F are below space as well.
        unusual = _mm256_or_si256(unusual, _mm256_cmpgt_epi8(space, bytes));
        unusual = _mm256_or_si256(unusual, _mm256_cmpeq_epi8(bytes, slash));
    };
    for_each_block(record, [&](size_t i, const ByteBlock& block) {
        quotes_.set_word(i, block.marks_of('"'));
        look(block.low);
        look(block.high);
    });
    if (_mm256_testz_si256(unusual, unusual) != 0) [[likely]]
        return true;
    return is_only_high(record) && is_valid_utf8(record);
}

/// True if nothing but bytes above 0x7F makes the record unusual.
bool JsonSpeculator::is_only_high(std::string_view record) {
    const __m256i last_control = _mm256_set1_epi8(0x1F);
    const __m256i slash = _mm256_set1_epi8('\\');
    __m256i unusual = _mm256_setzero_si256();
    const auto look = [&](__m256i bytes) {
        const __m256i control = _mm256_cmpeq_epi8(_mm256_min_epu8(bytes, last_control), bytes);
        const __m256i escape = _mm256_cmpeq_epi8(bytes, slash);
        unusual = _mm256_or_si256(unusual, _mm256_or_si256(control, escape));
    };
    for_each_block(record, [&](size_t, const ByteBlock& block) {
        look(block.low);
        look(block.high);
    });
    return _mm256_testz_si256(unusual, unusual) != 0;
}

bool JsonSpeculator::match(const Shape& shape, std::string_view record) {
    values_.resize(shape.slots.size());
    Value* value = values_.data();
    const char* const begin = record.data();
    const char* const end = begin + record.size();
    const char* at = begin;
    for (const Slot& slot : shape.slots) {
        if (!slot.before.equals(at, end)) return false;
        at += slot.before.size;
        if (at == end) return false;
        if (*at != '"') {
            if (!match_scalar(at, end, *value++)) return false;
            continue;
        }
        if (++at == end) return false;
        const auto from = static_cast<size_t>(at - begin);
        const uint64_t near = quotes_.word(from / 64) >> (from % 64);
        const size_t quote =
            near != 0 ? from + static_cast<size_t>(std::countr_zero(near)) : quotes_.next(from);
        if (quote == ByteMarks::kNone) return false;
        *value++ = {at, static_cast<uint32_t>(quote - from), true};
        at = begin + quote + 1;
    }
    return std::string_view(at, static_cast<size_t>(end - at)) == shape.tail;
}

bool JsonSpeculator::match_scalar(const char*& at, const char* end, Value& value) {
    const char* from = at;
    while (at < end && is_json_scalar_byte(*at)) ++at;
    value = {from, static_cast<uint32_t>(at - from), false};
    return classify_scalar(value.text()) != JsonScalar::kNone;
}

/// As match() and set() would read it. False says nothing about the record.
inline bool JsonSpeculator::read_by_template(Shape& shape, std::string_view record, JsonRow& row) {
    if (!shape.looks.match(record)) return false;
    if (shape.needed_in != row.slice_number()) find_needed(shape, row);
    for (const uint32_t i : shape.checked) {
        if (classify_scalar(shape.looks.value(i).in(record)) == JsonScalar::kNone) return false;
    }
    for (const uint32_t i : shape.needed) {
        const JsonTemplate::Value value = shape.looks.value(i);
        if (!set_value(shape.slots[i].column, value.in(record), value.is_string, row)) return false;
    }
    for (const int column : shape.missing) row.set_null(column);
    return true;
}

inline bool JsonSpeculator::set_value(int column, std::string_view text, bool is_string,
                                      JsonRow& row) {
    return is_string ? row.set_string(column, text, true, scratch_reason_)
                     : row.set_scalar(column, text, scratch_reason_);
}

/// Values that have not kept their length are steady no more.
void JsonSpeculator::note_lengths(Shape& shape) {
    bool is_changed = false;
    for (size_t i = 0; i < shape.slots.size(); ++i) {
        Slot& slot = shape.slots[i];
        const Value& value = values_[i];
        if (!slot.is_steady || (slot.length == value.size && slot.is_string == value.is_string))
            continue;
        slot.is_steady = false;
        is_changed = true;
    }
    if (is_changed) set_template(shape);
}

void JsonSpeculator::set_template(Shape& shape) {
    std::vector<JsonTemplate::Part> parts;
    for (const Slot& slot : shape.slots) {
        parts.push_back({slot.before.text, slot.length, slot.is_steady, slot.is_string});
    }
    shape.looks = JsonTemplate(parts, shape.tail);
    shape.needed_in = 0;
}

/// False if a value does not fit its column; the conforming reader then words the reason.
bool JsonSpeculator::set(Shape& shape, JsonRow& row) {
    if (shape.needed_in != row.slice_number()) find_needed(shape, row);
    for (const uint32_t i : shape.needed) {
        const int column = shape.slots[i].column;
        const Value& value = values_[i];
        if (!set_value(column, value.text(), value.is_string, row)) return false;
    }
    for (const int column : shape.missing) row.set_null(column);
    return true;
}

void JsonSpeculator::find_needed(Shape& shape, const JsonRow& row) {
    shape.needed.clear();
    shape.checked.clear();
    for (uint32_t i = 0; i < shape.slots.size(); ++i) {
        const Slot& slot = shape.slots[i];
        if (slot.column != JsonRow::kNoColumn && row.is_needed(slot.column)) {
            shape.needed.push_back(i);
        }
        if (slot.is_steady && !slot.is_string) shape.checked.push_back(i);
    }
    shape.needed_in = row.slice_number();
}

void JsonSpeculator::learn(std::string_view record, const JsonRow& row) {
    if (resting_ > 0 || !mark(record)) return;
    Shape shape;
    if (!take_shape(record, row, shape) || match(shape, record) == false) return;
    for (size_t i = 0; i < shape.slots.size(); ++i) {
        shape.slots[i].length = values_[i].size;
        shape.slots[i].is_string = values_[i].is_string;
    }
    set_template(shape);
    for (const Shape& known : shapes_) {
        if (match(known, record)) return;  // it was a value that did not fit, not the shape
    }
    if (shapes_.size() == kShapesMax) shapes_.pop_back();
    shapes_.insert(shapes_.begin(), std::move(shape));
}

bool JsonSpeculator::take_shape(std::string_view record, const JsonRow& row, Shape& shape) {
    constexpr size_t kSlotsMax = 1000;
    constexpr size_t kNoSlot = ~size_t{0};
    std::vector<size_t> slot_of(row.column_count(), kNoSlot);
    Walker walker(record);
    size_t before = 0;
    if (!walker.take('{')) return false;
    while (!walker.take('}')) {
        std::string_view key;
        size_t from = 0;
        if (!shape.slots.empty() && !walker.take(',')) return false;
        if (!walker.take_string(key) || !walker.take(':') || !walker.take_value(from)) return false;
        const int column = row.find_column(key);
        if (column != JsonRow::kNoColumn) {
            // Of a key that comes twice the last counts.
            size_t& slot = slot_of[static_cast<size_t>(column)];
            if (slot != kNoSlot) shape.slots[slot].column = JsonRow::kNoColumn;
            slot = shape.slots.size();
        }
        shape.slots.push_back({Literal(record.substr(before, from - before)), column});
        before = walker.at();
        if (shape.slots.size() > kSlotsMax) return false;
    }
    shape.tail = record.substr(before);
    for (size_t c = 0; c < slot_of.size(); ++c) {
        if (slot_of[c] == kNoSlot) shape.missing.push_back(static_cast<int>(c));
    }
    return true;
}

}  // namespace braid::operators
