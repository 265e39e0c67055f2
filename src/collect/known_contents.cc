// SPDX-License-Identifier: Apache-2.0
#include "collect/known_contents.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/hash.h"

namespace braid::collect {

namespace {

constexpr std::string_view kPast = "content:";

/// Whether a file with these first bytes may be, or be a beginning of, that content.
bool may_be(std::string_view head, const KnownContents::Entry& entry) {
    const ContentMark& content = entry.position.content;
    if (entry.position.is_old) return false;
    const size_t known = std::min(content.bytes, ContentHash::kHeadBytes);
    if (head.size() >= known) return ContentHash::head_hash(head.substr(0, known)) == content.head;
    const bool has_all = !entry.window.empty() && ContentHash::window_start_of(content.bytes) == 0;
    return has_all && entry.window.starts_with(head);
}

bool may_be(std::string_view head, const FollowedFile& original) {
    const std::string_view known = original.content().head();
    const size_t common = std::min(head.size(), known.size());
    return head.substr(0, common) == known.substr(0, common);
}

}  // namespace

Result<void> KnownContents::load(const log::PartitionedLog& log) {
    for (uint32_t index = 0; index < log.partition_count(); ++index) {
        for (const log::SourcePosition& each : log.source_positions(PartitionId{index})) {
            Entry entry;
            entry.position = TRY(FilePosition::from_text(each.position));
            entry.partition = {index};
            entries_.insert_or_assign(each.source, std::move(entry));
        }
    }
    return {};
}

const KnownContents::Entry* KnownContents::find(const std::string& source) const {
    const auto place = entries_.find(source);
    return place == entries_.end() ? nullptr : &place->second;
}

void KnownContents::set(const std::string& source, Entry entry) {
    if (entry.position.offset() == 0) {
        entries_.erase(source);
        return;
    }
    if (!entry.window.empty()) {
        windows_.push_back(source);
        if (windows_.size() > kWindowsMax) {
            const auto oldest = entries_.find(windows_.front());
            if (oldest != entries_.end()) std::string().swap(oldest->second.window);
            windows_.erase(windows_.begin());
        }
    }
    entries_.insert_or_assign(source, std::move(entry));
}

std::string KnownContents::past_name(const FollowedFile& file, const ContentMark& content) {
    return fmt::format("{}{}:{}:{:x}", kPast, file.identity(), content.bytes,
                       content.chain ^ content.tail);
}

std::vector<KnownContent> KnownContents::candidates(
    const FollowedFile& file, std::string_view head,
    const std::vector<std::unique_ptr<FollowedFile>>& followed) const {
    std::vector<KnownContent> found;
    for (const auto& each : followed) {
        if (each.get() == &file || each->offset() == 0) continue;
        if (each->first_taken_us >= file.first_seen_us || !may_be(head, *each)) continue;
        KnownContent known;
        known.name = fmt::format("{}#{}", each->identity(), each->generation);
        known.position.content.bytes = each->offset();
        known.file = each.get();
        found.push_back(std::move(known));
    }
    // What it held itself before it was written anew says nothing of what it is now.
    const std::string own_past = fmt::format("{}{}:", kPast, file.identity());
    for (const auto& [source, entry] : entries_) {
        if (source == file.identity() || source.starts_with(own_past)) continue;
        if (entry.since_us >= file.first_seen_us || !may_be(head, entry)) continue;
        const auto place =
            std::ranges::find(followed, source, [](const auto& each) { return each->identity(); });
        FollowedFile* const file_now = place == followed.end() ? nullptr : place->get();
        if (file_now != nullptr && file_now->offset() > 0) continue;
        found.push_back({source, entry.position, entry.window, file_now});
    }
    std::ranges::stable_sort(found, std::ranges::greater(),
                             [](const KnownContent& each) { return each.position.offset(); });
    return found;
}

std::vector<std::string> KnownContents::superfluous() const {
    if (entries_.size() <= kPastContentsMax) return {};
    std::vector<std::pair<int64_t, const std::string*>> done;
    for (const auto& [source, entry] : entries_) {
        if (entry.position.is_done) done.emplace_back(entry.position.grown_at_s, &source);
    }
    if (done.size() <= kPastContentsMax) return {};
    std::ranges::sort(done);
    // Some more than need be, so that this is rare.
    done.resize(done.size() - kPastContentsMax + kPastContentsMax / 10);
    std::vector<std::string> names;
    for (const auto& [time, source] : done) names.push_back(*source);
    return names;
}

}  // namespace braid::collect
