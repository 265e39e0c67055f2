// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace braid::testing {

/// How many events of each writer something holds. Writers number their events 0, 1, 2 …, so that
/// is which.
using Counts = std::map<int, int64_t>;

/// A plain list of what was sent and what was acknowledged, and what an answer must therefore hold:
/// everything acknowledged before it was asked for, nothing that nobody sent, no request in part,
/// and with a request everything that was acknowledged before it was sent.
class RaceOracle {
  public:
    /// A writer sends its next `count` events as one request; gives the number of the first.
    int64_t send(int writer, int64_t count);
    void acknowledge(int writer);
    /// What an answer asked for now must hold at least.
    const Counts& acknowledged() const { return acknowledged_; }
    /// What is wrong with an answer; empty: nothing. A cut may be older than what is acknowledged:
    /// `least` is then empty.
    std::string judge(const Counts& answer, const Counts& least) const;
    /// After the power came back: what is there is there, and what is not may be sent again.
    void settle(const Counts& found);

  private:
    struct Request {
        int64_t end = 0;
        Counts before;  // acknowledged when it was sent
        bool is_acknowledged = false;
    };
    std::map<int, std::vector<Request>> requests_;
    Counts acknowledged_;
};

}  // namespace braid::testing
