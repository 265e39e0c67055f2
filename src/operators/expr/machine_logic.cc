// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <numeric>
#include <utility>

#include "base/check.h"
#include "columnar/kind_switch.h"
#include "operators/expr/compare_internal.h"
#include "operators/expr/program_internal.h"

namespace braid::operators {

namespace {

/// What is known of a row while the arguments of AND (or OR) are looked at from left to right.
enum RowState : uint8_t {
    kDecided,  // false for AND, true for OR: later arguments do not matter
    kNeutral,
    kUnknown,  // some argument was NULL
    kFailed,
};

/// AND or OR being computed.
struct Logic {
    bool deciding;
    std::vector<uint8_t> states;
    std::vector<RowError> errors;  // not in order

    bool is_open(uint32_t row) const { return states[row] == kNeutral || states[row] == kUnknown; }
    void take(uint32_t row, const Column& column, size_t at) {
        uint8_t& state = states[row];
        if (column.is_null(at)) {
            state = kUnknown;
        } else if ((column.at<uint8_t>(at) != 0) == deciding) {
            state = kDecided;
        }
    }
    void fail(uint32_t row, const Error& error) {
        states[row] = kFailed;
        errors.push_back({row, error});
    }
};

/// An argument without NULLs and errors, known for all rows: the usual case.
void take_plain(Logic& logic, const Column& column) {
    const Reader<uint8_t> in(column);
    const uint8_t deciding = logic.deciding ? 1 : 0;
    for (size_t row = 0; row < logic.states.size(); ++row) {
        const uint8_t state = logic.states[row];
        const bool decides = in[row] == deciding && state != kFailed;
        logic.states[row] = decides ? uint8_t{kDecided} : state;
    }
}

/// `rows`: the row of each value; empty when values stand for all rows of the frame.
void take_values(Logic& logic, const Evaluated& values, const std::vector<uint32_t>* rows) {
    const bool is_plain = rows == nullptr && values.errors.empty() &&
                          values.column.encoding() != Column::Encoding::kDictionary &&
                          values.column.validity().empty();
    if (is_plain) return take_plain(logic, values.column);
    size_t error = 0;
    for (size_t at = 0; at < values.column.length(); ++at) {
        const uint32_t row = rows == nullptr ? static_cast<uint32_t>(at) : (*rows)[at];
        const bool failed = error < values.errors.size() && values.errors[error].row == at;
        if (logic.is_open(row)) {
            if (failed) {
                logic.fail(row, values.errors[error].error);
            } else {
                logic.take(row, values.column, at);
            }
        }
        error += failed;
    }
}

Column bools(const Type& type, std::vector<uint8_t> values, std::vector<uint8_t> validity = {}) {
    return Column::flat<uint8_t>(type, std::move(values), std::move(validity));
}

Evaluated finish_logic(Logic logic, const Type& type) {
    const size_t rows = logic.states.size();
    std::vector<uint8_t> values(rows);
    std::vector<uint8_t> validity(rows);
    uint8_t all_valid = 1;
    for (size_t row = 0; row < rows; ++row) {
        const bool is_decided = logic.states[row] == kDecided;
        values[row] = is_decided == logic.deciding;
        validity[row] = is_decided || logic.states[row] == kNeutral;
        all_valid &= validity[row];
    }
    if (all_valid != 0) validity.clear();
    std::ranges::sort(logic.errors, {}, &RowError::row);
    return {bools(type, std::move(values), std::move(validity)), std::move(logic.errors)};
}

template <typename T>
void mark_distinct(const Column& left, const Column& right, std::vector<uint8_t>& out) {
    for (size_t row = 0; row < out.size(); ++row) {
        const bool left_null = left.is_null(row);
        if (left_null || right.is_null(row)) {
            out[row] = left_null != right.is_null(row);
        } else {
            out[row] = order_of(left.at<T>(row), right.at<T>(row)) != 0;
        }
    }
}

}  // namespace

Evaluated Machine::logic(Step& step, Frame& frame, bool deciding) {
    Logic logic{deciding, std::vector<uint8_t>(frame.length, kNeutral), {}};
    std::vector<uint32_t> open(frame.length);
    std::iota(open.begin(), open.end(), 0);
    // By place: equal operands are one step, so a step says nothing about where it stands.
    for (size_t i = 0; i < step.children.size() && !open.empty(); ++i) {
        const Part part = evaluate_part(step.children[i], frame, open);
        take_values(logic, *part.values, part.is_whole ? nullptr : &open);
        if (i + 1 == step.children.size()) break;
        std::erase_if(open, [&](uint32_t row) { return !logic.is_open(row); });
    }
    return finish_logic(std::move(logic), step.type);
}

Evaluated Machine::not_(Step& step, Frame& frame) {
    const Evaluated& argument = evaluate(step.children[0], frame);
    const Column column = argument.column.flattened();
    const Reader<uint8_t> in(column);
    std::vector<uint8_t> values(frame.length);
    for (size_t row = 0; row < frame.length; ++row) values[row] = in[row] == 0;
    const std::span<const uint8_t> validity = column.validity();
    return {bools(step.type, std::move(values), {validity.begin(), validity.end()}),
            argument.errors};
}

Evaluated Machine::null_test(Step& step, Frame& frame, bool wanted) {
    const Evaluated& argument = evaluate(step.children[0], frame);
    std::vector<uint8_t> values(frame.length);
    for (size_t row = 0; row < frame.length; ++row) {
        values[row] = argument.column.is_null(row) == wanted;
    }
    Column column = bools(step.type, std::move(values));
    return {mask_nulls(std::move(column), {}, argument.errors), argument.errors};
}

Evaluated Machine::distinct_from(Step& step, Frame& frame, bool wanted) {
    const Evaluated& left = evaluate(step.children[0], frame);
    const Evaluated& right = evaluate(step.children[1], frame);
    const Evaluated* both[] = {&left, &right};
    std::vector<uint8_t> values(frame.length);
    switch_kind(left.column.type().kind, [&]<typename T>(std::type_identity<T>) {
        CHECK(left.column.type().kind == right.column.type().kind);
        mark_distinct<T>(left.column, right.column, values);
    });
    if (!wanted) {
        for (uint8_t& value : values) value ^= 1;
    }
    Evaluated out{bools(step.type, std::move(values)), merge_errors(both)};
    out.column = mask_nulls(std::move(out.column), {}, out.errors);
    return out;
}

}  // namespace braid::operators
