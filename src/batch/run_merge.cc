// SPDX-License-Identifier: Apache-2.0
#include "batch/run_merge.h"

#include <queue>
#include <string>
#include <utility>

#include "base/thread.h"
#include "operators/aggregate/state_merge.h"

namespace braid::batch {

namespace {

using operators::StateRow;

/// One run's place in a section.
struct Head {
    std::unique_ptr<runs::RunCursor> cursor;
    StateRow row;  // valid until the cursor moves
    size_t index = 0;

    Result<bool> advance() { return cursor->next(row); }
};

struct LaterHead {
    bool operator()(const Head* left, const Head* right) const {
        if (const int order = left->row.key.compare(right->row.key); order != 0) return order > 0;
        if (const int order = left->row.subkey.compare(right->row.subkey); order != 0)
            return order > 0;
        return left->index > right->index;
    }
};

/// Calls `visit` with every row of a section of all runs, by key and subkey.
Result<void> visit_in_order(const RunReaders& runs, uint32_t section, const runs::KeyRange& range,
                            const std::function<Result<void>(const StateRow&)>& visit) {
    std::vector<Head> heads(runs.size());
    std::priority_queue<Head*, std::vector<Head*>, LaterHead> queue;
    for (size_t index = 0; index < runs.size(); ++index) {
        heads[index].index = index;
        heads[index].cursor = TRY(runs[index]->scan(section, range.from, range.to));
        if (TRY(heads[index].advance())) queue.push(&heads[index]);
    }
    while (!queue.empty()) {
        Head* head = queue.top();
        queue.pop();
        TRY(visit(head->row));
        if (TRY(head->advance())) queue.push(head);
    }
    return {};
}

/// Equal rows that follow one another become one.
class SectionMerge {
  public:
    SectionMerge(const std::vector<plan::Aggregate>& aggregates, uint32_t section,
                 const operators::RowVisitor& into)
        : states_(aggregates, section), section_(section), into_(into) {}

    Result<void> add(const StateRow& row) {
        if (is_open_ && row.key == key_ && row.subkey == subkey_) return states_.add(row.state);
        TRY(finish());
        key_.assign(row.key);
        subkey_.assign(row.subkey);
        states_.start(row.state);
        is_open_ = true;
        return {};
    }
    Result<void> finish() {
        if (!is_open_) return {};
        is_open_ = false;
        return into_(section_, {.key = key_, .subkey = subkey_, .state = states_.sum()});
    }

  private:
    operators::StateMerge states_;
    const uint32_t section_;
    const operators::RowVisitor& into_;
    std::string key_;
    std::string subkey_;
    bool is_open_ = false;
};

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
    for (uint32_t section = 0; section <= plan::subkey_sections(aggregates); ++section) {
        SectionMerge merge(aggregates, section, into);
        TRY(visit_in_order(runs, section, range, [&](const StateRow& row) -> Result<void> {
            if (floor != nullptr && floor->has_expired(row.key)) return {};
            return merge.add(row);
        }));
        TRY(merge.finish());
    }
    if (!range.from.empty()) return {};
    size_t failed = 0;
    return visit_in_order(runs, runs::kFailedSection, {}, [&](const StateRow& row) -> Result<void> {
        if (++failed > operators::FailedEvents::kKeptMax) return {};
        return into(runs::kFailedSection, row);
    });
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
