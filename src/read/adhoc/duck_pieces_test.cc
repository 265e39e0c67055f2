// SPDX-License-Identifier: Apache-2.0
#include <atomic>
#include <functional>
#include <latch>
#include <memory>
#include <utility>

#include <gtest/gtest.h>

#include "base/error_makers.h"
#include "read/adhoc/plan_test_support.h"

namespace braid::read::test {
namespace {

constexpr int kRows = 1'000;  // of a piece

/// Pieces of the numbers from 0 on. `at_piece`, which may be empty, is called before a piece's
/// first row, by whoever reads it.
class NumberedPieces final : public RowPieces {
  public:
    using AtPiece = std::function<Result<void>(int)>;
    NumberedPieces(int count, AtPiece at_piece) : count_(count), at_piece_(std::move(at_piece)) {}

    size_t count() const override { return static_cast<size_t>(count_); }
    Result<RowSourcePtr> next() override {
        const int piece = next_++;
        if (piece >= count_) return RowSourcePtr();
        if (at_piece_) TRY(at_piece_(piece));
        std::vector<int32_t> numbers;
        for (int row = 0; row < kRows; ++row) numbers.push_back(piece * kRows + row);
        Batch batch;
        batch.length = numbers.size();
        batch.columns = {Column::flat<int32_t>(Type::of(TypeKind::kInt4), std::move(numbers))};
        return std::make_unique<TableRows>(std::move(batch), 64);
    }

  private:
    const int count_;
    const AtPiece at_piece_;
    std::atomic<int> next_ = 0;
};

class DuckPieces : public DuckTest {
  protected:
    /// The leaf `table` in pieces.
    std::string run_pieces(const NodePtr& root, int pieces,
                           const NumberedPieces::AtPiece& at_piece = {}) {
        DuckStatement asked = statement(root);
        asked.open_leaf = [=](const Node&) -> Result<RowPiecesPtr> {
            return std::make_unique<NumberedPieces>(pieces, at_piece);
        };
        return run(std::move(asked), root->output);
    }
    NodePtr sum_of(const NodePtr& rows) {
        return aggregate(rows, {},
                         {agg("count", {}, "int8"), agg("sum", {col(rows, 0)}, "int8"),
                          agg("min", {col(rows, 0)}, "int4"), agg("max", {col(rows, 0)}, "int4")});
    }

    const NodePtr numbers_ = table("a int4", "1");
};

TEST_F(DuckPieces, AreAllRead) {
    EXPECT_EQ(run_pieces(sum_of(numbers_), 1), "1000|499500|0|999\n");
    EXPECT_EQ(run_pieces(sum_of(numbers_), 20), "20000|199990000|0|19999\n");
}

/// Neither goes on before the other has begun.
TEST_F(DuckPieces, AreReadByTwoThreadsAtOnce) {
    std::latch met(2);
    const auto meet = [&met](int piece) -> Result<void> {
        if (piece < 2) met.arrive_and_wait();
        return {};
    };
    EXPECT_EQ(run_pieces(sum_of(numbers_), 4, meet), "4000|7998000|0|3999\n");
}

TEST_F(DuckPieces, AnErrorInOneFailsTheStatement) {
    for (const int sick : {0, 7, 19}) {
        const auto fail = [sick](int piece) -> Result<void> {
            if (piece != sick) return {};
            return Error(ErrorCode::kCorrupt, "piece " + std::to_string(piece))
                .with_sqlstate("XX001");
        };
        EXPECT_EQ(run_pieces(sum_of(numbers_), 20, fail), "XX001 piece " + std::to_string(sick));
    }
}

TEST_F(DuckPieces, ALimitGivesSoManyRowsAndNoneTwice) {
    const NodePtr limited = limit(numbers_, num(1'500));
    const NodePtr different = distinct(limited);
    for (const NodePtr& rows : {limited, different}) {
        const NodePtr root = aggregate(rows, {}, {agg("count", {}, "int8")});
        EXPECT_EQ(run_pieces(root, 20), "1500\n");
    }
}

TEST_F(DuckPieces, StringAggKeepsTheOrderOfItsSubquery) {
    const NodePtr sorted = sort(numbers_, {asc(col(numbers_, 0))});
    const ExprPtr text = fn("cast:text(int4)", {col(sorted, 0)});
    const NodePtr root = aggregate(sorted, {}, {agg("string_agg", {text, str(" ")}, "text")});
    std::string expected;
    for (int number = 0; number < 8 * kRows; ++number) {
        expected += std::to_string(number) + (number + 1 == 8 * kRows ? "\n" : " ");
    }
    for (int round = 0; round < 5; ++round) EXPECT_EQ(run_pieces(root, 8), expected);
}

TEST_F(DuckPieces, OrderComesWithOrderByAlone) {
    const NodePtr root = limit(sort(numbers_, {asc(col(numbers_, 0))}), num(3));
    EXPECT_EQ(run_pieces(root, 20), "0\n1\n2\n");
}

}  // namespace
}  // namespace braid::read::test
