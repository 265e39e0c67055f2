// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/file_system.h"
#include "base/result.h"

namespace braid::collect {

struct GlobLimits {
    size_t step_entries_max = 4096;  // names looked at in one advance()
    int64_t step_us_max = 50'000;
    size_t entries_max = 200'000;  // in a whole walk
    int64_t walk_us_max = 30'000'000;
    size_t paths_max = 10'000;
};

struct GlobMatches {
    std::vector<std::string> paths;        // sorted
    std::vector<std::string> directories;  // that the whole pattern matches too, sorted
    /// A limit of the walk was met: there may be more.
    bool is_cut_short = false;
    /// Why the first directory that is there could not be listed: it matches nothing.
    std::optional<Error> failure;
};

/// Files (not directories) that match an absolute path with *, ? and [] in any component. Names
/// that start with a dot match only a pattern that does. A walk goes in steps of bounded length, so
/// that its caller can be stopped between them, and ends at its limits however deep a tree, or how
/// many ways a circle of links, the pattern fits. A directory that is not there, or may not be
/// read, matches nothing.
class GlobWalk {
  public:
    GlobWalk(FileSystem& files, const Clock& clock, const std::string& pattern,
             GlobLimits limits = {});

    /// Looks at a few more names; true when the walk is done.
    bool advance();
    /// What a finished walk found; the next advance() starts another.
    GlobMatches take();

  private:
    /// A directory whose names are looked at one by one.
    struct Level {
        std::string directory;           // without '/' at the end
        std::vector<std::string> names;  // those that match, last first
    };

    void start();
    void enter(const std::string& directory);
    void look_at_next();
    bool is_exhausted(int64_t now_us) const;

    FileSystem& files_;
    const Clock& clock_;
    const GlobLimits limits_;
    std::vector<std::string> components_;
    std::vector<Level> levels_;  // levels_[n] holds names for components_[n]
    GlobMatches matches_;
    bool is_running_ = false;
    size_t entries_ = 0;
    int64_t started_us_ = 0;
};

/// A whole walk at once.
GlobMatches expand_glob(FileSystem& files, const Clock& clock, const std::string& pattern,
                        GlobLimits limits = {});

}  // namespace braid::collect
