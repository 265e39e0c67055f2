// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <utility>
#include <vector>

#include "base/check.h"

namespace braid::catalog {

/// A value that copies share until one of them changes it. Copying costs one reference count.
/// Copies may be read, changed and let go in different threads; one of them by one thread at a
/// time.
template <typename T>
class Shared {
  public:
    Shared() : Shared(T()) {}
    explicit Shared(T value) : cell_(new Cell(std::move(value))) {}
    Shared(const Shared& other) : cell_(other.cell_) {
        if (cell_ != nullptr) cell_->holders.fetch_add(1, std::memory_order_relaxed);
    }
    Shared(Shared&& other) noexcept : cell_(std::exchange(other.cell_, nullptr)) {}
    Shared& operator=(Shared other) noexcept {
        std::swap(cell_, other.cell_);
        return *this;
    }
    ~Shared() {
        if (cell_ == nullptr) return;
        if (cell_->holders.fetch_sub(1, std::memory_order_acq_rel) == 1) delete cell_;
    }

    const T& operator*() const { return cell_->value; }
    const T* operator->() const { return &cell_->value; }
    /// To be changed: this holder's own from now on. Holds until the next copy is made of it.
    T& edit() {
        if (cell_->holders.load(std::memory_order_acquire) != 1) *this = Shared(T(cell_->value));
        return cell_->value;
    }

  private:
    struct Cell {
        explicit Cell(T given) : value(std::move(given)) {}
        std::atomic<uint64_t> holders = 1;
        T value;
    };
    Cell* cell_;
};

/// An ordered map that many states share. Copying one of n entries copies n / 32 pointers, changing
/// one entry of a copy copies that entry and at most 64 pointers more. Reads like a
/// std::map of const values; what is to change is asked for by edit(). Copies may be read and
/// changed in different threads; one of them by one thread at a time.
template <typename Key, typename Value>
class SharedMap {
  public:
    using Entry = std::pair<const Key, Value>;

  private:
    /// Ascending by key; in a map none is empty.
    using Chunk = std::vector<Shared<Entry>>;
    static constexpr size_t kChunkMax = 64;

  public:
    class Iterator {
      public:
        using iterator_category = std::forward_iterator_tag;
        using value_type = Entry;
        using difference_type = std::ptrdiff_t;
        using pointer = const Entry*;
        using reference = const Entry&;

        Iterator() = default;
        reference operator*() const { return *(**chunk_)[at_]; }
        pointer operator->() const { return &**this; }
        Iterator& operator++() {
            if (++at_ == (*chunk_)->size()) {
                ++chunk_;
                at_ = 0;
            }
            return *this;
        }
        Iterator operator++(int) {
            Iterator before = *this;
            ++*this;
            return before;
        }
        friend bool operator==(const Iterator&, const Iterator&) = default;

      private:
        friend SharedMap;
        Iterator(const Shared<Chunk>* chunk, size_t at) : chunk_(chunk), at_(at) {}
        const Shared<Chunk>* chunk_ = nullptr;
        size_t at_ = 0;
    };

    size_t size() const { return size_; }
    bool empty() const { return size_ == 0; }
    Iterator begin() const { return Iterator(chunks_.data(), 0); }
    Iterator end() const { return Iterator(chunks_.data() + chunks_.size(), 0); }
    /// The first entry that is not below the key.
    Iterator lower_bound(const Key& key) const {
        const size_t chunk = chunk_of(key);
        if (chunk == chunks_.size()) return end();
        return Iterator(chunks_.data() + chunk, place_in(*chunks_[chunk], key));
    }
    Iterator find(const Key& key) const {
        const Iterator found = lower_bound(key);
        return found != end() && found->first == key ? found : end();
    }
    bool contains(const Key& key) const { return find(key) != end(); }
    /// It must be there.
    const Value& at(const Key& key) const {
        const Iterator found = find(key);
        CHECK(found != end());
        return found->second;
    }

    /// The value, to be changed; it must be there. Holds until this map is copied.
    Value& edit(const Key& key) {
        CHECK(contains(key));
        return (*this)[key];
    }
    /// The same; an empty one is put in where there is none.
    Value& operator[](const Key& key) {
        size_t index = chunk_of(key);
        if (chunks_.empty()) chunks_.emplace_back();
        if (index == chunks_.size()) --index;
        size_t place = place_in(*chunks_[index], key);
        const Chunk& there = *chunks_[index];
        if (place == there.size() || there[place]->first != key) {
            if (there.size() == kChunkMax) {
                // Keys that rise fill one after the other.
                const size_t kept = place == kChunkMax ? kChunkMax : kChunkMax / 2;
                split(index, kept);
                if (place >= kept) {
                    ++index;
                    place -= kept;
                }
            }
            Chunk& chunk = chunks_[index].edit();
            chunk.emplace(chunk.begin() + static_cast<std::ptrdiff_t>(place), Entry(key, Value()));
            ++size_;
        }
        return chunks_[index].edit()[place].edit().second;
    }
    /// Puts in or replaces.
    void put(const Key& key, Value value) { (*this)[key] = std::move(value); }
    /// How many went: 0 or 1.
    size_t erase(const Key& key) {
        const size_t index = chunk_of(key);
        if (index == chunks_.size()) return 0;
        const size_t place = place_in(*chunks_[index], key);
        if ((*chunks_[index])[place]->first != key) return 0;
        Chunk& chunk = chunks_[index].edit();
        chunk.erase(chunk.begin() + static_cast<std::ptrdiff_t>(place));
        --size_;
        if (index > 0 && (chunk.empty() || chunks_[index - 1]->size() + chunk.size() < kChunkMax)) {
            join(index - 1);
        } else if (chunk.empty()) {
            chunks_.erase(chunks_.begin() + static_cast<std::ptrdiff_t>(index));
        }
        return 1;
    }

  private:
    /// The first that ends at or above the key.
    size_t chunk_of(const Key& key) const {
        const auto found = std::ranges::lower_bound(
            chunks_, key, {},
            [](const Shared<Chunk>& each) -> const Key& { return each->back()->first; });
        return static_cast<size_t>(found - chunks_.begin());
    }
    static size_t place_in(const Chunk& chunk, const Key& key) {
        const auto found = std::ranges::lower_bound(
            chunk, key, {}, [](const Shared<Entry>& each) -> const Key& { return each->first; });
        return static_cast<size_t>(found - chunk.begin());
    }
    void split(size_t index, size_t kept) {
        Chunk& chunk = chunks_[index].edit();
        const auto middle = chunk.begin() + static_cast<std::ptrdiff_t>(kept);
        Chunk above(std::make_move_iterator(middle), std::make_move_iterator(chunk.end()));
        chunk.erase(middle, chunk.end());
        chunks_.insert(chunks_.begin() + static_cast<std::ptrdiff_t>(index) + 1,
                       Shared<Chunk>(std::move(above)));
    }
    /// With the one behind it.
    void join(size_t index) {
        const auto next = chunks_.begin() + static_cast<std::ptrdiff_t>(index) + 1;
        Chunk& chunk = chunks_[index].edit();
        chunk.insert(chunk.end(), (*next)->begin(), (*next)->end());
        chunks_.erase(next);
    }

    std::vector<Shared<Chunk>> chunks_;
    size_t size_ = 0;
};

}  // namespace braid::catalog
