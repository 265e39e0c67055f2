// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/result.h"
#include "log/block.h"
#include "log/extent.h"

namespace braid::log {

/// Writes one extent. Not thread-safe. Errors are of two kinds: Exhausted, then nothing of this
/// call will ever be read, the writer must be dropped, and a new extent may be tried; everything
/// else, then it is unknown what is on the disk and the log must stop.
class ExtentWriter {
  public:
    /// Creates the file and writes header and snapshot; not durable before the first group is. If
    /// there are extents of that base (without records, or never acknowledged), this one takes
    /// their place then.
    static Result<std::unique_ptr<ExtentWriter>> create(FileSystem& files,
                                                        const std::string& directory,
                                                        const ExtentHeader& header,
                                                        UnplacedBlocks snapshot,
                                                        const GroupStamp& stamp);

    /// Writes requests as one group and returns once they are durable: one sync. Takes their bytes
    /// and gives them back in pieces, each of whole requests, as they now lie in the file.
    Result<std::vector<std::string>> append_group(std::span<UnplacedBlocks* const> requests,
                                                  Offset first, const GroupStamp& stamp);
    /// Leaves a note that all groups were synced, so that the next start need not doubt the last.
    void close(Offset end, const GroupStamp& stamp);

    const ExtentHeader& header() const { return header_; }
    const std::string& path() const { return path_; }
    uint64_t bytes() const { return bytes_; }

  private:
    ExtentWriter(FileSystem& files, std::string directory, const ExtentHeader& header)
        : files_(files), directory_(std::move(directory)), header_(header) {}

    Result<void> open_file();
    Result<void> write(std::string_view bytes);
    Result<void> make_name_durable();
    void remove_replaced();
    void discard();

    FileSystem& files_;
    const std::string directory_;
    ExtentHeader header_;
    ExtentName name_;
    std::string path_;
    std::unique_ptr<WritableFile> file_;
    uint64_t bytes_ = 0;
    bool is_named_ = false;  // the directory entry is durable
};

}  // namespace braid::log
