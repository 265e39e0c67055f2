// SPDX-License-Identifier: Apache-2.0
#include "operators/aggregate/table_rows.h"

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <utility>

#include "operators/aggregate/key_sort_internal.h"

namespace braid::operators {

namespace {

class TableRows final : public RowCursor {
  public:
    /// What is sorted at a time takes some twenty bytes a subkey.
    static constexpr size_t kWindow = 16'384;

    TableRows(const GroupTable& table, std::vector<GroupTable::Group> groups, uint32_t section)
        : table_(table), groups_(std::move(groups)), section_(section) {}

    Result<bool> next(StateRow& row) override {
        state_.clear();
        if (section_ == 0) {
            if (next_group_ == groups_.size()) return false;
            const GroupTable::Group group = groups_[next_group_++];
            table_.encode_state(group, state_);
            row = {.key = table_.key_of(group), .subkey = {}, .state = state_};
            return true;
        }
        while (next_ == subkeys_.size()) {
            if (next_group_ == groups_.size()) return false;
            take_group(groups_[next_group_++]);
        }
        if (next_ == window_begin_ + order_.size()) sort_window();
        const GroupTable::Subkey subkey = subkeys_[window_begin_ + order_[next_++ - window_begin_]];
        table_.encode_subkey_state(section_, subkey, state_);
        row = {.key = key_, .subkey = table_.subkey_of(section_, subkey), .state = state_};
        return true;
    }

  private:
    void take_group(GroupTable::Group group) {
        key_ = table_.key_of(group);
        subkeys_.clear();
        order_.clear();
        table_.list_subkeys(section_, group, subkeys_);
        next_ = window_begin_ = 0;
        ends_.assign(1, subkeys_.size());
    }

    /// Parts what is left as quicksort does, its front alone, until that is small enough to be
    /// sorted. No two subkeys of a group are equal.
    void sort_window() {
        if (ends_.back() == next_) ends_.pop_back();
        while (ends_.back() - next_ > kWindow) {
            const std::string_view pivot = middle_of_three(next_, ends_.back());
            const auto begin = subkeys_.begin();
            const auto middle = std::partition(
                begin + static_cast<ptrdiff_t>(next_), begin + static_cast<ptrdiff_t>(ends_.back()),
                [&](auto subkey) { return table_.subkey_of(section_, subkey) < pivot; });
            ends_.push_back(static_cast<size_t>(middle - subkeys_.begin()));
        }
        window_begin_ = next_;
        order_ = sort_keys(ends_.back() - next_, [this](uint32_t i) { return at(next_ + i); });
    }
    std::string_view middle_of_three(size_t from, size_t to) const {
        std::array<std::string_view, 3> three = {at(from), at(from + (to - from) / 2), at(to - 1)};
        std::ranges::sort(three);
        return three[1];
    }
    std::string_view at(size_t place) const { return table_.subkey_of(section_, subkeys_[place]); }

    const GroupTable& table_;
    const std::vector<GroupTable::Group> groups_;
    const uint32_t section_;
    size_t next_group_ = 0;
    std::string_view key_;                     // of the group whose subkeys follow
    std::vector<GroupTable::Subkey> subkeys_;  // of it
    size_t next_ = 0;                          // of these
    std::vector<size_t> ends_;                 // of parts of these, each below those before it
    size_t window_begin_ = 0;                  // the first part, whose
    std::vector<uint32_t> order_;              // is this
    std::string state_;
};

}  // namespace

RowCursorPtr table_rows(const GroupTable& table, std::vector<GroupTable::Group> groups,
                        uint32_t section) {
    return std::make_unique<TableRows>(table, std::move(groups), section);
}

}  // namespace braid::operators
