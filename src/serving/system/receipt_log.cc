// SPDX-License-Identifier: Apache-2.0
#include "serving/system/receipt_log.h"

#include <utility>

namespace braid::serving {

namespace {

constexpr size_t kStatementBytesMax = 512;

/// A prefix that does not cut a character in two.
std::string_view beginning(std::string_view text) {
    if (text.size() <= kStatementBytesMax) return text;
    size_t end = kStatementBytesMax;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
    return text.substr(0, end);
}

}  // namespace

void ReceiptLog::add(int64_t finished_at_us, std::string_view statement,
                     std::shared_ptr<const runs::Receipt> receipt) {
    Entry entry{.number = 0,
                .finished_at_us = finished_at_us,
                .statement = std::string(beginning(statement)),
                .receipt = std::move(receipt)};
    ScopedLock lock(mutex_);
    entry.number = next_number_++;
    entries_.push_back(std::move(entry));
    if (entries_.size() > entries_max_) entries_.pop_front();
}

std::vector<ReceiptLog::Entry> ReceiptLog::entries() const {
    ScopedLock lock(mutex_);
    return {entries_.begin(), entries_.end()};
}

}  // namespace braid::serving
