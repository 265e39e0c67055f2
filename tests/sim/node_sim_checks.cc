// SPDX-License-Identifier: Apache-2.0
// What is seen of a node, held against the ledger.
#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "dataset/listed_files.h"
#include "tests/sim/node_sim.h"
#include "tests/support/files_below.h"
#include "tests/support/utc_text.h"

namespace braid::testing {

namespace {

constexpr int64_t kMinuteUs = 60'000'000;
constexpr int64_t kLongUs = 3'600'000'000;

/// "partition|offset|id|moves the clock"
FoundEvent found_of(const std::string& line) {
    FoundEvent found;
    const char* const end = line.data() + line.size();
    const char* place = std::from_chars(line.data(), end, found.partition).ptr;
    place = std::from_chars(place + 1, end, found.offset).ptr;
    place = std::from_chars(place + 1, end, found.id).ptr;
    found.moves_clock = *(place + 1) == 't';
    return found;
}

}  // namespace

NodeSim::Lines NodeSim::wanted_lines(const std::string& name, const Positions* end) {
    const manifest::StatePtr state = node().node().state();
    const ViewShape shape = views_.at(name).shape;
    const manifest::TableState& table = *state->table(node().table(stream_of(shape)));
    const catalog::MaterializedView* declared = state->catalog.find_view(name);
    const Positions begin = declared == nullptr ? table.start : state->begin_of(declared->current);
    return ledger_.expected(shape, begin, end, table.horizon_us);
}

/// What leaves a stream before anybody has seen it could not be held against the ledger.
bool NodeSim::may_time_pass() {
    if (!does_u_retain_ || ledger_.knows_all_of("u")) return true;
    return check_streams() && ledger_.knows_all_of("u");
}

/// The clock and each horizon of the manifest follow from the list of what was sent.
void NodeSim::check_horizons() {
    const manifest::StatePtr state = node().node().state();
    const manifest::TableState& table = *state->table(node().table("t"));
    const Positions& end = table.sealed_frontier;
    for (const Horizon& horizon : table.horizons) {
        if (ledger_.has_time(horizon.time_us, horizon.from)) continue;
        note(fmt::format("no event has moved the horizon to {} below {}", utc_text(horizon.time_us),
                         horizon.from.to_string()));
    }
    const bool is_watched = std::ranges::any_of(state->catalog.views, [](const auto& entry) {
        return entry.second.retention_us > 0 && entry.second.versions.front().is_populated;
    });
    if (!is_watched) return;
    std::optional<int64_t> clock_us = ledger_.clock_at(end);
    const bool is_of_erased = table.clock_us > clock_us && ledger_.has_time(*table.clock_us, end);
    if (is_of_erased) clock_us = table.clock_us;
    const auto text = [](std::optional<int64_t> us) { return us ? utc_text(*us) : "never"; };
    if (table.clock_us != clock_us) {
        note(
            fmt::format("the clock stands at {}, not at {}", text(table.clock_us), text(clock_us)));
    }
    // Ten minutes have 64 steps.
    if (clock_us && *clock_us - *table.horizon_us >= kRetentionUs / 64) {
        note(fmt::format("the horizon stands at {}, the clock at {}", text(table.horizon_us),
                         text(clock_us)));
    }
}

/// Whether both could be read; then the ledger knows them.
bool NodeSim::check_streams() {
    std::map<std::string, std::vector<FoundEvent>> found;
    for (const char* stream : {"t", "u"}) {
        const std::string moves = stream == std::string_view("t")
                                      ? "coalesce(at <= _ingested_at + interval '24 hours', false)"
                                      : "false";
        const auto lines =
            ask(fmt::format("SELECT _partition, _offset, id, {} FROM {}", moves, stream));
        if (!lines) return false;
        auto& events = found[stream];
        for (const std::string& line : *lines) events.push_back(found_of(line));
    }
    const manifest::StatePtr state = node().node().state();
    std::map<std::string, Positions> starts;
    for (const char* stream : {"t", "u"}) {
        starts[stream] = state->table(node().table(stream))->start;
    }
    const std::string wrong = ledger_.take_in(found, starts);
    if (!wrong.empty()) note(wrong);
    return wrong.empty();
}

void NodeSim::check_view(const std::string& name, const View& view) {
    const manifest::StatePtr state = node().node().state();
    const catalog::MaterializedView* declared = state->catalog.find_view(name);
    if (declared == nullptr) {
        if (view.is_certain && !is_harmed()) note("view " + name + " is gone");
        return;
    }
    if (has_unpublished_erasure(view.shape)) return;
    const bool is_populated = declared->versions.front().is_populated;
    std::set<std::string_view> expected;
    if (!is_populated) expected.insert("55000");
    const auto lines =
        ask(fmt::format("SELECT {} FROM {} ORDER BY 1", columns_of(view.shape), name), expected);
    if (!lines || *lines == wanted_lines(name, nullptr)) return;
    note(fmt::format("{}: [{}] instead of [{}]", name, fmt::join(*lines, " "),
                     fmt::join(wanted_lines(name, nullptr), " ")));
}

void NodeSim::read_live() {
    tell("read all");
    if (!check_streams()) return;
    check_horizons();
    for (const auto& [name, view] : views_) check_view(name, view);
}

void NodeSim::read_point() {
    const std::string* name = any_view();
    if (name == nullptr || !views_.at(*name).is_certain) return;
    const View& view = views_.at(*name);
    if (view.shape == ViewShape::kTotal || !check_streams()) return;
    if (has_unpublished_erasure(view.shape)) return;
    std::string key = fmt::format("k{}", below(5));
    if (view.shape == ViewShape::kKept) {
        const int64_t minutes = clock_.wall_us() / kMinuteUs - static_cast<int64_t>(below(25));
        key = utc_text(minutes * kMinuteUs);
    }
    tell(fmt::format("read {} of {}", key, *name));
    const auto lines =
        ask(fmt::format("SELECT {} FROM {} WHERE k = '{}'", columns_of(view.shape), *name, key),
            {"55000"});
    if (!lines) return;
    Lines expected = wanted_lines(*name, nullptr);
    std::erase_if(expected, [&](const auto& line) { return !line.starts_with(key + "|"); });
    if (*lines == expected) return;
    note(fmt::format("{} of {}: [{}] instead of [{}]", key, *name, fmt::join(*lines, " "),
                     fmt::join(expected, " ")));
}

void NodeSim::read_final() {
    const std::string* name = any_view();
    if (name == nullptr || !views_.at(*name).is_certain || !check_streams()) return;
    tell("read the last cut of " + *name);
    check_cut(*name, views_.at(*name), std::nullopt);
}

void NodeSim::read_at_cut() {
    const std::string* name = any_view();
    if (name == nullptr || !views_.at(*name).is_certain || !check_streams()) return;
    const View& view = views_.at(*name);
    const manifest::StatePtr state = node().node().state();
    const auto& cuts = state->table(node().table(stream_of(view.shape)))->cuts;
    if (cuts.empty()) return;
    const uint64_t number = cuts.at(below(cuts.size())).number;
    tell(fmt::format("read cut {} of {}", number, *name));
    check_cut(*name, view, number);
}

/// An answer of batch holds exactly the events below its cut.
void NodeSim::check_cut(const std::string& name, const View& view, std::optional<uint64_t> number) {
    if (has_unpublished_erasure(view.shape)) return;
    const manifest::StatePtr state = node().node().state();
    const auto& cuts = state->table(node().table(stream_of(view.shape)))->cuts;
    const auto session = node().open_session();
    ask(*session, number ? fmt::format("SET braid.read_mode = at_cut; SET braid.cut = {}", *number)
                         : std::string("SET braid.read_mode = final"));
    // No batch has answered it yet; or the cut is older than it.
    std::set<std::string_view> expected = {"55000"};
    if (number) expected.insert("22023");
    if (view.is_refreshed && !number) expected.clear();
    const auto lines =
        ask(*session, fmt::format("SELECT {} FROM {} ORDER BY 1", columns_of(view.shape), name),
            expected);
    if (!lines) return;
    const auto cut = number ? std::ranges::find(cuts, *number, &manifest::PublishedCut::number)
                            : std::prev(cuts.end());
    const Lines wanted = wanted_lines(name, &cut->cut);
    if (*lines == wanted) return;
    note(fmt::format("{} at cut {} ({}): [{}] instead of [{}]", name, cut->number,
                     cut->cut.to_string(), fmt::join(*lines, " "), fmt::join(wanted, " ")));
}

/// All heals and is quiet: every event is counted once in every answer, by both layers, before and
/// after a start, and nothing lies about.
void NodeSim::check_at_the_end() {
    tell("the end");
    heal();
    disk_.clear_faults();
    power_ends_ = UINT64_MAX;
    // What nobody knows the outcome of is decided by a start.
    end_in_good_order();
    std::map<std::string, Digest> digests;
    for (int life = 0; life < 2 && findings_.empty(); ++life) {
        clock_.advance_us(kLongUs);
        idle();
        read_live();
        if (life == 0) refresh_all();
        for (const auto& [name, view] : views_) {
            if (!findings_.empty()) return;
            check_view(name, view);
            check_cut(name, view, std::nullopt);
            for (const auto mode : {runs::ReadMode::kLive, runs::ReadMode::kFinal}) {
                const auto digest = node().digest(name, mode);
                if (!done("digest", digest)) return;
                const auto [place, is_new] = digests.emplace(name, *digest);
                if (!is_new && place->second != *digest) note(name + " has two digests");
            }
        }
        check_accounts();
        if (life == 0) end_in_good_order();
    }
    if (!findings_.empty()) return;
    const manifest::StatePtr state = node().node().state();
    tell("u begins at " + state->table(node().table("u"))->start.to_string());
    done("release", node().node().release(0));
    end_in_good_order();
    check_files();
}

/// One view of each stream stands for all.
void NodeSim::refresh_all() {
    std::set<std::string> refreshed;
    for (auto& [name, view] : views_) {
        view.is_refreshed = true;
        if (refreshed.insert(stream_of(view.shape)).second) {
            ask(fmt::format("REFRESH MATERIALIZED VIEW {}", name));
        }
    }
}

void NodeSim::check_accounts() {
    const manifest::StatePtr state = node().node().state();
    for (const manifest::Audit& audit : state->audits) {
        if (audit.verdict != manifest::Verdict::kMatched) note("audit: " + audit.difference);
    }
    for (const auto& [id, table] : state->tables) {
        if (table.has_pending_erasure()) return note("an erasure is pending at the end");
    }
    for (const auto& [name, view] : views_) {
        const catalog::MaterializedView* declared = state->catalog.find_view(name);
        if (declared == nullptr || !declared->versions.front().is_populated) {
            return note("view " + name + " has no history after a REFRESH");
        }
        FoldAccount found;
        for (const manifest::Run& run : state->runs_of(declared->current)) {
            found.add(run.account());
        }
        const manifest::TableState& table = *state->table(declared->table);
        const FoldAccount wanted = ledger_.account(view.shape, state->begin_of(declared->current),
                                                   &table.sealed_frontier, table.horizons);
        const auto text = [](const FoldAccount& each) {
            return fmt::format(
                "{} counted, {} filtered, {} quarantined, {} failed, {} expired, {} erased",
                each.counted, each.filtered, each.quarantined, each.failed, each.expired,
                each.erased);
        };
        if (text(found) != text(wanted)) {
            note(fmt::format("view {} accounts for {}, not {}", name, text(found), text(wanted)));
        }
    }
}

/// Right after a start there is no file of answers or of the dataset that the manifest does not
/// name, and none is missing.
void NodeSim::check_files() {
    const manifest::StatePtr state = node().node().state();
    std::set<std::string> named;
    for (const auto& [version, runs] : state->runs) {
        for (const manifest::Run& run : runs) named.merge(run.files());
    }
    for (const manifest::Retired& retired : state->retired) named.merge(retired.run.files());
    for (const auto& [id, table] : state->tables) {
        for (const manifest::Segment& segment : table.segments) named.insert(segment.file);
        for (const manifest::RetiredSegment& retired : table.retired_segments) {
            named.insert(dataset::unlisted_path(retired.file));
        }
    }
    std::set<std::string> found;
    for (const char* directory : {"runs", "dataset", "unlisted", "_tmp", "spill", "redo"}) {
        list_files(disk_, directory, found);
    }
    for (const std::string& path : found) {
        if (!named.contains(path)) note("nobody names " + path);
    }
    for (const std::string& path : named) {
        if (!found.contains(path)) note(path + " is missing");
    }
}

bool NodeSim::has_unpublished_erasure(ViewShape shape) {
    const manifest::StatePtr state = node().node().state();
    return state->table(node().table(stream_of(shape)))->has_unpublished_erasure();
}

void NodeSim::check_erased(size_t erasure) {
    std::set<std::string> files;
    for (const char* directory : {"log", "redo", "spill"}) list_files(disk_, directory, files);
    for (const std::string& path : files) {
        const auto bytes = disk_.read_all(path);
        if (!bytes) continue;
        for (const SentEvent* event : ledger_.erased_by(erasure)) {
            if (bytes->find(event->record()) == std::string::npos) continue;
            return note(fmt::format("event {} was erased and is in {}", event->id, path));
        }
    }
}

void NodeSim::check_only_named(const std::string& stream) {
    const manifest::StatePtr state = node().node().state();
    const TableId id = node().table(stream);
    std::set<std::string> named;
    for (const manifest::Segment& each : state->table(id)->segments) named.insert(each.file);
    const std::string& folder = state->catalog.tables.at(id).dataset_folder;
    std::set<std::string> found;
    for (const std::string& directory : {folder, dataset::unlisted_folder(folder)}) {
        list_files(disk_, directory, found);
    }
    for (const std::string& path : found) {
        if (!named.contains(path)) note("an erasure has left " + path);
    }
}

}  // namespace braid::testing
