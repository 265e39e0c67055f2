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

using Kind = plan::Expr::Kind;
using Rows = std::vector<uint32_t>;

Rows all_rows(size_t count) {
    Rows rows(count);
    std::iota(rows.begin(), rows.end(), 0);
    return rows;
}

/// Keeps columns alive whose text a result points into.
Keepalive keep_all(std::vector<Column> columns) {
    return std::make_shared<const std::vector<Column>>(std::move(columns));
}

/// A column put together from pieces of others, row by row; rows that nobody sets are NULL.
class Mosaic {
  public:
    virtual ~Mosaic() = default;
    /// values[at] goes to `row`; with is_whole at = row, else at = position in `rows`.
    virtual void place(const Rows& rows, const Column& values, bool is_whole) = 0;
    virtual Column finish(const Type& type) = 0;
};

template <typename T>
class TypedMosaic final : public Mosaic {
  public:
    explicit TypedMosaic(size_t rows) : values_(rows), validity_(rows, 0) {}

    void place(const Rows& rows, const Column& values, bool is_whole) override {
        if (std::is_same_v<T, std::string_view>) pieces_.push_back(values);
        for (size_t i = 0; i < rows.size(); ++i) {
            const size_t at = is_whole ? rows[i] : i;
            if (values.is_null(at)) continue;
            values_[rows[i]] = values.at<T>(at);
            validity_[rows[i]] = 1;
        }
    }
    Column finish(const Type& type) override {
        if (std::ranges::find(validity_, 0) == validity_.end()) validity_.clear();
        Keepalive keepalive = pieces_.empty() ? nullptr : keep_all(std::move(pieces_));
        return Column::flat<T>(type, std::move(values_), std::move(validity_),
                               std::move(keepalive));
    }

  private:
    std::vector<T> values_;
    std::vector<uint8_t> validity_;
    std::vector<Column> pieces_;
};

std::unique_ptr<Mosaic> make_mosaic(TypeKind kind, size_t rows) {
    return switch_kind(kind, [&]<typename T>(std::type_identity<T>) {
        return std::unique_ptr<Mosaic>(std::make_unique<TypedMosaic<T>>(rows));
    });
}

/// Adds the errors of those rows; `values` is by row (whole) or by position in `rows`.
void collect_errors(const Rows& rows, const Evaluated& values, bool is_whole,
                    std::vector<RowError>& out) {
    if (values.errors.empty()) return;
    for (size_t i = 0; i < rows.size(); ++i) {
        const auto at = static_cast<uint32_t>(is_whole ? rows[i] : i);
        const auto found = std::ranges::lower_bound(values.errors, at, {}, &RowError::row);
        if (found == values.errors.end() || found->row != at) continue;
        out.push_back({rows[i], found->error});
    }
}

/// Splits rows by a condition; rows where it failed go to neither.
void split(const Rows& rows, const Evaluated& condition, bool is_whole, Rows& yes, Rows& no) {
    size_t error = 0;
    const std::vector<RowError>& errors = condition.errors;
    for (size_t i = 0; i < rows.size(); ++i) {
        const size_t at = is_whole ? rows[i] : i;
        while (error < errors.size() && errors[error].row < at) ++error;
        if (error < errors.size() && errors[error].row == at) continue;
        const bool holds = !condition.column.is_null(at) && condition.column.at<uint8_t>(at) != 0;
        (holds ? yes : no).push_back(rows[i]);
    }
}

template <typename T>
void keep_extreme(const Column& column, bool greatest, std::vector<T>& best,
                  std::vector<uint8_t>& validity) {
    for (size_t row = 0; row < best.size(); ++row) {
        if (column.is_null(row)) continue;
        const T& value = column.at<T>(row);
        if (validity[row] != 0) {
            const int order = order_of(value, best[row]);
            if (greatest ? order <= 0 : order >= 0) continue;
        }
        best[row] = value;
        validity[row] = 1;
    }
}

template <typename T>
bool contains(const ConstantSet& set, const T& value) {
    const std::span<const T> values = set.values.values<T>();
    const auto found = std::lower_bound(values.begin(), values.end(), value,
                                        [](const T& a, const T& b) { return order_of(a, b) < 0; });
    return found != values.end() && order_of(*found, value) == 0;
}

