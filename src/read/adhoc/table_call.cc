// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <compare>
#include <limits>
#include <memory>
#include <optional>
#include <utility>

#include "base/error_makers.h"
#include "columnar/text_io.h"
#include "plan/expr.h"
#include "read/adhoc/table_call_internal.h"

namespace braid::read {

namespace {

constexpr size_t kBatchRows = 4096;

class NoElements final : public Elements {
  public:
    Result<bool> next(size_t, ColumnBuilder&) override { return false; }
};

Error step_is_zero() {
    return Error(invalid_input("step size cannot equal zero")).with_sqlstate("22023");
}

int64_t integer_of(const Datum& value) {
    return value.type.kind == TypeKind::kInt4 ? value.as<int32_t>() : value.as<int64_t>();
}

class IntegerSeries final : public Elements {
  public:
    IntegerSeries(int64_t from, int64_t to, int64_t step, bool is_int4)
        : value_(from),
          to_(to),
          step_(step),
          low_(is_int4 ? INT32_MIN : INT64_MIN),
          high_(is_int4 ? INT32_MAX : INT64_MAX),
          is_int4_(is_int4) {}

    Result<bool> next(size_t count, ColumnBuilder& out) override {
        size_t made = 0;
        for (; made < count && !done_ && (step_ > 0 ? value_ <= to_ : value_ >= to_); ++made) {
            if (is_int4_) {
                out.append_int4(static_cast<int32_t>(value_));
            } else {
                out.append_int8(value_);
            }
            // As PostgreSQL does, the series ends where the type ends.
            done_ =
                __builtin_add_overflow(value_, step_, &value_) || value_ < low_ || value_ > high_;
        }
        return made > 0;
    }

  private:
    int64_t value_;
    const int64_t to_;
    const int64_t step_;
    const int64_t low_;
    const int64_t high_;
    const bool is_int4_;
    bool done_ = false;
};

class NumericSeries final : public Elements {
  public:
    NumericSeries(const Numeric& from, const Numeric& to, const Numeric& step)
        : value_(from), to_(to), step_(step), is_rising_(compare(step, Numeric::from_int(0)) > 0) {}

    Result<bool> next(size_t count, ColumnBuilder& out) override {
        size_t made = 0;
        for (; made < count; ++made) {
            const auto order = compare(value_, to_);
            if (is_rising_ ? order > 0 : order < 0) break;
            out.append_numeric(value_);
            value_ = TRY(add(value_, step_));
        }
        return made > 0;
    }

  private:
    Numeric value_;
    const Numeric to_;
    const Numeric step_;
    const bool is_rising_;
};

/// Times by a step that is a fixed number of microseconds.
class FixedTimeSeries final : public Elements {
  public:
    FixedTimeSeries(int64_t from, int64_t to, int64_t step) : value_(from), to_(to), step_(step) {}
    Result<bool> next(size_t count, ColumnBuilder& out) override {
        size_t made = 0;
        for (; made < count && !done_ && (step_ > 0 ? value_ <= to_ : value_ >= to_); ++made) {
            out.append_int8(value_);
            done_ = __builtin_add_overflow(value_, step_, &value_);
        }
        return made > 0;
    }

  private:
    int64_t value_;
    const int64_t to_;
    const int64_t step_;
    bool done_ = false;
};

/// Times by a step of months, or of days in a zone: the kernel's own addition, from value to value.
class CalendarSeries final : public Elements {
  public:
    CalendarSeries(Datum from, int64_t to, bool is_rising, std::unique_ptr<operators::Program> plus)
        : value_(std::move(from)), to_(to), is_rising_(is_rising), plus_(std::move(plus)) {}
    Result<bool> next(size_t count, ColumnBuilder& out) override {
        size_t made = 0;
        for (; made < count; ++made) {
            const auto value = value_.as<int64_t>();
            if (is_rising_ ? value > to_ : value < to_) break;
            out.append_int8(value);
            Batch batch{1, {Column::constant(value_, 1)}};
            const std::vector<operators::Evaluated> sum = plus_->run(batch);
            if (!sum[0].errors.empty()) return sum[0].errors[0].error;
            value_ = sum[0].column.datum(0);
        }
        return made > 0;
    }

