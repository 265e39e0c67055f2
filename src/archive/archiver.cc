// SPDX-License-Identifier: Apache-2.0
#include "archive/archiver.h"

#include <algorithm>
#include <atomic>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "base/error_makers.h"
#include "base/mutex.h"
#include "base/trace.h"
#include "dataset/listed_files.h"
#include "operators/decode/declared_decoder.h"
#include "plan/view_plan.h"

namespace braid::archive {

namespace {

constexpr size_t kSliceRecords = 4096;
constexpr int64_t kStepUs = 250'000;

/// The durable end without partitions that the manifest does not know yet.
Positions known_end(const log::PartitionedLog& log, const manifest::TableState& state) {
    Positions end = log.durable_end();
    end.at.resize(std::min(end.at.size(), state.origin.at.size()));
    return end;
}

}  // namespace

/// One stream's way from log to dataset. Its mutex is held for the whole of an archiving.
struct Archiver::Stream {
    Mutex mutex;
    catalog::Table table;
    std::shared_ptr<log::PartitionedLog> log;
    std::unique_ptr<operators::Decoder> decoder;
    std::vector<bool> wanted;
    operators::DecodedSlice decoded GUARDED_BY(mutex);
    /// Moved in by this process, but its commit came to nothing, or to nobody knows what: then the
    /// file must stay as it was offered. Any other leftover is written again.
    std::optional<manifest::Segment> uncommitted GUARDED_BY(mutex);
    Workers::Handle step = 0;
    std::atomic<bool> rests = false;  // the step, until it is woken
    int64_t last_us = 0;
    bool has_rested = false;
    Metric* rows = nullptr;
    std::shared_ptr<PartHealth> health;

