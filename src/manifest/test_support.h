// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "manifest/manifest.h"

namespace braid::manifest {

/// Values for tests of this floor and of those above. Runs have no files; their box is full of
/// events that were all counted, so that the accounts can be checked.
catalog::Table test_table(TableId id, std::string name, uint32_t partition_count = 1);
catalog::MaterializedView test_view(ViewId id, VersionId version, TableId table, std::string name);
Run test_run(RunId id, VersionId version, RunKind kind, Box box);
Segment test_segment(uint32_t partition, int64_t from, int64_t to);
Segment test_segment(Box box);
Positions at(std::vector<int64_t> offsets);
/// From one vector to the other.
Box box(std::vector<int64_t> from, std::vector<int64_t> to);

/// A state as text: equal texts, equal states.
std::string to_text(const State& state);

/// One commit of every kind of change, in an order in which each is accepted from the empty state
/// on. Names and options are unpleasant on purpose. docs/formats/samples/manifest was written from
/// these.
std::vector<std::vector<Change>> sample_commits();
/// The last of them: a stream that begins elsewhere than at 0, and gets partitions between what is
/// asked for and what is committed. Accepted from the empty state on too;
/// docs/formats/samples/manifest_growth was written from these.
std::vector<std::vector<Change>> sample_growth();
/// Goes on from these: a batch that adds to the one before, whose cut has this number and is
/// forgotten. docs/formats/samples/manifest_increments was written from both.
std::vector<std::vector<Change>> sample_increments(uint64_t first_cut);
/// A stream whose view keeps its groups for a time. Accepted from the empty state on too;
/// docs/formats/samples/manifest_retention was written from these.
std::vector<std::vector<Change>> sample_retention();

/// Goes on from these: an event is erased. docs/formats/samples/manifest_erasure was written from
/// all three.
std::vector<std::vector<Change>> sample_erasure();

/// A history in memory: changes are applied to `state`, or refused and leave it alone. Ids count
/// up.
struct TestHistory {
    State state;
    int64_t now_us = 1'000;

    Result<void> apply(std::vector<Change> changes);
    ObjectId new_id() const { return {state.catalog.next_id}; }
    RunId new_run() const { return {state.next_run}; }
    /// Creates a stream; the test ends when that is refused, as for all below.
    TableId add_table(const std::string& name, uint32_t partition_count = 1);
    /// One whose log begins there.
    TableId add_table_at(const std::string& name, const Positions& origin);
    /// Its log gets a partition that begins there.
    void add_partition(TableId table, int64_t origin);
    /// Its view's only version.
    VersionId add_view(TableId table, const std::string& name);
    /// A seal of the table up to `to`, with a run for each version.
    Seal seal(TableId table, const Positions& to) const;
    Publish publish(TableId table) const;
    /// One that goes on, for each version, where its batch runs end; from the origin if it has
    /// none.
    Publish publish_new(TableId table) const;
    void archive_to(TableId table, const Positions& to);
    std::vector<VersionId> versions_of(TableId table) const;
};

}  // namespace braid::manifest
