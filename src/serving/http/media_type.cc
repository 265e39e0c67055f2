// SPDX-License-Identifier: Apache-2.0
#include "serving/http/media_type.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <initializer_list>
#include <span>

#include <fmt/format.h>

namespace braid::serving {

namespace {

constexpr std::array<std::string_view, 3> kMeaningless = {"text/plain", "application/octet-stream",
                                                          "application/x-www-form-urlencoded"};
constexpr std::array<std::string_view, 7> kJsonLines = {
    "application/json",      "text/json",         "application/x-ndjson",
    "application/ndjson",    "application/jsonl", "application/x-jsonlines",
    "application/json-lines"};

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}

/// The part before the next separator, without blanks around; the text goes behind it.
std::string_view take_part(std::string_view& text, char separator) {
    const std::string_view part = text.substr(0, text.find(separator));
    text.remove_prefix(std::min(part.size() + 1, text.size()));
    return trimmed(part);
}

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& each : out) {
        if (each >= 'A' && each <= 'Z') each = static_cast<char>(each + 32);
    }
    return out;
}

/// `q=0.5` -> 500
int quality_of(std::string_view parameters) {
    while (!parameters.empty()) {
        const std::string_view each = take_part(parameters, ';');
        if (!each.starts_with("q=") && !each.starts_with("Q=")) continue;
        double quality = 0;
        const auto [end, error] =
            std::from_chars(each.data() + 2, each.data() + each.size(), quality);
        if (error != std::errc() || end != each.data() + each.size()) return 0;
        return static_cast<int>(std::clamp(quality, 0.0, 1.0) * 1000);
    }
    return 1000;
}

int specificity_of(std::string_view range, std::string_view media_type) {
    if (range == media_type) return 3;
    if (range.ends_with("/*") && range != "*/*" &&
        media_type.starts_with(range.substr(0, range.size() - 1))) {
        return 2;
    }
    return range == "*/*" ? 1 : 0;
}

std::string wrong_type(const net::HttpRequest& request,
                       std::initializer_list<std::span<const std::string_view>> known,
                       std::string_view expected) {
    for (const auto& [name, value] : request.headers) {
        if (!net::equal_ignoring_case(name, "Content-Type")) continue;
        const auto type = parse_media_type(value);
        if (!type) return fmt::format("\"{}\" is not a media type", value);
        const bool is_known = std::ranges::any_of(known, [&](const auto& list) {
            return std::ranges::find(list, type->name) != list.end();
        });
        if (!is_known) return fmt::format("a body of type {} is not {}", type->name, expected);
        if (!type->charset.empty() && type->charset != "utf-8" && type->charset != "utf8" &&
            type->charset != "us-ascii") {
            return fmt::format("bodies are read as UTF-8, not as {}", type->charset);
        }
    }
    return {};
}

}  // namespace

std::optional<MediaType> parse_media_type(std::string_view text) {
    MediaType type;
    type.name = lower(take_part(text, ';'));
    const size_t slash = type.name.find('/');
    if (slash == 0 || slash == std::string::npos || slash + 1 == type.name.size() ||
        type.name.find_first_of(" ,\"") != std::string::npos) {
        return std::nullopt;
    }
    while (!text.empty()) {
        const std::string parameter = lower(take_part(text, ';'));
        if (!parameter.starts_with("charset=")) continue;
        type.charset = parameter.substr(8);
        std::erase(type.charset, '"');
    }
    return type;
}

Welcome welcome_of(std::string_view media_type, const std::vector<net::HttpHeader>& headers) {
    Welcome best;
    size_t position = 0;
    bool has_accept = false;
    for (const auto& [name, value] : headers) {
        if (!net::equal_ignoring_case(name, "Accept")) continue;
        std::string_view rest = value;
        while (!rest.empty()) {
            std::string_view range = take_part(rest, ',');
            if (range.empty()) continue;
            has_accept = true;
            const std::string type = lower(take_part(range, ';'));
            const int specificity = specificity_of(type, media_type);
            if (specificity > best.specificity) best = {quality_of(range), specificity, position};
            ++position;
        }
    }
    return has_accept ? best : Welcome{.quality = 1000, .specificity = 1, .position = 0};
}

std::string wrong_type_of_records(const net::HttpRequest& request, std::string_view format) {
    static constexpr std::array<std::string_view, 1> kCsv = {"text/csv"};
    if (format == "json") {
        return wrong_type(request, {kMeaningless, kJsonLines}, "JSON, one object a line");
    }
    if (format == "csv") return wrong_type(request, {kMeaningless, kCsv}, "CSV");
    return wrong_type(request, {kMeaningless}, fmt::format("lines of format {}", format));
}

std::string wrong_type_of_statement(const net::HttpRequest& request) {
    static constexpr std::array<std::string_view, 3> kSql = {"application/json", "application/sql",
                                                             "text/x-sql"};
    return wrong_type(request, {kMeaningless, kSql}, "a statement as plain text or JSON");
}

}  // namespace braid::serving
