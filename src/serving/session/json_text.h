// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "columnar/column.h"
#include "columnar/text_io.h"

namespace braid::serving {

/// Appends a JSON string (RFC 8259) with its quotes. The text must be UTF-8.
void append_json_string(std::string_view text, std::string& out);

/// How numeric is written: as a JSON number it looks best, but many readers make a double of it.
enum class JsonNumeric : unsigned char { kNumber, kString };

/// Appends one value: null, true and false, integers and finite floats as numbers, everything else
/// as a string of PostgreSQL's text form. Reading the text back by the type's input gives the same
/// value.
void append_json_value(const Column& column, size_t row, const TextFormat& format,
                       JsonNumeric numeric, std::string& out);

}  // namespace braid::serving
