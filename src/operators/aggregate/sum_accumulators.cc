// SPDX-License-Identifier: Apache-2.0
#include <limits>

#include "base/check.h"
#include "base/error_makers.h"
#include "columnar/numeric.h"
#include "operators/aggregate/accumulator_internal.h"
#include "operators/aggregate/exact_float_sum_internal.h"
#include "operators/aggregate/numeric_sum_internal.h"
#include "operators/aggregate/row_count_internal.h"

namespace braid::operators {
namespace {

/// A sum of 64-bit integers cannot leave 128 bits within 2^63 of them.
struct IntSumState {
    int64_t count;
    uint64_t low;
    uint64_t high;

    int128 sum() const { return static_cast<int128>((uint128{high} << 64) | low); }
    void set(int128 value) {
        low = static_cast<uint64_t>(value);
        high = static_cast<uint64_t>(static_cast<uint128>(value) >> 64);
    }
};

void write_signed(int128 value, ByteWriter& out) {
    // Zigzag, so that small negative sums stay short.
    auto bits = (static_cast<uint128>(value) << 1) ^ static_cast<uint128>(value >> 127);
    while (bits >= 0x80) {
        out.fixed(static_cast<uint8_t>(bits | 0x80));
        bits >>= 7;
    }
    out.fixed(static_cast<uint8_t>(bits));
}

Result<int128> read_signed(ByteReader& in) {
    uint128 bits = 0;
    for (int shift = 0; shift < 128; shift += 7) {
        const auto byte = TRY(in.fixed<uint8_t>());
        if (shift == 126 && byte > 3) break;
        bits |= static_cast<uint128>(byte & 0x7F) << shift;
        if (byte < 0x80) return static_cast<int128>((bits >> 1) ^ (~(bits & 1) + 1));
    }
    return corrupt("state of an integer sum is out of range");
}

/// Always fits, but for forged states.
Result<Numeric> numeric_of(int128 sum) {
    constexpr int128 kLimit = int128{1} << 126;
    if (sum > kLimit || sum < -kLimit) {
        return invalid_input("value overflows numeric format").with_sqlstate("22003");
    }
    return Numeric{sum};
}

/// sum and avg of int4 and int8.
class IntSum final : public Accumulator {
  public:
    explicit IntSum(const plan::Aggregate& aggregate)
        : is_average_(aggregate.kind == plan::AggregateKind::kAvg),
          is_narrow_(aggregate.argument_type().kind == TypeKind::kInt4),
          gives_int8_(aggregate.result_type.kind == TypeKind::kInt8) {}
    size_t state_bytes() const override { return sizeof(IntSumState); }
    size_t alignment() const override { return alignof(IntSumState); }

    void fold(const FoldBlock& block) override {
        const auto add = [this](char* entry, int64_t value) {
            auto* state = state_of<IntSumState>(entry);
            ++state->count;
            state->set(state->sum() + value);
        };
        if (is_narrow_) {
            for_each_value<int32_t>(block, add);
        } else {
            for_each_value<int64_t>(block, add);
        }
    }
    void merge(char* into, const char* from) override {
        auto* state = reinterpret_cast<IntSumState*>(into);
        const auto* other = reinterpret_cast<const IntSumState*>(from);
        add(*state, other->count, other->sum());
    }
    void encode(const char* from, ByteWriter& out) const override {
        const auto* state = reinterpret_cast<const IntSumState*>(from);
        out.varint(static_cast<uint64_t>(state->count));
        if (state->count != 0) write_signed(state->sum(), out);
    }
    Result<void> merge_encoded(char* into, ByteReader& in) override {
        const uint64_t count = TRY(in.varint());
        if (count == 0) return {};
        if (count > INT64_MAX) return corrupt("state of an integer sum is out of range");
        const int128 sum = TRY(read_signed(in));
        add(*reinterpret_cast<IntSumState*>(into), static_cast<int64_t>(count), sum);
        return {};
    }
    Result<void> finish(const char* from, ColumnBuilder& out) const override {
        const auto* state = reinterpret_cast<const IntSumState*>(from);
        const int128 sum = state->sum();
        if (state->count == 0) {
            out.append_null();
        } else if (is_average_) {
            const Numeric total = TRY(numeric_of(sum));
            out.append_numeric(TRY(divide(total, Numeric::from_int(state->count))));
        } else if (!gives_int8_) {
            out.append_numeric(TRY(numeric_of(sum)));
        } else if (sum < INT64_MIN || sum > INT64_MAX) {
            return invalid_input("bigint out of range").with_sqlstate("22003");
        } else {
            out.append_int8(static_cast<int64_t>(sum));
        }
        return {};
    }

