// SPDX-License-Identifier: Apache-2.0
// Finishing takes memory by the block, not by the row. Allocations are counted by the hooks of the
// address sanitizer: other builds have none of these tests.
#include <atomic>
#include <cmath>
#include <numeric>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/test_support.h"
#include "operators/aggregate/group_table.h"
#include "operators/aggregate/state_finisher.h"

#ifdef __SANITIZE_ADDRESS__
// Of libasan; the compiler comes without the header that declares it.
extern "C" int __sanitizer_install_malloc_and_free_hooks(void (*on_malloc)(const volatile void*,
                                                                           size_t),
                                                         void (*on_free)(const volatile void*));

namespace braid::operators {
namespace {

using plan::AggregateKind;

std::atomic<bool> is_counting = false;
std::atomic<size_t> allocations = 0;

void count_allocation(const volatile void*, size_t) {
    if (is_counting) ++allocations;
}
void ignore_free(const volatile void*) {}

/// How often `work` asks for memory.
template <typename Work>
size_t allocations_of(Work work) {
    allocations = 0;
    is_counting = true;
    work();
    is_counting = false;
    return allocations;
}

constexpr size_t kGroups = 3'000;
/// Builders that grow by doubling, and what one call takes.
constexpr size_t kAllocationsMax = 300;

std::vector<plan::Aggregate> aggregates() {
    std::vector<plan::Aggregate> out;
    const auto add = [&](AggregateKind kind, int column, TypeKind argument, TypeKind result) {
        plan::Aggregate& aggregate = out.emplace_back();
        aggregate.kind = kind;
        aggregate.arguments = {plan::column_ref(column, Type::of(argument))};
        aggregate.result_type = Type::of(result);
    };
    add(AggregateKind::kSum, 0, TypeKind::kNumeric, TypeKind::kNumeric);
    add(AggregateKind::kAvg, 0, TypeKind::kNumeric, TypeKind::kNumeric);
    add(AggregateKind::kSum, 1, TypeKind::kFloat8, TypeKind::kFloat8);
    add(AggregateKind::kMax, 2, TypeKind::kText, TypeKind::kText);
    add(AggregateKind::kCountDistinct, 2, TypeKind::kText, TypeKind::kInt8);
    add(AggregateKind::kMode, 2, TypeKind::kText, TypeKind::kText);
    add(AggregateKind::kMode, 0, TypeKind::kNumeric, TypeKind::kNumeric);
    return out;
}

/// Three rows a group: sums of two scales, doubles too far apart for a window, texts too long for
/// a string's own bytes.
GroupTable folded() {
    GroupTable table(aggregates());
    for (size_t from = 0; from < kGroups; from += 1000) {
        ColumnBuilder keys(Type::of(TypeKind::kInt8));
        ColumnBuilder numerics(Type::of(TypeKind::kNumeric));
        ColumnBuilder floats(Type::of(TypeKind::kFloat8));
        ColumnBuilder texts(Type::of(TypeKind::kText));
        for (size_t row = 0; row < 3000; ++row) {
            keys.append_int8(static_cast<int64_t>(from + row / 3));
            numerics.append_numeric(
                {static_cast<int64_t>(row), static_cast<int16_t>(row % 3), Numeric::Kind::kFinite});
            floats.append_float8(std::ldexp(1.5, static_cast<int>(row % 3) * 900 - 900));
            texts.append_text(std::string(50 + row % 7, 'x') + std::to_string(row));
        }
        const std::vector<Column> key_columns = {keys.finish()};
        std::vector<uint32_t> rows(3000);
        std::iota(rows.begin(), rows.end(), 0U);
        EncodedKeys encoded;
        encode_keys(key_columns, rows, encoded);
        const std::vector<Column> columns = {numerics.finish(), floats.finish(), texts.finish()};
        std::vector<AggregateInput> inputs;
        for (const plan::Aggregate& each : table.aggregates()) {
            inputs.push_back({{columns[static_cast<size_t>(each.arguments[0]->column)]}, {}});
        }
        table.fold(encoded, inputs);
    }
    return table;
}

class FinishAllocations : public testing::Test {
  protected:
    void SetUp() override {
        static const bool is_hooked =
            __sanitizer_install_malloc_and_free_hooks(count_allocation, ignore_free) != 0;
        ASSERT_TRUE(is_hooked);
    }
};

TEST_F(FinishAllocations, OfATableDoNotFollowTheGroups) {
    const GroupTable table = folded();
    ASSERT_EQ(table.size(), kGroups);
    std::vector<GroupTable::Group> groups(kGroups);
    std::iota(groups.begin(), groups.end(), 0U);
    for (int aggregate = 0; aggregate < static_cast<int>(table.aggregates().size()); ++aggregate) {
        EXPECT_LT(allocations_of([&] {
                      const Evaluated finished = table.finish(aggregate, groups);
                      EXPECT_EQ(finished.column.length(), kGroups);
                  }),
                  kAllocationsMax)
            << aggregate;
    }
}

TEST_F(FinishAllocations, OfRowsOfARunDoNotFollowTheRows) {
    const GroupTable table = folded();
    struct Row {
        uint32_t section;
        std::string subkey;
        std::string state;
    };
    std::vector<Row> rows;
    for (GroupTable::Group group = 0; group < kGroups; ++group) {
        ASSERT_OK(table.visit_rows_of(
            {&group, 1}, [&](uint32_t section, const StateRow& row) -> Result<void> {
                rows.push_back({section, std::string(row.subkey), std::string(row.state)});
                return {};
            }));
    }
    EXPECT_EQ(rows.size(), kGroups * (1 + 3 * 3));
    StateFinisher finisher(table.aggregates(), std::vector<bool>(table.aggregates().size(), true));
    EXPECT_LT(allocations_of([&] {
                  for (const Row& row : rows) {
                      ASSERT_OK(finisher.add(row.section, {{}, row.subkey, row.state}));
                  }
                  EXPECT_EQ(finisher.take()[0].column.length(), kGroups);
              }),
              kAllocationsMax);
}

}  // namespace
}  // namespace braid::operators

#endif
