// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/file_system.h"
#include "base/metric.h"
#include "base/result.h"
#include "collect/source.h"
#include "log/partitioned_log.h"

namespace braid::collect {

struct FileSourceOptions {
    std::string path;  // a file or a glob: /var/log/nginx/*.log
    uint64_t record_bytes_max = 1ULL << 20;
    uint64_t prefix_bytes = 64ULL << 10;  // what is kept of a longer record
    /// A last line without newline is taken after so long without growth.
    int64_t last_line_wait_us = 60'000'000;
    /// A file that has lost its name is followed until it has not grown for so long.
    int64_t rotate_wait_us = 60'000'000;
    /// Its last line without newline is not waited for as long.
    int64_t rotated_line_wait_us = 10'000'000;
    int64_t poll_interval_us = 50'000;     // how often growth is looked for
    int64_t scan_interval_us = 1'000'000;  // how often the glob is evaluated
    uint64_t batch_bytes_max = 1ULL << 20;
    /// Descriptors that are kept open; a file that has lost its name keeps its own in any case.
    size_t open_files_max = 256;
};

/// Follows growing files and appends their lines to a stream's log, each line once: across
/// restarts, since the position travels in the log with the records; across rotation of any kind,
/// since the content decides what a file is (recognition.h). A file that has lost its name is
/// followed until it is idle; one that was written anew is read from its start, with a warning.
/// What remains impossible stands in docs/operating/following-files.md. A file's lines go to the
/// partition that its identity hashes to.
///
/// Its facts are of single files and of the glob itself; their states: following, rotated,
/// recognising, copy, compressed, unreadable, folder; missing: the path matches no file; cut short:
/// it matches more than are looked at.
class FileSource : public Source {
  public:
    /// Whether the options can work at all: InvalidInput for a path that is empty, not absolute or
    /// has "..".
    static Result<void> check(const FileSourceOptions& options);
    /// What will keep lines from coming as things are: nothing matches the path, a file cannot be
    /// read, is compressed, is a folder. One sentence each.
    static std::vector<std::string> survey(FileSystem& files, const Clock& clock,
                                           const FileSourceOptions& options);
    /// `files` is rooted at "/". InvalidInput for a path that is not absolute or holds "..".
    static Result<std::unique_ptr<FileSource>> open(FileSystem& files, const Clock& clock,
                                                    std::shared_ptr<log::PartitionedLog> log,
                                                    FileSourceOptions options, Metrics* metrics,
                                                    std::string table_label);
};

}  // namespace braid::collect
