// SPDX-License-Identifier: Apache-2.0
#include "operators/fold/failed_events.h"

#include <cstring>
#include <iterator>

#include "base/error_makers.h"

namespace braid::operators {

namespace {

constexpr uint64_t kSignBit = uint64_t{1} << 63;
constexpr size_t kEventBytes = sizeof(uint32_t) + sizeof(uint64_t);

/// What an entry takes beside its reason: the node of the map.
constexpr size_t kEntryBytes = sizeof(std::map<EventId, std::string>::value_type) + 32;

/// The first bytes of a reason, as whole characters.
std::string_view shortened(std::string_view reason) {
    if (reason.size() <= FailedEvents::kReasonBytesMax) return reason;
    size_t size = FailedEvents::kReasonBytesMax;
    while (size > 0 && (static_cast<uint8_t>(reason[size]) & 0xC0) == 0x80) --size;
    return reason.substr(0, size);
}

}  // namespace

void FailedEvents::add(EventId event, std::string_view reason) {
    if (kept_.size() == kKeptMax && std::prev(kept_.end())->first < event) return;
    const auto [place, is_new] = kept_.emplace(event, shortened(reason));
    if (!is_new) return;
    bytes_ += kEntryBytes + place->second.size();
    if (kept_.size() <= kKeptMax) return;
    const auto last = std::prev(kept_.end());
    bytes_ -= kEntryBytes + last->second.size();
    kept_.erase(last);
}

void FailedEvents::merge(const FailedEvents& other) {
    for (const auto& [event, reason] : other.kept_) add(event, reason);
}

Result<void> FailedEvents::merge_encoded(std::string_view event, std::string_view reason) {
    add(TRY(decode_event(event)), reason);
    return {};
}

std::string encode_event(EventId event) {
    const uint32_t partition = __builtin_bswap32(event.partition.value);
    const uint64_t offset = __builtin_bswap64(static_cast<uint64_t>(event.offset.value) ^ kSignBit);
    std::string bytes(kEventBytes, '\0');
    std::memcpy(bytes.data(), &partition, sizeof partition);
    std::memcpy(bytes.data() + sizeof partition, &offset, sizeof offset);
    return bytes;
}

Result<EventId> decode_event(std::string_view bytes) {
    if (bytes.size() != kEventBytes) return corrupt("a failed event has {} bytes", bytes.size());
    uint32_t partition = 0;
    uint64_t offset = 0;
    std::memcpy(&partition, bytes.data(), sizeof partition);
    std::memcpy(&offset, bytes.data() + sizeof partition, sizeof offset);
    return EventId{{__builtin_bswap32(partition)},
                   {static_cast<int64_t>(__builtin_bswap64(offset) ^ kSignBit)}};
}

}  // namespace braid::operators
