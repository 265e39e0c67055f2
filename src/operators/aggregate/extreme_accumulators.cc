// SPDX-License-Identifier: Apache-2.0
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/check.h"
#include "base/error_makers.h"
#include "columnar/numeric.h"
#include "operators/aggregate/accumulator_internal.h"
#include "operators/aggregate/text_store_internal.h"

namespace braid::operators {
namespace {

// Min and max must not depend on the order of rows, so each type has a total order in which no two
// values that print differently are equal: SQL's order, then a tie-break.

template <typename T>
struct Order;

template <>
struct Order<int64_t> {
    static bool less(int64_t left, int64_t right) { return left < right; }
    static int64_t canonical(int64_t value) { return value; }
    static void write(int64_t value, ByteWriter& out) { out.fixed(value); }
    static Result<int64_t> read(ByteReader& in) { return in.fixed<int64_t>(); }
};

/// NaN above all, one NaN; -0.0 below 0.0.
template <>
struct Order<double> {
    static bool less(double left, double right) {
        if (std::isnan(left)) return false;
        if (std::isnan(right)) return true;
        return left < right || (left == right && std::signbit(left) && !std::signbit(right));
    }
    static double canonical(double value) {
        return std::isnan(value) ? std::numeric_limits<double>::quiet_NaN() : value;
    }
    static void write(double value, ByteWriter& out) { out.fixed(value); }
    static Result<double> read(ByteReader& in) { return canonical(TRY(in.fixed<double>())); }
};

/// Equal values: the smaller scale wins in both min and max, so it is the better one of either.
template <>
struct Order<Numeric> {
    static Numeric canonical(const Numeric& value) { return value; }
    static void write(const Numeric& value, ByteWriter& out) {
        out.fixed(static_cast<uint8_t>(value.kind));
        if (!value.is_finite()) return;
        out.fixed(value.scale);
        out.fixed(value.unscaled);
    }
    static bool is_possible(const Numeric& value) {
        constexpr int16_t kScaleMax = 16'383;
        constexpr int128 kHalfLimit = 10'000'000'000'000'000'000U;  // 10^19
        constexpr int128 kLimit = kHalfLimit * kHalfLimit;
        return value.scale >= 0 && value.scale <= kScaleMax && value.unscaled < kLimit &&
               value.unscaled > -kLimit;
    }
    static Result<Numeric> read(ByteReader& in) {
        Numeric value;
        const auto kind = TRY(in.fixed<uint8_t>());
        if (kind > static_cast<uint8_t>(Numeric::Kind::kNegativeInfinity)) {
            return corrupt("state of a numeric extreme is out of range");
        }
        value.kind = static_cast<Numeric::Kind>(kind);
        if (!value.is_finite()) return value;
        value.scale = TRY(in.fixed<int16_t>());
        value.unscaled = TRY(in.fixed<int128>());
        if (!is_possible(value)) return corrupt("state of a numeric extreme is out of range");
        return value;
    }
};

/// Months count 30 days, days 24 hours, as PostgreSQL compares; then by months, days.
template <>
struct Order<Interval64> {
    static int128 span(const Interval64& value) {
        constexpr int64_t kDayUs = 86'400'000'000;
        return (int128{value.months} * 30 + value.days) * kDayUs + value.us;
    }
    static bool less(const Interval64& left, const Interval64& right) {
        const int128 a = span(left);
        const int128 b = span(right);
        if (a != b) return a < b;
        if (left.months != right.months) return left.months < right.months;
        return left.days < right.days;
    }
    static Interval64 canonical(const Interval64& value) { return value; }
    static void write(const Interval64& value, ByteWriter& out) {
        out.fixed(value.us);
        out.fixed(value.days);
        out.fixed(value.months);
    }
    static Result<Interval64> read(ByteReader& in) {
        Interval64 value;
        value.us = TRY(in.fixed<int64_t>());
        value.days = TRY(in.fixed<int32_t>());
        value.months = TRY(in.fixed<int32_t>());
        return value;
    }
};

/// True if `left` is to replace `right` as the extreme.
template <typename T>
bool is_better(const T& left, const T& right, bool is_max) {
    if constexpr (std::is_same_v<T, Numeric>) {
        if (left.is_finite() && right.is_finite() && left.scale == right.scale) {
            return is_max ? left.unscaled > right.unscaled : left.unscaled < right.unscaled;
        }
        const auto order = compare(left, right);
        if (order == 0) return left.scale < right.scale;
        return is_max ? order > 0 : order < 0;
    } else {
        return is_max ? Order<T>::less(right, left) : Order<T>::less(left, right);
    }
}

void append(int64_t value, ColumnBuilder& out) {
    if (out.type().kind == TypeKind::kInt4 || out.type().kind == TypeKind::kDate) {
        out.append_int4(static_cast<int32_t>(value));
    } else if (out.type().kind == TypeKind::kBool) {
        out.append_bool(value != 0);
    } else {
        out.append_int8(value);
    }
}
void append(double value, ColumnBuilder& out) { out.append_float8(value); }
void append(const Numeric& value, ColumnBuilder& out) { out.append_numeric(value); }
void append(const Interval64& value, ColumnBuilder& out) { out.append_interval(value); }

/// Extreme of values that are held as T in columns and as Held in states.
template <typename T, typename Held>
class FixedExtreme final : public Accumulator {
  public:
    explicit FixedExtreme(bool is_max) : is_max_(is_max) {}
    size_t state_bytes() const override { return kBytes; }
    size_t alignment() const override { return 1; }

