// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/metric.h"
#include "base/mutex.h"
#include "base/result.h"
#include "base/worker.h"
#include "catalog/catalog.h"
#include "manifest/manifest.h"
#include "model/health.h"
#include "runs/run_file.h"
#include "speed/speed_parts.h"
#include "speed/table_fold.h"

namespace braid::speed {

/// The sealing half of a TableWorker: what its fold has frozen is merged into one run per version,
/// written, and committed as one box, state and position together. Thread-safe; folding goes on
/// meanwhile.
class TableSeal {
  public:
    TableSeal(const SpeedParts& parts, const SpeedOptions& options, const catalog::Table& table,
              TableFold& fold);

    /// Seals when the interval has passed or the layers have grown too large; idle streams do not
    /// seal, and those with a few new events only after several intervals.
    StepOutcome step();
    /// Whether the last step found a few events, which can wait until there are more.
    bool waits_for_more() const { return waits_for_more_; }
    /// Makes durable what is folded already; nothing to do is success.
    Result<void> seal_folded();
    /// TableWorker::declare.
    Result<void> declare(std::vector<manifest::Change> changes);

  private:
    /// What a seal wrote, before the manifest knows it.
    struct Written {
        Box box;
        std::vector<manifest::Run> runs;
        uint64_t expired = 0;  // events, of all views together
        std::optional<int64_t> clock_us;
        std::vector<Horizon> horizons;
        runs::UnnamedFile file;
    };

    Result<void> seal_locked() REQUIRES(mutex_);
    /// Freezes what is folded and writes it as one run per version. Nothing folded since the last
    /// seal: nullopt.
    Result<std::optional<Written>> write_folded() REQUIRES(mutex_);
    /// One run for each version, in one file.
    Result<Written> write_views(const TableFold::Frozen& frozen) REQUIRES(mutex_);
    static Result<manifest::Run> write_view(const TableFold::Frozen& frozen, size_t view,
                                            runs::RunFile& file);
    Result<void> commit(std::optional<Written> written, std::vector<manifest::Change> changes)
        REQUIRES(mutex_);

    const SpeedParts& parts_;
    const SpeedOptions& options_;
    const catalog::Table& table_;
    TableFold& fold_;
    const std::shared_ptr<PartHealth> health_;
    Metric* seal_count_ = nullptr;
    Metric* expired_count_ = nullptr;

    Mutex mutex_;  // one seal at a time; before that of the fold
    std::atomic<int64_t> last_seal_us_ = 0;
    // By the step alone.
    bool has_rested_ = false;
    bool waits_for_more_ = false;
};

}  // namespace braid::speed
