// SPDX-License-Identifier: Apache-2.0
#include "operators/fold/row_numbers_internal.h"

#include <algorithm>
#include <bit>
#include <type_traits>

#include "base/check.h"
#include "operators/aggregate/key_bytes_internal.h"

namespace braid::operators {

namespace {

constexpr uint32_t kNone = UINT32_MAX;
/// Tables without hashing may have so many entries per row: zeroing them costs less than a probe.
constexpr size_t kTableRatio = 8;

uint64_t hash_word(uint64_t word) {
    constexpr uint64_t kOdd = 0x9E3779B97F4A7C15;  // of the golden ratio
    return fold_product(word ^ kOdd, kOdd);
}

/// What `work` gives for the type of the values, where these are whole numbers; else false.
template <typename Work>
bool as_words(TypeKind kind, Work work) {
    switch (kind) {
        case TypeKind::kInt4:
        case TypeKind::kDate:
            return work(std::type_identity<int32_t>());
        case TypeKind::kInt8:
        case TypeKind::kTimestamp:
        case TypeKind::kTimestampTz:
            return work(std::type_identity<int64_t>());
        default:
            return false;
    }
}

/// Writes the numbers of one row after the other.
class Writer {
  public:
    Writer(size_t rows, RowNumbers& out) : firsts_(out.firsts) {
        out.of_row.resize(rows);
        firsts_.clear();
        to_ = out.of_row.data();
    }
    uint32_t next_number() const { return next_; }
    void put(uint32_t number) {
        if (number == next_) {
            firsts_.push_back(row_);
            ++next_;
        }
        to_[row_++] = number;
    }