    Result<void> archive(const ArchiveParts& parts, const ArchiveOptions& options,
                         const Positions& end) REQUIRES(mutex);
    /// Writes one segment from `from` on, not beyond `end`, of all partitions that have something
    /// there of one day.
    Result<manifest::Segment> write_segment(const ArchiveParts& parts,
                                            const ArchiveOptions& options, const Positions& from,
                                            const Positions& end) REQUIRES(mutex);
    /// A segment that is being written.
    struct Writing {
        Positions begin;  // the archive end
        std::unique_ptr<dataset::SegmentWriter> writer = nullptr;
        std::string day = {};
        PartitionId partition = {};  // the one that is written
    };
    /// Adds what the log holds of a range, up to the first record of another day than that of the
    /// segment, which is the day of its first record.
    Result<void> add(const ArchiveParts& parts, const ArchiveOptions& options, Interval range,
                     Writing& writing) REQUIRES(mutex);
    Result<void> begin(const ArchiveParts& parts, const Interval& range, const std::string& day,
                       Writing& writing) const;
    /// Conflict, or Unavailable, unless the newest version ends where this segment begins, and this
    /// process may still commit: what lies in the segment's place is then nobody's.
    Result<void> check_nobody_names(const ArchiveParts& parts, const Positions& from) const;
    static bool is_full(const Writing& writing, const ArchiveOptions& options) {
        return writing.writer && (writing.writer->rows() >= options.segment_rows_max ||
                                  writing.writer->bytes_estimate() >= options.segment_bytes_max);
    }
};

Result<void> Archiver::Stream::check_nobody_names(const ArchiveParts& parts,
                                                  const Positions& from) const {
    // The head that this process knows may be an old one. A commit is refused to whoever has lost
    // the directory, and has seen what others have committed.
    TRY(parts.manifest->commit({manifest::Archive{table.id, {}}}));
    const manifest::StatePtr state = parts.manifest->head();
    const manifest::TableState* archived = state->table(table.id);
    if (archived != nullptr && archived->archive_end == from) return {};
    return conflict("another process has archived stream \"{}\" beyond {}", table.name,
                    from.to_string());
}

Result<void> Archiver::Stream::begin(const ArchiveParts& parts, const Interval& range,
                                     const std::string& day, Writing& writing) const {
    if (writing.writer) {
        if (writing.partition != range.partition) {
            writing.writer->go_to(range.partition, range.from);
        }
    } else {
        const dataset::SegmentSpec spec = dataset::SegmentSpec::of(table);
        writing.writer = TRY(dataset::SegmentWriter::create(
            *parts.store, spec, dataset::segment_path(spec.folder, day, spec.log, writing.begin),
            range.partition, range.from));
        writing.day = day;
    }
    writing.partition = range.partition;
    return {};
}

Result<void> Archiver::Stream::add(const ArchiveParts& parts, const ArchiveOptions& options,
                                   Interval range, Writing& writing) {
    while (range.from < range.to && !is_full(writing, options)) {
        const log::RecordBatch batch = TRY(log->read(range, kSliceRecords));
        if (batch.next == range.from) break;
        // What holds no record came in on no day.
        const bool is_hole = batch.records.empty();
        const int64_t at_us = is_hole ? parts.clock->wall_us() : batch.ingested_at_us;
        const std::string day = dataset::ingest_day_of(at_us);
        if (writing.writer && !is_hole && day != writing.day) break;
        TRY(begin(parts, range, day, writing));
        range.from = batch.next;
        if (is_hole) {
            writing.writer->skip_to(batch.next);
            continue;
        }
        decoder->decode({batch.partition, batch.offsets, batch.ingested_at_us, batch.records,
                         Keepalive(batch.bytes), batch.preamble},
                        wanted, decoded);
        TRY(writing.writer->add(decoded, batch.records, batch.ingested_at_us, batch.next));
    }
    return {};
}

Result<manifest::Segment> Archiver::Stream::write_segment(const ArchiveParts& parts,
                                                          const ArchiveOptions& options,
                                                          const Positions& from,
                                                          const Positions& end) {
    Writing writing{from};
    for (uint32_t index = 0; index < end.partition_count(); ++index) {
        TRY(add(parts, options, {PartitionId{index}, from.at[index], end.at[index]}, writing));
    }
    if (!writing.writer) {
        return corrupt("log of stream \"{}\" ends before {}", table.name, end.to_string());
    }
    return writing.writer->move_in([&] { return check_nobody_names(parts, from); });
}

Result<void> Archiver::Stream::archive(const ArchiveParts& parts, const ArchiveOptions& options,
                                       const Positions& end) {
    while (true) {
        const manifest::StatePtr state = parts.manifest->head();
        const manifest::TableState* archived = state->table(table.id);
        if (archived == nullptr) return not_found("stream \"{}\" was dropped", table.name);
        const Positions& from = archived->archive_end;
        if (from.partition_count() < end.partition_count()) {
            return internal_error("stream \"{}\" has no partition {}", table.name,
                                  from.partition_count());
        }
        if (from.dominates(end)) return {};
        Positions reached = from;
        if (!uncommitted || !extend(reached, uncommitted->box)) {
            uncommitted = TRY(write_segment(parts, options, from, end));
            rows->add(static_cast<int64_t>(uncommitted->rows));
        }
        TRY(parts.manifest->commit({manifest::Archive{table.id, {*uncommitted}}}));
        uncommitted.reset();
    }
}

Archiver::Archiver(ArchiveParts parts, ArchiveOptions options, Workers& workers)
    : parts_(parts), options_(options), workers_(workers) {}

Archiver::~Archiver() {
    while (!streams_.empty()) remove_table(streams_.begin()->first);
}

/// What the dataset lacks and the log no longer holds cannot be read by anybody: such a stream must
/// not accept more as if nothing were wrong.
Result<void> Archiver::check_dataset(const catalog::Table& table,
                                     const log::PartitionedLog& log) const {
    const manifest::StatePtr state = parts_.manifest->head();
    const manifest::TableState* held = state->table(table.id);
    if (held == nullptr) return {};
    const Positions start = log.start();
    for (const manifest::Segment& segment : held->segments) {
        if (TRY(dataset::file_exists(*parts_.store, segment.file))) continue;
        const bool is_lost = std::ranges::any_of(segment.box.intervals, [&](const Interval& each) {
            return each.from < start.of(each.partition);
        });
        if (is_lost) {
            return corrupt("dataset of stream \"{}\" lacks \"{}\"", table.name, segment.file)
                .with_detail(fmt::format("Its log begins at {}: {} cannot be read.",
                                         start.to_string(), segment.box.to_string()))
                .with_hint("Put back the dataset that belongs to this manifest.");
        }
        trace(TraceLevel::kError, "archive",
              "dataset of stream \"{}\" lacks \"{}\"; the log still holds its records", table.name,
              segment.file);
    }
    return {};
}

Result<void> Archiver::add_table(const catalog::Table& table,
                                 std::shared_ptr<log::PartitionedLog> log) {
    TRY(check_dataset(table, *log));
    auto stream = std::make_shared<Stream>();
    stream->table = table;
    stream->log = std::move(log);
    stream->decoder = TRY(operators::make_decoder_of(table));
    stream->wanted.assign(table.columns.fields.size() + plan::kSystemColumnCount, false);
    std::fill_n(stream->wanted.begin(), table.columns.fields.size(), true);
    stream->last_us = parts_.clock->monotonic_us();
    stream->rows = &parts_.metrics->get("braid_archive_rows_total", Metrics::Kind::kCounter,
                                        "Records written to the dataset.",
                                        fmt::format("table=\"{}\"", table.id.value));
    stream->health = Health::add_to(parts_.health, "archive", table.name);
    const TableId id = table.id;
    stream->step = workers_.start(
        fmt::format("archive {}", id.value), StepKind::kBackground, [this, id, raw = stream.get()] {
            raw->rests = true;  // before it looks: what comes now wakes it again
            const int64_t now_us = parts_.clock->monotonic_us();
            const manifest::StatePtr state = parts_.manifest->head();
            const manifest::TableState* archived = state->table(id);
            const StepOutcome idle{.progressed = false, .idle_us = kStepUs};
            if (archived == nullptr) return idle;
            const Positions end = known_end(*raw->log, *archived);
            if (archived->archive_end == raw->log->durable_end()) {
                raw->has_rested = true;
                return StepOutcome{.progressed = false, .idle_us = kUntilWoken};
            }
            raw->rests = false;
            // What came after a rest waits for a whole interval.
            if (std::exchange(raw->has_rested, false)) raw->last_us = now_us;
            if (archived->archive_end == end) return idle;
            // Positions: at most so many records, fewer where offsets are left out.
            uint64_t waiting_max = 0;
            for (size_t index = 0; index < end.at.size(); ++index) {
                waiting_max += static_cast<uint64_t>(end.at[index].value -
                                                     archived->archive_end.at[index].value);
            }
            const bool is_due = now_us >= raw->last_us + options_.interval_us;
            if (!is_due && waiting_max < options_.segment_rows_max) return idle;
            raw->last_us = now_us;
            // Not by its name: while a table is opened or closed it has none in streams_.
            const auto outcome = archive(*raw, end);
            if (outcome) {
                raw->health->recovered();
                return StepOutcome{.progressed = true, .idle_us = 0};
            }
            const bool was_dropped = parts_.manifest->head()->table(id) == nullptr;
            if (was_dropped) return idle;
            raw->health->fell_ill(outcome.error());
            write_trace(TraceLevel::kError, "archive", outcome.error().to_string());
            return StepOutcome{.progressed = false, .idle_us = 1'000'000};
        });
    // The log may outlive the stream here.
    stream->log->on_durable([&workers = workers_, known = std::weak_ptr<Stream>(stream)] {
        const auto found = known.lock();
        if (found && found->rests.exchange(false)) workers.wake(found->step);
    });
    workers_.wake(stream->step);  // for what came before that
    const ScopedLock lock(mutex_);
    streams_.emplace(id, std::move(stream));
    return {};
}

void Archiver::remove_table(TableId table) {
    std::shared_ptr<Stream> stream;
    {
        const ScopedLock lock(mutex_);
        const auto place = streams_.find(table);
        if (place == streams_.end()) return;
        stream = std::move(place->second);
        streams_.erase(place);
    }
    workers_.stop(stream->step);
}

Result<std::shared_ptr<Archiver::Stream>> Archiver::find(TableId table) const {
    const ScopedLock lock(mutex_);
    const auto place = streams_.find(table);
    if (place == streams_.end()) return not_found("the stream was dropped meanwhile");
    return place->second;
}

Result<void> Archiver::archive_to(TableId table, const Positions& end) {
    const std::shared_ptr<Stream> stream = TRY(find(table));
    return archive(*stream, end);
}

Result<void> Archiver::archive_all(TableId table) {
    const std::shared_ptr<Stream> stream = TRY(find(table));
    const manifest::StatePtr state = parts_.manifest->head();
    const manifest::TableState* archived = state->table(table);
    if (archived == nullptr) return not_found("the stream was dropped meanwhile");
    return archive(*stream, known_end(*stream->log, *archived));
}

Result<void> Archiver::while_idle(TableId table, const std::function<Result<void>()>& work) {
    const std::shared_ptr<Stream> stream = TRY(find(table));
    const ScopedLock lock(stream->mutex);
    return work();
}

Result<void> Archiver::trim(TableId table) {
    const std::shared_ptr<Stream> stream = TRY(find(table));
    return trim(*stream);
}

Result<void> Archiver::archive(Stream& stream, const Positions& end) {
    {
        const ScopedLock lock(stream.mutex);
        TRY(stream.archive(parts_, options_, end));
    }
    return trim(stream);
}

Result<void> Archiver::trim(Stream& stream) {
    const manifest::StatePtr state = parts_.manifest->head();
    const manifest::TableState* held = state->table(stream.table.id);
    if (held == nullptr) return {};
    for (uint32_t index = 0; index < held->archive_end.partition_count(); ++index) {
        const Offset keep_from =
            std::min(held->archive_end.at[index], held->sealed_frontier.at[index]);
        TRY(stream.log->trim(PartitionId{index}, keep_from));
    }
    return {};
}

Result<log::RecordBatch> Archiver::refill(TableId table, const Interval& range,
                                          size_t records_max) {
    const manifest::PinnedState pinned = parts_.manifest->pin();
    const manifest::TableState* held = pinned.state->table(table);
    if (held == nullptr) return not_found("the stream was dropped meanwhile");
    for (const manifest::Segment& segment : held->segments) {
        const Interval* held_there = segment.box.find(range.partition);
        if (held_there == nullptr || range.from < held_there->from ||
            range.from >= held_there->to) {
            continue;
        }
        dataset::RawRecords raw =
            TRY(dataset::read_raw_records(*parts_.store, segment, range, records_max));
        log::RecordBatch batch;
        batch.partition = range.partition;
        batch.offsets = raw.offsets;
        batch.next = raw.next;
        batch.ingested_at_us = raw.ingested_at_us;
        batch.records = std::move(raw.records);
        batch.bytes = std::move(raw.bytes);
        return batch;
    }
    return corrupt("offset {} of partition {} of stream {} is lost", range.from.value,
                   range.partition.value, table.value)
        .with_detail("Neither the log nor the dataset holds it.");
}

}  // namespace braid::archive
