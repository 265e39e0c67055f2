// SPDX-License-Identifier: Apache-2.0
#include <map>

#include "base/check.h"
#include "runs/part_writer_internal.h"
#include "runs/run_file.h"

namespace braid::runs {

namespace {

/// The files of one section, one after the other.
class SectionWriter {
  public:
    SectionWriter(Store& store, const std::string& directory, uint32_t section, uint64_t bytes_max)
        : store_(store), directory_(directory), section_(section), bytes_max_(bytes_max) {}

    Result<void> add(const operators::StateRow& row) {
        check_order(row);
        if (writer_ && writer_->bytes_with(row) > bytes_max_) TRY(finish());
        if (!writer_) {
            // An idle run has no file: most seals of a quiet view are empty.
            const auto number = static_cast<uint32_t>(parts_.size());
            // An encoded state is never empty, so the first row speaks for all.
            const bool has_subkey = section_ > 0 && section_ != kFailedSection;
            if (number == 0) columns_ = {has_subkey, !has_subkey || !row.state.empty()};
            writer_ = TRY(PartWriter::create(store_, directory_, section_, number, columns_));
        }
        return writer_->add(row);
    }

    Result<void> finish() {
        if (!writer_) return {};
        parts_.push_back(TRY(writer_->finish()));
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

    Store& store_;
    const std::string& directory_;
    const uint32_t section_;
    const uint64_t bytes_max_;
    std::unique_ptr<PartWriter> writer_;
    std::vector<manifest::Part> parts_;
    std::string last_key_;
    std::string last_subkey_;
    PartColumns columns_;
};

class FileRunWriter final : public RunWriter {
  public:
    FileRunWriter(Store& store, std::string directory, RunWriterOptions options)
        : store_(store), directory_(std::move(directory)), options_(options) {}

    Result<void> add(uint32_t section, const operators::StateRow& row) override {
        std::unique_ptr<SectionWriter>& writer = sections_[section];
        if (!writer) {
            writer = std::make_unique<SectionWriter>(store_, directory_, section,
                                                     options_.part_bytes_max);
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
    Store& store_;
    const std::string directory_;
    const RunWriterOptions options_;
    std::map<uint32_t, std::unique_ptr<SectionWriter>> sections_;
};

}  // namespace

std::string run_directory(ViewId view, VersionId version, RunId run) {
    return fmt::format("views/{}/{}/{}", view.value, version.value, run.value);
}

Result<std::unique_ptr<RunWriter>> RunWriter::create(Store& store, std::string directory,
                                                     RunWriterOptions options) {
    return std::make_unique<FileRunWriter>(store, std::move(directory), options);
}

Result<manifest::Run> write_table(Store& store, const std::string& directory,
                                  const operators::GroupTable& table,
                                  const operators::FailedEvents& failed, RunWriterOptions options) {
    const operators::GroupTable* tables[] = {&table};
    return write_tables(store, directory, tables, failed, options);
}

Result<manifest::Run> write_tables(Store& store, const std::string& directory,
                                   std::span<const operators::GroupTable* const> tables,
                                   const operators::FailedEvents& failed,
                                   RunWriterOptions options) {
    const std::unique_ptr<RunWriter> writer = TRY(RunWriter::create(store, directory, options));
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
