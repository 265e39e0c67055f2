// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <atomic>

#include "base/error_makers.h"
#include "base/mutex.h"
#include "runs/part_reader_internal.h"
#include "runs/run_file.h"

namespace braid::runs {

namespace {

/// A part that is opened when it is first needed.
class Slot {
  public:
    explicit Slot(const manifest::Part& part) : part_(part) {}

    const manifest::Part& part() const { return part_; }

    Result<const PartReader*> open(FileSystem& files) const {
        if (const PartReader* reader = shown_.load(std::memory_order_acquire)) return reader;
        const ScopedLock lock(mutex_);
        if (!reader_) reader_ = TRY(PartReader::open(files, part_));
        shown_.store(reader_.get(), std::memory_order_release);
        return reader_.get();
    }

  private:
    const manifest::Part& part_;
    mutable Mutex mutex_;
    mutable std::unique_ptr<const PartReader> reader_;  // under mutex_
    mutable std::atomic<const PartReader*> shown_ = nullptr;
};

/// Parts of one section, in order.
using Section = std::vector<std::unique_ptr<const Slot>>;

/// Walks over the rows of a section from a key on. The section must outlive it.
class Walk {
  public:
    Walk(FileSystem& files, const Section* section) : files_(files), section_(section) {}

    /// Goes to the first row that is not below `key`.
    Result<void> seek(std::string_view key) {
        if (section_ == nullptr) return {};
        const auto slot = std::ranges::lower_bound(
            *section_, key, {},
            [](const auto& each) -> const std::string& { return each->part().last_key; });
        slot_ = static_cast<size_t>(slot - section_->begin());
        if (slot == section_->end()) return {};
        part_ = TRY((*slot)->open(files_));
        block_index_ = part_->block_before(key);
        block_ = TRY(part_->block(block_index_));
        row_ = block_->lower_bound(key);
        return {};
    }

    /// Goes to the next block that has rows, if this one has none left. False at the end.
    Result<bool> settle() {
        while (block_ == nullptr || row_ == block_->rows) {
            if (section_ == nullptr || slot_ == section_->size()) return false;
            if (part_ == nullptr) {
                part_ = TRY((*section_)[slot_]->open(files_));
                block_index_ = 0;
            } else if (++block_index_ == part_->block_count()) {
                part_ = nullptr;
                block_ = nullptr;
                ++slot_;
                continue;
            }
            block_ = TRY(part_->block(block_index_));
            row_ = 0;
        }
        return true;
    }

    const Block& block() const { return *block_; }
    size_t row() const { return row_; }
    void set_row(size_t row) { row_ = row; }

  private:
    FileSystem& files_;
    const Section* section_;
    size_t slot_ = 0;
    const PartReader* part_ = nullptr;
    size_t block_index_ = 0;
    const Block* block_ = nullptr;
    size_t row_ = 0;
};

class FileRunReader final : public RunReader, public std::enable_shared_from_this<FileRunReader> {
  public:
    FileRunReader(FileSystem& files, manifest::Run run) : files_(files), run_(std::move(run)) {
        for (const manifest::Part& part : run_.parts) {
            auto slot = std::make_unique<const Slot>(part);
            if (part.section == kFailedSection) {
                failed_.push_back(std::move(slot));
                continue;
            }
            if (sections_.size() <= part.section) sections_.resize(part.section + 1);
            sections_[part.section].push_back(std::move(slot));
        }
    }

    const manifest::Run& run() const override { return run_; }
    Result<std::optional<std::string_view>> find(std::string_view key) const override;
    Result<void> find_set(int set, std::string_view key,
                          const std::function<void(std::string_view value)>& visit) const override;
    Result<std::unique_ptr<RunCursor>> scan(uint32_t section, std::string_view from,
                                            std::string_view to) const override;

  private:
    const Section* section(uint32_t number) const {
        if (number == kFailedSection) return &failed_;
        return number < sections_.size() ? &sections_[number] : nullptr;
    }

    FileSystem& files_;
    const manifest::Run run_;
    std::vector<Section> sections_;  // of groups and sets
    Section failed_;
};

/// Rows below `to`, block by block: keys are compared once a block, not once a row.
class RangeCursor final : public RunCursor {
  public:
    RangeCursor(std::shared_ptr<const FileRunReader> run, Walk walk, std::string_view to)
        : run_(std::move(run)), walk_(walk), to_(to) {}

    Result<bool> next(std::string_view& key, std::string_view& value) override {
        if (row_ == rows_) {
            if (!TRY(next_block())) return false;
        }
        key = block_->key(row_);
        value = block_->value(row_);
        ++row_;
        return true;
    }

  private:
    Result<bool> next_block() {
        if (block_ != nullptr) walk_.set_row(rows_);
        if (is_last_ || !TRY(walk_.settle())) return false;
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

Result<std::optional<std::string_view>> FileRunReader::find(std::string_view key) const {
    const std::optional<std::string_view> nothing;
    const Section* groups = section(0);
    if (groups == nullptr) return nothing;
    const auto slot = std::ranges::lower_bound(
        *groups, key, {},
        [](const auto& each) -> const std::string& { return each->part().last_key; });
    if (slot == groups->end() || key < (*slot)->part().first_key) return nothing;
    const PartReader* part = TRY((*slot)->open(files_));
    const Block* block = TRY(part->block(part->block_of(key)));
    const size_t row = block->lower_bound(key);
    if (row == block->rows || block->key(row) != key) return nothing;
    return std::optional(block->value(row));
}

Result<void> FileRunReader::find_set(
    int set, std::string_view key, const std::function<void(std::string_view value)>& visit) const {
    Walk walk(files_, section(static_cast<uint32_t>(set) + 1));
    TRY(walk.seek(key));
    while (TRY(walk.settle())) {
        const Block& block = walk.block();
        for (size_t row = walk.row(); row < block.rows; ++row) {
            if (block.key(row) != key) return {};
            visit(block.value(row));
        }
        walk.set_row(block.rows);
    }
    return {};
}

Result<std::unique_ptr<RunCursor>> FileRunReader::scan(uint32_t section_number,
                                                       std::string_view from,
                                                       std::string_view to) const {
    Walk walk(files_, section(section_number));
    if (!from.empty()) TRY(walk.seek(from));
    return std::make_unique<RangeCursor>(shared_from_this(), walk, to);
}

/// Parts of a section must follow one another; a key of a set may go on in the next part.
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

Result<std::shared_ptr<const RunReader>> RunReader::open(FileSystem& files, manifest::Run run) {
    TRY(check_parts(run));
    return std::make_shared<const FileRunReader>(files, std::move(run));
}

}  // namespace braid::runs
