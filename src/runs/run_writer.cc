// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

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

    Result<void> add(std::string_view key, std::string_view value) {
        check_order(key, value);
        if (writer_ && writer_->bytes_with(key, value) > bytes_max_) TRY(finish());
        if (!writer_) {
            // An idle run has no file: most seals of a quiet view are empty.
            const auto number = static_cast<uint32_t>(parts_.size());
            writer_ = TRY(PartWriter::create(store_, directory_, section_, number));
        }
        return writer_->add(key, value);
    }

    Result<void> finish() {
        if (!writer_) return {};
        parts_.push_back(TRY(writer_->finish()));
        writer_.reset();
        return {};
    }

    std::vector<manifest::Part> take_parts() { return std::move(parts_); }

  private:
    /// A key is once among the groups; in a set each pair is once.
    void check_order(std::string_view key, std::string_view value) {
        const bool is_first = !writer_ && parts_.empty();
        const bool same_key = section_ > 0 && last_key_ == key;
        CHECK(is_first || last_key_ < key || (same_key && last_value_ < value));
        last_key_.assign(key);
        if (section_ > 0) last_value_.assign(value);
    }

    Store& store_;
    const std::string& directory_;
    const uint32_t section_;
    const uint64_t bytes_max_;
    std::unique_ptr<PartWriter> writer_;
    std::vector<manifest::Part> parts_;
    std::string last_key_;
    std::string last_value_;
};

class FileRunWriter final : public RunWriter {
  public:
    FileRunWriter(Store& store, std::string directory, RunWriterOptions options)
        : store_(store), directory_(std::move(directory)), options_(options) {}

    Result<void> add_row(std::string_view key, std::string_view state) override {
        return section(0).add(key, state);
    }

    Result<void> add_set_value(int set, std::string_view key, std::string_view value) override {
        return section(static_cast<uint32_t>(set) + 1).add(key, value);
    }

    Result<void> add_failed_event(std::string_view event, std::string_view reason) override {
        if (!failed_) {
            failed_ = std::make_unique<SectionWriter>(store_, directory_, kFailedSection,
                                                      options_.part_bytes_max);
        }
        return failed_->add(event, reason);
    }

    Result<manifest::Run> finish() override {
        manifest::Run run;
        if (failed_) sections_.push_back(std::move(failed_));
        for (auto& section : sections_) {
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
    SectionWriter& section(uint32_t number) {
        while (sections_.size() <= number) {
            sections_.push_back(std::make_unique<SectionWriter>(
                store_, directory_, static_cast<uint32_t>(sections_.size()),
                options_.part_bytes_max));
        }
        return *sections_[number];
    }

    Store& store_;
    const std::string directory_;
    const RunWriterOptions options_;
    std::vector<std::unique_ptr<SectionWriter>> sections_;  // of groups and sets
    std::unique_ptr<SectionWriter> failed_;
};

/// The sets of a table, one after the other, each by group and value.
Result<void> write_sets(const operators::GroupTable& table,
                        const std::vector<operators::GroupTable::Group>& groups,
                        RunWriter& writer) {
    const auto set_count = std::ranges::count(
        table.aggregates(), plan::AggregateKind::kCountDistinct, &plan::Aggregate::kind);
    std::vector<std::string> values;
    for (int set = 0; set < static_cast<int>(set_count); ++set) {
        for (const operators::GroupTable::Group group : groups) {
            values.clear();
            table.for_each_set_value(set, group,
                                     [&](std::string_view value) { values.emplace_back(value); });
            std::ranges::sort(values);
            const std::string_view key = table.key_of(group);
            for (const std::string& value : values) TRY(writer.add_set_value(set, key, value));
        }
    }
    return {};
}

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
    const std::unique_ptr<RunWriter> writer = TRY(RunWriter::create(store, directory, options));
    const std::vector<operators::GroupTable::Group> groups = table.sorted_groups();
    std::string state;
    for (const operators::GroupTable::Group group : groups) {
        state.clear();
        table.encode_state(group, state);
        TRY(writer->add_row(table.key_of(group), state));
    }
    TRY(write_sets(table, groups, *writer));
    TRY(write_failed_events(failed, *writer));
    return writer->finish();
}

Result<void> write_failed_events(const operators::FailedEvents& failed, RunWriter& writer) {
    for (const auto& [event, reason] : failed.kept()) {
        TRY(writer.add_failed_event(operators::encode_event(event), reason));
    }
    return {};
}

}  // namespace braid::runs
