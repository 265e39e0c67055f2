// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/hash.h"
#include "model/box.h"
#include "model/fold_account.h"
#include "model/ids.h"

namespace braid::runs {

/// Which data an answer was made of: the set of runs and ticks whose boxes cover [origin,
/// frontier), the manifest version, and the accounts. Plain data; enough to repeat the answer.
struct Receipt {
    struct Part {
        std::string view;
        std::string kind;  // "batch", "sealed", "tick", or "own": rows that are not stored yet
        Box box;           // of own rows: none
        std::optional<Digest> digest;  // ticks have none: they are not frozen
        uint64_t rows = 0;
    };
    struct View {
        VersionId version;
        Positions complete_since;  // the origin: history is whole from there
        FoldAccount account;
    };

    ManifestNumber manifest;
    std::string mode;  // "live", "at_cut" or "final"
    std::map<std::string, Positions>
        cut;  // by stream: how far batch has answered; missing = not yet
    std::map<std::string, Positions> frontier;  // by stream: how far the answer reaches
    /// Share of the counted events that came from sealed runs and ticks, from 0 to 1.
    double speed_share = 0;
    std::map<std::string, View> views;
    std::vector<Part> parts;
    uint64_t quarantined = 0;
    uint64_t expired = 0;

    // Running sums behind speed_share.
    uint64_t batch_events = 0;
    uint64_t speed_events = 0;
};

/// {"manifest", "mode", "cut", "frontier", "speed_share", "views", "runs", "quarantined",
/// "expired"}, on one line. More than `runs_max` runs are cut off with their number in
/// "runs_left_off".
std::string to_json(const Receipt& receipt, size_t runs_max = SIZE_MAX);

}  // namespace braid::runs
