// SPDX-License-Identifier: Apache-2.0
#include "operators/fold/view_folder.h"

#include <cstring>
#include <limits>
#include <numeric>
#include <tuple>

#include <gtest/gtest.h>

#include "base/random.h"
#include "base/test_support.h"
#include "columnar/text_io.h"
#include "operators/aggregate/accumulator_internal.h"
#include "operators/fold/row_numbers_internal.h"
#include "plan/function.h"

namespace braid::operators {
namespace {

using plan::AggregateKind;
using plan::ExprPtr;

/// Columns of the input, each with NULLs and in the encodings that decoders and segments give.
enum Input : int { kTime, kName, kCode, kPrice, kReal, kFlag, kConstant, kInputs };
const std::vector<Type> kTypes = {Type::of(TypeKind::kTimestampTz), Type::of(TypeKind::kText),
                                  Type::of(TypeKind::kText),        Type::of(TypeKind::kNumeric),
                                  Type::of(TypeKind::kFloat8),      Type::of(TypeKind::kBool),
                                  Type::of(TypeKind::kInt4)};

ExprPtr input(Input column) { return plan::column_ref(column, kTypes[column]); }

/// Fails where the divisor is 0.
ExprPtr quotient(ExprPtr divisor) {
    return plan::call(plan::function_by_key("/(int8,int4)"),
                      {plan::constant(Datum::int8(100)), std::move(divisor)});
}

BoundView view_of(std::vector<ExprPtr> keys, ExprPtr filter = nullptr) {
    auto plan = std::make_shared<plan::ViewPlan>();
    for (const ExprPtr& key : keys) plan->key_schema.fields.push_back({"k", key->type});
    plan->keys = std::move(keys);
    plan->filter = std::move(filter);
    const Type count = Type::of(TypeKind::kInt8);
    plan->aggregates = {{AggregateKind::kCountRows, {}, nullptr, count, -1},
                        {AggregateKind::kCountDistinct, {input(kCode)}, nullptr, count, -1},
                        {AggregateKind::kSum, {input(kPrice)}, input(kFlag), kTypes[kPrice], -1}};
    BoundView view;
    view.plan = std::move(plan);
    return view;
}

Datum random_value(Input column, uint32_t kinds, Random& random) {
    const auto value = static_cast<int64_t>(random.below(kinds));
    switch (column) {
        case kTime:
            return {kTypes[column], random.below(50) == 0 ? kTimestampInfinity : value * 1'000'000};
        case kName:
        case kCode:
            // Of any length, since keys are copied in steps.
            return Datum::text(value == 0 ? ""
                                          : std::to_string(value) +
                                                std::string(static_cast<size_t>(value) % 70, 'x'));
        case kPrice:
            return {kTypes[column], Numeric{value * 10, static_cast<int16_t>(value % 2)}};
        case kReal:
            return {kTypes[column], value == 0 ? -0.0 : value == 1 ? 0.0 : 0.5};
        case kFlag:
            return Datum::boolean(value % 4 != 0);
        default:
            return Datum::int4(7);
    }
}

Column random_column(Input column, size_t rows, uint32_t kinds, Random& random) {
    if (column == kConstant) return Column::constant(Datum::int4(7), rows);
    const auto value = [&](ColumnBuilder& builder) {
        if (random.below(20) == 0) return builder.append_null();
        builder.append(random_value(column, kinds, random));
    };
    ColumnBuilder builder(kTypes[column], rows);
    if (column != kCode) {
        for (size_t row = 0; row < rows; ++row) value(builder);
        return builder.finish();
    }
    // A computed dictionary may hold one value twice, and NULL.
    for (size_t code = 0; code < size_t{2} * kinds; ++code) value(builder);
    std::vector<int32_t> codes(rows);
    for (int32_t& code : codes) code = static_cast<int32_t>(random.below(2 * kinds + 1)) - 1;
    return Column::dictionary(builder.finish(), std::move(codes));
}

DecodedSlice random_slice(size_t rows, uint32_t kinds, Random& random) {
    DecodedSlice slice;
    slice.batch.length = rows;
    for (int column = 0; column < kInputs; ++column) {
        slice.batch.columns.push_back(
            random_column(static_cast<Input>(column), rows, kinds, random));
    }
    for (uint32_t row = 0; row < rows; ++row) {
        if (random.below(100) == 0) {
            slice.bad.push_back({row, "bad"});
        } else {
            slice.good.push_back(row);
        }
    }
    return slice;
}

/// What an aggregate that asks for places is told: the greatest, and the sum of all.
class Places final : public Accumulator {
  public:
    struct State {
        int64_t partition;
        int64_t last;
        int64_t sum;
    };
    size_t state_bytes() const override { return sizeof(State); }
    size_t alignment() const override { return alignof(State); }
    bool needs_places() const override { return true; }
    void fold(const FoldBlock& block) override {
        const RowSelection selected(block);
        for (size_t i = 0; i < block.entries.size(); ++i) {
            if (!selected[i]) continue;
            const int64_t offset = block.places->offsets[block.first + i].value;
            auto* state = state_of<State>(block.entries[i]);
            state->partition = block.places->partition.value;
            state->last = std::max(state->last, offset);
            state->sum += offset;
        }
    }
    void merge(char*, const char*) override {}
    void encode(const char* state, ByteWriter& out) const override {
        out.fixed(*reinterpret_cast<const State*>(state));
    }
    Result<void> merge_encoded(char*, ByteReader&) override { return {}; }
    Result<void> finish(const char*, ColumnBuilder& out) const override {
        out.append_null();
        return {};
    }
};

/// Tables and accounts of some views.
struct Folded {
    explicit Folded(const std::vector<BoundView>& views)
        : folder(ViewFolder::create(views).value()), accounts(views.size()) {
        for (const BoundView& view : views) tables.emplace_back(view.plan->aggregates);
        for (size_t i = 0; i < views.size(); ++i) targets.push_back({&tables[i], &accounts[i]});
    }
    void fold(const DecodedSlice& slice) { folder->fold(slice, targets); }
    /// The same by way of shards, each of which has its own keys.
    void fold_in_shards(const DecodedSlice& slice, size_t shard_count) {
        std::vector<std::vector<ShardRows>> shards(tables.size());
        for (size_t view = 0; view < tables.size(); ++view) {
            shards[view].resize(shard_count);
            targets[view].shards = &shards[view];
        }
        folder->fold(slice, targets);
        for (size_t view = 0; view < tables.size(); ++view) {
            for (size_t shard = 0; shard < shard_count; ++shard) {
                GroupTable own(tables[view].aggregates());
                shards[view][shard].fold_into(own);
                EXPECT_EQ(own.size() == 0, shards[view][shard].is_empty());
                for (GroupTable::Group group = 0; group < own.size(); ++group) {
                    EXPECT_EQ(GroupTable::shard_of(own.key_of(group), shard_count), shard);
                }
                tables[view].merge(own);
            }
        }
    }

