// SPDX-License-Identifier: Apache-2.0
#include "serving/system/settings.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "base/check.h"
#include "base/error_makers.h"
#include "sql/sql.h"

namespace braid::serving {

namespace {

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& each : out) {
        if (each >= 'A' && each <= 'Z') each = static_cast<char>(each + 32);
    }
    return out;
}

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
    while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
    return text;
}

/// What each transaction has of its own; the next one's begin with those called default_….
constexpr std::string_view kOfTransaction[] = {"transaction_isolation", "transaction_read_only",
                                               "transaction_deferrable"};

bool is_of_transaction(std::string_view key) {
    return std::ranges::find(kOfTransaction, key) != std::end(kOfTransaction);
}

const SettingFacts* find_facts(std::string_view key) {
    for (const SettingFacts& facts : setting_facts()) {
        if (lower(facts.name) == key) return &facts;
    }
    return nullptr;
}

Error unknown_setting(std::string_view name) {
    return not_found("unrecognized configuration parameter \"{}\"", name).with_sqlstate("42704");
}

Error invalid_value(const SettingFacts& facts, std::string_view value) {
    return invalid_input("invalid value for parameter \"{}\": \"{}\"", facts.name, value)
        .with_sqlstate("22023");
}

Error cannot_be_changed(std::string_view name) {
    return invalid_input("parameter \"{}\" cannot be changed", name).with_sqlstate("55P02");
}

/// A name with a dot in it belongs to nobody in particular, unless it looks like one of ours.
bool is_custom(std::string_view key) {
    const size_t dot = key.find('.');
    return dot != std::string_view::npos && dot > 0 && dot + 1 < key.size() &&
           !key.starts_with("braid.");
}

bool parse_bool(std::string_view word, bool& value) {
    static constexpr std::array<std::string_view, 4> kTrue = {"true", "on", "yes", "1"};
    static constexpr std::array<std::string_view, 4> kFalse = {"false", "off", "no", "0"};
    const std::string key = lower(trimmed(word));
    if (key.empty() || key == "o") return false;  // "o" could be either
    const auto begins = [&](std::string_view each) { return each.starts_with(key); };
    value = std::ranges::any_of(kTrue, begins);
    return value || std::ranges::any_of(kFalse, begins);
}

