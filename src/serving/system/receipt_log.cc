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

uint64_t bytes_of(const ReceiptLog::Entry& entry) {
    return sizeof(entry) + entry.statement.size() + entry.receipt->bytes_used();
}

}  // namespace

void ReceiptLog::add(int64_t finished_at_us, std::string_view statement,
                     std::shared_ptr<const runs::ReceiptSource> receipt) {
    Entry entry{.number = 0,
                .finished_at_us = finished_at_us,
                .statement = std::string(beginning(statement)),
                .receipt = std::move(receipt)};
    ScopedLock lock(mutex_);
    entry.number = next_number_++;
    take_in(entry);
    entries_.push_back(std::move(entry));
    while (bytes_ > bytes_max_ && entries_.size() > 1) drop_oldest();
}

void ReceiptLog::take_in(const Entry& entry) {
    bytes_ += bytes_of(entry);
    for (const runs::ReceiptSource::View& view : entry.receipt->views) {
        if (++shared_[view.runs.get()] == 1) bytes_ += view.runs->bytes_used();
    }
}

void ReceiptLog::drop_oldest() {
    const Entry& entry = entries_.front();
    bytes_ -= bytes_of(entry);
    for (const runs::ReceiptSource::View& view : entry.receipt->views) {
        const auto place = shared_.find(view.runs.get());
        if (--place->second > 0) continue;
        bytes_ -= view.runs->bytes_used();
        shared_.erase(place);
    }
    entries_.pop_front();
}

std::vector<ReceiptLog::Entry> ReceiptLog::entries() const {
    ScopedLock lock(mutex_);
    return {entries_.begin(), entries_.end()};
}

}  // namespace braid::serving
