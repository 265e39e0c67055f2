// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "columnar/column.h"
#include "columnar/key_codec.h"

namespace braid::operators {

/// Rows by value: a small number each, counted from 0 in the order in which values first come. Rows
/// of one number have values that are not distinct; rows of two numbers nearly always have distinct
/// ones. So equal numbers of all rows mean that two columns tell the same rows apart.
struct RowNumbers {
    std::vector<uint32_t> of_row;
    std::vector<uint32_t> firsts;  // place of the first row of each number

    size_t count() const { return firsts.size(); }
};

/// Numbers rows. Holds scratch memory: one instance per thread.
class RowNumberer {
  public:
    /// By the values of a column in the rows given; places are those in `rows`.
    void number(const Column& column, std::span<const uint32_t> rows, RowNumbers& out);
    /// The same where it costs less than encoding and hashing each row: constants, dictionaries,
    /// and whole numbers that lie close together. False, and nothing known, where it does not.
    bool number_if_cheap(const Column& column, std::span<const uint32_t> rows, RowNumbers& out);
    /// By both.
    void combine(const RowNumbers& left, const RowNumbers& right, RowNumbers& out);

  private:
    /// A value's number, and a new one where it is not known. `is_it(number)` compares.
    template <typename IsIt>
    uint32_t find(uint64_t hash, uint32_t next, IsIt is_it);
    void clear_slots(size_t values_max);
    uint32_t number_of_word(uint64_t word);
    uint32_t number_of_text(std::string_view text);
    template <typename T>
    bool number_narrow(const Column& column, std::span<const uint32_t> rows, RowNumbers& out);
    template <typename T>
    void number_words(const Column& column, std::span<const uint32_t> rows, RowNumbers& out);
    void number_texts(const Column& column, std::span<const uint32_t> rows, RowNumbers& out);
    void number_codes(const Column& column, std::span<const uint32_t> rows, RowNumbers& out);
    void number_encoded(const Column& column, std::span<const uint32_t> rows, RowNumbers& out);

    std::vector<uint32_t> slots_;  // number, or kNone
    size_t mask_ = 0;
    std::vector<uint64_t> words_;  // by number
    std::vector<std::string_view> texts_;
    std::vector<uint32_t> table_;  // by code, or by pair
    EncodedKeys encoded_;
};

}  // namespace braid::operators
