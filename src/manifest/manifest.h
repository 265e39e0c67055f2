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
#include "base/mutex.h"
#include "base/result.h"
#include "base/store.h"
#include "manifest/changes.h"
#include "manifest/pins.h"
#include "manifest/state.h"
#include "model/directory_owner.h"
#include "model/health.h"

namespace braid::manifest {

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
    /// The same; what is committed, whatever its number, can be read without those before it.
    Result<StatePtr> commit_whole(std::vector<Change> changes);
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
    /// Removes all versions before one that is whole, oldest first: nothing that only they said is
    /// left.
    Result<void> forget_before(ManifestNumber whole);

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
    enum class Form : uint8_t { kChanges, kWhole };
    Result<StatePtr> commit(const std::vector<Change>& changes, Form form);
    Result<StatePtr> commit_in_turn(const std::vector<Change>& changes, Form form)
        REQUIRES(commit_mutex_);
    Result<void> check_owner(const State& base) const REQUIRES(commit_mutex_);
    Result<bool> try_publish(State next, const std::vector<Change>& changes, int64_t now_us,
                             Form form) REQUIRES(commit_mutex_);
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