template <typename T>
Column sorted_values(const Column& values) {
    std::vector<uint32_t> order = all_rows(values.length());
    std::ranges::sort(order, [&](uint32_t a, uint32_t b) {
        return order_of(values.at<T>(a), values.at<T>(b)) < 0;
    });
    return values.gather(order);
}

/// The answer of IN for each value of a column, flat or constant.
Column membership(const ConstantSet& set, const Column& column, size_t rows, const Type& type) {
    std::vector<uint8_t> values(rows);
    std::vector<uint8_t> validity(rows);
    switch_kind(column.type().kind, [&]<typename T>(std::type_identity<T>) {
        const Reader<T> in(column);
        for (size_t row = 0; row < rows; ++row) {
            const bool is_null = column.is_null(row);
            values[row] = !is_null && contains<T>(set, in[row]);
            validity[row] = !is_null && (values[row] != 0 || !set.has_null);
        }
    });
    return Column::flat<uint8_t>(type, std::move(values), std::move(validity));
}

}  // namespace

Evaluated Machine::case_(Step& step, Frame& frame) {
    Evaluated out;
    const std::unique_ptr<Mosaic> mosaic = make_mosaic(step.type.kind, frame.length);
    Rows open = all_rows(frame.length);
    const auto place = [&](int child, const Rows& rows) {
        if (rows.empty()) return;
        const Part part = evaluate_part(child, frame, rows);
        mosaic->place(rows, part.values->column, part.is_whole);
        collect_errors(rows, *part.values, part.is_whole, out.errors);
    };
    for (size_t i = 0; i + 1 < step.children.size() && !open.empty(); i += 2) {
        Rows yes;
        Rows no;
        {
            const Part condition = evaluate_part(step.children[i], frame, open);
            split(open, *condition.values, condition.is_whole, yes, no);
            collect_errors(open, *condition.values, condition.is_whole, out.errors);
        }
        place(step.children[i + 1], yes);
        open = std::move(no);
    }
    place(step.children.back(), open);
    std::ranges::sort(out.errors, {}, &RowError::row);
    out.column = mosaic->finish(step.type);
    return out;
}

Evaluated Machine::coalesce(Step& step, Frame& frame) {
    Evaluated out;
    const std::unique_ptr<Mosaic> mosaic = make_mosaic(step.type.kind, frame.length);
    Rows open = all_rows(frame.length);
    for (const int child : step.children) {
        if (open.empty()) break;
        const Part part = evaluate_part(child, frame, open);
        mosaic->place(open, part.values->column, part.is_whole);
        const size_t known_errors = out.errors.size();
        collect_errors(open, *part.values, part.is_whole, out.errors);
        Rows still;
        size_t error = known_errors;
        for (size_t i = 0; i < open.size(); ++i) {
            const bool failed = error < out.errors.size() && out.errors[error].row == open[i];
            error += failed;
            if (failed) continue;
            if (part.values->column.is_null(part.is_whole ? open[i] : i)) still.push_back(open[i]);
        }
        open = std::move(still);
    }
    std::ranges::sort(out.errors, {}, &RowError::row);
    out.column = mosaic->finish(step.type);
    return out;
}

Evaluated Machine::extreme(Step& step, Frame& frame, bool greatest) {
    std::vector<const Evaluated*> arguments;
    for (const int child : step.children) arguments.push_back(&evaluate(child, frame));
    Evaluated out;
    out.errors = merge_errors(arguments);
    switch_kind(step.type.kind, [&]<typename T>(std::type_identity<T>) {
        std::vector<T> best(frame.length);
        std::vector<uint8_t> validity(frame.length, 0);
        std::vector<Column> pieces;
        for (const Evaluated* argument : arguments) {
            CHECK(argument->column.type().kind == step.type.kind);
            keep_extreme<T>(argument->column, greatest, best, validity);
            pieces.push_back(argument->column);
        }
        for (const RowError& failed : out.errors) validity[failed.row] = 0;
        out.column = Column::flat<T>(step.type, std::move(best), std::move(validity),
                                     keep_all(std::move(pieces)));
    });
    return out;
}

