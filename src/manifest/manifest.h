// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/hash.h"
#include "base/mutex.h"
#include "base/result.h"
#include "base/store.h"
#include "catalog/catalog.h"
#include "manifest/pins.h"
#include "manifest/shared_list.h"
#include "model/box.h"
#include "model/directory_owner.h"
#include "model/fold_account.h"
#include "model/health.h"

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
    /// What became of the events of the box: folded into groups, refused by WHERE, bad. For the
    /// accounts: counted + filtered + quarantined = records of the box.
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

    FoldAccount account() const { return {counted, filtered, quarantined, failed}; }
    void set_account(const FoldAccount& account);
    /// Takes in the box, the account and the increments of the run behind it in a tiling: CHECK.
    void extend(const Run& next);
    /// Paths of the files that its parts lie in.
    std::set<std::string> files() const;
};

struct Segment {
    std::string file;  // path below the data directory
    PartitionId partition;
    Offset from;
    Offset to;
    uint64_t rows = 0;
    uint64_t bad_rows = 0;
    uint64_t bytes = 0;
    uint32_t crc = 0;        // CRC-32C of the whole file
    std::string ingest_day;  // "2026-11-22"
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
    SharedList<Segment> segments;        // sorted by partition, from
    std::vector<PublishedCut> cuts;      // oldest first
    /// When a batch was last published that had computed everything from the origin; 0: never.
    int64_t recomputed_at_us = 0;
};

/// Numbers [from, to).
struct IdRange {
    uint64_t from = 0;
    uint64_t to = 0;

    friend bool operator==(const IdRange&, const IdRange&) = default;
};

/// All that is true at one manifest version. Immutable; readers hold a shared pointer to one.
struct State {
    ManifestNumber number;
    catalog::Catalog catalog;
    std::set<std::string> allowed_files;  // directories
    std::map<TableId, TableState> tables;
    /// Per view version: its runs in order, tiling [origin or first_seal, sealed_frontier)
    /// together.
    std::map<VersionId, SharedList<Run>> runs;
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
    /// Where a version's batch runs end: all its other runs lie behind. The origin without any.
    Positions batch_end(VersionId version) const;
    /// Audits of a stream's candidate that still wait, ascending; empty without one.
    std::vector<uint64_t> pending_audits(TableId table) const;
};
using StatePtr = std::shared_ptr<const State>;

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
};
/// For one version without data: a run whose box is [origin, first_seal).
struct Backfill {
    Run run;
};
struct Archive {
    TableId table;
    std::vector<Segment> segments;  // contiguous from the archive end, per partition
};
/// The cut is a sealed frontier that the archive has reached; nullopt gives the cut up. Where the
/// log has got partitions since the cut was taken it is their origins in these, here and below.
struct ChooseCut {
    TableId table;
    std::optional<Cut> cut;
};
/// Batch runs, for all versions of the table together. One that was computed from the origin
/// replaces every run below the cut; one whose box is [batch_end, cut), with one increment,
/// replaces the sealed runs in it.
struct Publish {
    TableId table;
    Cut cut;
    std::vector<Run> runs;
    std::vector<Audit> audits;
};
/// What a publish would have been, had its audits matched: its runs become the candidate of the cut
/// in flight and answer nothing.
struct Park {
    TableId table;
    Cut cut;
    std::vector<Run> runs;
    std::vector<Audit> audits;  // at least one pending
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

using Change =
    std::variant<CreateTable, Grow, DropTable, CreateView, DropView, CreatePlainView, DropPlainView,
                 TakeOver, AllocateIds, SetFunctionData, AllowFiles, Seal, Backfill, Archive,
                 ChooseCut, Publish, Park, Judge, Compact, Release, ForgetCuts, Sweep>;

/// The commit rule as a pure function: `base` with the changes applied in order, or why not. The
/// number and times are the caller's. Conflict: somebody was faster, read again; NotFound,
/// AlreadyExists and InvalidInput are for the user; Internal is a change that no race explains.
Result<State> apply(const State& base, const std::vector<Change>& changes, int64_t now_us);

/// Whether a commit that ended with this error may have been made all the same. What it names must
/// stay.
bool may_be_made(const Error& error);

class Chain;

/// A state that somebody reads from.
struct PinnedState {
    StatePtr state;
    Pins::PinPtr pin;  // as long as this is held
};

/// The chain of manifest files: the one source of truth of a data directory. Thread-safe.
///
/// commit() checks the changes against the newest version, writes the next file without
/// overwriting, syncs, and only then shows the new head. If somebody else took the number it reads
/// their version and checks again; when the rule no longer holds it returns Conflict. Where the
/// store lacks something (space, descriptors, memory) that commit fails, Exhausted and without a
/// trace, and the next one is a new attempt. While the outcome of a write is not known, this and
/// every later commit is Unavailable; each looks again first, and so does settle(). It lasts until
/// the directory is opened again where that cannot help: what a sync that failed leaves can never
/// be known, and whoever creates or drops a table or view must know at once. Reading goes on.
class Manifest {
  public:
    /// Corrupt, naming the file, when the newest version or one that it needs is damaged or
    /// missing.
    static Result<std::unique_ptr<Manifest>> open(Store& store, const Clock& clock,
                                                  std::string directory);
    ~Manifest();
    /// From now on this process owns the directory, and commits only as long as that is so: no
    /// other has taken it over since, by the manifest's epoch or by what the owner finds. Begins
    /// the owner's epoch; it must outlive this.
    Result<void> take_over(DirectoryOwner& owner);
    StatePtr head() const;
    /// The head, entered among `pins()` in the same moment: whoever commits that something is named
    /// no more, and then looks there, finds all who may still read it.
    PinnedState pin();
    const Pins& pins() const { return pins_; }
    Result<StatePtr> commit(std::vector<Change> changes);
    /// Looks again for the version whose outcome is not known, and shows it if it is there. No such
    /// version is success. Unavailable while it cannot be known.
    Result<void> settle();
    /// A fresh id for a table, view, version…: no process that works on this chain, now or later,
    /// gets it again. They come from blocks; now and then a call commits an AllocateIds, and fails
    /// as a commit does. What is left of a block when this ends is never used.
    Result<ObjectId> new_id();
    Result<RunId> new_run_id();
    /// Called after each commit, in order, from the committing thread; must be quick and not
    /// commit.
    void on_commit(std::function<void(const StatePtr&)> listener);
    /// Who is told how commits go: degraded while they fail for a reason that is not in them, ill
    /// while the outcome of one is not known. Once, before there is a second thread.
    void report_to(std::shared_ptr<PartHealth> health) { health_ = std::move(health); }
    /// Removes versions, oldest first, so that at least `keep` stay, and the last two whole ones
    /// with all that follows them. Returns how many went.
    Result<uint64_t> trim(uint64_t keep);

