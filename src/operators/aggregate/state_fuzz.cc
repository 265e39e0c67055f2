// SPDX-License-Identifier: Apache-2.0
// Input: the state of a group with every aggregate. Refused, or merged; what was merged has one
// form.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "operators/aggregate/group_table.h"
#include "operators/aggregate/state_finisher.h"

namespace {

using namespace braid;
using plan::AggregateKind;

std::vector<plan::Aggregate> aggregates() {
    std::vector<plan::Aggregate> out;
    const auto add = [&](AggregateKind kind, TypeKind argument, TypeKind result) {
        plan::Aggregate& aggregate = out.emplace_back();
        aggregate.kind = kind;
        if (kind != AggregateKind::kCountRows) {
            aggregate.arguments = {plan::column_ref(0, Type::of(argument))};
        }
        aggregate.result_type = Type::of(result);
    };
    add(AggregateKind::kCountRows, TypeKind::kInt8, TypeKind::kInt8);
    add(AggregateKind::kSum, TypeKind::kInt4, TypeKind::kInt8);
    add(AggregateKind::kAvg, TypeKind::kInt8, TypeKind::kNumeric);
    add(AggregateKind::kSum, TypeKind::kNumeric, TypeKind::kNumeric);
    add(AggregateKind::kAvg, TypeKind::kFloat8, TypeKind::kFloat8);
    add(AggregateKind::kSum, TypeKind::kFloat8, TypeKind::kFloat8);
    add(AggregateKind::kBoolAnd, TypeKind::kBool, TypeKind::kBool);
    for (const TypeKind kind : {TypeKind::kInt8, TypeKind::kFloat8, TypeKind::kNumeric,
                                TypeKind::kInterval, TypeKind::kText}) {
        add(AggregateKind::kMin, kind, kind);
        add(AggregateKind::kMax, kind, kind);
    }
    return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    operators::GroupTable first(aggregates());
    if (!first.merge_row(0, {"k", {}, input}).has_value()) return 0;
    std::string once;
    first.encode_state(0, once);

    operators::GroupTable second(aggregates());
    CHECK(second.merge_row(0, {"k", {}, once}).has_value());
    std::string twice;
    second.encode_state(0, twice);
    CHECK(once == twice);

    const std::vector<plan::Aggregate> all = aggregates();
    operators::StateFinisher finisher(all, std::vector<bool>(all.size(), true));
    CHECK(finisher.add(0, {"k", {}, once}).has_value());
    static_cast<void>(finisher.take());
    second.merge(first);
    return 0;
}
