// SPDX-License-Identifier: Apache-2.0
#include "runs/merged_rows.h"

#include <memory>
#include <queue>
#include <string>
#include <utility>

#include "operators/aggregate/state_merge.h"

namespace braid::runs {

namespace {

using operators::RowCursor;
using operators::RowCursorPtr;
using operators::StateRow;

/// Where one of the streams is.
struct Head {
    RowCursorPtr cursor;
    StateRow row;  // valid until the cursor moves
    size_t index = 0;
};

struct LaterHead {
    bool operator()(const Head* left, const Head* right) const {
        if (const int order = left->row.key.compare(right->row.key); order != 0) return order > 0;
        if (const int order = left->row.subkey.compare(right->row.subkey); order != 0)
            return order > 0;
        return left->index > right->index;
    }
};

class OrderedRows final : public RowCursor {
  public:
    explicit OrderedRows(std::vector<RowCursorPtr> cursors) : heads_(cursors.size()) {
        for (size_t index = 0; index < cursors.size(); ++index) {
            heads_[index].cursor = std::move(cursors[index]);
            heads_[index].index = index;
        }
    }

    Result<bool> next(StateRow& row) override {
        if (given_ != nullptr) {
            TRY(advance(*given_));
        } else {
            for (Head& head : heads_) TRY(advance(head));
        }
        given_ = nullptr;
        if (queue_.empty()) {
            heads_.clear();
            return false;
        }
        given_ = queue_.top();
        queue_.pop();
        row = given_->row;
        return true;
    }

  private:
    Result<void> advance(Head& head) {
        if (TRY(head.cursor->next(head.row))) queue_.push(&head);
        return {};
    }

    std::vector<Head> heads_;
    Head* given_ = nullptr;  // whose row was given last
    std::priority_queue<Head*, std::vector<Head*>, LaterHead> queue_;
};

class MergedRows final : public RowCursor {
  public:
    MergedRows(std::vector<RowCursorPtr> cursors, const std::vector<plan::Aggregate>& aggregates,
               uint32_t section)
        : rows_(std::move(cursors)), states_(aggregates, section) {}

    Result<bool> next(StateRow& row) override {
        if (!has_begun_) {
            has_begun_ = true;
            has_ahead_ = TRY(rows_.next(ahead_));
        }
        if (!has_ahead_) return false;
        key_.assign(ahead_.key);
        subkey_.assign(ahead_.subkey);
        states_.start(ahead_.state);
        while (true) {
            has_ahead_ = TRY(rows_.next(ahead_));
            if (!has_ahead_ || ahead_.key != key_ || ahead_.subkey != subkey_) break;
            TRY(states_.add(ahead_.state));
        }
        row = {.key = key_, .subkey = subkey_, .state = states_.sum()};
        return true;
    }

  private:
    OrderedRows rows_;
    operators::StateMerge states_;
    StateRow ahead_;  // the first that is not given yet
    bool has_begun_ = false;
    bool has_ahead_ = false;
    std::string key_;
    std::string subkey_;
};

}  // namespace

RowCursorPtr ordered_rows(std::vector<RowCursorPtr> cursors) {
    return std::make_unique<OrderedRows>(std::move(cursors));
}

RowCursorPtr merged_rows(std::vector<RowCursorPtr> cursors,
                         const std::vector<plan::Aggregate>& aggregates, uint32_t section) {
    if (cursors.size() == 1) return std::move(cursors.front());
    return std::make_unique<MergedRows>(std::move(cursors), aggregates, section);
}

}  // namespace braid::runs
