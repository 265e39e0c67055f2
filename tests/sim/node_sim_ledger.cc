// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/node_sim_ledger.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "tests/support/utc_text.h"

namespace braid::testing {

namespace {

/// Of one group.
struct Group {
    int64_t count = 0;
    int64_t sum = 0;
    int64_t least = INT64_MAX;
    int64_t most = -1;
    std::set<int64_t> different;
};

constexpr int64_t kMinuteUs = 60'000'000;

/// The minute that holds a time, as its beginning.
int64_t minute_of(int64_t us) {
    const int64_t within = us % kMinuteUs;
    return us - within - (within < 0 ? kMinuteUs : 0);
}

bool has_expired(const SentEvent& event, int64_t horizon_us) {
    return event.at_us && minute_of(*event.at_us) < minute_of(horizon_us - kRetentionUs);
}

/// Only of events whose place is known.
bool lies_below(const SentEvent& event, const Positions& place) {
    return event.partition && event.offset < place.of({*event.partition}).value;
}

/// Whether its group had expired when it came.
bool is_late(const SentEvent& event, std::span<const Horizon> horizons) {
    const size_t hold = horizons_at(horizons, {*event.partition}, {event.offset});
    return hold > 0 && has_expired(event, horizons[hold - 1].time_us);
}

}  // namespace

std::string SentEvent::record() const {
    if (is_bad) return fmt::format("nonsense {}", id);
    const std::string at = at_us ? fmt::format(R"(,"at":"{}")", utc_text(*at_us)) : "";
    return fmt::format(R"({{"k":"{}","n":{},"id":{}{}}})", key, n, id, at);
}

void SentRequest::lies_at(uint32_t partition, int64_t first) {
    for (SentEvent& event : events) {
        event.partition = partition;
        event.offset = first++;
    }
}

std::string stream_of(ViewShape shape) { return shape == ViewShape::kOfOther ? "u" : "t"; }

std::string options_of(ViewShape shape) {
    return shape == ViewShape::kKept ? "WITH (retention = '10 minutes') " : "";
}

std::string select_of(ViewShape shape) {
    switch (shape) {
        case ViewShape::kPerKey:
            return "SELECT k, count(*) AS c, sum(n) AS s, count(DISTINCT n) AS d, max(id) AS m "
                   "FROM t GROUP BY k";
        case ViewShape::kTotal:
            return "SELECT count(*) AS c, sum(n) AS s FROM t WHERE n <> 3";
        case ViewShape::kRates:
            return "SELECT k, count(*) AS c, sum(100 / n) AS s FROM t GROUP BY k";
        case ViewShape::kOfOther:
            return "SELECT k, count(*) AS c, min(id) AS m FROM u GROUP BY k";
        case ViewShape::kKept:
            return "SELECT date_bin('1 minute', at, '2000-01-01Z') AS k, count(*) AS c, sum(n) AS "
                   "s "
                   "FROM t GROUP BY 1";
    }
    return {};
}

std::string columns_of(ViewShape shape) {
    switch (shape) {
        case ViewShape::kPerKey:
            return "k, c, s, d, m";
        case ViewShape::kTotal:
            return "c, s";
        case ViewShape::kRates:
        case ViewShape::kKept:
            return "k, c, s";
        case ViewShape::kOfOther:
            return "k, c, m";
    }
    return {};
}

SentEvent Ledger::make(std::string stream, std::string key, int64_t n, bool is_bad) {
    SentEvent event;
    event.stream = std::move(stream);
    event.id = next_id_++;
    event.key = std::move(key);
    event.n = n;
    event.is_bad = is_bad;
    return event;
}

size_t Ledger::send(SentRequest request) {
    if (!request.idempotency_key.empty()) with_keys_.push_back(requests_.size());
    requests_.push_back(std::move(request));
    return requests_.size() - 1;
}

bool Ledger::knows_all_of(const std::string& stream) const {
    return std::ranges::all_of(requests_, [&](const SentRequest& request) {
        return std::ranges::all_of(request.events, [&](const SentEvent& event) {
            if (event.stream != stream || request.fate == SentRequest::Fate::kRefused) return true;
            const bool is_decided =
                !event.erasure || erasures_.at(*event.erasure) != SentRequest::Fate::kUnknown;
            return request.fate == SentRequest::Fate::kAccepted && event.partition.has_value() &&
                   is_decided;
        });
    });
}

std::string Ledger::take_in(const std::map<std::string, std::vector<FoundEvent>>& streams,
                            const std::map<std::string, Positions>& starts) {
    std::map<int64_t, FoundEvent> found;
    std::set<std::tuple<std::string, uint32_t, int64_t>> places;
    for (const auto& [stream, events] : streams) {
        for (const FoundEvent& each : events) {
            if (!found.emplace(each.id, each).second) {
                return fmt::format("event {} is twice in {}", each.id, stream);
            }
            if (!places.insert({stream, each.partition, each.offset}).second) {
                return fmt::format("two events at {}:{} of {}", each.partition, each.offset,
                                   stream);
            }
        }
    }
    if (std::string wrong = decide_erasures(found, starts); !wrong.empty()) return wrong;
    for (SentRequest& request : requests_) {
        size_t there = 0;
        size_t good = 0;
        for (size_t index = 0; index < request.events.size(); ++index) {
            SentEvent& event = request.events[index];
            if (event.is_bad || is_erased(event)) continue;
            const auto place = found.find(event.id);
            if (lies_below(event, starts.at(event.stream))) {
                if (place == found.end()) continue;
                return fmt::format("event {} lies below where its stream begins", event.id);
            }
            ++good;
            if (place == found.end()) continue;
            ++there;
            if (event.partition && (*event.partition != place->second.partition ||
                                    event.offset != place->second.offset)) {
                return fmt::format("event {} was at {}:{} and is at {}:{}", event.id,
                                   *event.partition, event.offset, place->second.partition,
                                   place->second.offset);
            }
            event.partition = place->second.partition;
            event.offset = place->second.offset;
            event.moves_clock = place->second.moves_clock;
            if (request.is_one_append) {
                request.lies_at(place->second.partition,
                                place->second.offset - static_cast<int64_t>(index));
            }
            found.erase(place);
        }
        const int64_t first = request.events.front().id;
        if (there != 0 && there != good) {
            return fmt::format("{} of {} events of the request with event {}", there, good, first);
        }
        if (there == 0 && good != 0 && request.fate == SentRequest::Fate::kAccepted) {
            return fmt::format("the request with event {} was acknowledged and is lost", first);
        }
        if (there != 0 && request.fate == SentRequest::Fate::kRefused) {
            return fmt::format("the request with event {} was not there after a start and is now",
                               first);
        }
        if (there != 0) request.fate = SentRequest::Fate::kAccepted;
    }
    if (!found.empty()) return fmt::format("nobody sent event {}", found.begin()->first);
    return {};
}

size_t Ledger::erase(const std::string& stream, const Positions& start, const std::string& key,
                     int64_t n) {
    const size_t number = erasures_.size();
    erasures_.push_back(SentRequest::Fate::kUnknown);
    for (SentRequest& request : requests_) {
        if (request.fate != SentRequest::Fate::kAccepted) continue;
        for (SentEvent& event : request.events) {
            const bool is_meant = event.stream == stream && event.key == key && event.n < n;
            if (!is_meant || event.is_bad || is_erased(event)) continue;
            if (!lies_below(event, start)) event.erasure = number;
        }
    }
    return number;
}

std::vector<const SentEvent*> Ledger::erased_by(size_t number) const {
    std::vector<const SentEvent*> events;
    for (const SentRequest& request : requests_) {
        for (const SentEvent& event : request.events) {
            if (event.erasure == number) events.push_back(&event);
        }
    }
    return events;
}

std::string Ledger::decide_erasures(const std::map<int64_t, FoundEvent>& found,
                                    const std::map<std::string, Positions>& starts) {
    for (size_t number = 0; number < erasures_.size(); ++number) {
        auto events = erased_by(number);
        std::erase_if(events, [&](const SentEvent* event) {
            return lies_below(*event, starts.at(event->stream));
        });
        const auto there = std::ranges::count_if(
            events, [&](const SentEvent* event) { return found.contains(event->id); });
        SentRequest::Fate& fate = erasures_[number];
        if (events.empty()) continue;
        if (there != 0 && there != std::ssize(events)) {
            return fmt::format("{} of {} events of erasure {} are there", there, events.size(),
                               number);
        }
        if (there != 0 && fate == SentRequest::Fate::kAccepted) {
            return fmt::format("event {} was erased and is there", events.front()->id);
        }
        if (there == 0 && fate == SentRequest::Fate::kRefused) {
            return fmt::format("event {} was not erased and is gone", events.front()->id);
        }
        fate = there == 0 ? SentRequest::Fate::kAccepted : fate;
    }
    return {};
}

void Ledger::settle() {
    for (SentRequest::Fate& erasure : erasures_) {
        if (erasure == SentRequest::Fate::kUnknown) erasure = SentRequest::Fate::kRefused;
    }
    for (SentRequest& request : requests_) {
        if (request.fate == SentRequest::Fate::kUnknown) request.fate = SentRequest::Fate::kRefused;
    }
}

std::vector<const SentEvent*> Ledger::events_of(const std::string& stream, const Positions& begin,
                                                const Positions* end) const {
    std::vector<const SentEvent*> events;
    for (const SentRequest& request : requests_) {
        if (request.fate != SentRequest::Fate::kAccepted) continue;
        for (const SentEvent& event : request.events) {
            if (event.stream != stream || lies_below(event, begin)) continue;
            const bool is_below = end == nullptr || lies_below(event, *end);
            if (is_below) events.push_back(&event);
        }
    }
    return events;
}

std::vector<std::string> Ledger::expected(ViewShape shape, const Positions& begin,
                                          const Positions* end,
                                          std::optional<int64_t> horizon_us) const {
    std::map<std::string, Group> groups;
    if (shape == ViewShape::kTotal) groups[""];
    for (const SentEvent* event : events_of(stream_of(shape), begin, end)) {
        if (event->is_bad || is_erased(*event)) continue;
        if (shape == ViewShape::kTotal && event->n == 3) continue;
        if (shape == ViewShape::kRates && event->n == 0) continue;
        const bool is_kept = shape == ViewShape::kKept;
        if (is_kept && horizon_us && has_expired(*event, *horizon_us)) continue;
        const std::string minute =
            is_kept && event->at_us ? utc_text(minute_of(*event->at_us)) : "NULL";
        Group& group = groups[shape == ViewShape::kTotal ? "" : is_kept ? minute : event->key];
        ++group.count;
        group.sum += shape == ViewShape::kRates ? 100 / event->n : event->n;
        group.least = std::min(group.least, event->id);
        group.most = std::max(group.most, event->id);
        group.different.insert(event->n);
    }
    std::vector<std::string> lines;
    for (const auto& [key, group] : groups) {
        switch (shape) {
            case ViewShape::kPerKey:
                lines.push_back(fmt::format("{}|{}|{}|{}|{}", key, group.count, group.sum,
                                            group.different.size(), group.most));
                break;
            case ViewShape::kTotal:
                lines.push_back(group.count == 0 ? "0|NULL"
                                                 : fmt::format("{}|{}", group.count, group.sum));
                break;
            case ViewShape::kRates:
            case ViewShape::kKept:
                lines.push_back(fmt::format("{}|{}|{}", key, group.count, group.sum));
                break;
            case ViewShape::kOfOther:
                lines.push_back(fmt::format("{}|{}|{}", key, group.count, group.least));
                break;
        }
    }
    return lines;
}

std::optional<int64_t> Ledger::clock_at(const Positions& end) const {
    std::optional<int64_t> clock_us;
    for (const SentEvent* event : events_of("t", Positions::zero(end.partition_count()), &end)) {
        if (event->is_bad || !event->moves_clock || is_erased(*event)) continue;
        clock_us = std::max(clock_us, event->at_us);
    }
    return clock_us;
}

bool Ledger::has_time(int64_t at_us, const Positions& end) const {
    const auto events = events_of("t", Positions::zero(end.partition_count()), &end);
    return std::ranges::any_of(events, [&](const SentEvent* event) {
        const bool may_move = event->moves_clock || is_erased(*event);
        return !event->is_bad && may_move && event->at_us == at_us;
    });
}

FoldAccount Ledger::account(ViewShape shape, const Positions& begin, const Positions* end,
                            std::span<const Horizon> horizons) const {
    FoldAccount account;
    for (const SentEvent* event : events_of(stream_of(shape), begin, end)) {
        if (is_erased(*event)) {
            ++account.erased;
            continue;
        }
        const bool fails = shape == ViewShape::kRates && event->n == 0 && !event->is_bad;
        if (event->is_bad || fails) {
            ++account.quarantined;
            if (fails) ++account.failed;
        } else if (shape == ViewShape::kTotal && event->n == 3) {
            ++account.filtered;
        } else if (shape == ViewShape::kKept && is_late(*event, horizons)) {
            ++account.expired;
        } else {
            ++account.counted;
        }
    }
    return account;
}

}  // namespace braid::testing
