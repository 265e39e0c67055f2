// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "operators/decode/json_speculator_internal.h"

namespace braid::operators {
namespace {

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

/// Bytes that numbers, true, false and null are made of.
bool is_scalar_byte(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '-' || c == '+' || c == '.' ||
           c == 'E';
}

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
        while (at_ < record_.size() && is_scalar_byte(record_[at_])) ++at_;
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

inline bool JsonSpeculator::Literal::equals(std::string_view record, size_t at) const {
    constexpr size_t kStep = sizeof(__m256i);
    const size_t size = text.size();
    if (size > kStep || record.size() - at < kStep) return record.substr(at).starts_with(text);
    // The string keeps its bytes in a buffer of at least kStep: see reserve in take_shape.
    const auto wanted = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(text.data()));
    const auto found = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(record.data() + at));
    const auto same = static_cast<uint64_t>(
        static_cast<uint32_t>(_mm256_movemask_epi8(_mm256_cmpeq_epi8(wanted, found))));
    const uint64_t needed = (uint64_t{1} << size) - 1;
    return (same & needed) == needed;
}

bool JsonSpeculator::read(std::string_view record, JsonRow& row) {
    if (resting_ > 0) {
        --resting_;
        return false;
    }
    if (shapes_.empty()) return false;
    if (mark(record)) {
        for (size_t i = 0; i < shapes_.size(); ++i) {
            if (!match(shapes_[i], record)) continue;
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

/// False if the record has what a shape never has.
bool JsonSpeculator::mark(std::string_view record) {
    quotes_.resize(record.size());
    const __m256i last_control = _mm256_set1_epi8(0x1F);
    const __m256i slash = _mm256_set1_epi8('\\');
    __m256i unusual = _mm256_setzero_si256();
    __m256i high = _mm256_setzero_si256();
    for_each_32_bytes(record, [&](size_t i, __m256i bytes, auto kept) {
        quotes_.set_half(i, kept(marks_of(bytes, '"')));
        const __m256i control = _mm256_cmpeq_epi8(_mm256_min_epu8(bytes, last_control), bytes);
        unusual =
            _mm256_or_si256(unusual, _mm256_or_si256(control, _mm256_cmpeq_epi8(bytes, slash)));
        high = _mm256_or_si256(high, bytes);
    });
    if (_mm256_testz_si256(unusual, unusual) == 0) return false;
    return _mm256_movemask_epi8(high) == 0 || is_valid_utf8(record);
}

bool JsonSpeculator::match(const Shape& shape, std::string_view record) {
    values_.resize(shape.slots.size());
    size_t at = 0;
    for (size_t i = 0; i < shape.slots.size(); ++i) {
        const Literal& before = shape.slots[i].before;
        if (record.size() - at <= before.text.size() || !before.equals(record, at)) return false;
        at += before.text.size();
        Value& value = values_[i];
        if (record[at] != '"') {
            if (!match_scalar(record, at, value)) return false;
            continue;
        }
        const size_t end = quotes_.next(at + 1);
        if (end == ByteMarks::kNone) return false;
        value = {record.data() + at + 1, static_cast<uint32_t>(end - at - 1), true};
        at = end + 1;
    }
    return record.substr(at) == shape.tail;
}

bool JsonSpeculator::match_scalar(std::string_view record, size_t& at, Value& value) const {
    const size_t from = at;
    while (at < record.size() && is_scalar_byte(record[at])) ++at;
    value = {record.data() + from, static_cast<uint32_t>(at - from), false};
    return classify_scalar(value.text()) != JsonScalar::kNone;
}

/// False if a value does not fit its column; the conforming reader then words the reason.
bool JsonSpeculator::set(const Shape& shape, JsonRow& row) {
    for (size_t i = 0; i < shape.slots.size(); ++i) {
        const int column = shape.slots[i].column;
        if (column == JsonRow::kNoColumn) continue;
        const Value& value = values_[i];
        const bool is_set = value.is_string
                                ? row.set_string(column, value.text(), true, scratch_reason_)
                                : row.set_scalar(column, value.text(), scratch_reason_);
        if (!is_set) return false;
    }
    for (const int column : shape.missing) row.set_null(column);
    return true;
}

void JsonSpeculator::learn(std::string_view record, const JsonRow& row) {
    if (resting_ > 0 || !mark(record)) return;
    Shape shape;
    if (!take_shape(record, row, shape) || match(shape, record) == false) return;
    for (const Shape& known : shapes_) {
        if (match(known, record)) return;  // it was a value that did not fit, not the shape
    }
    if (shapes_.size() == kShapesMax) shapes_.pop_back();
    shapes_.insert(shapes_.begin(), std::move(shape));
}

bool JsonSpeculator::take_shape(std::string_view record, const JsonRow& row, Shape& shape) {
    constexpr size_t kSlotsMax = 1000;
    std::vector<bool> is_set(row.column_count(), false);
    Walker walker(record);
    size_t before = 0;
    if (!walker.take('{')) return false;
    while (!walker.take('}')) {
        std::string_view key;
        size_t from = 0;
        if (!shape.slots.empty() && !walker.take(',')) return false;
        if (!walker.take_string(key) || !walker.take(':') || !walker.take_value(from)) return false;
        int column = row.find_column(key);
        if (column != JsonRow::kNoColumn) {
            if (is_set[static_cast<size_t>(column)])
                column = JsonRow::kNoColumn;
            else
                is_set[static_cast<size_t>(column)] = true;
        }
        Slot& slot = shape.slots.emplace_back();
        slot.column = column;
        slot.before.text.reserve(sizeof(__m256i));
        slot.before.text = record.substr(before, from - before);
        before = walker.at();
        if (shape.slots.size() > kSlotsMax) return false;
    }
    shape.tail = record.substr(before);
    for (size_t c = 0; c < is_set.size(); ++c) {
        if (!is_set[c]) shape.missing.push_back(static_cast<int>(c));
    }
    return true;
}

}  // namespace braid::operators
