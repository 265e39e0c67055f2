// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <iterator>
#include <map>
#include <optional>

#include "base/check.h"
#include "runs/part_writer_internal.h"
#include "runs/run_file.h"

namespace braid::runs {

namespace {

/// The parts of one section, one after the other.
class SectionWriter {
  public:
    SectionWriter(RunFile& file, uint32_t section, uint64_t bytes_max)
        : file_(file), section_(section), bytes_max_(bytes_max) {}

    Result<void> add(const operators::StateRow& row) {
        check_order(row);
        if (writer_ && writer_->bytes_with(row) > bytes_max_) TRY(finish());
        if (!writer_) {
            // An encoded state is never empty, so the first row speaks for all.
            const bool has_subkey = section_ > 0 && section_ != kFailedSection;
            if (parts_.empty()) columns_ = {has_subkey, !has_subkey || !row.state.empty()};
            writer_.emplace(section_, columns_);
        }
        return writer_->add(row);
    }

    Result<void> finish() {
        if (!writer_) return {};
        parts_.push_back(TRY(writer_->finish(file_)));
        writer_.reset();
        return {};
    }

    std::vector<manifest::Part> take_parts() { return std::move(parts_); }

  private:
    /// (key, subkey) is once.
    void check_order(const operators::StateRow& row) {
        const bool is_first = !writer_ && parts_.empty();
        CHECK(is_first || last_key_ < row.key ||
              (last_key_ == row.key && last_subkey_ < row.subkey));
        last_key_.assign(row.key);
        last_subkey_.assign(row.subkey);
    }

    RunFile& file_;
    const uint32_t section_;
    const uint64_t bytes_max_;
    std::optional<PartWriter> writer_;
    std::vector<manifest::Part> parts_;
    std::string last_key_;
    std::string last_subkey_;
    PartColumns columns_;
};

class FileRunWriter final : public RunWriter {
  public:
    FileRunWriter(RunFile& file, RunWriterOptions options) : file_(file), options_(options) {}

    Result<void> add(uint32_t section, const operators::StateRow& row) override {
        std::unique_ptr<SectionWriter>& writer = sections_[section];
        if (!writer) {
            writer = std::make_unique<SectionWriter>(file_, section, options_.part_bytes_max);
        }
        return writer->add(row);
    }

    Result<manifest::Run> finish() override {
        manifest::Run run;
        for (auto& [number, section] : sections_) {
            TRY(section->finish());
            for (manifest::Part& part : section->take_parts()) {
                if (part.section == 0) run.rows += part.rows;
                run.digest.add(part.digest);
                run.parts.push_back(std::move(part));
            }
        }
        return run;
    }

  private:
    RunFile& file_;
    const RunWriterOptions options_;
    std::map<uint32_t, std::unique_ptr<SectionWriter>> sections_;
};

}  // namespace

std::string run_path(TableId table, RunId run) {
    return fmt::format("runs/{}/{}.run", table.value, run.value);
}

Result<uint64_t> RunFile::append(std::string_view part) {
    const ScopedLock lock(mutex_);
    if (!file_) file_ = TRY(store_.begin_put(path_));
    const uint64_t at = file_->size();
    TRY(file_->append(as_bytes(part)));
    return at;
}

Result<void> RunFile::put() {
    const ScopedLock lock(mutex_);
    if (!file_) return {};
    const PutOutcome outcome = TRY(file_->put());
    if (outcome == PutOutcome::kExists) return must_be_done(outcome, path_);
    file_.reset();
    // Whoever hears of an error goes on under another name.
    if (outcome == PutOutcome::kUnknown) static_cast<void>(store_.remove(path_));
    return must_be_done(outcome, path_);
}

UnnamedFile& UnnamedFile::operator=(UnnamedFile&& other) noexcept {
    if (this == &other) return *this;
    remove();
    store_ = std::exchange(other.store_, nullptr);
    path_ = std::move(other.path_);
    return *this;
}

void UnnamedFile::keep_if(const Result<manifest::StatePtr>& committed) {
    if (committed || manifest::may_be_made(committed.error())) store_ = nullptr;
}

void UnnamedFile::remove() {
    // What cannot be removed now is removed at the next start.
    if (store_ != nullptr) static_cast<void>(store_->remove(path_));
    store_ = nullptr;
}

std::unique_ptr<RunWriter> RunWriter::create(RunFile& file, RunWriterOptions options) {
    return std::make_unique<FileRunWriter>(file, options);
}

manifest::Run join(std::vector<manifest::Run> ranges) {
    manifest::Run whole;
    for (manifest::Run& range : ranges) {
        whole.rows += range.rows;
        whole.digest.add(range.digest);
        std::ranges::move(range.parts, std::back_inserter(whole.parts));
    }
    std::ranges::stable_sort(whole.parts, {}, &manifest::Part::section);
    return whole;
}

Result<manifest::Run> write_tables(RunFile& file,
                                   std::span<const operators::GroupTable* const> tables,
                                   const operators::FailedEvents& failed,
                                   RunWriterOptions options) {
    const std::unique_ptr<RunWriter> writer = RunWriter::create(file, options);
    TRY(operators::GroupTable::visit_rows_of_all(
        tables, [&](uint32_t section, const operators::StateRow& row) {
            return writer->add(section, row);
        }));
    TRY(write_failed_events(failed, *writer));
    return writer->finish();
}

Result<void> write_failed_events(const operators::FailedEvents& failed, RunWriter& writer) {
    for (const auto& [event, reason] : failed.kept()) {
        const std::string place = operators::encode_event(event);
        TRY(writer.add(kFailedSection, {.key = place, .subkey = {}, .state = reason}));
    }
    return {};
}

}  // namespace braid::runs
