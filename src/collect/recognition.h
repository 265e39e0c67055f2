// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "collect/content_hash.h"
#include "collect/file_position.h"

namespace braid::collect {

class FollowedFile;

/// A content of which something is in the log, and that a file may turn out to be.
struct KnownContent {
    std::string name;  // of this content, not of the file: another once it was rewritten
    FilePosition position;
    std::string_view window;       // its last bytes, where they are still in memory
    FollowedFile* file = nullptr;  // where it lies as a file that is followed
};

/// Finds out, before anything of a file is taken, how much of it is in the log already: it may be
/// the file that a position in the log speaks of, or a copy of another one, and a copy may still be
/// growing. Names and inodes are hints only; the content decides:
/// - a file that begins with all that was taken of a known content goes on behind it;
/// - a file that is itself a beginning of what was taken is a copy, and nothing of it is taken for
/// as
///   long as it is one;
/// - a file whose original still holds more waits until that was taken;
/// - any other is new, and is taken from its first byte.
/// Each step reads a bounded piece.
class Recognition {
  public:
    enum class Finding : uint8_t { kBusy, kWait, kCopy, kContinue, kNew };
    struct Ground {
        std::vector<std::byte>& buffer;
        /// Whether a file may still be in the middle of being copied.
        bool may_grow = false;
        /// Opens a file and looks at its size.
        std::function<Result<void>(FollowedFile&)> look;
    };

    /// `own`: the position that the log holds for this very file.
    explicit Recognition(std::optional<FilePosition> own) : own_(std::move(own)) {}

    /// Whether `own` is still to be judged; the others do not matter until it was.
    bool has_open_own() const { return own_ && own_state_ == OwnState::kOpen; }
    /// `others` in the order in which they are tried. After kCopy it may be called again, when the
    /// file has changed.
    Result<Finding> step(FollowedFile& file, const std::vector<KnownContent>& others,
                         const Ground& ground);
    /// After kContinue and kCopy: what is in the log already.
    const ContentHash& content() const { return walked_; }
    const std::optional<EventId>& first_part() const { return first_part_; }
    /// Once: whether the file was found not to be the one that `own` speaks of.
    bool take_is_another();
    const std::optional<FilePosition>& own() const { return own_; }

  private:
    enum class OwnState : uint8_t { kOpen, kProved, kRefuted };
    enum class Judgement : uint8_t { kBusy, kWait, kCopy, kContinue, kRefuted };

    Result<Judgement> judge_own(FollowedFile& file, const Ground& ground);
    Result<Judgement> judge_followed(FollowedFile& file, const KnownContent& other,
                                     const Ground& ground);
    Result<Judgement> judge_past(FollowedFile& file, const KnownContent& other,
                                 const Ground& ground);
    Result<Judgement> judge_shorter(FollowedFile& file, const KnownContent& other,
                                    const Ground& ground);
    /// Walks on, a piece at a time, until exactly `bytes` are behind it.
    Result<bool> walk_to(FollowedFile& file, uint64_t bytes, const Ground& ground);
    /// Compares another piece; nothing if they differ.
    Result<std::optional<bool>> compare_to(FollowedFile& file, FollowedFile& other, uint64_t bytes,
                                           const Ground& ground);

    std::optional<FilePosition> own_;
    OwnState own_state_ = OwnState::kOpen;
    ContentHash walked_;
    std::optional<EventId> first_part_;
    std::set<std::string> refuted_;
    std::string compared_with_;
    uint64_t compared_ = 0;
};

}  // namespace braid::collect
