// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/store.h"
#include "manifest/version_file_internal.h"

namespace braid::manifest {

/// The numbered files of a manifest directory. It knows how to read the newest state and how to
/// take the next number, nothing of what changes mean. Callers take turns; other processes may work
/// on the same directory.
class Chain {
  public:
    Chain(Store& store, std::string directory);

    /// The newest state: the newest whole version and the changes of those behind it.
    Result<StatePtr> load() const;
    /// The next state after `base` if somebody has written it, else null.
    Result<StatePtr> read_next(const State& base) const;
    Result<bool> exists(ManifestNumber number) const;
    /// Asked after `number` was published: is it the successor of the version that it was made
    /// from? A writer that slept while others went on, and trimmed, could take a number that had
    /// its owner. The version before it is then gone, for they are trimmed oldest first. Such a
    /// leftover is removed.
    Result<bool> is_in_chain(ManifestNumber number);
    /// Begins the file of this number with this text, which must hold writer(). Its put() tries to
    /// take the number: kExists, somebody else has it.
    Result<std::unique_ptr<NewFile>> begin(ManifestNumber number, std::string_view text);
    /// See Manifest::trim.
    Result<uint64_t> trim(uint64_t keep);
    /// See Manifest::forget_before.
    Result<void> forget_before(ManifestNumber whole);

    const std::string& writer() const { return writer_; }

    /// Every so many versions one holds the whole state.
    static constexpr uint64_t kWholeEvery = 256;

  private:
    std::string path_of(uint64_t number) const;
    /// Numbers of the versions that are there, ascending; none without a directory.
    Result<std::vector<uint64_t>> numbers() const;
    /// nullopt if there is no such file.
    Result<std::optional<VersionFile>> read(uint64_t number) const;
    Result<StatePtr> extend(const State& base, const VersionFile& file) const;
    /// The oldest version that the last two whole ones need; 0 when there are no two.
    Result<uint64_t> oldest_needed(const std::vector<uint64_t>& numbers) const;

    Store& store_;
    const std::string directory_;
    const std::string writer_;
};

}  // namespace braid::manifest
