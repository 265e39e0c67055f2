// SPDX-License-Identifier: Apache-2.0
#include "app/quarantine.h"

#include <algorithm>
#include <iterator>

#include "read/merge/failed_scan.h"
#include "read/merge/stream_scan.h"

namespace braid::app {

namespace {

const Type kText = Type::of(TypeKind::kText);

/// Events of a stream that one view could not compute, as rows of braid.quarantine.
Batch rows_of(const operators::FailedEvents& failed, const std::string& stream,
              const std::string& view) {
    const size_t count = failed.kept().size();
    ColumnBuilder partitions(Type::of(TypeKind::kInt4), count);
    ColumnBuilder offsets(Type::of(TypeKind::kInt8), count);
    ColumnBuilder reasons(kText, count);
    for (const auto& [event, reason] : failed.kept()) {
        partitions.append_int4(static_cast<int32_t>(event.partition.value));
        offsets.append_int8(event.offset.value);
        reasons.append_text(reason);
    }
    Batch batch;
    batch.length = count;
    batch.columns = {Column::constant(Datum::text(stream), count),
                     partitions.finish(),
                     offsets.finish(),
                     Column::constant(Datum::null(Type::of(TypeKind::kTimestampTz)), count),
                     reasons.finish(),
                     Column::constant(Datum::null(kText), count),
                     Column::constant(Datum::text(view), count)};
    return batch;
}

/// A stream that cannot be read says so among what can.
Batch row_of(const Error& why, const std::string& stream) {
    constexpr size_t kOne = 1;
    const auto null_of = [](TypeKind kind) {
        return Column::constant(Datum::null(Type::of(kind)), kOne);
    };
    const std::string told = "the stream cannot be read: " + why.to_string();
    Batch batch;
    batch.length = kOne;
    batch.columns = {Column::constant(Datum::text(stream), kOne),
                     null_of(TypeKind::kInt4),
                     null_of(TypeKind::kInt8),
                     null_of(TypeKind::kTimestampTz),
                     Column::constant(Datum::text(told), kOne),
                     null_of(TypeKind::kText),
                     null_of(TypeKind::kText)};
    return batch;
}

}  // namespace

Result<std::vector<Batch>> Quarantine::rows(const read::ReadOptions& options) {
    std::vector<Batch> all;
    const manifest::StatePtr state = node_.state();
    for (const auto& [id, table] : state->catalog.tables) {
        auto of_stream = rows_of_stream(table, options);
        if (of_stream) {
            std::ranges::move(*of_stream, std::back_inserter(all));
            continue;
        }
        const Error& why = of_stream.error();
        const bool is_ill = why.code() == ErrorCode::kCorrupt || why.code() == ErrorCode::kIo ||
                            node_.failure_of(id).has_value();
        if (!is_ill) return why;
        all.push_back(row_of(why, table.name));
    }
    return all;
}

Result<std::vector<Batch>> Quarantine::rows_of_stream(const catalog::Table& table,
                                                      const read::ReadOptions& options) {
    std::vector<Batch> all;
    read::ReadOptions live = options;
    live.mode = runs::ReadMode::kLive;
    live.snapshot = nullptr;
    const auto snapshot = TRY(read::PinnedSnapshot::take(node_.read_parts(), {table.id}, live));
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
        batch.columns.push_back(Column::constant(Datum::null(kText), batch.length));
        all.push_back(std::move(batch));
        batch = {};
    }
    for (const catalog::MaterializedView* view : snapshot->state()->catalog.views_of(table.id)) {
        if (!view->find(view->current)->is_populated) continue;
        const auto tiling = TRY(snapshot->tiling_of(node_.read_parts(), view->current));
        const auto failed = TRY(read::gather_failed(tiling));
        if (!failed.kept().empty()) all.push_back(rows_of(failed, table.name, view->name));
    }
    return all;
}

}  // namespace braid::app