    /// What a table holds, whatever the order of insertion.
    std::vector<std::string> rows(size_t view) const {
        const GroupTable& table = tables[view];
        std::vector<std::string> rows;
        for (const GroupTable::Group group : table.sorted_groups()) {
            rows.emplace_back(table.key_of(group));
            table.encode_state(group, rows.back());
            rows.back() += std::to_string(table.subkey_count(1, group));
        }
        return rows;
    }

    std::unique_ptr<ViewFolder> folder;
    std::vector<GroupTable> tables;
    std::vector<FoldAccount> accounts;
    std::vector<FoldTarget> targets;
};

/// Views together, which share, against each alone and few rows at a time, which do not.
void expect_same(const std::vector<BoundView>& views, uint32_t kinds) {
    Random random(kinds);
    Folded together(views);
    Folded in_shards(views);
    std::vector<Folded> alone;
    for (const BoundView& view : views) alone.emplace_back(std::vector{view});
    for (int round = 0; round < 5; ++round) {
        const DecodedSlice slice = random_slice(random.below(1000) + 1, kinds, random);
        together.fold(slice);
        in_shards.fold_in_shards(slice, size_t{1} << round);
        constexpr size_t kFew = 50;
        for (size_t from = 0; from < slice.batch.length; from += kFew) {
            DecodedSlice part;
            part.batch = slice.batch.slice(from, std::min(kFew, slice.batch.length - from));
            const auto is_within = [&](size_t row) { return row >= from && row < from + kFew; };
            const auto first = static_cast<uint32_t>(from);
            for (const uint32_t row : slice.good) {
                if (is_within(row)) part.good.push_back(row - first);
            }
            for (const BadRecord& bad : slice.bad) {
                if (is_within(bad.row)) part.bad.push_back({bad.row - first, bad.reason});
            }
            for (Folded& one : alone) one.fold(part);
        }
    }
    for (size_t view = 0; view < views.size(); ++view) {
        EXPECT_EQ(together.rows(view), alone[view].rows(0)) << view;
        EXPECT_EQ(in_shards.rows(view), alone[view].rows(0)) << view;
        EXPECT_EQ(in_shards.accounts[view].counted, alone[view].accounts[0].counted) << view;
        EXPECT_EQ(together.accounts[view].counted, alone[view].accounts[0].counted) << view;
        EXPECT_EQ(together.accounts[view].filtered, alone[view].accounts[0].filtered) << view;
        EXPECT_EQ(together.accounts[view].quarantined, alone[view].accounts[0].quarantined) << view;
    }
}

TEST(ViewFolder, ViewsThatShareAPartOfTheKeyAreFoldedAsAlone) {
    for (const uint32_t kinds : {1U, 12U, 400U}) {
        expect_same({view_of({input(kTime), input(kName), input(kCode)}),
                     view_of({input(kConstant), input(kName), input(kCode)}),
                     view_of({input(kFlag), input(kName), input(kCode)}, input(kFlag)),
                     view_of({input(kName), input(kCode), input(kReal)}, input(kFlag)),
                     view_of({input(kName), input(kTime), input(kCode), input(kPrice)})},
                    kinds);
    }
}

TEST(ViewFolder, AKeyOfAnyTypeMayBeShared) {
    for (int column = 0; column < kInputs; ++column) {
        const ExprPtr key = input(static_cast<Input>(column));
        expect_same({view_of({key}), view_of({key, input(kTime)}), view_of({})}, 9);
    }
}

TEST(ViewFolder, AKeyThatNoOtherViewHasMayBeNumberedToo) {
    for (int column = 0; column < kInputs; ++column) {
        const ExprPtr key = input(static_cast<Input>(column));
        for (const uint32_t kinds : {1U, 9U, 400U}) expect_same({view_of({key})}, kinds);
        expect_same({view_of({key}, input(kFlag))}, 9);
    }
    const ExprPtr length = plan::call(plan::function_by_key("length(text)"), {input(kName)});
    expect_same({view_of({length}), view_of({quotient(length)})}, 40);
}

TEST(ViewFolder, ARowThatFailsIsQuarantinedForItsViewOnly) {
    const ExprPtr length = plan::call(plan::function_by_key("length(text)"), {input(kName)});
    expect_same({view_of({input(kCode), quotient(length)}), view_of({input(kCode), input(kTime)}),
                 view_of({input(kCode), quotient(length)}, input(kFlag))},
                5);
}

/// What a view counts and gives as the sum of 100 / n, for n of 1, 0, NULL, 2 at offsets 10 to 13.
struct Sums {
    FoldAccount account;
    FailedEvents failed;
    std::string sum;
};

ExprPtr divisor() { return plan::column_ref(0, Type::of(TypeKind::kInt4)); }
ExprPtr divisor_is_not_zero() {
    return plan::call(plan::function_by_key("<>(int4,int4)"),
                      {divisor(), plan::constant(Datum::int4(0))});
}

Sums sums_of(ExprPtr argument_filter, ExprPtr filter, std::vector<ExprPtr> keys = {}) {
    BoundView view = view_of(std::move(keys), std::move(filter));
    auto plan = std::make_shared<plan::ViewPlan>(*view.plan);
    const Type int8 = Type::of(TypeKind::kInt8);
    plan->aggregates = {{AggregateKind::kCountRows, {}, nullptr, int8, -1},
                        {AggregateKind::kSum,
                         {quotient(divisor())},
                         std::move(argument_filter),
                         Type::of(TypeKind::kNumeric),
                         -1}};
    view.plan = plan;
    ColumnBuilder builder(Type::of(TypeKind::kInt4));
    for (const int value : {1, 0, -1, 2}) {
        if (value < 0) {
            builder.append_null();
        } else {
            builder.append_int4(value);
        }
    }
    DecodedSlice slice;
    slice.partition = {3};
    slice.offsets = Offsets(Offset{10});
    slice.batch = {.length = 4, .columns = {builder.finish()}};
    slice.good = {0, 1, 2, 3};
    Sums sums;
    GroupTable table(plan->aggregates);
    const FoldTarget target{&table, &sums.account, &sums.failed};
    ViewFolder::create({view}).value()->fold(slice, {&target, 1});
    for (const GroupTable::Group group : table.sorted_groups()) {
        const Evaluated sum = table.finish(1, {&group, 1});
        sums.sum += sums.sum.empty() ? "" : " ";
        format_text(sum.column, 0, utc_format(), sums.sum);
    }
    return sums;
}

TEST(ViewFolder, FilterGuardsTheArgument) {
    const Sums sums = sums_of(divisor_is_not_zero(), nullptr);
    EXPECT_EQ(sums.account, (FoldAccount{.counted = 4}));
    EXPECT_EQ(sums.sum, "150");
    EXPECT_TRUE(sums.failed.kept().empty());
}

TEST(ViewFolder, WhereGuardsKeysAndArguments) {
    const Sums sums = sums_of(nullptr, divisor_is_not_zero(), {quotient(divisor())});
    EXPECT_EQ(sums.account, (FoldAccount{.counted = 2, .filtered = 2}));
    EXPECT_EQ(sums.sum, "50 100");
    EXPECT_TRUE(sums.failed.kept().empty());
}

TEST(ViewFolder, NamesTheEventThatFails) {
    for (const ExprPtr& filter : {ExprPtr(), plan::constant(Datum::boolean(true))}) {
        const Sums sums = sums_of(filter, nullptr);
        EXPECT_EQ(sums.account, (FoldAccount{.counted = 3, .quarantined = 1, .failed = 1}));
        EXPECT_EQ(sums.sum, "150");
        const std::map<EventId, std::string> expected = {{{{3}, {11}}, "division by zero"}};
        EXPECT_EQ(sums.failed.kept(), expected);
    }
}

TEST(RowNumbers, CountInTheOrderOfFirstRows) {
    RowNumberer numberer;
    RowNumbers numbers;
    ColumnBuilder builder(Type::of(TypeKind::kInt8));
    for (const int64_t value : {5, 5, -1, 9, 5}) {
        if (value < 0) {
            builder.append_null();
        } else {
            builder.append_int8(value);
        }
    }
    const Column column = builder.finish();
    const std::vector<uint32_t> rows = {1, 2, 3, 4};
    numberer.number(column, rows, numbers);
    EXPECT_EQ(numbers.of_row, (std::vector<uint32_t>{0, 1, 2, 0}));
    EXPECT_EQ(numbers.firsts, (std::vector<uint32_t>{0, 1, 2}));
    RowNumbers both;
    numberer.combine(numbers, {{0, 0, 0, 1}, {0, 3}}, both);
    EXPECT_EQ(both.of_row, (std::vector<uint32_t>{0, 1, 2, 3}));
    numberer.combine(numbers, numbers, both);
    EXPECT_EQ(both.of_row, numbers.of_row);
    EXPECT_EQ(both.firsts, numbers.firsts);
}

Column int8_column(std::initializer_list<int64_t> values) {
    ColumnBuilder builder(Type::of(TypeKind::kInt8));
    for (const int64_t value : values) builder.append_int8(value);
    return builder.finish();
}

TEST(RowNumbers, NumbersThatLieWithinAsManyAsThereAreRowsAreCheap) {
    RowNumberer numberer;
    RowNumbers cheap;
    RowNumbers numbers;
    constexpr int64_t kLeast = std::numeric_limits<int64_t>::min();
    constexpr int64_t kGreatest = std::numeric_limits<int64_t>::max();
    const std::vector<uint32_t> rows = {4, 1, 2, 3};
    for (const Column& column :
         {int8_column({99, -2, -2, -5, -3}), int8_column({0, 7, 7, 7, 7}),
          int8_column({0, kLeast, kLeast + 3, kLeast, kLeast + 1}),
          int8_column({0, kGreatest - 3, kGreatest, kGreatest, kGreatest - 2})}) {
        ASSERT_TRUE(numberer.number_if_cheap(column, rows, cheap));
        numberer.number(column, rows, numbers);
        EXPECT_EQ(cheap.of_row, numbers.of_row);
        EXPECT_EQ(cheap.firsts, numbers.firsts);
        for (size_t i = 0; i < rows.size(); ++i) {
            const uint32_t first = rows[cheap.firsts[cheap.of_row[i]]];
            EXPECT_EQ(column.at<int64_t>(rows[i]), column.at<int64_t>(first));
        }
    }
    for (const Column& column : {int8_column({0, 1, 2, 2, 5}), int8_column({0, 3, 3, -1, 2}),
                                 int8_column({0, kLeast, kGreatest, kLeast, kGreatest})}) {
        EXPECT_FALSE(numberer.number_if_cheap(column, rows, cheap));
        numberer.number(column, rows, numbers);
        EXPECT_EQ(numbers.of_row.size(), rows.size());
    }
}

TEST(ViewFolder, TellsAggregatesThatAskWhereRowsComeFrom) {
    for (const bool has_shared_keys : {false, true}) {
        auto plan = std::make_shared<plan::ViewPlan>(*view_of({input(kConstant)}, nullptr).plan);
        plan->aggregates = {
            {AggregateKind::kCount, {input(kReal)}, input(kFlag), Type::of(TypeKind::kInt8), -1}};
        std::vector<BoundView> views = {{plan, {}}};
        // Keys that two views have in common are looked up once each.
        if (has_shared_keys) views.push_back(views.front());
        const auto folder = ViewFolder::create(views).value();
        std::vector<GroupTable> tables;
        std::vector<FoldAccount> accounts(views.size());
        std::vector<FoldTarget> targets;
        for (size_t view = 0; view < views.size(); ++view) {
            std::vector<std::unique_ptr<Accumulator>> places;
            places.push_back(std::make_unique<Places>());
            tables.emplace_back(plan->aggregates, std::move(places));
        }
        for (size_t view = 0; view < views.size(); ++view) {
            targets.push_back({&tables[view], &accounts[view]});
        }
        Random random(5);
        Places::State expected{3, 0, 0};
        for (int64_t first = 1'000; first < 9'000; first += 2'500) {
            DecodedSlice slice = random_slice(2'500, 4, random);
            slice.partition = {3};
            slice.offsets = Offsets(Offset{first});
            folder->fold(slice, targets);
            for (const uint32_t row : slice.good) {
                const Column& flag = slice.batch.columns[kFlag];
                if (flag.is_null(row) || flag.at<uint8_t>(row) == 0) continue;
                if (slice.batch.columns[kReal].is_null(row)) continue;
                expected.last = std::max(expected.last, first + row);
                expected.sum += first + row;
            }
        }
        for (const GroupTable& table : tables) {
            std::string state;
            table.encode_state(0, state);
            Places::State found{};
            ASSERT_EQ(state.size(), sizeof found);
            std::memcpy(&found, state.data(), sizeof found);
            EXPECT_EQ(std::tuple(found.partition, found.last, found.sum),
                      std::tuple(expected.partition, expected.last, expected.sum));
        }
    }
}

}  // namespace
}  // namespace braid::operators
