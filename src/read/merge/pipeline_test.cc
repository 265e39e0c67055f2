// SPDX-License-Identifier: Apache-2.0
#include "read/merge/pipeline.h"

#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/test_support.h"
#include "plan/function.h"

namespace braid::read {
namespace {

using plan::Node;

constexpr size_t kRows = 65'536;

/// One batch, as large as those of a segment.
class OneBatch final : public RowSource {
  public:
    Result<bool> next(Batch& batch) override {
        if (std::exchange(is_given_, true)) return false;
        ColumnBuilder builder(Type::of(TypeKind::kText), kRows);
        for (size_t row = 0; row < kRows; ++row) builder.append_text("x");
        batch = {.length = kRows, .columns = {builder.finish()}};
        return true;
    }

  private:
    bool is_given_ = false;
};

plan::ExprPtr kibibyte_of_each() {
    return plan::call(
        plan::function_by_key("repeat(text,int4)"),
        {plan::column_ref(0, Type::of(TypeKind::kText)), plan::constant(Datum::int4(1024))});
}

TEST(KernelPipeline, HoldsNoMoreThanAnAnswersBatchOfWhatItComputes) {
    const auto scan = std::make_shared<Node>();
    scan->kind = Node::Kind::kScan;
    const SteppedClock clock;
    KernelPipeline pipeline;
    // All rows would take 64 MiB.
    pipeline.context.limits = StatementLimits(nullptr, clock, INT64_MAX, 16ULL << 20);
    pipeline.open_leaf = [](const Node&) -> Result<RowSourcePtr> {
        return std::make_unique<OneBatch>();
    };
    pipeline.open_filtered = [](const Node&, const plan::ExprPtr&) -> Result<RowSourcePtr> {
        return std::make_unique<OneBatch>();
    };
    for (const Node::Kind kind : {Node::Kind::kProject, Node::Kind::kFilter}) {
        Node node;
        node.kind = kind;
        node.inputs = {scan};
        node.exprs = {kibibyte_of_each()};
        node.predicate = plan::call(plan::function_by_key("<>(text,text)"),
                                    {kibibyte_of_each(), plan::constant(Datum::text("x"))});
        ASSERT_OK_AND_ASSIGN(const RowSourcePtr rows, pipeline.open(node));
        size_t count = 0;
        while (true) {
            Batch batch;
            ASSERT_OK_AND_ASSIGN(const bool more, rows->next(batch));
            if (!more) break;
            count += batch.length;
        }
        EXPECT_EQ(count, kRows);
    }
}

}  // namespace
}  // namespace braid::read
