// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "catalog/catalog.h"
#include "catalog/shared_map.h"
#include "manifest/shared_list.h"
#include "model/box.h"
#include "model/fold_account.h"
#include "model/horizon.h"

namespace braid::manifest {

enum class RunKind : uint8_t { kSealed, kBatch };  // a back-fill's run is a batch run

/// One file of a run: part of its main rows (section 0), of the set of its n-th count(DISTINCT)
/// (section n, from 1), or of its failed events (runs::kFailedSection).
struct Part {
    uint32_t section = 0;
    std::string file;  // path in the store; parts of other runs may lie there too
    uint64_t at = 0;   // where in the file the part lies
    uint64_t rows = 0;
    uint64_t bytes = 0;
    /// CRC-32C of the part's tail, which holds those of all that stands before it
    /// (docs/formats/run.md).
    uint32_t crc = 0;
    Digest digest;
    std::string first_key;  // encoded keys
    std::string last_key;
};

struct Run {
    RunId id;
    VersionId version;
    RunKind kind = RunKind::kSealed;
    Box box;
    uint64_t rows = 0;  // groups: those of section 0
    Digest digest;      // sum of the parts'
    std::vector<Part> parts;
    /// What became of the events of the box: folded into groups, refused by WHERE, bad, too late.
    /// For the accounts: counted + filtered + quarantined + expired + erased = records of the box.
    uint64_t counted = 0;
    uint64_t filtered = 0;
    uint64_t quarantined = 0;
    /// Of the quarantined: good records for which an expression of the view failed.
    uint64_t failed = 0;
    /// 0 as it was sealed or computed, else one more than the highest of those joined in it.
    uint32_t level = 0;
    /// Of a batch run: how many batches it is of that went on where the one before had ended. 0: it
    /// was computed from the origin. The sum over a version's batch runs is its lineage depth.
    uint32_t increments = 0;
    /// Events of groups that the view did not keep any more (TableState::horizons).
    uint64_t expired = 0;
    /// Of the box: what was erased before the run was computed.
    uint64_t erased = 0;

    FoldAccount account() const {
        return {counted, filtered, quarantined, failed, expired, erased};
    }
    void set_account(const FoldAccount& account);
    /// Takes in the box, the account and the increments of the run behind it in a tiling: CHECK.
    void extend(const Run& next);
    /// Paths of the files that its parts lie in.
    std::set<std::string> files() const;
};

/// A file of the dataset: the events of a box, in order of partition and offset.
struct Segment {
    std::string file;  // path in the store
    Box box;           // of partitions of which it holds something: no interval is empty
    uint64_t rows = 0;
    uint64_t bad_rows = 0;
    uint64_t bytes = 0;
    uint64_t raw_bytes = 0;  // of its records
    uint32_t crc = 0;        // CRC-32C of the whole file
    std::string ingest_day;  // "2026-11-22"
    /// 0 as it was archived, else one more than the highest of those joined in it.
    uint32_t level = 0;
    /// Of the rows: tombstones, which are no bad ones.
    uint64_t erased_rows = 0;
    /// No event of it is newer (operators/fold/newest_event.h). Nothing: it was written before this
    /// was noted.
    std::optional<int64_t> newest_us = {};

    /// The same, or what the ingest day alone says: the end of the day after it.
    int64_t newest_bound_us() const;
};

/// Events of a stream that were erased by one statement. Pending until nothing is left of them.
struct Erasure {
    uint64_t id = 0;  // from 1 on in its stream
    /// Of the predicate, 32 hex digits. What it said is kept nowhere: it may name a person.
    std::string predicate_hash;
    Cut ends;  // what lies at or above is not touched
    uint64_t rows = 0;
    int64_t at_us = 0;            // when they were gone from the stream
    int64_t published_at_us = 0;  // from its views; 0: not yet
    int64_t done_at_us = 0;       // from all files; 0: pending

