// SPDX-License-Identifier: Apache-2.0
// Hostile bytes as a manifest file: with an honest checksum, so that reading is reached, and as
// they are.
#include "base/check.h"
#include "base/hash.h"
#include "manifest/version_file_internal.h"

namespace {

using namespace braid;
using namespace braid::manifest;

std::string written(const VersionFile& file) {
    const State* state = file.state ? &*file.state : nullptr;
    const auto text = write_version(file.number, file.writer, file.at_us, file.changes, state);
    CHECK(text.has_value());
    return *text;
}

void read(std::string_view text) {
    const auto file = read_version(text, "fuzz");
    if (!file) return;
    // What is understood is written so that it is understood the same way.
    const std::string once = written(*file);
    const auto again = read_version(once, "fuzz");
    CHECK(again.has_value());
    CHECK_EQ(written(*again), once);
    static_cast<void>(apply({}, file->changes, file->at_us).has_value());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    read(input);
    const std::string json = std::string(input) + '\n';
    read(json + fmt::format("crc32c {:08x}\n", crc32c(json)));
    return 0;
}
