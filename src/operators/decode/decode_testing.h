// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "operators/decode/decoder.h"

/// Decoding in tests: a table by its columns as text, rows as text.
namespace braid::operators {

/// "ip text, status int4" as columns.
Schema schema_of(std::string_view columns);
DecoderSpec decoder_spec(std::string_view format, std::string_view columns,
                         std::map<std::string, std::string> options = {});

/// Decodes the records with all columns wanted, system columns too.
DecodedSlice decode_all(Decoder& decoder, const DecoderSpec& spec,
                        const std::vector<std::string>& records);
/// One line per row: values of the declared columns between "|", NULL as "~"; of a bad row "!
/// reason".
std::vector<std::string> rows_of(const DecodedSlice& slice, const DecoderSpec& spec);
/// The same for a new decoder, which must accept the specification.
std::vector<std::string> decode_rows(const DecoderSpec& spec,
                                     const std::vector<std::string>& records);

}  // namespace braid::operators
