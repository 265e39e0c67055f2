// SPDX-License-Identifier: Apache-2.0
#include "manifest/manifest.h"

#include <algorithm>

#include "base/check.h"
#include "base/error_makers.h"
#include "manifest/chain_internal.h"

namespace braid::manifest {

namespace {

/// A number lost that often in a row means that something else is wrong.
constexpr int kRacesMax = 64;

/// For a version of unknown outcome, before its commit gives up.
constexpr int kLooksMax = 3;

/// A block lasts for hours: each is a version of the manifest.
constexpr AllocateIds kBlock{.ids = 64, .runs = 4096};

/// Whether an error is about the changes, not about the store or the directory.
bool is_refusal(const Error& error) {
    switch (error.code()) {
        case ErrorCode::kInvalidInput:
        case ErrorCode::kNotFound:
        case ErrorCode::kAlreadyExists:
        case ErrorCode::kConflict:
        case ErrorCode::kUnsupported:
            return true;
        default:
            return false;
    }
}

}  // namespace

void Run::set_account(const FoldAccount& account) {
    counted = account.counted;
    filtered = account.filtered;
    expired = account.expired;
    quarantined = account.quarantined;
    failed = account.failed;
    erased = account.erased;
}

void Run::extend(const Run& next) {
    std::optional<Box> joined = join(box, next.box);
    CHECK(joined.has_value());
    box = *std::move(joined);
    FoldAccount sum = account();
    sum.add(next.account());
    set_account(sum);
    increments += next.increments;
}

std::set<std::string> Run::files() const {
    std::set<std::string> files;
    for (const Part& part : parts) files.insert(part.file);
    return files;
}

const TableState* State::table(TableId id) const {
    const auto found = tables.find(id);
    return found == tables.end() ? nullptr : &found->second;
}

const SharedList<Run>& State::runs_of(VersionId version) const {
    static const SharedList<Run> kNone;
    const auto found = runs.find(version);
    return found == runs.end() ? kNone : found->second;
}

Positions State::begin_of(VersionId version) const {
    const catalog::MaterializedView* view = catalog.view_of_version(version);
    const TableState* of = view == nullptr ? nullptr : table(view->table);
    if (of == nullptr) return {};
    const catalog::ViewVersion& listed = *view->find(version);
    if (!listed.is_populated) return of->start;
    return listed.complete_since.at.empty() ? of->origin : listed.complete_since;
}

Positions State::batch_end(VersionId version) const {
    Positions end = begin_of(version);
    for (const Run& run : runs_of(version)) {
        if (run.kind != RunKind::kBatch) break;
        CHECK(extend(end, run.box));
    }
    return end;
}

namespace {

/// Who commits such a change opens or closes something by its outcome. To be told that it is not
/// known, and to find it in the manifest later, would leave a process that does not fit it.
bool opens_or_closes(const std::vector<Change>& changes) {
    return std::ranges::any_of(changes, [](const Change& change) {
        return std::holds_alternative<CreateTable>(change) ||
               std::holds_alternative<DropTable>(change) ||
               std::holds_alternative<CreateView>(change) ||
               std::holds_alternative<DropView>(change);
    });
}

Error outcome_unknown() {
    return unavailable("the outcome of a manifest version is unknown")
        .with_detail("It was written, but it may not survive a power cut, or was too late.")
        .with_hint(
            "The process looks again by itself. If that does not help, restart it: it will read "
            "what is there.");
}

}  // namespace

bool may_be_made(const Error& error) { return error.code() == ErrorCode::kUnavailable; }

Result<std::unique_ptr<Manifest>> Manifest::open(Store& store, const Clock& clock,
                                                 std::string directory) {
    auto chain = std::make_unique<Chain>(store, std::move(directory));
    StatePtr head = TRY(chain->load());
    return std::unique_ptr<Manifest>(new Manifest(clock, std::move(chain), std::move(head)));
}

Manifest::Manifest(const Clock& clock, std::unique_ptr<Chain> chain, StatePtr head)
    : clock_(clock), chain_(std::move(chain)) {
    show(std::move(head));
}

Manifest::~Manifest() = default;

StatePtr Manifest::head() const {
    const ScopedLock lock(mutex_);
    return head_;
}

PinnedState Manifest::pin() {
    const int64_t now_us = clock_.monotonic_us();
    const ScopedLock lock(mutex_);
    return {head_, pins_.add(head_->number, now_us)};
}

Result<ObjectId> Manifest::new_id() { return ObjectId{TRY(take(&Block::ids))}; }

Result<RunId> Manifest::new_run_id() { return RunId{TRY(take(&Block::runs))}; }

Result<uint64_t> Manifest::take(IdRange Block::* kind) {
    const auto from_block = [&]() -> std::optional<uint64_t> {
        const ScopedLock lock(mutex_);
        IdRange& range = block_.*kind;
        if (range.from == range.to) return std::nullopt;
        return range.from++;
    };
    if (const auto number = from_block()) return *number;
    const ScopedLock turn(block_mutex_);
    while (true) {
        // Somebody may have fetched one meanwhile, or used up the one fetched here.
        if (const auto number = from_block()) return *number;
        // The rest of the other kind is skipped with it: both are plenty.
        take_block(*TRY(commit({kBlock})));
    }
}

/// The state right after an AllocateIds of ours: its newest numbers are the block.
void Manifest::take_block(const State& allocated) {
    const ScopedLock lock(mutex_);
    const uint64_t ids = allocated.catalog.next_id;
    block_ = {.ids = {ids - kBlock.ids, ids},
              .runs = {allocated.next_run - kBlock.runs, allocated.next_run}};
}

void Manifest::on_commit(std::function<void(const StatePtr&)> listener) {
    const ScopedLock lock(mutex_);
    listeners_.push_back(std::move(listener));
}

Result<StatePtr> Manifest::commit(std::vector<Change> changes) {
    return commit(changes, Form::kChanges);
}

Result<StatePtr> Manifest::commit_whole(std::vector<Change> changes) {
    return commit(changes, Form::kWhole);
}

Result<StatePtr> Manifest::commit(const std::vector<Change>& changes, Form form) {
    const ScopedLock turn(commit_mutex_);
    Result<StatePtr> committed = commit_in_turn(changes, form);
    if (committed) {
        health_->recovered();
    } else if (offered_) {
        health_->fell_ill(committed.error());
    } else if (!is_refusal(committed.error())) {
        health_->tell(HealthState::kDegraded, committed.error());
    }
    return committed;
}

Result<StatePtr> Manifest::commit_in_turn(const std::vector<Change>& changes, Form form) {
    TRY(settle_offered());
    for (int race = 0; race < kRacesMax; ++race) {
        const StatePtr base = head();
        TRY(check_owner(*base));
        const int64_t now_us = clock_.wall_us();
        Result<State> next = apply(*base, changes, now_us);
        if (next && TRY(try_publish(*std::move(next), changes, now_us, form))) return head();
        TRY(catch_up());
        // Refused by the newest version: that is the answer.
        if (!next && head() == base) return std::move(next).error();
    }
    return unavailable("lost the manifest to other writers {} times", kRacesMax);
}

Result<void> Manifest::settle() {
    const ScopedLock turn(commit_mutex_);
    return settle_offered();
}

/// That it failed, if it did, was an error of another commit.
Result<void> Manifest::settle_offered() {
    if (!offered_) return {};
    if (offered_->opens_or_closes) return outcome_unknown();
    const Result<bool> published = find_out();
    if (offered_) return published.error();
    if (published) {
        health_->recovered();
    } else {
        health_->tell(HealthState::kDegraded, published.error());
    }
    return {};
}

Result<void> Manifest::take_over(DirectoryOwner& owner) {
    const uint64_t epoch = head()->epoch + 1;
    const ScopedLock turn(block_mutex_);
    take_block(*TRY(commit({TakeOver{epoch}, kBlock})));
    TRY(owner.begin_epoch(epoch, [&]() -> Result<bool> {
        const ScopedLock commits(commit_mutex_);
        TRY(catch_up());
        return head()->epoch == epoch;
    }));
    owner_ = &owner;
    return {};
}

Result<void> Manifest::check_owner(const State& base) const {
    if (owner_ == nullptr) return {};
    TRY(owner_->watch());
    if (base.epoch == owner_->epoch()) return {};
    return unavailable("another process has taken the data directory over")
        .with_detail(
            fmt::format("It is number {}, this one is number {}.", base.epoch, owner_->epoch()));
}

/// As find_out().
Result<bool> Manifest::try_publish(State next, const std::vector<Change>& changes, int64_t now_us,
                                   Form form) {
    ++next.number.value;
    const bool whole = form == Form::kWhole || next.number.value % Chain::kWholeEvery == 0;
    const std::string text =
        TRY(write_version(next.number, chain_->writer(), now_us, changes, whole ? &next : nullptr));
    std::unique_ptr<NewFile> file = TRY(chain_->begin(next.number, text));
    offered_ = Offered{std::move(file), std::make_shared<const State>(std::move(next)),
                       opens_or_closes(changes)};
    for (int look = 1;; ++look) {
        Result<bool> published = find_out();
        if (!offered_ || look == kLooksMax) return published;
    }
}

Result<bool> Manifest::find_out() {
    const ManifestNumber number = offered_->state->number;
    if (offered_->file) {
        const Result<PutOutcome> outcome = offered_->file->put();
        if (outcome && *outcome == PutOutcome::kUnknown) return outcome_unknown();
        if (!outcome || *outcome == PutOutcome::kExists) offered_.reset();
        if (!outcome) {
            return Error(outcome.error())
                .with_context(fmt::format("publishing manifest version {}", number.value));
        }
        if (!offered_) return false;
        offered_->file.reset();
    }
    const Result<bool> in_chain = chain_->is_in_chain(number);
    if (!in_chain || !*in_chain) return outcome_unknown();
    StatePtr published = std::move(offered_->state);
    offered_.reset();
    show(std::move(published));
    return true;
}

Result<void> Manifest::catch_up() {
    const StatePtr before = head();
    StatePtr newest = before;
    while (StatePtr next = TRY(chain_->read_next(*newest))) newest = std::move(next);
    if (before->number.value > 0 && !TRY(chain_->exists(before->number))) {
        newest = TRY(chain_->load());  // trimmed beyond us: what follows may be a leftover
    }
    if (newest->number > before->number) show(std::move(newest));
    return {};
}

void Manifest::show(StatePtr head) {
    std::vector<std::function<void(const StatePtr&)>> listeners;
    {
        const ScopedLock lock(mutex_);
        head_ = head;
        listeners = listeners_;
    }
    for (const auto& listener : listeners) listener(head);
}

Result<uint64_t> Manifest::trim(uint64_t keep) {
    const ScopedLock turn(commit_mutex_);
    return chain_->trim(keep);
}

Result<void> Manifest::forget_before(ManifestNumber whole) {
    const ScopedLock turn(commit_mutex_);
    return chain_->forget_before(whole);
}

}  // namespace braid::manifest
