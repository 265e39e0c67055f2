// SPDX-License-Identifier: Apache-2.0
// Input: lines. Each is good or bad, never both, and a good one gives back its fields.
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "columnar/text_io.h"
#include "operators/decode/decoder.h"
#include "plan/view_plan.h"

namespace {

using namespace braid;

operators::DecoderSpec spec() {
    operators::DecoderSpec out;
    out.format = "combined";
    for (const char* name :
         {"ip", "ident", "username", "method", "path", "protocol", "referer", "agent"}) {
        out.columns.fields.push_back({name, Type::of(TypeKind::kText)});
    }
    out.columns.fields.push_back({"at", Type::of(TypeKind::kTimestampTz)});
    out.columns.fields.push_back({"status", Type::of(TypeKind::kInt4)});
    out.columns.fields.push_back({"bytes", Type::of(TypeKind::kInt8)});
    return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    std::vector<std::string_view> records;
    for (size_t from = 0; from <= input.size();) {
        const size_t end = std::min(input.find('\n', from), input.size());
        records.push_back(input.substr(from, end - from));
        from = end + 1;
    }
    auto decoder = operators::make_decoder(spec());
    CHECK(decoder.has_value());
    operators::RecordSlice slice;
    slice.records = records;
    operators::DecodedSlice out;
    const size_t columns = spec().columns.fields.size() + plan::kSystemColumnCount;
    (*decoder)->decode(slice, std::vector<bool>(columns, true), out);
    CHECK_EQ(out.good.size() + out.bad.size(), records.size());
    for (const operators::BadRecord& bad : out.bad) CHECK(is_valid_utf8(bad.reason));
    for (const uint32_t row : out.good) {
        for (const Column& column : out.batch.columns) {
            if (column.type().kind != TypeKind::kText || column.is_null(row)) continue;
            CHECK(is_valid_utf8(column.at<std::string_view>(row)));
        }
    }
    return 0;
}
