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
#include "base/store.h"
#include "columnar/column.h"
#include "dataset/segment_files.h"
#include "manifest/manifest.h"
#include "operators/decode/decoder.h"

namespace braid::dataset {

/// "2026-11-22" in UTC of a Unix time in microseconds.
std::string ingest_day_of(int64_t unix_us);

/// "<folder>/ingest_day=2026-11-22/<log>-<begin>.parquet", where `begin` is the sum of the archive
/// end that the segment is written from: whoever goes on from there writes under the same name. No
/// user text.
std::string segment_path(const std::string& folder, const std::string& ingest_day, const LogId& log,
                         const Positions& begin);

/// Rows of a row group at most, as they are written.
inline constexpr uint64_t kRowGroupRows = 1 << 17;

/// The ingest day of a segment's path; empty if it has none.
std::string day_of(const std::string& path);

/// What every segment of one stream has in common.
struct SegmentSpec {
    std::string folder;  // catalog::Table::dataset_folder
    LogId log;
    Schema columns;          // declared
    std::string event_time;  // name of a declared timestamp column, or empty
    int decoder_version = operators::kDecoderVersion;

    static SegmentSpec of(const catalog::Table& table);
};

/// Writes one Parquet file of all records that lie in one box, which came in on one day (UTC);
/// their offsets may leave some out, and there may be none. They come partition by partition, and
/// a row group may hold those of many, so a small segment of many partitions is not larger than its
/// rows. It holds the declared columns, `_partition`, `_offset`, `_ingested_at`, `_raw` (binary:
/// the record as it came) and `_error`; zstd; dictionaries for text below 64 k distinct values;
/// event-time bounds, decoder version and box in the footer's key-value metadata.
/// docs/formats/segment.md has the layout.
///
/// The file gets its name once it is whole. A file that has the name already was moved in before a
/// crash and never committed, or put there by somebody: no manifest
/// version vouches for it. The log still holds what it claims to hold, so it gives way to what was
/// written from the log, whatever it is.
class SegmentWriter {
  public:
    /// What is added first is of this partition, from there on. The path has the ingest day.
    static Result<std::unique_ptr<SegmentWriter>> create(Store& store, SegmentSpec spec,
                                                         std::string path, PartitionId partition,
                                                         Offset from);
    virtual ~SegmentWriter() = default;
    /// All records between where the last slice ended and `next`; `raw[i]` is the record of row i,
    /// all of them came in at one time (Unix microseconds).
    virtual Result<void> add(const operators::DecodedSlice& slice,
                             std::span<const std::string_view> raw, int64_t ingested_at_us,
                             Offset next) = 0;
    /// No record lies between where the last slice ended and `next`.
    virtual void skip_to(Offset next) = 0;
    /// What comes now is of this partition, a higher one than before, from there on.
    virtual void go_to(PartitionId partition, Offset from) = 0;
    virtual uint64_t rows() const = 0;
    virtual uint64_t bytes_estimate() const = 0;
    /// Closes, syncs, moves in and syncs the directory; the segment may then be committed. What
    /// lies in its place is replaced, if `may_replace` has no objection: only what the newest
    /// manifest version does not name may be.
    virtual Result<manifest::Segment> move_in(
        const std::function<Result<void>()>& may_replace = {}) = 0;
};

/// Rows of a segment by their places in it, of which a scan gives the row groups that begin there:
/// ranges that follow one another give each row group once, however large it is.
struct RowRange {
    uint64_t from = 0;
    uint64_t to = UINT64_MAX;  // to the end

    friend bool operator==(const RowRange&, const RowRange&) = default;
};

/// What a scan wants from segments.
struct ScanSpec {
    /// Per input column (declared, then plan::system_columns()): is it needed?
    std::vector<bool> wanted;
    /// Only offsets below this end in their partition are given (a cut may lie inside a segment).
    Positions end;
    /// Only offsets at or above this start.
    Positions from;
    RowRange rows = {};
};

/// The rows of one segment, in order, in slices of at most 65,536 rows of one partition. Row groups
/// that hold nothing of the scan's range are not read. Text columns are
/// dictionaries where Parquet had them. Decodes `_raw` again where the footer's decoder version is
/// not ours. One thread.
class SegmentScan {
  public:
    /// A file that is missing, or whose bytes are not those that were committed, is Corrupt with
    /// its name and box. A file is checked against its CRC each time that it is opened.
    static Result<std::unique_ptr<SegmentScan>> open(Store& store, const SegmentSpec& spec,
                                                     const operators::DecoderSpec& decoder,
                                                     const manifest::Segment& segment,
                                                     ScanSpec scan);
    /// The same of files that others read too.
    static Result<std::unique_ptr<SegmentScan>> open(SegmentFiles& files, const SegmentSpec& spec,
                                                     const operators::DecoderSpec& decoder,
                                                     const manifest::Segment& segment,
                                                     ScanSpec scan);
    virtual ~SegmentScan() = default;
    /// False at the end. Slices have at least one row; bad rows are in `bad`, with their `_error`.
    /// Of an event that was erased nothing is given: its offset is left out.
    virtual Result<bool> next(operators::DecodedSlice& slice) = 0;
    /// Erased events of the scan's range so far.
    virtual uint64_t erased() const = 0;
};

/// Records with one ingest time, byte for byte as they were appended: all that lie between where
/// reading began and `next`.
struct RawRecords {
    Offsets offsets;
    Offset next;
    int64_t ingested_at_us = 0;
    std::shared_ptr<const std::string> bytes;
    std::vector<std::string_view> records;  // point into `bytes`
};
/// The first records of a range whose beginning lies in the segment, at most `records_max`; `next`
/// lies behind the beginning.
Result<RawRecords> read_raw_records(Store& store, const manifest::Segment& segment,
                                    const Interval& range, size_t records_max);

/// Segments of a stream that hold offsets in [from, end), those of each partition in order.
/// Corrupt, naming the first missing offset, if they do not cover it.
Result<std::vector<manifest::Segment>> segments_between(const manifest::TableState& table,
                                                        const Positions& from,
                                                        const Positions& end);

/// Rebuilds what a manifest would list, in an order in which it could be archived, by reading the
/// directory: for disaster recovery and its test.
Result<std::vector<manifest::Segment>> list_segments(Store& store, const std::string& folder);

}  // namespace braid::dataset
