// SPDX-License-Identifier: Apache-2.0
#include "serving/system/settings.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/test_support.h"

namespace braid::serving {
namespace {

Result<void> set(Settings& settings, std::string_view name, std::vector<std::string> words,
                 bool is_local = false) {
    return settings.set(name, words, is_local);
}

std::string show(const Settings& settings, std::string_view name) {
    auto shown = settings.show(name);
    EXPECT_OK(shown);
    return shown ? *shown : "";
}

TEST(Settings, AreListedByNameWithoutCase) {
    std::string last;
    for (const SettingFacts& facts : setting_facts()) {
        std::string key(facts.name);
        for (char& each : key) each = static_cast<char>(std::tolower(each));
        EXPECT_LT(last, key);
        last = key;
    }
}

TEST(Settings, BeginAsPostgresShowsThem) {
    Settings settings;
    EXPECT_EQ(show(settings, "server_version"), "15.18");
    EXPECT_EQ(show(settings, "datestyle"), "ISO, MDY");
    EXPECT_EQ(show(settings, "search_path"), "\"$user\", public");
    EXPECT_EQ(show(settings, "statement_timeout"), "30s");
    EXPECT_EQ(settings.statement_timeout_us(), 30'000'000);
    EXPECT_EQ(settings.search_path(), std::vector<std::string>{"public"});
    EXPECT_EQ(canonical_setting_name("timezone"), "TimeZone");
    for (const SettingFacts& facts : setting_facts()) EXPECT_OK(settings.show(facts.name));
}

TEST(Settings, RefuseWhatDoesNotExist) {
    Settings settings;
    EXPECT_ERROR(set(settings, "nonsense", {"1"}), ErrorCode::kNotFound, "42704");
    EXPECT_ERROR(set(settings, "braid.nonsense", {"1"}), ErrorCode::kNotFound, "42704");
    EXPECT_ERROR(settings.show("my.own"), ErrorCode::kNotFound, "42704");
    EXPECT_ERROR(settings.reset("nonsense"), ErrorCode::kNotFound, "42704");
}

TEST(Settings, TakeCustomNamesWithADot) {
    Settings settings;
    ASSERT_OK(set(settings, "my.Own", {"x"}));
    EXPECT_EQ(show(settings, "MY.OWN"), "x");
}

TEST(Settings, CheckTheirValues) {
    Settings settings;
    EXPECT_ERROR(set(settings, "server_version", {"16"}), ErrorCode::kInvalidInput, "55P02");
    EXPECT_ERROR(settings.reset("server_version"), ErrorCode::kInvalidInput, "55P02");
    EXPECT_ERROR(set(settings, "jit", {"perhaps"}), ErrorCode::kInvalidInput, "22023");
    EXPECT_ERROR(set(settings, "jit", {"on", "off"}), ErrorCode::kInvalidInput, "22023");
    EXPECT_ERROR(set(settings, "extra_float_digits", {"0"}), ErrorCode::kInvalidInput, "22023");
    EXPECT_ERROR(set(settings, "extra_float_digits", {"x"}), ErrorCode::kInvalidInput, "22023");
    EXPECT_ERROR(set(settings, "statement_timeout", {"5 parsecs"}), ErrorCode::kInvalidInput,
                 "22023");
    EXPECT_ERROR(set(settings, "statement_timeout", {"-1"}), ErrorCode::kInvalidInput, "22023");
    EXPECT_ERROR(set(settings, "TimeZone", {"Middle/Earth"}), ErrorCode::kInvalidInput, "22023");
    EXPECT_ERROR(set(settings, "client_encoding", {"LATIN1"}), ErrorCode::kInvalidInput, "22023");
    EXPECT_ERROR(set(settings, "DateStyle", {"German"}), ErrorCode::kUnsupported, "0A000");
    EXPECT_ERROR(set(settings, "DateStyle", {"purple"}), ErrorCode::kInvalidInput, "22023");
    EXPECT_ERROR(set(settings, "standard_conforming_strings", {"off"}), ErrorCode::kInvalidInput,
                 "22023");
    EXPECT_ERROR(set(settings, "braid.read_mode", {"wrong"}), ErrorCode::kInvalidInput, "22023");
    EXPECT_ERROR(set(settings, "braid.cut", {"0"}), ErrorCode::kInvalidInput, "22023");
}

TEST(Settings, BringValuesIntoOneForm) {
    Settings settings;
    ASSERT_OK(set(settings, "jit", {"YES"}));
    EXPECT_EQ(show(settings, "jit"), "on");
    ASSERT_OK(set(settings, "client_encoding", {"utf-8"}));
    EXPECT_EQ(show(settings, "client_encoding"), "UTF8");
    ASSERT_OK(set(settings, "DateStyle", {"iso", "mdy"}));
    EXPECT_EQ(show(settings, "DateStyle"), "ISO, MDY");
    ASSERT_OK(set(settings, "standard_conforming_strings", {"true"}));
    EXPECT_EQ(show(settings, "standard_conforming_strings"), "on");
    for (const auto& [given, shown, us] :
         std::vector<std::tuple<std::string, std::string, int64_t>>{{"1500", "1500ms", 1'500'000},
                                                                    {"2000", "2s", 2'000'000},
                                                                    {"2 min", "2min", 120'000'000},
                                                                    {"1.5s", "1500ms", 1'500'000},
                                                                    {"0", "0", 0}}) {
        ASSERT_OK(set(settings, "statement_timeout", {given}));
        EXPECT_EQ(show(settings, "statement_timeout"), shown);
        EXPECT_EQ(settings.statement_timeout_us(), us);
    }
}

TEST(Settings, KnowTheSearchPath) {
    Settings settings;
    ASSERT_OK(set(settings, "search_path", {"A b", "pg_catalog", "$user"}));
    EXPECT_EQ(show(settings, "search_path"), "\"A b\", pg_catalog, \"$user\"");
    EXPECT_EQ(settings.search_path(), (std::vector<std::string>{"A b", "pg_catalog"}));
    ASSERT_OK(settings.set_default("search_path", "x,public"));
    EXPECT_EQ(settings.search_path(), (std::vector<std::string>{"x", "public"}));
    EXPECT_ERROR(settings.set_default("search_path", "x,,y,"), ErrorCode::kInvalidInput, "22023");
}

TEST(Settings, ChooseWhatIsRead) {
    Settings settings;
    EXPECT_EQ(settings.read_mode(), runs::ReadMode::kLive);
    ASSERT_OK(set(settings, "braid.read_mode", {"AT_CUT"}));
    ASSERT_OK(set(settings, "braid.cut", {"17"}));
    EXPECT_EQ(settings.read_mode(), runs::ReadMode::kAtCut);
    EXPECT_EQ(settings.cut_number(), 17u);
    ASSERT_OK(set(settings, "braid.cut", {"latest"}));
    EXPECT_EQ(settings.cut_number(), 0u);
}

TEST(Settings, GoBackToTheConnectionsOptions) {
    Settings settings;
    ASSERT_OK(settings.set_default("application_name", "one"));
    ASSERT_OK(set(settings, "application_name", {"two"}));
    ASSERT_OK(settings.reset("application_name"));
    EXPECT_EQ(show(settings, "application_name"), "one");
    ASSERT_OK(set(settings, "application_name", {"three"}));
    settings.reset_all();
    EXPECT_EQ(show(settings, "application_name"), "one");
}

TEST(Settings, AreUndoneByARollback) {
    Settings settings;
    settings.begin_transaction();
    ASSERT_OK(set(settings, "application_name", {"x"}));
    settings.end_transaction(false);
    EXPECT_EQ(show(settings, "application_name"), "");
    settings.begin_transaction();
    ASSERT_OK(set(settings, "application_name", {"y"}));
    settings.end_transaction(true);
    EXPECT_EQ(show(settings, "application_name"), "y");
}

TEST(Settings, LocalOnesEndWithTheTransaction) {
    Settings settings;
    ASSERT_OK(set(settings, "application_name", {"none"}, true));
    EXPECT_EQ(show(settings, "application_name"), "");
    settings.begin_transaction();
    ASSERT_OK(set(settings, "application_name", {"a"}));
    ASSERT_OK(set(settings, "application_name", {"b"}, true));
    ASSERT_OK(set(settings, "application_name", {"c"}, true));
    EXPECT_EQ(show(settings, "application_name"), "c");
    settings.end_transaction(true);
    EXPECT_EQ(show(settings, "application_name"), "a");
}

TEST(Settings, NewTransactionsTakeTheDefaults) {
    Settings settings;
    ASSERT_OK(set(settings, "default_transaction_read_only", {"on"}));
    settings.begin_transaction();
    EXPECT_EQ(show(settings, "transaction_read_only"), "on");
    ASSERT_OK(set(settings, "transaction_read_only", {"off"}));
    settings.end_transaction(true);
    EXPECT_EQ(show(settings, "transaction_read_only"), "on");
}

}  // namespace
}  // namespace braid::serving
