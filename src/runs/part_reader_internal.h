// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/mutex.h"
#include "base/result.h"
#include "base/store.h"
#include "manifest/manifest.h"
#include "runs/block_cache.h"
#include "runs/file_pool.h"
#include "runs/key_filter.h"
#include "runs/part_format_internal.h"
#include "runs/run_file.h"

namespace braid::runs {

/// What the readers of many parts share: files that are open, and what was read of them.
/// Thread-safe.
class PartStore {
  public:
    PartStore(Store& store, const RunCacheOptions& options, Metrics* metrics);

    BlockCache& cache() { return cache_; }
    FilePool& files() { return files_; }
    ReadMetrics& metrics() { return metrics_; }
    /// Filters stay in memory while they fit into this share of it: false, and nothing is taken,
    /// beyond it.
    bool take_filter_bytes(uint64_t bytes);
    void give_filter_bytes(uint64_t bytes) { filter_bytes_.fetch_sub(bytes); }
    uint64_t next_part() { return next_part_.fetch_add(1); }

  private:
    Metrics own_;  // without another's
    ReadMetrics metrics_;
    FilePool files_;
    BlockCache cache_;
    const uint64_t filter_bytes_max_;
    std::atomic<uint64_t> filter_bytes_ = 0;
    std::atomic<uint64_t> next_part_ = 1;
};

/// A part of a run. What it gives was checked when it was read from the file, and is pinned in
/// memory while held. Thread-safe; must not outlive the store and the manifest's part.
class PartReader {
  public:
    PartReader(PartStore& store, const manifest::Part& part)
        : store_(store), part_(part), id_(store.next_part()) {}
    ~PartReader();
    PartReader(const PartReader&) = delete;
    PartReader& operator=(const PartReader&) = delete;

    const manifest::Part& part() const { return part_; }
    /// Corrupt, naming the file, when it is missing or not the one that the manifest describes.
    Result<std::shared_ptr<const PartIndex>> index(BlockCache::Use use) const;
    /// Corrupt if the block's bytes are not those that were written.
    Result<std::shared_ptr<const LoadedBlock>> block(const PartIndex& index, size_t number,
                                                     BlockCache::Use use) const;
    /// Null: there is none, it has no room, or it cannot be read. Read once, then it stays.
    const KeyFilter* filter() const;

  private:
    static constexpr uint32_t kIndexNumber = UINT32_MAX;

    Error refuse(std::string_view what) const;
    /// Places in the part.
    Error refuse_bytes(uint64_t from, uint64_t to) const;
    Result<void> read(const ReadableFile& file, uint64_t from, std::span<char> into) const;
    Result<std::shared_ptr<const ReadableFile>> open() const;
    Result<std::shared_ptr<const PartIndex>> load_index() const;
    Result<void> check(const PartIndex& index, uint64_t tail_start) const;
    Result<std::shared_ptr<const LoadedBlock>> load_block(const PartIndex& index,
                                                          size_t number) const;
    Result<KeyFilter> load_filter() const;

    PartStore& store_;
    const manifest::Part& part_;
    const uint64_t id_;
    mutable Mutex mutex_;
    mutable bool is_filter_sought_ GUARDED_BY(mutex_) = false;
    mutable std::unique_ptr<const KeyFilter> filter_ GUARDED_BY(mutex_);
    mutable std::atomic<const KeyFilter*> shown_filter_ = nullptr;
    mutable uint64_t filter_bytes_ GUARDED_BY(mutex_) = 0;
};

}  // namespace braid::runs
