// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error_makers.h"
#include "base/result.h"
#include "columnar/ascii.h"
#include "columnar/binary_io_internal.h"
#include "columnar/text_io_internal.h"

namespace braid::text_io {
namespace {

using binary_io::append_big_endian;
using binary_io::bad_size;
using binary_io::read_big_endian;

constexpr uint32_t kAclItemOid = 1033;

/// What the elements of an array are on the wire.
struct ElementFacts {
    uint32_t oid;
    size_t integer_bytes;  // 0: text
};

ElementFacts element_of(TypeAlias alias) {
    switch (alias) {
        case TypeAlias::kNameArray:
            return {Type::aliased(TypeKind::kText, TypeAlias::kName).oid(), 0};
        case TypeAlias::kOidArray:
            return {Type::aliased(TypeKind::kInt8, TypeAlias::kOid).oid(), sizeof(uint32_t)};
        case TypeAlias::kInt2Array:
        case TypeAlias::kInt2Vector:
            return {Type::aliased(TypeKind::kInt4, TypeAlias::kInt2).oid(), sizeof(int16_t)};
        case TypeAlias::kCharArray:
            return {Type::aliased(TypeKind::kText, TypeAlias::kChar).oid(), 0};
        case TypeAlias::kAclArray:
            return {kAclItemOid, 0};
        default:
            return {Type::of(TypeKind::kText).oid(), 0};
    }
}

struct Element {
    std::string text;
    bool is_null = false;
};

/// One element up to its comma or the closing brace, which is left.
Element read_element(std::string_view& rest) {
    Element element;
    bool quoted = false;
    size_t at = 0;
    while (at < rest.size() && ascii::is_space(rest[at])) at++;
    size_t kept = 0;  // blanks behind an unquoted element do not count
    bool inside = false;
    for (; at < rest.size() && (inside || (rest[at] != ',' && rest[at] != '}')); at++) {
        if (rest[at] == '"') {
            inside = !inside;
            quoted = true;
            continue;
        }
        const bool escaped = rest[at] == '\\' && at + 1 < rest.size();
        if (escaped) at++;
        element.text += rest[at];
        if (inside || escaped || !ascii::is_space(rest[at])) kept = element.text.size();
    }
    element.text.resize(kept);
    element.is_null = !quoted && ascii::equals_ignoring_case(element.text, "null");
    rest.remove_prefix(at);
    return element;
}

/// Elements of a literal of one dimension; an int2vector has blanks instead of braces and commas.
std::vector<Element> read_elements(std::string_view literal, TypeAlias alias) {
    std::vector<Element> elements;
    std::string_view rest = ascii::trimmed(literal);
    if (alias == TypeAlias::kInt2Vector) {
        while (!rest.empty()) {
            const size_t end = std::min(rest.find(' '), rest.size());
            elements.push_back({std::string(rest.substr(0, end))});
            rest = ascii::trimmed(rest.substr(end));
        }
        return elements;
    }
    if (rest.starts_with('{')) rest.remove_prefix(1);
    if (ascii::trimmed(rest) == "}") return elements;
    while (!rest.empty()) {
        elements.push_back(read_element(rest));
        if (!rest.starts_with(',')) break;
        rest.remove_prefix(1);
    }
    return elements;
}

void append_element_binary(const Element& element, size_t integer_bytes, std::string& out) {
    constexpr int32_t kNullLength = -1;
    if (element.is_null) return append_big_endian(kNullLength, out);
    if (integer_bytes == 0) {
        append_big_endian(static_cast<int32_t>(element.text.size()), out);
        out += element.text;
        return;
    }
    int64_t value = 0;
    std::from_chars(element.text.data(), element.text.data() + element.text.size(), value);
    append_big_endian(static_cast<int32_t>(integer_bytes), out);
    if (integer_bytes == sizeof(int16_t))
        return append_big_endian(static_cast<int16_t>(value), out);
    append_big_endian(static_cast<uint32_t>(value), out);
}

void append_quoted(std::string_view text, std::string& out) {
    const bool plain = !text.empty() && !ascii::equals_ignoring_case(text, "null") &&
                       text.find_first_of("{}\",\\ \t\n\v\f\r") == std::string_view::npos;
    if (plain) {
        out += text;
        return;
    }
    out += '"';
    for (const char c : text) {
        if (c == '"' || c == '\\') out += '\\';
        out += c;
    }
    out += '"';
}

/// The bytes of one element as text; false if they cannot be that.
bool append_element_text(std::string_view bytes, size_t integer_bytes, std::string& out) {
    if (integer_bytes == 0) {
        if (!is_valid_utf8(bytes)) return false;
        append_quoted(bytes, out);
        return true;
    }
    if (bytes.size() != integer_bytes) return false;
    format_int(integer_bytes == sizeof(int16_t) ? int64_t{read_big_endian<int16_t>(bytes.data())}
                                                : int64_t{read_big_endian<uint32_t>(bytes.data())},
               out);
    return true;
}

}  // namespace

void format_array_binary(std::string_view literal, TypeAlias alias, std::string& out) {
    const ElementFacts facts = element_of(alias);
    const std::vector<Element> elements = read_elements(literal, alias);
    const bool any_null = std::ranges::any_of(elements, &Element::is_null);
    const bool vector = alias == TypeAlias::kInt2Vector;
    const int32_t dimensions = elements.empty() && !vector ? 0 : 1;
    append_big_endian(dimensions, out);
    append_big_endian(int32_t{any_null ? 1 : 0}, out);
    append_big_endian(facts.oid, out);
    if (dimensions == 0) return;
    append_big_endian(static_cast<int32_t>(elements.size()), out);
    append_big_endian(int32_t{vector ? 0 : 1}, out);  // the first index
    for (const Element& element : elements)
        append_element_binary(element, facts.integer_bytes, out);
}

Result<std::string> parse_array_binary(std::string_view bytes, TypeAlias alias) {
    constexpr size_t kHeaderBytes = 12;
    constexpr size_t kDimensionBytes = 8;
    constexpr size_t kLengthBytes = 4;
    const ElementFacts facts = element_of(alias);
    const bool vector = alias == TypeAlias::kInt2Vector;
    std::string literal = vector ? "" : "{";
    if (bytes.size() < kHeaderBytes) return bad_size();
    const auto dimensions = read_big_endian<int32_t>(bytes.data());
    const auto oid = read_big_endian<uint32_t>(bytes.data() + 8);
    if (oid != facts.oid) {
        return invalid_input("wrong element type: {}", oid).with_sqlstate("42804");
    }
    bytes.remove_prefix(kHeaderBytes);
    if (dimensions > 1) return unsupported("arrays of {} dimensions", dimensions);
    int32_t count = 0;
    if (dimensions == 1) {
        if (bytes.size() < kDimensionBytes) return bad_size();
        count = read_big_endian<int32_t>(bytes.data());
        bytes.remove_prefix(kDimensionBytes);
    }
    for (int32_t i = 0; i < count; i++) {
        if (bytes.size() < kLengthBytes) return bad_size();
        const auto length = read_big_endian<int32_t>(bytes.data());
        bytes.remove_prefix(kLengthBytes);
        if (i > 0) literal += vector ? ' ' : ',';
        if (length < 0) {
            literal += "NULL";
            continue;
        }
        const auto size = static_cast<size_t>(length);
        if (bytes.size() < size) return bad_size();
        if (!append_element_text(bytes.substr(0, size), facts.integer_bytes, literal))
            return bad_size();
        bytes.remove_prefix(size);
    }
    if (!bytes.empty()) return bad_size();
    if (!vector) literal += '}';
    return literal;
}

}  // namespace braid::text_io
