// SPDX-License-Identifier: Apache-2.0
#include "log/recovery.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/check.h"
#include "base/error_makers.h"
#include "base/hash.h"
#include "base/trace.h"
#include "model/older_manifest.h"

namespace braid::log {

void PartitionState::apply_positions(const std::vector<SourcePosition>& newer) {
    for (const SourcePosition& each : newer) {
        if (each.position.empty()) {
            positions.erase(each.source);
        } else {
            positions[each.source] = each.position;
        }
    }
}

std::string RecoveredPartition::newest_name() const {
    if (extents.empty()) return {};
    const std::string& path = extents.back()->path();
    return path.substr(path.rfind('/') + 1);
}

std::vector<SourcePosition> PartitionState::position_list() const {
    std::vector<SourcePosition> list;
    for (const auto& [source, position] : positions) list.push_back({source, position});
    return list;
}

ExtentHeader next_header(const ExtentOrigin& origin, PartitionId partition, Offset base,
                         const Extent* predecessor) {
    return {.id = origin.id,
            .partition = partition,
            .base = base,
            .predecessor_base = predecessor == nullptr ? -1 : predecessor->base().value,
            .predecessor_bytes = predecessor == nullptr ? 0 : predecessor->readable_bytes(),
            .mark = hash64(fmt::format("{}/{}/{}/{}/{}", origin.id.hex, partition.value, base.value,
                                       origin.now_us, origin.epoch)),
            .records_position = 0,
            .created_at_us = origin.now_us,
            .epoch = origin.epoch};
}

namespace {

/// How an extent was called that replaced one of the same base, until that was gone; none is
/// written any more.
constexpr std::string_view kReplacementSuffix = ".new";

/// A block with the bytes that it points into.
struct KeptBlock {
    BlockView view;
    std::shared_ptr<const std::string> bytes;
};

struct FoundExtent {
    ExtentName name;
    std::string path;
    uint64_t bytes = 0;
    std::optional<ExtentHeader> header;
    std::optional<Error> header_error;

    Offset base() const { return name.base; }
    uint64_t epoch() const { return header ? header->epoch : name.epoch; }
};

/// The blocks of the last extent. A later group proves that the one before it was synced; only the
/// last one is in doubt: it may be in the page cache alone.
struct Scan {
    PartitionState state;  // without the last group
    std::vector<KeptBlock> last_group;
    Offset end;  // behind the last group
    uint64_t last_group_position = kExtentHeaderBytes;
    uint64_t end_position = kExtentHeaderBytes;

    bool is_closed() const {
        return last_group.size() == 1 && last_group[0].view.header.kind == BlockKind::kClosed;
    }
};

class Recovery {
  public:
    Recovery(FileSystem& files, const std::string& directory, const ExtentOrigin& origin,
             PartitionId partition, const FoundEnd& before)
        : files_(files),
          directory_(directory),
          origin_(origin),
          partition_(partition),
          before_(before) {}

    Result<RecoveredPartition> run();

  private:
    Result<void> finish_replacements();
    Result<void> find_extents();
    Result<FoundExtent> find_extent(const ExtentName& name);
    /// Removes what a process has left that had lost the directory to another before.
    Result<void> drop_strays();
    bool is_behind_found_end(const FoundExtent& found) const;
    Result<void> check_epochs() const;
    Result<void> check_headers() const;
    Result<void> check_identity(const FoundExtent& found) const;
    Result<void> check_chain() const;
    /// Removes those in whose place others of their base came.
    Result<void> drop_replaced();
    Result<void> remove(const FoundExtent& found) const;
    bool is_of_last_base(const FoundExtent& found) const {
        return found.base() == found_.back().base();
    }

    /// Scans the last extent; drops it when it was never acknowledged.
    Result<void> scan_last();
    Result<bool> is_unacknowledged(const FoundExtent& last, const std::optional<Scan>& scan);
    Result<Scan> scan(const FoundExtent& found, Extent& extent) const;
    Result<void> add_block(Scan& scan, std::vector<KeptBlock>& open_group, KeptBlock block) const;
    Result<void> apply(PartitionState& state, const std::vector<KeptBlock>& group) const;
    /// Corrupt if a group that begins behind `scan.end_position` shows that this was no torn tail.
    Result<void> check_tail(const FoundExtent& found, const Scan& scan) const;
    Result<void> drop_last();

