// SPDX-License-Identifier: Apache-2.0
#include "read/merge/pipeline.h"

#include <algorithm>
#include <numeric>

#include "base/error_makers.h"
#include "read/merge/view_aggregate.h"

namespace braid::read {

namespace {

using plan::ExprPtr;
using plan::Node;

bool has_subquery(const plan::Expr& expr) {
    if (expr.kind == plan::Expr::Kind::kSubquery || expr.kind == plan::Expr::Kind::kOuterColumn)
        return true;
    return std::ranges::any_of(expr.arguments,
                               [](const ExprPtr& each) { return has_subquery(*each); });
}

bool is_plain(const ExprPtr& expr) { return !expr || !has_subquery(*expr); }

std::vector<uint32_t> all_rows(size_t count) {
    std::vector<uint32_t> rows(count);
    std::iota(rows.begin(), rows.end(), 0U);
    return rows;
}

/// VALUES, and SELECT without FROM: one row of no columns.
class ValuesRows final : public RowSource {
  public:
    ValuesRows(const Node& node, operators::EvaluationContext context)
        : node_(node), context_(std::move(context)) {}

    Result<bool> next(Batch& batch) override {
        if (done_) return false;
        done_ = true;
        Batch given;
        given.length = node_.rows.size();
        if (given.length == 0) return false;
        for (size_t column = 0; column < node_.output.fields.size(); ++column) {
            ColumnBuilder builder(node_.output.fields[column].type, given.length);
            for (const auto& row : node_.rows) {
                const Datum value = TRY(operators::evaluate_constant(*row[column], context_));
                if (value.is_null()) {
                    builder.append_null();
                } else {
                    builder.append(value);
                }
            }
            given.columns.push_back(builder.finish());
        }
        batch = std::move(given);
        return true;
    }

  private:
    const Node& node_;
    const operators::EvaluationContext context_;
    bool done_ = false;
};

/// The same rows in batches of no more than an answer has: what is computed from a batch is held
/// all at once.
class SlicedRows final : public RowSource {
  public:
    explicit SlicedRows(RowSourcePtr input) : input_(std::move(input)) {}

    Result<bool> next(Batch& batch) override {
        if (from_ >= held_.length) {
            held_ = {};
            from_ = 0;
            if (!TRY(input_->next(held_))) return false;
        }
        const size_t count = std::min(kRowsAtOnce, held_.length - from_);
        batch = count == held_.length ? held_ : held_.slice(from_, count);
        from_ += count;
        return true;
    }

  private:
    static constexpr size_t kRowsAtOnce = 4096;

    RowSourcePtr input_;
    Batch held_;
    size_t from_ = 0;
};

class FilterRows final : public RowSource {
  public:
    FilterRows(RowSourcePtr input, std::unique_ptr<operators::Program> program)
        : input_(std::move(input)), program_(std::move(program)) {}

    Result<bool> next(Batch& batch) override {
        Batch candidate;
        while (TRY(input_.next(candidate))) {
            const std::vector<operators::Evaluated> values = program_->run(candidate);
            const operators::Evaluated& condition = values.front();
            if (!condition.errors.empty()) return condition.errors.front().error;
            std::vector<uint32_t> rows = all_rows(candidate.length);
            std::erase_if(rows, [&](uint32_t row) {
                return condition.column.is_null(row) || condition.column.at<uint8_t>(row) == 0;
            });
            if (rows.empty()) continue;
            batch = rows.size() == candidate.length ? std::move(candidate) : candidate.gather(rows);
            return true;
        }
        return false;
    }

  private:
    SlicedRows input_;
    std::unique_ptr<operators::Program> program_;
};

class ProjectRows final : public RowSource {
  public:
    ProjectRows(RowSourcePtr input, std::unique_ptr<operators::Program> program)
        : input_(std::move(input)), program_(std::move(program)) {}

    Result<bool> next(Batch& batch) override {
        Batch source;
        if (!TRY(input_.next(source))) return false;
        Batch given;
        given.length = source.length;
        for (operators::Evaluated& value : program_->run(source)) {
            if (!value.errors.empty()) return value.errors.front().error;
            given.columns.push_back(std::move(value.column));
        }
        batch = std::move(given);
        return true;
    }

  private:
    SlicedRows input_;
    std::unique_ptr<operators::Program> program_;
};

class LimitRows final : public RowSource {
  public:
    LimitRows(RowSourcePtr input, uint64_t skip, uint64_t count)
        : input_(std::move(input)), skip_(skip), left_(count) {}

