// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>

#include "base/bytes.h"
#include "base/error_makers.h"
#include "runs/part_reader_internal.h"

namespace braid::runs {

namespace {

/// The dataset has the events of every run below a cut.
constexpr const char* kHint =
    "REFRESH MATERIALIZED VIEW computes the view again; CALL braid.accept_audit then takes the "
    "place of what cannot be read.";

/// A share of a cache's memory for filters.
constexpr uint64_t kFilterShare = 2;

std::string_view text_of(std::span<const char> bytes) { return {bytes.data(), bytes.size()}; }

}  // namespace

PartStore::PartStore(Store& store, const RunCacheOptions& options, Metrics* metrics)
    : metrics_(metrics == nullptr ? own_ : *metrics),
      files_(store, options.files_max),
      cache_(options.bytes_max - options.bytes_max / kFilterShare, metrics_),
      filter_bytes_max_(options.bytes_max / kFilterShare) {}

bool PartStore::take_filter_bytes(uint64_t bytes) {
    if (filter_bytes_.fetch_add(bytes) + bytes <= filter_bytes_max_) return true;
    filter_bytes_.fetch_sub(bytes);
    return false;
}

PartReader::~PartReader() {
    store_.cache().forget(id_);
    store_.give_filter_bytes(filter_bytes_);
}

Error PartReader::refuse(std::string_view what) const {
    store_.metrics().damaged.add(1);
    return corrupt("run file \"{}\" {}", part_.file, what).with_hint(kHint);
}

Error PartReader::refuse_bytes(uint64_t from, uint64_t to) const {
    return refuse(fmt::format("is damaged: bytes {} to {}", part_.at + from, part_.at + to));
}

Result<std::shared_ptr<const ReadableFile>> PartReader::open() const {
    auto file = store_.files().open(part_.file);
    if (!file && file.error().code() == ErrorCode::kNotFound) return refuse("is missing");
    return file;
}

Result<void> PartReader::read(const ReadableFile& file, uint64_t from, std::span<char> into) const {
    const uint64_t at = part_.at + from;
    const size_t count = TRY(file.read_at(at, std::as_writable_bytes(into)));
    if (count == into.size()) return {};
    return refuse(fmt::format("is damaged: it ends at {}, within bytes {} to {}", at + count, at,
                              at + into.size()));
}

Result<std::shared_ptr<const PartIndex>> PartReader::index(BlockCache::Use use) const {
    const BlockCache::Key key{id_, kIndexNumber};
    CachedPtr found = store_.cache().find(key, use);
    if (!found) [[unlikely]] {
        found = store_.cache().add(key, TRY(load_index()), BlockCache::Use::kPoint);
    }
    return std::static_pointer_cast<const PartIndex>(std::move(found));
}

Result<std::shared_ptr<const PartIndex>> PartReader::load_index() const {
    const auto file = TRY(open());
    const uint64_t bytes = part_.bytes;
    if (bytes < kHeaderBytes + kFooterBytes) return refuse("is damaged: it is cut short");
    std::array<char, kFooterBytes> footer{};
    TRY(read(*file, bytes - kFooterBytes, footer));
    ByteReader in(text_of(footer));
    const uint64_t tail_start = TRY(in.fixed<uint64_t>());
    const uint32_t version = TRY(in.fixed<uint32_t>());
    if (tail_start < kHeaderBytes || tail_start > bytes - kFooterBytes) {
        return refuse("is damaged: its footer");
    }
    std::string tail(bytes - tail_start, '\0');
    TRY(read(*file, tail_start, tail));
    if (crc32c(tail) != part_.crc) return refuse("is damaged: its footer");
    if (version != kPartVersion) {
        return unsupported("run file \"{}\" has format {}", part_.file, version);
    }
    tail.resize(tail.size() - kFooterBytes);
    auto index = decode_index(tail);
    if (!index) return refuse("is damaged: its index cannot be read");
    TRY(check(**index, tail_start));
    return *std::move(index);
}

Result<void> PartReader::check(const PartIndex& index, uint64_t tail_start) const {
    uint64_t rows = 0;
    uint64_t end = kHeaderBytes;
    bool ascends = true;
    for (const PartIndex::Block& block : index.blocks) {
        ascends = ascends && block.end > end && block.rows > 0;
        end = block.end;
        rows += block.rows;
    }
    const bool is_described = index.section == part_.section && index.rows == part_.rows &&
                              index.digest == part_.digest && index.first_key == part_.first_key &&
                              index.last_key == part_.last_key;
    if (!is_described) {
        return refuse("is damaged: it is not the file that the manifest describes");
    }
    if (!ascends || end > tail_start || tail_start - end != index.filter_bytes ||
        rows != index.rows || index.blocks.empty()) {
        return refuse("is damaged: its index does not fit it");
    }
    return {};
}

Result<std::shared_ptr<const LoadedBlock>> PartReader::block(const PartIndex& index, size_t number,
                                                             BlockCache::Use use) const {
    const BlockCache::Key key{id_, static_cast<uint32_t>(number)};
    CachedPtr found = store_.cache().find(key, use);
    if (!found) found = store_.cache().add(key, TRY(load_block(index, number)), use);
    return std::static_pointer_cast<const LoadedBlock>(std::move(found));
}

Result<std::shared_ptr<const LoadedBlock>> PartReader::load_block(const PartIndex& index,
                                                                  size_t number) const {
    const PartIndex::Block& described = index.blocks[number];
    const uint64_t from = index.start_of(number);
    const uint64_t size = described.end - from;
    auto bytes = std::make_unique_for_overwrite<char[]>(size);
    const std::span<char> whole(bytes.get(), size);
    TRY(read(*TRY(open()), from, whole));
    if (crc32c(text_of(whole)) != described.crc) {
        return refuse_bytes(from, described.end);
    }
    const size_t header = number == 0 ? kHeaderBytes : 0;
    auto loaded = LoadedBlock::parse(std::move(bytes), size, header, described.rows, index.columns);
    if (!loaded || loaded->rows().key(0) != described.first_key) {
        return refuse(fmt::format("is damaged: block {} is not what the index says", number));
    }
    return loaded;
}

const KeyFilter* PartReader::filter() const {
    if (const KeyFilter* shown = shown_filter_.load(std::memory_order_acquire)) return shown;
    const ScopedLock lock(mutex_);
    if (is_filter_sought_) return filter_.get();
    auto loaded = load_filter();
    // Whoever then reads the part itself is told.
    if (!loaded) return nullptr;
    is_filter_sought_ = true;
    const uint64_t bytes = loaded->bytes_used();
    if (loaded->blocks().empty() || !store_.take_filter_bytes(bytes)) return nullptr;
    filter_bytes_ = bytes;
    filter_ = std::make_unique<const KeyFilter>(*std::move(loaded));
    shown_filter_.store(filter_.get(), std::memory_order_release);
    return filter_.get();
}

Result<KeyFilter> PartReader::load_filter() const {
    const auto index = TRY(this->index(BlockCache::Use::kPoint));
    std::string bytes(index->filter_bytes, '\0');
    const uint64_t from = index->blocks.back().end;
    TRY(read(*TRY(open()), from, bytes));
    if (crc32c(bytes) != index->filter_crc) {
        return refuse_bytes(from, from + bytes.size());
    }
    return KeyFilter::from_bytes(bytes);
}

}  // namespace braid::runs
