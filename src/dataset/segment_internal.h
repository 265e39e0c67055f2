// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <arrow/type_fwd.h>

#include "base/result.h"
#include "base/store.h"
#include "dataset/segment.h"

namespace parquet::arrow {
class FileReader;
}

namespace braid::dataset {

// Keys of the footer's metadata; docs/formats/segment.md.
inline constexpr const char* kMetaFormat = "braid.format";
inline constexpr const char* kMetaLog = "braid.log";
inline constexpr const char* kMetaBox = "braid.box";
inline constexpr const char* kMetaBadRows = "braid.bad_rows";
inline constexpr const char* kMetaErasedRows = "braid.erased_rows";  // missing: 0
inline constexpr const char* kMetaDecoder = "braid.decoder_version";
inline constexpr const char* kMetaColumnsComplete = "braid.columns_complete";
inline constexpr const char* kMetaEventTimeMin = "braid.event_time_min";
inline constexpr const char* kMetaEventTimeMax = "braid.event_time_max";
inline constexpr const char* kMetaNewest = "braid.newest";

inline constexpr int kSegmentFormat = 1;

/// The `_error` of a tombstone: no decoder gives this reason.
inline constexpr std::string_view kErased = "erased";

/// Declared columns, then _partition, _offset, _ingested_at, _raw, _error.
std::shared_ptr<arrow::Schema> arrow_schema_of(const Schema& declared);

/// A box as it stands in the footer: "0:3-17 1:0-4".
std::string text_of(const Box& box);

class SegmentInput;

/// A segment's bytes, checked whenever they are read, and its reader.
struct OpenSegment {
    std::shared_ptr<SegmentInput> input;
    std::unique_ptr<parquet::arrow::FileReader> reader;
    std::shared_ptr<const arrow::KeyValueMetadata> metadata;

    OpenSegment();
    OpenSegment(OpenSegment&&) noexcept;
    OpenSegment& operator=(OpenSegment&&) noexcept;
    ~OpenSegment();
    /// Empty if the key is missing.
    std::string meta(const char* key) const;
};

/// No `crc`, no check. `text_columns` are read as dictionaries.
Result<OpenSegment> open_segment(std::shared_ptr<SegmentInput> input, const std::string& path,
                                 std::optional<uint32_t> crc, const std::vector<int>& text_columns);
Result<OpenSegment> open_segment(Store& store, const std::string& path, std::optional<uint32_t> crc,
                                 const std::vector<int>& text_columns);

/// What the manifest says of a segment, read from the file itself.
Result<manifest::Segment> describe_segment(Store& store, const std::string& path);

}  // namespace braid::dataset