Evaluated Machine::in_list(Step& step, Frame& frame) {
    const bool all_constant = std::all_of(
        step.children.begin() + 1, step.children.end(),
        [&](int child) { return steps_[static_cast<size_t>(child)].kind == Kind::kConstant; });
    return all_constant ? in_constants(step, frame) : in_expressions(step, frame);
}

Evaluated Machine::in_constants(Step& step, Frame& frame) {
    const Evaluated& argument = evaluate(step.children[0], frame);
    if (step.set == nullptr) {
        step.set = std::make_unique<ConstantSet>();
        ColumnBuilder builder(argument.column.type());
        for (size_t i = 1; i < step.children.size(); ++i) {
            Datum value = steps_[static_cast<size_t>(step.children[i])].constant;
            if (value.is_null()) {
                step.set->has_null = true;
                continue;
            }
            value.type = argument.column.type();
            builder.append(value);
        }
        const Column values = builder.finish();
        step.set->values = switch_kind(values.type().kind, [&]<typename T>(std::type_identity<T>) {
            return sorted_values<T>(values);
        });
    }
    Evaluated out;
    out.errors = argument.errors;
    if (argument.column.encoding() == Column::Encoding::kDictionary) {
        const Column& dictionary = argument.column.dictionary();
        const Column by_code = membership(*step.set, dictionary, dictionary.length(), step.type);
        const std::span<const int32_t> codes = argument.column.codes();
        std::vector<uint8_t> values(frame.length);
        std::vector<uint8_t> validity(frame.length, 0);
        for (size_t row = 0; row < frame.length; ++row) {
            if (codes[row] < 0) continue;
            const auto code = static_cast<size_t>(codes[row]);
            values[row] = by_code.values<uint8_t>()[code];
            validity[row] = by_code.validity()[code];
        }
        out.column = Column::flat<uint8_t>(step.type, std::move(values), std::move(validity));
    } else {
        out.column = membership(*step.set, argument.column, frame.length, step.type);
    }
    return out;
}

/// x IN (a, b): x = a OR x = b, from left to right.
Evaluated Machine::in_expressions(Step& step, Frame& frame) {
    const Evaluated& argument = evaluate(step.children[0], frame);
    Evaluated out;
    out.errors = argument.errors;
    std::vector<uint8_t> values(frame.length, 0);
    std::vector<uint8_t> validity(frame.length, 1);
    std::vector<uint8_t> is_open(frame.length, 1);
    for (const RowError& failed : out.errors) is_open[failed.row] = validity[failed.row] = 0;
    Rows open = all_rows(frame.length);
    for (size_t i = 1; i < step.children.size(); ++i) {
        std::erase_if(open, [&](uint32_t row) { return is_open[row] == 0; });
        if (open.empty()) break;
        const Part part = evaluate_part(step.children[i], frame, open);
        const size_t known_errors = out.errors.size();
        collect_errors(open, *part.values, part.is_whole, out.errors);
        for (size_t e = known_errors; e < out.errors.size(); ++e) {
            is_open[out.errors[e].row] = validity[out.errors[e].row] = 0;
        }
        const Column& item = part.values->column;
        switch_kind(argument.column.type().kind, [&]<typename T>(std::type_identity<T>) {
            for (size_t k = 0; k < open.size(); ++k) {
                const uint32_t row = open[k];
                const size_t at = part.is_whole ? row : k;
                if (is_open[row] == 0) continue;
                if (argument.column.is_null(row) || item.is_null(at)) {
                    validity[row] = 0;
                } else if (order_of(argument.column.at<T>(row), item.at<T>(at)) == 0) {
                    values[row] = validity[row] = 1;
                    is_open[row] = 0;
                }
            }
        });
    }
    std::ranges::sort(out.errors, {}, &RowError::row);
    out.column = Column::flat<uint8_t>(step.type, std::move(values), std::move(validity));
    return out;
}

}  // namespace braid::operators
