// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/box.h"
#include "model/fold_account.h"
#include "operators/aggregate/group_table.h"
#include "operators/fold/failed_events.h"

namespace braid::runs {

using ShardTables = std::vector<std::shared_ptr<const operators::GroupTable>>;

/// The newest events of one stream, folded for every view version, from exactly the events of a
/// box.
struct Tick {
    Box box;
    /// A power of two of tables for each version; a group lies in the one that
    /// GroupTable::shard_of gives its key.
    std::map<VersionId, ShardTables> tables;
    /// Per version, as in manifest::Run.
    std::map<VersionId, FoldAccount> accounts;
    /// Per version that has some; as immutable as the tables.
    std::map<VersionId, std::shared_ptr<const operators::FailedEvents>> failed;
    /// Rows that the reader's own transaction has not stored yet: they are no part of a box.
    bool is_own = false;

    /// Nothing where the tick lacks the version.
    std::span<const std::shared_ptr<const operators::GroupTable>> tables_of(
        VersionId version) const;
    /// The table that holds the key's group, if there is one; null as above.
    const operators::GroupTable* table_of(VersionId version, std::string_view key) const;
    /// Of all tables.
    size_t group_count(VersionId version) const;
};
using TickPtr = std::shared_ptr<const Tick>;

/// Ticks that stay as they are while held, and where the newest ends: with no ticks, the sealed
/// frontier.
struct PinnedTicks {
    std::vector<TickPtr> ticks;
    Positions end;
};

/// Where readers get ticks. A seam: local (the speed layer of this process); later remote.
/// Thread-safe.
///
/// Both calls first wait until everything below `at_least` is folded; after `wait_us_max` they
/// return Timeout saying how far speed has got. Where ticks end is a closed vector: with an event
/// they hold all that was acknowledged before it. The ticks are contiguous and oldest first; the
/// first may start below the sealed frontier of the reader's manifest version (a seal was committed
/// meanwhile): runs/snapshot.h says which of them a reader takes.
class TickSource {
  public:
    virtual ~TickSource() = default;

    /// Immutable ticks, for scans: they stay as they are while held, however many hold them. Of
    /// several streams, all at one moment: their ends together are closed. One that cannot be
    /// pinned keeps no other from it: it has an error.
    virtual std::map<TableId, Result<PinnedTicks>> pin(const std::map<TableId, Positions>& at_least,
                                                       int64_t wait_us_max) = 0;

    /// For point reads: calls `look` between two slices with the ticks as they are; they may change
    /// as soon as it returns. Must be quick; no call back into the source.
    virtual Result<void> look(
        TableId table, const Positions& at_least, int64_t wait_us_max,
        const std::function<Result<void>(const std::vector<TickPtr>&)>& look) = 0;

    /// Up to where speed has folded.
    virtual Positions frontier(TableId table) const = 0;
};

}  // namespace braid::runs
