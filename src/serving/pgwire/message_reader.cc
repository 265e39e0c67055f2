// SPDX-License-Identifier: Apache-2.0
#include "serving/pgwire/message_reader.h"

#include <span>

#include "base/error_makers.h"
#include "serving/pgwire/frontend_message.h"

namespace braid::serving::pgwire {

namespace {

constexpr size_t kReadBytes = 16 * 1024;
constexpr size_t kKeptBytes = 1 << 20;
constexpr int64_t kForEver = -1;

Error bad_length(uint32_t length, size_t bytes_max) {
    if (length < 4) return invalid_input("invalid message length").with_sqlstate("08P01");
    return exhausted("a message of {} bytes is too long", length)
        .with_detail(fmt::format("At most {} bytes are taken here.", bytes_max))
        .with_sqlstate("54000");
}

}  // namespace

Result<bool> MessageReader::fill(size_t size, int64_t deadline_us) {
    while (buffer_.size() - used_ < size) {
        if (used_ > 0) {
            buffer_.erase(0, used_);
            used_ = 0;
        }
        int64_t timeout_us = kForEver;
        if (deadline_us != kForEver) {
            timeout_us = deadline_us - clock_.monotonic_us();
            if (timeout_us <= 0) return timeout("canceling authentication due to timeout");
        }
        const size_t kept = buffer_.size();
        Result<size_t> got = size_t{0};
        buffer_.resize_and_overwrite(kept + kReadBytes, [&](char* at, size_t) {
            got = stream_.read_some({at + kept, kReadBytes}, timeout_us);
            return kept + (got ? *got : 0);
        });
        if (!got) return got.error();
        if (*got > 0) continue;
        if (kept == 0) return false;
        return io_error("unexpected end of the connection");
    }
    return true;
}

uint32_t MessageReader::word_at(size_t at) const {
    uint32_t value = 0;
    for (size_t i = 0; i < 4; ++i)
        value = value << 8 | static_cast<uint8_t>(buffer_[used_ + at + i]);
    return value;
}

Result<std::optional<MessageReader::Message>> MessageReader::next(size_t bytes_max,
                                                                  int64_t idle_us_max) {
    if (used_ == buffer_.size() && buffer_.capacity() > kKeptBytes) {
        buffer_ = {};  // a large message is rarely followed by another
        used_ = 0;
    }
    const int64_t deadline_us = idle_us_max == 0 ? kForEver : clock_.monotonic_us() + idle_us_max;
    if (!TRY(fill(1, deadline_us))) return std::optional<Message>();
    const char type = buffer_[used_];
    if (!is_message_type(type)) {
        return invalid_input("invalid frontend message type {}", static_cast<uint8_t>(type))
            .with_sqlstate("08P01");
    }
    if (!TRY(fill(5, kForEver))) return std::optional<Message>();
    const uint32_t length = word_at(1);
    if (length < 4 || length > bytes_max) return bad_length(length, bytes_max);
    if (!TRY(fill(1 + size_t{length}, kForEver))) return std::optional<Message>();
    const std::string_view body = std::string_view(buffer_).substr(used_ + 5, length - 4);
    used_ += 1 + size_t{length};
    return std::optional(Message{type, body});
}

Result<std::optional<std::string_view>> MessageReader::next_startup(size_t bytes_max,
                                                                    int64_t deadline_us) {
    if (!TRY(fill(4, deadline_us))) return std::optional<std::string_view>();
    const uint32_t length = word_at(0);
    if (length < 8 || length > bytes_max) {
        return invalid_input("invalid length of startup packet").with_sqlstate("08P01");
    }
    if (!TRY(fill(length, deadline_us))) return std::optional<std::string_view>();
    const std::string_view body = std::string_view(buffer_).substr(used_ + 4, length - 4);
    used_ += length;
    return std::optional(body);
}

}  // namespace braid::serving::pgwire
