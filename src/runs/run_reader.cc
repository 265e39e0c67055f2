// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <unordered_map>

#include "base/error_makers.h"
#include "base/hash.h"
#include "base/mutex.h"
#include "runs/part_reader_internal.h"
#include "runs/run_file.h"

namespace braid::runs {

namespace {

/// Parts of one section, in order.
using Section = std::vector<std::unique_ptr<const PartReader>>;

/// The first part whose keys do not all lie below.
Section::const_iterator part_at(const Section& section, std::string_view key) {
    return std::ranges::lower_bound(section, key, {}, [](const auto& each) -> const std::string& {
        return each->part().last_key;
    });
}

/// Walks over the rows of a section from a key on, holding one block at a time. The section must
/// outlive it.
class Walk {
  public:
    /// `to` as in RunReader::scan: parts from there on are not touched.
    Walk(const Section* section, std::string_view to, BlockCache::Use use)
        : section_(section), to_(to), use_(use) {}

    /// Goes to the first row that is not below `key`.
    Result<void> seek(std::string_view key) {
        if (section_ == nullptr) return {};
        const auto part = part_at(*section_, key);
        part_ = static_cast<size_t>(part - section_->begin());
        if (is_over()) return {};
        index_ = TRY((*part)->index(use_));
        number_ = index_->block_before(key);
        loaded_ = TRY((*part)->block(*index_, number_, use_));
        row_ = block().lower_bound(key);
        return {};
    }

    /// Goes to the next block that has rows, if this one has none left. False at the end.
    Result<bool> settle() {
        while (!loaded_ || row_ == block().rows) {
            if (is_over()) return false;
            const PartReader& part = *(*section_)[part_];
            if (!index_) {
                index_ = TRY(part.index(use_));
                number_ = 0;
                row_ = 0;
            } else if (loaded_) {
                loaded_ = nullptr;
                row_ = 0;
                if (++number_ == index_->blocks.size()) {
                    index_ = nullptr;
                    ++part_;
                    continue;
                }
            }  // else it could not be loaded, and is tried again
            loaded_ = TRY(part.block(*index_, number_, use_));
        }
        return true;
    }

    const Block& block() const { return loaded_->rows(); }
    size_t row() const { return row_; }
    void set_row(size_t row) { row_ = row; }

  private:
    bool is_over() const {
        if (section_ == nullptr || part_ == section_->size()) return true;
        return !to_.empty() && !((*section_)[part_]->part().first_key < to_);
    }

    const Section* section_;
    const std::string to_;
    const BlockCache::Use use_;
    size_t part_ = 0;
    std::shared_ptr<const PartIndex> index_;
    size_t number_ = 0;
    std::shared_ptr<const LoadedBlock> loaded_;
    size_t row_ = 0;
};

class FileRunReader final : public RunReader, public std::enable_shared_from_this<FileRunReader> {
  public:
    FileRunReader(std::shared_ptr<PartStore> store, manifest::Run run)
        : store_(std::move(store)), run_(std::move(run)) {
        for (const manifest::Part& part : run_.parts) {
            auto reader = std::make_unique<const PartReader>(*store_, part);
            if (part.section == kFailedSection) {
                failed_.push_back(std::move(reader));
                continue;
            }
            if (sections_.size() <= part.section) sections_.resize(part.section + 1);
            sections_[part.section].push_back(std::move(reader));
        }
    }
    ~FileRunReader() override {
        for (const std::string& file : run_.files()) store_->files().forget(file);
    }

    const manifest::Run& run() const override { return run_; }
    Result<bool> find(std::string_view key, std::string& state) const override;
    Result<void> find_rows(uint32_t section, std::string_view key,
                           const operators::RowVisitor& visit) const override;
    Result<operators::RowCursorPtr> scan(uint32_t section, std::string_view from,
                                         std::string_view to) const override;
    Result<void> visit_blocks(uint32_t section, std::string_view from, std::string_view to,
                              const BlockVisitor& visit) const override;
    size_t group_parts() const override {
        const Section* groups = section(0);
        return groups == nullptr ? 0 : groups->size();
    }
    const KeyFilter* filter(size_t group_part) const override {
        return (*section(0))[group_part]->filter();
    }

  private:
    const Section* section(uint32_t number) const {
        if (number == kFailedSection) return &failed_;
        return number < sections_.size() ? &sections_[number] : nullptr;
    }

    const std::shared_ptr<PartStore> store_;
    const manifest::Run run_;
    std::vector<Section> sections_;  // by number, but the one of failed events
    Section failed_;
};

/// Rows below `to`, block by block: keys are compared once a block, not once a row.
class RangeCursor final : public operators::RowCursor {
  public:
    RangeCursor(std::shared_ptr<const FileRunReader> run, Walk walk, std::string_view to)
        : run_(std::move(run)), walk_(std::move(walk)), to_(to) {}

    Result<bool> next(operators::StateRow& row) override {
        if (row_ == rows_) {
            if (!TRY(next_block())) return false;
        }
        row = block_->row(row_);
        ++row_;
        return true;
    }

  private:
    Result<bool> next_block() {
        if (block_ != nullptr) walk_.set_row(rows_);
        block_ = nullptr;
        row_ = rows_ = 0;
        if (is_last_ || !TRY(walk_.settle())) {
            is_last_ = true;
            return false;
        }
        block_ = &walk_.block();
        row_ = walk_.row();
        rows_ = to_.empty() ? block_->rows : std::max(row_, block_->lower_bound(to_));
        is_last_ = rows_ < block_->rows;
        return row_ < rows_;
    }