    void fold(const FoldBlock& block) override {
        for_each_value<T>(block, [this](char* entry, const T& value) {
            offer(entry + offset(), Order<Held>::canonical(value));
        });
    }
    void merge(char* into, const char* from) override {
        if (is_set(from)) offer(into, value_of(from));
    }
    void encode(const char* from, ByteWriter& out) const override {
        out.fixed(static_cast<uint8_t>(is_set(from) ? 1 : 0));
        if (is_set(from)) Order<Held>::write(value_of(from), out);
    }
    Result<void> merge_encoded(char* into, ByteReader& in) override {
        const auto has_value = TRY(in.fixed<uint8_t>());
        if (has_value > 1) return corrupt("state of an extreme is out of range");
        if (has_value == 1) offer(into, TRY(Order<Held>::read(in)));
        return {};
    }
    Result<void> finish(const char* from, ColumnBuilder& out) const override {
        if (is_set(from)) {
            append(value_of(from), out);
        } else {
            out.append_null();
        }
        return {};
    }

  private:
    // In an entry: a byte that tells whether there is a value, then the value, unaligned.
    static constexpr size_t kBytes = 1 + sizeof(Held);
    static bool is_set(const char* state) { return *state != 0; }
    static Held value_of(const char* state) {
        Held value;
        std::memcpy(&value, state + 1, sizeof value);
        return value;
    }
    void offer(char* into, const Held& value) {
        if (is_set(into) && !is_better(value, value_of(into), is_max_)) return;
        *into = 1;
        std::memcpy(into + 1, &value, sizeof value);
    }

    bool is_max_;
};

/// Extreme of text by bytes (collation C). The first eight bytes lie in the state and settle most
/// comparisons without going to the text itself.
class TextExtreme final : public Accumulator {
  public:
    explicit TextExtreme(bool is_max) : is_max_(is_max) {}
    size_t state_bytes() const override { return sizeof(State); }
    size_t alignment() const override { return alignof(State); }