struct TimeUnit {
    std::string_view name;
    double ms;
};
/// Largest first: the order in which a value looks for the unit to be shown in.
constexpr std::array<TimeUnit, 6> kTimeUnits = {
    {{"d", 86'400'000}, {"h", 3'600'000}, {"min", 60'000}, {"s", 1000}, {"ms", 1}, {"us", 0.001}}};

bool parse_time_ms(std::string_view word, int64_t& ms) {
    word = trimmed(word);
    double number = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
    if (error != std::errc()) return false;
    const std::string_view unit = trimmed(word.substr(static_cast<size_t>(end - word.data())));
    double factor = 1;
    if (!unit.empty()) {
        const auto* place = std::ranges::find(kTimeUnits, unit, &TimeUnit::name);
        if (place == kTimeUnits.end()) return false;
        factor = place->ms;
    }
    const double rounded = std::nearbyint(number * factor);
    if (!(rounded >= 0 && rounded <= INT32_MAX)) return false;
    ms = static_cast<int64_t>(rounded);
    return true;
}

std::string show_time_ms(int64_t ms) {
    if (ms == 0) return "0";
    for (const TimeUnit& unit : kTimeUnits) {
        const auto whole = static_cast<int64_t>(unit.ms);
        if (whole > 0 && ms % whole == 0) return fmt::format("{}{}", ms / whole, unit.name);
    }
    return fmt::format("{}ms", ms);
}

/// "a, "B c"" -> {"a", "B c"}; false for a list that is not one.
bool split_path(std::string_view text, std::vector<std::string>& names) {
    text = trimmed(text);
    while (!text.empty()) {
        std::string name;
        if (text.front() == '"') {
            const size_t end = text.find('"', 1);
            if (end == std::string_view::npos) return false;
            name = text.substr(1, end - 1);
            text.remove_prefix(end + 1);
        } else {
            const size_t end = std::min(text.find(','), text.size());
            name = lower(trimmed(text.substr(0, end)));
            text.remove_prefix(end);
        }
        names.push_back(std::move(name));
        text = trimmed(text);
        if (text.empty()) return true;
        if (text.front() != ',') return false;
        text = trimmed(text.substr(1));
        if (text.empty()) return false;
    }
    return true;
}

Result<std::string> check_choice(const SettingFacts& facts, std::string_view word) {
    std::string_view rest = facts.choices;
    while (!rest.empty()) {
        const std::string_view choice = rest.substr(0, rest.find('|'));
        if (lower(choice) == lower(trimmed(word))) return std::string(choice);
        rest.remove_prefix(std::min(choice.size() + 1, rest.size()));
    }
    bool value = false;  // true and 1 mean on where "on" is a choice
    if (facts.choices.starts_with("on") && parse_bool(word, value) && value) {
        return std::string("on");
    }
    std::string choices(facts.choices);
    for (size_t i = 0; (i = choices.find('|', i)) != std::string::npos;)
        choices.replace(i, 1, ", ");
    return invalid_value(facts, word).with_hint(fmt::format("Available values: {}.", choices));
}

Result<std::string> check_date_style(const SettingFacts& facts, std::string_view value) {
    // Month, day and year are written one way only, so their order is the one choice that is left.
    for (std::string_view rest = value; !rest.empty();) {
        const std::string_view part = rest.substr(0, rest.find(','));
        const std::string word = lower(trimmed(part));
        rest.remove_prefix(std::min(part.size() + 1, rest.size()));
        if (word == "iso" || word == "mdy" || word == "us") continue;
        if (word == "dmy" || word == "ymd" || word == "sql" || word == "german" ||
            word == "postgres" || word == "european" || word == "euro") {
            return unsupported("the only DateStyle is \"ISO, MDY\"");
        }
        return invalid_value(facts, value);
    }
    return std::string("ISO, MDY");
}

Result<std::string> check_encoding(const SettingFacts& facts, std::string_view word) {
    std::string key;
    for (const char each : lower(word)) {
        if ((each >= 'a' && each <= 'z') || (each >= '0' && each <= '9')) key += each;
    }
    if (key == "utf8" || key == "unicode") return std::string("UTF8");
    if (key == "sqlascii") return std::string("SQL_ASCII");  // "do not convert": we never do
    return invalid_value(facts, word).with_hint("The only encoding is UTF8.");
}

Result<std::string> check_cut(const SettingFacts& facts, std::string_view word) {
    if (lower(trimmed(word)) == "latest") return std::string("latest");
    uint64_t number = 0;
    const std::string_view text = trimmed(word);
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size() || number == 0) {
        return invalid_value(facts, word).with_hint("Use latest or the number of a published cut.");
    }
    return std::to_string(number);
}

Result<std::string> check_integer(const SettingFacts& facts, std::string_view word) {
    int64_t value = 0;
    const std::string_view text = trimmed(word);
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) return invalid_value(facts, word);
    if (value >= facts.least && value <= facts.most) return std::to_string(value);
    return invalid_input("{} is outside the valid range for parameter \"{}\" ({} .. {})", value,
                         facts.name, facts.least, facts.most)
        .with_sqlstate("22023");
}

Result<std::string> check_time_zone(const SettingFacts& facts, std::string_view word) {
    const std::string key = lower(trimmed(word));
    if (key == "default" || key == "local") return std::string(facts.initial);
    const auto zone = find_time_zone(trimmed(word));
    if (!zone) return invalid_value(facts, word);
    return (*zone)->name();
}

/// The setting's one form of the text.
Result<std::string> check(const SettingFacts& facts, const std::string& text) {
    switch (facts.kind) {
        case SettingKind::kFixed:
            return cannot_be_changed(facts.name);
        case SettingKind::kText:
            return text;
        case SettingKind::kBool: {
            bool value = false;
            if (parse_bool(text, value)) return std::string(value ? "on" : "off");
            return invalid_input("parameter \"{}\" requires a Boolean value", facts.name)
                .with_sqlstate("22023");
        }
        case SettingKind::kInteger:
            return check_integer(facts, text);
        case SettingKind::kTime: {
            int64_t ms = 0;
            if (!parse_time_ms(text, ms)) return invalid_value(facts, text);
            return show_time_ms(ms);
        }
        case SettingKind::kChoice:
            return check_choice(facts, text);
        case SettingKind::kTimeZone:
            return check_time_zone(facts, text);
        case SettingKind::kDateStyle:
            return check_date_style(facts, text);
        case SettingKind::kEncoding:
            return check_encoding(facts, text);
        case SettingKind::kSearchPath: {
            std::vector<std::string> names;
            if (split_path(text, names)) return text;
            return invalid_value(facts, text).with_detail("List syntax is invalid.");
        }
        case SettingKind::kCut:
            return check_cut(facts, text);
    }
    return internal_error("a setting of no kind");
}

}  // namespace