    std::vector<std::shared_ptr<Extent>> make_extents() const;
    Result<void> secure_last_group(RecoveredPartition& recovered) const;

    FileSystem& files_;
    const std::string& directory_;
    const ExtentOrigin& origin_;
    const PartitionId partition_;
    const FoundEnd& before_;
    std::vector<FoundExtent> found_;
    std::shared_ptr<Extent> last_;
    Scan scan_;
};

Result<RecoveredPartition> Recovery::run() {
    TRY(finish_replacements());
    TRY(find_extents());
    TRY(drop_strays());
    TRY(check_epochs());
    TRY(check_headers());
    TRY(check_chain());
    TRY(scan_last());
    TRY(drop_replaced());
    RecoveredPartition recovered;
    recovered.extents = make_extents();
    recovered.state = scan_.state;
    if (recovered.extents.empty()) return recovered;
    if (scan_.is_closed()) {
        last_->publish(scan_.end, scan_.last_group_position);
        recovered.state.end = scan_.end;
        recovered.state.newest = scan_.last_group.front().view.header.stamp();
        return recovered;
    }
    TRY(secure_last_group(recovered));
    return recovered;
}

Result<void> Recovery::finish_replacements() {
    for (const std::string& name : TRY(files_.list(directory_))) {
        if (!name.ends_with(kReplacementSuffix)) continue;
        const std::string original = name.substr(0, name.size() - kReplacementSuffix.size());
        if (!parse_extent_name(original)) continue;
        const std::string path = directory_ + "/" + name;
        if (TRY(files_.exists(directory_ + "/" + original))) {
            TRY(files_.remove(path));  // perhaps half written; what it replaces is still there
            continue;
        }
        TRY(files_.move_no_replace(path, directory_ + "/" + original));
        TRY(files_.sync_directory(directory_));
    }
    return {};
}

Result<void> Recovery::find_extents() {
    for (const std::string& name : TRY(files_.list(directory_))) {
        const std::optional<ExtentName> parsed = parse_extent_name(name);
        if (!parsed) {
            trace(TraceLevel::kWarning, "log", "\"{}/{}\" is not a file of the log", directory_,
                  name);
            continue;
        }
        Result<FoundExtent> found = find_extent(*parsed);
        // A process that had the directory before may still trim.
        if (!found && found.error().code() == ErrorCode::kNotFound) continue;
        if (!found) return std::move(found).error();
        found_.push_back(*std::move(found));
    }
    std::ranges::sort(found_, {}, &FoundExtent::name);
    return {};
}

/// Epochs rise along a log. Nothing in an extent of a lower one than before it was ever
/// acknowledged: that asks for the directory first, and the later process had it already when it
/// began the extent before, or found the log to end there.
Result<void> Recovery::drop_strays() {
    uint64_t newest = 0;
    for (auto found = found_.begin(); found != found_.end();) {
        if (is_behind_found_end(*found)) newest = std::max(newest, before_.epoch);
        const bool has_epoch = found->header || found->epoch() > 0;
        if (!has_epoch || found->epoch() >= newest) {
            newest = std::max(newest, found->epoch());
            ++found;
            continue;
        }
        trace(TraceLevel::kWarning, "log",
              "removing \"{}\", {} bytes: written by owner {} of the directory when {} had it",
              found->path, found->bytes, found->epoch(), newest);
        TRY(remove(*found));
        found = found_.erase(found);
    }
    return {};
}

/// Whatever lies here is of the start that found the log to end before this, or of a later one.
bool Recovery::is_behind_found_end(const FoundExtent& found) const {
    if (before_.epoch == 0) return false;
    const std::optional<ExtentName> end = parse_extent_name(before_.newest);
    return !end || found.name > *end;
}

/// A log that knows later owners than the manifest does is newer than it.
Result<void> Recovery::check_epochs() const {
    if (origin_.epoch == 0) return {};
    for (const FoundExtent& found : found_) {
        if (found.epoch() < origin_.epoch) continue;
        return corrupt(
                   "\"{}\" was written by owner {} of the data directory; the manifest knows {}",
                   found.path, found.epoch(), origin_.epoch - 1)
            .with_sqlstate(kOlderManifest)
            .with_detail("The manifest is older than the log: what it told since then is missing.")
            .with_hint("Put back the manifest that belongs to this log.");
    }
    return {};
}

Result<FoundExtent> Recovery::find_extent(const ExtentName& name) {
    FoundExtent found{
        .name = name, .path = directory_ + "/" + name.text(), .header = {}, .header_error = {}};
    const std::unique_ptr<ReadableFile> file = TRY(files_.open(found.path));
    found.bytes = TRY(file->size());
    const std::string bytes = TRY(read_bytes(*file, 0, kExtentHeaderBytes));
    Result<ExtentHeader> header = decode_extent_header(bytes);
    if (header) {
        found.header = *std::move(header);
    } else {
        found.header_error = std::move(header).error();
    }
    return found;
}

Result<void> Recovery::check_headers() const {
    for (const FoundExtent& found : found_) {
        if (found.header) {
            TRY(check_identity(found));
            continue;
        }
        // The last may be files whose creation was cut short; of a later version they are not.
        const bool is_last = is_of_last_base(found);
        if (is_last && found.header_error->code() == ErrorCode::kCorrupt) continue;
        if (found.header_error->code() == ErrorCode::kUnsupported)
            return Error(*found.header_error);
        const Offset next = is_last ? found.base() : (&found + 1)->base();
        return damage_error(found.path, partition_, found.base(), next, 0, kExtentHeaderBytes)
            .with_context(found.header_error->message());
    }
    return {};
}

Result<void> Recovery::check_identity(const FoundExtent& found) const {
    const ExtentHeader& header = *found.header;
    const bool is_of_epoch = found.name.epoch == 0 || found.name.epoch == header.epoch;
    if (header.id == origin_.id && header.partition == partition_ && header.base == found.base() &&
        is_of_epoch) {
        return {};
    }
    return corrupt("\"{}\" is not the extent that its name says", found.path)
        .with_detail(fmt::format("It is of log {}, partition {}, base {}, owner {}.", header.id.hex,
                                 header.partition.value, header.base.value, header.epoch));
}

Result<void> Recovery::check_chain() const {
    for (size_t index = 1; index < found_.size(); ++index) {
        const FoundExtent& found = found_[index];
        const bool is_replaced =
            !is_of_last_base(found) && found_[index + 1].base() == found.base();
        if (!found.header || is_replaced) continue;
        size_t place = index;
        while (place > 0 && found_[place].base() == found.base()) --place;
        const FoundExtent& before = found_[place];
        if (before.base() == found.base()) continue;
        const ExtentHeader& header = *found.header;
        if (header.predecessor_base != before.base().value) {
            return corrupt("log has a gap: offsets [{}, {}) of partition {} are missing",
                           header.predecessor_base, header.base.value, partition_.value)
                .with_detail(fmt::format("There is no \"{}\" before \"{}\".",
                                         ExtentName{{header.predecessor_base}, 0, 0}.text(),
                                         found.path));
        }
        if (before.bytes < header.predecessor_bytes) {
            return corrupt("log is damaged: \"{}\" ends too early", before.path)
                .with_detail(fmt::format("It has {} bytes of {}; records below offset {} are lost.",
                                         before.bytes, header.predecessor_bytes,
                                         header.base.value));
        }
    }
    return {};
}

Result<void> Recovery::scan_last() {
    if (found_.empty()) return {};
    // An extent of a new base is only begun when all before it was synced, so only those of one
    // base can be without a whole group.
    const Offset last_base = found_.back().base();
    while (!found_.empty()) {
        const FoundExtent& last = found_.back();
        std::optional<Scan> scanned;
        if (last.header) {
            last_ = std::make_shared<Extent>(files_, last.path, *last.header);
            scanned = TRY(scan(last, *last_));
            TRY(check_tail(last, *scanned));
        }
        if (scanned && !scanned->last_group.empty()) {
            scan_ = *std::move(scanned);
            return {};
        }
        const bool may_drop = TRY(is_unacknowledged(last, scanned));
        if (last.base() != last_base || !may_drop) {
            return damage_error(last.path, partition_, last.base(), last.base(), 0, last.bytes)
                .with_hint("The extent had been acknowledged; what it held is unknown.");
        }
        TRY(drop_last());
    }
    return {};
}

Result<bool> Recovery::is_unacknowledged(const FoundExtent& last, const std::optional<Scan>& scan) {
    // Older extents are removed only when this one was durable.
    const bool has_predecessor = found_.size() > 1 || last.base().value == 0;
    if (!has_predecessor || scan) return has_predecessor;
    const std::unique_ptr<ReadableFile> file = TRY(files_.open(last.path));
    const std::string bytes = TRY(read_bytes(*file, 0, last.bytes));
    const auto is_later_group = [](const BlockHeader& header, uint64_t) {
        return header.group > kExtentHeaderBytes;
    };
    return !find_block(bytes, std::nullopt, 0, is_later_group, 0).has_value();
}

Result<void> Recovery::drop_last() {
    const FoundExtent& last = found_.back();
    trace(TraceLevel::kWarning, "log", "dropping \"{}\", {} bytes: it was not finished", last.path,
          last.bytes);
    TRY(remove(last));
    found_.pop_back();
    last_.reset();
    return {};
}

Result<void> Recovery::drop_replaced() {
    for (size_t index = 1; index < found_.size();) {
        if (found_[index - 1].base() < found_[index].base()) {
            ++index;
            continue;
        }
        TRY(remove(found_[index - 1]));
        found_.erase(found_.begin() + static_cast<std::ptrdiff_t>(index - 1));
    }
    return {};
}

Result<void> Recovery::remove(const FoundExtent& found) const {
    Result<void> removed = files_.remove(found.path);
    // A process that had the directory before may still trim.
    if (!removed && removed.error().code() != ErrorCode::kNotFound) return removed;
    return files_.sync_directory(directory_);
}

Result<Scan> Recovery::scan(const FoundExtent& found, Extent& extent) const {
    const std::unique_ptr<ReadableFile> file = TRY(files_.open(found.path));
    Scan scan;
    scan.state.end = found.base();
    scan.end = found.base();
    std::vector<KeptBlock> open_group;
    Offset end = found.base();
    uint64_t position = kExtentHeaderBytes;
    while (position < found.bytes) {
        const Chunk chunk = TRY(load_chunk(*file, found.header->mark, position, found.bytes));
        if (chunk.blocks.empty() || chunk.first != end) break;
        if (position >= found.header->records_position) extent.add_place(chunk.first, position);
        for (const BlockView& block : chunk.blocks) {
            const uint64_t group = open_group.empty() ? block.header.position
                                                      : open_group.front().view.header.position;
            if (block.header.group != group) return scan;  // check_tail judges what follows
            TRY(add_block(scan, open_group, {block, chunk.bytes}));
        }
        end = chunk.end();
        position = chunk.end_position();
    }
    return scan;
}

Result<void> Recovery::add_block(Scan& scan, std::vector<KeptBlock>& open_group,
                                 KeptBlock block) const {
    open_group.push_back(std::move(block));
    const BlockView& newest = open_group.back().view;
    if (newest.header.is_last_in_group == 0) return {};
    TRY(apply(scan.state, scan.last_group));
    scan.last_group_position = open_group.front().view.header.position;
    scan.end = newest.end();
    scan.end_position = newest.end_position();
    scan.last_group = std::move(open_group);
    open_group.clear();
    return {};
}

Result<void> Recovery::apply(PartitionState& state, const std::vector<KeptBlock>& group) const {
    for (const KeptBlock& block : group) {
        BlockAttributes attributes = TRY(decode_attributes(block.view, partition_));
        state.apply_positions(attributes.positions);
        std::ranges::move(attributes.keys, std::back_inserter(state.keys));
        state.end = block.view.end();
        state.newest = block.view.header.stamp();
    }
    return {};
}

Result<void> Recovery::check_tail(const FoundExtent& found, const Scan& scan) const {
    if (scan.end_position == found.bytes) return {};
    const std::unique_ptr<ReadableFile> file = TRY(files_.open(found.path));
    const std::string tail =
        TRY(read_bytes(*file, scan.end_position, found.bytes - scan.end_position));
    const auto is_later_group = [](const BlockHeader& header, uint64_t end_position) {
        return header.group > end_position;
    };
    const auto later =
        find_block(tail, found.header->mark, scan.end_position, is_later_group, scan.end_position);
    if (later) {
        return damage_error(found.path, partition_, scan.end, later->first(), scan.end_position,
                            later->header.position);
    }
    trace(TraceLevel::kWarning, "log",
          "cutting {} bytes of an unfinished group behind offset {} in \"{}\"", tail.size(),
          scan.end.value, found.path);
    return {};
}

std::vector<std::shared_ptr<Extent>> Recovery::make_extents() const {
    std::vector<std::shared_ptr<Extent>> extents;
    for (size_t index = 0; index + 1 < found_.size(); ++index) {
        extents.push_back(
            std::make_shared<Extent>(files_, found_[index].path, *found_[index].header));
        const ExtentHeader& next = *found_[index + 1].header;
        extents.back()->publish(next.base, next.predecessor_bytes);
    }
    if (last_) extents.push_back(last_);
    return extents;
}

/// The blocks with records of a group, as if they had never been placed.
UnplacedBlocks lift(const std::vector<KeptBlock>& group) {
    UnplacedBlocks blocks;
    for (const KeptBlock& each : group) {
        if (each.view.header.kind == BlockKind::kRecords) lift_block(each.view, blocks);
    }
    return blocks;
}

Result<void> Recovery::secure_last_group(RecoveredPartition& recovered) const {
    PartitionState& state = recovered.state;
    // The snapshot at the start of an extent belongs to its first group.
    const auto records =
        std::ranges::find(scan_.last_group, BlockKind::kRecords,
                          [](const KeptBlock& each) { return each.view.header.kind; });
    TRY(apply(state, {scan_.last_group.begin(), records}));
    UnplacedBlocks blocks = lift(scan_.last_group);
    CHECK(!blocks.starts.empty());
    const Offset base{scan_.end.value - blocks.record_count};
    ExtentHeader header = next_header(origin_, partition_, base, last_.get());
    const bool replaces_last = base == last_->base();
    if (replaces_last) {
        header.predecessor_base = last_->header().predecessor_base;
        header.predecessor_bytes = last_->header().predecessor_bytes;
    } else {
        header.predecessor_bytes = scan_.last_group_position;
        last_->publish(base, scan_.last_group_position);
    }
    const GroupStamp stamp = scan_.last_group.back().view.header.stamp();
    std::unique_ptr<ExtentWriter> writer =
        TRY(ExtentWriter::create(files_, directory_, header,
                                 encode_snapshot(state.position_list(), state.keys), state.newest));
    UnplacedBlocks* const request = &blocks;
    TRY(writer->append_group({&request, 1}, base, stamp));
    TRY(apply(state, {records, scan_.last_group.end()}));

    auto extent = std::make_shared<Extent>(files_, writer->path(), writer->header());
    extent->publish(scan_.end, writer->bytes());
    if (replaces_last) recovered.extents.pop_back();
    recovered.extents.push_back(std::move(extent));
    recovered.writer = std::move(writer);
    return {};
}

}  // namespace

Result<RecoveredPartition> recover_partition(FileSystem& files, const std::string& directory,
                                             const ExtentOrigin& origin, PartitionId partition,
                                             const FoundEnd& before) {
    return Recovery(files, directory, origin, partition, before).run();
}

}  // namespace braid::log
