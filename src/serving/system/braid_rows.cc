// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string>

#include "catalog/retention.h"
#include "serving/system/relation_rows.h"
#include "serving/system/system_relation.h"
#include "serving/system/system_view.h"

namespace braid::serving {

namespace {

const std::string* table_name(const catalog::Catalog& catalog, TableId id) {
    const auto place = catalog.tables.find(id);
    return place == catalog.tables.end() ? nullptr : &place->second.name;
}

void add_streams(const SystemView& view, RelationRows& rows) {
    for (const auto& [id, table] : view.state.catalog.tables) {
        rows.add();
        rows.set("name", table.name);
        rows.set("connector", table.connector);
        rows.set("format", table.format);
        rows.set("partitions", table.partition_count);
        rows.set("log", table.log.hex);
        rows.set_time("created_at", table.created_at_us);
        if (const auto log = view.control.log_of(id)) {
            rows.set("durable_end", (*log)->durable_end().to_string());
        }
        const auto failure = view.control.failure_of(id);
        rows.set("state", failure ? "failed" : "open");
        if (failure) rows.set("error", failure->message());
        const manifest::TableState* state = view.state.table(id);
        if (state == nullptr) continue;
        rows.set("origin", state->origin.to_string());
        rows.set("archive_end", state->archive_end.to_string());
        rows.set("sealed_frontier", state->sealed_frontier.to_string());
        if (state->clock_us) rows.set_time("clock", *state->clock_us);
        if (const int64_t retention_us = catalog::retention_of(table)) {
            rows.set("retention", catalog::retention_text(retention_us));
            const auto since_us = view.state.kept_since_us(table);
            if (since_us) rows.set_time("horizon", *since_us);
        }
        rows.set("start", state->start.to_string());
        rows.set("removed_rows", state->removed_rows);
        if (!state->cuts.empty()) {
            rows.set("cut", state->cuts.back().cut.to_string());
            rows.set("cut_number", state->cuts.back().number);
        }
        uint64_t segment_rows = 0;
        uint64_t bad_rows = 0;
        uint64_t bytes = 0;
        uint64_t segments = 0;
        for (const manifest::Segment& segment : state->segments) {
            ++segments;
            segment_rows += segment.rows;
            bad_rows += segment.bad_rows;
            bytes += segment.bytes;
        }
        rows.set("segments", segments);
        rows.set("segment_rows", segment_rows);
        rows.set("segment_bad_rows", bad_rows);
        rows.set("segment_bytes", bytes);
    }
}

void add_sources(const SystemView& view, RelationRows& rows) {
    for (const auto& [id, table] : view.state.catalog.tables) {
        for (const SourceRow& source : view.control.sources_of(id)) {
            rows.add();
            rows.set("stream", table.name);
            rows.set("source", source.source);
            rows.set("state", source.state);
            if (source.position) rows.set("position", *source.position);
            if (source.size) rows.set("size", *source.size);
            if (source.position && source.size) {
                rows.set("lag", std::max(*source.size, *source.position) - *source.position);
            }
            if (!source.last_error.empty()) rows.set("last_error", source.last_error);
        }
    }
}

void add_tasks(const SystemView& view, RelationRows& rows) {
    for (const TaskReport& task : view.control.tasks()) {
        rows.add();
        rows.set("number", task.number);
        rows.set("kind", task.kind);
        if (const std::string* stream = table_name(view.state.catalog, task.table)) {
            rows.set("stream", *stream);
        }
        rows.set("unit", task.unit);
        rows.set("done", task.done);
        if (task.all > 0) rows.set("total", task.all);
        rows.set_time("began_at", task.began_at_us);
    }
}

uint64_t bytes_of(const manifest::Run& run) {
    uint64_t bytes = 0;
    for (const manifest::Part& part : run.parts) bytes += part.bytes;
    return bytes;
}

void set_retention(const manifest::State& state, const catalog::MaterializedView& view,
                   RelationRows& rows) {
    rows.set("retention", catalog::retention_text(view.retention_us));
    if (const auto since_us = state.kept_since_us(view)) rows.set_time("horizon", *since_us);
}

void add_views(const SystemView& view, RelationRows& rows) {
    for (const auto& [id, each] : view.state.catalog.views) {
        rows.add();
        rows.set("name", each.name);
        rows.set("kind", "materialized");
        if (const std::string* stream = table_name(view.state.catalog, each.table)) {
            rows.set("stream", *stream);
        }
        rows.set("version", each.current.value);
        rows.set_time("created_at", each.created_at_us);
        uint64_t runs = 0;
        uint64_t run_rows = 0;
        uint64_t bytes = 0;
        FoldAccount account;
        for (const manifest::Run& run : view.state.runs_of(each.current)) {
            ++runs;
            account.add(run.account());
            run_rows += run.rows;
            bytes += bytes_of(run);
        }
        rows.set("runs", runs);
        rows.set("rows", run_rows);
        rows.set("bytes", bytes);
        rows.set("counted", account.counted);
        rows.set("filtered", account.filtered);
        rows.set("quarantined", account.quarantined);
        rows.set("failed", account.failed);
        rows.set("expired", account.expired);
        rows.set("erased", account.erased);
        if (each.keys_max != 0) rows.set("keys_max", each.keys_max);
        if (each.retention_us != 0) set_retention(view.state, each, rows);
        const catalog::ViewVersion* version = each.find(each.current);
        if (version == nullptr) continue;
        rows.set("definition", version->definition);
        rows.set("time_zone", version->time_zone);
        rows.set("is_populated", version->is_populated);
        rows.set("complete_since", view.state.begin_of(version->id).to_string());
    }
    for (const auto& [id, each] : view.state.catalog.plain_views) {
        rows.add();
        rows.set("name", each.name);
        rows.set("kind", "plain");
        rows.set("definition", each.definition);
        rows.set("is_populated", true);
        rows.set_time("created_at", each.created_at_us);
    }
}

void add_runs(const SystemView& view, RelationRows& rows) {
    for (const auto& [version, runs] : view.state.runs) {
        const catalog::MaterializedView* of = view.state.catalog.view_of_version(version);
        for (const manifest::Run& run : runs) {
            rows.add();
            rows.set("run", run.id.value);
            if (of != nullptr) rows.set("view", of->name);
            rows.set("version", version.value);
            rows.set("kind", run.kind == manifest::RunKind::kBatch ? "batch" : "sealed");
            rows.set("box", run.box.to_string());
            rows.set("rows", run.rows);
            rows.set("bytes", bytes_of(run));
            rows.set("parts", static_cast<uint64_t>(run.parts.size()));
            rows.set("digest", run.digest.to_hex());
            rows.set("counted", run.counted);
            rows.set("filtered", run.filtered);
            rows.set("quarantined", run.quarantined);
            rows.set("failed", run.failed);
            rows.set("level", static_cast<uint64_t>(run.level));
            rows.set("increments", static_cast<uint64_t>(run.increments));
            rows.set("expired", run.expired);
            rows.set("erased", run.erased);
        }
    }
}

void add_audits(const SystemView& view, RelationRows& rows) {
    for (const manifest::Audit& audit : view.state.audits) {
        rows.add();
        rows.set("number", audit.number);
        if (const std::string* stream = table_name(view.state.catalog, audit.table)) {
            rows.set("stream", *stream);
        }
        if (const auto* of = view.state.catalog.view_of_version(audit.version)) {
            rows.set("view", of->name);
        }
        rows.set("version", audit.version.value);
        rows.set("cut", audit.cut.to_string());
        rows.set("matched", audit.verdict == manifest::Verdict::kMatched);
        rows.set("batch_digest", audit.batch.to_hex());
        rows.set("speed_digest", audit.speed.to_hex());
        rows.set("difference", audit.difference);
        rows.set_time("audited_at", audit.at_us);
        rows.set("verdict", std::string(manifest::to_text(audit.verdict)));
    }
}

void add_erasures(const SystemView& view, RelationRows& rows) {
    for (const auto& [id, table] : view.state.tables) {
        for (const manifest::Erasure& each : table.erasures) {
            rows.add();
            if (const std::string* stream = table_name(view.state.catalog, id)) {
                rows.set("stream", *stream);
            }
            rows.set("number", each.id);
            rows.set("predicate_hash", each.predicate_hash);
            rows.set("ends", each.ends.to_string());
            rows.set("events", each.rows);
            rows.set_time("erased_at", each.at_us);
            if (each.published_at_us != 0) rows.set_time("published_at", each.published_at_us);
            if (each.done_at_us != 0) rows.set_time("done_at", each.done_at_us);
        }
    }
}

void add_receipts(const SystemView& view, RelationRows& rows) {
    for (const ReceiptLog::Entry& entry : view.receipts.entries()) {
        rows.add();
        rows.set("number", entry.number);
        rows.set_time("finished_at", entry.finished_at_us);
        rows.set("statement", entry.statement);
        rows.set("receipt", to_json(make_receipt(*entry.receipt)));
    }
}

constexpr RelationSource kSources[] = {
    {"braid", "audits", add_audits},     {"braid", "erasures", add_erasures},
    {"braid", "receipts", add_receipts}, {"braid", "runs", add_runs},
    {"braid", "sources", add_sources},   {"braid", "streams", add_streams},
    {"braid", "tasks", add_tasks},       {"braid", "views", add_views},
};

}  // namespace

std::span<const RelationSource> braid_sources() { return kSources; }

}  // namespace braid::serving