std::string canonical_setting_name(std::string_view name) {
    const SettingFacts* facts = find_facts(lower(name));
    return facts == nullptr ? lower(name) : std::string(facts->name);
}

Settings::Settings() {
    for (const SettingFacts& facts : setting_facts()) values_[lower(facts.name)] = facts.initial;
    defaults_ = values_;
    refresh_derived();
}

Result<void> Settings::set(std::string_view name, std::span<const std::string> words,
                           bool is_local) {
    const SettingFacts* facts = find_facts(lower(name));
    const bool is_path = facts != nullptr && facts->kind == SettingKind::kSearchPath;
    const bool is_list = is_path || (facts != nullptr && facts->kind == SettingKind::kDateStyle);
    if (facts != nullptr && !is_list && words.size() > 1) {
        return invalid_input("SET {} takes only one argument", facts->name).with_sqlstate("22023");
    }
    std::string text;
    for (const std::string& word : words) {
        if (!text.empty()) text += ", ";
        text += is_path ? sql::quote_identifier(word) : word;
    }
    return assign(name, text, is_local);
}

Result<void> Settings::assign(std::string_view name, const std::string& text, bool is_local) {
    const std::string key = lower(name);
    const SettingFacts* facts = find_facts(key);
    if (facts == nullptr && !is_custom(key)) return unknown_setting(name);
    std::string value = facts == nullptr ? text : TRY(check(*facts, text));
    if (is_local) {
        if (!before_) return {};  // outside of a block it ends with the statement
        if (const auto old = values_.find(key); old != values_.end())
            local_.try_emplace(key, old->second);
    } else {
        local_.erase(key);
    }
    store(key, std::move(value));
    return {};
}

Result<void> Settings::set_default(std::string_view name, const std::string& text) {
    TRY(assign(name, text, false));
    defaults_[lower(name)] = values_[lower(name)];
    return {};
}

Result<void> Settings::reset(std::string_view name) {
    const std::string key = lower(name);
    const SettingFacts* facts = find_facts(key);
    if (facts != nullptr && facts->kind == SettingKind::kFixed)
        return cannot_be_changed(facts->name);
    const auto initial = defaults_.find(key);
    if (initial == defaults_.end() && !is_custom(key)) return unknown_setting(name);
    store(key, initial == defaults_.end() ? "" : initial->second);
    return {};
}

void Settings::reset_all() {
    // Those of the running transaction belong to it.
    for (const auto& [key, value] : defaults_) {
        if (!key.starts_with("transaction_")) values_[key] = value;
    }
    refresh_derived();
}

