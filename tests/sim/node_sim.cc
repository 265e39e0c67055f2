// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/node_sim.h"

#include <array>

#include <fmt/format.h>

namespace braid::testing {

namespace {

constexpr int kActionsMin = 30;
constexpr uint64_t kActionsMore = 50;

}  // namespace

NodeSim::NodeSim(uint64_t seed) : seed_(seed), does_u_retain_(seed % 2 == 1), random_(seed) {}

NodeSim::~NodeSim() = default;

std::vector<std::string> NodeSim::run() {
    set_trace_sink([this](TraceLevel level, std::string_view component, std::string_view text) {
        note_trace(level, component, text);
    });
    process_ = make_process();
    start_well();
    ask(
        fmt::format("CREATE TABLE t (k text, n int, id bigint, at timestamptz)"
                    " WITH (partitions = 2, event_time = 'at');"
                    "CREATE TABLE u (k text, n int, id bigint){}",
                    does_u_retain_ ? " WITH (retention = '15 minutes')" : ""));
    const int actions = kActionsMin + static_cast<int>(below(kActionsMore));
    for (int each = 0; each < actions && findings_.empty(); ++each) act();
    if (findings_.empty()) check_at_the_end();
    set_trace_sink([](TraceLevel, std::string_view, std::string_view) {});
    zombie_.reset();
    process_.reset();
    set_trace_sink({});
    return findings_;
}

/// One random thing happens.
void NodeSim::act() {
    struct Action {
        int weight;
        void (NodeSim::*deed)();
    };
    static constexpr std::array kActions = {
        Action{22, &NodeSim::append},
        Action{3, &NodeSim::append_again},
        Action{6, &NodeSim::insert},
        Action{4, &NodeSim::transact},
        Action{6, &NodeSim::make_view},
        Action{2, &NodeSim::drop_view},
        Action{4, &NodeSim::refresh},
        Action{22, &NodeSim::step},
        Action{5, &NodeSim::idle},
        Action{6, &NodeSim::seal},
        Action{3, &NodeSim::archive},
        Action{2, &NodeSim::release},
        Action{3, &NodeSim::erase},
        Action{8, &NodeSim::read_live},
        Action{4, &NodeSim::read_point},
        Action{4, &NodeSim::read_final},
        Action{3, &NodeSim::read_at_cut},
        Action{8, &NodeSim::move_clock},
        Action{2, &NodeSim::set_wall_clock},
        Action{2, &NodeSim::break_disk},
        Action{2, &NodeSim::fill_disk},
        Action{1, &NodeSim::cut_power},
        Action{4, &NodeSim::arm_power_cut},
        Action{1, &NodeSim::end_in_good_order},
        Action{1, &NodeSim::second_process},
        Action{1, &NodeSim::take_over},
        Action{2, &NodeSim::take_over_within_a_step},
        Action{3, &NodeSim::another_writer},
    };
    static constexpr int kWeights = [] {
        int sum = 0;
        for (const Action& each : kActions) sum += each.weight;
        return sum;
    }();
    if (is_disk_ill_ && --ill_for_ <= 0) heal();
    if (zombie_ != nullptr && chance(2)) zombie_acts();
    int place = static_cast<int>(below(kWeights));
    for (const Action& each : kActions) {
        place -= each.weight;
        if (place >= 0) continue;
        (this->*each.deed)();
        break;
    }
    if (findings_.empty() && has_power_gone()) cut_power();
}

bool NodeSim::is_harmed() const {
    return is_excused_ || is_disk_ill_ || harm_ == Harm::kDeep || has_power_gone();
}

std::optional<NodeSim::Lines> NodeSim::ask(const std::string& sql,
                                           const std::set<std::string_view>& expected) {
    const auto session = node().open_session();
    return ask(*session, sql, expected);
}

std::optional<NodeSim::Lines> NodeSim::ask(TestSession& session, const std::string& sql,
                                           const std::set<std::string_view>& expected) {
    auto lines = session.query(sql);
    if (lines) return std::move(*lines);
    judge(sql, lines.error(), expected);
    return std::nullopt;
}

void NodeSim::judge(const std::string& what, const Error& error,
                    const std::set<std::string_view>& expected) {
    tell(fmt::format("  {}: {} {}", what, error.sqlstate(), error.to_string()));
    if (expected.contains(error.sqlstate())) return;
    // No illness of a disk makes an audit differ, or our own code wrong.
    static const std::set<std::string_view> kNever = {"XB001", "XX000"};
    if (is_harmed() && !kNever.contains(error.sqlstate())) return;
    note(fmt::format("{}: {} {}", what, error.sqlstate(), error.to_string()));
}

void NodeSim::tell(std::string line) {
    story_.push_back(
        fmt::format("{:>9.3f} s  {}",
                    static_cast<double>(clock_.monotonic_us() % 1'000'000'000'000) / 1e6, line));
}

void NodeSim::note(std::string finding) {
    tell("FOUND " + finding);
    findings_.push_back(std::move(finding));
}

void NodeSim::note_trace(TraceLevel level, std::string_view component, std::string_view text) {
    if (level != TraceLevel::kError) return;
    tell(fmt::format("  trace: {}: {}", component, text));
    if (!is_harmed()) note(fmt::format("trace: {}: {}", component, text));
}

}  // namespace braid::testing
