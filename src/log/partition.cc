// SPDX-License-Identifier: Apache-2.0
#include "log/partition.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/error_makers.h"

namespace braid::log {

namespace {

constexpr size_t kOpenExtentsMax = 4;  // of each partition, for reading

}  // namespace

void StopSign::set(const Error& reason) {
    ScopedLock lock(mutex_);
    if (!reason_) reason_ = reason;
}

Result<void> StopSign::check() const {
    ScopedLock lock(mutex_);
    if (!reason_) return {};
    return io_error("log has stopped after a failed write: {}", reason_->message())
        .with_hint("Restart the process: it will find out what is on the disk.");
}

Partition::Partition(LogContext& context, std::string directory, PartitionId id,
                     RecoveredPartition recovered)
    : context_(context),
      directory_(std::move(directory)),
      id_(id),
      extents_(std::move(recovered.extents)),
      state_(std::move(recovered.state)),
      writer_(std::move(recovered.writer)) {}

Partition::~Partition() {
    CHECK(queue_.empty());
    if (writer_ && context_.stop.check() && context_.check_owner()) {
        writer_->close(state_.end, {.sequence = state_.newest.sequence,
                                    .ingested_at_us = state_.newest.ingested_at_us,
                                    .open_us = context_.open_time.now_us()});
    }
}

Result<AppendOutcome> Partition::append(const AppendRequest& request) {
    Waiter waiter{.request = request, .blocks = encode_request(request), .outcome = {}};
    const uint64_t bytes = waiter.bytes = waiter.blocks.bytes.size();
    UniqueLock lock(mutex_);
    changed_.wait(lock, [&] {
        return waiting_bytes_ == 0 || waiting_bytes_ + bytes <= context_.options.waiting_bytes_max;
    });
    waiting_bytes_ += bytes;
    queue_.push_back(&waiter);
    while (!waiter.outcome) {
        if (has_leader_ || leads_wanted_ > 0) {
            changed_.wait(lock);
        } else {
            lead(lock);
        }
    }
    return *std::move(waiter.outcome);
}

void Partition::lead(UniqueLock& lock) {
    has_leader_ = true;
    const Group group = take_group();
    lock.unlock();
    const GroupStamp stamp = context_.stamp_of(context_.order.next_sequence());
    Result<std::vector<std::string>> committed = commit(group, stamp);
    lock.lock();
    if (committed) {
        const CommitOrder::End end = publish(group, *std::move(committed), stamp);
        context_.order.publish({&end, 1});
    } else {
        fail(group, committed.error());
    }
    for (const Waiter* each : group) waiting_bytes_ -= each->bytes;
    has_leader_ = false;
    changed_.notify_all();
    if (!committed || !context_.committed) return;
    lock.unlock();
    context_.committed();
    lock.lock();
}

void Partition::take_lead() {
    UniqueLock lock(mutex_);
    ++leads_wanted_;
    changed_.wait(lock, [&] { return !has_leader_; });
    --leads_wanted_;
    has_leader_ = true;
}

void Partition::release_lead() {
    const ScopedLock lock(mutex_);
    has_leader_ = false;
    changed_.notify_all();
}

Partition::Group Partition::take_group() {
    Group group;
    uint64_t bytes = 0;
    while (!queue_.empty()) {
        bytes += queue_.front()->bytes;
        if (!group.empty() && bytes > context_.options.group_bytes_max) break;
        group.push_back(queue_.front());
        queue_.pop_front();
    }
    return group;
}

Result<std::vector<std::string>> Partition::commit(const Group& group, const GroupStamp& stamp) {
    TRY(context_.stop.check());
    TRY(context_.check_owner());
    TRY(check_room(group));
    const auto write = [&]() -> Result<std::vector<std::string>> {
        if (needs_new_extent()) TRY(start_extent());
        std::vector<UnplacedBlocks*> requests;
        for (Waiter* each : group) requests.push_back(&each->blocks);
        return writer_->append_group(requests, state_.end, stamp);
    };
    Result<std::vector<std::string>> written = write();
    if (written) {
        // Now it is on the disk; whoever takes the directory over from here on will find it there.
        const Result<void> owned = context_.check_owner();
        if (owned) return written;
        written = owned.error();
    }
    // The file may end in a part of this group. It is left as it is; a later append begins a new
    // extent, whose header says how much of this one counts.
    writer_.reset();
    const ErrorCode code = written.error().code();
    if (code == ErrorCode::kExhausted || code == ErrorCode::kUnavailable) return written;
    context_.stop.set(written.error());
    if (context_.options.health) context_.options.health->fell_ill(written.error());
    return context_.stop.check().error();
}

Result<void> Partition::check_room(const Group& group) const {
    uint64_t bytes = 0;
    for (const Waiter* each : group) bytes += each->bytes;
    if (context_.options.admit) TRY(context_.options.admit(bytes));
    const uint64_t free = TRY(context_.files.free_bytes());
    if (free >= context_.options.keep_free_bytes + bytes) return {};
    return exhausted("disk is nearly full: {} bytes are free", free)
        .with_hint("Make room on the disk of the data directory; reading goes on.")
        .with_sqlstate("53100")
        .with_detail(fmt::format("{} bytes are kept free; nothing is accepted until there is room.",
                                 context_.options.keep_free_bytes));
}

bool Partition::needs_new_extent() const {
    if (!writer_) return true;
    // A large snapshot asks for a larger extent, so that snapshots are never more than half of the
    // log.
    const uint64_t snapshot = writer_->header().records_position;
    const uint64_t records = writer_->bytes() - snapshot;
    const bool is_full = records >= std::max(context_.options.extent_bytes_max, snapshot);
    return is_full && writer_->header().base < state_.end;
}

Result<void> Partition::start_extent() {
    const std::shared_ptr<Extent> newest = newest_extent();
    ExtentHeader header = next_header(context_.origin(), id_, state_.end, newest.get());
    if (newest && newest->base() == header.base) {
        // It has no records, but perhaps positions, which the snapshot takes over.
        header.predecessor_base = newest->header().predecessor_base;
        header.predecessor_bytes = newest->header().predecessor_bytes;
    }
    UnplacedBlocks snapshot =
        encode_snapshot(state_.position_list(), context_.keys.of_partition(id_));
    writer_ = TRY(ExtentWriter::create(context_.files, directory_, header, std::move(snapshot),
                                       state_.newest));
    is_fresh_extent_ = true;
    return {};
}

CommitOrder::End Partition::publish(const Group& group, std::vector<std::string> pieces,
                                    const GroupStamp& stamp) {
    if (is_fresh_extent_) {
        const bool replaces_newest =
            !extents_.empty() && extents_.back()->base() == writer_->header().base;
        if (replaces_newest) extents_.pop_back();
        extents_.push_back(
            std::make_shared<Extent>(context_.files, writer_->path(), writer_->header()));
        is_fresh_extent_ = false;
    }
    Extent& extent = *extents_.back();
    uint64_t position = writer_->bytes();
    for (const Waiter* each : group) position -= each->bytes;
    for (uint64_t start = position; std::string & piece : pieces) {
        const size_t bytes = piece.size();
        tail_.add(std::move(piece), start);
        start += bytes;
    }
    Offset end = state_.end;
    for (Waiter* each : group) {
        extent.add_place(end, position);
        position += each->bytes;
        each->outcome = outcome_of(*each, end, stamp);
        end.value += each->blocks.record_count;
        state_.apply_positions(each->request.positions);
    }
    state_.end = end;
    state_.newest = stamp;
    extent.publish(end, position);
    if (context_.metrics.syncs != nullptr) context_.metrics.syncs->add(1);
    return {&context_.log, id_, end};
}

AppendOutcome Partition::outcome_of(const Waiter& waiter, Offset first, const GroupStamp& stamp) {
    const AppendOutcome outcome{.partition = id_,
                                .offsets = Offsets(first),
                                .end = {first.value + waiter.blocks.record_count},
                                .ingested_at_us = stamp.ingested_at_us,
                                .was_duplicate = false};
    if (waiter.request.key) {
        context_.keys.settle({.key = *waiter.request.key,
                              .partition = id_,
                              .first = first,
                              .record_count = waiter.blocks.record_count,
                              .ingested_at_us = stamp.ingested_at_us,
                              .open_us = stamp.open_us});
    }
    if (context_.metrics.records != nullptr) {
        context_.metrics.records->add(waiter.blocks.record_count);
        context_.metrics.bytes->add(static_cast<int64_t>(waiter.bytes));
    }
    return outcome;
}

void Partition::fail(const Group& group, const Error& error) {
    for (Waiter* each : group) each->outcome = Result<AppendOutcome>(error);
}

Result<RecordBatch> Partition::read(Offset from, Offset to, size_t records_max) {
    CHECK_GT(records_max, size_t{0});
    if (to <= from) return empty_batch(from);
    // Here offsets have no holes.
    const auto width = static_cast<uint64_t>(to.value) - static_cast<uint64_t>(from.value);
    records_max = static_cast<size_t>(std::min<uint64_t>(records_max, width));
    if (auto batch = TRY(read_tail(from, records_max))) return *std::move(batch);
    const std::shared_ptr<Extent> extent = TRY(find_extent(from));
    if (!extent) return empty_batch(from);
    Result<RecordBatch> batch = extent->read(from, records_max);
    // The file may have been trimmed before it was opened.
    if (!batch && batch.error().code() == ErrorCode::kNotFound) return trimmed(from, start());
    return batch;
}

RecordBatch Partition::empty_batch(Offset at) const {
    return {.partition = id_,
            .offsets = Offsets(at),
            .next = at,
            .preamble = {},
            .records = {},
            .bytes = {}};
}

Result<std::optional<RecordBatch>> Partition::read_tail(Offset from, size_t records_max) {
    std::shared_ptr<const Chunk> chunk;
    {
        ScopedLock lock(mutex_);
        chunk = tail_.find(from);
    }
    if (!chunk) return std::optional<RecordBatch>();
    RecordBatch batch = TRY(batch_of(*chunk, id_, from, records_max));
    if (batch.next == chunk->end()) {
        ScopedLock lock(mutex_);
        tail_.release(batch.next);
    }
    return std::optional(std::move(batch));
}

Result<std::shared_ptr<Extent>> Partition::find_extent(Offset from) {
    // One look at start and end: they may move before the next.
    ScopedLock lock(mutex_);
    if (from == state_.end) return std::shared_ptr<Extent>();
    if (from > state_.end) {
        return invalid_input("offset {} of partition {} is beyond the end of the log at {}",
                             from.value, id_.value, state_.end.value);
    }
    if (from < start_locked()) return trimmed(from, start_locked());
    std::shared_ptr<Extent> extent =
        *std::prev(std::ranges::upper_bound(extents_, from, {}, &Extent::base));
    if (!recent_.empty() && recent_.back() == extent) return extent;
    std::erase(recent_, extent);
    recent_.push_back(extent);
    if (recent_.size() > kOpenExtentsMax) {
        recent_.front()->forget();
        recent_.pop_front();
    }
    return extent;
}

Error Partition::trimmed(Offset from, Offset start) const {
    return not_found("offset {} of partition {} is no longer in the log", from.value, id_.value)
        .with_detail(fmt::format("The log begins at {}.", start.value));
}

Result<void> Partition::trim(Offset keep_from) {
    ScopedLock trim_lock(trim_mutex_);
    while (true) {
        std::shared_ptr<Extent> oldest;
        {
            ScopedLock lock(mutex_);
            if (extents_.size() < 2 || extents_[1]->base() > keep_from) return {};
            oldest = extents_.front();
        }
        // One at a time, each made durable: after a crash the log still has no gap.
        TRY(remove_replaced(*oldest));
        Result<void> removed = context_.files.remove(oldest->path());
        if (!removed && removed.error().code() != ErrorCode::kNotFound) return removed;
        TRY(context_.files.sync_directory(directory_));
        ScopedLock lock(mutex_);
        extents_.erase(extents_.begin());
        std::erase(recent_, oldest);
        tail_.trim(start_locked());
    }
}

Result<void> Partition::remove_replaced(const Extent& oldest) {
    bool has_some = false;
    for (const std::string& each : TRY(context_.files.list(directory_))) {
        const auto name = parse_extent_name(each);
        const std::string path = directory_ + "/" + each;
        if (!name || name->base > oldest.base() || path == oldest.path()) continue;
        TRY(context_.files.remove(path));
        has_some = true;
    }
    return has_some ? context_.files.sync_directory(directory_) : Result<void>();
}

Result<Offset> Partition::roll() {
    take_lead();
    const Offset end = state_.end;
    const std::shared_ptr<Extent> newest = newest_extent();
    const bool has_records = newest && newest->base() < end;
    // The next group begins a new extent at the end; its header says how much of this one counts.
    if (has_records) writer_.reset();
    release_lead();
    if (has_records) TRY(append({}));
    return end;
}

Offset Partition::start() const {
    ScopedLock lock(mutex_);
    return start_locked();
}

Offset Partition::start_locked() const {
    return extents_.empty() ? state_.end : extents_.front()->base();
}

std::vector<SourcePosition> Partition::source_positions() const {
    ScopedLock lock(mutex_);
    return state_.position_list();
}

std::shared_ptr<Extent> Partition::newest_extent() const {
    ScopedLock lock(mutex_);
    return extents_.empty() ? nullptr : extents_.back();
}

}  // namespace braid::log