  private:
    std::vector<uint32_t>& firsts_;
    uint32_t* to_;
    uint32_t row_ = 0;
    uint32_t next_ = 0;
};

/// Numbers rows of two kinds: NULL, which gets the next number when it first comes, and others.
template <typename Number>
void number_each(const Column& column, std::span<const uint32_t> rows, RowNumbers& out,
                 Number number) {
    Writer writer(rows.size(), out);
    const std::span<const uint8_t> validity = column.validity();
    if (validity.empty()) {
        for (const uint32_t row : rows) writer.put(number(row));
        return;
    }
    uint32_t null = kNone;
    // Values are numbered by themselves; what NULL shifts is put right here.
    for (const uint32_t row : rows) {
        if (validity[row] == 0) {
            if (null == kNone) null = writer.next_number();
            writer.put(null);
        } else {
            const uint32_t among_values = number(row);
            writer.put(among_values + (among_values >= null ? 1 : 0));
        }
    }
}

}  // namespace

void RowNumberer::number(const Column& column, std::span<const uint32_t> rows, RowNumbers& out) {
    if (number_if_cheap(column, rows, out)) return;
    if (column.encoding() == Column::Encoding::kDictionary) {
        if (column.dictionary().length() > kTableRatio * rows.size()) {
            return number_encoded(column, rows, out);
        }
        return number_codes(column, rows, out);
    }
    const bool is_done = as_words(column.type().kind, [&]<typename T>(std::type_identity<T>) {
        number_words<T>(column, rows, out);
        return true;
    });
    if (is_done) return;
    if (column.type().kind == TypeKind::kText) return number_texts(column, rows, out);
    number_encoded(column, rows, out);
}

bool RowNumberer::number_if_cheap(const Column& column, std::span<const uint32_t> rows,
                                  RowNumbers& out) {
    switch (column.encoding()) {
        case Column::Encoding::kConstant:
            out.of_row.assign(rows.size(), 0);
            out.firsts.assign(rows.empty() ? 0 : 1, 0);
            return true;
        case Column::Encoding::kDictionary:
            if (column.dictionary().length() > rows.size()) return false;
            number_codes(column, rows, out);
            return true;
        case Column::Encoding::kFlat:
            break;
    }
    return as_words(column.type().kind, [&]<typename T>(std::type_identity<T>) {
        return number_narrow<T>(column, rows, out);
    });
}

void RowNumberer::combine(const RowNumbers& left, const RowNumbers& right, RowNumbers& out) {
    CHECK_EQ(left.of_row.size(), right.of_row.size());
    const size_t rows = left.of_row.size();
    Writer writer(rows, out);
    const uint32_t* lefts = left.of_row.data();
    const uint32_t* rights = right.of_row.data();
    const size_t width = right.count();
    const size_t pairs = left.count() * width;
    if (pairs > kTableRatio * rows) {
        clear_slots(rows);
        for (size_t i = 0; i < rows; ++i) {
            writer.put(number_of_word(uint64_t{lefts[i]} << 32 | rights[i]));
        }
        return;
    }
    table_.assign(pairs, kNone);
    for (size_t i = 0; i < rows; ++i) {
        uint32_t& number = table_[lefts[i] * width + rights[i]];
        if (number == kNone) number = writer.next_number();
        writer.put(number);
    }
}

void RowNumberer::clear_slots(size_t values_max) {
    const size_t size = std::bit_ceil(std::max<size_t>(2 * values_max, 16));
    slots_.assign(size, kNone);
    mask_ = size - 1;
    words_.clear();
    texts_.clear();
}

template <typename IsIt>
uint32_t RowNumberer::find(uint64_t hash, uint32_t next, IsIt is_it) {
    size_t at = hash & mask_;
    while (slots_[at] != kNone) {
        if (is_it(slots_[at])) return slots_[at];
        at = (at + 1) & mask_;
    }
    slots_[at] = next;
    return next;
}

uint32_t RowNumberer::number_of_word(uint64_t word) {
    const auto next = static_cast<uint32_t>(words_.size());
    const uint32_t number =
        find(hash_word(word), next, [&](uint32_t known) { return words_[known] == word; });
    if (number == next) words_.push_back(word);
    return number;
}

uint32_t RowNumberer::number_of_text(std::string_view text) {
    const auto next = static_cast<uint32_t>(texts_.size());
    const uint32_t number = find(hash_bytes(text), next,
                                 [&](uint32_t known) { return equal_bytes(texts_[known], text); });
    if (number == next) texts_.push_back(text);
    return number;
}

/// By a table with an entry for each value from the least to the greatest, no more than rows.
template <typename T>
bool RowNumberer::number_narrow(const Column& column, std::span<const uint32_t> rows,
                                RowNumbers& out) {
    if (rows.empty() || !column.validity().empty()) return false;
    const T* values = column.values<T>().data();
    T least = values[rows.front()];
    T greatest = least;
    for (const uint32_t row : rows) {
        least = std::min(least, values[row]);
        greatest = std::max(greatest, values[row]);
    }
    const auto place_of = [&](T value) {
        return static_cast<uint64_t>(int64_t{value}) - static_cast<uint64_t>(int64_t{least});
    };
    if (place_of(greatest) >= rows.size()) return false;
    table_.assign(place_of(greatest) + 1, kNone);
    Writer writer(rows.size(), out);
    for (const uint32_t row : rows) {
        uint32_t& number = table_[place_of(values[row])];
        if (number == kNone) number = writer.next_number();
        writer.put(number);
    }
    return true;
}

template <typename T>
void RowNumberer::number_words(const Column& column, std::span<const uint32_t> rows,
                               RowNumbers& out) {
    clear_slots(rows.size());
    const T* values = column.values<T>().data();
    uint64_t last = 0;
    uint32_t last_number = kNone;
    number_each(column, rows, out, [&](uint32_t row) {
        const auto word = static_cast<uint64_t>(int64_t{values[row]});
        if (word != last || last_number == kNone) {
            last = word;
            last_number = number_of_word(word);
        }
        return last_number;
    });
}

void RowNumberer::number_texts(const Column& column, std::span<const uint32_t> rows,
                               RowNumbers& out) {
    clear_slots(rows.size());
    const std::string_view* values = column.values<std::string_view>().data();
    number_each(column, rows, out, [&](uint32_t row) { return number_of_text(values[row]); });
}

/// Codes of texts are numbered by the texts, which a computed dictionary may repeat.
void RowNumberer::number_codes(const Column& column, std::span<const uint32_t> rows,
                               RowNumbers& out) {
    const Column& dictionary = column.dictionary();
    const bool is_text = column.type().kind == TypeKind::kText;
    const std::string_view* texts =
        is_text ? dictionary.values<std::string_view>().data() : nullptr;
    const std::span<const uint8_t> validity = dictionary.validity();
    const int32_t* codes = column.codes().data();
    if (is_text) clear_slots(dictionary.length());
    table_.assign(dictionary.length() + 1, kNone);  // by code + 1
    std::vector<uint32_t> by_text;
    Writer writer(rows.size(), out);
    const auto number_of_code = [&](size_t at) {
        const bool is_null = at == 0 || (!validity.empty() && validity[at - 1] == 0);
        if (is_null) {
            if (table_[0] == kNone) table_[0] = writer.next_number();
            return table_[0];
        }
        if (!is_text) return writer.next_number();
        const uint32_t text = number_of_text(texts[at - 1]);
        if (text == by_text.size()) by_text.push_back(writer.next_number());
        return by_text[text];
    };
    for (const uint32_t row : rows) {
        const auto at = static_cast<size_t>(codes[row] + 1);
        if (table_[at] == kNone) table_[at] = number_of_code(at);
        writer.put(table_[at]);
    }
}

void RowNumberer::number_encoded(const Column& column, std::span<const uint32_t> rows,
                                 RowNumbers& out) {
    encode_keys({&column, 1}, rows, encoded_);
    clear_slots(rows.size());
    Writer writer(rows.size(), out);
    for (size_t i = 0; i < rows.size(); ++i) writer.put(number_of_text(encoded_.at(i)));
}

}  // namespace braid::operators
