// SPDX-License-Identifier: Apache-2.0
#include "catalog/connectors.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <vector>

#include "base/check.h"
#include "base/error_makers.h"
#include "catalog/retention.h"
#include "columnar/text_io.h"
#include "columnar/time_zone.h"

namespace braid::catalog {

namespace {

constexpr int64_t kWeekUs = 7LL * 24 * 3'600'000'000;
constexpr int64_t kPartitionsMax = 1024;

constexpr auto kTableOptions = std::to_array<OptionFacts>({
    {.name = "batch_full_interval", .kind = OptionKind::kTime},
    {.name = "batch_interval", .kind = OptionKind::kTime},
    {.name = "connector", .kind = OptionKind::kWord, .initial = "http"},
    {.name = "event_time", .kind = OptionKind::kTimeColumn},
    {.name = "format", .kind = OptionKind::kWord, .initial = "json"},
    {.name = "partitions",
     .kind = OptionKind::kCount,
     .initial = "1",
     .least = 1,
     .most = kPartitionsMax},
    {.name = "retention", .kind = OptionKind::kRetention},
    {.name = "timezone", .kind = OptionKind::kTimeZone, .initial = "UTC"},
});
constexpr auto kFileOptions = std::to_array<OptionFacts>({
    {.name = "line_wait", .kind = OptionKind::kTime, .initial = "60 s", .most = kWeekUs},
    {.name = "path", .kind = OptionKind::kPath, .is_needed = true},
    {.name = "rotate_wait", .kind = OptionKind::kTime, .initial = "60 s", .most = kWeekUs},
});
constexpr auto kLogLineOptions = std::to_array<OptionFacts>({
    {.name = "null", .kind = OptionKind::kText, .initial = "-"},
});

constexpr auto kFormats = std::to_array<FormatFacts>({
    {.name = "combined", .options = kLogLineOptions},
    {.name = "common", .options = kLogLineOptions},
    {.name = "json", .options = {}, .takes_rows = true},
});
constexpr auto kFormatNames = std::to_array<std::string_view>({"combined", "common", "json"});

constexpr auto kConnectors = std::to_array<ConnectorFacts>({
    {.name = "file", .options = kFileOptions, .formats = kFormatNames, .has_source = true},
    {.name = "http", .options = {}, .formats = kFormatNames},
});

/// What will be one, told from a slip of the pen.
constexpr auto kLaterConnectors =
    std::to_array<std::string_view>({"kafka", "syslog", "postgres", "mysql", "mqtt"});
constexpr auto kLaterFormats = std::to_array<std::string_view>({"csv"});
constexpr auto kLaterOptions = std::to_array<std::string_view>(
    {"key", "compression", "topic", "header", "delimiter", "quote", "escape"});

template <typename List>
bool contains(const List& list, std::string_view word) {
    return std::ranges::find(list, word) != std::end(list);
}

template <typename Facts>
const Facts* find_named(std::span<const Facts> facts, std::string_view name) {
    const auto place = std::ranges::find(facts, name, &Facts::name);
    return place == facts.end() ? nullptr : &*place;
}

std::string listed(std::vector<std::string_view> words) {
    std::ranges::sort(words);
    std::string out;
    for (const std::string_view word : words) {
        if (!out.empty()) out += ", ";
        out += word;
    }
    return out;
}

template <typename Facts>
std::string names_of(std::span<const Facts> facts) {
    std::vector<std::string_view> names;
    for (const Facts& each : facts) names.push_back(each.name);
    return listed(std::move(names));
}

std::string all_options() {
    std::vector<std::string_view> names;
    const auto add = [&](std::span<const OptionFacts> options) {
        for (const OptionFacts& each : options) {
            if (!contains(names, each.name)) names.push_back(each.name);
        }
    };
    add(kTableOptions);
    for (const ConnectorFacts& connector : kConnectors) add(connector.options);
    for (const FormatFacts& format : kFormats) add(format.options);
    return listed(std::move(names));
}

std::string limits_of(const OptionFacts& facts) {
    if (facts.kind == OptionKind::kCount) {
        return "a whole number from " + std::to_string(facts.least) + " to " +
               std::to_string(facts.most);
    }
    if (facts.most == kWeekUs) return "a time of at most 7 days";
    return "a time";
}

Result<int64_t> read_number(const OptionFacts& facts, const std::string& words) {
    const auto bad = [&] {
        Error error = invalid_input("option \"{}\" must be {}, not \"{}\"", facts.name,
                                    limits_of(facts), words)
                          .with_sqlstate("22023");
        if (facts.kind != OptionKind::kTime) return error;
        return std::move(error).with_hint("For example '60 s' or '500 ms'.");
    };
    int64_t number = 0;
    if (facts.kind == OptionKind::kTime) {
        const auto parsed = parse_text(words, Type::of(TypeKind::kInterval), utc_format());
        if (!parsed) return bad();
        const auto& interval = parsed->as<Interval64>();
        const __int128 us = interval.us + static_cast<__int128>(interval.days) * kMicrosPerDay +
                            static_cast<__int128>(interval.months) * 30 * kMicrosPerDay;
        if (us < facts.least || us > facts.most) return bad();
        return static_cast<int64_t>(us);
    }
    const auto [end, error] = std::from_chars(words.data(), words.data() + words.size(), number);
    if (error != std::errc() || end != words.data() + words.size()) return bad();
    if (number < facts.least || number > facts.most) return bad();
    return number;
}

Result<void> check_time_column(const Table& table, const std::string& name) {
    const int index = table.columns.find(name);
    if (index < 0) {
        return not_found("option \"event_time\": column \"{}\" does not exist", name)
            .with_sqlstate("42703")
            .with_hint("Name a column of this table that holds the time.");
    }
    const Type& type = table.columns.fields[static_cast<size_t>(index)].type;
    if (type.kind == TypeKind::kTimestamp || type.kind == TypeKind::kTimestampTz ||
        type.kind == TypeKind::kDate) {
        return {};
    }
    return invalid_input("option \"event_time\": column \"{}\" must be a timestamp or date, not {}",
                         name, type.name())
        .with_sqlstate("42804");
}

Result<void> check_words(const Table& table, const OptionFacts& facts, const std::string& words) {
    switch (facts.kind) {
        case OptionKind::kWord:
        case OptionKind::kText:
        case OptionKind::kPath:
            return {};
        case OptionKind::kCount:
        case OptionKind::kTime:
            TRY(read_number(facts, words));
            return {};
        case OptionKind::kTimeZone:
            if (find_time_zone(words)) return {};
            return invalid_input("option \"{}\": time zone \"{}\" is not recognized", facts.name,
                                 words)
                .with_sqlstate("22023")
                .with_hint("Use a name such as 'Europe/Berlin' or '+08'.");
        case OptionKind::kTimeColumn:
            return check_time_column(table, words);
        case OptionKind::kRetention:
            TRY(parse_retention(words));
            return {};
    }
    return {};
}

/// The facts of an option that this table may have; null if it may not.
const OptionFacts* option_of(const Table& table, std::string_view name) {
    if (const auto* facts = find_named<OptionFacts>(kTableOptions, name)) return facts;
    if (const ConnectorFacts* connector = find_connector(table.connector)) {
        if (const auto* facts = find_named(connector->options, name)) return facts;
    }
    const FormatFacts* format = find_format(table.format);
    return format == nullptr ? nullptr : find_named(format->options, name);
}

/// Why this table has no such option.
Error not_its_option(const Table& table, std::string_view name) {
    for (const ConnectorFacts& connector : kConnectors) {
        if (find_named(connector.options, name) == nullptr) continue;
        return invalid_input("option \"{}\" is for connector \"{}\" only", name, connector.name)
            .with_sqlstate("22023");
    }
    for (const FormatFacts& format : kFormats) {
        if (find_named(format.options, name) == nullptr) continue;
        return invalid_input("option \"{}\" is not an option of format \"{}\"", name, table.format)
            .with_sqlstate("22023");
    }
    if (contains(kLaterOptions, name)) {
        return unsupported("option \"{}\" is not supported yet", name);
    }
    return invalid_input("unrecognized parameter \"{}\"", name)
        .with_sqlstate("22023")
        .with_hint("Options are: " + all_options() + ".");
}

Error no_connector(const std::string& name) {
    const std::string hint = "Connectors are: " + names_of<ConnectorFacts>(kConnectors) + ".";
    if (contains(kLaterConnectors, name)) {
        return unsupported("connector \"{}\" is not supported yet", name).with_hint(hint);
    }
    return invalid_input("unknown connector \"{}\"", name).with_sqlstate("22023").with_hint(hint);
}

Error no_format(const ConnectorFacts& connector, const std::string& name) {
    const std::string hint =
        "Formats are: " + listed({connector.formats.begin(), connector.formats.end()}) + ".";
    if (contains(kLaterFormats, name)) {
        return unsupported("format \"{}\" is not supported yet", name).with_hint(hint);
    }
    return invalid_input("unknown format \"{}\"", name).with_sqlstate("22023").with_hint(hint);
}

}  // namespace

std::string_view to_text(OptionKind kind) {
    switch (kind) {
        case OptionKind::kWord:
            return "word";
        case OptionKind::kText:
            return "text";
        case OptionKind::kPath:
            return "path";
        case OptionKind::kCount:
            return "whole number";
        case OptionKind::kTime:
            return "interval";
        case OptionKind::kTimeZone:
            return "time zone";
        case OptionKind::kTimeColumn:
            return "column";
        case OptionKind::kRetention:
            return "interval";
    }
    return "";
}

std::span<const OptionFacts> table_options() { return kTableOptions; }
std::span<const FormatFacts> formats() { return kFormats; }
std::span<const ConnectorFacts> connectors() { return kConnectors; }
const FormatFacts* find_format(std::string_view name) {
    return find_named<FormatFacts>(kFormats, name);
}
const ConnectorFacts* find_connector(std::string_view name) {
    return find_named<ConnectorFacts>(kConnectors, name);
}

std::optional<OptionFault> find_option_fault(const Table& table) {
    const ConnectorFacts* connector = find_connector(table.connector);
    if (connector == nullptr) return OptionFault{"connector", no_connector(table.connector)};
    if (!contains(connector->formats, table.format)) {
        return OptionFault{"format", no_format(*connector, table.format)};
    }
    for (const auto& [name, words] : table.options) {
        if (option_of(table, name) == nullptr)
            return OptionFault{name, not_its_option(table, name)};
    }
    for (const OptionFacts& facts : connector->options) {
        if (!facts.is_needed || !table.option(std::string(facts.name), "").empty()) continue;
        Error error =
            invalid_input("connector \"{}\" needs the option \"{}\"", connector->name, facts.name)
                .with_sqlstate("22023");
        if (facts.kind == OptionKind::kPath) {
            error = std::move(error).with_hint("For example: path = '/var/log/access.log'.");
        }
        return OptionFault{"connector", std::move(error)};
    }
    for (const auto& [name, words] : table.options) {
        const auto fits = check_words(table, *option_of(table, name), words);
        if (!fits) return OptionFault{name, fits.error()};
    }
    return std::nullopt;
}

Result<int64_t> option_number(const Table& table, std::string_view name) {
    const OptionFacts* facts = option_of(table, name);
    CHECK(facts != nullptr);
    CHECK(facts->kind == OptionKind::kTime || facts->kind == OptionKind::kCount);
    const std::string words = table.option(std::string(name), std::string(facts->initial));
    if (words.empty()) return int64_t{0};
    return read_number(*facts, words);
}

bool takes_rows(const Table& table) {
    const ConnectorFacts* connector = find_connector(table.connector);
    const FormatFacts* format = find_format(table.format);
    return connector != nullptr && !connector->has_source && format != nullptr &&
           format->takes_rows;
}

}  // namespace braid::catalog
