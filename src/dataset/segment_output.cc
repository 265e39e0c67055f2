// SPDX-License-Identifier: Apache-2.0
#include <arrow/api.h>
#include <arrow/util/key_value_metadata.h>
#include <fmt/format.h>
#include <parquet/arrow/writer.h>

#include "base/trace.h"
#include "columnar/arrow_result.h"
#include "dataset/segment_internal.h"
#include "dataset/segment_output_internal.h"

namespace braid::dataset {

namespace {

constexpr int64_t kDictionaryBytesMax = 4 << 20;

std::shared_ptr<parquet::WriterProperties> writer_properties() {
    parquet::WriterProperties::Builder builder;
    builder.compression(parquet::Compression::ZSTD)
        ->compression_level(1)
        ->dictionary_pagesize_limit(kDictionaryBytesMax)
        ->disable_dictionary("_raw")
        ->disable_dictionary("_offset")
        ->max_row_group_length(static_cast<int64_t>(kRowGroupRows))
        ->enable_page_checksum()
        ->created_by("braid");
    return builder.build();
}

std::shared_ptr<arrow::KeyValueMetadata> metadata_of(const LogId& log,
                                                     const SegmentFooter& footer) {
    auto metadata = std::make_shared<arrow::KeyValueMetadata>();
    const auto add = [&](const char* key, const auto& value) {
        metadata->Append(key, fmt::format("{}", value));
    };
    add(kMetaFormat, kSegmentFormat);
    add(kMetaLog, log.hex);
    add(kMetaBox, text_of(footer.box));
    add(kMetaBadRows, footer.bad_rows);
    if (footer.erased_rows > 0) add(kMetaErasedRows, footer.erased_rows);
    add(kMetaDecoder, footer.decoder_version);
    add(kMetaColumnsComplete, footer.columns_complete ? 1 : 0);
    if (footer.event_time_min) add(kMetaEventTimeMin, *footer.event_time_min);
    if (footer.event_time_max) add(kMetaEventTimeMax, *footer.event_time_max);
    if (footer.newest_us) add(kMetaNewest, *footer.newest_us);
    return metadata;
}

}  // namespace

SegmentOutput::SegmentOutput(const SegmentSpec& spec, std::string path)
    : log_(spec.log), path_(std::move(path)), schema_(arrow_schema_of(spec.columns)) {}

SegmentOutput::~SegmentOutput() = default;

Result<void> SegmentOutput::open(Store& store) {
    store_ = &store;
    auto file = TRY(store.begin_put(path_));
    file_ = file.get();
    output_ = std::make_shared<ArrowOutput>(std::move(file));
    writer_ = TRY(output_->check(parquet::arrow::FileWriter::Open(
        *schema_, arrow::default_memory_pool(), output_, writer_properties())));
    return {};
}

Result<void> SegmentOutput::write(const arrow::RecordBatch& batch) {
    TRY(output_->check(writer_->WriteRecordBatch(batch)));
    rows_ += static_cast<uint64_t>(batch.num_rows());
    return {};
}

Result<manifest::Segment> SegmentOutput::put(const SegmentFooter& footer,
                                             const std::function<Result<void>()>& may_replace) {
    TRY(output_->check(writer_->AddKeyValueMetadata(metadata_of(log_, footer))));
    TRY(output_->check(writer_->Close()));
    PutOutcome outcome = TRY(file_->put());
    if (outcome == PutOutcome::kExists) {
        if (may_replace) TRY(may_replace());
        // Now that the new file is whole: until then the leftover may be the better copy.
        trace(TraceLevel::kInfo, "dataset",
              "segment {} was never committed: it is written again from the log", path_);
        TRY(store_->remove(path_));
        outcome = TRY(file_->put());
    }
    TRY(must_be_done(outcome, path_));
    manifest::Segment segment;
    segment.file = path_;
    segment.box = footer.box;
    segment.rows = rows_;
    segment.bad_rows = footer.bad_rows;
    segment.erased_rows = footer.erased_rows;
    segment.bytes = file_->size();
    segment.crc = output_->crc();
    segment.ingest_day = day_of(path_);
    segment.newest_us = footer.newest_us;
    return segment;
}

}  // namespace braid::dataset
