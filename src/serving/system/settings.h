// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "columnar/text_io.h"
#include "columnar/time_zone.h"
#include "read/reader.h"

namespace braid::serving {

/// What PostgreSQL 15 calls itself and what we say we are.
inline constexpr std::string_view kServerVersion = "15.18";
inline constexpr std::string_view kServerVersionNumber = "150018";

/// How a setting's words are checked and brought into one form.
enum class SettingKind : uint8_t {
    kFixed,    // shown, never set
    kText,     // anything
    kBool,     // "on" or "off"
    kInteger,  // between the bounds
    kTime,     // milliseconds, with a unit if one is given
    kChoice,   // one of the words, by default the first one
    kTimeZone,
    kDateStyle,
    kEncoding,
    kSearchPath,
    kCut,
};

struct SettingFacts {
    std::string_view name;  // as SHOW writes it
    SettingKind kind;
    std::string_view initial;
    std::string_view description;
    bool is_reported = false;       // clients are told of each change (ParameterStatus)
    std::string_view choices = {};  // kChoice, parted by '|'
    int64_t least = 0;
    int64_t most = INT64_MAX;
};

/// What a transaction sees of others. READ UNCOMMITTED is READ COMMITTED, as in PostgreSQL.
enum class Isolation : uint8_t { kReadCommitted, kRepeatableRead, kSerializable };

/// All built-in settings, by name as ORDER BY would.
std::span<const SettingFacts> setting_facts();
/// The name as SHOW heads its column: "timezone" -> "TimeZone".
std::string canonical_setting_name(std::string_view name);

/// The settings of one session: SET, SHOW, RESET and what a transaction does to them. Not
/// thread-safe.
class Settings {
  public:
    Settings();

    /// As in SET, whose words are given one by one: 42704 unknown (names with a dot are taken as
    /// custom), 22023 invalid, 55P02 cannot be changed, 0A000 what Braid does not do. `is_local`:
    /// until the transaction ends.
    Result<void> set(std::string_view name, std::span<const std::string> words, bool is_local);
    /// An option of the connection, in one text; RESET goes back to it.
    Result<void> set_default(std::string_view name, const std::string& text);
    Result<void> reset(std::string_view name);
    void reset_all();
    /// 42704 if there is none of this name.
    Result<std::string> show(std::string_view name) const;

    /// A block begins: what is set from now on may be undone, and what was set in the statements of
    /// the same message before it.
    void begin_transaction();
    void end_transaction(bool committed);
    bool is_in_transaction() const { return before_.has_value(); }
    /// Outside of a block the statements of one message may be undone together; called before the
    /// first that sets something.
    void begin_implicit();
    void end_implicit(bool committed);

    // What others read often, kept in its own form.
    const TextFormat& format() const { return format_; }
    const std::vector<std::string>& search_path() const { return search_path_; }
    runs::ReadMode read_mode() const { return read_mode_; }
    uint64_t cut_number() const { return cut_number_; }
    /// 0: no limit.
    int64_t statement_timeout_us() const { return statement_timeout_us_; }
    /// The same of a statement that computes history, which the initial limit is not for.
    int64_t work_timeout_us() const;
    /// Of a client that lets a session wait, in a transaction block or outside; 0: no limit.
    int64_t idle_timeout_us(bool is_in_block) const {
        return is_in_block ? idle_in_block_timeout_us_ : idle_timeout_us_;
    }
    /// Of the transaction that runs, or that the next statement would be.
    Isolation isolation() const { return isolation_; }
    /// Counts changes; equal numbers mean equal settings.
    uint64_t version() const { return version_; }
    /// About what one set of all values takes of memory.
    uint64_t bytes() const;

  private:
    using Values = std::map<std::string, std::string, std::less<>>;  // by lower-case name

  public:
    /// All values at one moment of a block, for ROLLBACK TO.
    struct Mark {
        Values values;
        Values local;
    };
    Mark mark() const { return {values_, local_}; }
    void go_back(Mark mark);

  private:
    Result<void> assign(std::string_view name, const std::string& text, bool is_local);
    void store(const std::string& key, std::string value);
    void refresh_derived();
    void start_from_defaults();

    Values values_;
    Values defaults_;
    std::optional<Values> before_;    // in a block: the values at its begin
    std::optional<Values> implicit_;  // outside of one: those at the begin of the message
    Values local_;                    // SET LOCAL in this block: what comes back at its end
    uint64_t version_ = 0;

    TextFormat format_;
    std::vector<std::string> search_path_;
    runs::ReadMode read_mode_ = runs::ReadMode::kLive;
    uint64_t cut_number_ = 0;
    int64_t statement_timeout_us_ = 0;
    int64_t idle_timeout_us_ = 0;
    int64_t idle_in_block_timeout_us_ = 0;
    Isolation isolation_ = Isolation::kReadCommitted;
};

}  // namespace braid::serving