  private:
    /// The sum modulo 2^128, which only a forged state could reach.
    static void add(IntSumState& state, int64_t count, int128 sum) {
        state.count = add_counts(state.count, count);
        state.set(
            static_cast<int128>(static_cast<uint128>(state.sum()) + static_cast<uint128>(sum)));
    }

    bool is_average_;
    bool is_narrow_;
    bool gives_int8_;
};

/// sum and avg of numeric.
class NumericSums final : public Accumulator {
  public:
    explicit NumericSums(const plan::Aggregate& aggregate)
        : is_average_(aggregate.kind == plan::AggregateKind::kAvg) {}
    size_t state_bytes() const override { return sizeof(NumericSum); }
    size_t alignment() const override { return alignof(NumericSum); }

    void fold(const FoldBlock& block) override {
        for_each_value<Numeric>(block, [this](char* entry, const Numeric& value) {
            state_of<NumericSum>(entry)->add(value, side_);
        });
    }
    void merge(char* into, const char* from) override {
        reinterpret_cast<NumericSum*>(into)->add(*reinterpret_cast<const NumericSum*>(from), side_);
    }
    void encode(const char* state, ByteWriter& out) const override {
        reinterpret_cast<const NumericSum*>(state)->encode(out);
    }
    Result<void> merge_encoded(char* into, ByteReader& in) override {
        return reinterpret_cast<NumericSum*>(into)->merge_encoded(in, side_);
    }
    Result<void> finish(const char* from, ColumnBuilder& out) const override {
        const auto* state = reinterpret_cast<const NumericSum*>(from);
        if (state->count() == 0) {
            out.append_null();
            return {};
        }
        out.append_numeric(TRY(is_average_ ? state->average() : state->total()));
        return {};
    }
    void drop(char* state) override { reinterpret_cast<NumericSum*>(state)->drop(side_); }
    size_t bytes_used() const override { return side_.bytes_used(); }

  private:
    bool is_average_;
    ScaledSumsStore side_;
};

/// sum and avg of float8.
class FloatSums final : public Accumulator {
  public:
    explicit FloatSums(const plan::Aggregate& aggregate)
        : is_average_(aggregate.kind == plan::AggregateKind::kAvg) {}
    size_t state_bytes() const override { return sizeof(ExactFloatSum); }
    size_t alignment() const override { return alignof(ExactFloatSum); }

    void fold(const FoldBlock& block) override {
        for_each_value<double>(block, [this](char* entry, double value) {
            state_of<ExactFloatSum>(entry)->add(value, side_);
        });
    }
    void merge(char* into, const char* from) override {
        reinterpret_cast<ExactFloatSum*>(into)->add(*reinterpret_cast<const ExactFloatSum*>(from),
                                                    side_);
    }
    void encode(const char* state, ByteWriter& out) const override {
        reinterpret_cast<const ExactFloatSum*>(state)->encode(out);
    }
    Result<void> merge_encoded(char* into, ByteReader& in) override {
        return reinterpret_cast<ExactFloatSum*>(into)->merge_encoded(in, side_);
    }
    Result<void> finish(const char* from, ColumnBuilder& out) const override {
        const auto* state = reinterpret_cast<const ExactFloatSum*>(from);
        if (state->count() == 0) {
            out.append_null();
            return {};
        }
        bool overflowed = false;
        const double value = is_average_ ? state->average() : state->sum(overflowed);
        if (overflowed) return invalid_input("value out of range: overflow").with_sqlstate("22003");
        out.append_float8(value);
        return {};
    }
    void drop(char* state) override { reinterpret_cast<ExactFloatSum*>(state)->drop(side_); }
    size_t bytes_used() const override { return side_.bytes_used(); }

  private:
    bool is_average_;
    FullFloatSums side_;
};

}  // namespace

std::unique_ptr<Accumulator> make_sum(const plan::Aggregate& aggregate) {
    switch (aggregate.argument_type().kind) {
        case TypeKind::kInt4:
        case TypeKind::kInt8:
            return std::make_unique<IntSum>(aggregate);
        case TypeKind::kNumeric:
            return std::make_unique<NumericSums>(aggregate);
        case TypeKind::kFloat8:
            return std::make_unique<FloatSums>(aggregate);
        default:
            break;
    }
    CHECK(false);
    return nullptr;
}

}  // namespace braid::operators
