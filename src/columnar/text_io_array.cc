// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <bit>
#include <cstdint>
#include <optional>
#include <span>
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

std::string format_array_text(const ArrayElements& elements, std::span<const int32_t> dimensions) {
    if (elements.empty()) return "{}";
    std::string out;
    for (size_t i = 0; i < elements.size(); ++i) {
        // A brace for each dimension that begins, and that ends, with this element.
        size_t opens = 0;
        size_t closes = 0;
        size_t step = 1;
        for (size_t inner = dimensions.size(); inner-- > 0;) {
            step *= static_cast<size_t>(dimensions[inner]);
            opens += i % step == 0 ? 1 : 0;
            closes += (i + 1) % step == 0 ? 1 : 0;
        }
        if (i > 0) out += ',';
        out.append(opens, '{');
        append_array_element(elements[i], out);
        out.append(closes, '}');
    }
    return out;
}

namespace text_io {
namespace {

using binary_io::append_big_endian;
using binary_io::bad_size;
using binary_io::read_big_endian;

constexpr uint32_t kAclItemOid = 1033;
constexpr uint32_t kFloat4Oid = 700;

uint32_t element_oid(const Type& array) {
    return array.alias == TypeAlias::kAclArray ? kAclItemOid : element_of(array)->oid();
}

/// Reads the elements by their type and writes them again.
Result<void> normalise(ArrayElements& elements, const Type& element, const TextFormat& format) {
    if (element.kind == TypeKind::kText && element.alias == TypeAlias::kNone) return {};
    for (std::optional<std::string>& text : elements) {
        if (!text) continue;
        const Datum value = TRY(parse_text(*text, element, format));
        text->clear();
        format_text(value, format, *text);
    }
    return {};
}

/// A value with its length before it.
void append_element_binary(const std::optional<std::string>& element, const Type& type,
                           std::string& out) {
    constexpr int32_t kNullLength = -1;
    if (!element) return append_big_endian(kNullLength, out);
    auto value = parse_text(*element, type, utc_format());
    if (!value) return append_big_endian(kNullLength, out);  // never: the literal was written by us
    std::string bytes;
    format_binary(Column::constant(*value, 1), 0, bytes);
    append_big_endian(static_cast<int32_t>(bytes.size()), out);
    out += bytes;
}

/// Takes values off the front of a message.
class BinaryReader {
  public:
    explicit BinaryReader(std::string_view bytes) : rest_(bytes) {}
    bool is_empty() const { return rest_.empty(); }
    Result<int32_t> word() {
        const std::string_view bytes = TRY(take(sizeof(int32_t)));
        return read_big_endian<int32_t>(bytes.data());
    }
    Result<std::string_view> take(size_t size) {
        if (rest_.size() < size) return bad_size();
        const std::string_view taken = rest_.substr(0, size);
        rest_.remove_prefix(size);
        return taken;
    }