    void fold(const FoldBlock& block) override {
        for_each_value<std::string_view>(block, [this](char* entry, std::string_view value) {
            offer(*state_of<State>(entry), value);
        });
    }
    void merge(char* into, const char* from) override {
        const auto* state = reinterpret_cast<const State*>(from);
        if (state->buffer != nullptr) offer(*reinterpret_cast<State*>(into), state->text());
    }
    void encode(const char* from, ByteWriter& out) const override {
        const auto* state = reinterpret_cast<const State*>(from);
        out.fixed(static_cast<uint8_t>(state->buffer != nullptr ? 1 : 0));
        if (state->buffer != nullptr) out.text(state->text());
    }
    Result<void> merge_encoded(char* into, ByteReader& in) override {
        const auto is_set = TRY(in.fixed<uint8_t>());
        if (is_set > 1) return corrupt("state of an extreme is out of range");
        if (is_set == 1) offer(*reinterpret_cast<State*>(into), TRY(in.text()));
        return {};
    }
    Result<void> finish(const char* from, ColumnBuilder& out) const override {
        const auto* state = reinterpret_cast<const State*>(from);
        if (state->buffer == nullptr) {
            out.append_null();
        } else {
            out.append_text(state->text());
        }
        return {};
    }
    void drop(char* of) override {
        auto* state = reinterpret_cast<State*>(of);
        if (state->buffer != nullptr) store_.free(state->buffer, state->capacity);
    }
    size_t bytes_used() const override { return store_.bytes_used(); }

  private:
    struct State {
        uint64_t head;  // first bytes as a big-endian number, zero-filled
        char* buffer;   // null: no value yet
        uint32_t size;
        uint32_t capacity;
        std::string_view text() const { return {buffer, size}; }
    };

    static uint64_t head_of(std::string_view text) {
        uint64_t head = 0;
        if (text.size() >= sizeof head) {
            std::memcpy(&head, text.data(), sizeof head);
        } else {
            std::memcpy(&head, text.data(), text.size());
        }
        return __builtin_bswap64(head);
    }
    bool is_better_text(uint64_t head, std::string_view value, const State& state) const {
        if (head != state.head) return is_max_ ? head > state.head : head < state.head;
        return is_max_ ? value > state.text() : value < state.text();
    }
    void offer(State& state, std::string_view value) {
        const uint64_t head = head_of(value);
        if (state.buffer != nullptr && !is_better_text(head, value, state)) return;
        if (state.buffer == nullptr || state.capacity < value.size()) {
            if (state.buffer != nullptr) store_.free(state.buffer, state.capacity);
            state.buffer = store_.allocate(static_cast<uint32_t>(value.size()), state.capacity);
        }
        std::memcpy(state.buffer, value.data(), value.size());
        state.size = static_cast<uint32_t>(value.size());
        state.head = head;
    }

    bool is_max_;
    TextStore store_;
};

}  // namespace

std::unique_ptr<Accumulator> make_extreme(const plan::Aggregate& aggregate) {
    const bool is_max = aggregate.kind == plan::AggregateKind::kMax;
    switch (aggregate.argument_type().kind) {
        case TypeKind::kBool:
            return std::make_unique<FixedExtreme<uint8_t, int64_t>>(is_max);
        case TypeKind::kInt4:
        case TypeKind::kDate:
            return std::make_unique<FixedExtreme<int32_t, int64_t>>(is_max);
        case TypeKind::kInt8:
        case TypeKind::kTimestamp:
        case TypeKind::kTimestampTz:
            return std::make_unique<FixedExtreme<int64_t, int64_t>>(is_max);
        case TypeKind::kFloat8:
            return std::make_unique<FixedExtreme<double, double>>(is_max);
        case TypeKind::kNumeric:
            return std::make_unique<FixedExtreme<Numeric, Numeric>>(is_max);
        case TypeKind::kInterval:
            return std::make_unique<FixedExtreme<Interval64, Interval64>>(is_max);
        case TypeKind::kText:
        case TypeKind::kUnknown:
            return std::make_unique<TextExtreme>(is_max);
    }
    CHECK(false);
    return nullptr;
}

}  // namespace braid::operators
