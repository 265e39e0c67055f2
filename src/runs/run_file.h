// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/metric.h"
#include "base/mutex.h"
#include "base/result.h"
#include "base/store.h"
#include "manifest/manifest.h"
#include "operators/aggregate/group_table.h"
#include "operators/aggregate/state_row.h"
#include "operators/fold/failed_events.h"

namespace braid::runs {

class KeyFilter;

/// Where the runs of one seal or batch lie, called by the first of them:
/// "runs/<table>/<run>.run".
std::string run_path(TableId table, RunId run);

/// One file of runs, those of all versions of one seal or batch: parts one after the other
/// (docs/formats/run.md). It begins with its first part: where there is none there is no file. One
/// that ends without put() leaves nothing under its name. Thread-safe; the store must outlive it.
class RunFile {
  public:
    RunFile(Store& store, std::string path) : store_(store), path_(std::move(path)) {}

    const std::string& path() const { return path_; }
    /// Where in the file the part lies.
    Result<uint64_t> append(std::string_view part);
    /// The file is there, whole and for good. Its name must be new: run ids are. After an error
    /// nothing of this is there.
    Result<void> put();

  private:
    Store& store_;
    const std::string path_;
    Mutex mutex_;
    std::unique_ptr<NewFile> file_ GUARDED_BY(mutex_);
};

/// A run file that was put and that no manifest names yet: removed with this, as far as that
/// works, unless it is kept. One owner; the store must outlive it.
class UnnamedFile {
  public:
    UnnamedFile() = default;  // of no file
    UnnamedFile(Store& store, std::string path) : store_(&store), path_(std::move(path)) {}
    UnnamedFile(UnnamedFile&& other) noexcept
        : store_(std::exchange(other.store_, nullptr)), path_(std::move(other.path_)) {}
    UnnamedFile& operator=(UnnamedFile&& other) noexcept;
    ~UnnamedFile() { remove(); }

    /// Keeps it where the commit that names it was made, or may have been.
    void keep_if(const Result<manifest::StatePtr>& committed);

  private:
    void remove();

    Store* store_ = nullptr;
    std::string path_;
};

/// The section of failed events, behind those of all aggregates: key = the event's place, state =
/// the reason.
inline constexpr uint32_t kFailedSection = 9'999;

struct RunWriterOptions {
    /// Of a part, which is made in memory.
    uint64_t part_bytes_max = 32ULL << 20;
};

/// Writes the parts of one run into a file: checked blocks of rows sorted by key and subkey, in
/// parts that end before they grow beyond part_bytes_max. A run without rows has no parts. Nothing
/// is there until the file is put, and it is garbage until a manifest names the run. One thread;
/// several may write runs into one file.
class RunWriter {
  public:
    static std::unique_ptr<RunWriter> create(RunFile& file, RunWriterOptions options = {});
    virtual ~RunWriter() = default;
    /// Rows of a section come in ascending order, and all have a state or none has; CHECKed.
    virtual Result<void> add(uint32_t section, const operators::StateRow& row) = 0;
    /// The parts with rows, bytes and digests; id, version, kind and box are the caller's to fill
    /// in.
    virtual Result<manifest::Run> finish() = 0;
};

/// The runs of adjacent ranges of keys, in order, as one: rows, digest and parts, section by
/// section.
manifest::Run join(std::vector<manifest::Run> ranges);

/// Several tables of the same aggregates, none of whose groups have equal keys, as one run.
Result<manifest::Run> write_tables(RunFile& file,
                                   std::span<const operators::GroupTable* const> tables,
                                   const operators::FailedEvents& failed = {},
                                   RunWriterOptions options = {});
Result<void> write_failed_events(const operators::FailedEvents& failed, RunWriter& writer);

struct RunCacheOptions {
    /// Memory for what was read: half for blocks, half for the filters of keys.
    uint64_t bytes_max = 256ULL << 20;
    size_t files_max = 256;  // open at a time
};

/// A run. Opening reads nothing. Each block is read when it is needed and not in memory, and
/// checked against its CRC-32C each time: Corrupt, with the file's name, if it is missing, cut
/// short or damaged. Thread-safe.
class RunReader {
  public:
    /// With a small memory of its own: to read once, from one end to the other.
    static Result<std::shared_ptr<const RunReader>> open(Store& store, manifest::Run run);
    virtual ~RunReader() = default;
    virtual const manifest::Run& run() const = 0;
    /// State of a key: false, and `state` as it was, if there is none.
    virtual Result<bool> find(std::string_view key, std::string& state) const = 0;
    /// The rows of a key in a section >= 1, by subkey; ends with the first error of `visit`.
    virtual Result<void> find_rows(uint32_t section, std::string_view key,
                                   const operators::RowVisitor& visit) const = 0;
    /// Rows with from <= key < to; an empty `to` means to the end.
    virtual Result<operators::RowCursorPtr> scan(uint32_t section, std::string_view from,
                                                 std::string_view to) const = 0;
    /// How many rows lie from a key on, in one block.
    using BlockVisitor = std::function<void(std::string_view first_key, uint64_t rows)>;
    /// The blocks that can hold rows of such a range, in order. No block is read for it, only the
    /// indexes of parts.
    virtual Result<void> visit_blocks(uint32_t section, std::string_view from, std::string_view to,
                                      const BlockVisitor& visit) const = 0;
    /// Parts of section 0.
    virtual size_t group_parts() const = 0;
    /// The filter of one of them, which lives as long as the reader. Null: it may hold any key.
    virtual const KeyFilter* filter(size_t group_part) const = 0;
};

/// Keeps readers of live runs, which share one bounded memory and a bounded number of open files;
/// drops them when asked. Thread-safe; `metrics`, which may be null, must outlive it and them.
class RunCache {
  public:
    explicit RunCache(Store& store, RunCacheOptions options = {}, Metrics* metrics = nullptr);
    ~RunCache();
    Result<std::shared_ptr<const RunReader>> get(const manifest::Run& run);
    void forget(RunId run);
    size_t open_file_count() const;

  private:
    struct Body;
    std::unique_ptr<Body> body_;
};

}  // namespace braid::runs
