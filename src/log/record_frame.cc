// SPDX-License-Identifier: Apache-2.0
#include "log/record_frame.h"

#include "base/bytes.h"
#include "base/error_makers.h"
#include "base/hash.h"

namespace braid::log {

namespace {

constexpr size_t kHeaderBytes = 16;

}  // namespace

std::string frame_record(const FrameKind& kind, std::string_view body) {
    std::string bytes;
    ByteWriter writer(bytes);
    writer.raw(kind.magic);
    writer.fixed(kind.version);
    writer.fixed(crc32c(body));
    writer.raw(body);
    return bytes;
}

Result<FramedRecord> open_record(const FrameKind& kind, std::string_view bytes) {
    if (bytes.size() < kHeaderBytes || !bytes.starts_with(kind.magic)) {
        return corrupt("it is no {}", kind.name);
    }
    ByteReader reader(bytes.substr(kind.magic.size()));
    const auto version = TRY(reader.fixed<uint32_t>());
    if (version == 0 || version > kind.version) {
        return unsupported("{} of version {}", kind.name, version);
    }
    const auto crc = TRY(reader.fixed<uint32_t>());
    const std::string_view body = bytes.substr(kHeaderBytes);
    if (crc != crc32c(body)) return corrupt("its checksum does not match");
    return FramedRecord{version, body};
}

}  // namespace braid::log
