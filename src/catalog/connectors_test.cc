// SPDX-License-Identifier: Apache-2.0
#include "catalog/connectors.h"

#include <algorithm>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include <gtest/gtest.h>

#include "base/test_support.h"

namespace braid::catalog {
namespace {

using Options = std::map<std::string, std::string>;

Table table(const Options& options) {
    Table made{.id = {1}, .name = "t"};
    made.columns.fields = {{"at", Type::of(TypeKind::kTimestampTz)},
                           {"n", Type::of(TypeKind::kInt4)}};
    made.options = options;
    made.connector = made.option("connector", "http");
    made.format = made.option("format", "json");
    return made;
}

/// "sqlstate option", or nothing.
std::string fault_of(const Options& options) {
    const auto fault = find_option_fault(table(options));
    return fault ? std::string(fault->error.sqlstate()) + " " + fault->option : "";
}

Options file(Options more) {
    more.insert({{"connector", "file"}, {"path", "/a"}});
    return more;
}

TEST(Connectors, EveryNameOfTheTableStandsOnce) {
    std::set<std::string_view> names;
    for (const ConnectorFacts& connector : connectors()) {
        EXPECT_TRUE(names.insert(connector.name).second) << connector.name;
        for (const std::string_view format : connector.formats) {
            EXPECT_NE(find_format(format), nullptr) << format;
        }
        std::set<std::string_view> options;
        for (const OptionFacts& each : table_options()) options.insert(each.name);
        for (const OptionFacts& each : connector.options) {
            EXPECT_TRUE(options.insert(each.name).second) << each.name;
        }
    }
    EXPECT_EQ(find_connector("pigeon"), nullptr);
    EXPECT_EQ(find_format("pigeon"), nullptr);
}

TEST(Connectors, EveryDefaultIsWhatItsOptionTakes) {
    for (const ConnectorFacts& connector : connectors()) {
        for (const std::string_view format : connector.formats) {
            Options all;
            const auto add = [&](std::span<const OptionFacts> options) {
                for (const OptionFacts& each : options) {
                    if (each.is_needed) all.emplace(each.name, "/a");
                    if (!each.initial.empty()) all.emplace(each.name, each.initial);
                }
            };
            add(table_options());
            add(connector.options);
            add(find_format(format)->options);
            all["connector"] = connector.name;
            all["format"] = format;
            EXPECT_EQ(fault_of(all), "") << connector.name << " " << format;
        }
    }
}

TEST(Connectors, RefuseWhatIsNotTheirs) {
    EXPECT_EQ(fault_of({}), "");
    EXPECT_EQ(fault_of({{"connector", "pigeon"}}), "22023 connector");
    EXPECT_EQ(fault_of({{"connector", "kafka"}}), "0A000 connector");
    EXPECT_EQ(fault_of({{"format", "runes"}}), "22023 format");
    EXPECT_EQ(fault_of({{"format", "csv"}}), "0A000 format");
    EXPECT_EQ(fault_of({{"path", "/a"}}), "22023 path") << "of another connector";
    EXPECT_EQ(fault_of({{"null", "-"}}), "22023 null") << "of another format";
    EXPECT_EQ(fault_of({{"compression", "zstd"}}), "0A000 compression");
    EXPECT_EQ(fault_of({{"retentoin", "9 days"}}), "22023 retentoin");
    EXPECT_EQ(fault_of({{"connector", "file"}}), "22023 connector") << "path is needed";
    EXPECT_EQ(fault_of(file({{"path", "/a"}})), "");
}

TEST(Connectors, RefuseWordsThatAnOptionDoesNotTake) {
    for (const char* count : {"0", "-1", "1025", "many", "1.5", ""}) {
        EXPECT_EQ(fault_of({{"partitions", count}}), "22023 partitions") << count;
    }
    EXPECT_EQ(fault_of({{"partitions", "1024"}}), "");
    EXPECT_EQ(fault_of({{"timezone", "Mars/Olympus"}}), "22023 timezone");
    EXPECT_EQ(fault_of({{"event_time", "gone"}}), "42703 event_time");
    EXPECT_EQ(fault_of({{"event_time", "n"}}), "42804 event_time");
    EXPECT_EQ(fault_of({{"event_time", "at"}}), "");
    for (const char* retention : {"0 s", "-1 day", "1 month", "for ever", ""}) {
        EXPECT_EQ(fault_of({{"retention", retention}}), "22023 retention") << retention;
    }
    EXPECT_EQ(fault_of({{"retention", "9 days"}}), "");
    EXPECT_EQ(fault_of({{"batch_interval", "now and then"}}), "22023 batch_interval");
    EXPECT_EQ(fault_of({{"batch_interval", "30 days"}}), "");
    for (const char* wait : {"s", "-1", "1 fortnight", "99999999999999999999", "200 h"}) {
        EXPECT_EQ(fault_of(file({{"rotate_wait", wait}})), "22023 rotate_wait") << wait;
    }
}

TEST(Connectors, TimesAreIntervalsInMicroseconds) {
    const std::map<std::string, int64_t> times = {
        {"5", 5'000'000},       {"5 s", 5'000'000},
        {"50ms", 50'000},       {"0", 0},
        {"2 min", 120'000'000}, {"1h", 3'600'000'000},
        {"1.5 s", 1'500'000},   {"1 day", 86'400'000'000}};
    for (const auto& [text, us] : times) {
        ASSERT_OK_AND_ASSIGN(const int64_t wait,
                             option_number(table(file({{"line_wait", text}})), "line_wait"));
        EXPECT_EQ(wait, us) << text;
    }
    ASSERT_OK_AND_ASSIGN(const int64_t initial, option_number(table(file({})), "line_wait"));
    EXPECT_EQ(initial, 60'000'000);
    ASSERT_OK_AND_ASSIGN(const int64_t partitions, option_number(table({}), "partitions"));
    EXPECT_EQ(partitions, 1);
}

TEST(Connectors, RowsAreForWhatClientsBringInAFormatThatCanBeWritten) {
    EXPECT_TRUE(takes_rows(table({})));
    EXPECT_FALSE(takes_rows(table({{"format", "combined"}})));
    EXPECT_FALSE(takes_rows(table(file({}))));
}

std::string quoted(std::string_view word) { return "`" + std::string(word) + "`"; }

/// Each line of the tables that the manual must have, as it begins.
std::set<std::string> lines_of_the_table() {
    std::set<std::string> lines;
    for (const ConnectorFacts& connector : connectors()) {
        std::string formats;
        for (const std::string_view format : connector.formats) {
            formats += (formats.empty() ? "" : ", ") + quoted(format);
        }
        lines.insert("| " + quoted(connector.name) + " | " + formats + " | " +
                     (connector.has_source ? "from the source" : "from clients") + " | " +
                     std::string(to_text(connector.log)) + " |");
    }
    const auto add = [&](std::span<const OptionFacts> options, const std::string& of) {
        for (const OptionFacts& each : options) {
            lines.insert("| " + quoted(each.name) + " | " + of + " | " +
                         (each.initial.empty() ? "–" : quoted(each.initial)) + " | " +
                         std::string(to_text(each.kind)) + " |");
        }
    };
    add(table_options(), "every table");
    for (const ConnectorFacts& each : connectors()) add(each.options, quoted(each.name));
    for (const FormatFacts& each : formats()) add(each.options, quoted(each.name));
    return lines;
}

TEST(Connectors, TheManualShowsTheTable) {
    std::ifstream file("docs/operating/configuration.md");
    std::stringstream manual;
    manual << file.rdbuf();
    std::string text = manual.str();
    const size_t begin = text.find("## Connectors and options of CREATE TABLE");
    ASSERT_NE(begin, std::string::npos);
    text = text.substr(begin, text.find("\n## ", begin + 1) - begin);
    const std::set<std::string> wanted = lines_of_the_table();
    size_t rows = 0;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        if (!line.starts_with("| `")) continue;
        ++rows;
        const bool is_known = std::ranges::any_of(
            wanted, [&](const std::string& each) { return line.starts_with(each); });
        EXPECT_TRUE(is_known) << "only the manual has: " << line;
    }
    EXPECT_EQ(rows, wanted.size());
    for (const std::string& each : wanted) {
        EXPECT_NE(text.find("\n" + each), std::string::npos) << "the manual lacks: " << each;
    }
}

}  // namespace
}  // namespace braid::catalog
