// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "columnar/type.h"
#include "read/adhoc/aggregate_state_internal.h"
#include "read/adhoc/generator_internal.h"

namespace braid::read {

/// A SELECT between an input and what aggregates it: each expression once, as a column x0, x1, …,
/// so that what stands above has only names to repeat.
class Projection {
  public:
    explicit Projection(std::string alias) : alias_(std::move(alias)) {}

    /// The column's name for the SELECT above.
    std::string add(const std::string& sql);
    /// What stands in the FROM clause above.
    std::string from(const FromItem& input) const;

  private:
    std::string alias_;
    std::vector<std::string> sql_;
    std::unordered_map<std::string, size_t> places_;
};

/// An aggregate or window function whose arguments are columns by now.
struct Generator::Call {
    std::string_view name;
    Type result;
    int position = 0;
    std::vector<std::string> arguments;
    std::vector<Type> types;
    std::vector<ExprPtr> exprs;  // as bound; for constants
    bool is_distinct = false;
    std::string order_by;  // " ORDER BY …" or empty
    std::string filter;    // " FILTER (WHERE …)" or empty
    std::string over;      // " OVER (…)" or empty
    std::string own_over;  // the same for aggregates of ours; see over_clause

    /// "f(DISTINCT arguments ORDER BY …) FILTER (…) OVER (…)".
    std::string invoke(std::string_view function, std::string_view arguments,
                       bool is_ordered = false) const;
    /// The same of an aggregate of ours.
    std::string invoke_own(std::string_view function, std::string_view argument) const;
};

}  // namespace braid::read
