// SPDX-License-Identifier: Apache-2.0
#include "operators/expr/memo_internal.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "base/hash.h"
#include "operators/expr/body_internal.h"

namespace braid::operators {

namespace {

constexpr int32_t kNullCode = -1;
constexpr int32_t kFirstPendingCode = -2;
constexpr size_t kChunkBytes = size_t{64} << 10;
constexpr size_t kPrefetchDistance = 12;

constexpr int32_t pending_code(size_t missing) {
    return kFirstPendingCode - static_cast<int32_t>(missing);
}
constexpr size_t missing_of(int32_t code) { return static_cast<size_t>(kFirstPendingCode - code); }

}  // namespace

Evaluated MemoCache::look_up(const Column& texts, const Type& result, const Compute& compute) {
    const size_t rows = texts.length();
    if (entry_count_ + rows > kEntriesMax || key_bytes_ > kKeyBytesMax) clear();
    // Room for all rows at once, so that no entry moves below.
    while (entries_.size() < 2 * (entry_count_ + rows)) grow();

    const Reader<std::string_view> in(texts);
    const std::span<const uint8_t> validity = texts.validity();
    hashes_.resize(rows);
    for (size_t row = 0; row < rows; ++row) {
        hashes_[row] = validity.empty() || validity[row] != 0 ? hash64(in[row]) : 0;
    }
    const size_t mask = entries_.size() - 1;
    std::vector<int32_t> codes(rows, kNullCode);
    Missing missing;
    for (size_t row = 0; row < rows; ++row) {
        if (row + kPrefetchDistance < rows) {
            __builtin_prefetch(&entries_[hashes_[row + kPrefetchDistance] & mask]);
        }
        if (!validity.empty() && validity[row] == 0) continue;
        const size_t at = find(hashes_[row], in[row]);
        if (entries_[at].bytes == nullptr) {
            const std::string_view kept = keep(in[row]);
            entries_[at] = {hashes_[row], kept.data(), static_cast<uint32_t>(kept.size()),
                            pending_code(missing.rows.size())};
            ++entry_count_;
            missing.rows.push_back(static_cast<uint32_t>(row));
            missing.entries.push_back(at);
        }
        codes[row] = entries_[at].code;
    }
    Evaluated out;
    if (!missing.rows.empty()) {
        std::vector<RowError> failed;
        fill(texts, missing, compute, failed);
        for (size_t row = 0; row < rows; ++row) {
            if (codes[row] > kFirstPendingCode) continue;
            const size_t index = missing_of(codes[row]);
            codes[row] = entries_[missing.entries[index]].code;
            const auto error = std::ranges::lower_bound(failed, index, {}, &RowError::row);
            if (error == failed.end() || error->row != index) continue;
            out.errors.push_back({static_cast<uint32_t>(row), error->error});
        }
    }
    refresh_dictionary(result);
    out.column = Column::dictionary(dictionary_, std::move(codes));
    // A failure is not remembered, and its entry cannot be taken out alone.
    if (!out.errors.empty()) clear();
    return out;
}

void MemoCache::fill(const Column& texts, const Missing& missing, const Compute& compute,
                     std::vector<RowError>& failed) {
    Evaluated computed = compute(texts.gather(missing.rows));
    CHECK_EQ(computed.column.length(), missing.rows.size());
    failed = std::move(computed.errors);
    for (size_t i = 0; i < missing.rows.size(); ++i) {
        const bool is_null = computed.column.is_null(i);
        entries_[missing.entries[i]].code =
            is_null ? kNullCode : code_of(computed.column.at<std::string_view>(i));
    }
}

void MemoCache::refresh_dictionary(const Type& result) {
    if (dictionary_.length() == results_.size() && dictionary_.type() == result) return;
    ColumnBuilder builder(result, results_.size());
    for (const std::string_view text : results_) builder.append_text(text);
    dictionary_ = builder.finish();
}

int32_t MemoCache::code_of(std::string_view result) {
    const auto found = codes_.find(result);
    if (found != codes_.end()) return found->second;
    const auto code = static_cast<int32_t>(results_.size());
    results_.push_back(codes_.emplace(std::string(result), code).first->first);
    return code;
}

size_t MemoCache::find(uint64_t hash, std::string_view text) const {
    const size_t mask = entries_.size() - 1;
    size_t at = hash & mask;
    while (true) {
        const Entry& entry = entries_[at];
        if (entry.bytes == nullptr) return at;
        if (entry.hash == hash && std::string_view(entry.bytes, entry.size) == text) return at;
        at = (at + 1) & mask;
    }
}

std::string_view MemoCache::keep(std::string_view text) {
    // Never null, not even for an empty text: null means that an entry is free.
    const size_t size = std::max<size_t>(text.size(), 1);
    if (size > free_bytes_) {
        const size_t chunk = std::max(size, kChunkBytes);
        chunks_.push_back(std::make_unique_for_overwrite<char[]>(chunk));
        free_ = chunks_.back().get();
        free_bytes_ = chunk;
    }
    char* const at = free_;
    if (!text.empty()) std::memcpy(at, text.data(), text.size());
    free_ += size;
    free_bytes_ -= size;
    key_bytes_ += size;
    return {at, text.size()};
}

void MemoCache::grow() {
    std::vector<Entry> old = std::exchange(entries_, {});
    entries_.resize(std::max<size_t>(1024, 2 * old.size()));
    for (const Entry& entry : old) {
        if (entry.bytes == nullptr) continue;
        entries_[find(entry.hash, {entry.bytes, entry.size})] = entry;
    }
}

void MemoCache::clear() {
    std::ranges::fill(entries_, Entry{});
    entry_count_ = 0;
    key_bytes_ = 0;
    chunks_.clear();
    free_ = nullptr;
    free_bytes_ = 0;
    codes_.clear();
    results_.clear();
    // Columns given out share the old dictionary; the next miss makes a new one.
    dictionary_ = Column();
}

}  // namespace braid::operators
