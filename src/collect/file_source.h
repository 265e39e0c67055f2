// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/file_system.h"
#include "base/metric.h"
#include "base/result.h"
#include "base/worker.h"
#include "log/partitioned_log.h"

namespace braid::collect {

struct FileSourceOptions {
    std::string path;  // a file or a glob: /var/log/nginx/*.log
    uint64_t record_bytes_max = 1ULL << 20;
    uint64_t prefix_bytes = 64ULL << 10;  // what is kept of a longer record
    int64_t last_line_wait_us =
        5'000'000;  // a last line without newline is taken after so long without growth
    int64_t poll_interval_us = 50'000;     // how often growth is looked for
    int64_t scan_interval_us = 1'000'000;  // how often the glob is evaluated
    uint64_t batch_bytes_max = 1ULL << 20;
};

/// Follows growing files and appends their lines to a stream's log, each line once: across
/// restarts, since the position travels in the log with the records; across rotation by rename,
/// since a file is known by device, inode and the hash of its first bytes; and a file that shrank
/// is read as a new one, with a warning. A file's lines go to the partition that its identity
/// hashes to. One step, one thread.
class FileSource {
  public:
    /// Whether the options can work at all: InvalidInput for a path that is empty, not absolute or
    /// has "..".
    static Result<void> check(const FileSourceOptions& options);
    /// `files` is rooted at "/". InvalidInput for a path that is not absolute or holds "..".
    static Result<std::unique_ptr<FileSource>> open(FileSystem& files, const Clock& clock,
                                                    std::shared_ptr<log::PartitionedLog> log,
                                                    FileSourceOptions options, Metrics* metrics,
                                                    std::string table_label);
    virtual ~FileSource() = default;
    /// Reads at most one batch.
    virtual StepOutcome step() = 0;
    /// Whether every byte seen so far is in the log (for `--once` and tests).
    virtual bool is_caught_up() const = 0;
};

}  // namespace braid::collect