Result<std::string> Settings::show(std::string_view name) const {
    std::string key = lower(name);
    // Outside of a block: what the next one would begin with.
    if (!before_ && is_of_transaction(key)) key.insert(0, "default_");
    const auto value = values_.find(key);
    if (value == values_.end()) return unknown_setting(name);
    return value->second;
}

void Settings::begin_transaction() {
    CHECK(!before_);
    before_ = implicit_ ? *std::exchange(implicit_, std::nullopt) : values_;
    local_.clear();
    start_from_defaults();
    refresh_derived();
}

void Settings::end_transaction(bool committed) {
    if (!before_) return;
    if (committed) {
        for (auto& [key, value] : local_) values_[key] = value;
    } else {
        values_ = *std::move(before_);
    }
    before_.reset();
    local_.clear();
    start_from_defaults();
    refresh_derived();
}

void Settings::begin_implicit() {
    if (!before_ && !implicit_) implicit_ = values_;
}

void Settings::end_implicit(bool committed) {
    if (!implicit_) return;
    if (!committed) values_ = *std::move(implicit_);
    implicit_.reset();
    if (!committed) refresh_derived();
}

void Settings::go_back(Mark mark) {
    if (values_ == mark.values && local_ == mark.local) return;
    values_ = std::move(mark.values);
    local_ = std::move(mark.local);
    refresh_derived();
}

void Settings::start_from_defaults() {
    for (const std::string_view each : kOfTransaction) {
        values_[std::string(each)] = values_[fmt::format("default_{}", each)];
    }
}

void Settings::store(const std::string& key, std::string value) {
    values_[key] = std::move(value);
    refresh_derived();
}

int64_t Settings::work_timeout_us() const {
    const auto facts = std::ranges::find(setting_facts(), "statement_timeout", &SettingFacts::name);
    return values_.at("statement_timeout") == facts->initial ? 0 : statement_timeout_us_;
}

uint64_t Settings::bytes() const {
    constexpr uint64_t kEntryBytes = 96;  // of a map, beside what long texts hold
    uint64_t bytes = 0;
    for (const Values* each : {&values_, &local_}) {
        for (const auto& [key, value] : *each) bytes += kEntryBytes + key.size() + value.size();
    }
    return bytes;
}

void Settings::refresh_derived() {
    ++version_;
    auto zone = find_time_zone(values_["timezone"]);
    format_.zone = zone ? *std::move(zone) : utc();
    search_path_.clear();
    std::vector<std::string> names;
    split_path(values_["search_path"], names);
    for (std::string& name : names) {
        if (name != "$user") search_path_.push_back(std::move(name));
    }
    const std::string& mode = values_["braid.read_mode"];
    read_mode_ = mode == "final"    ? runs::ReadMode::kFinal
                 : mode == "at_cut" ? runs::ReadMode::kAtCut
                                    : runs::ReadMode::kLive;
    const std::string& cut = values_["braid.cut"];
    cut_number_ = 0;
    if (cut != "latest") std::from_chars(cut.data(), cut.data() + cut.size(), cut_number_);
    const auto time_us = [&](const char* name) {
        int64_t time_ms = 0;
        parse_time_ms(values_[name], time_ms);
        return time_ms * 1000;
    };
    statement_timeout_us_ = time_us("statement_timeout");
    idle_timeout_us_ = time_us("idle_session_timeout");
    idle_in_block_timeout_us_ = time_us("idle_in_transaction_session_timeout");
    const std::string& isolation =
        values_[before_ ? "transaction_isolation" : "default_transaction_isolation"];
    isolation_ = isolation == "serializable"      ? Isolation::kSerializable
                 : isolation == "repeatable read" ? Isolation::kRepeatableRead
                                                  : Isolation::kReadCommitted;
}

}  // namespace braid::serving
