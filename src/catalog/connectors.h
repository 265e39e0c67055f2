// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "catalog/catalog.h"
#include "model/log_kind.h"

/// The one table of what CREATE TABLE may say in WITH (…): which connectors there are, which
/// formats each takes, which options they have and how the words of each are checked.
/// docs/operating/configuration.md shows it, and a test holds the two together.
namespace braid::catalog {

/// How the words of an option are checked.
enum class OptionKind : uint8_t {
    kWord,        // one of a table of its own: connector, format
    kText,        // anything
    kPath,        // of this machine: the connector says which ones work
    kCount,       // a whole number between the bounds
    kTime,        // an interval between the bounds, in microseconds
    kTimeZone,    // a name or an offset
    kTimeColumn,  // a column of the table that is a timestamp or a date
    kRetention,   // an interval of fixed length
};
/// As the manual says it: "whole number", "interval", …
std::string_view to_text(OptionKind kind);

struct OptionFacts {
    std::string_view name;  // lower case
    OptionKind kind;
    std::string_view initial = {};  // what holds where it is not given; empty: nothing
    int64_t least = 0;
    int64_t most = INT64_MAX;
    bool is_needed = false;
};

struct FormatFacts {
    std::string_view name;
    std::span<const OptionFacts> options;  // beside those of every table
    bool takes_rows = false;               // INSERT can write it
};

struct ConnectorFacts {
    std::string_view name;
    std::span<const OptionFacts> options;  // beside those of every table
    std::span<const std::string_view> formats;
    bool has_source = false;  // Braid fetches the records; else clients bring them: HTTP, INSERT
    LogKind log = LogKind::kEmbedded;
};

/// Options of every table.
std::span<const OptionFacts> table_options();
std::span<const FormatFacts> formats();
std::span<const ConnectorFacts> connectors();
/// Null if there is none of this name.
const FormatFacts* find_format(std::string_view name);
const ConnectorFacts* find_connector(std::string_view name);

/// What is wrong with the options of a table, and with which of them.
struct OptionFault {
    std::string option;
    Error error;
};
/// Looks at connector, format, columns and options; nothing if they fit together. InvalidInput
/// (22023, 42703, 42804) for what can never be, Unsupported for what is only not there yet.
std::optional<OptionFault> find_option_fault(const Table& table);

/// What a table says, or what holds where it says nothing. The option must be of kind kTime or
/// kCount; InvalidInput (22023) if the words are none.
Result<int64_t> option_number(const Table& table, std::string_view name);

/// Whether clients bring its records, and INSERT can write their format.
bool takes_rows(const Table& table);

}  // namespace braid::catalog
