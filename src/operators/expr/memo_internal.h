// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "columnar/column.h"
#include "operators/expr/evaluator.h"

namespace braid::operators {

/// Remembers what a dear function of one text gave, across batches: text -> code into a dictionary
/// of results. Bounded; when it is full it forgets everything and begins again. Not thread-safe.
class MemoCache {
  public:
    /// Arithmetic: 64 Ki entries of 24 bytes at half load are 3 MiB, keys of at most 16 MiB beside
    /// them.
    static constexpr size_t kEntriesMax = 65'536;
    static constexpr size_t kKeyBytesMax = size_t{16} << 20;

    /// Computes the values that are missing: one result per text of the column given.
    using Compute = std::function<Evaluated(const Column& missing)>;

    /// The function's values for the active rows (validity 1, or all where empty) of a flat text
    /// column, as a dictionary column of type `result`.
    Evaluated look_up(const Column& texts, const Type& result, const Compute& compute);

    size_t entry_count() const { return entry_count_; }

  private:
    struct Entry {
        uint64_t hash = 0;
        const char* bytes = nullptr;  // null = free
        uint32_t size = 0;
        int32_t code = 0;  // -1 = NULL; below: not computed yet, only within look_up
    };
    struct Missing {
        std::vector<uint32_t> rows;  // first row of each missing text
        std::vector<size_t> entries;
    };

    void clear();
    void grow();
    size_t find(uint64_t hash, std::string_view text) const;
    std::string_view keep(std::string_view text);
    void fill(const Column& texts, const Missing& missing, const Compute& compute,
              std::vector<RowError>& failed);
    void refresh_dictionary(const Type& result);
    int32_t code_of(std::string_view result);

    std::vector<Entry> entries_;
    size_t entry_count_ = 0;
    size_t key_bytes_ = 0;
    std::vector<std::unique_ptr<char[]>> chunks_;
    char* free_ = nullptr;
    size_t free_bytes_ = 0;
    std::vector<uint64_t> hashes_;  // scratch, per row
    std::map<std::string, int32_t, std::less<>> codes_;
    std::vector<std::string_view> results_;  // keys of codes_, by code
    Column dictionary_;                      // of results_, as of its length
};

}  // namespace braid::operators