    Result<bool> next(Batch& batch) override {
        Batch source;
        while (left_ > 0 && TRY(input_->next(source))) {
            if (skip_ >= source.length) {
                skip_ -= source.length;
                continue;
            }
            const auto from = static_cast<size_t>(skip_);
            const auto count = static_cast<size_t>(std::min<uint64_t>(left_, source.length - from));
            skip_ = 0;
            left_ -= count;
            batch = source.slice(from, count);
            return true;
        }
        return false;
    }

  private:
    RowSourcePtr input_;
    uint64_t skip_;
    uint64_t left_;
};

/// LIMIT NULL and no LIMIT are the same; a negative one is 2201W, a negative OFFSET 2201X.
Result<uint64_t> row_count(const ExprPtr& expr, uint64_t without, const char* clause,
                           const operators::EvaluationContext& context) {
    if (!expr) return without;
    const Datum value = TRY(operators::evaluate_constant(*expr, context));
    if (value.is_null()) return without;
    const int64_t count =
        value.type.kind == TypeKind::kInt4 ? value.as<int32_t>() : value.as<int64_t>();
    if (count < 0) {
        return Error(invalid_input("{} must not be negative", clause))
            .with_sqlstate(std::string_view(clause) == "LIMIT" ? "2201W" : "2201X");
    }
    return static_cast<uint64_t>(count);
}

}  // namespace

bool is_kernel_plan(const Node& node) {
    switch (node.kind) {
        case Node::Kind::kScan:
            return node.relation.kind != plan::RelationRef::Kind::kFunction;
        case Node::Kind::kValues:
            return std::ranges::all_of(
                node.rows, [](const auto& row) { return std::ranges::all_of(row, is_plain); });
        case Node::Kind::kFilter:
            return is_plain(node.predicate) && is_kernel_plan(*node.inputs.front());
        case Node::Kind::kProject:
            return std::ranges::all_of(node.exprs, is_plain) &&
                   is_kernel_plan(*node.inputs.front());
        case Node::Kind::kLimit:
            return is_plain(node.limit) && is_plain(node.offset) &&
                   is_kernel_plan(*node.inputs.front());
        case Node::Kind::kAggregate:
            return has_combine(node);
        default:
            return false;
    }
}

Result<RowSourcePtr> KernelPipeline::open(const Node& node) const {
    switch (node.kind) {
        case Node::Kind::kScan:
        case Node::Kind::kAggregate:
            return open_leaf(node);
        case Node::Kind::kValues:
            return RowSourcePtr(std::make_unique<ValuesRows>(node, context));
        case Node::Kind::kFilter: {
            const Node& input = *node.inputs.front();
            auto source = input.kind == Node::Kind::kScan
                              ? TRY(open_filtered(input, node.predicate))
                              : TRY(open(input));
            auto program = TRY(operators::Program::compile({node.predicate}, context));
            return RowSourcePtr(
                std::make_unique<FilterRows>(std::move(source), std::move(program)));
        }
        case Node::Kind::kProject: {
            auto source = TRY(open(*node.inputs.front()));
            auto program = TRY(operators::Program::compile(node.exprs, context));
            return RowSourcePtr(
                std::make_unique<ProjectRows>(std::move(source), std::move(program)));
        }
        case Node::Kind::kLimit: {
            auto source = TRY(open(*node.inputs.front()));
            const uint64_t skip = TRY(row_count(node.offset, 0, "OFFSET", context));
            const uint64_t count = TRY(row_count(node.limit, UINT64_MAX, "LIMIT", context));
            return RowSourcePtr(std::make_unique<LimitRows>(std::move(source), skip, count));
        }
        default:
            return internal_error("plan node does not run in the kernel");
    }
}

Result<RowPiecesPtr> KernelPipeline::open_pieces(const Node& node) const {
    const bool is_filtered = node.kind == Node::Kind::kFilter;
    const Node& scan = is_filtered ? *node.inputs.front() : node;
    if (scan.kind != Node::Kind::kScan || scan.relation.kind != plan::RelationRef::Kind::kView) {
        return in_one_piece(TRY(open(node)));
    }
    if (!is_filtered) return open_pieces_of_view(scan, nullptr);
    return each_piece(
        TRY(open_pieces_of_view(scan, node.predicate)),
        [predicate = node.predicate, context = context](RowSourcePtr rows) -> Result<RowSourcePtr> {
            auto program = TRY(operators::Program::compile({predicate}, context));
            return std::make_unique<FilterRows>(std::move(rows), std::move(program));
        });
}

}  // namespace braid::read