  private:
    Manifest(const Clock& clock, std::unique_ptr<Chain> chain, StatePtr head);
    /// What this process may still hand out.
    struct Block {
        IdRange ids;
        IdRange runs;
    };
    Result<uint64_t> take(IdRange Block::* kind);
    void take_block(const State& allocated) REQUIRES(block_mutex_);
    /// A version whose number was, or is about to be, asked for.
    struct Offered {
        std::unique_ptr<NewFile> file;  // null: it has its name
        StatePtr state;
        bool opens_or_closes = false;
    };
    Result<StatePtr> commit_in_turn(const std::vector<Change>& changes) REQUIRES(commit_mutex_);
    Result<void> check_owner(const State& base) const REQUIRES(commit_mutex_);
    Result<bool> try_publish(State next, const std::vector<Change>& changes, int64_t now_us)
        REQUIRES(commit_mutex_);
    /// True: what was offered is the head. False: its number is somebody else's. Unavailable, and
    /// it is still offered: that is not known. Any other error: it was not published.
    Result<bool> find_out() REQUIRES(commit_mutex_);
    Result<void> settle_offered() REQUIRES(commit_mutex_);
    Result<void> catch_up() REQUIRES(commit_mutex_);
    void show(StatePtr head);

    const Clock& clock_;
    Mutex block_mutex_;   // held while a block is fetched; taken before commit_mutex_
    Mutex commit_mutex_;  // held while a version is written; taken before mutex_
    const std::unique_ptr<Chain> chain_;
    std::optional<Offered> offered_ GUARDED_BY(commit_mutex_);  // its outcome is not known
    std::shared_ptr<PartHealth> health_ = std::make_shared<PartHealth>();
    const DirectoryOwner* owner_ = nullptr;  // set once, before there is a second thread
    Pins pins_;
    mutable Mutex mutex_;  // guards all below
    StatePtr head_;
    Block block_;
    std::vector<std::function<void(const StatePtr&)>> listeners_;
};

}  // namespace braid::manifest
