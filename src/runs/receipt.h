// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
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
        Positions complete_since;  // history is whole from there
        FoldAccount account;
        /// Groups older than this have expired, in Unix microseconds; nothing: none has.
        std::optional<int64_t> horizon_us = {};
    };

    ManifestNumber manifest;
    std::string mode;  // "live", "at_cut" or "final"
    std::map<std::string, Positions>
        cut;  // by stream: how far batch has answered; missing = not yet
    std::map<std::string, Positions> frontier;  // by stream: how far the answer reaches
    /// By stream that was read itself: where its dataset begins, if not at the origin.
    std::map<std::string, Positions> start = {};
    /// Share of the counted events that came from sealed runs and ticks, from 0 to 1.
    double speed_share = 0;
    std::map<std::string, View> views;
    std::vector<Part> parts;
    uint64_t parts_left_off = 0;  // not among `parts`
    uint64_t quarantined = 0;
    uint64_t expired = 0;
};

/// {"manifest", "mode", "cut", "frontier", "start", "speed_share", "views", "runs", "quarantined",
/// "expired"}, on one line; "start" only where a dataset begins behind its origin; "runs_left_off"
/// if some are.
std::string to_json(const Receipt& receipt);

/// What a receipt says of the runs of a tiling: made once with the tiling, shared by the receipts
/// of all its answers.
struct TiledRuns {
    ManifestNumber manifest;
    std::string view;
    std::string stream;
    Receipt::View facts;  // account: of the runs
    std::optional<Cut> cut;
    std::vector<Receipt::Part> parts;
    uint64_t batch_events = 0;
    uint64_t speed_events = 0;

    uint64_t bytes_used() const;
};

/// What a receipt is made of when somebody asks for it: small beside the receipt, and it holds no
/// run open.
struct ReceiptSource {
    struct Tick {
        bool is_own = false;
        Box box;
        uint64_t rows = 0;
        FoldAccount account;
    };
    struct View {
        std::shared_ptr<const TiledRuns> runs;
        std::vector<Tick> ticks;
        Positions end;
    };

    ManifestNumber manifest;
    const char* mode = "";
    std::vector<View> views;
    std::vector<Receipt::Part> own;                // rows of streams that are not stored yet
    std::map<std::string, Positions> ends;         // of streams that were read themselves
    std::map<std::string, Positions> starts = {};  // of those, where that is not the origin

    size_t part_count() const;
    /// Without what is shared.
    uint64_t bytes_used() const;
};

enum class ReceiptParts : uint8_t { kListed, kCounted };
Receipt make_receipt(const ReceiptSource& source, ReceiptParts parts = ReceiptParts::kListed);

}  // namespace braid::runs
