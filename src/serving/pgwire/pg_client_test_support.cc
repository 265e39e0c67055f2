// SPDX-License-Identifier: Apache-2.0
#include "serving/pgwire/pg_client_test_support.h"

#include <fmt/format.h>

#include "base/check.h"

namespace braid::serving::pgwire {

namespace {

constexpr int64_t kTimeoutUs = 10'000'000;

uint32_t take(std::string_view& bytes, size_t size) {
    uint32_t value = 0;
    for (size_t i = 0; i < size; ++i) value = value << 8 | static_cast<uint8_t>(bytes[i]);
    bytes.remove_prefix(size);
    return value;
}

std::string take_text(std::string_view& bytes) {
    const size_t end = bytes.find('\0');
    std::string text(bytes.substr(0, end));
    bytes.remove_prefix(end + 1);
    return text;
}

/// Bytes that are no printable text as hex.
std::string shown(std::string_view bytes) {
    std::string hex = "\\x";
    bool printable = true;
    for (const char each : bytes) {
        printable &= each >= 0x20;
        hex += fmt::format("{:02x}", static_cast<unsigned char>(each));
    }
    return printable ? std::string(bytes) : hex;
}

std::string row_text(std::string_view body) {
    const uint32_t columns = take(body, 2);
    std::string out = "D ";
    for (uint32_t i = 0; i < columns; ++i) {
        if (i > 0) out += '|';
        const uint32_t size = take(body, 4);
        if (size == UINT32_MAX) {
            out += '~';
            continue;
        }
        out += shown(body.substr(0, size));
        body.remove_prefix(size);
    }
    return out;
}

std::string columns_text(std::string_view body) {
    const uint32_t columns = take(body, 2);
    std::string out = "T";
    for (uint32_t i = 0; i < columns; ++i) {
        const std::string name = take_text(body);
        body.remove_prefix(6);
        out += fmt::format(" {}:{}", name, take(body, 4));
        body.remove_prefix(6);
        if (take(body, 2) == 1) out += "b";
    }
    return out;
}

std::string fields_text(char type, std::string_view body) {
    std::string severity, code, text, rest;
    while (body[0] != '\0') {
        const char field = body[0];
        body.remove_prefix(1);
        const std::string value = take_text(body);
        if (field == 'S') severity = value;
        if (field == 'C') code = value;
        if (field == 'M') text = value;
        if (field == 'P' || field == 'H' || field == 'D')
            rest += fmt::format(" [{}{}]", field, value);
    }
    return fmt::format("{} {} {} {}{}", type, severity, code, text, rest);
}

}  // namespace

std::string word16(uint32_t value) {
    return {static_cast<char>(value >> 8), static_cast<char>(value)};
}
std::string word32(uint32_t value) { return word16(value >> 16) + word16(value & 0xFFFF); }

PgClient::PgClient(uint16_t port) {
    auto stream = net::Stream::connect("127.0.0.1", port, kTimeoutUs);
    CHECK(stream.has_value());
    stream_ = *std::move(stream);
}

PgClient& PgClient::raw(std::string_view bytes) {
    out_ += bytes;
    return *this;
}

PgClient& PgClient::message(char type, std::string_view body) {
    out_ += type;
    out_ += word32(static_cast<uint32_t>(body.size() + 4));
    return raw(body);
}

PgClient& PgClient::startup(const std::vector<std::pair<std::string, std::string>>& parameters,
                            uint32_t version) {
    std::string body = word32(version);
    for (const auto& [name, value] : parameters) body += name + '\0' + value + '\0';
    body += '\0';
    return raw(word32(static_cast<uint32_t>(body.size() + 4))).raw(body);
}

PgClient& PgClient::query(std::string_view text) { return message('Q', std::string(text) + '\0'); }

PgClient& PgClient::parse(std::string_view name, std::string_view text,
                          const std::vector<uint32_t>& oids) {
    std::string body = std::string(name) + '\0' + std::string(text) + '\0';
    body += word16(static_cast<uint32_t>(oids.size()));
    for (const uint32_t oid : oids) body += word32(oid);
    return message('P', body);
}

PgClient& PgClient::bind(std::string_view portal, std::string_view statement,
                         const std::vector<Value>& values,
                         const std::vector<bool>& result_is_binary) {
    std::string body = std::string(portal) + '\0' + std::string(statement) + '\0';
    body += word16(static_cast<uint32_t>(values.size()));
    for (const Value& value : values) body += word16(value.is_binary ? 1 : 0);
    body += word16(static_cast<uint32_t>(values.size()));
    for (const Value& value : values) {
        body += word32(value.bytes ? static_cast<uint32_t>(value.bytes->size()) : UINT32_MAX);
        if (value.bytes) body += *value.bytes;
    }
    body += word16(static_cast<uint32_t>(result_is_binary.size()));
    for (const bool is_binary : result_is_binary) body += word16(is_binary ? 1 : 0);
    return message('B', body);
}

PgClient& PgClient::describe(char kind, std::string_view name) {
    return message('D', kind + std::string(name) + '\0');
}

PgClient& PgClient::execute(std::string_view portal, uint32_t rows_max) {
    return message('E', std::string(portal) + '\0' + word32(rows_max));
}

PgClient& PgClient::close(char kind, std::string_view name) {
    return message('C', kind + std::string(name) + '\0');
}

void PgClient::send() {
    (void)stream_->write_all(out_, kTimeoutUs);
    out_.clear();
}

char PgClient::hear_byte() {
    send();
    std::string byte(1, '\0');
    CHECK(stream_->read_exact(byte, kTimeoutUs).has_value());
    return byte[0];
}

std::optional<std::string> PgClient::hear_one() {
    std::string head(5, '\0');
    if (!stream_->read_exact(head, kTimeoutUs)) return std::nullopt;
    std::string_view length = std::string_view(head).substr(1);
    std::string body(take(length, 4) - 4, '\0');
    if (!body.empty() && !stream_->read_exact(body, kTimeoutUs)) return std::nullopt;
    return describe_message(head[0], body);
}

std::vector<std::string> PgClient::hear() {
    send();
    is_ready_ = false;
    std::vector<std::string> lines;
    while (!is_ready_) {
        auto line = hear_one();
        if (!line) break;
        lines.push_back(*std::move(line));
    }
    return lines;
}

std::vector<std::string> PgClient::hear(size_t count) {
    send();
    std::vector<std::string> lines;
    while (lines.size() < count) {
        auto line = hear_one();
        if (!line) break;
        lines.push_back(*std::move(line));
    }
    return lines;
}

std::vector<std::string> PgClient::log_in() {
    return startup({{"user", "braid"}, {"database", "braid"}}).hear();
}

std::string PgClient::describe_message(char type, std::string_view body) {
    switch (type) {
        case 'D':
            return row_text(body);
        case 'T':
            return columns_text(body);
        case 'E':
        case 'N':
            return fields_text(type, body);
        case 'C':
            return "C " + take_text(body);
        case 'Z':
            is_ready_ = true;
            return "Z " + std::string(body);
        case 'K':
            process_ = take(body, 4);
            secret_ = take(body, 4);
            return "K";
        case 'S': {
            const std::string name = take_text(body);
            return "S " + name + "=" + take_text(body);
        }
        case 't': {
            std::string out = "t";
            for (uint32_t left = take(body, 2); left > 0; --left)
                out += fmt::format(" {}", take(body, 4));
            return out;
        }
        case 'v': {
            std::string out = fmt::format("v {}", take(body, 4) & 0xFFFF);
            for (uint32_t left = take(body, 4); left > 0; --left) out += " " + take_text(body);
            return out;
        }
        default:
            return std::string(1, type);
    }
}

}  // namespace braid::serving::pgwire
