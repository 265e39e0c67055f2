// SPDX-License-Identifier: Apache-2.0
#include "plan/view_plan.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace braid::plan {

std::string_view name_of(AggregateKind kind) {
    switch (kind) {
        case AggregateKind::kCountRows:
            return "count(*)";
        case AggregateKind::kCount:
            return "count";
        case AggregateKind::kSum:
            return "sum";
        case AggregateKind::kAvg:
            return "avg";
        case AggregateKind::kMin:
            return "min";
        case AggregateKind::kMax:
            return "max";
        case AggregateKind::kBoolAnd:
            return "bool_and";
        case AggregateKind::kBoolOr:
            return "bool_or";
        case AggregateKind::kCountDistinct:
            return "count(DISTINCT)";
        case AggregateKind::kMode:
            return "mode";
        case AggregateKind::kCombine:
            return "combine";
    }
    std::unreachable();
}

Subkeys subkeys_of(AggregateKind kind) {
    if (kind == AggregateKind::kCountDistinct) return Subkeys::kWithoutState;
    return kind == AggregateKind::kMode ? Subkeys::kWithState : Subkeys::kNone;
}

std::string_view name_of(Exactness exactness) {
    switch (exactness) {
        case Exactness::kExact:
            return "EXACT";
        case Exactness::kKeyLocal:
            return "KEY-LOCAL";
        case Exactness::kAfterMerge:
            return "AFTER-MERGE";
        case Exactness::kApproximate:
            return "APPROXIMATE";
        case Exactness::kBatchOnly:
            return "BATCH-ONLY";
    }
    std::unreachable();
}

const Schema& system_columns() {
    static const Schema* const schema =
        new Schema{{{"_partition", Type::of(TypeKind::kInt4)},
                    {"_offset", Type::of(TypeKind::kInt8)},
                    {"_ingested_at", Type::of(TypeKind::kTimestampTz)},
                    {"_raw", Type::of(TypeKind::kText)},
                    {"_error", Type::of(TypeKind::kText)}}};
    static_assert(kSystemColumnCount == 5);
    return *schema;
}

uint32_t subkey_sections(const std::vector<Aggregate>& aggregates) {
    const auto has_subkeys = [](const Aggregate& each) {
        return subkeys_of(each.kind) != Subkeys::kNone;
    };
    return static_cast<uint32_t>(std::ranges::count_if(aggregates, has_subkeys));
}

const Aggregate& aggregate_of_section(const std::vector<Aggregate>& aggregates, uint32_t section) {
    uint32_t seen = 0;
    for (const Aggregate& each : aggregates) {
        if (subkeys_of(each.kind) != Subkeys::kNone && ++seen == section) return each;
    }
    CHECK(false);
    std::unreachable();
}

Schema ViewPlan::output_schema() const {
    Schema schema;
    for (const Output& output : outputs) schema.fields.push_back({output.name, output.expr->type});
    return schema;
}

int ViewPlan::key_of_output(int output) const {
    const Expr& expr = *outputs[static_cast<size_t>(output)].expr;
    if (expr.kind != Expr::Kind::kColumn) return -1;
    return expr.column < static_cast<int>(keys.size()) ? expr.column : -1;
}

int ViewPlan::aggregate_of_output(int output) const {
    const Expr& expr = *outputs[static_cast<size_t>(output)].expr;
    if (expr.kind != Expr::Kind::kColumn) return -1;
    const int aggregate = expr.column - static_cast<int>(keys.size());
    return aggregate >= 0 ? aggregate : -1;
}

}  // namespace braid::plan
