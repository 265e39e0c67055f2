// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"
#include "columnar/column.h"
#include "operators/expr/evaluator.h"
#include "plan/view_plan.h"

namespace braid::operators {

/// Which groups of a view have expired at one horizon: those whose time key lies below this floor.
/// One without a time (NULL) never expires. Immutable.
class KeyFloor {
  public:
    /// `value` is no NULL and of the type of the key's column.
    KeyFloor(const plan::ViewPlan& plan, size_t key, const Datum& value);

    /// The place of the time key among the view's keys.
    size_t key() const { return key_; }
    /// Of a column of the time key. Hot.
    bool has_expired(const Column& keys, size_t row) const;
    /// Of a whole encoded key of the view.
    bool has_expired(std::string_view key) const;

  private:
    const size_t key_;
    const bool is_date_;
    int64_t value_ = 0;
    std::string encoded_;
    std::vector<Type> before_;  // of the keys before it
};
/// Null: nothing expires.
using KeyFloorPtr = std::shared_ptr<const KeyFloor>;

/// For how long a view keeps its groups: while their time key is not below that key of a moment
/// which lies the retention before the horizon. So a window stays or goes as a whole, and at least
/// the retention is kept. Thread-safe.
class ViewRetention {
  public:
    /// `event_time` and errors: plan::time_key_of.
    static Result<std::shared_ptr<const ViewRetention>> create(const plan::ViewPlanPtr& plan,
                                                               int event_time, int64_t retention_us,
                                                               const EvaluationContext& context);

    /// At a horizon, in Unix microseconds; null without one, or where the moment has no key.
    KeyFloorPtr floor_at(std::optional<int64_t> horizon_us) const;

  private:
    ViewRetention() = default;
    KeyFloorPtr compute(int64_t horizon_us) const REQUIRES(mutex_);

    plan::ViewPlanPtr plan_;
    int event_time_ = -1;
    size_t key_ = 0;
    int64_t retention_us_ = 0;
    mutable Mutex mutex_;
    std::unique_ptr<Program> program_ GUARDED_BY(mutex_);  // of the time key
    mutable std::optional<int64_t> known_at_ GUARDED_BY(mutex_);
    mutable KeyFloorPtr known_ GUARDED_BY(mutex_);  // of the horizon that was asked for last
};
using ViewRetentionPtr = std::shared_ptr<const ViewRetention>;

}  // namespace braid::operators
