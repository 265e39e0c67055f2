// SPDX-License-Identifier: Apache-2.0
#include "operators/decode/decoder.h"

#include <algorithm>
#include <array>
#include <ranges>

#include "base/error_makers.h"
#include "operators/decode/slice_decoder_internal.h"
#include "plan/view_plan.h"

namespace braid::operators {
namespace {

/// A format: its name, what it understands beside "timezone", and its maker.
struct Format {
    std::string_view name;
    std::span<const std::string_view> options;
    Result<std::unique_ptr<Decoder>> (*make)(const DecoderSpec& spec);
};

constexpr std::array<std::string_view, 2> kLogLineOptions = {"null", "timezone"};
constexpr std::array<std::string_view, 1> kJsonOptions = {"timezone"};
constexpr std::array kFormats = {
    Format{"json", kJsonOptions, make_json_decoder},
    Format{"combined", kLogLineOptions, make_log_line_decoder},
    Format{"common", kLogLineOptions, make_log_line_decoder},
};

/// Options of PostgreSQL's COPY and ours: a decoder's business, whichever format it is. Every other
/// option of CREATE TABLE belongs to somebody else.
constexpr std::array<std::string_view, 10> kOptionsOfFormats = {
    "timezone", "null",        "header",         "delimiter", "quote",
    "escape",   "force_quote", "force_not_null", "encoding",  "default"};

std::string listed(std::span<const std::string_view> names) {
    std::string out;
    for (const std::string_view name : names) {
        if (!out.empty()) out += ", ";
        out += name;
    }
    return out;
}

const Format* find_format(std::string_view name) {
    const auto at = std::find_if(kFormats.begin(), kFormats.end(),
                                 [&](const Format& format) { return format.name == name; });
    return at == kFormats.end() ? nullptr : &*at;
}

}  // namespace

DecodedSlice part_of(const DecodedSlice& slice, size_t from, size_t to) {
    DecodedSlice part;
    part.partition = slice.partition;
    part.batch.length = to - from;
    for (const Column& column : slice.batch.columns) {
        const bool is_there = column.length() == slice.batch.length;
        part.batch.columns.push_back(is_there ? column.slice(from, to - from) : Column());
    }
    std::vector<int64_t> offsets;
    for (size_t row = from; row < to; ++row) offsets.push_back(slice.offsets[row].value);
    part.offsets = Offsets::of(std::move(offsets));
    for (const BadRecord& bad : slice.bad) {
        if (bad.row < from || bad.row >= to) continue;
        part.bad.push_back({bad.row - static_cast<uint32_t>(from), bad.reason});
    }
    for (const uint32_t row : slice.good) {
        if (row >= from && row < to) part.good.push_back(row - static_cast<uint32_t>(from));
    }
    return part;
}

size_t first_row_at(const DecodedSlice& slice, Offset offset, size_t from) {
    const auto rows = std::views::iota(from, slice.batch.length);
    const auto at =
        std::ranges::lower_bound(rows, offset, {}, [&](size_t row) { return slice.offsets[row]; });
    return from + static_cast<size_t>(at - rows.begin());
}

std::span<const std::string_view> format_options(std::string_view format) {
    const Format* found = find_format(format);
    return found == nullptr ? std::span<const std::string_view>() : found->options;
}

Result<TextFormat> read_text_format(const DecoderSpec& spec) {
    const auto zone = spec.options.find("timezone");
    if (zone == spec.options.end()) return utc_format();
    TextFormat format;
    format.zone = TRY(find_time_zone(zone->second));
    return format;
}

Result<std::unique_ptr<Decoder>> make_decoder(const DecoderSpec& spec) {
    const Format* format = find_format(spec.format);
    if (format == nullptr) {
        std::vector<std::string_view> names;
        for (const Format& known : kFormats) names.push_back(known.name);
        return invalid_input("unrecognized format: \"{}\"", spec.format)
            .with_sqlstate("22023")
            .with_hint("Valid formats are: " + listed(names) + ".");
    }
    for (const auto& [name, value] : spec.options) {
        const auto is_it = [&name](std::string_view known) { return known == name; };
        const bool is_ours = std::any_of(kOptionsOfFormats.begin(), kOptionsOfFormats.end(), is_it);
        const bool is_known = std::any_of(format->options.begin(), format->options.end(), is_it);
        if (!is_ours || is_known) continue;
        return invalid_input("option \"{}\" is not an option of format \"{}\"", name, spec.format)
            .with_sqlstate("22023")
            .with_hint("Valid options of this format are: " + listed(format->options) + ".");
    }
    return format->make(spec);
}

static_assert(kRecordColumnCount == plan::kSystemColumnCount);

const Schema& record_columns() { return plan::system_columns(); }

}  // namespace braid::operators
