// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/race.h"

#include <algorithm>
#include <charconv>
#include <map>

#include <fmt/format.h>

#include "base/trace.h"

namespace braid::testing {

namespace {

constexpr int kLives = 3;
constexpr int kWriters = 2;   // over the log's own interface, with keys
constexpr int kInserter = 2;  // by INSERT
constexpr int kPasserBy = 7;  // writes into a stream that comes and goes
constexpr int kStepsMax = 8;
constexpr int kPartitions = 2;
constexpr uint64_t kOperationsMax = 1'500;
constexpr int64_t kBackfillUsMax = 120'000'000;

constexpr const char* kSelect =
    "SELECT w, count(*) AS c, sum(id) AS s, count(DISTINCT id) AS d, max(id) AS m FROM {} GROUP BY "
    "w";

app::NodeOptions options(uint64_t seed) {
    app::NodeOptions options = TestNode::small_options();
    options.speed.fold_threads = 1 + seed % 3;
    options.log.extent_bytes_max = 1024;
    options.speed.seal_interval_us = 300'000;
    options.archive.interval_us = 1'000'000;
    options.archive.segment_rows_max = 100;
    options.batch.interval_us = 2'500'000;
    options.batch.threads = 1 + seed % 2;
    options.housekeeping.undo_window_us = 40'000'000;
    return options;
}

std::vector<int64_t> numbers_of(const std::string& line) {
    std::vector<int64_t> numbers;
    const char* place = line.data();
    const char* const end = place + line.size();
    while (place < end) {
        int64_t number = -1;
        place = std::from_chars(place, end, number).ptr;
        numbers.push_back(number);
        while (place < end && *place != '|') ++place;
        if (place < end) ++place;
    }
    return numbers;
}

/// The lines of a view that holds the first `count` events of a writer.
std::string line_of(int writer, int64_t count) {
    return fmt::format("{}|{}|{}|{}|{}", writer, count, count * (count - 1) / 2, count, count - 1);
}

}  // namespace

Race::Race(uint64_t seed) : simulation_(seed), seed_(seed) {}

std::vector<std::string> Race::run() {
    set_trace_sink([this](TraceLevel level, std::string_view component, std::string_view text) {
        note_trace(level, component, text);
    });
    simulation_.run([this] {
        workers_ = std::make_unique<ThreadWorkers>(ThreadWorkersOptions{.clock = &simulation_});
        node_ = std::make_unique<TestNode>(options(seed_), simulation_, *workers_);
        for (int life = 0; life < kLives && faults_.empty(); ++life) live(life + 1 == kLives);
        node_.reset();
        workers_.reset();
    });
    set_trace_sink({});
    return faults_;
}

bool Race::has_power_gone() const { return node_->files().operation_count() > power_ends_; }

void Race::live(bool is_last) {
    begin();
    if (!node_->is_running()) return;
    const bool power_goes = !is_last && !chance(4);
    if (power_goes) {
        const uint64_t left = simulation_.below(kOperationsMax);
        power_ends_ = node_->files().operation_count() + left;
        node_->files().fail_all_after(left);
    }
    set_out();
    end(is_last);
}

/// Starts the node. What was acknowledged in the lives before is there.
void Race::begin() {
    power_ends_ = UINT64_MAX;
    const auto started = node_->start();
    if (!started) return note("start: " + started.error().to_string());
    auto session = node_->open_session();
    if (node_->table("t") == TableId{}) {
        ask(*session,
            fmt::format("CREATE TABLE t (w int, id bigint) WITH (partitions = {})", kPartitions),
            About::kStanding);
        ask(*session, "CREATE MATERIALIZED VIEW v AS " + fmt::format(fmt::runtime(kSelect), "t"),
            About::kStanding);
    } else {
        check_recovered();
    }
}

/// All at once, until each has done its work.
void Race::set_out() {
    std::vector<Thread> threads;
    const auto go = [&](std::string name, std::function<void()> work) {
        threads.emplace_back(std::move(name), std::move(work));
    };
    for (int writer = 0; writer < kWriters; ++writer) {
        go(fmt::format("writer {}", writer), [this, writer] { write(writer); });
    }
    go("inserter", [this] { insert(kInserter); });
    go("reader", [this] { read_live(); });
    go("reader of cuts", [this] { read_cuts(); });
    go("maker of x", [this] { make_view("x"); });
    go("maker of y", [this] { make_view_without_data("y"); });
    if (chance(2)) go("dropper of x", [this] { drop_others("x"); });
    go("refresher", [this] { refresh(); });
    if (chance(2)) go("second refresher", [this] { refresh(); });
    go("maker of u", [this] { make_stream(); });
    if (chance(2)) go("visitor of u", [this] { visit_stream(); });
    for (Thread& thread : threads) thread.join();
}

void Race::end(bool is_last) {
    if (!has_power_gone() && faults_.empty()) {
        check_recovered();
        if (is_last) check_at_the_end();
    }
    if (!has_power_gone() && chance(2)) {
        const auto stopped = node_->stop();
        if (stopped) return node_->files().clear_faults();
        if (!has_power_gone()) note("stop: " + stopped.error().to_string());
    }
    power_ends_ = 0;  // what fails from here on is to fail
    constexpr CrashFate kFates[] = {CrashFate::kDropUnsynced, CrashFate::kKeepUnsynced,
                                    CrashFate::kTearUnsynced};
    node_->crash(kFates[simulation_.below(3)], seed_);
}

void Race::write(int writer) {
    for (int step = 0; step < kStepsMax && !is_over(); ++step) {
        const int64_t count = 1 + static_cast<int64_t>(simulation_.below(4));
        const int64_t first = oracle_.send(writer, count);
        std::vector<std::string> records;
        for (int64_t id = first; id < first + count; ++id) {
            records.push_back(fmt::format(R"({{"w":{},"id":{}}})", writer, id));
        }
        const auto partition = static_cast<uint32_t>(first + writer) % kPartitions;
        const auto outcome =
            node_->append("t", partition, records, fmt::format("{}-{}", writer, first));
        if (outcome) {
            oracle_.acknowledge(writer);
        } else if (!has_power_gone()) {
            return note("append: " + outcome.error().to_string());
        }
        rest();
    }
}

void Race::insert(int writer) {
    auto session = node_->open_session();
    for (int step = 0; step < kStepsMax && !is_over(); ++step) {
        const int64_t count = 1 + static_cast<int64_t>(simulation_.below(3));
        const int64_t first = oracle_.send(writer, count);
        std::string values;
        for (int64_t id = first; id < first + count; ++id) {
            values += fmt::format("{}({}, {})", values.empty() ? "" : ", ", writer, id);
        }
        if (!ask(*session, "INSERT INTO t VALUES " + values, About::kStanding)) return;
        oracle_.acknowledge(writer);
        rest();
    }
}

void Race::read_live() {
    auto session = node_->open_session();
    for (int step = 0; step < kStepsMax && !is_over(); ++step) {
        switch (simulation_.below(4)) {
            case 0:
                check_stream(*session);
                break;
            case 1:
                check_view(*session, "x", About::kPassing);
                break;
            case 2:
                check_view(*session, "y", About::kPassing);
                break;
            default:
                check_view(*session, "v", About::kStanding);
                break;
        }
        rest();
    }
}

/// The newest cut is whole, and a cut that is kept answers twice the same.
void Race::read_cuts() {
    auto session = node_->open_session();
    for (int step = 0; step < kStepsMax && !is_over(); ++step) {
        if (!ask(*session, "SET braid.read_mode = final", About::kStanding)) return;
        check_view(*session, "v", About::kCut);
        const manifest::StatePtr state = node_->node().state();
        const auto& cuts = state->table(node_->table("t"))->cuts;
        if (!cuts.empty()) {
            const uint64_t number = cuts[simulation_.below(cuts.size())].number;
            ask(*session, fmt::format("SET braid.read_mode = at_cut; SET braid.cut = {}", number),
                About::kStanding);
            const auto once = ask(*session, "SELECT * FROM v", About::kCut);
            rest();
            const auto again = ask(*session, "SELECT * FROM v", About::kCut);
            if (once && again && Lines(*once) != *again) {
                note(fmt::format("cut {} answers {} and then {}", number, fmt::join(*once, " "),
                                 fmt::join(*again, " ")));
            }
            ask(*session, "SET braid.cut = latest", About::kStanding);
        }
        rest();
    }
}

/// What was made is there with its history at once, unless somebody else has dropped it.
void Race::make_view(const std::string& name) {
    auto session = node_->open_session();
    for (int step = 0; step < kStepsMax / 2 && !is_over(); ++step) {
        const bool is_there = node_->node().state()->catalog.find_view(name) != nullptr;
        const auto made = ask(*session,
                              fmt::format("CREATE MATERIALIZED VIEW {} AS {}", name,
                                          fmt::format(fmt::runtime(kSelect), "t")),
                              About::kPassing);
        if (made) check_view(*session, name, About::kMade);
        if (is_there || chance(3)) {
            rest();
            ask(*session, fmt::format("DROP MATERIALIZED VIEW {}", name), About::kPassing);
        }
        rest();
    }
}

void Race::make_view_without_data(const std::string& name) {
    auto session = node_->open_session();
    for (int step = 0; step < kStepsMax / 2 && !is_over(); ++step) {
        ask(*session,
            fmt::format("CREATE MATERIALIZED VIEW {} AS {} WITH NO DATA", name,
                        fmt::format(fmt::runtime(kSelect), "t")),
            About::kPassing);
        rest();
        const auto refreshed =
            ask(*session, fmt::format("REFRESH MATERIALIZED VIEW {}", name), About::kRefresh);
        if (refreshed) check_view(*session, name, About::kStanding);
        if (chance(2)) {
            ask(*session, fmt::format("DROP MATERIALIZED VIEW {}", name), About::kStanding);
        }
        rest();
    }
}

void Race::drop_others(const std::string& name) {
    auto session = node_->open_session();
    for (int step = 0; step < kStepsMax / 2 && !is_over(); ++step) {
        rest();
        ask(*session, fmt::format("DROP MATERIALIZED VIEW {}", name), About::kPassing);
    }
}

void Race::refresh() {
    auto session = node_->open_session();
    for (int step = 0; step < kStepsMax && !is_over(); ++step) {
        const Counts least = oracle_.acknowledged();
        const auto done = ask(*session, "REFRESH MATERIALIZED VIEW v", About::kRefresh);
        if (done && chance(2)) {
            // What was acknowledged before a REFRESH began is in the answer of batch.
            ask(*session, "SET braid.read_mode = final", About::kStanding);
            if (const auto lines = ask(*session, "SELECT * FROM v", About::kCut)) {
                const auto counts = counts_of(*lines, "v after REFRESH");
                const std::string wrong = counts ? oracle_.judge(*counts, least) : "";
                if (!wrong.empty()) note("v after REFRESH: " + wrong);
            }
            ask(*session, "SET braid.read_mode = live", About::kStanding);
        }
        rest();
    }
}

/// A stream and its view come and go; what they hold is of this coming only.
void Race::make_stream() {
    auto session = node_->open_session();
    while (!is_over() && streams_made_ % (kStepsMax / 2) != kStepsMax / 2 - 1) {
        const int number = ++streams_made_;
        ask(*session, "DROP MATERIALIZED VIEW uv", About::kPassing);
        ask(*session, "DROP TABLE u", About::kPassing);
        ask(*session, "CREATE TABLE u (w int, id bigint)", About::kPassing);
        ask(*session,
            fmt::format("INSERT INTO u VALUES ({}, 0), ({}, 1)", 100 + number, 100 + number),
            About::kStanding);
        const auto made = ask(
            *session, "CREATE MATERIALIZED VIEW uv AS " + fmt::format(fmt::runtime(kSelect), "u"),
            About::kPassing);
        const auto stored = ask(*session, fmt::format("INSERT INTO u VALUES ({}, 2)", 100 + number),
                                About::kStanding);
        if (!stored) return;
        rest();
        if (chance(2)) ask(*session, "REFRESH MATERIALIZED VIEW uv", About::kRefreshPassing);
        auto lines = made ? ask(*session, "SELECT * FROM uv", About::kStanding) : std::nullopt;
        if (!lines) continue;
        std::erase_if(*lines, [](const auto& line) { return numbers_of(line).at(0) == kPasserBy; });
        if (*lines != Lines{line_of(100 + number, 3)}) {
            note(fmt::format("uv in coming {}: {}", number, fmt::join(*lines, " ")));
        }
        rest();
    }
    ++streams_made_;
}

void Race::visit_stream() {
    auto session = node_->open_session();
    for (int step = 0; step < kStepsMax && !is_over(); ++step) {
        switch (simulation_.below(4)) {
            case 0:
                ask(*session, fmt::format("INSERT INTO u VALUES ({}, {})", kPasserBy, step),
                    About::kPassing);
                break;
            case 1:
                ask(*session, "SELECT w, id FROM u", About::kPassing);
                break;
            case 2:
                ask(*session, "REFRESH MATERIALIZED VIEW uv", About::kRefreshPassing);
                break;
            default:
                ask(*session, "SELECT * FROM uv", About::kPassing);
                break;
        }
        rest();
    }
}

void Race::check_stream(TestSession& session) {
    const Counts least = oracle_.acknowledged();
    const auto lines = ask(session, "SELECT w, id FROM t", About::kStanding);
    if (!lines) return;
    std::map<int, std::set<int64_t>> found;
    for (const std::string& line : *lines) {
        const auto numbers = numbers_of(line);
        if (!found[static_cast<int>(numbers.at(0))].insert(numbers.at(1)).second) {
            note("t: event " + line + " is there twice");
        }
    }
    Counts counts;
    for (const auto& [writer, ids] : found) {
        counts[writer] = static_cast<int64_t>(ids.size());
        if (*ids.rbegin() != counts[writer] - 1) note(fmt::format("t: gaps of writer {}", writer));
    }
    if (const std::string wrong = oracle_.judge(counts, least); !wrong.empty()) note("t: " + wrong);
}

void Race::check_view(TestSession& session, const std::string& view, About about) {
    const Counts least = about == About::kCut ? Counts() : oracle_.acknowledged();
    const auto lines = ask(session, "SELECT * FROM " + view, about);
    if (!lines) return;
    const auto counts = counts_of(*lines, view);
    if (!counts) return;
    const std::string wrong = oracle_.judge(*counts, least);
    if (!wrong.empty()) note(fmt::format("{}: {}", view, wrong));
}

std::optional<Counts> Race::counts_of(const Lines& lines, const std::string& what) {
    Counts counts;
    for (const std::string& line : lines) {
        const auto numbers = numbers_of(line);
        const int writer = static_cast<int>(numbers.at(0));
        counts[writer] = numbers.at(1);
        if (line == line_of(writer, numbers.at(1))) continue;
        note(fmt::format("{}: {}, which is no beginning of what writer {} sent", what, line,
                         writer));
        return std::nullopt;
    }
    return counts;
}

/// Between two lives, and after the races of one.
void Race::check_recovered() {
    auto session = node_->open_session();
    const auto failure = node_->node().failure();
    if (failure && !has_power_gone()) note("failed: " + failure->to_string());
    // What became of a request without an answer must be known before its writer goes on.
    auto lines = ask(*session, "SELECT * FROM v", About::kStanding);
    while (!lines && faults_.empty() && !has_power_gone()) {
        rest();  // the fold lags
        lines = ask(*session, "SELECT * FROM v", About::kStanding);
    }
    if (lines) {
        if (const auto counts = counts_of(*lines, "v")) oracle_.settle(*counts);
    }
    check_stream(*session);
    wait_for_backfills();
    if (has_power_gone()) return;
    const manifest::StatePtr state = node_->node().state();
    for (const auto& [id, view] : state->catalog.views) {
        if (view.table != node_->table("t")) continue;
        if (view.versions.front().is_populated) {
            check_view(*session, view.name, About::kStanding);
        } else if (view.name != "y") {
            note("view " + view.name + " has no history and nobody gives it one");
        }
    }
}

void Race::wait_for_backfills() {
    const int64_t until_us = simulation_.monotonic_us() + kBackfillUsMax;
    while (simulation_.monotonic_us() < until_us && !has_power_gone()) {
        const manifest::StatePtr state = node_->node().state();
        const bool is_any_open = std::ranges::any_of(state->catalog.views, [](const auto& entry) {
            return entry.second.versions.front().wants_backfill;
        });
        if (!is_any_open) return;
        rest();
    }
    if (!has_power_gone()) note("a view waits for its history in vain");
}

/// All is quiet: batch and speed say the same, and each event is accounted for.
void Race::check_at_the_end() {
    auto session = node_->open_session();
    if (!ask(*session, "REFRESH MATERIALIZED VIEW v", About::kStanding)) return;
    const auto live = ask(*session, "SELECT * FROM v", About::kStanding);
    ask(*session, "SET braid.read_mode = final", About::kStanding);
    const auto final = ask(*session, "SELECT * FROM v", About::kStanding);
    if (live && final && *live != *final) {
        note(fmt::format("live: {}, final: {}", fmt::join(*live, " "), fmt::join(*final, " ")));
    }
    check_accounts();
}

void Race::check_accounts() {
    const manifest::StatePtr state = node_->node().state();
    for (const manifest::Audit& audit : state->audits) {
        if (audit.verdict != manifest::Verdict::kMatched) note("audit: " + audit.difference);
    }
    const manifest::TableState& stream = *state->table(node_->table("t"));
    for (const auto& [id, view] : state->catalog.views) {
        if (view.table != node_->table("t")) continue;
        uint64_t events = 0;
        for (const manifest::Run& run : state->runs_of(view.current)) {
            events += run.counted + run.filtered + run.quarantined;
        }
        int64_t width = 0;
        for (int index = 0; index < kPartitions; ++index) {
            width += stream.sealed_frontier.at[static_cast<size_t>(index)].value;
        }
        if (static_cast<int64_t>(events) != width && view.versions.front().is_populated) {
            note(fmt::format("view {} accounts for {} of {} events", view.name, events, width));
        }
    }
}

std::optional<Race::Lines> Race::ask(TestSession& session, const std::string& sql, About about) {
    auto lines = session.query(sql);
    if (lines) return std::move(*lines);
    if (has_power_gone()) return std::nullopt;
    static const std::map<About, std::set<std::string_view>> kExpected = {
        {About::kStanding, {}},
        // No batch has answered yet; or its cut was released since it was chosen.
        {About::kCut, {"55000", "22023"}},
        // Not there; there already; not filled yet; with a view on it.
        {About::kPassing, {"42P01", "42P07", "55000", "2BP01"}},
        // Dropped by another.
        {About::kMade, {"42P01"}},
        {About::kRefresh, {}},
        {About::kRefreshPassing, {"42P01"}},
    };
    const Error& error = lines.error();
    // LIVE waits for a second of this clock, and whoever it waits for may be set aside for longer.
    if (error.sqlstate() == "XB002" && sql.starts_with("SELECT")) return std::nullopt;
    if (!kExpected.at(about).contains(error.sqlstate())) {
        note(fmt::format("{}: {} {}", sql, error.sqlstate(), error.to_string()));
    }
    return std::nullopt;
}

void Race::note(std::string fault) { faults_.push_back(std::move(fault)); }

void Race::note_trace(TraceLevel level, std::string_view component, std::string_view text) {
    if (level != TraceLevel::kError || node_ == nullptr || has_power_gone()) return;
    note(fmt::format("trace: {}: {}", component, text));
}

}  // namespace braid::testing
