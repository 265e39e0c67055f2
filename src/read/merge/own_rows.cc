// SPDX-License-Identifier: Apache-2.0
#include "read/merge/own_rows.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "model/fold_account.h"
#include "operators/decode/declared_decoder.h"
#include "plan/view_plan.h"

namespace braid::read {

namespace {

constexpr size_t kSliceRecords = 4096;

/// Decodes the rows of one stream, slice by slice.
class OwnSlices {
  public:
    static Result<std::unique_ptr<OwnSlices>> create(const OwnRows& own,
                                                     const catalog::Table& table,
                                                     std::vector<bool> wanted) {
        std::unique_ptr<OwnSlices> slices(new OwnSlices());
        slices->declared_ = table.columns.fields.size();
        slices->wanted_ = std::move(wanted);
        slices->decoder_ = TRY(operators::make_decoder_of(table));
        if (const auto found = own.records.find(table.id); found != own.records.end()) {
            slices->left_ = found->second;
        }
        std::ranges::reverse(slices->left_);
        return slices;
    }

    /// False at the end.
    bool next(operators::DecodedSlice& slice) {
        std::vector<std::string_view> records;
        while (!left_.empty() && records.size() < kSliceRecords) {
            const OwnRows::Records& chunk = left_.back();
            while (at_ < chunk->size() && records.size() < kSliceRecords) {
                records.emplace_back((*chunk)[at_++]);
            }
            // Texts of the slice may point into it.
            if (kept_.empty() || kept_.back() != chunk) kept_.push_back(chunk);
            if (at_ < chunk->size()) break;
            left_.pop_back();
            at_ = 0;
        }
        if (records.empty()) return false;
        const auto alive = std::make_shared<const std::vector<OwnRows::Records>>(kept_);
        decoder_->decode({{}, {}, 0, records, Keepalive(alive), {}}, wanted_, slice);
        kept_.clear();
        for (const plan::SystemColumn each :
             {plan::SystemColumn::kPartition, plan::SystemColumn::kOffset,
              plan::SystemColumn::kIngestedAt}) {
            Column& column = slice.batch.columns[declared_ + static_cast<size_t>(each)];
            column = Column::constant(Datum::null(column.type()), column.length());
        }
        return true;
    }

  private:
    OwnSlices() = default;

    size_t declared_ = 0;
    std::vector<bool> wanted_;
    std::unique_ptr<operators::Decoder> decoder_;
    std::vector<OwnRows::Records> left_;  // the next one last
    std::vector<OwnRows::Records> kept_;
    size_t at_ = 0;
};

class OwnScan final : public RowSource {
  public:
    OwnScan(std::unique_ptr<OwnSlices> slices, std::vector<int> columns)
        : slices_(std::move(slices)), columns_(std::move(columns)) {}

    Result<bool> next(Batch& batch) override {
        while (slices_->next(slice_)) {
            if (slice_.good.empty()) continue;
            Batch given;
            given.length = slice_.good.size();
            for (const int column : columns_) {
                given.columns.push_back(
                    slice_.batch.columns[static_cast<size_t>(column)].gather(slice_.good));
            }
            batch = std::move(given);
            return true;
        }
        return false;
    }

  private:
    const std::unique_ptr<OwnSlices> slices_;
    const std::vector<int> columns_;
    operators::DecodedSlice slice_;
};

class BothRows final : public RowSource {
  public:
    BothRows(RowSourcePtr first, RowSourcePtr second)
        : first_(std::move(first)), second_(std::move(second)) {}
    Result<bool> next(Batch& batch) override {
        if (first_) {
            if (TRY(first_->next(batch))) return true;
            first_.reset();
        }
        return second_->next(batch);
    }

  private:
    RowSourcePtr first_;
    RowSourcePtr second_;
};

}  // namespace

Result<RowSourcePtr> open_own_rows(const OwnRows& own, const catalog::Table& table,
                                   std::vector<int> columns) {
    std::vector<bool> wanted(table.columns.fields.size() + plan::kSystemColumnCount, false);
    for (const int column : columns) wanted[static_cast<size_t>(column)] = true;
    auto slices = TRY(OwnSlices::create(own, table, std::move(wanted)));
    return RowSourcePtr(std::make_unique<OwnScan>(std::move(slices), std::move(columns)));
}

Result<runs::TickPtr> own_tick(const OwnRows& own, const catalog::Table& table, VersionId version,
                               operators::BoundView view) {
    auto groups = std::make_shared<operators::GroupTable>(view.plan->aggregates);
    const auto folder = TRY(operators::ViewFolder::create({std::move(view)}));
    const size_t columns = table.columns.fields.size() + plan::kSystemColumnCount;
    const auto slices = TRY(OwnSlices::create(own, table, folder->wanted(columns)));
    FoldAccount account;
    const operators::FoldTarget target{groups.get(), &account};
    operators::DecodedSlice slice;
    while (slices->next(slice)) folder->fold(slice, {&target, 1});
    auto tick = std::make_shared<runs::Tick>();
    tick->is_own = true;
    tick->tables[version].push_back(std::move(groups));
    return runs::TickPtr(std::move(tick));
}

RowSourcePtr one_after_the_other(RowSourcePtr first, RowSourcePtr second) {
    return std::make_unique<BothRows>(std::move(first), std::move(second));
}

}  // namespace braid::read
