// SPDX-License-Identifier: Apache-2.0
// How processes begin and end, and what becomes of their disk and their clock.
#include <array>

#include <fmt/format.h>

#include "base/error_makers.h"
#include "tests/sim/node_sim.h"

namespace braid::testing {

namespace {

using Kind = FileOperation::Kind;

constexpr int64_t kSecondUs = 1'000'000;

/// Everything happens often, and in one thread.
app::NodeOptions options_of(uint64_t seed) {
    app::NodeOptions options = TestNode::small_options();
    options.log.extent_bytes_max = 1024;
    options.speed.seal_interval_us = 2 * kSecondUs;
    options.archive.interval_us = 10 * kSecondUs;
    options.archive.segment_rows_max = 30;
    options.batch.interval_us = seed % 3 == 0 ? 0 : 30 * kSecondUs;
    options.batch.memory_bytes_max = seed % 4 == 0 ? 1 : 4ULL << 30;
    options.housekeeping.undo_window_us = 40 * kSecondUs;
    options.read_cache_bytes = seed % 2 == 0 ? 4096 : 1 << 20;
    options.query = {.threads = 1, .rows_min = 2};
    return options;
}

}  // namespace

std::unique_ptr<NodeSim::Process> NodeSim::make_process() {
    auto process = std::make_unique<Process>();
    process->node = std::make_unique<TestNode>(options_of(seed_), clock_, process->workers,
                                               seed_ * 1000 + ++processes_);
    process->node->live_in(disk_);
    return process;
}

void NodeSim::start_well() {
    harm_ = Harm::kNone;
    const auto started = node().start();
    if (!started) return note("start: " + started.error().to_string());
    check_recovered();
}

/// What was acknowledged is there; what else is there is decided by now.
void NodeSim::check_recovered() {
    if (const auto failure = node().node().failure()) return note(failure->to_string());
    const manifest::StatePtr state = node().node().state();
    for (auto place = views_.begin(); place != views_.end();) {
        const bool is_there = state->catalog.find_view(place->first) != nullptr;
        if (place->second.is_certain && !is_there) {
            return note("view " + place->first + " was made and is lost");
        }
        place->second.is_certain = true;
        place = is_there ? std::next(place) : views_.erase(place);
    }
    for (const auto& [id, view] : state->catalog.views) {
        if (!views_.contains(view.name)) return note("view " + view.name + " was dropped");
    }
    if (state->catalog.find_table("t") == nullptr) return;
    if (check_streams()) ledger_.settle();
}

void NodeSim::restart() {
    // Now and then the power goes once more before all is recovered.
    while (chance(4)) {
        disk_.fail_all_after(below(60));
        power_ends_ = 0;
        const auto started = node().start();
        tell(fmt::format("start without enough power: {}", started ? "done" : "failed"));
        disk_.fail_all_after(0);
        node().crash(CrashFate::kTearUnsynced, random_.next());
    }
    power_ends_ = UINT64_MAX;
    start_well();
}

void NodeSim::cut_power() {
    constexpr std::array kFates = {CrashFate::kDropUnsynced, CrashFate::kKeepUnsynced,
                                   CrashFate::kTearUnsynced};
    const CrashFate fate = kFates.at(below(3));
    tell(fmt::format("the power goes, fate {}", static_cast<int>(fate)));
    power_ends_ = 0;
    disk_.fail_all_after(0);
    zombie_.reset();
    node().crash(fate, random_.next());
    disk_.set_free_bytes(UINT64_MAX);
    is_disk_ill_ = false;
    restart();
}

void NodeSim::arm_power_cut() {
    const uint64_t left = below(150);
    tell(fmt::format("the power will go in {} operations", left));
    power_ends_ = disk_.operation_count() + left;
    disk_.fail_all_after(left);
}

void NodeSim::end_in_good_order() {
    end_zombie();
    const auto stopped = node().stop();
    tell(fmt::format("stop: {}", stopped ? "done" : stopped.error().to_string()));
    if (has_power_gone()) return cut_power();
    if (!stopped && !is_harmed()) return note("stop: " + stopped.error().to_string());
    heal();
    power_ends_ = UINT64_MAX;
    disk_.clear_faults();
    start_well();
}

/// Some operations below some path fail from now on, each time or now and then.
void NodeSim::break_disk() {
    if (is_disk_ill_ || power_ends_ != UINT64_MAX) return;
    static constexpr std::array kKinds = {Kind::kCreate, Kind::kAppend, Kind::kSync,
                                          Kind::kMove,   Kind::kRemove, Kind::kSyncDirectory,
                                          Kind::kRead};
    static constexpr std::array kPlaces = {"",        "log",  "manifest", "runs",
                                           "dataset", "_tmp", "redo"};
    const bool is_passing = chance(2);
    const Kind kind = is_passing ? Kind::kCreate : kKinds.at(below(kKinds.size()));
    const std::string place = kPlaces.at(below(kPlaces.size()));
    const uint64_t one_in = 1 + below(3);
    tell(fmt::format("{} of one in {} below '{}' fails: {}", static_cast<int>(kind), one_in, place,
                     is_passing ? "too many open files" : "the device is ill"));
    is_disk_ill_ = true;
    ill_for_ = 1 + static_cast<int>(below(8));
    harm_ = std::max(harm_, is_passing ? Harm::kPassing : Harm::kDeep);
    disk_.set_fault_hook(
        [this, kind, place, one_in, is_passing](const FileOperation& operation) -> Result<void> {
            if (operation.kind != kind || !operation.path.starts_with(place)) return {};
            if (below(one_in) != 0) return {};
            if (is_passing)
                return exhausted("could not open \"{}\": too many open files", operation.path);
            return io_error("the device is ill at \"{}\"", operation.path);
        });
}

void NodeSim::fill_disk() {
    if (is_disk_ill_ || power_ends_ != UINT64_MAX) return;
    const uint64_t left = below(6000);
    tell(fmt::format("{} bytes are free", left));
    is_disk_ill_ = true;
    ill_for_ = 1 + static_cast<int>(below(8));
    harm_ = std::max(harm_, Harm::kPassing);
    disk_.set_free_bytes(left);
}

/// The disk is well; a process that has met worse than refusals needs a start.
void NodeSim::heal() {
    if (!is_disk_ill_) return;
    tell("the disk is well again");
    disk_.set_fault_hook({});
    disk_.set_free_bytes(UINT64_MAX);
    is_disk_ill_ = false;
}

void NodeSim::move_clock() {
    if (!may_time_pass()) return;
    // From a millisecond to some minutes.
    const auto us = static_cast<int64_t>(1000ULL << below(19));
    tell(fmt::format("{} ms pass", us / 1000));
    clock_.advance_us(us);
}

void NodeSim::set_wall_clock() {
    if (!may_time_pass()) return;
    const int64_t us = (static_cast<int64_t>(below(2 * 86'400'000)) - 86'400'000) * 1000;
    tell(fmt::format("the wall clock is set by {} ms", us / 1000));
    clock_.jump_us(us);
}

}  // namespace braid::testing
