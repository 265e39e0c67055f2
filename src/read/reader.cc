// SPDX-License-Identifier: Apache-2.0
#include "read/reader.h"

#include "base/error_makers.h"
#include "base/mutex.h"
#include "read/adhoc/duck_engine.h"
#include "read/array_parameters.h"
#include "read/merge/pipeline.h"
#include "read/merge/view_aggregate.h"
#include "read/point_read.h"
#include "read/reader_factory.h"
#include "read/statement.h"

namespace braid::read {

namespace {

using plan::Node;

constexpr size_t kAnswerRowsMax = 4096;

/// Rows of a statement in batches of the size that answers promise.
class StatementAnswer final : public Answer {
  public:
    StatementAnswer(std::shared_ptr<Statement> statement, RowSourcePtr rows)
        : statement_(std::move(statement)), rows_(std::move(rows)) {}

    const Schema& schema() const override { return statement_->query().output; }

    Result<bool> next(Batch& batch) override {
        TRY(statement_->limits().check());
        TRY(statement_->check_age());
        if (from_ >= held_.length) {
            held_ = {};
            from_ = 0;
            auto more = rows_->next(held_);
            if (!more) return statement_->explain(std::move(more).error());
            if (!*more) {
                statement_->note_frontiers();
                return false;
            }
        }
        const size_t count = std::min(kAnswerRowsMax, held_.length - from_);
        batch = count == held_.length ? held_ : held_.slice(from_, count);
        from_ += count;
        return true;
    }

    std::shared_ptr<const runs::ReceiptSource> receipt() const override {
        return std::make_shared<const runs::ReceiptSource>(statement_->receipt());
    }

  private:
    const std::shared_ptr<Statement> statement_;
    RowSourcePtr rows_;
    Batch held_;
    size_t from_ = 0;
};

/// What DuckDB does not see the inside of: scans, filters directly over a view (so that keys are
/// read by range) and aggregates that combine states.
bool is_kernel_leaf(const Node& node) {
    if (node.kind == Node::Kind::kScan)
        return node.relation.kind != plan::RelationRef::Kind::kFunction;
    if (node.kind == Node::Kind::kFilter) {
        return node.inputs.front()->kind == Node::Kind::kScan &&
               node.inputs.front()->relation.kind == plan::RelationRef::Kind::kView &&
               is_kernel_plan(node);
    }
    return has_combine(node);
}

class NodeReader final : public Reader {
  public:
    NodeReader(ReadParts parts, uint64_t memory_bytes_max)
        : parts_(std::move(parts)), memory_bytes_max_(memory_bytes_max) {}

    Result<std::unique_ptr<Answer>> execute(const plan::Query& query,
                                            const std::vector<Datum>& parameters,
                                            const ReadOptions& options,
                                            SystemSource* system) override {
        plan::Query bound = query;
        bound.root = TRY(with_array_elements(query.root, parameters, options.format));
        auto statement =
            std::make_shared<Statement>(parts_, std::move(bound), parameters, options, system);
        TRY(statement->start());
        TRY(statement->check_age());
        KernelPipeline pipeline;
        pipeline.context = statement->context();
        pipeline.open_leaf = [statement](const Node& leaf) { return statement->open_leaf(leaf); };
        pipeline.open_filtered = [statement](const Node& scan, const plan::ExprPtr& predicate) {
            return statement->open_filtered(scan, predicate);
        };
        pipeline.open_pieces_of_view = [statement](const Node& scan,
                                                   const plan::ExprPtr& predicate) {
            return statement->open_pieces_of_view(scan, predicate, statement->piece_limits());
        };
        const Node& root = *statement->query().root;
        auto rows = is_kernel_plan(root) ? pipeline.open(root) : open_duck(*statement, pipeline);
        if (!rows) return statement->explain(std::move(rows).error());
        return std::unique_ptr<Answer>(
            std::make_unique<StatementAnswer>(std::move(statement), *std::move(rows)));
    }

    Result<std::shared_ptr<PreparedRead>> prepare(plan::Query query, SystemSource* system) override;

    Result<std::shared_ptr<const PinnedSnapshot>> pin(const ReadOptions& options) override {
        const manifest::StatePtr state = parts_.manifest->head();
        std::set<TableId> tables;
        for (const auto& [id, table] : state->catalog.tables) tables.insert(id);
        return PinnedSnapshot::take(parts_, tables, options);
    }

  private:
    Result<RowSourcePtr> open_duck(const Statement& statement, KernelPipeline pipeline) {
        DuckStatement duck;
        duck.root = statement.query().root.get();
        duck.parameters = statement.context().parameters;
        duck.context = statement.context();
        duck.open_leaf = [pipeline = std::move(pipeline)](const Node& leaf) {
            return pipeline.open_pieces(leaf);
        };
        duck.is_kernel_leaf = is_kernel_leaf;
        duck.limits = statement.limits();
        DuckEngine* engine = TRY(duck_engine());
        return engine->run(std::move(duck));
    }

    /// Opened when first needed: it costs tens of milliseconds and 100 MB.
    Result<DuckEngine*> duck_engine() {
        const ScopedLock lock(mutex_);
        if (!duck_) {
            const auto threads = static_cast<int>(parts_.threads->limits().threads);
            duck_ = TRY(DuckEngine::open({memory_bytes_max_, threads}));
        }
        return duck_.get();
    }

    const ReadParts parts_;
    const uint64_t memory_bytes_max_;
    Mutex mutex_;
    std::unique_ptr<DuckEngine> duck_ GUARDED_BY(mutex_);
};

/// Any other SELECT: bound once, planned at each run.
class PreparedQuery final : public PreparedRead {
  public:
    PreparedQuery(NodeReader& reader, plan::Query query, SystemSource* system)
        : reader_(reader), query_(std::move(query)), system_(system) {}
    Result<std::unique_ptr<Answer>> run(const std::vector<Datum>& parameters,
                                        const ReadOptions& options) override {
        return reader_.execute(query_, parameters, options, system_);
    }

  private:
    NodeReader& reader_;
    const plan::Query query_;
    SystemSource* const system_;
};

/// The quick way for live reads outside a transaction, the full one otherwise.
class PreparedPoint final : public PreparedRead {
  public:
    PreparedPoint(std::shared_ptr<PreparedRead> quick, std::shared_ptr<PreparedRead> full)
        : quick_(std::move(quick)), full_(std::move(full)) {}
    Result<std::unique_ptr<Answer>> run(const std::vector<Datum>& parameters,
                                        const ReadOptions& options) override {
        const bool is_quick =
            !options.snapshot && !options.own && options.mode == runs::ReadMode::kLive;
        return (is_quick ? quick_ : full_)->run(parameters, options);
    }

  private:
    const std::shared_ptr<PreparedRead> quick_;
    const std::shared_ptr<PreparedRead> full_;
};

Result<std::shared_ptr<PreparedRead>> NodeReader::prepare(plan::Query query, SystemSource* system) {
    auto quick = TRY(PointRead::try_prepare(parts_, query));
    auto full = std::make_shared<PreparedQuery>(*this, std::move(query), system);
    if (!quick) return std::shared_ptr<PreparedRead>(std::move(full));
    return std::shared_ptr<PreparedRead>(
        std::make_shared<PreparedPoint>(std::move(quick), std::move(full)));
}

}  // namespace

Result<std::unique_ptr<Reader>> make_reader(ReadParts parts, uint64_t memory_bytes_max) {
    return std::unique_ptr<Reader>(
        std::make_unique<NodeReader>(std::move(parts), memory_bytes_max));
}

}  // namespace braid::read