    bool is_pending() const { return done_at_us == 0; }
};

/// A segment whose events lie in another one, or that the stream's retention has taken away: its
/// file is kept for the undo window, and as long as it is read.
struct RetiredSegment {
    std::string file;
    int64_t at_us = 0;
};

/// Whether a batch answer may take the place of what it was held against. A pending one waits for a
/// person.
enum class Verdict : uint8_t { kMatched, kPending, kAccepted, kRejected };
std::string_view to_text(Verdict verdict);  // "matched", "pending", …

struct Audit {
    uint64_t number = 0;
    TableId table;
    VersionId version;
    Cut cut;
    Verdict verdict = Verdict::kPending;
    Digest batch;
    Digest speed;
    std::string difference;  // first differing keys, for people; empty when matched
    int64_t at_us = 0;
};

/// A published cut that can still be read: AT CUT number.
struct PublishedCut {
    uint64_t number = 0;
    TableId table;
    Cut cut;
    std::vector<RunId> runs;  // batch runs; those of a view version tile [origin, cut), in order
    int64_t at_us = 0;
};

/// A file or run that nobody names any more, kept for the undo window.
struct Retired {
    Run run;
    int64_t at_us = 0;
};

/// A table that was dropped, while files of it may still lie there: its log, its dataset, its runs.
struct Dropped {
    TableId table;
    std::string dataset_folder;
    int64_t at_us = 0;
};

/// A batch answer that differs from what it would replace: it stands beside the answers until every
/// audit of it has been accepted, or one rejected. Its cut stays in flight meanwhile.
struct Candidate {
    std::vector<Run> runs;         // one for each view version that a publish would have had
    std::vector<uint64_t> audits;  // numbers, matched ones too
    int64_t at_us = 0;
};

/// Per stream.
struct TableState {
    Positions origin;  // of every partition; all vectors below have the same ones
    Positions archive_end;
    Positions sealed_frontier;
    std::optional<Cut> cut_in_flight;
    std::optional<Candidate> candidate;  // at the cut in flight
    SharedList<Segment> segments;        // oldest first: those of a partition tile it in order
    SharedList<RetiredSegment> retired_segments;  // oldest first
    std::vector<PublishedCut> cuts;               // oldest first
    /// When a batch was last published that had computed everything from the origin; 0: never.
    int64_t recomputed_at_us = 0;
    /// The stream's clock: the greatest event time below the sealed frontier that is at most a day
    /// ahead of its record (operators/fold/event_clock.h). Kept while a view retains; nothing: no
    /// such event yet. Unix microseconds, as all times here.
    std::optional<int64_t> clock_us;
    /// The newest horizon: what speed begins from now on is held against it, and readers drop what
    /// has expired by it. It follows the clock in steps and never goes back.
    std::optional<int64_t> horizon_us;
    /// What the events below the sealed frontier were held against as they were folded, rising; it
    /// is what a recomputation holds them against.
    std::vector<Horizon> horizons;
    /// Some of the horizons below it are forgotten: a recomputation may count what speed has seen
    /// expire. Empty: none.
    Positions thinned_below;
    /// Oldest first: all pending ones, and the newest 100.
    std::vector<Erasure> erasures;
    /// How many there were. What was computed from the segments of an earlier epoch is refused.
    uint64_t erasure_epoch = 0;
    /// The first manifest version that no erasure has come behind: files of older ones are gone.
    ManifestNumber readable_from;

    /// Whether views still show events that are gone from the stream.
    bool has_unpublished_erasure() const;
    bool has_pending_erasure() const;
    /// Where the dataset begins: of what lies below, the stream's retention has taken the segments
    /// away. It never goes back, and no run goes across it.
    Positions start = {};
    /// Records of those segments.
    uint64_t removed_rows = 0;

    /// A run of what lies below the start: it cannot be computed again, and stays.
    bool is_base(const Run& run) const;
};

/// Where the dataset of a stream may begin once nothing is to be kept that is older than a time:
/// behind the segments, oldest first, that lie below `end` and have nothing else. At the table's
/// start where there are none.
Positions start_without(const TableState& table, const Positions& end, int64_t kept_since_us);

/// Numbers [from, to).
struct IdRange {
    uint64_t from = 0;
    uint64_t to = 0;

    friend bool operator==(const IdRange&, const IdRange&) = default;
};

/// All that is true at one manifest version. Immutable; readers hold a shared pointer to one. A
/// copy shares what is not changed in it: a commit costs what it changes, not what there is.
struct State {
    ManifestNumber number;
    catalog::Catalog catalog;
    catalog::Shared<std::set<std::string>> allowed_files;  // directories
    catalog::SharedMap<TableId, TableState> tables;
    /// Per view version: its runs in order, tiling [begin_of or first_seal, sealed_frontier)
    /// together.
    catalog::SharedMap<VersionId, SharedList<Run>> runs;
    SharedList<Retired> retired;   // oldest first
    std::vector<Dropped> dropped;  // oldest first
    SharedList<Audit> audits;      // newest 1,000 and all pending ones, oldest first
    uint64_t next_run = 1;         // all below are in somebody's block, or were
    uint64_t next_cut = 1;
    uint64_t next_audit = 1;
    /// How many processes have taken the directory over, one after the other.
    uint64_t epoch = 0;
    /// Numbers below catalog.next_id and next_run that no commit has used: they are in the block of
    /// a process, which is slower than others, or has ended. All others below are used up.
    /// Ascending; neighbours are one range.
    std::vector<IdRange> open_ids;
    std::vector<IdRange> open_runs;

    const TableState* table(TableId id) const;
    const SharedList<Run>& runs_of(VersionId version) const;
    /// Where a version's history begins, or will, once it is computed. Empty without such a
    /// version.
    Positions begin_of(VersionId version) const;
    /// Where a version's batch runs end: all its other runs lie behind. Its beginning without any.
    Positions batch_end(VersionId version) const;
    /// The moment before which groups of a view have expired, as near as the horizon tells;
    /// nothing: none has.
    std::optional<int64_t> kept_since_us(const catalog::MaterializedView& view) const;
    /// The moment before which events of a stream have expired; nothing: none has.
    std::optional<int64_t> kept_since_us(const catalog::Table& stream) const;
    /// Audits of a stream's candidate that still wait, ascending; empty without one.
    std::vector<uint64_t> pending_audits(TableId table) const;
};
using StatePtr = std::shared_ptr<const State>;

}  // namespace braid::manifest
