// SPDX-License-Identifier: Apache-2.0
#include "read/statement.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/error_makers.h"
#include "read/merge/failed_scan.h"
#include "read/merge/key_range.h"
#include "read/merge/own_rows.h"
#include "read/merge/stream_scan.h"
#include "read/merge/view_aggregate.h"
#include "read/merge/view_scan.h"
#include "runs/run_file.h"

namespace braid::read {

namespace {

using plan::Node;

/// Batches that are there already.
class GivenRows final : public RowSource {
  public:
    explicit GivenRows(std::vector<Batch> batches) : batches_(std::move(batches)) {}
    Result<bool> next(Batch& batch) override {
        while (next_ < batches_.size()) {
            batch = std::move(batches_[next_++]);
            if (batch.length > 0) return true;
        }
        return false;
    }

  private:
    std::vector<Batch> batches_;
    size_t next_ = 0;
};

void collect_enriching(const plan::Expr& expr, std::set<std::string>& names) {
    if (expr.kind == plan::Expr::Kind::kCall && expr.function->is_memoised) {
        names.insert(expr.function->name);
    }
    if (expr.subquery) names.merge(enriching_functions(*expr.subquery));
    for (const auto& each : expr.arguments) collect_enriching(*each, names);
}

Error snapshot_too_old(std::string why) {
    return unavailable("snapshot too old: {}", why)
        .with_sqlstate("72000")
        .with_hint(
            "Begin another transaction; query.snapshot_max_s says how long what a transaction "
            "reads is kept for it.");
}

/// Of streams or views, not the catalog alone.
bool reads_data(const plan::Query& query) {
    return std::ranges::any_of(query.reads, [](const plan::RelationRef& read) {
        return read.kind == plan::RelationRef::Kind::kView ||
               read.kind == plan::RelationRef::Kind::kStream;
    });
}

const Node& scan_below(const Node& node) {
    return node.kind == Node::Kind::kScan ? node : scan_below(*node.inputs.front());
}

}  // namespace

std::set<std::string> enriching_functions(const Node& node) {
    std::set<std::string> names;
    const auto look = [&](const plan::ExprPtr& expr) {
        if (expr) collect_enriching(*expr, names);
    };
    look(node.predicate);
    std::ranges::for_each(node.exprs, look);
    for (const auto& row : node.rows) std::ranges::for_each(row, look);
    for (const auto& call : node.aggregates) {
        look(call.filter);
        std::ranges::for_each(call.arguments, look);
    }
    for (const auto& call : node.windows) {
        look(call.filter);
        std::ranges::for_each(call.arguments, look);
    }
    for (const auto& key : node.sort_keys) look(key.expr);
    for (const auto& input : node.inputs) names.merge(enriching_functions(*input));
    return names;
}

std::set<TableId> streams_of(const plan::Query& query, const catalog::Catalog& catalog) {
    std::set<TableId> tables;
    for (const plan::RelationRef& read : query.reads) {
        if (read.kind == plan::RelationRef::Kind::kStream) tables.insert(read.id);
        if (read.kind != plan::RelationRef::Kind::kView) continue;
        const auto view = catalog.views.find(read.id);
        if (view != catalog.views.end()) tables.insert(view->second.table);
    }
    return tables;
}

Statement::Statement(const ReadParts& parts, plan::Query query, std::vector<Datum> parameters,
                     ReadOptions options, SystemSource* system)
    : parts_(parts),
      query_(std::move(query)),
      options_(std::move(options)),
      limits_(parts.limits_of(options_)),
      system_(system) {
    context_.format = options_.format;
    context_.parameters = std::move(parameters);
    context_.limits = limits_;
}

Result<void> Statement::start() {
    const std::set<std::string> enriching = enriching_functions(*query_.root);
    if (!enriching.empty() && parts_.enrich) context_.enrich = TRY(parts_.enrich(enriching));
    snapshot_ = options_.snapshot;
    if (!snapshot_) {
        const manifest::StatePtr head = parts_.manifest->head();
        std::set<TableId> tables = streams_of(query_, head->catalog);
        if (options_.own) {
            for (const auto& [id, table] : options_.own->made) tables.erase(id);
        }
        snapshot_ = TRY(PinnedSnapshot::take(parts_, tables, options_));
    }
    return {};
}

/// The transaction's own rows of a stream; null if it has none, or reads of a moment before them.
const OwnRows* Statement::own_rows_of(TableId table) const {
    const bool is_seen = options_.own && snapshot_->mode() == runs::ReadMode::kLive;
    return is_seen && options_.own->has(table) ? options_.own.get() : nullptr;
}

Result<const runs::Tiling*> Statement::tiling_of(VersionId version) {
    const auto place = tilings_.find(version);
    if (place != tilings_.end()) return &place->second;
    runs::Tiling tiling = TRY(snapshot_->tiling_of(parts_, version));
    const catalog::Catalog& catalog = snapshot_->state()->catalog;
    const catalog::MaterializedView& view = *catalog.view_of_version(version);
    const TableId table = view.table;
    if (const OwnRows* own = own_rows_of(table)) {
        tiling.ticks.push_back(TRY(own_tick(*own, catalog.tables.at(table), version,
                                            TRY(parts_.views->view_of(version)))));
    }
    TRY(parts_.key_counts->check(view, tiling, limits_));
    return &tilings_.emplace(version, std::move(tiling)).first->second;
}

Result<RowPiecesPtr> Statement::open_pieces_of_view(const Node& scan,
                                                    const plan::ExprPtr& predicate,
                                                    const PieceLimits& limits) {
    const runs::Tiling* tiling = TRY(tiling_of(scan.relation.version));
    operators::BoundView view = TRY(parts_.views->view_of(scan.relation.version));
    plan::ExprPtr over_outputs;
    if (predicate) {
        std::vector<plan::ExprPtr> columns;
        for (size_t index = 0; index < scan.scan_columns.size(); ++index) {
            columns.push_back(
                plan::column_ref(scan.scan_columns[index], scan.output.fields[index].type));
        }
        over_outputs = plan::substitute(predicate, columns);
    }
    const KeyRange range = key_range_of(*view.plan, over_outputs, context_.parameters);
    return open_view_pieces(std::move(view), *tiling, range,
                            {scan.scan_columns, over_outputs, context_}, limits);
}

Result<void> Statement::check_age() const {
    if (snapshot_ == nullptr) return {};
    if (!reads_data(query_)) return {};
    if (auto erased = check_not_erased(*parts_.manifest->head()); !erased) return erased;
    const int64_t age_us = parts_.clock->monotonic_us() - snapshot_->since_us();
    if (age_us <= parts_.snapshot_max_us) return {};
    return snapshot_too_old(fmt::format("it is {} s old", age_us / 1'000'000));
}

Result<void> Statement::check_not_erased(const manifest::State& head) const {
    if (snapshot_ == nullptr || snapshot_->state()->number == head.number) return {};
    for (const TableId table : streams_of(query_, head.catalog)) {
        const manifest::TableState* now = head.table(table);
        if (now == nullptr || now->readable_from <= snapshot_->state()->number) continue;
        return snapshot_too_old("events of it were erased");
    }
    return {};
}

Error Statement::explain(Error error) const {
    if (error.code() != ErrorCode::kCorrupt && error.code() != ErrorCode::kNotFound) return error;
    const manifest::StatePtr head = parts_.manifest->head();
    for (const plan::RelationRef& ref : query_.reads) {
        const bool is_gone = ref.kind == plan::RelationRef::Kind::kView
                                 ? head->catalog.view_of_version(ref.version) == nullptr
                                 : ref.kind == plan::RelationRef::Kind::kStream &&
                                       !head->catalog.tables.contains(ref.id);
        if (is_gone) return not_found("relation \"{}\" was dropped while it was read", ref.name);
    }
    if (auto erased = check_not_erased(*head); !erased) return std::move(erased).error();
    std::set<RunId> named;
    for (const manifest::Retired& retired : head->retired) named.insert(retired.run.id);
    for (const auto& [version, tiling] : tilings_) {
        for (const manifest::Run& run : head->runs_of(version)) named.insert(run.id);
        for (const auto& reader : tiling.runs()) {
            if (named.contains(reader->run().id)) continue;
            return snapshot_too_old(
                fmt::format("run {} has been released", reader->run().id.value));
        }
    }
    return error;
}

Result<RowSourcePtr> Statement::open_leaf(const Node& leaf) {
    if (leaf.kind == Node::Kind::kAggregate) {
        const VersionId version = scan_below(leaf).relation.version;
        const runs::Tiling* tiling = TRY(tiling_of(version));
        const operators::BoundView view = TRY(parts_.views->view_of(version));
        return open_view_aggregate(leaf, {view, *tiling, context_, limits_}, *parts_.threads);
    }
    if (leaf.kind == Node::Kind::kFilter) {
        return internal_error("a filter is no leaf");
    }
    return open_filtered(leaf, nullptr);
}

Result<RowSourcePtr> Statement::open_stream(const Node& scan) {
    const TableId id = scan.relation.id;
    if (options_.own && options_.own->made.contains(id)) {
        return open_own_rows(*options_.own, options_.own->made.at(id), scan.scan_columns);
    }
    const OwnRows* own = own_rows_of(id);
    const auto& tables = snapshot_->state()->catalog.tables;
    const auto table = tables.find(id);
    if (table == tables.end()) {
        return not_found("relation \"{}\" does not exist", scan.relation.name);
    }
    RowSourcePtr stored = TRY(
        open_stream_scan(parts_, *snapshot_, table->second, scan.scan_columns, StreamRows::kGood));
    if (own == nullptr) return stored;
    return one_after_the_other(std::move(stored),
                               TRY(open_own_rows(*own, table->second, scan.scan_columns)));
}

Result<RowSourcePtr> Statement::open_filtered(const Node& scan, const plan::ExprPtr& predicate) {
    switch (scan.relation.kind) {
        case plan::RelationRef::Kind::kView:
            return one_after_the_other(TRY(open_pieces_of_view(
                scan, predicate,
                {.threads = 1, .merged_bytes_max = piece_limits().merged_bytes_max})));
        case plan::RelationRef::Kind::kStream:
            return open_stream(scan);
        case plan::RelationRef::Kind::kFunction:  // of the catalog; others are no leaves
        case plan::RelationRef::Kind::kSystem: {
            if (system_ == nullptr) return unsupported("system relations are not served here");
            return RowSourcePtr(std::make_unique<GivenRows>(TRY(system_->rows(scan, options_))));
        }
    }
    std::unreachable();
}

namespace {

const char* name_of(runs::ReadMode mode) {
    switch (mode) {
        case runs::ReadMode::kLive:
            return "live";
        case runs::ReadMode::kAtCut:
            return "at_cut";
        case runs::ReadMode::kFinal:
            return "final";
    }
    return "";
}

}  // namespace

runs::ReceiptSource Statement::receipt() const {
    runs::ReceiptSource receipt;
    receipt.mode = name_of(options_.mode);
    if (snapshot_ == nullptr) return receipt;
    receipt.manifest = snapshot_->state()->number;
    receipt.mode = name_of(snapshot_->mode());
    for (const auto& [version, tiling] : tilings_) {
        receipt.views.push_back(runs::receipt_view(tiling));
    }
    for (const plan::RelationRef& read : query_.reads) {
        if (read.kind != plan::RelationRef::Kind::kStream) continue;
        if (const OwnRows* own = own_rows_of(read.id)) {
            uint64_t rows = 0;
            if (const auto found = own->records.find(read.id); found != own->records.end()) {
                for (const OwnRows::Records& chunk : found->second) rows += chunk->size();
            }
            receipt.own.push_back({read.name, "own", {}, std::nullopt, rows});
        }
        const auto end = snapshot_->stream_end(read.id);
        if (end) receipt.ends[read.name] = *end;
        const manifest::TableState* table = snapshot_->state()->table(read.id);
        if (table != nullptr && table->start != table->origin) {
            receipt.starts[read.name] = table->start;
        }
    }
    return receipt;
}

void Statement::note_frontiers() {
    if (options_.seen == nullptr || snapshot_ == nullptr) return;
    if (snapshot_->mode() != runs::ReadMode::kLive) return;
    for (const TableId table : streams_of(query_, snapshot_->state()->catalog)) {
        const auto end = snapshot_->stream_end(table);
        if (end) options_.seen->insert_or_assign(table, *end);
    }
}

}  // namespace braid::read