    const std::shared_ptr<const FileRunReader> run_;  // keeps all below alive
    Walk walk_;
    const std::string to_;
    const Block* block_ = nullptr;
    size_t row_ = 0;
    size_t rows_ = 0;  // those of the block that are below to_
    bool is_last_ = false;
};

Result<bool> FileRunReader::find(std::string_view key, std::string& state) const {
    const Section* groups = section(0);
    if (groups == nullptr) return false;
    const auto place = part_at(*groups, key);
    if (place == groups->end() || key < (*place)->part().first_key) return false;
    const PartReader& part = **place;
    if (const KeyFilter* filter = part.filter()) {
        if (!filter->may_hold(hash64(key))) return false;
    }
    const auto index = TRY(part.index(BlockCache::Use::kPoint));
    const auto loaded = TRY(part.block(*index, index->block_of(key), BlockCache::Use::kPoint));
    const Block& block = loaded->rows();
    const size_t row = block.lower_bound(key);
    if (row == block.rows || block.key(row) != key) return false;
    state.assign(block.states.at(row));
    return true;
}

Result<void> FileRunReader::find_rows(uint32_t section_number, std::string_view key,
                                      const operators::RowVisitor& visit) const {
    Walk walk(section(section_number), {}, BlockCache::Use::kPoint);
    TRY(walk.seek(key));
    while (TRY(walk.settle())) {
        const Block& block = walk.block();
        for (size_t row = walk.row(); row < block.rows; ++row) {
            if (block.key(row) != key) return {};
            TRY(visit(section_number, block.row(row)));
        }
        walk.set_row(block.rows);
    }
    return {};
}

Result<operators::RowCursorPtr> FileRunReader::scan(uint32_t section_number, std::string_view from,
                                                    std::string_view to) const {
    Walk walk(section(section_number), to, BlockCache::Use::kScan);
    if (!from.empty()) TRY(walk.seek(from));
    return std::make_unique<RangeCursor>(shared_from_this(), std::move(walk), to);
}

Result<void> FileRunReader::visit_blocks(uint32_t section_number, std::string_view from,
                                         std::string_view to, const BlockVisitor& visit) const {
    const Section* parts = section(section_number);
    if (parts == nullptr) return {};
    const auto is_beyond = [to](std::string_view key) { return !to.empty() && key >= to; };
    for (auto part = part_at(*parts, from); part != parts->end(); ++part) {
        if (is_beyond((*part)->part().first_key)) return {};
        const auto index = TRY((*part)->index(BlockCache::Use::kScan));
        for (size_t number = index->block_before(from); number < index->blocks.size(); ++number) {
            const PartIndex::Block& block = index->blocks[number];
            if (is_beyond(block.first_key)) return {};
            visit(block.first_key, block.rows);
        }
    }
    return {};
}

/// Parts of a section must follow one another; rows of one key may go on in the next part.
Result<void> check_parts(const manifest::Run& run) {
    constexpr uint32_t kSectionsMax = 10'000;
    const manifest::Part* before = nullptr;
    for (const manifest::Part& part : run.parts) {
        bool follows = part.section < kSectionsMax && part.first_key <= part.last_key;
        if (before != nullptr && before->section == part.section) {
            follows = follows && (part.section == 0 ? before->last_key < part.first_key
                                                    : before->last_key <= part.first_key);
        } else if (before != nullptr) {
            follows = follows && before->section < part.section;
        }
        if (!follows)
            return corrupt("parts of run {} are not in order at \"{}\"", run.id.value, part.file);
        before = &part;
    }
    return {};
}

}  // namespace

Result<std::shared_ptr<const RunReader>> RunReader::open(Store& store, manifest::Run run) {
    TRY(check_parts(run));
    constexpr RunCacheOptions kOwn{.bytes_max = 2U << 20, .files_max = 4};
    return std::make_shared<const FileRunReader>(std::make_shared<PartStore>(store, kOwn, nullptr),
                                                 std::move(run));
}

struct RunCache::Body {
    const std::shared_ptr<PartStore> store;
    Mutex mutex;
    std::unordered_map<RunId, std::shared_ptr<const RunReader>> readers GUARDED_BY(mutex);

    Body(Store& store, const RunCacheOptions& options, Metrics* metrics)
        : store(std::make_shared<PartStore>(store, options, metrics)) {}
};

RunCache::RunCache(Store& store, RunCacheOptions options, Metrics* metrics)
    : body_(std::make_unique<Body>(store, options, metrics)) {}

RunCache::~RunCache() = default;

Result<std::shared_ptr<const RunReader>> RunCache::get(const manifest::Run& run) {
    const ScopedLock lock(body_->mutex);
    const auto found = body_->readers.find(run.id);
    if (found != body_->readers.end()) return found->second;
    // Opening reads nothing, so others do not wait long.
    TRY(check_parts(run));
    auto reader = std::make_shared<const FileRunReader>(body_->store, run);
    body_->readers.emplace(run.id, reader);
    return std::shared_ptr<const RunReader>(std::move(reader));
}

void RunCache::forget(RunId run) {
    std::shared_ptr<const RunReader> last;  // given back without the lock
    const ScopedLock lock(body_->mutex);
    const auto found = body_->readers.find(run);
    if (found == body_->readers.end()) return;
    last = std::move(found->second);
    body_->readers.erase(found);
}

size_t RunCache::open_file_count() const { return body_->store->files().open_count(); }

}  // namespace braid::runs
