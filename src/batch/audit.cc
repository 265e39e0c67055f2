// SPDX-License-Identifier: Apache-2.0
#include "batch/audit.h"

#include <fmt/format.h>

#include "batch/run_merge.h"
#include "columnar/key_codec.h"
#include "columnar/text_io.h"
#include "model/fold_account.h"

namespace braid::batch {

namespace {

constexpr size_t kKeysShownMax = 10;

std::string describe_key(std::string_view key, const plan::ViewPlan& view) {
    std::string text;
    for (size_t index = 0; index < view.keys.size(); ++index) {
        ColumnBuilder builder(view.keys[index]->type, 1);
        if (!decode_key_value(key, view.keys[index]->type, builder)) return text + "?";
        const Column column = builder.finish();
        if (index != 0) text += ", ";
        text += view.key_schema.fields[index].name + "=";
        if (column.is_null(0)) {
            text += "NULL";
        } else {
            format_text(column, 0, utc_format(), text);
        }
    }
    return text;
}

std::string describe(const FoldAccount& account) {
    return fmt::format("{} counted, {} filtered, {} quarantined ({} failed)", account.counted,
                       account.filtered, account.quarantined, account.failed);
}

/// Walks both sides at once and keeps the first keys on which they differ.
class Differences {
  public:
    /// Main rows are told apart by their key, rows of a set by key and value.
    Differences(std::unique_ptr<runs::RunCursor> batch, bool is_set)
        : batch_(std::move(batch)), is_set_(is_set) {}

    Result<void> start() { return advance(); }

    Result<void> row(std::string_view key, std::string_view value) {
        while (has_batch_ && is_before(key, value)) {
            note(batch_key_);
            TRY(advance());
        }
        if (has_batch_ && batch_key_ == key && (!is_set_ || batch_value_ == value)) {
            if (batch_value_ != value) note(key);
            return advance();
        }
        note(key);
        return {};
    }

    Result<void> finish() {
        while (has_batch_ && keys_.size() < kKeysShownMax) {
            note(batch_key_);
            TRY(advance());
        }
        return {};
    }

    const std::vector<std::string>& keys() const { return keys_; }

  private:
    bool is_before(std::string_view key, std::string_view value) const {
        return batch_key_ < key || (is_set_ && batch_key_ == key && batch_value_ < value);
    }

    Result<void> advance() {
        std::string_view key;
        std::string_view value;
        has_batch_ = TRY(batch_->next(key, value));
        if (has_batch_) {
            batch_key_.assign(key);
            batch_value_.assign(value);
        }
        return {};
    }

    void note(std::string_view key) {
        if (keys_.size() >= kKeysShownMax) return;
        if (keys_.empty() || keys_.back() != key) keys_.emplace_back(key);
    }

    std::unique_ptr<runs::RunCursor> batch_;
    bool is_set_ = false;
    std::string batch_key_;
    std::string batch_value_;
    bool has_batch_ = false;
    std::vector<std::string> keys_;
};

Result<std::string> find_differences(
    Store& store, const manifest::Run& batch,
    const std::vector<std::shared_ptr<const runs::RunReader>>& replaced,
    const plan::ViewPlan& view) {
    const auto reader = TRY(runs::RunReader::open(store, batch));
    std::vector<Differences> sections;
    for (uint32_t section = 0; section <= static_cast<uint32_t>(view.set_count()); ++section) {
        sections.emplace_back(TRY(reader->scan(section, {}, {})), section > 0);
        TRY(sections.back().start());
    }
    sections.emplace_back(TRY(reader->scan(runs::kFailedSection, {}, {})), false);
    TRY(sections.back().start());
    MergedRows into;
    into.row = [&](std::string_view key, std::string_view state) {
        return sections[0].row(key, state);
    };
    into.set_value = [&](int set, std::string_view key, std::string_view value) {
        return sections[static_cast<size_t>(set) + 1].row(key, value);
    };
    into.failed_event = [&](std::string_view event, std::string_view reason) {
        return sections.back().row(event, reason);
    };
    TRY(merge_runs(replaced, view.aggregates, into));
    std::string text;
    for (size_t section = 0; section < sections.size(); ++section) {
        TRY(sections[section].finish());
        for (const std::string& key : sections[section].keys()) {
            if (!text.empty()) text += "; ";
            if (section + 1 == sections.size()) {
                const EventId event = TRY(operators::decode_event(key));
                text +=
                    fmt::format("failed event {}:{}", event.partition.value, event.offset.value);
                continue;
            }
            text += describe_key(key, view);
            if (section > 0) text += fmt::format(" (set of distinct values {})", section);
        }
    }
    return text.empty() ? "digests differ but no key does" : text;
}

Result<bool> remove_level(Store& store, const std::string& directory,
                          const std::set<std::string>& named) {
    bool is_empty = true;
    for (const std::string& name : TRY(store.list(directory))) {
        const std::string path = directory + "/" + name;
        const FileInfo info = TRY(store.info(path));
        if (info.is_directory) {
            if (TRY(remove_level(store, path, named))) {
                TRY(store.remove_directory(path));
            } else {
                is_empty = false;
            }
        } else if (named.contains(path)) {
            is_empty = false;
        } else {
            TRY(store.remove(path));
        }
    }
    return is_empty;
}

}  // namespace

Result<AuditOutcome> compare(Store& store, const manifest::Run& batch,
                             const std::vector<std::shared_ptr<const runs::RunReader>>& replaced,
                             const plan::ViewPlan& view) {
    AuditOutcome outcome;
    outcome.digest = TRY(digest_of_merge(replaced, view.aggregates));
    outcome.matched = outcome.digest == batch.digest;
    if (!outcome.matched) {
        outcome.difference = TRY(find_differences(store, batch, replaced, view));
        return outcome;
    }
    FoldAccount before;
    for (const auto& run : replaced) before.add(run->run().account());
    outcome.matched = batch.account() == before;
    if (!outcome.matched) {
        outcome.difference = fmt::format("accounts differ: {} in batch, {} in what it replaces",
                                         describe(batch.account()), describe(before));
    }
    return outcome;
}

Result<void> remove_unnamed(Store& store, const std::string& directory,
                            const std::set<std::string>& named) {
    TRY(remove_level(store, directory, named));
    return {};
}

}  // namespace braid::batch
