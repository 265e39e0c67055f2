// SPDX-License-Identifier: Apache-2.0
#include <charconv>

#include <arrow/type.h>
#include <arrow/util/base64.h>
#include <arrow/util/key_value_metadata.h>

#include "base/bytes.h"
#include "base/error_makers.h"
#include "columnar/arrow_result.h"
#include "runs/part_format_internal.h"

namespace braid::runs {

namespace {

constexpr std::string_view kFormat = "1";

Result<PartIndex> decode(std::string_view bytes) {
    PartIndex index;
    ByteReader in(bytes);
    index.section = TRY(in.fixed<uint32_t>());
    index.rows = TRY(in.fixed<uint64_t>());
    index.digest = TRY(in.fixed<Digest>());
    index.first_key = TRY(in.text());
    index.last_key = TRY(in.text());
    while (!in.at_end()) {
        PartIndex::Block block;
        block.end = TRY(in.varint());
        block.rows = TRY(in.fixed<uint32_t>());
        block.crc = TRY(in.fixed<uint32_t>());
        block.first_key = TRY(in.text());
        index.blocks.push_back(std::move(block));
    }
    return index;
}

std::string encode(const PartIndex& index) {
    std::string bytes;
    ByteWriter out(bytes);
    out.fixed(index.section);
    out.fixed(index.rows);
    out.fixed(index.digest);
    out.text(index.first_key);
    out.text(index.last_key);
    for (const PartIndex::Block& block : index.blocks) {
        out.varint(block.end);
        out.fixed(block.rows);
        out.fixed(block.crc);
        out.text(block.first_key);
    }
    return bytes;
}

}  // namespace

std::shared_ptr<arrow::Schema> part_schema() {
    return arrow::schema({arrow::field("key", arrow::binary(), false),
                          arrow::field("value", arrow::binary(), false)});
}

void write_index(const PartIndex& index, arrow::KeyValueMetadata& metadata) {
    metadata.Append("braid.run", std::string(kFormat));
    // For people; the index says the same.
    metadata.Append("braid.section", std::to_string(index.section));
    metadata.Append("braid.rows", std::to_string(index.rows));
    metadata.Append("braid.digest", index.digest.to_hex());
    metadata.Append("braid.index", arrow::util::base64_encode(encode(index)));
}

Result<PartIndex> read_index(const arrow::KeyValueMetadata* metadata, const std::string& path) {
    const int format = metadata == nullptr ? -1 : metadata->FindKey("braid.run");
    const int index = metadata == nullptr ? -1 : metadata->FindKey("braid.index");
    if (format < 0 || index < 0) return corrupt("run file \"{}\" has no index", path);
    if (metadata->value(format) != kFormat) {
        return unsupported("run file \"{}\" has format {}", path, metadata->value(format));
    }
    auto bytes = internal::as_result(arrow::util::base64_decode(metadata->value(index)));
    if (!bytes) return corrupt("run file \"{}\" has an index that is no base64", path);
    return decode(*bytes).context(fmt::format("reading the index of run file \"{}\"", path));
}

}  // namespace braid::runs
