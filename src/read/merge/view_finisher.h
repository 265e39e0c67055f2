// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "operators/aggregate/state_finisher.h"
#include "operators/expr/evaluator.h"
#include "operators/fold/view_folder.h"

namespace braid::read {

/// Which rows of a view a reader asks for.
struct ViewRows {
    std::vector<int> outputs;  // of the view, in the order of the answer
    /// Over all outputs of the view, or null. Whoever reads tests it again: here it only spares
    /// rows that nobody will see, so it may read outputs that are among `outputs` alone.
    plan::ExprPtr predicate;
    /// What the predicate is evaluated in; its limits are those of all that is read.
    operators::EvaluationContext context;
};

/// Finished values of some groups, by aggregate; nothing where not wanted.
std::vector<operators::Evaluated> finish_wanted(
    const operators::GroupTable& table, std::span<const operators::GroupTable::Group> groups,
    const std::vector<bool>& wanted);

/// Merged groups as columns. A value that cannot be finished stands among the errors of its column.
struct FinishInput {
    size_t length = 0;
    std::vector<Column> keys;
    std::vector<operators::Evaluated> aggregates;  // empty where not wanted
};

/// Rows up to the first that is asked for and cannot be finished, and why it cannot.
struct FinishedRows {
    Batch rows;
    std::optional<Error> failure;
};

/// Rows of a view: (keys…, finished aggregates…) -> outputs that are wanted, after HAVING. Compiled
/// once per scan. A group that cannot be finished (a sum beyond 38 digits) fails only the reader
/// who asks for that column of that group: not by another column, not where HAVING or the predicate
/// drops the group, not where LIMIT ends before it. One thread at a time.
class ViewFinisher {
  public:
    static Result<ViewFinisher> create(const operators::BoundView& view, const ViewRows& wanted);

    /// By aggregate: some output that is wanted, or HAVING, reads it.
    const std::vector<bool>& wanted_aggregates() const { return wanted_aggregates_; }

    /// For states of one group after the other: the one that was kept, or a new one.
    std::unique_ptr<operators::StateFinisher> take_states();
    /// Keeps it for the next who takes one. Only once nothing is left in it.
    void keep_states(std::unique_ptr<operators::StateFinisher> states) {
        states_ = std::move(states);
    }

    FinishedRows finish(FinishInput input);
    /// For another statement; of one without a predicate.
    void set_limits(const StatementLimits& limits);

  private:
    /// What a value of the answer, or HAVING, is made of.
    struct Source {
        int expr = -1;             // of program_, or
        int column = -1;           // of (keys…, aggregates…)
        std::vector<int> columns;  // of (keys…, aggregates…) that it reads
        std::string name;
    };
    struct Values;

    explicit ViewFinisher(plan::ViewPlanPtr plan) : plan_(std::move(plan)) {}
    Source add_source(const plan::ExprPtr& expr, std::string name,
                      std::vector<plan::ExprPtr>& computed);
    /// Why the source has no value in the row; null if it has one.
    const Error* error_of(const Source& source, const Values& values, uint32_t row) const;
    Values evaluate(FinishInput input);
    std::optional<Error> judge(Values& values, std::vector<uint32_t>& kept);
    /// Whether the predicate, as far as it can be computed, drops the row.
    bool is_dropped(const Values& values, uint32_t row) const;
    Error describe(const Error& error, const std::string& name, const Values& values,
                   uint32_t row) const;

    plan::ViewPlanPtr plan_;
    TextFormat format_;
    std::vector<bool> wanted_aggregates_;
    std::unique_ptr<operators::StateFinisher> states_;  // null: none was kept
    std::vector<Source> outputs_;
    std::optional<Source> having_;
    std::unique_ptr<operators::Program> program_;  // null: nothing is computed
    // The predicate's conjuncts over the outputs that are wanted.
    std::unique_ptr<operators::Program> conjuncts_;
    std::vector<std::vector<int>> conjunct_columns_;
};

}  // namespace braid::read
