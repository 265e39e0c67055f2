// SPDX-License-Identifier: Apache-2.0
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "columnar/key_codec.h"
#include "operators/aggregate/subkey_aggregate_internal.h"

namespace braid::operators {
namespace {

using plan::AggregateKind;

/// A count and, behind it, the least of the values that are equal but print differently: in
/// min's order, so that it depends on no order of rows.
class CountAndLeast final : public Accumulator {
  public:
    CountAndLeast(std::unique_ptr<Accumulator> count, std::unique_ptr<Accumulator> least)
        : count_(std::move(count)), least_(std::move(least)) {}
    size_t state_bytes() const override { return kCountBytes + least_->state_bytes(); }
    size_t alignment() const override { return count_->alignment(); }

    void fold(const FoldBlock& block) override {
        count_->set_offset(offset());
        least_->set_offset(offset() + kCountBytes);
        count_->fold(block);
        least_->fold(block);
    }
    void merge(char* into, const char* from) override {
        count_->merge(into, from);
        least_->merge(into + kCountBytes, from + kCountBytes);
    }
    void encode(const char* state, ByteWriter& out) const override {
        count_->encode(state, out);
        least_->encode(state + kCountBytes, out);
    }
    Result<void> merge_encoded(char* into, ByteReader& in) override {
        TRY(count_->merge_encoded(into, in));
        return least_->merge_encoded(into + kCountBytes, in);
    }
    /// The value.
    Result<void> finish(const char* state, ColumnBuilder& out) const override {
        return least_->finish(state + kCountBytes, out);
    }

  private:
    static constexpr size_t kCountBytes = sizeof(int64_t);
    const std::unique_ptr<Accumulator> count_;
    const std::unique_ptr<Accumulator> least_;
};

/// Values that SQL finds equal may print differently, so their key form is not enough.
bool prints_more_than_its_key(TypeKind kind) {
    return kind == TypeKind::kNumeric || kind == TypeKind::kFloat8 || kind == TypeKind::kInterval;
}

std::unique_ptr<Accumulator> accumulator_of(AggregateKind kind, const plan::Aggregate& from) {
    plan::Aggregate other = from;
    other.kind = kind;
    other.result_type = from.argument_type();
    return make_accumulator(other);
}

/// count(DISTINCT x): how many subkeys there are.
class CountSubkeys final : public SubkeyFinish {
  public:
    bool reads_rows() const override { return false; }
    void start() override {}
    void add(std::string_view, const char*) override {}
    Result<void> finish(uint64_t count, ColumnBuilder& out) const override {
        out.append_int8(static_cast<int64_t>(count));
        return {};
    }
};

/// mode(): the subkey that came most often, of those the smallest.
class Mode final : public SubkeyFinish {
  public:
    explicit Mode(const plan::Aggregate& aggregate)
        : type_(aggregate.argument_type()), state_(subkey_states(aggregate).state) {
        if (!prints_more_than_its_key(type_.kind)) return;
        best_state_.assign(state_->state_bytes() / sizeof(uint64_t) + 1, 0);
    }

    bool reads_rows() const override { return true; }
    void start() override { best_count_ = 0; }
    void add(std::string_view subkey, const char* state) override {
        int64_t count = 0;
        std::memcpy(&count, state, sizeof count);
        if (count < best_count_ || (count == best_count_ && subkey >= best_subkey_)) return;
        best_count_ = count;
        best_subkey_.assign(subkey);
        if (!best_state_.empty()) std::memcpy(best_state_.data(), state, state_->state_bytes());
    }
    Result<void> finish(uint64_t, ColumnBuilder& out) const override {
        if (best_count_ == 0) {
            out.append_null();
            return {};
        }
        if (!best_state_.empty()) {
            return state_->finish(reinterpret_cast<const char*>(best_state_.data()), out);
        }
        std::string_view key = best_subkey_;
        return decode_key_value(key, type_, out);
    }

  private:
    const Type type_;
    const std::unique_ptr<Accumulator> state_;
    int64_t best_count_ = 0;
    std::string best_subkey_;
    std::vector<uint64_t> best_state_;  // empty: the subkey is the value
};

}  // namespace

SubkeyStates subkey_states(const plan::Aggregate& aggregate) {
    if (plan::subkeys_of(aggregate.kind) == plan::Subkeys::kWithoutState) return {};
    CHECK(aggregate.kind == AggregateKind::kMode);
    auto count = accumulator_of(AggregateKind::kCount, aggregate);
    if (!prints_more_than_its_key(aggregate.argument_type().kind)) return {std::move(count), false};
    auto least = accumulator_of(AggregateKind::kMin, aggregate);
    return {std::make_unique<CountAndLeast>(std::move(count), std::move(least)), true};
}

std::unique_ptr<SubkeyFinish> make_subkey_finish(const plan::Aggregate& aggregate) {
    if (aggregate.kind == AggregateKind::kMode) return std::make_unique<Mode>(aggregate);
    CHECK(aggregate.kind == AggregateKind::kCountDistinct);
    return std::make_unique<CountSubkeys>();
}

}  // namespace braid::operators
