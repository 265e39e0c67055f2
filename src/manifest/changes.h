// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "manifest/state.h"

namespace braid::manifest {

// ---- Changes. Each is checked against the version it extends; a refused one is Conflict and
// changes nothing.

struct CreateTable {
    catalog::Table table;
    /// Where each partition of its log begins; empty: all at 0.
    Positions origin = {};
};
/// The log of a table has got partitions: nothing of them is archived, sealed or below a cut. All
/// vectors of the table's state grow; boxes stay as they are.
struct Grow {
    TableId table;
    Positions origin;  // of all partitions; what the table has already is said again
};
struct DropTable {
    TableId table;
};
struct CreateView {
    catalog::MaterializedView view;
};  // its one version starts at the sealed frontier
struct DropView {
    ViewId view;
};
struct CreatePlainView {
    catalog::PlainView view;
};
struct DropPlainView {
    ObjectId view;
};
/// A process begins to write in the directory: the epoch follows the one before. From then on no
/// other process's changes are taken.
struct TakeOver {
    uint64_t epoch = 0;
};
/// The next so many numbers of objects and runs are for whoever commits this, and for nobody else:
/// [next, next + count) as the version before has it.
struct AllocateIds {
    uint64_t ids = 0;
    uint64_t runs = 0;
};
struct SetFunctionData {
    catalog::FunctionData data;
};
/// Directories that tables of `--init` read from; sources may read below them from now on.
struct AllowFiles {
    std::vector<std::string> directories;
};

/// Boxes start exactly at the sealed frontier; one run for every version of the table that the
/// predecessor lists. Also advances an idle frontier (no runs needed only if no version is listed).
struct Seal {
    TableId table;
    Box box;
    std::vector<Run> runs;
    /// The greatest event time in the box that moves the stream's clock.
    std::optional<int64_t> clock_us = {};
    /// What its events were held against, as far as the table does not list it: rising, from
    /// vectors of the box on; each was the table's horizon at some commit before.
    std::vector<Horizon> horizons = {};
};
/// For one version without data: a run whose box is [start of the dataset, first_seal). Of segments
/// of this erasure epoch, here and below.
struct Backfill {
    Run run;
    std::optional<int64_t> clock_us = {};  // as Seal's: history may hold the greatest
    uint64_t epoch = 0;
};
struct Archive {
    TableId table;
    std::vector<Segment> segments;  // each begins at the archive end, which moves to its end
};
/// Files of the dataset give way to others, in one step for whoever reads by the manifest: to
/// fewer, or to ones that were written again. The rule checks that the removed are neighbours in
/// the table's list, in its order; that the added hold the same box together, as many rows, and
/// records of the same ingest day; that no file of the table had one of their names. It does not
/// look into files: that the rows are the same, at the same offsets, or are meant to differ, is for
/// whoever wrote them. So how many are bad, and how many bytes they have, is not compared.
struct ReplaceSegments {
    TableId table;
    std::vector<std::string> removed;  // files
    std::vector<Segment> added;        // as they are to stand in the list
};
/// Forgets segments that were replaced: their files may then be deleted.
struct ReleaseSegments {
    TableId table;
    std::vector<std::string> files;
};
/// Events below `ends`, which are archived and sealed, are gone from the stream: the segments that
/// held them give way, in the same commit, to ones with tombstones at the same offsets. Its views
/// follow with the next publish, which must be of everything. The erasure's times are this commit's
/// and later ones'.
struct Erase {
    TableId table;
    Erasure erasure;
};
/// Nothing is left of what erasures took away that were published: no file, no older version of the
/// manifest.
struct Erased {
    TableId table;
    std::vector<uint64_t> erasures;
};
/// The cut is a sealed frontier that the archive has reached; nullopt gives the cut up. Where the
/// log has got partitions since the cut was taken it is their origins in these, here and below.
struct ChooseCut {
    TableId table;
    std::optional<Cut> cut;
};
/// Batch runs, for all versions of the table together. One that was computed from the start of the
/// dataset replaces every run from there to the cut; one whose box is [batch_end, cut), with one
/// increment, replaces the sealed runs in it. Where erasures are not published yet it must be of
/// everything, for every version: then they are, and no cut before it can be read any more.
///
/// Where `start` is given the dataset begins there from now on, and the segments below it go: they
/// hold nothing that the stream still keeps. Then all are computed from the start that was, and
/// each run, [start, cut), comes with a base run, [start that was, start), which stays.
struct Publish {
    TableId table;
    Cut cut;
    std::vector<Run> runs;
    std::vector<Audit> audits;
    std::optional<int64_t> clock_us = {};  // as Backfill's
    uint64_t epoch = 0;
    Positions start = {};
    std::vector<Run> base_runs = {};
};
/// What a publish would have been, had its audits matched: its runs become the candidate of the cut
/// in flight and answer nothing.
struct Park {
    TableId table;
    Cut cut;
    std::vector<Run> runs;
    std::vector<Audit> audits;  // at least one pending
    uint64_t epoch = 0;
};
/// A person's word on a pending audit. The last one accepted publishes the candidate; a rejected
/// one drops it, and the old answers stay.
struct Judge {
    uint64_t audit = 0;
    bool is_accepted = false;
};
/// Adjacent runs of one kind become one with the joined box. Cuts that name them name that one.
struct Compact {
    std::vector<RunId> removed;
    Run added;
};
/// Forgets retired runs (their files may then be deleted) and published cuts that no kept run
/// backs.
struct Release {
    std::vector<RunId> runs;
};
/// Published cuts, but the newest, that nobody is to read any more: runs may be joined across them.
struct ForgetCuts {
    std::vector<uint64_t> cuts;
};
/// Forgets tables that were dropped: nothing of them lies anywhere any more.
struct Sweep {
    std::vector<TableId> tables;
};

using Change = std::variant<CreateTable, Grow, DropTable, CreateView, DropView, CreatePlainView,
                            DropPlainView, TakeOver, AllocateIds, SetFunctionData, AllowFiles, Seal,
                            Backfill, Archive, ReplaceSegments, ReleaseSegments, Erase, Erased,
                            ChooseCut, Publish, Park, Judge, Compact, Release, ForgetCuts, Sweep>;

}  // namespace braid::manifest
