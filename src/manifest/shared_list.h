// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstddef>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <utility>
#include <vector>

namespace braid::manifest {

/// An ordered list of immutable values that many states share. Copying a list costs one reference
/// count, changing one copies pointers only: a state with 10,000 segments is copied at each commit.
/// Reads like a std::vector of const T. A copy may be read from any thread while others are
/// changed.
template <typename T>
class SharedList {
  public:
    using Items = std::vector<std::shared_ptr<const T>>;

    class Iterator {
      public:
        using iterator_category = std::random_access_iterator_tag;
        using value_type = T;
        using difference_type = std::ptrdiff_t;
        using pointer = const T*;
        using reference = const T&;

        Iterator() = default;
        explicit Iterator(const std::shared_ptr<const T>* at) : at_(at) {}
        reference operator*() const { return **at_; }
        pointer operator->() const { return at_->get(); }
        reference operator[](difference_type index) const { return *at_[index]; }
        Iterator& operator++() { return *this += 1; }
        Iterator& operator--() { return *this -= 1; }
        Iterator operator++(int) { return Iterator(at_++); }
        Iterator operator--(int) { return Iterator(at_--); }
        Iterator& operator+=(difference_type by) {
            at_ += by;
            return *this;
        }
        Iterator& operator-=(difference_type by) { return *this += -by; }
        friend Iterator operator+(Iterator it, difference_type by) { return it += by; }
        friend Iterator operator+(difference_type by, Iterator it) { return it += by; }
        friend Iterator operator-(Iterator it, difference_type by) { return it -= by; }
        friend difference_type operator-(Iterator left, Iterator right) {
            return left.at_ - right.at_;
        }
        friend auto operator<=>(Iterator, Iterator) = default;

      private:
        const std::shared_ptr<const T>* at_ = nullptr;
    };

    SharedList() = default;
    SharedList(std::initializer_list<T> items) : SharedList(std::vector<T>(items)) {}
    SharedList(std::vector<T> items) {
        if (items.empty()) return;
        edit([&](Items& list) {
            list.reserve(items.size());
            for (T& item : items) list.push_back(std::make_shared<const T>(std::move(item)));
        });
    }

    size_t size() const { return items_ ? items_->size() : 0; }
    bool empty() const { return size() == 0; }
    const T& operator[](size_t index) const { return *(*items_)[index]; }
    const T& front() const { return (*this)[0]; }
    const T& back() const { return (*this)[size() - 1]; }
    Iterator begin() const { return Iterator(items_ ? items_->data() : nullptr); }
    Iterator end() const { return begin() + static_cast<std::ptrdiff_t>(size()); }
    /// The item itself, to keep or to move to another list.
    const std::shared_ptr<const T>& shared(size_t index) const { return (*items_)[index]; }

    void push_back(T item) {
        edit([&](Items& list) { list.push_back(std::make_shared<const T>(std::move(item))); });
    }
    /// Calls `change(Items&)` on a copy of the pointers, which then becomes this list.
    template <typename Change>
    void edit(Change change) {
        auto items = std::make_shared<Items>();
        if (items_) {
            items->reserve(items_->size() + 1);
            *items = *items_;
        }
        change(*items);
        items_ = std::move(items);
    }

  private:
    std::shared_ptr<const Items> items_;
};

}  // namespace braid::manifest
