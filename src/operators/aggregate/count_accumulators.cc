// SPDX-License-Identifier: Apache-2.0
#include "base/check.h"
#include "base/error_makers.h"
#include "operators/aggregate/accumulator_internal.h"
#include "operators/aggregate/row_count_internal.h"

namespace braid::operators {
namespace {

/// count(*) and count(x): a number.
class Count final : public Accumulator {
  public:
    size_t state_bytes() const override { return sizeof(int64_t); }
    size_t alignment() const override { return alignof(int64_t); }

    void fold(const FoldBlock& block) override {
        const RowSelection selected(block);
        const size_t count = block.entries.size();
        if (selected.is_all()) {
            for (char* entry : block.entries) ++*state_of<int64_t>(entry);
            return;
        }
        for (size_t i = 0; i < count; ++i) {
            *state_of<int64_t>(block.entries[i]) += selected[i] ? 1 : 0;
        }
    }
    void merge(char* into, const char* from) override {
        auto& state = *reinterpret_cast<int64_t*>(into);
        state = add_counts(state, *reinterpret_cast<const int64_t*>(from));
    }
    void encode(const char* state, ByteWriter& out) const override {
        out.varint(static_cast<uint64_t>(*reinterpret_cast<const int64_t*>(state)));
    }
    Result<void> merge_encoded(char* into, ByteReader& in) override {
        const uint64_t count = TRY(in.varint());
        if (count > INT64_MAX) return corrupt("state of a count is out of range");
        auto& state = *reinterpret_cast<int64_t*>(into);
        state = add_counts(state, static_cast<int64_t>(count));
        return {};
    }
    Result<void> finish(const char* state, ColumnBuilder& out) const override {
        out.append_int8(*reinterpret_cast<const int64_t*>(state));
        return {};
    }
};

/// bool_and and bool_or: whether true and whether false was seen.
class Bools final : public Accumulator {
  public:
    explicit Bools(bool is_and) : is_and_(is_and) {}
    size_t state_bytes() const override { return 1; }
    size_t alignment() const override { return 1; }

    void fold(const FoldBlock& block) override {
        for_each_value<uint8_t>(block, [this](char* entry, uint8_t value) {
            *state_of<uint8_t>(entry) |= value != 0 ? kSawTrue : kSawFalse;
        });
    }
    void merge(char* into, const char* from) override {
        *into = static_cast<char>(static_cast<uint8_t>(*into) | static_cast<uint8_t>(*from));
    }
    void encode(const char* state, ByteWriter& out) const override { out.fixed(*state); }
    Result<void> merge_encoded(char* into, ByteReader& in) override {
        const auto seen = TRY(in.fixed<uint8_t>());
        if (seen > (kSawTrue | kSawFalse))
            return corrupt("state of a bool aggregate is out of range");
        *into = static_cast<char>(static_cast<uint8_t>(*into) | seen);
        return {};
    }
    Result<void> finish(const char* state, ColumnBuilder& out) const override {
        const auto seen = static_cast<uint8_t>(*state);
        if (seen == 0) {
            out.append_null();
        } else {
            out.append_bool(is_and_ ? (seen & kSawFalse) == 0 : (seen & kSawTrue) != 0);
        }
        return {};
    }

  private:
    static constexpr uint8_t kSawFalse = 1;
    static constexpr uint8_t kSawTrue = 2;
    bool is_and_;
};

}  // namespace

std::unique_ptr<Accumulator> make_count(const plan::Aggregate&) {
    return std::make_unique<Count>();
}

std::unique_ptr<Accumulator> make_bool(const plan::Aggregate& aggregate) {
    CHECK(aggregate.argument_type().kind == TypeKind::kBool);
    return std::make_unique<Bools>(aggregate.kind == plan::AggregateKind::kBoolAnd);
}

std::unique_ptr<Accumulator> make_accumulator(const plan::Aggregate& aggregate) {
    using Kind = plan::AggregateKind;
    switch (aggregate.kind) {
        case Kind::kCountRows:
        case Kind::kCount:
            return make_count(aggregate);
        case Kind::kSum:
        case Kind::kAvg:
            return make_sum(aggregate);
        case Kind::kMin:
        case Kind::kMax:
            return make_extreme(aggregate);
        case Kind::kBoolAnd:
        case Kind::kBoolOr:
            return make_bool(aggregate);
        case Kind::kCountDistinct:  // subkeys: subkey_aggregate_internal.h
        case Kind::kMode:
        case Kind::kCombine:
            break;
    }
    CHECK(false);
    return nullptr;
}

}  // namespace braid::operators
