// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "model/box.h"
#include "model/fold_account.h"
#include "model/horizon.h"

namespace braid::testing {

/// One event as a client knows it.
struct SentEvent {
    std::string stream;
    int64_t id = 0;
    std::string key;
    int64_t n = 0;
    bool is_bad = false;           // nothing that the stream's decoder can read
    std::optional<int64_t> at_us;  // its time, of stream t; Unix microseconds
    bool moves_clock = false;      // once an answer has said when it came in
    /// Where it lies, once an acknowledgement or an answer has said so.
    std::optional<uint32_t> partition;
    int64_t offset = -1;
    /// The erasure that has taken it away, or may have.
    std::optional<size_t> erasure;

    /// The record that carries it.
    std::string record() const;
};

/// What must be in the log whole or not at all.
struct SentRequest {
    /// Without an answer nobody knows; a start, or an answer that shows it, decides.
    enum class Fate : uint8_t { kUnknown, kAccepted, kRefused };
    std::vector<SentEvent> events;
    Fate fate = Fate::kUnknown;
    std::string idempotency_key;
    /// One append: its records lie one behind the other, where it was sent to.
    bool is_one_append = false;
    uint32_t sent_to = 0;

    void lies_at(uint32_t partition, int64_t first);
};

/// An event as a SELECT from its stream shows it.
struct FoundEvent {
    uint32_t partition = 0;
    int64_t offset = 0;
    int64_t id = 0;
    bool moves_clock = false;  // its time is at most a day ahead
};

/// What the views of a simulation compute.
enum class ViewShape : uint8_t { kPerKey, kTotal, kRates, kOfOther, kKept };
inline constexpr uint64_t kViewShapes = 5;
/// Of kKept.
inline constexpr int64_t kRetentionUs = 600'000'000;
std::string stream_of(ViewShape shape);
/// "WITH (…)", or nothing.
std::string options_of(ViewShape shape);
/// "SELECT …" of the definition.
std::string select_of(ViewShape shape);
/// Columns of a view in the order in which expected() gives them.
std::string columns_of(ViewShape shape);

/// The oracle: a plain list of what was sent, and of what became of it.
class Ledger {
  public:
    /// The next event, which belongs to no request yet.
    SentEvent make(std::string stream, std::string key, int64_t n, bool is_bad);
    /// Its number.
    size_t send(SentRequest request);
    SentRequest& request(size_t number) { return requests_.at(number); }
    /// Of the requests that may be sent again, whatever became of them.
    const std::vector<size_t>& with_keys() const { return with_keys_; }

    /// What is wrong with all that the streams show at one moment, from where their datasets begin;
    /// empty: nothing. Whatever is there of unknown fate is accepted from now on.
    std::string take_in(const std::map<std::string, std::vector<FoundEvent>>& streams,
                        const std::map<std::string, Positions>& starts);
    /// Whether it is known of all events of a stream what became of them, and where they lie.
    bool knows_all_of(const std::string& stream) const;
    /// Erases what was accepted of a stream, has not left it, is good, of this key and below this
    /// n; its number.
    size_t erase(const std::string& stream, const Positions& start, const std::string& key,
                 int64_t n);
    /// As of a request: what is shown of unknown ones decides.
    SentRequest::Fate& erasure(size_t number) { return erasures_.at(number); }
    bool is_erased(const SentEvent& event) const {
        return event.erasure && erasures_.at(*event.erasure) == SentRequest::Fate::kAccepted;
    }
    /// Events of an erasure.
    std::vector<const SentEvent*> erased_by(size_t number) const;

    /// After a start everything is decided: what is not there will never be.
    void settle();

    /// Lines of a view over the events from its beginning to the end, or over all; sorted by its
    /// first column. What has expired at the horizon, if there is one, is not there.
    std::vector<std::string> expected(ViewShape shape, const Positions& begin, const Positions* end,
                                      std::optional<int64_t> horizon_us) const;
    /// What became of the events, held against these horizons.
    FoldAccount account(ViewShape shape, const Positions& begin, const Positions* end,
                        std::span<const Horizon> horizons) const;
    /// The least that the clock of stream t may be at an end: of the events that were not erased.
    std::optional<int64_t> clock_at(const Positions& end) const;
    /// Whether an event has this very time below an end, and moves the clock, or was erased: then
    /// it may have moved it before.
    bool has_time(int64_t at_us, const Positions& end) const;

  private:
    /// What is wrong with what is left of the events of erasures.
    std::string decide_erasures(const std::map<int64_t, FoundEvent>& found,
                                const std::map<std::string, Positions>& starts);
    std::vector<const SentEvent*> events_of(const std::string& stream, const Positions& begin,
                                            const Positions* end) const;

    std::vector<SentRequest> requests_;
    std::vector<size_t> with_keys_;
    std::vector<SentRequest::Fate> erasures_;
    int64_t next_id_ = 0;
};

}  // namespace braid::testing
