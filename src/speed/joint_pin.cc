// SPDX-License-Identifier: Apache-2.0
// Pinning several streams at one moment.
#include <chrono>
#include <deque>
#include <utility>

#include "base/check.h"
#include "speed/table_worker.h"

namespace braid::speed {

namespace {

constexpr auto kRetryWait = std::chrono::milliseconds(1);

}  // namespace

/// One call of TableWorker::pin_together. The bulk is folded first, one stream after the other;
/// then, with all folding stopped, the ends of all logs are read in one step, and the little that
/// is left is folded exactly to them.
class JointPin {
  public:
    using Outcome = Result<runs::PinnedTicks>;

    JointPin(const log::CommitOrder& order, const std::vector<TableWorker::Wanted>& wanted,
             int64_t wait_us_max)
        : order_(order), wanted_(wanted), outcomes_(wanted.size()) {
        if (!wanted.empty()) {
            deadline_us_ = wanted.front().worker->parts_.clock->monotonic_us() + wait_us_max;
        }
    }

    std::vector<Outcome> run() {
        for (const auto& each : wanted_) each.worker->fold_.hold(+1);
        do {
            catch_up();
        } while (!pin_now());
        for (const auto& each : wanted_) each.worker->fold_.hold(-1);
        std::vector<Outcome> outcomes;
        for (auto& each : outcomes_) outcomes.push_back(*std::move(each));
        return outcomes;
    }

  private:
    void catch_up() {
        for (size_t index = 0; index < wanted_.size(); ++index) {
            if (outcomes_[index]) continue;
            TableFold& fold = fold_of(index);
            fold.readers_waiting_.fetch_add(1, std::memory_order_relaxed);
            UniqueLock lock(fold.mutex_);
            fold.readers_waiting_.fetch_sub(1, std::memory_order_relaxed);
            auto ready = fold.catch_up(lock, wanted_[index].at_least, deadline_us_);
            if (!ready) outcomes_[index] = std::move(ready).error();
            if (ready && fold.is_paused_) fold.folded_.wait_for(lock, kRetryWait);
        }
    }

    TableFold& fold_of(size_t index) const { return wanted_[index].worker->fold_; }

    /// False: one of them must be waited for.
    bool pin_now() NO_THREAD_SAFETY_ANALYSIS {
        std::deque<UniqueLock> locks;
        std::vector<const log::PartitionedLog*> logs;
        std::vector<size_t> open;
        for (size_t index = 0; index < wanted_.size(); ++index) {
            if (outcomes_[index]) continue;
            locks.emplace_back(fold_of(index).mutex_);
            logs.push_back(fold_of(index).log_.get());
            open.push_back(index);
        }
        const std::vector<Positions> ends = order_.ends(logs);
        for (size_t at = 0; at < open.size(); ++at) {
            TableFold& fold = fold_of(open[at]);
            auto folded = fold.fold_to(ends[at], deadline_us_);
            if (!folded) {
                outcomes_[open[at]] = std::move(folded).error();
            } else if (!*folded) {
                return false;
            }
        }
        for (const size_t index : open) {
            if (!outcomes_[index]) outcomes_[index] = fold_of(index).pin_layers();
        }
        return true;
    }

    const log::CommitOrder& order_;
    const std::vector<TableWorker::Wanted>& wanted_;
    std::vector<std::optional<Outcome>> outcomes_;
    int64_t deadline_us_ = 0;
};

std::vector<Result<runs::PinnedTicks>> TableWorker::pin_together(const log::CommitOrder& order,
                                                                 const std::vector<Wanted>& wanted,
                                                                 int64_t wait_us_max) {
    return JointPin(order, wanted, wait_us_max).run();
}

}  // namespace braid::speed
