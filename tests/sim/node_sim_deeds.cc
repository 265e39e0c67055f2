// SPDX-License-Identifier: Apache-2.0
// What clients do to a node, and what it does by itself.
#include <algorithm>

#include <fmt/format.h>

#include "tests/sim/node_sim.h"
#include "tests/support/utc_text.h"

namespace braid::testing {

namespace {

constexpr uint64_t kKeys = 5;
constexpr uint64_t kViewsMax = 5;
/// A step that always says that there is more hides that it does nothing.
constexpr int kRoundsMax = 300;

std::string values_of(const SentEvent& event) {
    const std::string at = event.at_us ? fmt::format("'{}'", utc_text(*event.at_us)) : "NULL";
    return fmt::format("('{}', {}, {}{})", event.key, event.n, event.id,
                       event.stream == "t" ? ", " + at : "");
}

}  // namespace

SentEvent NodeSim::make_event(const std::string& stream, bool may_be_bad) {
    const std::string key = fmt::format("k{}", below(kKeys));
    const auto n = static_cast<int64_t>(below(8));
    SentEvent event = ledger_.make(stream, key, n, may_be_bad && chance(12));
    if (stream == "t" && !chance(20)) event.at_us = make_time();
    return event;
}

/// Mostly of the last minutes; now and then long ago, or so far ahead that it moves no clock.
int64_t NodeSim::make_time() {
    constexpr int64_t kSecondUs = 1'000'000;
    constexpr int64_t kThousandDaysUs = 1000LL * 86'400 * kSecondUs;
    const int64_t now_us = clock_.wall_us();
    if (chance(15)) return now_us + kThousandDaysUs;
    if (chance(15)) return now_us - kThousandDaysUs;
    return now_us - static_cast<int64_t>(below(1'500)) * kSecondUs;
}

void NodeSim::append() {
    const std::string stream = any_stream();
    SentRequest request;
    request.is_one_append = true;
    const uint64_t count = chance(6) ? 1 + below(40) : 1 + below(5);
    for (uint64_t each = 0; each < count; ++each) {
        request.events.push_back(make_event(stream, each > 0));
    }
    if (chance(2)) request.idempotency_key = fmt::format("key {}", request.events.front().id);
    request.sent_to = stream == "t" ? static_cast<uint32_t>(below(2)) : 0;
    try_append(ledger_.send(std::move(request)));
}

/// A client that had no answer, or has forgotten it, sends the same once more with the same key.
void NodeSim::append_again() {
    const std::vector<size_t>& numbers = ledger_.with_keys();
    if (numbers.empty()) return;
    const uint64_t newest = std::min<uint64_t>(numbers.size(), 5);
    const size_t number = numbers.at(numbers.size() - 1 - below(newest));
    SentRequest& request = ledger_.request(number);
    if (request.fate == SentRequest::Fate::kRefused) request.fate = SentRequest::Fate::kUnknown;
    try_append(number);
}

void NodeSim::try_append(size_t number) {
    SentRequest& request = ledger_.request(number);
    std::vector<std::string> records;
    for (const SentEvent& event : request.events) records.push_back(event.record());
    const std::string stream = request.events.front().stream;
    const auto outcome = node().append(stream, request.sent_to, records, request.idempotency_key);
    tell(fmt::format(
        "append of {} events from {} on to {}/{}{}: {}", records.size(), request.events.front().id,
        stream, request.sent_to, request.idempotency_key.empty() ? "" : " with a key",
        outcome ? fmt::format("at {}:{}{}", outcome->partition.value, outcome->offsets[0].value,
                              outcome->was_duplicate ? " as before" : "")
                : "failed"));
    if (!done("append", outcome)) return;
    const SentEvent& first = request.events.front();
    const int64_t at = outcome->offsets[0].value;
    if (first.partition && (*first.partition != outcome->partition.value || first.offset != at)) {
        return note("a request was acknowledged at two places");
    }
    request.fate = SentRequest::Fate::kAccepted;
    request.lies_at(outcome->partition.value, at);
}

void NodeSim::insert() {
    const std::string stream = any_stream();
    SentRequest request;
    std::string values;
    for (uint64_t left = 1 + below(4); left > 0; --left) {
        request.events.push_back(make_event(stream, /*may_be_bad=*/false));
        values += (values.empty() ? "" : ", ") + values_of(request.events.back());
    }
    const size_t number = ledger_.send(std::move(request));
    tell(fmt::format("INSERT INTO {} VALUES {}", stream, values));
    if (ask(fmt::format("INSERT INTO {} VALUES {}", stream, values))) {
        ledger_.request(number).fate = SentRequest::Fate::kAccepted;
    }
}

/// Rows for both streams, all or nothing; now and then given up.
void NodeSim::transact() {
    SentRequest request;
    std::string work = "BEGIN;";
    for (uint64_t left = 2 + below(3); left > 0; --left) {
        const std::string stream = left % 2 == 0 ? "t" : "u";
        request.events.push_back(make_event(stream, /*may_be_bad=*/false));
        work += fmt::format(" INSERT INTO {} VALUES {};", stream, values_of(request.events.back()));
    }
    const bool is_kept = !chance(5);
    request.fate = is_kept ? SentRequest::Fate::kUnknown : SentRequest::Fate::kRefused;
    const size_t number = ledger_.send(std::move(request));
    work += is_kept ? " COMMIT" : " ROLLBACK";
    tell(work);
    if (ask(work) && is_kept) ledger_.request(number).fate = SentRequest::Fate::kAccepted;
}

const std::string* NodeSim::any_view() {
    if (views_.empty()) return nullptr;
    return &std::next(views_.begin(), static_cast<int64_t>(below(views_.size())))->first;
}

void NodeSim::make_view() {
    const std::string name = fmt::format("v{}", below(kViewsMax));
    if (views_.contains(name)) return;
    const auto shape = static_cast<ViewShape>(below(kViewShapes));
    const std::string sql =
        fmt::format("CREATE MATERIALIZED VIEW {} {}AS {}{}", name, options_of(shape),
                    select_of(shape), chance(4) ? " WITH NO DATA" : "");
    tell(sql);
    View& view = views_[name];
    view.shape = shape;
    view.is_certain = false;
    if (ask(sql)) view.is_certain = true;
}

void NodeSim::drop_view() {
    const std::string* name = any_view();
    if (name == nullptr) return;
    View& view = views_.at(*name);
    const std::string sql = fmt::format("DROP MATERIALIZED VIEW {}", *name);
    tell(sql);
    // Whether it is there may be unknown: then it may not be.
    const std::set<std::string_view> expected =
        view.is_certain ? std::set<std::string_view>() : std::set<std::string_view>{"42P01"};
    view.is_certain = false;
    if (ask(sql, expected)) views_.erase(*name);
}

void NodeSim::refresh() {
    const std::string* name = any_view();
    if (name == nullptr || !views_.at(*name).is_certain) return;
    const std::string sql = fmt::format("REFRESH MATERIALIZED VIEW {}", *name);
    tell(sql);
    if (!ask(sql)) return;
    const std::string stream = stream_of(views_.at(*name).shape);
    for (auto& [each, view] : views_) {
        if (stream_of(view.shape) == stream && view.is_certain) view.is_refreshed = true;
    }
    if (is_excused_) return;
    // What was acknowledged before is in the answer of batch.
    if (!check_streams()) return;
    const auto session = node().open_session();
    ask(*session, "SET braid.read_mode = final");
    const ViewShape shape = views_.at(*name).shape;
    const auto lines =
        ask(*session, fmt::format("SELECT {} FROM {} ORDER BY 1", columns_of(shape), *name));
    if (!lines || *lines == wanted_lines(*name, nullptr)) return;
    note(fmt::format("{} after REFRESH: [{}] instead of [{}]", *name, fmt::join(*lines, " "),
                     fmt::join(wanted_lines(*name, nullptr), " ")));
}

void NodeSim::step() {
    const auto names = process_->workers.names();
    if (names.empty()) return;
    const std::string& name = names.at(below(names.size()));
    tell("step of " + name);
    process_->workers.step(name);
}

void NodeSim::idle() {
    tell("all work until none is left");
    process_->workers.run_until_idle(kRoundsMax);
}

void NodeSim::seal() {
    const std::string stream = any_stream();
    tell("seal " + stream);
    done("seal", node().seal(stream));
}

void NodeSim::archive() {
    const std::string stream = any_stream();
    tell("archive " + stream);
    done("archive", node().archive(stream));
}

void NodeSim::release() {
    tell("release");
    const auto released = node().node().release(0);
    // What another writer has released meanwhile.
    if (!released) judge("release", released.error(), {"40001"});
}

/// Of one key what is below a number; now and then nothing.
void NodeSim::erase() {
    // What nobody knows the fate of would be erased or not.
    if (!check_streams()) return;
    const std::string stream = any_stream();
    const std::string key = fmt::format("k{}", below(kKeys));
    const auto n = static_cast<int64_t>(below(9));
    const manifest::StatePtr before = node().node().state();
    const size_t number = ledger_.erase(stream, before->table(node().table(stream))->start, key, n);
    const std::string sql = fmt::format("DELETE FROM {} WHERE k = '{}' AND n < {}", stream, key, n);
    tell(fmt::format("{}: {} events", sql, ledger_.erased_by(number).size()));
    if (!ask(sql)) return;
    ledger_.erasure(number) = SentRequest::Fate::kAccepted;
    const manifest::StatePtr state = node().node().state();
    if (state->table(node().table(stream))->has_pending_erasure()) {
        return note("an erasure is pending after its statement");
    }
    check_erased(number);
    const bool has_some = !ledger_.erased_by(number).empty();
    if (has_some && !is_harmed() && zombie_ == nullptr) check_only_named(stream);
}

}  // namespace braid::testing
