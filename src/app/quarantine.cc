// SPDX-License-Identifier: Apache-2.0
#include "app/quarantine.h"

#include "read/merge/stream_scan.h"

namespace braid::app {

Result<std::vector<Batch>> Quarantine::rows(const read::ReadOptions& options) {
    std::vector<Batch> all;
    const manifest::StatePtr state = node_.state();
    read::ReadOptions live = options;
    live.mode = runs::ReadMode::kLive;
    live.snapshot = nullptr;
    for (const auto& [id, table] : state->catalog.tables) {
        const auto snapshot = TRY(read::PinnedSnapshot::take(node_.read_parts(), {id}, live));
        const auto declared = static_cast<int>(table.columns.fields.size());
        // _partition, _offset, _ingested_at, _error, _raw
        const std::vector<int> columns = {declared, declared + 1, declared + 2, declared + 4,
                                          declared + 3};
        auto rows = TRY(read::open_stream_scan(node_.read_parts(), *snapshot, table, columns,
                                               read::StreamRows::kBad));
        Batch batch;
        while (TRY(rows->next(batch))) {
            batch.columns.insert(batch.columns.begin(),
                                 Column::constant(Datum::text(table.name), batch.length));
            all.push_back(std::move(batch));
            batch = {};
        }
    }
    return all;
}

}  // namespace braid::app
