// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "operators/decode/column_writer_internal.h"
#include "operators/decode/decoder.h"

namespace braid::operators {

/// What every format shares: the columns of a slice, system columns, bad rows and records that were
/// too long to be kept whole. A format only reads one record at a time.
class SliceDecoder : public Decoder {
  public:
    void decode(const RecordSlice& slice, const std::vector<bool>& wanted, DecodedSlice& out) final;

  protected:
    SliceDecoder(const Schema& columns, const ColumnWriter::Options& options);

    /// Called before the records of a slice; texts that decoding makes are kept in the arena.
    virtual void start_slice(TextArena&) {}
    /// Sets each column of the row, to a value or to NULL; or returns false with the reason, and
    /// then it does not matter which were set.
    virtual bool read_record(uint32_t row, std::string_view record, std::string& reason) = 0;

    std::vector<ColumnWriter>& columns() { return columns_; }

  private:
    bool read_any(uint32_t row, std::string_view record, std::string& reason);
    void finish(const RecordSlice& slice, const std::vector<bool>& wanted,
                std::shared_ptr<TextArena> arena, DecodedSlice& out);

    std::vector<ColumnWriter> columns_;
};

/// The start of a record that was longer than `record_bytes_max`; what follows is its true length
/// as decimal digits, a NUL and the first bytes of it.
inline constexpr std::string_view kLongRecordMarker("\0BRAID-LONG\0", 12);
inline constexpr uint64_t kRecordBytesMax = 1'048'576;

/// Splits a stored record of that form; false if it is none.
bool split_long_record(std::string_view record, uint64_t& true_bytes, std::string_view& prefix);

/// The start of what was found behind a line that had been taken without its end; what follows is
/// the place of the record made of that ("partition:offset"), a NUL and the bytes.
inline constexpr std::string_view kRestMarker("\0BRAID-REST\0", 12);

/// Splits a stored record of that form; false if it is none.
bool split_rest_record(std::string_view record, std::string_view& first_part,
                       std::string_view& rest);

/// How values are read: by the option "timezone".
Result<TextFormat> read_text_format(const DecoderSpec& spec);

// The formats.
Result<std::unique_ptr<Decoder>> make_log_line_decoder(const DecoderSpec& spec);
Result<std::unique_ptr<Decoder>> make_json_decoder(const DecoderSpec& spec);

}  // namespace braid::operators
