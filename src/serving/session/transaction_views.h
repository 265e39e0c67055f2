// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "manifest/manifest.h"
#include "plan/view_plan.h"
#include "serving/session/transaction.h"

namespace braid::serving {

/// Plans of materialized views as a transaction sees them: those that it has made itself are known
/// to nobody else yet. Belongs to one session.
class TransactionViews final : public plan::ViewPlans {
  public:
    /// `committed` may be null: then all are bound here.
    TransactionViews(plan::ViewPlans* committed, const PendingWork& work)
        : committed_(committed), work_(work) {}

    /// The catalog of the statement that begins.
    void use(manifest::StatePtr state) { state_ = std::move(state); }
    Result<plan::ViewPlanPtr> plan_of(VersionId version) override;

  private:
    plan::ViewPlans* const committed_;
    const PendingWork& work_;
    manifest::StatePtr state_;
};

}  // namespace braid::serving
