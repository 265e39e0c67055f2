// SPDX-License-Identifier: Apache-2.0
#include "batch/run_merge.h"

#include <utility>

#include "base/thread.h"
#include "runs/merged_rows.h"

namespace braid::batch {

namespace {

using operators::StateRow;

Result<std::vector<operators::RowCursorPtr>> scan_all(const RunReaders& runs, uint32_t section,
                                                      const runs::KeyRange& range) {
    std::vector<operators::RowCursorPtr> cursors;
    for (const auto& run : runs) {
        cursors.push_back(TRY(run->scan(section, range.from, range.to)));
    }
    return cursors;
}

}  // namespace

operators::RowVisitor asking(const GoOn& go_on, operators::RowVisitor visit) {
    if (!go_on) return visit;
    constexpr uint64_t kRowsBetween = 4096;
    return [&go_on, visit = std::move(visit), rows = uint64_t{0}](
               uint32_t section, const StateRow& row) mutable -> Result<void> {
        if (++rows % kRowsBetween == 0) TRY(go_on());
        return visit(section, row);
    };
}

size_t range_count_for(size_t threads) {
    constexpr size_t kRangesOfThread = 4;
    return threads == 1 ? 1 : threads * kRangesOfThread;
}

std::vector<runs::KeyRange> key_ranges(std::span<const manifest::Run> runs, size_t count) {
    std::vector<runs::WeighedKey> keys;
    for (const manifest::Run& run : runs) {
        for (const manifest::Part& part : run.parts) {
            if (part.section != runs::kFailedSection) keys.push_back({part.first_key, part.bytes});
        }
    }
    return runs::cut({}, std::move(keys), count);
}

Result<void> merge_runs(const RunReaders& runs, const std::vector<plan::Aggregate>& aggregates,
                        const runs::KeyRange& range, const operators::RowVisitor& into,
                        const operators::KeyFloor* floor) {
    StateRow row;
    for (uint32_t section = 0; section <= plan::subkey_sections(aggregates); ++section) {
        const auto rows =
            runs::merged_rows(TRY(scan_all(runs, section, range)), aggregates, section);
        while (TRY(rows->next(row))) {
            if (floor != nullptr && floor->has_expired(row.key)) continue;
            TRY(into(section, row));
        }
    }
    if (!range.from.empty()) return {};
    const auto failed = runs::ordered_rows(TRY(scan_all(runs, runs::kFailedSection, {})));
    for (size_t count = 0; count < operators::FailedEvents::kKeptMax; ++count) {
        if (!TRY(failed->next(row))) break;
        TRY(into(runs::kFailedSection, row));
    }
    return {};
}

Result<manifest::Run> merge_range(const RunReaders& runs,
                                  const std::vector<plan::Aggregate>& aggregates,
                                  const runs::KeyRange& range, runs::RunFile& file,
                                  runs::RunWriterOptions options, const GoOn& go_on,
                                  const operators::KeyFloor* floor) {
    const auto writer = runs::RunWriter::create(file, options);
    const auto add = [&](uint32_t section, const StateRow& row) {
        return writer->add(section, row);
    };
    TRY(merge_runs(runs, aggregates, range, asking(go_on, add), floor));
    return writer->finish();
}

Result<Digest> digest_of_merge(const RunReaders& runs,
                               const std::vector<plan::Aggregate>& aggregates,
                               std::span<const runs::KeyRange> ranges, size_t threads,
                               const GoOn& go_on, const operators::KeyFloor* floor) {
    std::vector<Digest> digests(ranges.size());
    TRY(for_each_on_threads(threads, "audit", ranges.size(), [&](size_t number) {
        const auto add = [&](uint32_t section, const StateRow& row) -> Result<void> {
            digests[number].add_row(section, row.key, row.subkey, row.state);
            return {};
        };
        return merge_runs(runs, aggregates, ranges[number], asking(go_on, add), floor);
    }));
    Digest digest;
    for (const Digest& each : digests) digest.add(each);
    return digest;
}

}  // namespace braid::batch
