// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/result.h"
#include "columnar/text_io.h"

/// Input and output of single types, which text_io.cc puts together.
namespace braid::text_io {

/// 22P02 `invalid input syntax for type …: "…"`.
Error bad_syntax(std::string_view type_name, std::string_view text);

Result<bool> parse_bool(std::string_view text);
/// `type` is int4 or its alias int2.
Result<int32_t> parse_int4(std::string_view text, const Type& type);
/// `type` is int8 or one of its aliases, of which those named reg… are read as numbers only.
Result<int64_t> parse_int8(std::string_view text, const Type& type);
Result<double> parse_float8(std::string_view text);
/// The text as the alias keeps it: cut for name and "char", measured for varchar(n); checked UTF-8.
Result<std::string_view> parse_string(std::string_view text, const Type& type);
/// 22021 with the bytes of the first character that is none.
Error bad_utf8(std::string_view text);

Result<int32_t> parse_date(std::string_view text);
Result<int64_t> parse_timestamp(std::string_view text);
Result<int64_t> parse_timestamptz(std::string_view text, const TimeZone& zone);
Result<Interval64> parse_interval(std::string_view text);

/// Within the range of the type, or infinity.
bool is_date(int32_t days);
bool is_timestamp(int64_t us);

void format_int(int64_t value, std::string& out);
void format_date(int32_t days, std::string& out);
void format_timestamp(int64_t us, std::string& out);
void format_timestamptz(int64_t us, const TimeZone& zone, std::string& out);
void format_interval(const Interval64& value, std::string& out);

/// An array as array_out writes it, from a literal as people write it: each element is read and
/// written by its type.
Result<std::string> parse_array(std::string_view literal, const Type& type,
                                const TextFormat& format);
/// The binary form of an array held as the text of its literal.
void format_array_binary(std::string_view literal, const Type& type, std::string& out);
Result<std::string> parse_array_binary(std::string_view bytes, const Type& type);

}  // namespace braid::text_io
