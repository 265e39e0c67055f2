// SPDX-License-Identifier: Apache-2.0
#include "serving/pgwire/foreign_values.h"

#include <algorithm>
#include <arpa/inet.h>
#include <bit>
#include <cstdint>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "base/error_makers.h"
#include "columnar/text_io.h"
#include "columnar/type.h"

namespace braid::serving::pgwire {

namespace {

enum Oid : uint32_t {
    kBytea = 17,
    kJson = 114,
    kXml = 142,
    kFloat4 = 700,
    kUnknown = 705,
    kInet = 869,
    kCidr = 650,
    kBpchar = 1042,
    kTime = 1083,
    kUuid = 2950,
    kJsonb = 3802,
};

struct Array {
    uint32_t array;
    uint32_t element;
};
constexpr Array kArrays[] = {{1001, kBytea}, {199, kJson},  {143, kXml},     {1021, kFloat4},
                             {1041, kInet},  {651, kCidr},  {1014, kBpchar}, {1183, kTime},
                             {2951, kUuid},  {3807, kJsonb}};

Error bad_binary(std::string_view what) {
    return invalid_input("incorrect binary data format in bind parameter of type {}", what)
        .with_sqlstate("22P03");
}

std::string hex_of(std::string_view bytes) {
    std::string out;
    for (const char each : bytes) out += fmt::format("{:02x}", static_cast<uint8_t>(each));
    return out;
}

std::string with_hyphens(const std::string& digits) {
    return digits.substr(0, 8) + '-' + digits.substr(8, 4) + '-' + digits.substr(12, 4) + '-' +
           digits.substr(16, 4) + '-' + digits.substr(20);
}

Result<std::string> time_text(std::string_view bytes) {
    constexpr uint64_t kDayUs = 86'400'000'000;
    if (bytes.size() != sizeof(uint64_t)) return bad_binary("time");
    uint64_t us = 0;
    for (const char each : bytes) us = us << 8 | static_cast<uint8_t>(each);
    if (us > kDayUs) return bad_binary("time");
    const uint64_t seconds = us / 1'000'000;
    std::string out =
        fmt::format("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    if (us % 1'000'000 != 0) {
        out += fmt::format(".{:06}", us % 1'000'000);
        while (out.back() == '0') out.pop_back();
    }
    return out;
}

/// Family, bits of the mask, whether it is a cidr, length, address.
Result<std::string> address_text(std::string_view bytes, bool is_cidr) {
    constexpr char kFamilyV4 = 2;
    constexpr char kFamilyV6 = 3;
    constexpr size_t kHeader = 4;
    const bool is_v4 = bytes.size() == kHeader + 4 && bytes[0] == kFamilyV4;
    const bool is_v6 = bytes.size() == kHeader + 16 && bytes[0] == kFamilyV6;
    if (!is_v4 && !is_v6) return bad_binary(is_cidr ? "cidr" : "inet");
    char text[INET6_ADDRSTRLEN] = {};
    if (inet_ntop(is_v4 ? AF_INET : AF_INET6, bytes.data() + kHeader, text, sizeof text) ==
        nullptr) {
        return bad_binary("inet");
    }
    const int bits = static_cast<uint8_t>(bytes[1]);
    if (!is_cidr && bits == (is_v4 ? 32 : 128)) return std::string(text);
    return fmt::format("{}/{}", text, bits);
}

Result<std::string> plain_text(std::string_view bytes) {
    if (!is_valid_utf8(bytes) || bytes.find('\0') != std::string_view::npos) {
        return invalid_input("invalid byte sequence for encoding \"UTF8\"").with_sqlstate("22021");
    }
    return std::string(bytes);
}

Result<std::string> text_of(uint32_t oid, std::string_view bytes) {
    switch (oid) {
        case kUuid:
            if (bytes.size() != 16) return bad_binary("uuid");
            return with_hyphens(hex_of(bytes));
        case kBytea:
            return "\\x" + hex_of(bytes);
        case kJsonb:
            if (bytes.empty() || bytes[0] != 1) return bad_binary("jsonb");
            return plain_text(bytes.substr(1));
        case kTime:
            return time_text(bytes);
        case kInet:
        case kCidr:
            return address_text(bytes, oid == kCidr);
        case kJson:
        case kXml:
        case kBpchar:
        case kUnknown:
            return plain_text(bytes);
        case kFloat4: {
            if (bytes.size() != sizeof(uint32_t)) return bad_binary("real");
            uint32_t bits = 0;
            for (const char each : bytes) bits = bits << 8 | static_cast<uint8_t>(each);
            std::string out;
            format_double(double{std::bit_cast<float>(bits)}, out);
            return out;
        }
        default:
            break;
    }
    Type type;
    if (!type_of_oid(oid, type)) {
        return Error(unsupported("values of the type with OID {} are not read in binary", oid))
            .with_hint("Send them as text.");
    }
    std::string out;
    format_text(TRY(parse_binary(bytes, type)), utc_format(), out);
    return out;
}

uint32_t element_of_array(uint32_t oid) {
    const auto* const array = std::ranges::find(kArrays, oid, &Array::array);
    return array == std::end(kArrays) ? 0 : array->element;
}

bool is_element(uint32_t oid) {
    return std::ranges::find(kArrays, oid, &Array::element) != std::end(kArrays);
}

Result<std::string> uuid_text(std::string_view text) {
    std::string digits;
    for (const char each : text) {
        if (each != '-' && each != '{' && each != '}') digits += each;
    }
    const bool is_uuid = digits.size() == 32 &&
                         digits.find_first_not_of("0123456789abcdefABCDEF") == std::string::npos;
    if (!is_uuid) {
        return invalid_input("invalid input syntax for type uuid: \"{}\"", text)
            .with_sqlstate("22P02");
    }
    std::ranges::transform(digits, digits.begin(), [](char each) {
        return each >= 'A' && each <= 'F' ? static_cast<char>(each - 'A' + 'a') : each;
    });
    return with_hyphens(digits);
}

}  // namespace

bool is_foreign_type(uint32_t oid) { return is_element(oid) || element_of_array(oid) != 0; }

Result<std::string> foreign_text(uint32_t oid, std::string_view binary) {
    if (element_of_array(oid) == 0) return text_of(oid, binary);
    return array_text_of_binary(binary, text_of);
}

Result<std::string> normalised_text(uint32_t oid, std::string_view text) {
    if (oid == kUuid) return uuid_text(text);
    if (element_of_array(oid) != kUuid) return std::string(text);
    std::vector<int32_t> dimensions;
    ArrayElements elements = TRY(parse_array_text(text, &dimensions));
    for (auto& element : elements) {
        if (element) element = TRY(uuid_text(*element));
    }
    return format_array_text(elements, dimensions);
}

}  // namespace braid::serving::pgwire
