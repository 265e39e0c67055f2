// SPDX-License-Identifier: Apache-2.0
#include "read/merge/failed_scan.h"

#include "runs/run_file.h"

namespace braid::read {

FoldAccount account_of(const runs::Tiling& tiling) {
    FoldAccount sum = tiling.base->listed->facts.account;
    for (const runs::TickPtr& tick : tiling.ticks) {
        const auto account = tick->accounts.find(tiling.version());
        if (account != tick->accounts.end()) sum.add(account->second);
    }
    return sum;
}

Result<operators::FailedEvents> gather_failed(const runs::Tiling& tiling) {
    operators::FailedEvents all;
    for (const auto& run : tiling.runs()) {
        operators::StateRow row;
        const auto rows = TRY(run->scan(runs::kFailedSection, {}, {}));
        while (TRY(rows->next(row))) TRY(all.merge_encoded(row.key, row.state));
    }
    for (const runs::TickPtr& tick : tiling.ticks) {
        const auto failed = tick->failed.find(tiling.version());
        if (failed != tick->failed.end()) all.merge(*failed->second);
    }
    return all;
}

}  // namespace braid::read
