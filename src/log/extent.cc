// SPDX-License-Identifier: Apache-2.0
#include "log/extent.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include <fmt/format.h>

#include "base/check.h"
#include "base/error_makers.h"

namespace braid::log {

namespace {

constexpr uint64_t kChunkBytes = 1 << 20;
constexpr uint64_t kSmallChunkBytes = 64 << 10;
constexpr std::string_view kSuffix = ".extent";
constexpr size_t kBaseDigits = 20;
constexpr uint64_t kPlaceBytes = 128 << 10;  // one place in the index for about so many bytes

}  // namespace

Result<std::string> read_bytes(const ReadableFile& file, uint64_t position, size_t size) {
    std::string bytes;
    Result<size_t> got = size_t{0};
    bytes.resize_and_overwrite(size, [&](char* at, size_t) {
        got = file.read_at(position, {reinterpret_cast<std::byte*>(at), size});
        return got ? *got : size_t{0};
    });
    if (!got) return std::move(got).error();
    return bytes;
}

std::string ExtentName::text() const {
    std::string name = fmt::format("{:020}", base.value);
    if (epoch > 0 || number > 0) name += fmt::format("-{}-{}", epoch, number);
    return name + std::string(kSuffix);
}

std::optional<ExtentName> parse_extent_name(std::string_view text) {
    if (text.size() < kBaseDigits + kSuffix.size() || !text.ends_with(kSuffix)) return std::nullopt;
    ExtentName name;
    const char* at = text.data();
    const char* const end = at + text.size() - kSuffix.size();
    const auto take = [&](auto& number, const char* limit) {
        const auto [next, error] = std::from_chars(at, limit, number);
        const bool is_number = error == std::errc() && *at >= '0' && *at <= '9';
        at = next;
        return is_number;
    };
    if (!take(name.base.value, at + kBaseDigits)) return std::nullopt;
    if (at == end) return name;
    if (*at++ != '-' || !take(name.epoch, end)) return std::nullopt;
    if (*at++ != '-' || !take(name.number, end) || at != end) return std::nullopt;
    // One way to write it, or two files would have one place.
    return name.text() == text ? std::optional(name) : std::nullopt;
}

Error damage_error(const std::string& path, PartitionId partition, Offset from, Offset to,
                   uint64_t position, uint64_t end_position) {
    return corrupt("log is damaged: offsets [{}, {}) of partition {} cannot be read", from.value,
                   to.value, partition.value)
        .with_detail(fmt::format("File \"{}\", bytes [{}, {}).", path, position, end_position));
}

Result<Chunk> load_chunk(const ReadableFile& file, uint64_t mark, uint64_t position,
                         uint64_t limit) {
    CHECK_LE(position, limit);
    size_t wanted = std::min(kChunkBytes, limit - position);
    auto bytes = std::make_shared<std::string>(TRY(read_bytes(file, position, wanted)));
    const auto first = peek_block(*bytes, mark, position);
    if (first && first->length > bytes->size() && first->length <= limit - position) {
        wanted = first->length;  // a block of its own size
        *bytes = TRY(read_bytes(file, position, wanted));
    }
    Chunk chunk{.position = position, .first = {}, .bytes = bytes, .blocks = {}};
    std::string_view left = *bytes;
    while (const auto block = parse_block(left, mark, position)) {
        if (chunk.blocks.empty()) chunk.first = block->first();
        if (block->first() != chunk.end()) break;
        chunk.blocks.push_back(*block);
        left.remove_prefix(block->header.length);
        position += block->header.length;
    }
    return chunk;
}

Result<RecordBatch> batch_of(const Chunk& chunk, PartitionId partition, Offset from,
                             size_t records_max) {
    auto block =
        std::ranges::find_if(chunk.blocks, [&](const auto& each) { return from < each.end(); });
    CHECK(block != chunk.blocks.end());
    RecordBatch batch{.partition = partition,
                      .offsets = Offsets(from),
                      .next = from,
                      .ingested_at_us = block->header.ingested_at_us,
                      .sequence = block->header.sequence,
                      .preamble = std::string(TRY(decode_preamble(*block))),
                      .records = {},
                      .bytes = chunk.bytes};
    auto skip = static_cast<size_t>(from.value - block->header.first);
    // Blocks that tell the same beside their records go into one batch.
    for (; block != chunk.blocks.end() && batch.records.size() < records_max; ++block) {
        const GroupStamp stamp = block->header.stamp();
        if (stamp.sequence != batch.sequence || stamp.ingested_at_us != batch.ingested_at_us) break;
        if (TRY(decode_preamble(*block)) != batch.preamble) break;
        const size_t count =
            std::min(block->header.record_count - skip, records_max - batch.records.size());
        TRY(decode_records(*block, skip, count, batch.records));
        skip = 0;
    }
    batch.next.value += static_cast<int64_t>(batch.records.size());
    return batch;
}

Extent::Extent(FileSystem& files, std::string path, const ExtentHeader& header)
    : files_(files),
      path_(std::move(path)),
      header_(header),
      end_(header.base),
      readable_bytes_(header.records_position),
      places_{{header.base, header.records_position}} {}

void Extent::publish(Offset end, uint64_t bytes) {
    ScopedLock lock(mutex_);
    CHECK_LE(end_.value, end.value);
    CHECK_LE(readable_bytes_, bytes);
    end_ = end;
    readable_bytes_ = bytes;
}

Offset Extent::end() const {
    ScopedLock lock(mutex_);
    return end_;
}

uint64_t Extent::readable_bytes() const {
    ScopedLock lock(mutex_);
    return readable_bytes_;
}

void Extent::add_place(Offset offset, uint64_t position) {
    ScopedLock lock(mutex_);
    const auto next = std::ranges::upper_bound(places_, position, {}, &Place::position);
    const Place& before =
        *std::prev(next);  // the first place is the first block: there is always one
    if (position - before.position < kPlaceBytes) return;
    if (next != places_.end() && next->position - position < kPlaceBytes) return;
    places_.insert(next, {offset, position});
}

Result<RecordBatch> Extent::read(Offset from, size_t records_max) {
    const std::shared_ptr<const Chunk> chunk = TRY(chunk_with(from));
    RecordBatch batch = TRY(batch_of(*chunk, header_.partition, from, records_max));
    if (batch.next == chunk->end()) release(chunk);
    return batch;
}

void Extent::release(const std::shared_ptr<const Chunk>& chunk) {
    // Small ones may stay: other readers of the tail will soon ask for the same.
    if (chunk->bytes->size() <= kSmallChunkBytes) return;
    ScopedLock lock(mutex_);
    for (auto& each : cache_) {
        if (each == chunk) each.reset();
    }
}

void Extent::forget() {
    ScopedLock lock(mutex_);
    file_.reset();
    cache_.fill(nullptr);
}

Result<std::shared_ptr<const ReadableFile>> Extent::file() {
    ScopedLock lock(mutex_);
    if (!file_) file_ = TRY(files_.open(path_));
    return file_;
}

Result<std::shared_ptr<const Chunk>> Extent::chunk_with(Offset from) {
    Place at;
    uint64_t limit = 0;
    {
        ScopedLock lock(mutex_);
        CHECK(header_.base <= from && from < end_);
        limit = readable_bytes_;
        if (auto chunk = cached(from, at)) return chunk;
    }
    const std::shared_ptr<const ReadableFile> file = TRY(this->file());
    while (true) {
        const auto chunk =
            std::make_shared<const Chunk>(TRY(load_chunk(*file, header_.mark, at.position, limit)));
        if (chunk->blocks.empty() || chunk->first != at.offset) return damaged(*file, at);
        remember(chunk);
        if (from < chunk->end()) return chunk;
        at = {chunk->end(), chunk->end_position()};
    }
}

std::shared_ptr<const Chunk> Extent::cached(Offset from, Place& nearest) const {
    nearest = *std::prev(std::ranges::upper_bound(places_, from, {}, &Place::offset));
    for (const auto& chunk : cache_) {
        if (!chunk) continue;
        if (chunk->first <= from && from < chunk->end()) return chunk;
    }
    // The end of what was read is a place too; this is what makes following the tail cheap.
    for (const Place& end : read_ends_) {
        if (end.offset <= from && nearest.position < end.position) nearest = end;
    }
    return nullptr;
}

void Extent::remember(const std::shared_ptr<const Chunk>& chunk) {
    add_place(chunk->first, chunk->position);
    ScopedLock lock(mutex_);
    cache_[next_slot_] = chunk;
    read_ends_[next_slot_] = {chunk->end(), chunk->end_position()};
    next_slot_ = (next_slot_ + 1) % cache_.size();
}

Error Extent::damaged(const ReadableFile& file, Place at) const {
    Place next{end(), readable_bytes()};
    Result<std::string> bytes = read_bytes(file, at.position, next.position - at.position);
    if (!bytes) return std::move(bytes).error();
    const auto goes_on = [](const BlockHeader& header, uint64_t least) {
        return header.first >= static_cast<int64_t>(least);
    };
    const auto found = find_block(*bytes, header_.mark, at.position, goes_on,
                                  static_cast<uint64_t>(at.offset.value));
    if (found) next = {found->first(), found->header.position};
    return damage_error(path_, header_.partition, at.offset, next.offset, at.position,
                        next.position);
}

}  // namespace braid::log
