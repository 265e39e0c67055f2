// SPDX-License-Identifier: Apache-2.0
#include <array>

#include "serving/system/settings.h"

namespace braid::serving {

namespace {

using enum SettingKind;

constexpr std::string_view kIsolations =
    "read committed|serializable|repeatable read|read uncommitted";
constexpr std::string_view kMessageLevels =
    "notice|debug5|debug4|debug3|debug2|debug1|log|warning|error";

/// What clients of PostgreSQL 15 ask for or set, and Braid's own. A setting that has no effect here
/// is taken where taking it does no harm, and refused where an answer would silently differ.
constexpr std::array kFacts = {
    SettingFacts{"application_name", kText, "", "Name of the client program.", true},
    SettingFacts{"array_nulls", kBool, "on", "Has no effect."},
    SettingFacts{"backslash_quote", kChoice, "safe_encoding", "Has no effect.", false,
                 "safe_encoding|on|off"},
    SettingFacts{"block_size", kFixed, "8192", "For clients that ask."},
    SettingFacts{"braid.cut", kCut, "latest", "Cut that is read with braid.read_mode at_cut."},
    SettingFacts{"braid.read_mode", kChoice, "live",
                 "What answers are made of: live, at_cut or final.", false, "live|at_cut|final"},
    SettingFacts{"bytea_output", kChoice, "hex", "Has no effect.", false, "hex|escape"},
    SettingFacts{"check_function_bodies", kBool, "on", "Has no effect."},
    SettingFacts{"client_encoding", kEncoding, "UTF8", "Encoding of texts: UTF8.", true},
    SettingFacts{"client_min_messages", kChoice, "notice", "Least level of messages that are sent.",
                 false, kMessageLevels},
    SettingFacts{"DateStyle", kDateStyle, "ISO, MDY", "Form of dates: ISO.", true},
    SettingFacts{"default_table_access_method", kFixed, "braid", "For clients that ask."},
    SettingFacts{"default_tablespace", kFixed, "", "There are no tablespaces."},
    SettingFacts{"default_text_search_config", kText, "pg_catalog.simple", "Has no effect."},
    SettingFacts{"default_transaction_deferrable", kBool, "off", "Has no effect."},
    SettingFacts{"default_transaction_isolation", kChoice, "read committed",
                 "Isolation level of new transactions.", false, kIsolations},
    SettingFacts{"default_transaction_read_only", kBool, "off", "New transactions must not write.",
                 true},
    SettingFacts{"escape_string_warning", kBool, "on", "Has no effect."},
    SettingFacts{"extra_float_digits", kInteger, "1",
                 "Floats are written with the fewest digits that read back exactly.", false, "", 1,
                 3},
    SettingFacts{"idle_in_transaction_session_timeout", kTime, "0",
                 "How long a session may wait for its client in a transaction; 0 is for ever.",
                 false, "", 0, INT32_MAX},
    SettingFacts{"idle_session_timeout", kTime, "0",
                 "How long a session may wait for its client outside of one; 0 is for ever.", false,
                 "", 0, INT32_MAX},
    SettingFacts{"in_hot_standby", kFixed, "off", "Never.", true},
    SettingFacts{"integer_datetimes", kFixed, "on", "Always.", true},
    SettingFacts{"IntervalStyle", kChoice, "postgres", "Form of intervals.", true, "postgres"},
    SettingFacts{"is_superuser", kFixed, "on", "There is one role.", true},
    SettingFacts{"jit", kBool, "off", "Has no effect."},
    SettingFacts{"lc_collate", kFixed, "C", "Texts are ordered by their bytes."},
    SettingFacts{"lc_ctype", kFixed, "C", "upper and lower know ASCII."},
    SettingFacts{"lc_messages", kChoice, "C", "Language of messages.", false,
                 "C|en_US.UTF-8|POSIX"},
    SettingFacts{"lc_monetary", kText, "C", "Has no effect."},
    SettingFacts{"lc_numeric", kText, "C", "Has no effect."},
    SettingFacts{"lc_time", kText, "C", "Has no effect."},
    SettingFacts{"lock_timeout", kTime, "0", "There are no locks."},
    SettingFacts{"max_connections", kFixed, "200", "Connections of this protocol."},
    SettingFacts{"max_identifier_length", kFixed, "63", "Bytes of a name."},
    SettingFacts{"max_index_keys", kFixed, "32", "For clients that ask."},
    SettingFacts{"quote_all_identifiers", kBool, "off", "Has no effect."},
    SettingFacts{"role", kChoice, "none", "There is one role.", false, "none|braid"},
    SettingFacts{"row_security", kBool, "on", "Has no effect."},
    SettingFacts{"search_path", kSearchPath, "\"$user\", public",
                 "Schemas of names that have none."},
    SettingFacts{"server_encoding", kFixed, "UTF8", "Encoding of texts.", true},
    SettingFacts{"server_version", kFixed, kServerVersion, "PostgreSQL's version that is spoken.",
                 true},
    SettingFacts{"server_version_num", kFixed, kServerVersionNumber, "The same as a number."},
    SettingFacts{"session_authorization", kChoice, "braid", "Who has logged in.", true, "braid"},
    SettingFacts{"standard_conforming_strings", kChoice, "on",
                 "Backslashes in '...' are plain characters.", true, "on"},
    SettingFacts{"statement_timeout", kTime, "30s", "How long a statement may run; 0 is for ever.",
                 false, "", 0, INT32_MAX},
    SettingFacts{"synchronous_commit", kChoice, "on", "What is acknowledged is on disk.", false,
                 "on|off|local|remote_write|remote_apply"},
    SettingFacts{"TimeZone", kTimeZone, "UTC", "Zone in which instants are read and written.",
                 true},
    SettingFacts{"timezone_abbreviations", kFixed, "Default", "PostgreSQL's default ones."},
    SettingFacts{"transaction_deferrable", kBool, "off", "Has no effect."},
    SettingFacts{"transaction_isolation", kChoice, "read committed",
                 "Isolation level of this transaction.", false, kIsolations},
    SettingFacts{"transaction_read_only", kBool, "off", "This transaction must not write."},
    SettingFacts{"work_mem", kText, "4MB", "Has no effect."},
    SettingFacts{"xmloption", kChoice, "content", "Has no effect.", false, "content|document"},
};

}  // namespace

std::span<const SettingFacts> setting_facts() { return kFacts; }

}  // namespace braid::serving
