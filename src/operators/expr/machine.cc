// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/error_makers.h"
#include "columnar/kind_switch.h"
#include "operators/expr/program_internal.h"

namespace braid::operators {

namespace {

using Kind = plan::Expr::Kind;
using Encoding = Column::Encoding;

/// A dictionary with more values than this, measured against the rows that use it, is not computed
/// whole the first time it is seen: most of its values may be in other batches.
constexpr size_t kWholeDictionaryRatio = 2;

bool is_constant(const Evaluated& value) { return value.column.encoding() == Encoding::kConstant; }
bool is_dictionary(const Evaluated& value) {
    return value.column.encoding() == Encoding::kDictionary;
}

/// Rows that a strict function computes: where no argument is NULL. Empty = all.
void and_validity(const Column& column, size_t rows, std::vector<uint8_t>& active) {
    const std::span<const uint8_t> validity = column.validity();
    if (validity.empty()) return;
    if (column.encoding() == Encoding::kConstant) {
        if (validity[0] == 0) active.assign(rows, 0);
        return;
    }
    if (active.empty()) {
        active.assign(validity.begin(), validity.end());
        return;
    }
    for (size_t row = 0; row < rows; ++row) active[row] &= validity[row];
}

void clear_failed(const std::vector<RowError>& errors, size_t rows, std::vector<uint8_t>& active) {
    if (errors.empty()) return;
    if (active.empty()) active.assign(rows, 1);
    for (const RowError& failed : errors) active[failed.row] = 0;
}

/// Joins two ascending lists; `first` wins where both have a row.
std::vector<RowError> merged(std::vector<RowError> first, std::vector<RowError> second) {
    if (second.empty()) return first;
    if (first.empty()) return second;
    std::vector<RowError> out;
    size_t at = 0;
    for (RowError& error : first) {
        while (at < second.size() && second[at].row < error.row) out.push_back(second[at++]);
        if (at < second.size() && second[at].row == error.row) ++at;
        out.push_back(std::move(error));
    }
    while (at < second.size()) out.push_back(std::move(second[at++]));
    return out;
}

/// A value per row from a value per dictionary entry; `values` is flat.
template <typename T>
Column take(const Column& values, std::span<const int32_t> codes, const Type& type) {
    const Reader<T> in(values);
    const std::span<const uint8_t> valid = values.validity();
    std::vector<T> out(codes.size());
    std::vector<uint8_t> validity;
    if (values.length() == 0) {
        validity.assign(codes.size(), 0);
        return Column::flat<T>(type, std::move(out), std::move(validity));
    }
    bool has_null = false;
    for (size_t row = 0; row < codes.size(); ++row) {
        const bool is_null = codes[row] < 0;
        has_null |= is_null;
        out[row] = in[static_cast<size_t>(is_null ? 0 : codes[row])];
    }
    if (has_null || !valid.empty()) {
        validity.resize(codes.size());
        for (size_t row = 0; row < codes.size(); ++row) {
            const int32_t code = codes[row];
            validity[row] = code >= 0 && (valid.empty() || valid[static_cast<size_t>(code)] != 0);
        }
    }
    return Column::flat<T>(type, std::move(out), std::move(validity));
}

/// The text of each row as a dictionary column over `values`, flat or a dictionary itself.
Column take_text(const Column& values, std::span<const int32_t> codes) {
    std::vector<int32_t> out(codes.begin(), codes.end());
    if (values.encoding() == Encoding::kDictionary) {
        const std::span<const int32_t> inner = values.codes();
        for (int32_t& code : out) code = code < 0 ? -1 : inner[static_cast<size_t>(code)];
        return Column::dictionary(values.dictionary(), std::move(out));
    }
    if (values.may_have_nulls()) {
        for (int32_t& code : out) {
            if (code >= 0 && values.is_null(static_cast<size_t>(code))) code = -1;
        }
    }
    return Column::dictionary(values, std::move(out));
}

/// Results per dictionary entry -> results per row.
Evaluated spread(const Evaluated& values, std::span<const int32_t> codes) {
    Evaluated out;
    const Type& type = values.column.type();
    if (type.kind == TypeKind::kText) {
        out.column = take_text(values.column, codes);
    } else {
        out.column = switch_kind(type.kind, [&]<typename T>(std::type_identity<T>) {
            return take<T>(values.column.flattened(), codes, type);
        });
    }
    if (values.errors.empty()) return out;
    for (size_t row = 0; row < codes.size(); ++row) {
        if (codes[row] < 0) continue;
        const auto code = static_cast<uint32_t>(codes[row]);
        const auto found = std::ranges::lower_bound(values.errors, code, {}, &RowError::row);
        if (found == values.errors.end() || found->row != code) continue;
        out.errors.push_back({static_cast<uint32_t>(row), found->error});
    }
    return out;
}

/// The dictionary entries that rows use, and the rows' codes among those.
struct UsedCodes {
    std::vector<uint32_t> used;
    std::vector<int32_t> codes;
};

UsedCodes used_codes(const Column& column) {
    UsedCodes out;
    std::vector<int32_t> renumbered(column.dictionary().length(), -1);
    out.codes.reserve(column.length());
    for (const int32_t code : column.codes()) {
        if (code < 0) {
            out.codes.push_back(-1);
            continue;
        }
        int32_t& number = renumbered[static_cast<size_t>(code)];
        if (number < 0) {
            number = static_cast<int32_t>(out.used.size());
            out.used.push_back(static_cast<uint32_t>(code));
        }
        out.codes.push_back(number);
    }
    return out;
}

bool is_same_dictionary(const Column& left, const Column& right) {
    if (left.type() != right.type() || left.length() != right.length()) return false;
    return switch_kind(left.type().kind, [&]<typename T>(std::type_identity<T>) {
        return left.values<T>().data() == right.values<T>().data();
    });
}

/// No value for any row.
Evaluated all_failed(const Type& type, size_t rows, const Error& error) {
    Evaluated out{.column = Column::constant(Datum::null(type), rows).with_type(type),
                  .errors = {}};
    for (uint32_t row = 0; row < rows; ++row) out.errors.push_back({row, error});
    return out;
}

/// What a result takes beside the bytes of texts, which their own arenas count; of a constant those
/// too.
size_t bytes_held(const Column& column) {
    switch (column.encoding()) {
        case Encoding::kConstant:
            return column.bytes_used();
        case Encoding::kDictionary:
            return column.length() * sizeof(int32_t);
        case Encoding::kFlat:
            break;
    }
    return column.length() * switch_kind(column.type().kind, []<typename T>(std::type_identity<T>) {
               return sizeof(T);
           });
}

}  // namespace

Frame::Frame(Frame* parent, std::vector<uint32_t> rows, Machine& machine)
    : parent(parent),
      rows(std::move(rows)),
      length(this->rows.size()),
      results(machine.steps().size()),
      held(machine.context().limits) {}

Frame::Frame(const Batch* batch, size_t length, Machine& machine)
    : batch(batch),
      length(length),
      results(machine.steps().size()),
      held(machine.context().limits) {}

std::vector<RowError> merge_errors(std::span<const Evaluated* const> arguments) {
    std::vector<RowError> errors;
    for (const Evaluated* argument : arguments) {
        if (!argument->errors.empty()) errors = merged(std::move(errors), argument->errors);
    }
    return errors;
}

Evaluated gather(const Evaluated& from, std::span<const uint32_t> rows) {
    Evaluated out{.column = from.column.gather(rows), .errors = {}};
    if (from.errors.empty()) return out;
    size_t at = 0;
    for (size_t row = 0; row < rows.size(); ++row) {
        while (at < from.errors.size() && from.errors[at].row < rows[row]) ++at;
        if (at == from.errors.size()) break;
        if (from.errors[at].row != rows[row]) continue;
        out.errors.push_back({static_cast<uint32_t>(row), from.errors[at].error});
    }
    return out;
}

Evaluated repeat_constant(const Evaluated& one, size_t rows) {
    Evaluated out;
    out.column = Column::constant(one.column.datum(0), rows).with_type(one.column.type());
    if (one.errors.empty()) return out;
    for (uint32_t row = 0; row < rows; ++row) out.errors.push_back({row, one.errors[0].error});
    return out;
}

Column mask_nulls(Column column, std::span<const uint8_t> mask,
                  const std::vector<RowError>& errors) {
    std::vector<uint8_t> keep(mask.begin(), mask.end());
    clear_failed(errors, column.length(), keep);
    bool is_masked = true;
    for (size_t row = 0; row < keep.size(); ++row)
        is_masked &= keep[row] != 0 || column.is_null(row);
    if (is_masked) return column;
    ColumnBuilder builder(column.type(), column.length());
    const bool has_text = is_text(column.type().kind);
    if (has_text) builder.hold(std::make_shared<const Column>(column));
    for (size_t row = 0; row < column.length(); ++row) {
        if (keep[row] == 0 || column.is_null(row)) {
            builder.append_null();
        } else if (has_text) {
            builder.append_text_view(column.at<std::string_view>(row));
        } else {
            builder.append_from(column, row);
        }
    }
    return builder.finish();
}

const Evaluated& Machine::evaluate(int step, Frame& frame) {
    const auto index = static_cast<size_t>(step);
    std::unique_ptr<Evaluated>& slot = frame.results[index];
    if (slot != nullptr) return *slot;
    bool is_above = steps_[index].is_unconditional || steps_[index].kind == Kind::kColumn;
    for (Frame* up = frame.parent; up != nullptr && !is_above; up = up->parent) {
        is_above = up->results[index] != nullptr;
    }
    if (frame.parent != nullptr && is_above) {
        slot = std::make_unique<Evaluated>(gather(evaluate(step, *frame.parent), frame.rows));
    } else {
        slot = std::make_unique<Evaluated>(compute_within_limits(steps_[index], frame));
    }
    return *slot;
}

Machine::Part Machine::evaluate_part(int step, Frame& frame, const std::vector<uint32_t>& rows) {
    Part part;
    const Step& wanted = steps_[static_cast<size_t>(step)];
    const bool is_known = frame.results[static_cast<size_t>(step)] != nullptr;
    if (rows.size() == frame.length || wanted.is_cheap || wanted.is_unconditional || is_known) {
        part.values = &evaluate(step, frame);
        part.is_whole = true;
        return part;
    }
    part.frame = std::make_unique<Frame>(&frame, rows, *this);
    part.values = &evaluate(step, *part.frame);
    return part;
}

void Machine::forget_fixed() {
    for (Step& step : steps_) step.dictionary.reset();
}

bool Machine::may_keep(const Datum& constant) {
    const bool is_long = is_text(constant.type.kind) && !constant.is_null();
    return folded_.take(is_long ? constant.as<std::string>().size() : 0).has_value();
}

Evaluated Machine::compute_within_limits(Step& step, Frame& frame) {
    if (step.kind == Kind::kColumn || step.kind == Kind::kConstant) return compute(step, frame);
    const Result<void> going = context_.limits.check();
    if (!going.has_value()) return all_failed(step.type, frame.length, going.error());
    Evaluated out = compute(step, frame);
    const Result<void> held = frame.held.take(bytes_held(out.column));
    return held.has_value() ? std::move(out) : all_failed(step.type, frame.length, held.error());
}

Evaluated Machine::compute(Step& step, Frame& frame) {
    switch (step.kind) {
        case Kind::kColumn:
            return read_column(step, frame);
        case Kind::kConstant: {
            const Column column = Column::constant(step.constant, frame.length);
            return {column.with_type(step.type), {}};
        }
        case Kind::kParameter: {
            const auto index = static_cast<size_t>(step.column);
            CHECK_LT(index, context_.parameters.size());
            Datum value = context_.parameters[index];
            if (value.is_null()) value.type = step.type;
            return {Column::constant(value, frame.length).with_type(step.type), {}};
        }
        case Kind::kCall:
            return call_function(step, frame);
        case Kind::kAnd:
            return logic(step, frame, false);
        case Kind::kOr:
            return logic(step, frame, true);
        case Kind::kNot:
            return not_(step, frame);
        case Kind::kIsNull:
            return null_test(step, frame, true);
        case Kind::kIsNotNull:
            return null_test(step, frame, false);
        case Kind::kIsDistinctFrom:
            return distinct_from(step, frame, true);
        case Kind::kIsNotDistinctFrom:
            return distinct_from(step, frame, false);
        case Kind::kCase:
            return case_(step, frame);
        case Kind::kCoalesce:
            return coalesce(step, frame);
        case Kind::kGreatest:
            return extreme(step, frame, true);
        case Kind::kLeast:
            return extreme(step, frame, false);
        case Kind::kIn:
            return in_list(step, frame);
        case Kind::kOuterColumn:
        case Kind::kAggregate:
        case Kind::kSubquery:
            break;
    }
    CHECK(false);
    std::unreachable();
}

Evaluated Machine::read_column(const Step& step, Frame& frame) {
    CHECK(frame.batch != nullptr);
    const auto index = static_cast<size_t>(step.column);
    CHECK_LT(index, frame.batch->columns.size());
    const Column& column = frame.batch->columns[index];
    if (frame.batch_rows.has_value()) return {column.gather(*frame.batch_rows), {}};
    CHECK_EQ(column.length(), frame.length);
    return {column, {}};
}

/// An argument that is NULL for every row, so that a strict function has no other value.
bool Machine::has_null_parameter(const Step& step) const {
    return step.function->is_strict && std::ranges::any_of(step.children, [&](int child) {
               const Step& argument = steps_[static_cast<size_t>(child)];
               if (argument.kind != Kind::kParameter) return false;
               const auto index = static_cast<size_t>(argument.column);
               return index < context_.parameters.size() && context_.parameters[index].is_null();
           });
}

Evaluated Machine::call_function(Step& step, Frame& frame) {
    if (has_null_parameter(step)) {
        return {Column::constant(Datum::null(step.type), frame.length).with_type(step.type), {}};
    }
    std::vector<const Evaluated*> arguments;
    size_t constants = 0;
    size_t dictionaries = 0;
    size_t position = 0;
    for (const int child : step.children) {
        arguments.push_back(&evaluate(child, frame));
        constants += is_constant(*arguments.back());
        if (is_dictionary(*arguments.back())) {
            position = arguments.size() - 1;
            ++dictionaries;
        }
    }
    if (constants == arguments.size() && frame.length > 1) {
        std::vector<Evaluated> firsts;
        const std::vector<uint32_t> first_row = {0};
        for (const Evaluated* argument : arguments) firsts.push_back(gather(*argument, first_row));
        std::vector<const Evaluated*> pointers;
        for (const Evaluated& first : firsts) pointers.push_back(&first);
        return repeat_constant(call_body(step, pointers, 1), frame.length);
    }
    const bool once_per_value = dictionaries == 1 && constants + 1 == arguments.size() &&
                                step.function->is_strict && frame.length > 0;
    if (once_per_value) return call_on_dictionary(step, arguments, position);
    return call_body(step, arguments, frame.length);
}

Evaluated Machine::call_body(Step& step, std::span<const Evaluated* const> arguments, size_t rows) {
    Evaluated out;
    out.errors = merge_errors(arguments);
    std::vector<Column> columns;
    std::vector<uint8_t> active;
    for (const Evaluated* argument : arguments) {
        columns.push_back(is_dictionary(*argument) ? argument->column.flattened()
                                                   : argument->column);
        if (step.function->is_strict) and_validity(columns.back(), rows, active);
    }
    clear_failed(out.errors, rows, active);
    if (step.memo != nullptr && !is_constant(*arguments[0]) && out.errors.empty()) {
        return call_memoised(step, {columns[0], {}});
    }
    Evaluated own = run_body(step, columns, active, rows);
    out.column = mask_nulls(std::move(own.column), active, own.errors);
    out.errors = merged(std::move(out.errors), std::move(own.errors));
    return out;
}

/// The body's word, or that the statement must end.
Evaluated Machine::run_body(Step& step, std::span<const Column> arguments,
                            std::span<const uint8_t> active, size_t rows) {
    Evaluated out;
    Pace pace(context_.limits);
    Call call{.function = *step.function,
              .result = step.type,
              .arguments = arguments,
              .rows = rows,
              .active = active,
              .context = context_,
              .pace = pace,
              .errors = out.errors,
              .state = step.state};
    out.column = step.body(call);
    CHECK_EQ(out.column.length(), rows);
    return pace.stopped() ? all_failed(step.type, rows, *pace.stopped()) : std::move(out);
}

Evaluated Machine::call_memoised(Step& step, const Evaluated& argument) {
    return step.memo->look_up(argument.column, step.type, [&](const Column& missing) {
        return run_body(step, {&missing, 1}, {}, missing.length());
    });
}

Evaluated Machine::call_on_dictionary(Step& step, std::span<const Evaluated* const> arguments,
                                      size_t position) {
    const Evaluated& argument = *arguments[position];
    const Column& dictionary = argument.column.dictionary();
    bool others_fixed = true;
    for (size_t i = 0; i < arguments.size(); ++i) {
        others_fixed &= i == position || steps_[static_cast<size_t>(step.children[i])].is_fixed;
    }
    const bool is_known =
        step.dictionary.has_value() && is_same_dictionary(step.dictionary->dictionary, dictionary);
    const bool is_small = dictionary.length() <= kWholeDictionaryRatio * argument.column.length();
    Evaluated out;
    if (others_fixed && (is_known || is_small)) {
        out = spread(dictionary_values(step, arguments, position), argument.column.codes());
    } else {
        if (others_fixed) step.dictionary = DictionaryResult{dictionary, false, {}};
        UsedCodes used = used_codes(argument.column);
        std::vector<Evaluated> parts;
        std::vector<const Evaluated*> pointers;
        for (size_t i = 0; i < arguments.size(); ++i) {
            const Evaluated one{arguments[i]->column.slice(0, 1), {}};
            parts.push_back(i == position ? Evaluated{dictionary.gather(used.used), {}}
                                          : repeat_constant(one, used.used.size()));
        }
        for (const Evaluated& part : parts) pointers.push_back(&part);
        out = spread(call_body(step, pointers, used.used.size()), used.codes);
    }
    out.errors = merged(merge_errors(arguments), std::move(out.errors));
    return out;
}

/// The function's values for the whole dictionary; the step keeps them.
const Evaluated& Machine::dictionary_values(Step& step, std::span<const Evaluated* const> arguments,
                                            size_t position) {
    const Column& dictionary = arguments[position]->column.dictionary();
    const bool is_known =
        step.dictionary.has_value() && is_same_dictionary(step.dictionary->dictionary, dictionary);
    if (is_known && step.dictionary->is_computed) return step.dictionary->values;
    std::vector<Evaluated> parts;
    std::vector<const Evaluated*> pointers;
    for (size_t i = 0; i < arguments.size(); ++i) {
        const Evaluated one{arguments[i]->column.slice(0, 1), {}};
        parts.push_back(i == position ? Evaluated{dictionary, {}}
                                      : repeat_constant(one, dictionary.length()));
    }
    for (const Evaluated& part : parts) pointers.push_back(&part);
    step.dictionary =
        DictionaryResult{dictionary, true, call_body(step, pointers, dictionary.length())};
    return step.dictionary->values;
}

}  // namespace braid::operators