  private:
    std::string_view rest_;
};

/// Sizes of the dimensions, outermost first; none of an array without elements.
Result<std::vector<int32_t>> read_dimensions(BinaryReader& reader, int32_t count) {
    constexpr int32_t kElementsMax = 1 << 27;  // as many as PostgreSQL takes
    if (count < 0 || static_cast<size_t>(count) > kDimensionsMax) {
        return Error(exhausted("number of array dimensions ({}) exceeds the maximum allowed ({})",
                               count, kDimensionsMax))
            .with_sqlstate("54000");
    }
    std::vector<int32_t> dimensions;
    int64_t elements = 1;
    for (int32_t i = 0; i < count; ++i) {
        dimensions.push_back(TRY(reader.word()));
        TRY(reader.word());  // the first index: literals are read by number
        if (dimensions.back() < 0) return bad_size();
        elements *= dimensions.back();
        if (elements > kElementsMax) {
            return exhausted("array size exceeds the maximum allowed ({})", kElementsMax)
                .with_sqlstate("54000");
        }
    }
    if (elements == 0) dimensions.clear();
    return dimensions;
}

Result<std::string> element_text(std::string_view bytes, uint32_t oid, const Type& type) {
    std::string text;
    if (oid == kFloat4Oid) {
        if (bytes.size() != sizeof(uint32_t)) return bad_size();
        format_double(double{std::bit_cast<float>(read_big_endian<uint32_t>(bytes.data()))}, text);
        return text;
    }
    format_text(TRY(parse_binary(bytes, type)), utc_format(), text);
    return text;
}

}  // namespace

Result<std::string> parse_array(std::string_view literal, const Type& type,
                                const TextFormat& format) {
    if (!is_valid_utf8(literal)) return bad_utf8(literal);
    if (type.alias == TypeAlias::kInt2Vector) return std::string(literal);
    std::vector<int32_t> dimensions;
    ArrayElements elements = TRY(parse_array_text(literal, &dimensions));
    TRY(normalise(elements, *element_of(type), format));
    return format_array_text(elements, dimensions);
}

void format_array_binary(std::string_view literal, const Type& type, std::string& out) {
    const Type element = *element_of(type);
    const bool is_vector = type.alias == TypeAlias::kInt2Vector;
    std::vector<int32_t> dimensions;
    ArrayElements elements;
    if (is_vector) {
        elements = parse_vector_text(literal);
        dimensions = {static_cast<int32_t>(elements.size())};
    } else if (auto read = parse_array_text(literal, &dimensions)) {
        elements = std::move(read).value();
    }
    const bool any_null = std::ranges::any_of(elements, [](const auto& each) { return !each; });
    append_big_endian(static_cast<int32_t>(dimensions.size()), out);
    append_big_endian(int32_t{any_null ? 1 : 0}, out);
    append_big_endian(element_oid(type), out);
    for (const int32_t size : dimensions) {
        append_big_endian(size, out);
        append_big_endian(int32_t{is_vector ? 0 : 1}, out);  // the first index
    }
    for (const auto& text : elements) append_element_binary(text, element, out);
}

Result<std::string> parse_array_binary(std::string_view bytes, const Type& type) {
    const Type element = *element_of(type);
    std::string literal = TRY(array_text_of_binary(
        bytes, [&](uint32_t oid, std::string_view value) -> Result<std::string> {
            const bool is_widened = oid == kFloat4Oid && type.alias == TypeAlias::kFloat8Array;
            if (oid != element_oid(type) && !is_widened) {
                return invalid_input("wrong element type: {}", oid).with_sqlstate("42804");
            }
            return element_text(value, oid, element);
        }));
    if (type.alias != TypeAlias::kInt2Vector) return literal;
    std::string vector;
    for (const auto& text : TRY(parse_array_text(literal))) {
        if (!vector.empty()) vector += ' ';
        vector += text.value_or("0");
    }
    return vector;
}

}  // namespace text_io

Result<std::string> array_text_of_binary(std::string_view bytes, const ElementText& element_text) {
    text_io::BinaryReader reader(bytes);
    const int32_t count = TRY(reader.word());
    TRY(reader.word());  // whether it has NULLs
    const auto oid = static_cast<uint32_t>(TRY(reader.word()));
    const std::vector<int32_t> dimensions = TRY(text_io::read_dimensions(reader, count));
    size_t size = dimensions.empty() ? 0 : 1;
    for (const int32_t each : dimensions) size *= static_cast<size_t>(each);
    ArrayElements elements;
    for (size_t i = 0; i < size; ++i) {
        const int32_t length = TRY(reader.word());
        if (length < 0) {
            elements.emplace_back();
        } else {
            const std::string_view value = TRY(reader.take(static_cast<size_t>(length)));
            elements.emplace_back(TRY(element_text(oid, value)));
        }
    }
    if (!reader.is_empty()) return text_io::bad_size();
    return format_array_text(elements, dimensions);
}

}  // namespace braid
