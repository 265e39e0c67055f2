// SPDX-License-Identifier: Apache-2.0
#include "serving/pgwire/message_reader.h"

#include <algorithm>
#include <array>
#include <span>

#include "base/error_makers.h"
#include "serving/pgwire/frontend_message.h"

namespace braid::serving::pgwire {

namespace {

constexpr size_t kReadBytes = 16 * 1024;
constexpr int64_t kForEver = -1;

Error bad_length(uint32_t length, size_t bytes_max) {
    if (length < 4) return invalid_input("invalid message length").with_sqlstate("08P01");
    return exhausted("a message of {} bytes is too long", length)
        .with_detail(fmt::format("At most {} bytes are taken here.", bytes_max))
        .with_hint("Send large values in several statements, or records by HTTP.")
        .with_sqlstate("54000");
}

}  // namespace

Result<int64_t> MessageReader::timeout_us(size_t size, int64_t deadline_us) const {
    if (deadline_us == kForEver) {
        // What holds of the share of all, or is about to, must not do so for ever.
        return size > kFreeBytes ? stand_still_us_max_ : kForEver;
    }
    const int64_t left_us = deadline_us - clock_.monotonic_us();
    if (left_us <= 0) return timeout("canceling authentication due to timeout");
    return left_us;
}

Result<size_t> MessageReader::arrived(Result<size_t> got, int64_t deadline_us) const {
    if (got || got.error().code() != ErrorCode::kTimeout || deadline_us != kForEver) return got;
    return unavailable("terminating connection because a large message stands still")
        .with_detail(
            fmt::format("Nothing more of it came for {} s.", stand_still_us_max_ / 1'000'000))
        .with_hint("Send a message of more than 64 KiB without a pause.")
        .with_sqlstate("08006");
}

Result<MessageReader::Filled> MessageReader::fill(size_t size, int64_t deadline_us) {
    while (buffer_.size() - used_ < size) {
        if (used_ > 0) {
            buffer_.erase(0, used_);
            used_ = 0;
        }
        const size_t kept = buffer_.size();
        const size_t room = std::max(size, kFreeBytes) - kept;
        const size_t wanted = size > kFreeBytes ? kReadBytes : std::min(kReadBytes, room);
        if (kept + wanted > buffer_.capacity() && kept + wanted > kFreeBytes) {
            const size_t grown = std::max(kept + wanted, 2 * buffer_.capacity());
            if (!held_.hold(grown)) return Filled::kRefused;
        }
        const int64_t wait_us = TRY(timeout_us(size, deadline_us));
        Result<size_t> got = size_t{0};
        buffer_.resize_and_overwrite(kept + wanted, [&](char* at, size_t) {
            got = stream_.read_some({at + kept, wanted}, wait_us);
            return kept + (got ? *got : 0);
        });
        if (TRY(arrived(std::move(got), deadline_us)) > 0) continue;
        if (kept == 0) return Filled::kEnded;
        return io_error("unexpected end of the connection");
    }
    return Filled::kYes;
}

Result<void> MessageReader::drop(size_t size) {
    size_t missing = size - (buffer_.size() - used_);
    buffer_ = {};
    used_ = 0;
    (void)held_.hold(0);
    std::array<char, kReadBytes> rest{};
    while (missing > 0) {
        const size_t wanted = std::min(missing, rest.size());
        const size_t got =
            TRY(arrived(stream_.read_some({rest.data(), wanted}, stand_still_us_max_), kForEver));
        if (got == 0) return io_error("unexpected end of the connection");
        missing -= got;
    }
    return {};
}

uint32_t MessageReader::word_at(size_t at) const {
    uint32_t value = 0;
    for (size_t i = 0; i < 4; ++i)
        value = value << 8 | static_cast<uint8_t>(buffer_[used_ + at + i]);
    return value;
}

Result<std::optional<MessageReader::Message>> MessageReader::next(size_t bytes_max,
                                                                  int64_t idle_us_max) {
    if (buffer_.capacity() > kFreeBytes && buffer_.size() - used_ <= kFreeBytes) {
        // A large message is rarely followed by another.
        buffer_ = std::string(std::string_view(buffer_).substr(used_));
        used_ = 0;
        (void)held_.hold(0);
    }
    const int64_t deadline_us = idle_us_max == 0 ? kForEver : clock_.monotonic_us() + idle_us_max;
    if (TRY(fill(1, deadline_us)) == Filled::kEnded) return std::optional<Message>();
    const char type = buffer_[used_];
    if (!is_message_type(type)) {
        return invalid_input("invalid frontend message type {}", static_cast<uint8_t>(type))
            .with_sqlstate("08P01");
    }
    TRY(fill(5, kForEver));
    const uint32_t length = word_at(1);
    if (length < 4 || length > bytes_max) return bad_length(length, bytes_max);
    if (TRY(fill(1 + size_t{length}, kForEver)) == Filled::kRefused) {
        Error refusal = held_.refusal();
        TRY(drop(1 + size_t{length}));
        return std::optional(Message{type, {}, std::move(refusal)});
    }
    const std::string_view body = std::string_view(buffer_).substr(used_ + 5, length - 4);
    used_ += 1 + size_t{length};
    return std::optional(Message{type, body});
}

Result<std::optional<std::string_view>> MessageReader::next_startup(size_t bytes_max,
                                                                    int64_t deadline_us) {
    if (TRY(fill(4, deadline_us)) == Filled::kEnded) return std::optional<std::string_view>();
    const uint32_t length = word_at(0);
    if (length < 8 || length > bytes_max) {
        return invalid_input("invalid length of startup packet").with_sqlstate("08P01");
    }
    TRY(fill(length, deadline_us));
    const std::string_view body = std::string_view(buffer_).substr(used_ + 4, length - 4);
    used_ += length;
    return std::optional(body);
}

}  // namespace braid::serving::pgwire
