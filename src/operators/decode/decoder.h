// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "columnar/column.h"
#include "model/offsets.h"

namespace braid::operators {

/// How records of a stream become columns. `options` are those of CREATE TABLE.
struct DecoderSpec {
    std::string format;  // "json", "combined", "common"
    Schema columns;      // declared
    std::map<std::string, std::string> options;
};

/// Records as they come from the log or from a segment's `_raw`.
struct RecordSlice {
    PartitionId partition;
    Offsets offsets;
    int64_t ingested_at_us = 0;  // Unix microseconds
    std::span<const std::string_view> records;
    Keepalive keepalive;  // the bytes of the records; decoded text points into them where it can
    std::string_view preamble;
};

/// What every decoded slice has behind the declared columns: plan::system_columns(), for floors
/// that know no plans.
inline constexpr int kRecordColumnCount = 5;
const Schema& record_columns();

struct BadRecord {
    uint32_t row;
    std::string reason;  // one line: what, in which column
};

struct DecodedSlice {
    /// Row i is the event at offsets[i] of the partition.
    PartitionId partition;
    Offsets offsets;
    /// Declared columns, then plan::system_columns(); a column that nobody wants has length 0.
    Batch batch;
    /// Ascending by row; such a row is NULL in every declared column.
    std::vector<BadRecord> bad;
    /// Rows that are good, ascending.
    std::vector<uint32_t> good;
};

/// The rows [from, to) of a slice, as a slice of their own; they share its memory.
DecodedSlice part_of(const DecodedSlice& slice, size_t from, size_t to);
/// The first row, from a given one on, at or behind an offset; the length without one.
size_t first_row_at(const DecodedSlice& slice, Offset offset, size_t from);

/// Turns records into columns. A record that does not fit is data, not an error: it is named in
/// `bad` with its reason and the rest goes on. A pure function of (spec, decoder version, record):
/// the same in speed and batch. One instance per thread.
class Decoder {
  public:
    virtual ~Decoder() = default;
    /// `wanted[i]`: column i (declared, then system) is needed; a declared column that is not
    /// wanted is still checked, so whether a record is bad never depends on who asks.
    virtual void decode(const RecordSlice& slice, const std::vector<bool>& wanted,
                        DecodedSlice& out) = 0;
};

/// Written into segment footers; raised whenever any record would decode differently.
inline constexpr int kDecoderVersion = 2;

/// Names of the options that a format understands; empty for an unknown format.
std::span<const std::string_view> format_options(std::string_view format);

/// InvalidInput (with a hint) for an unknown format, a column the format does not give, or a bad
/// option. Options that are no format's (connector, path, partitions, …) are somebody else's and
/// ignored.
Result<std::unique_ptr<Decoder>> make_decoder(const DecoderSpec& spec);

}  // namespace braid::operators
