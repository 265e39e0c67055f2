// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/memory_file_system.h"
#include "base/random.h"
#include "base/trace.h"
#include "base/worker.h"
#include "tests/sim/node_sim_ledger.h"
#include "tests/support/test_node.h"

namespace braid::testing {

/// One seed's story of one data directory, in one thread: clients, people who make, drop and
/// refresh views, the node's own steps, a disk that fails or fills up, power cuts, clocks that are
/// set, and processes that take the directory over, one random action after the other. What anybody
/// sees is held against the ledger at once; every error must be one that this situation explains.
class NodeSim {
  public:
    explicit NodeSim(uint64_t seed);
    ~NodeSim();

    /// What was wrong; empty: nothing.
    std::vector<std::string> run();
    /// What was done, one action a line.
    const std::vector<std::string>& story() const { return story_; }
    /// Changes of the disk so far.
    uint64_t operations() const { return disk_.operation_count(); }

  private:
    using Lines = std::vector<std::string>;
    /// One process on the directory.
    struct Process {
        SteppedWorkers workers;
        std::unique_ptr<TestNode> node;
    };
    struct View {
        ViewShape shape = ViewShape::kPerKey;
        bool is_certain = true;  // else a start tells whether it is there
        bool is_refreshed = false;
    };
    /// What the disk has done to the process since its start.
    enum class Harm : uint8_t {
        kNone,
        kPassing,  // refused something before it was begun: no space, no descriptor
        kDeep,     // anything
    };

    void act();

    // Lives of processes: node_sim_lives.cc.
    std::unique_ptr<Process> make_process();
    void restart();
    /// The process that starts must succeed.
    void start_well();
    void check_recovered();
    void cut_power();
    void arm_power_cut();
    void end_in_good_order();
    void break_disk();
    void fill_disk();
    void heal();
    void move_clock();
    void set_wall_clock();

    // Other processes: node_sim_rivals.cc.
    void second_process();
    void take_over();
    void take_over_within_a_step();
    void end_zombie();
    void zombie_acts();
    void another_writer();
    void write_beside();

    // What is done to the node: node_sim_deeds.cc.
    void append();
    void append_again();
    void insert();
    void transact();
    void make_view();
    void drop_view();
    void refresh();
    void step();
    void idle();
    void seal();
    void archive();
    void release();
    void erase();

    // What is seen: node_sim_checks.cc.
    void read_live();
    void read_point();
    void read_final();
    void read_at_cut();
    bool check_streams();
    void check_view(const std::string& name, const View& view);
    void check_cut(const std::string& name, const View& view, std::optional<uint64_t> number);
    void check_at_the_end();
    void refresh_all();
    void check_accounts();
    void check_files();
    /// Of no event of it the log holds a byte.
    void check_erased(size_t erasure);
    /// The dataset of a stream from which events were erased has no file that is not named.
    void check_only_named(const std::string& stream);
    /// Whether views still show what is gone from their stream.
    bool has_unpublished_erasure(ViewShape shape);

    TestNode& node() { return *process_->node; }
    uint64_t below(uint64_t bound) { return random_.below(bound); }
    bool chance(uint64_t one_in) { return random_.below(one_in) == 0; }
    SentEvent make_event(const std::string& stream, bool may_be_bad);
    int64_t make_time();
    /// Of the ledger, at the horizon that the manifest's head has.
    Lines wanted_lines(const std::string& name, const Positions* end);
    bool may_time_pass();
    void check_horizons();
    void try_append(size_t number);
    std::string any_stream() { return chance(4) ? "u" : "t"; }
    const std::string* any_view();
    bool has_power_gone() const { return disk_.operation_count() > power_ends_; }
    bool is_harmed() const;
    /// Rows of a statement; nothing after an error, which is a finding unless something explains
    /// it.
    std::optional<Lines> ask(const std::string& sql,
                             const std::set<std::string_view>& expected = {});
    std::optional<Lines> ask(TestSession& session, const std::string& sql,
                             const std::set<std::string_view>& expected = {});
    /// Whether it was done; else why not is judged.
    template <typename Outcome>
    bool done(const std::string& what, const Outcome& outcome) {
        if (outcome) return true;
        judge(what, outcome.error(), {});
        return false;
    }
    void judge(const std::string& what, const Error& error,
               const std::set<std::string_view>& expected);
    void tell(std::string line);
    void note(std::string finding);
    void note_trace(TraceLevel level, std::string_view component, std::string_view text);

    const uint64_t seed_;
    const bool does_u_retain_;  // events for a quarter of an hour
    Random random_;
    MemoryFileSystem disk_;
    SteppedClock clock_;
    std::unique_ptr<Process> process_;
    std::unique_ptr<Process> zombie_;  // has lost the directory and does not know
    Ledger ledger_;
    std::map<std::string, View> views_;
    Harm harm_ = Harm::kNone;
    bool is_disk_ill_ = false;
    int ill_for_ = 0;                   // actions, until it heals
    bool is_excused_ = false;           // by what another process does meanwhile
    uint64_t power_ends_ = UINT64_MAX;  // at this operation of the disk
    uint64_t processes_ = 0;
    std::vector<std::string> story_;
    std::vector<std::string> findings_;
};

}  // namespace braid::testing
