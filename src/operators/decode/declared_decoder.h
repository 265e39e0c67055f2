// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "base/result.h"
#include "operators/decode/decoder.h"

namespace braid::operators {

/// What a stream declares about its records; a catalog::Table, of which this floor does not know.
template <typename Table>
DecoderSpec decoder_spec_of(const Table& table) {
    return {table.format, table.columns, table.options};
}

/// As make_decoder.
template <typename Table>
Result<std::unique_ptr<Decoder>> make_decoder_of(const Table& table) {
    return make_decoder(decoder_spec_of(table));
}

}  // namespace braid::operators
