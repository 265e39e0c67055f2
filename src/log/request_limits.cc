// SPDX-License-Identifier: Apache-2.0
#include "log/request_limits.h"

#include "base/error_makers.h"

namespace braid::log {

namespace {

constexpr uint64_t kRequestBytesMax = 1ULL << 30;

}  // namespace

Result<void> check_request(const AppendRequest& request) {
    uint64_t bytes = request.preamble.size();
    for (const std::string_view record : request.records) bytes += record.size();
    if (bytes > kRequestBytesMax) {
        return invalid_input("request of {} bytes exceeds the limit of {}", bytes,
                             kRequestBytesMax);
    }
    if (!request.key) return {};
    const size_t key_bytes = request.key->key.size();
    if (key_bytes >= 1 && key_bytes <= kKeyBytesMax) return {};
    return invalid_input("idempotency key must have 1 to {} bytes, not {}", kKeyBytesMax,
                         key_bytes);
}

}  // namespace braid::log
