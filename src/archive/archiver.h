// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>

#include "base/clock.h"
#include "base/file_system.h"
#include "base/metric.h"
#include "base/mutex.h"
#include "base/result.h"
#include "base/worker.h"
#include "dataset/segment.h"
#include "log/partitioned_log.h"
#include "manifest/manifest.h"
#include "model/health.h"

namespace braid::archive {

struct ArchiveOptions {
    /// A segment of what waits in all partitions is written when it is this much, or its oldest
    /// record is this old. None is larger, but by the records that were appended together.
    uint64_t segment_rows_max = 1'000'000;
    uint64_t segment_bytes_max = 256ULL << 20;
    int64_t interval_us = 60'000'000;
};

struct ArchiveParts {
    Store* store = nullptr;
    const Clock* clock = nullptr;
    manifest::Manifest* manifest = nullptr;
    Metrics* metrics = nullptr;
    Health* health = nullptr;  // may be null
};

/// Turns log ranges into segments of the dataset, then trims the log below the archive's end and
/// the sealed frontier. One step per stream; a call of archive_to works on the caller's thread.
/// Thread-safe.
class Archiver {
  public:
    Archiver(ArchiveParts parts, ArchiveOptions options, Workers& workers);
    ~Archiver();

    Result<void> add_table(const catalog::Table& table, std::shared_ptr<log::PartitionedLog> log);
    void remove_table(TableId table);

    /// Returns when the dataset holds everything below `end` (which must be durable, and of
    /// partitions that the manifest knows) and the manifest says so.
    Result<void> archive_to(TableId table, const Positions& end);
    /// The same up to the durable end, of the partitions that the manifest knows by now.
    Result<void> archive_all(TableId table);
    /// Calls while nothing of the stream is being archived. NotFound once it is dropped.
    Result<void> while_idle(TableId table, const std::function<Result<void>()>& work);
    /// Trims the log as far as the manifest's head allows.
    Result<void> trim(TableId table);
    /// Records that the log no longer holds, read back from the dataset; the form of
    /// PartitionedLog::read.
    Result<log::RecordBatch> refill(TableId table, const Interval& range, size_t records_max);

  private:
    struct Stream;
    Result<std::shared_ptr<Stream>> find(TableId table) const;
    Result<void> check_dataset(const catalog::Table& table, const log::PartitionedLog& log) const;
    Result<void> archive(Stream& stream, const Positions& end);
    Result<void> trim(Stream& stream);
    const ArchiveParts parts_;
    const ArchiveOptions options_;
    Workers& workers_;
    mutable Mutex mutex_;
    std::map<TableId, std::shared_ptr<Stream>> streams_ GUARDED_BY(mutex_);
};

}  // namespace braid::archive
