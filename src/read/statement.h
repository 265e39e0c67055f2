// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "model/statement_limits.h"
#include "operators/fold/view_folder.h"
#include "plan/node.h"
#include "read/merge/pinned_snapshot.h"
#include "read/merge/row_pieces.h"
#include "read/merge/row_source.h"
#include "read/merge/view_pieces.h"
#include "read/reader.h"
#include "runs/snapshot.h"

namespace braid::read {

/// One statement being answered: its snapshot, the tilings it has taken so far, and how its leaves
/// are opened. Every scan of a view within the statement reads the same tiling. One thread at a
/// time.
class Statement {
  public:
    Statement(const ReadParts& parts, plan::Query query, std::vector<Datum> parameters,
              ReadOptions options, SystemSource* system);

    /// Pins the snapshot that the options give, or a fresh one, and loads what the expressions
    /// need.
    Result<void> start();

    const plan::Query& query() const { return query_; }
    const operators::EvaluationContext& context() const { return context_; }
    const ReadOptions& options() const { return options_; }
    const StatementLimits& limits() const { return limits_; }
    Result<RowSourcePtr> open_leaf(const plan::Node& leaf);
    /// A scan of which only rows that satisfy `predicate` (over its output) are needed; may give
    /// more.
    Result<RowSourcePtr> open_filtered(const plan::Node& scan, const plan::ExprPtr& predicate);
    /// The same of a view, for as many threads as `limits` say. The pieces stand on nothing of
    /// this.
    Result<RowPiecesPtr> open_pieces_of_view(const plan::Node& scan, const plan::ExprPtr& predicate,
                                             const PieceLimits& limits);
    /// 72000 once the snapshot is older than what it reads is kept for, or than an erasure; asked
    /// before each read.
    Result<void> check_age() const;
    const PieceLimits& piece_limits() const { return parts_.threads->limits(); }
    /// What an error of reading says to the reader: what is gone because it was dropped, or because
    /// the snapshot is older than the undo window, is not damaged.
    Error explain(Error error) const;
    /// Remembers in the session how far this answer saw.
    void note_frontiers();
    runs::ReceiptSource receipt() const;

  private:
    Result<const runs::Tiling*> tiling_of(VersionId version);
    Result<void> check_not_erased(const manifest::State& head) const;
    const OwnRows* own_rows_of(TableId table) const;
    Result<RowSourcePtr> open_stream(const plan::Node& scan);

    const ReadParts& parts_;
    const plan::Query query_;
    ReadOptions options_;
    const StatementLimits limits_;
    SystemSource* const system_;
    operators::EvaluationContext context_;
    std::shared_ptr<const PinnedSnapshot> snapshot_;
    std::map<VersionId, runs::Tiling> tilings_;
};

/// Streams that a query reads, directly or through views.
std::set<TableId> streams_of(const plan::Query& query, const catalog::Catalog& catalog);

/// The functions of the plan that need function data, by name.
std::set<std::string> enriching_functions(const plan::Node& node);

}  // namespace braid::read
