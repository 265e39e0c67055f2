// SPDX-License-Identifier: Apache-2.0
#include "read/merge/view_pieces.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "base/error_makers.h"
#include "runs/run_file.h"

namespace braid::read {

namespace {

using operators::GroupTable;

/// Pieces are never quite equal, and a thread may be late: the more there are, the less the others
/// wait for the last.
constexpr size_t kPiecesOfThread = 4;

/// Reading a section of a run from its middle on loads a block, about half of which is another
/// piece's: with so many of them a piece must have twice the rows, so that this remains a few parts
/// in a hundred.
constexpr uint64_t kSeeksOfPiece = 32;

/// So many groups of each table of a tick are looked at.
constexpr size_t kSamplesOfTable = 256;

/// Keys of all sources, each with the rows from it on to the next of the same source.
class Samples {
  public:
    void add(std::string_view key, uint64_t rows) {
        keys_.push_back({std::string(key), rows});
        rows_ += rows;
    }
    uint64_t rows() const { return rows_; }
    std::vector<runs::KeyRange> cut(const KeyRange& range, size_t count) {
        return runs::cut(range, std::move(keys_), count);
    }

  private:
    std::vector<runs::WeighedKey> keys_;
    uint64_t rows_ = 0;
};

void sample_table(const GroupTable& table, const KeyRange& range, uint32_t sections,
                  Samples& samples) {
    // Odd: keys that come in turn do not hide from it.
    const auto step = static_cast<GroupTable::Group>(table.size() / kSamplesOfTable) | 1U;
    for (GroupTable::Group group = 0; group < table.size(); group += step) {
        const std::string_view key = table.key_of(group);
        if (!range.contains(key)) continue;
        uint64_t rows = 1;
        for (uint32_t section = 1; section <= sections; ++section) {
            rows += table.subkey_count(section, group);
        }
        samples.add(key, rows * step);
    }
}

Result<void> sample_run(const runs::RunReader& run, const KeyRange& range, uint32_t sections,
                        Samples& samples) {
    for (uint32_t section = 0; section <= sections; ++section) {
        TRY(run.visit_blocks(section, range.from, range.to,
                             [&](std::string_view key, uint64_t rows) { samples.add(key, rows); }));
    }
    return {};
}

/// In all sections, wherever they lie.
uint64_t rows_of_runs(const runs::Tiling& tiling) {
    uint64_t rows = 0;
    for (const auto& run : tiling.runs()) {
        for (const manifest::Part& part : run->run().parts) rows += part.rows;
    }
    return rows;
}

/// About what a table takes of memory that all but the largest run of a tiling is merged into.
uint64_t merged_bytes(const runs::Tiling& tiling) {
    constexpr uint64_t kRowBytes = 64;     // beside its key and states
    constexpr uint64_t kUncompressed = 2;  // about; what is in a run is compressed
    uint64_t bytes = 0;
    uint64_t largest = 0;
    for (const auto& run : tiling.runs()) {
        uint64_t of_run = 0;
        for (const manifest::Part& part : run->run().parts) {
            of_run += part.rows * kRowBytes + part.bytes * kUncompressed;
        }
        bytes += of_run;
        largest = std::max(largest, of_run);
    }
    bytes -= largest;
    for (const runs::TickPtr& tick : tiling.ticks) {
        for (const auto& table : tick->tables_of(tiling.version())) bytes += table->bytes_used();
    }
    return bytes;
}

/// A piece for each range. One pass over the ticks, however many there are.
Result<std::vector<ViewPiece>> pieces_of(const runs::Tiling& tiling,
                                         const std::vector<runs::KeyRange>& ranges) {
    std::vector<ViewPiece> pieces;
    for (const runs::KeyRange& range : ranges) pieces.push_back({{range}, {}});
    TRY(visit_tick_tables(tiling, [&](size_t, const GroupTable& table) -> Result<void> {
        auto groups = runs::groups_by_range(table, ranges);
        for (size_t number = 0; number < pieces.size(); ++number) {
            pieces[number].groups.push_back(std::move(groups[number]));
        }
        return {};
    }));
    return pieces;
}

}  // namespace

Result<void> visit_tick_tables(
    const runs::Tiling& tiling,
    const std::function<Result<void>(size_t number, const GroupTable& table)>& visit) {
    size_t number = 0;
    for (const runs::TickPtr& tick : tiling.ticks) {
        const auto tables = tick->tables_of(tiling.version());
        if (tables.empty()) {
            return internal_error("a tick lacks view version {}", tiling.version().value);
        }
        for (const auto& table : tables) TRY(visit(number++, *table));
    }
    return {};
}

Result<std::vector<ViewPiece>> cut_view(const runs::Tiling& tiling, const KeyRange& range,
                                        uint32_t sections, const PieceLimits& limits) {
    std::vector<ViewPiece> whole = {{range, {}}};
    if (range.is_point || range.is_empty) return whole;
    const uint64_t by_memory = merged_bytes(tiling) / limits.merged_bytes_max + 1;
    if (limits.threads < 2 && by_memory < 2) return whole;
    Samples samples;
    uint64_t rows_of_ticks = 0;
    TRY(visit_tick_tables(tiling, [&](size_t, const GroupTable& table) -> Result<void> {
        rows_of_ticks += table.size();
        sample_table(table, range, sections, samples);
        return {};
    }));
    const uint64_t seeks = tiling.runs().size() * (1 + uint64_t{sections});
    const uint64_t rows_min = limits.rows_min + limits.rows_min * seeks / kSeeksOfPiece;
    const uint64_t rows_of_all = rows_of_ticks + rows_of_runs(tiling);
    if (by_memory < 2 && samples.rows() + rows_of_runs(tiling) < 2 * rows_min) return whole;
    for (const auto& run : tiling.runs()) TRY(sample_run(*run, range, sections, samples));
    const uint64_t by_threads =
        limits.threads < 2
            ? 0
            : std::min<uint64_t>(limits.threads * kPiecesOfThread, samples.rows() / rows_min);
    // As much less as lies in the range.
    const double part = static_cast<double>(samples.rows()) / static_cast<double>(rows_of_all);
    const auto for_memory = static_cast<uint64_t>(static_cast<double>(by_memory) * part);
    const uint64_t count = std::max(by_threads, for_memory);
    if (count < 2) return whole;
    const std::vector<runs::KeyRange> ranges = samples.cut(range, count);
    if (ranges.size() < 2) return whole;
    return pieces_of(tiling, ranges);
}

}  // namespace braid::read
