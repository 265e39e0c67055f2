// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "columnar/column.h"
#include "columnar/time_zone.h"

namespace braid {

/// Session settings that change how values are read and written. DateStyle is always "ISO, MDY",
/// IntervalStyle "postgres", extra_float_digits 1.
struct TextFormat {
    std::shared_ptr<const TimeZone> zone;
};
/// Zone UTC.
const TextFormat& utc_format();

/// PostgreSQL's input function of the type, with its errors (22P02 invalid input syntax…, 22003 out
/// of range, 22007/22008 for times, 22021 for bad UTF-8). numeric(p,s) is fitted.
Result<Datum> parse_text(std::string_view text, const Type& type, const TextFormat& format);
/// The same straight into a builder of that type, without making a Datum; on error nothing is
/// appended.
Result<void> parse_text_into(ColumnBuilder& builder, std::string_view text,
                             const TextFormat& format);

/// PostgreSQL's output function; the value must not be NULL.
void format_text(const Column& column, size_t row, const TextFormat& format, std::string& out);
void format_text(const Datum& value, const TextFormat& format, std::string& out);

/// PostgreSQL's binary wire format, without the length word.
void format_binary(const Column& column, size_t row, std::string& out);
Result<Datum> parse_binary(std::string_view bytes, const Type& type);

/// Elements of an array as PostgreSQL writes it, {a,"b c",NULL}: row by row when it has several
/// dimensions. nullopt: NULL.
using ArrayElements = std::vector<std::optional<std::string>>;

/// InvalidInput (22P02) when it is no array literal. `dimensions`, if asked for: their sizes,
/// outermost first; none without elements.
Result<ArrayElements> parse_array_text(std::string_view text,
                                       std::vector<int32_t>* dimensions = nullptr);

/// The literal of elements with these dimensions, as array_out writes it.
std::string format_array_text(const ArrayElements& elements, std::span<const int32_t> dimensions);

/// The literal of an array in binary form; `element_text` writes an element, given the OID of its
/// type.
using ElementText = std::function<Result<std::string>(uint32_t oid, std::string_view bytes)>;
Result<std::string> array_text_of_binary(std::string_view bytes, const ElementText& element_text);

/// "1 2 3", the form of int2vector and oidvector.
ArrayElements parse_vector_text(std::string_view text);

/// Without the comma before it; quoted where the literal would mean something else.
void append_array_element(std::optional<std::string_view> element, std::string& out);

bool is_valid_utf8(std::string_view text);
/// Shortest text that reads back as the same double, in PostgreSQL 12+'s shape.
void format_double(double value, std::string& out);

}  // namespace braid
