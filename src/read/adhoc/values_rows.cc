// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include "read/adhoc/values_rows_internal.h"

namespace braid::read {

namespace {

constexpr size_t kBatchRows = 4096;

class ValuesRows final : public RowSource {
  public:
    ValuesRows(const plan::Node& node, std::vector<int> columns,
               const operators::EvaluationContext& context)
        : node_(node), columns_(std::move(columns)), context_(context) {}

    Result<bool> next(Batch& batch) override {
        const size_t count = std::min(kBatchRows, node_.rows.size() - from_);
        if (count == 0) return false;
        Batch given;
        given.length = count;
        for (const int index : columns_) {
            const auto column = static_cast<size_t>(index);
            ColumnBuilder builder(node_.output.fields[column].type, count);
            for (size_t row = from_; row < from_ + count; ++row) {
                const Datum value = TRY(value_of(*node_.rows[row][column]));
                if (value.is_null()) {
                    builder.append_null();
                } else {
                    builder.append(value);
                }
            }
            given.columns.push_back(builder.finish());
        }
        from_ += count;
        batch = std::move(given);
        return true;
    }

  private:
    Result<Datum> value_of(const plan::Expr& cell) const {
        if (cell.kind == plan::Expr::Kind::kConstant) return cell.constant;
        return operators::evaluate_constant(cell, context_);
    }

    const plan::Node& node_;
    const std::vector<int> columns_;
    const operators::EvaluationContext& context_;
    size_t from_ = 0;
};

}  // namespace

Result<RowSourcePtr> open_values(const plan::Node& node, std::vector<int> columns,
                                 const operators::EvaluationContext& context) {
    return RowSourcePtr(std::make_unique<ValuesRows>(node, std::move(columns), context));
}

}  // namespace braid::read
