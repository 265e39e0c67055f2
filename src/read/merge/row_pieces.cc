// SPDX-License-Identifier: Apache-2.0
#include "read/merge/row_pieces.h"

#include <atomic>
#include <utility>

namespace braid::read {

namespace {

class OnePiece final : public RowPieces {
  public:
    explicit OnePiece(RowSourcePtr rows) : rows_(std::move(rows)) {}
    size_t count() const override { return 1; }
    Result<RowSourcePtr> next() override {
        if (is_taken_.exchange(true)) return RowSourcePtr();
        return std::move(rows_);
    }

  private:
    std::atomic<bool> is_taken_{false};
    RowSourcePtr rows_;  // of who has taken it
};

class ChangedPieces final : public RowPieces {
  public:
    ChangedPieces(RowPiecesPtr pieces, std::function<Result<RowSourcePtr>(RowSourcePtr)> change)
        : pieces_(std::move(pieces)), change_(std::move(change)) {}
    size_t count() const override { return pieces_->count(); }
    Result<RowSourcePtr> next() override {
        RowSourcePtr rows = TRY(pieces_->next());
        if (!rows) return RowSourcePtr();
        return change_(std::move(rows));
    }

  private:
    const RowPiecesPtr pieces_;
    const std::function<Result<RowSourcePtr>(RowSourcePtr)> change_;
};

class AllPieces final : public RowSource {
  public:
    explicit AllPieces(RowPiecesPtr pieces) : pieces_(std::move(pieces)) {}
    Result<bool> next(Batch& batch) override {
        while (true) {
            if (rows_ && TRY(rows_->next(batch))) return true;
            rows_.reset();  // before the next: what it holds goes with it
            rows_ = TRY(pieces_->next());
            if (!rows_) return false;
        }
    }

  private:
    const RowPiecesPtr pieces_;
    RowSourcePtr rows_;
};

}  // namespace

RowSourcePtr one_after_the_other(RowPiecesPtr pieces) {
    return std::make_unique<AllPieces>(std::move(pieces));
}

RowPiecesPtr in_one_piece(RowSourcePtr rows) { return std::make_unique<OnePiece>(std::move(rows)); }

RowPiecesPtr each_piece(RowPiecesPtr pieces,
                        std::function<Result<RowSourcePtr>(RowSourcePtr)> change) {
    return std::make_unique<ChangedPieces>(std::move(pieces), std::move(change));
}

}  // namespace braid::read
