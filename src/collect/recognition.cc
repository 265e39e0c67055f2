// SPDX-License-Identifier: Apache-2.0
#include "collect/recognition.h"

#include <algorithm>

#include "base/hash.h"
#include "collect/followed_file.h"

namespace braid::collect {

namespace {

constexpr uint64_t kPieceBytes = 256ULL << 10;

}  // namespace

Result<bool> Recognition::walk_to(FollowedFile& file, uint64_t bytes, const Ground& ground) {
    if (walked_.bytes() > bytes) walked_ = {};
    const uint64_t piece = std::min(bytes - walked_.bytes(), kPieceBytes);
    ground.buffer.resize(piece);
    const size_t got = TRY(file.handle().read_at(walked_.bytes(), ground.buffer));
    walked_.add(as_text(Bytes(ground.buffer).first(got)));
    return walked_.bytes() == bytes;
}

Result<std::optional<bool>> Recognition::compare_to(FollowedFile& file, FollowedFile& other,
                                                    uint64_t bytes, const Ground& ground) {
    const uint64_t piece = std::min(bytes - compared_, kPieceBytes);
    ground.buffer.resize(2 * piece);
    const std::span<std::byte> both(ground.buffer);
    const size_t got = TRY(file.handle().read_at(compared_, both.first(piece)));
    const size_t other_got = TRY(other.handle().read_at(compared_, both.last(piece)));
    const bool is_same = got == piece && other_got == piece &&
                         std::ranges::equal(both.first(piece), both.last(piece));
    if (!is_same) return std::optional<bool>();
    compared_ += piece;
    return std::optional(compared_ == bytes);
}

Result<Recognition::Finding> Recognition::step(FollowedFile& file,
                                               const std::vector<KnownContent>& others,
                                               const Ground& ground) {
    const auto finding_of = [](Judgement judgement) {
        switch (judgement) {
            case Judgement::kBusy:
                return Finding::kBusy;
            case Judgement::kWait:
                return Finding::kWait;
            case Judgement::kCopy:
                return Finding::kCopy;
            case Judgement::kContinue:
            case Judgement::kRefuted:
                break;
        }
        return Finding::kContinue;
    };
    if (own_ && own_state_ == OwnState::kOpen) {
        const Judgement judgement = TRY(judge_own(file, ground));
        if (judgement == Judgement::kBusy) return Finding::kBusy;
        const bool is_proved = judgement == Judgement::kContinue;
        own_state_ = is_proved ? OwnState::kProved : OwnState::kRefuted;
        // A copy may still be growing beside its original.
        return is_proved && !own_->is_copy ? Finding::kContinue : Finding::kBusy;
    }
    for (const KnownContent& other : others) {
        if (refuted_.contains(other.name)) continue;
        const Judgement judgement = TRY(other.file != nullptr ? judge_followed(file, other, ground)
                                                              : judge_past(file, other, ground));
        if (judgement != Judgement::kRefuted) return finding_of(judgement);
        refuted_.insert(other.name);
    }
    first_part_.reset();
    if (own_state_ != OwnState::kProved) return Finding::kNew;
    if (!TRY(walk_to(file, own_->offset(), ground))) return Finding::kBusy;
    first_part_ = own_->first_part;
    return Finding::kContinue;
}

bool Recognition::take_is_another() {
    if (own_state_ != OwnState::kRefuted) return false;
    own_state_ = OwnState::kOpen;
    own_.reset();
    return true;
}

Result<Recognition::Judgement> Recognition::judge_own(FollowedFile& file, const Ground& ground) {
    if (file.info.bytes < own_->offset()) return Judgement::kRefuted;
    if (own_->is_old) {
        // The first form knew no more than the first bytes.
        ground.buffer.resize(own_->old_head_bytes);
        const size_t got = TRY(file.handle().read_at(0, ground.buffer));
        if (hash64(as_text(Bytes(ground.buffer).first(got))) != own_->old_head) {
            return Judgement::kRefuted;
        }
    }
    if (!TRY(walk_to(file, own_->offset(), ground))) return Judgement::kBusy;
    if (!own_->is_old && walked_.mark() != own_->content) return Judgement::kRefuted;
    first_part_ = own_->first_part;
    return Judgement::kContinue;
}

/// The original is still there and followed: byte by byte.
Result<Recognition::Judgement> Recognition::judge_followed(FollowedFile& file,
                                                           const KnownContent& other,
                                                           const Ground& ground) {
    FollowedFile& original = *other.file;
    // Its own place must be known first.
    if (original.phase == FollowedFile::Phase::kRecognising) return Judgement::kWait;
    TRY(ground.look(original));
    if (compared_with_ != other.name) compared_ = 0;
    compared_with_ = other.name;
    const uint64_t common = std::min(file.info.bytes, original.offset());
    if (compared_ > common) compared_ = 0;
    const std::optional<bool> compared = TRY(compare_to(file, original, common, ground));
    // One that was rewritten says nothing; once that was noticed it is a past content.
    const bool is_intact =
        original.info.bytes >= original.offset() && TRY(original.is_intact(ground.buffer));
    if (!is_intact) return Judgement::kWait;
    if (!compared) return Judgement::kRefuted;
    if (!*compared) return Judgement::kBusy;
    if (file.info.bytes > common) {
        // What it has in addition may have come from the original, which then has it too.
        if (!original.is_at_end()) return Judgement::kWait;
    }
    if (!TRY(walk_to(file, common, ground))) return Judgement::kBusy;
    first_part_ = common == original.offset() ? original.first_part() : std::nullopt;
    return file.info.bytes > common ? Judgement::kContinue : Judgement::kCopy;
}

Result<Recognition::Judgement> Recognition::judge_past(FollowedFile& file,
                                                       const KnownContent& other,
                                                       const Ground& ground) {
    const ContentMark& content = other.position.content;
    if (file.info.bytes < content.bytes) return judge_shorter(file, other, ground);
    if (!TRY(walk_to(file, content.bytes, ground))) return Judgement::kBusy;
    if (walked_.mark() != content) return Judgement::kRefuted;
    first_part_ = other.position.first_part;
    return Judgement::kContinue;
}

/// Whether the file is a beginning of a content that is not there any more: the chain of blocks
/// speaks for all before the window, and the window for the rest. It is not kept across a restart,
/// and without it nothing speaks for the rest: what may be others' lines is rather taken twice than
/// not at all. Only a file that is known as a copy stays one.
Result<Recognition::Judgement> Recognition::judge_shorter(FollowedFile& file,
                                                          const KnownContent& other,
                                                          const Ground& ground) {
    const ContentMark& content = other.position.content;
    const uint64_t start = ContentHash::window_start_of(content.bytes);
    const bool was_copy = own_state_ == OwnState::kProved && own_->is_copy;
    const bool is_judgeable =
        file.info.bytes >= start && (!other.window.empty() || (was_copy && start > 0));
    if (!is_judgeable) {
        const bool waits = ground.may_grow && own_state_ != OwnState::kProved;
        return waits ? Judgement::kWait : Judgement::kRefuted;
    }
    if (!TRY(walk_to(file, file.info.bytes, ground))) return Judgement::kBusy;
    if (walked_.chain_at(start) != content.chain) return Judgement::kRefuted;
    const std::string_view end = walked_.window().substr(start - walked_.window_start());
    if (!other.window.empty() && !other.window.starts_with(end)) return Judgement::kRefuted;
    first_part_.reset();
    return Judgement::kCopy;
}

}  // namespace braid::collect
