// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "columnar/column.h"
#include "model/ids.h"
#include "plan/expr.h"

namespace braid::plan {

/// The exact aggregates. Their states, folds, merges and finishes are in operators/aggregate.
enum class AggregateKind : uint8_t {
    kCountRows,  // count(*)
    kCount,      // count(x)
    kSum,        // of int4 -> int8, int8 -> numeric, numeric -> numeric, float8 -> float8
    kAvg,        // of int4, int8, numeric -> numeric; float8 -> float8
    kMin,        // any ordered type
    kMax,
    kBoolAnd,
    kBoolOr,
    kCountDistinct,  // count(DISTINCT x); keeps its values as subkeys
    kMode,           // mode() WITHIN GROUP (ORDER BY x); keeps a count under each value
    kCombine,        // reading only: ⊕ over the states of the view's aggregate number `combined`
};

/// "count(*)", "count", "mode", … as SQL writes it; "count(DISTINCT)" for kCountDistinct.
std::string_view name_of(AggregateKind kind);

/// What an aggregate keeps for a key: one state, or rows (subkey, state), of which a set is the
/// case without state.
enum class Subkeys : uint8_t { kNone, kWithoutState, kWithState };
Subkeys subkeys_of(AggregateKind kind);

/// How exact a column of a view is, shown at CREATE and in EXPLAIN.
enum class Exactness : uint8_t { kExact, kKeyLocal, kAfterMerge, kApproximate, kBatchOnly };
/// "EXACT", "KEY-LOCAL", …
std::string_view name_of(Exactness exactness);

struct Aggregate {
    AggregateKind kind = AggregateKind::kCountRows;
    std::vector<ExprPtr> arguments;  // none for count(*) and combine; what mode orders by
    ExprPtr filter;                  // null = every row; a row counts only where it is true
    Type result_type;
    int combined = -1;

    /// Of the first argument.
    const Type& argument_type() const { return arguments.front()->type; }
};

/// Rows of states lie in sections: 0 holds one row for each group, section n >= 1 those that the
/// n-th of the aggregates with subkeys keeps. How many there are beyond 0.
uint32_t subkey_sections(const std::vector<Aggregate>& aggregates);
/// The aggregate of a section >= 1.
const Aggregate& aggregate_of_section(const std::vector<Aggregate>& aggregates, uint32_t section);

struct Output {
    std::string name;
    /// Over the columns (keys…, finished aggregates…); evaluated after the merge.
    ExprPtr expr;
};

/// Columns every stream has beyond the declared ones; in this order, behind them.
inline constexpr int kSystemColumnCount = 5;
enum class SystemColumn : uint8_t { kPartition, kOffset, kIngestedAt, kRaw, kError };
/// `_partition` int4, `_offset` int8, `_ingested_at` timestamptz, `_raw` text, `_error` text.
const Schema& system_columns();

/// "count(DISTINCT ip) FILTER (WHERE status < 400)", with `names` for the columns of the input.
std::string to_sql(const Aggregate& aggregate, const std::vector<std::string>& names);

/// One definition of a materialized view, bound: rows of one stream -> filter -> group -> states,
/// and how states become rows again. Immutable.
struct ViewPlan {
    VersionId version;
    TableId table;
    Schema input;               // declared columns, then system_columns()
    ExprPtr filter;             // over input; null = every row
    std::vector<ExprPtr> keys;  // over input
    Schema key_schema;
    std::vector<Aggregate> aggregates;  // arguments and filters over input
    std::vector<Output> outputs;        // what SELECT * gives
    ExprPtr having;                     // over (keys…, aggregates…); null = every group
    std::string definition;             // the SELECT as written
    std::vector<Exactness> exactness;   // per output
    Schema output_schema() const;
    /// If output i is exactly key k: k, else -1. Likewise for aggregates.
    int key_of_output(int output) const;
    int aggregate_of_output(int output) const;
};

using ViewPlanPtr = std::shared_ptr<const ViewPlan>;

/// Plans of view versions that were bound before. Thread-safe, cached.
class ViewPlans {
  public:
    virtual ~ViewPlans() = default;
    virtual Result<ViewPlanPtr> plan_of(VersionId version) = 0;
};

}  // namespace braid::plan
