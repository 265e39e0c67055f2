// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/error_makers.h"
#include "base/result.h"
#include "columnar/ascii.h"
#include "columnar/binary_io_internal.h"
#include "columnar/text_io.h"
#include "columnar/text_io_internal.h"

namespace braid {

namespace {

constexpr size_t kDimensionsMax = 6;  // PostgreSQL's MAXDIM

bool is_null_word(std::string_view text) { return ascii::equals_ignoring_case(text, "null"); }

/// Reads '{a,"b c",NULL}' from left to right.
class ArrayReader {
  public:
    explicit ArrayReader(std::string_view text) : text_(text) {}

    Result<void> run() {
        skip_blanks();
        if (!take('{'))
            return malformed("Array value must start with \"{\" or dimension information.");
        TRY(list(1));
        skip_blanks();
        if (at_ != text_.size()) return malformed("Junk after closing right brace.");
        if (std::ranges::find(dimensions, 0) != dimensions.end()) dimensions.clear();
        return {};
    }

    ArrayElements elements;           // row by row
    std::vector<int32_t> dimensions;  // sizes, outermost first; none without elements

  private:
    /// What stands between two braces, the first of them taken.
    Result<void> list(size_t depth) {
        if (depth > kDimensionsMax) {
            return Error(
                       exhausted("number of array dimensions ({}) exceeds the maximum allowed ({})",
                                 depth, kDimensionsMax))
                .with_sqlstate("54000");
        }
        const bool is_first = dimensions.size() < depth;
        if (is_first) dimensions.push_back(0);
        int32_t count = 0;
        skip_blanks();
        for (bool is_closed = take('}'); !is_closed; ++count) {
            skip_blanks();
            if (take('{')) {
                const bool has_elements = !elements.empty() && depth == dimensions.size();
                if (has_elements) return ragged();
                TRY(list(depth + 1));
            } else {
                if (depth != dimensions.size()) return ragged();
                elements.push_back(TRY(element()));
            }
            skip_blanks();
            is_closed = take('}');
            if (!is_closed && !take(',')) return malformed("Unexpected end of input.");
        }
        if (!is_first && dimensions[depth - 1] != count) return ragged();
        dimensions[depth - 1] = count;
        return {};
    }

    Result<std::optional<std::string>> element() {
        if (take('"')) {
            std::string out;
            while (at_ < text_.size() && text_[at_] != '"') {
                if (text_[at_] == '\\') ++at_;
                if (at_ < text_.size()) out += text_[at_++];
            }
            if (!take('"')) return malformed("Unexpected end of input.");
            return std::optional(std::move(out));
        }
        const size_t begin = at_;
        std::string out;
        size_t kept = 0;  // blanks behind the element do not count, unless escaped
        while (at_ < text_.size() && text_[at_] != ',' && text_[at_] != '}') {
            if (text_[at_] == '{' || text_[at_] == '"') {
                return malformed(fmt::format("Unexpected \"{}\" character.", text_[at_]));
            }
            const bool is_escaped = text_[at_] == '\\' && at_ + 1 < text_.size();
            if (is_escaped) ++at_;
            out += text_[at_++];
            if (is_escaped || !ascii::is_space(out.back())) kept = out.size();
        }
        const bool has_escapes = at_ > begin + out.size();
        out.resize(kept);
        if (out.empty()) return malformed("Unexpected \",\" or \"}\" character.");
        if (!has_escapes && is_null_word(out)) return std::optional<std::string>();
        return std::optional(std::move(out));
    }

    Error ragged() const {
        return malformed("Multidimensional arrays must have sub-arrays with matching dimensions.");
    }
    Error malformed(std::string detail) const {
        return invalid_input("malformed array literal: \"{}\"", text_)
            .with_sqlstate("22P02")
            .with_detail(std::move(detail));
    }
    void skip_blanks() {
        while (at_ < text_.size() && ascii::is_space(text_[at_])) ++at_;
    }
    bool take(char c) {
        if (at_ >= text_.size() || text_[at_] != c) return false;
        ++at_;
        return true;
    }

    std::string_view text_;
    size_t at_ = 0;
};

}  // namespace

Result<ArrayElements> parse_array_text(std::string_view text, std::vector<int32_t>* dimensions) {
    ArrayReader reader(text);
    TRY(reader.run());
    if (dimensions != nullptr) *dimensions = std::move(reader.dimensions);
    return std::move(reader.elements);
}

ArrayElements parse_vector_text(std::string_view text) {
    ArrayElements elements;
    std::string_view rest = ascii::trimmed(text);
    while (!rest.empty()) {
        const size_t end = std::min(rest.find(' '), rest.size());
        elements.emplace_back(std::string(rest.substr(0, end)));
        rest = ascii::trimmed(rest.substr(end));
    }
    return elements;
}

void append_array_element(std::optional<std::string_view> element, std::string& out) {
    if (!element) {
        out += "NULL";
        return;
    }
    const bool is_plain = !element->empty() && !is_null_word(*element) &&
                          element->find_first_of("{}\",\\ \t\n\v\f\r") == std::string_view::npos;
    if (is_plain) {
        out += *element;
        return;
    }
    out += '"';
    for (const char c : *element) {
        if (c == '"' || c == '\\') out += '\\';
        out += c;
    }
    out += '"';
}

namespace text_io {
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

/// Elements of a value, which is a literal of one dimension.
ArrayElements elements_of(std::string_view literal, TypeAlias alias) {
    if (alias == TypeAlias::kInt2Vector) return parse_vector_text(literal);
    Result<ArrayElements> elements = parse_array_text(literal);
    return elements ? std::move(elements).value() : ArrayElements{};
}

void append_element_binary(const std::optional<std::string>& element, size_t integer_bytes,
                           std::string& out) {
    constexpr int32_t kNullLength = -1;
    if (!element) return append_big_endian(kNullLength, out);
    if (integer_bytes == 0) {
        append_big_endian(static_cast<int32_t>(element->size()), out);
        out += *element;
        return;
    }
    int64_t value = 0;
    std::from_chars(element->data(), element->data() + element->size(), value);
    append_big_endian(static_cast<int32_t>(integer_bytes), out);
    if (integer_bytes == sizeof(int16_t))
        return append_big_endian(static_cast<int16_t>(value), out);
    append_big_endian(static_cast<uint32_t>(value), out);
}

/// The bytes of one element as text; false if they cannot be that.
bool append_element_text(std::string_view bytes, size_t integer_bytes, std::string& out) {
    if (integer_bytes == 0) {
        if (!is_valid_utf8(bytes)) return false;
        append_array_element(bytes, out);
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
    const ArrayElements elements = elements_of(literal, alias);
    const bool any_null = std::ranges::any_of(elements, [](const auto& each) { return !each; });
    const bool vector = alias == TypeAlias::kInt2Vector;
    const int32_t dimensions = elements.empty() && !vector ? 0 : 1;
    append_big_endian(dimensions, out);
    append_big_endian(int32_t{any_null ? 1 : 0}, out);
    append_big_endian(facts.oid, out);
    if (dimensions == 0) return;
    append_big_endian(static_cast<int32_t>(elements.size()), out);
    append_big_endian(int32_t{vector ? 0 : 1}, out);  // the first index
    for (const auto& element : elements) append_element_binary(element, facts.integer_bytes, out);
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

}  // namespace text_io

}  // namespace braid