  private:
    Datum value_;
    const int64_t to_;
    const bool is_rising_;
    std::unique_ptr<operators::Program> plus_;
};

Result<std::unique_ptr<Elements>> open_time_series(const std::vector<Datum>& arguments,
                                                   const operators::EvaluationContext& context) {
    constexpr int64_t kDayUs = 86'400'000'000;
    const Type type = arguments[0].type;
    const auto from = arguments[0].as<int64_t>();
    const auto to = arguments[1].as<int64_t>();
    const auto step = arguments[2].as<Interval64>();
    const auto is_infinite = [](int64_t value) { return value == INT64_MAX || value == INT64_MIN; };
    if (is_infinite(from)) {
        return Error(invalid_input("timestamp out of range")).with_sqlstate("22008");
    }
    const int128 span = (int128{step.months} * 30 + step.days) * kDayUs + step.us;
    if (span == 0) return step_is_zero();
    const bool has_fixed_days = type.kind == TypeKind::kTimestamp || step.days == 0;
    if (step.months == 0 && has_fixed_days && span >= INT64_MIN && span <= INT64_MAX) {
        return std::unique_ptr<Elements>(
            std::make_unique<FixedTimeSeries>(from, to, static_cast<int64_t>(span)));
    }
    const bool has_zone = type.kind == TypeKind::kTimestampTz;
    const plan::Function* plus =
        plan::function_by_key(has_zone ? "+(timestamptz,interval)" : "+(timestamp,interval)");
    if (plus == nullptr) return internal_error("no addition of intervals");
    auto program = TRY(operators::Program::compile(
        {plan::call(plus, {plan::column_ref(0, type), plan::constant(arguments[2])})}, context));
    return std::unique_ptr<Elements>(
        std::make_unique<CalendarSeries>(arguments[0], to, span > 0, std::move(program)));
}

Result<std::unique_ptr<Elements>> open_numeric_series(const std::vector<Datum>& arguments) {
    static constexpr std::string_view kWords[] = {"start", "stop", "step size"};
    const Numeric step = arguments.size() > 2 ? arguments[2].as<Numeric>() : Numeric::from_int(1);
    const Numeric all[] = {arguments[0].as<Numeric>(), arguments[1].as<Numeric>(), step};
    for (size_t i = 0; i < 3; ++i) {
        if (all[i].is_finite()) continue;
        return Error(invalid_input("{} value cannot be {}", kWords[i],
                                   all[i].kind == Numeric::Kind::kNaN ? "NaN" : "infinity"))
            .with_sqlstate("22023");
    }
    if (compare(step, Numeric::from_int(0)) == 0) return step_is_zero();
    return std::unique_ptr<Elements>(std::make_unique<NumericSeries>(all[0], all[1], step));
}

Result<std::unique_ptr<Elements>> open_series(const std::vector<Datum>& arguments,
                                              const operators::EvaluationContext& context) {
    if (arguments.size() < 2 || arguments.size() > 3) {
        return internal_error("generate_series with {} arguments", arguments.size());
    }
    switch (arguments[0].type.kind) {
        case TypeKind::kInt4:
        case TypeKind::kInt8: {
            const int64_t step = arguments.size() > 2 ? integer_of(arguments[2]) : 1;
            if (step == 0) return step_is_zero();
            return std::unique_ptr<Elements>(
                std::make_unique<IntegerSeries>(integer_of(arguments[0]), integer_of(arguments[1]),
                                                step, arguments[0].type.kind == TypeKind::kInt4));
        }
        case TypeKind::kNumeric:
            return open_numeric_series(arguments);
        case TypeKind::kTimestamp:
        case TypeKind::kTimestampTz:
            if (arguments.size() == 3) return open_time_series(arguments, context);
            break;
        default:
            break;
    }
    return unsupported("generate_series of {} is not supported", arguments[0].type.name());
}

class ParsedElements final : public Elements {
  public:
    ParsedElements(ArrayElements elements, Type type, const TextFormat& format)
        : elements_(std::move(elements)), type_(type), format_(format) {}
    Result<bool> next(size_t count, ColumnBuilder& out) override {
        const size_t end = std::min(elements_.size(), at_ + count);
        const bool has_any = at_ < end;
        for (; at_ < end; ++at_) {
            if (elements_[at_].has_value()) {
                TRY(parse_text_into(out, *elements_[at_], format_));
            } else {
                out.append_null();
            }
        }
        return has_any;
    }

  private:
    const ArrayElements elements_;
    const Type type_;
    const TextFormat& format_;
    size_t at_ = 0;
};

class TableCallRows final : public RowSource {
  public:
    TableCallRows(std::unique_ptr<Elements> elements, std::vector<int> columns, Schema output)
        : elements_(std::move(elements)),
          columns_(std::move(columns)),
          output_(std::move(output)) {}

    Result<bool> next(Batch& batch) override {
        ColumnBuilder builder(output_.fields[0].type, kBatchRows);
        if (!TRY(elements_->next(kBatchRows, builder))) return false;
        const Column elements = builder.finish();
        batch = {};
        batch.length = elements.length();
        for (const int column : columns_) {
            batch.columns.push_back(column == 0 ? elements : numbers(elements.length()));
        }
        given_ += elements.length();
        return true;
    }

  private:
    Column numbers(size_t count) const {
        const Type& type = output_.fields[1].type;
        ColumnBuilder builder(type, count);
        for (size_t i = 0; i < count; ++i) {
            const auto number = static_cast<int64_t>(given_ + i + 1);
            if (type.kind == TypeKind::kInt4) {
                builder.append_int4(static_cast<int32_t>(number));
            } else {
                builder.append_int8(number);
            }
        }
        return builder.finish();
    }

    std::unique_ptr<Elements> elements_;
    const std::vector<int> columns_;
    const Schema output_;
    size_t given_ = 0;
};

}  // namespace

Result<std::unique_ptr<Elements>> open_elements(const TableCall& call,
                                                const std::vector<Datum>& arguments,
                                                const operators::EvaluationContext& context) {
    for (const Datum& argument : arguments) {
        if (argument.is_null()) return std::unique_ptr<Elements>(std::make_unique<NoElements>());
    }
    if (call.function == TableCall::Function::kGenerateSeries)
        return open_series(arguments, context);
    if (arguments.size() != 1) return unsupported("unnest of several arrays is not supported");
    const auto& text = arguments[0].as<std::string>();
    const bool is_vector = arguments[0].type.alias == TypeAlias::kInt2Vector;
    auto elements = is_vector ? parse_vector_text(text) : TRY(parse_array_text(text));
    return std::unique_ptr<Elements>(
        std::make_unique<ParsedElements>(std::move(elements), call.element, context.format));
}

Result<RowSourcePtr> open_table_call(const TableCall& call, const std::vector<Datum>& arguments,
                                     std::vector<int> columns, const Schema& output,
                                     const operators::EvaluationContext& context) {
    auto elements = TRY(open_elements(call, arguments, context));
    return RowSourcePtr(
        std::make_unique<TableCallRows>(std::move(elements), std::move(columns), output));
}

}  // namespace braid::read
