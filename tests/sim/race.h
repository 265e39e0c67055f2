// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/simulation.h"
#include "base/thread.h"
#include "base/trace.h"
#include "base/worker.h"
#include "tests/sim/race_oracle.h"
#include "tests/support/test_node.h"

namespace braid::testing {

/// One seed's story: several lives of one data directory. In each, writers, readers, people who
/// make, drop and refresh views and streams, and the node's own steps race until they have done
/// their work or the power goes. What anybody sees is held against the oracle at once; every error
/// must be one that this situation explains.
class Race {
  public:
    explicit Race(uint64_t seed);

    /// What was wrong; empty: nothing.
    std::vector<std::string> run();
    uint64_t turns() const { return simulation_.turns(); }

  private:
    /// What a statement is about, for which errors it may meet.
    enum class About : uint8_t {
        kStanding,  // a stream and views that are always there
        kCut,       // an answer of batch
        kPassing,   // what another may drop or not have made yet
        kMade,      // what was just made, and another may drop
        kRefresh,
        kRefreshPassing,
    };
    using Lines = std::vector<std::string>;

    void live(bool is_last);
    void begin();
    void set_out();
    void end(bool is_last);
    void check_recovered();
    void check_at_the_end();
    void wait_for_backfills();
    void check_accounts();

    // Each is one thread's work in one life.
    void write(int writer);
    void insert(int writer);
    void read_live();
    void read_cuts();
    void make_view(const std::string& name);
    void make_view_without_data(const std::string& name);
    void drop_others(const std::string& name);
    void refresh();
    void make_stream();
    void visit_stream();

    bool is_over() const { return has_power_gone(); }
    bool has_power_gone() const;
    void rest() { simulation_.rest_us(static_cast<int64_t>(simulation_.below(1'500'000))); }
    bool chance(uint64_t one_in) { return simulation_.below(one_in) == 0; }
    /// Rows of a statement; nothing after an error, which is noted unless it is to be expected.
    std::optional<Lines> ask(TestSession& session, const std::string& sql, About about);
    void check_view(TestSession& session, const std::string& view, About about);
    void check_stream(TestSession& session);
    std::optional<Counts> counts_of(const Lines& lines, const std::string& what);
    void note(std::string fault);
    void note_trace(TraceLevel level, std::string_view component, std::string_view text);

    Simulation simulation_;
    const uint64_t seed_;
    std::unique_ptr<ThreadWorkers> workers_;
    std::unique_ptr<TestNode> node_;
    RaceOracle oracle_;
    uint64_t power_ends_ = 0;  // at this operation of the file system
    int streams_made_ = 0;
    std::vector<std::string> faults_;
};

}  // namespace braid::testing
