// SPDX-License-Identifier: Apache-2.0
// Other processes: one that is refused, one that takes the directory over from one that does not
// know, one that commits to the same manifest.
#include <array>

#include <fmt/format.h>

#include "tests/sim/node_sim.h"

namespace braid::testing {

namespace {

using Kind = FileOperation::Kind;

/// The newest seal of a stream once more, as a writer would propose it that has slept since; none
/// if nothing is sealed.
Result<std::optional<manifest::Change>> stale_seal(manifest::Manifest& manifest, TableId table) {
    const manifest::StatePtr state = manifest.head();
    manifest::Seal seal{.table = table, .box = {}, .runs = {}};
    for (const auto& [id, view] : state->catalog.views) {
        if (view.table != table) continue;
        const auto& runs = state->runs_of(view.current);
        if (runs.empty()) return std::optional<manifest::Change>();
        manifest::Run run = runs[runs.size() - 1];
        if (run.kind != manifest::RunKind::kSealed || run.box.is_empty()) {
            return std::optional<manifest::Change>();
        }
        run.level = 0;
        seal.box = run.box;
        run.id = TRY(manifest.new_run_id());
        seal.runs.push_back(std::move(run));
    }
    if (seal.runs.empty()) return std::optional<manifest::Change>();
    return std::optional<manifest::Change>(std::move(seal));
}

}  // namespace

/// The lock is held: whoever else comes is refused and changes nothing.
void NodeSim::second_process() {
    tell("a second process");
    const auto second = make_process();
    const auto started = second->node->start();
    if (started) return note("two processes have the directory");
    if (!is_harmed() && started.error().code() != ErrorCode::kUnavailable) {
        note("a second process: " + started.error().to_string());
    }
}

/// Somebody removes the lock, and another process begins: the first goes on as if nothing were.
void NodeSim::take_over() {
    if (is_harmed() || power_ends_ != UINT64_MAX) return;
    end_zombie();
    tell("another process takes the directory over");
    if (!done("removing the lock", disk_.remove(DirectoryOwner::kLockName))) return;
    zombie_ = std::move(process_);
    process_ = make_process();
    start_well();
}

/// The same between two changes of the disk by one step of the first.
void NodeSim::take_over_within_a_step() {
    if (is_harmed() || power_ends_ != UINT64_MAX) return;
    end_zombie();
    auto second = make_process();
    uint64_t left = below(12);
    bool is_taken = false;
    std::optional<Error> failure;
    disk_.set_fault_hook([&](const FileOperation& operation) -> Result<void> {
        if (is_taken || operation.kind == Kind::kRead || left-- > 0) return {};
        is_taken = true;
        auto removed = disk_.remove(DirectoryOwner::kLockName);
        if (removed) removed = second->node->start();
        if (!removed) failure = std::move(removed).error();
        return {};
    });
    is_excused_ = true;
    tell(fmt::format("another process takes the directory over after {} operations of", left));
    static constexpr std::array kDeeds = {
        &NodeSim::append,  &NodeSim::append, &NodeSim::insert,    &NodeSim::transact,
        &NodeSim::seal,    &NodeSim::idle,   &NodeSim::make_view, &NodeSim::drop_view,
        &NodeSim::refresh, &NodeSim::erase,
    };
    (this->*kDeeds.at(below(kDeeds.size())))();
    disk_.set_fault_hook({});
    is_excused_ = false;
    if (!is_taken) {
        tell("  it was over before");
        return;
    }
    if (failure) return note("taking over: " + failure->to_string());
    tell("  it has it");
    zombie_ = std::move(process_);
    process_ = std::move(second);
    check_recovered();
}

void NodeSim::end_zombie() {
    is_excused_ = true;
    zombie_.reset();
    is_excused_ = false;
}

/// Nothing that it does from the takeover on is taken.
void NodeSim::zombie_acts() {
    is_excused_ = true;
    TestNode& zombie = *zombie_->node;
    const auto refused = [&](const char* what, const auto& outcome) {
        tell(fmt::format("the process that lost the directory: {}: {}", what,
                         outcome ? "done" : outcome.error().to_string()));
        if (outcome) note(fmt::format("{} by a process that had lost the directory", what));
    };
    switch (below(7)) {
        case 0: {
            SentRequest request;
            request.is_one_append = true;
            request.events.push_back(make_event("t", /*may_be_bad=*/false));
            request.fate = SentRequest::Fate::kRefused;
            const std::string record = request.events.front().record();
            ledger_.send(std::move(request));
            refused("append", zombie.append("t", 0, {record}));
            break;
        }
        case 1: {
            SentRequest request;
            request.events.push_back(make_event("u", /*may_be_bad=*/false));
            request.fate = SentRequest::Fate::kRefused;
            const SentEvent event = request.events.front();
            ledger_.send(std::move(request));
            refused("INSERT",
                    zombie.open_session()->query(fmt::format("INSERT INTO u VALUES ('{}', {}, {})",
                                                             event.key, event.n, event.id)));
            break;
        }
        case 2:
            refused("CREATE", zombie.open_session()->query(
                                  "CREATE MATERIALIZED VIEW z AS SELECT count(*) AS c FROM t"));
            break;
        case 3:
            if (zombie.node().state()->catalog.views.empty()) break;
            refused("DROP", zombie.open_session()->query(fmt::format(
                                "DROP MATERIALIZED VIEW {}",
                                zombie.node().state()->catalog.views.begin()->second.name)));
            break;
        case 4:
            if (zombie.node().state()->catalog.views.empty()) break;
            refused("REFRESH", zombie.open_session()->query(fmt::format(
                                   "REFRESH MATERIALIZED VIEW {}",
                                   zombie.node().state()->catalog.views.begin()->second.name)));
            break;
        case 5:
            tell("the process that lost the directory goes on");
            zombie_->workers.run_until_idle(50);
            break;
        default:
            tell("the process that lost the directory ends");
            zombie_.reset();
            break;
    }
    is_excused_ = false;
}

/// A writer that owns nothing commits to the manifest, perhaps just before a commit of the node,
/// which then has lost the race. What it proposes too late must be refused.
void NodeSim::another_writer() {
    if (is_harmed() || power_ends_ != UINT64_MAX) return;
    if (chance(3)) return write_beside();
    bool is_done = false;
    disk_.set_fault_hook([&](const FileOperation& operation) -> Result<void> {
        if (is_done || operation.kind != Kind::kMove || !operation.path.starts_with("manifest/")) {
            return {};
        }
        is_done = true;
        write_beside();
        return {};
    });
    is_excused_ = true;
    tell("another writer of the manifest comes before");
    static constexpr std::array kDeeds = {&NodeSim::seal, &NodeSim::idle, &NodeSim::release,
                                          &NodeSim::refresh, &NodeSim::archive};
    (this->*kDeeds.at(below(kDeeds.size())))();
    disk_.set_fault_hook({});
    is_excused_ = false;
}

void NodeSim::write_beside() {
    const auto other = manifest::Manifest::open(disk_, clock_, "manifest");
    if (!other) return note("another writer: " + other.error().to_string());
    manifest::Manifest& manifest = **other;
    const manifest::StatePtr state = manifest.head();
    switch (below(3)) {
        case 0: {
            manifest::Release release;
            for (const manifest::Retired& each : state->retired) {
                release.runs.push_back(each.run.id);
            }
            const auto released = manifest.commit({release});
            tell(fmt::format("  another writer releases {} runs", release.runs.size()));
            if (!released) note("another writer: " + released.error().to_string());
            break;
        }
        case 1: {
            const auto made = manifest.commit({manifest::AllocateIds{.ids = 3, .runs = 5}});
            tell("  another writer takes numbers");
            if (!made) note("another writer: " + made.error().to_string());
            break;
        }
        default: {
            const auto seal = stale_seal(manifest, state->catalog.find_table(any_stream())->id);
            if (!seal) return note("another writer: " + seal.error().to_string());
            if (!*seal) break;
            tell("  another writer seals what is sealed");
            if (manifest.commit({**seal})) note("a seal was accepted twice");
            break;
        }
    }
}

}  // namespace braid::testing
