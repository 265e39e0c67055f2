// SPDX-License-Identifier: Apache-2.0
#include "batch/audit.h"

#include <map>
#include <utility>

#include <fmt/format.h>

#include "columnar/key_codec.h"
#include "columnar/text_io.h"
#include "model/fold_account.h"

namespace braid::batch {

namespace {

constexpr size_t kRowsShownMax = 10;

/// Takes one value off the front of a key.
std::string describe_value(std::string_view& key, const Type& type) {
    ColumnBuilder builder(type, 1);
    if (!decode_key_value(key, type, builder)) return "?";
    const Column column = builder.finish();
    if (column.is_null(0)) return "NULL";
    std::string text;
    format_text(column, 0, utc_format(), text);
    return text;
}

/// A row as people know it: "module=a, count(DISTINCT ip) at 10.0.0.1".
Result<std::string> describe_row(uint32_t section, std::string_view key, std::string_view subkey,
                                 const plan::ViewPlan& view) {
    if (section == runs::kFailedSection) {
        const EventId event = TRY(operators::decode_event(key));
        return fmt::format("failed event {}:{}", event.partition.value, event.offset.value);
    }
    std::string text;
    for (size_t index = 0; index < view.keys.size(); ++index) {
        if (index != 0) text += ", ";
        text +=
            view.key_schema.fields[index].name + "=" + describe_value(key, view.keys[index]->type);
    }
    if (section == 0) return text;
    const plan::Aggregate& aggregate = plan::aggregate_of_section(view.aggregates, section);
    std::vector<std::string> names;
    for (const Field& field : view.input.fields) names.push_back(field.name);
    if (!text.empty()) text += ", ";
    return text + plan::to_sql(aggregate, names) + " at " +
           describe_value(subkey, aggregate.argument_type());
}

std::string describe(const FoldAccount& account) {
    return fmt::format("{} counted, {} filtered, {} quarantined ({} failed), {} expired",
                       account.counted, account.filtered, account.quarantined, account.failed,
                       account.expired);
}

/// Walks the two sides of a section at once and keeps the first rows that differ.
class Differences {
  public:
    Differences(uint32_t section, operators::RowCursorPtr batch)
        : section_(section), batch_(std::move(batch)) {}

    Result<void> start() { return advance(); }

    /// The next row of the other side.
    Result<void> add(const operators::StateRow& row) {
        while (has_batch_ && place_of(batch_row_) < place_of(row)) {
            note(batch_row_);
            TRY(advance());
        }
        if (has_batch_ && place_of(batch_row_) == place_of(row)) {
            if (batch_row_.state != row.state) note(row);
            return advance();
        }
        note(row);
        return {};
    }

    Result<void> finish() {
        while (has_batch_ && rows_.size() < kRowsShownMax) {
            note(batch_row_);
            TRY(advance());
        }
        return {};
    }

    Result<void> describe(const plan::ViewPlan& view, std::string& text) const {
        for (const auto& [key, subkey] : rows_) {
            if (!text.empty()) text += "; ";
            text += TRY(describe_row(section_, key, subkey, view));
        }
        return {};
    }

  private:
    using Place = std::pair<std::string_view, std::string_view>;
    static Place place_of(const operators::StateRow& row) { return {row.key, row.subkey}; }

    Result<void> advance() {
        has_batch_ = TRY(batch_->next(batch_row_));
        return {};
    }

    void note(const operators::StateRow& row) {
        if (rows_.size() < kRowsShownMax) rows_.emplace_back(row.key, row.subkey);
    }

    const uint32_t section_;
    operators::RowCursorPtr batch_;
    operators::StateRow batch_row_;  // valid until the cursor moves
    bool has_batch_ = false;
    std::vector<std::pair<std::string, std::string>> rows_;
};

Result<std::string> find_differences(Store& store, const manifest::Run& batch,
                                     const RunReaders& replaced, const plan::ViewPlan& view,
                                     const GoOn& go_on, const operators::KeyFloor* floor) {
    const auto reader = TRY(runs::RunReader::open(store, batch));
    std::map<uint32_t, Differences> sections;
    const auto open = [&](uint32_t section) -> Result<void> {
        Differences differences(section, TRY(reader->scan(section, {}, {})));
        TRY(differences.start());
        sections.emplace(section, std::move(differences));
        return {};
    };
    for (uint32_t section = 0; section <= plan::subkey_sections(view.aggregates); ++section) {
        TRY(open(section));
    }
    TRY(open(runs::kFailedSection));
    TRY(merge_runs(replaced, view.aggregates, {},
                   asking(go_on,
                          [&](uint32_t section, const operators::StateRow& row) {
                              return sections.at(section).add(row);
                          }),
                   floor));
    std::string text;
    for (auto& [section, differences] : sections) {
        TRY(differences.finish());
        TRY(differences.describe(view, text));
    }
    return text.empty() ? "digests differ but no row does" : text;
}

}  // namespace

Result<AuditOutcome> compare(Store& store, std::span<const manifest::Run> batch,
                             const RunReaders& replaced, const plan::ViewPlan& view, size_t threads,
                             const GoOn& go_on, const operators::KeyFloor* floor, bool is_thinned) {
    AuditOutcome outcome;
    // Where the new runs' parts begin is known: it divides the old ones as well.
    const std::vector<runs::KeyRange> ranges = key_ranges(batch, range_count_for(threads));
    outcome.digest = TRY(digest_of_merge(replaced, view.aggregates, ranges, threads, go_on, floor));
    outcome.batch = batch.front().digest;
    if (batch.size() > 1) {
        RunReaders computed;
        for (const manifest::Run& run : batch) {
            computed.push_back(TRY(runs::RunReader::open(store, run)));
        }
        outcome.batch = TRY(digest_of_merge(computed, view.aggregates, ranges, threads, go_on));
    }
    outcome.matched = outcome.digest == outcome.batch;
    if (!outcome.matched) {
        outcome.difference =
            batch.size() > 1
                ? "digests differ"
                : TRY(find_differences(store, batch.front(), replaced, view, go_on, floor));
        return outcome;
    }
    FoldAccount before;
    for (const auto& run : replaced) before.add(run->run().account());
    FoldAccount after;
    for (const manifest::Run& run : batch) after.add(run.account());
    if (is_thinned) {
        for (FoldAccount* each : {&before, &after}) {
            each->counted += std::exchange(each->expired, 0);
        }
    }
    outcome.matched = after == before;
    if (!outcome.matched) {
        outcome.difference = fmt::format("accounts differ: {} in batch, {} in what it replaces",
                                         describe(after), describe(before));
    }
    return outcome;
}

}  // namespace braid::batch
