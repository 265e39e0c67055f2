// SPDX-License-Identifier: Apache-2.0
#include "serving/session/receipt_text.h"

#include <fmt/format.h>

namespace braid::serving {

namespace {

std::string by_stream(const std::map<std::string, Positions>& positions) {
    std::string out;
    for (const auto& [stream, at] : positions) {
        if (!out.empty()) out += "; ";
        out += fmt::format("{} {}", stream, at.to_string());
    }
    return out;
}

}  // namespace

std::string receipt_json_within(const runs::ReceiptSource& source, size_t bytes_max) {
    constexpr size_t kPartBytesMin = 80;  // an empty box and its digest
    if (source.part_count() * kPartBytesMin <= bytes_max) {
        std::string whole = to_json(make_receipt(source));
        if (whole.size() <= bytes_max) return whole;
    }
    // The runs are most of it; if it is still too long there are very many streams and views.
    std::string part = to_json(make_receipt(source, runs::ReceiptParts::kCounted));
    if (part.size() <= bytes_max) return part;
    return fmt::format(R"({{"manifest":{},"mode":"{}","truncated":true}})", source.manifest.value,
                       source.mode);
}

std::vector<std::string> receipt_lines(const runs::Receipt& receipt) {
    std::vector<std::string> lines;
    lines.push_back(
        fmt::format("Tiling: manifest {}, mode {}", receipt.manifest.value, receipt.mode));
    for (const runs::Receipt::Part& part : receipt.parts) {
        lines.push_back(fmt::format("  {} of {} {}: {} rows, digest {}", part.kind, part.view,
                                    part.box.to_string(), part.rows,
                                    part.digest ? part.digest->to_hex() : "none"));
    }
    for (const auto& [name, view] : receipt.views) {
        lines.push_back(
            fmt::format("  Account of {}: {} counted, {} filtered, {} quarantined ({} failed), {} "
                        "expired, {} erased",
                        name, view.account.counted, view.account.filtered, view.account.quarantined,
                        view.account.failed, view.account.expired, view.account.erased));
    }
    if (!receipt.cut.empty()) lines.push_back("  Cut: " + by_stream(receipt.cut));
    if (!receipt.frontier.empty()) lines.push_back("  Frontier: " + by_stream(receipt.frontier));
    lines.push_back(fmt::format("  Speed Share: {:.3f}", receipt.speed_share));
    lines.push_back(
        fmt::format("  Quarantined: {}, Expired: {}", receipt.quarantined, receipt.expired));
    return lines;
}

}  // namespace braid::serving
