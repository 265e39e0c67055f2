// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "columnar/column.h"

namespace braid {

/// Keys as bytes whose memcmp order is PostgreSQL's order (C collation, NULL last), and whose
/// equality is SQL's "is not distinct from". One byte form for one value: -0.0 becomes 0.0, every
/// NaN one NaN, numeric loses trailing zeros. Self-delimiting, so values can be concatenated.
/// Layout: docs/formats/keys.md.
void encode_key(const Datum& value, std::string& out);
void encode_key_value(const Column& column, size_t row, std::string& out);

/// Encodes one key per row, the columns concatenated. `ends[i]` is the end of key i in `bytes`.
struct EncodedKeys {
    std::string bytes;
    std::vector<uint32_t> ends;
    std::vector<uint64_t> hashes;  // of those who look keys up, by key; empty: not known
    std::string_view at(size_t row) const {
        const size_t from = row == 0 ? 0 : ends[row - 1];
        return std::string_view(bytes).substr(from, ends[row] - from);
    }
    size_t size() const { return ends.size(); }
};
/// Hot: dictionary columns encode each distinct value once. Rows: those in `rows`.
void encode_keys(std::span<const Column> columns, std::span<const uint32_t> rows, EncodedKeys& out);

/// Reads one value of the type off the front of `bytes`; Corrupt if it cannot.
Result<void> decode_key_value(std::string_view& bytes, const Type& type, ColumnBuilder& out);
/// Length in bytes of the first value in `bytes`.
Result<size_t> key_value_size(std::string_view bytes, const Type& type);

}  // namespace braid
