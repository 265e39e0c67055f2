// SPDX-License-Identifier: Apache-2.0
#include "collect/glob.h"

#include <algorithm>
#include <fnmatch.h>
#include <utility>

namespace braid::collect {

namespace {

bool is_pattern(const std::string& component) {
    return component.find_first_of("*?[") != std::string::npos;
}

}  // namespace

GlobWalk::GlobWalk(FileSystem& files, const Clock& clock, const std::string& pattern,
                   GlobLimits limits)
    : files_(files), clock_(clock), limits_(limits) {
    for (size_t from = 1; from <= pattern.size();) {
        const size_t slash = std::min(pattern.find('/', from), pattern.size());
        components_.push_back(pattern.substr(from, slash - from));
        from = slash + 1;
    }
}

void GlobWalk::start() {
    is_running_ = true;
    matches_ = {};
    levels_.clear();
    entries_ = 0;
    started_us_ = clock_.monotonic_us();
    enter("");
}

void GlobWalk::enter(const std::string& directory) {
    const std::string& component = components_[levels_.size()];
    Level level{directory, {}};
    if (is_pattern(component)) {
        auto listed = files_.list(directory.empty() ? "/" : directory);
        if (listed) {
            level.names = *std::move(listed);
        } else if (!matches_.failure && listed.error().code() != ErrorCode::kNotFound) {
            matches_.failure = std::move(listed).error();
        }
        entries_ += level.names.size();
        std::erase_if(level.names, [&](const std::string& name) {
            return fnmatch(component.c_str(), name.c_str(), FNM_PERIOD) != 0;
        });
        std::ranges::reverse(level.names);
    } else {
        level.names.push_back(component);
    }
    levels_.push_back(std::move(level));
}

void GlobWalk::look_at_next() {
    Level& level = levels_.back();
    if (level.names.empty()) {
        levels_.pop_back();
        return;
    }
    const std::string path = level.directory + "/" + level.names.back();
    level.names.pop_back();
    ++entries_;
    const auto info = files_.info(path);
    if (!info) return;
    const bool is_last = levels_.size() == components_.size();
    if (is_last) (info->is_directory ? matches_.directories : matches_.paths).push_back(path);
    if (!is_last && info->is_directory) enter(path);
}

bool GlobWalk::is_exhausted(int64_t now_us) const {
    const size_t paths = matches_.paths.size() + matches_.directories.size();
    return entries_ > limits_.entries_max || paths > limits_.paths_max ||
           now_us - started_us_ > limits_.walk_us_max;
}

bool GlobWalk::advance() {
    if (!is_running_) start();
    const size_t stop_at = entries_ + limits_.step_entries_max;
    const int64_t deadline_us = clock_.monotonic_us() + limits_.step_us_max;
    while (!levels_.empty()) {
        const int64_t now_us = clock_.monotonic_us();
        if (is_exhausted(now_us)) {
            matches_.is_cut_short = true;
            return true;
        }
        if (entries_ > stop_at || now_us > deadline_us) return false;
        look_at_next();
    }
    return true;
}

GlobMatches GlobWalk::take() {
    is_running_ = false;
    std::ranges::sort(matches_.paths);
    std::ranges::sort(matches_.directories);
    return std::exchange(matches_, {});
}

GlobMatches expand_glob(FileSystem& files, const Clock& clock, const std::string& pattern,
                        GlobLimits limits) {
    GlobWalk walk(files, clock, pattern, limits);
    while (!walk.advance()) {
    }
    return walk.take();
}

}  // namespace braid::collect
