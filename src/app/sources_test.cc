// SPDX-License-Identifier: Apache-2.0
#include "app/sources.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "base/memory_file_system.h"
#include "base/test_support.h"
#include "catalog/connectors.h"
#include "log/log_factory.h"
#include "operators/decode/decoder.h"

namespace braid::app {
namespace {

catalog::Table table(const std::string& connector, const std::string& path = {}) {
    catalog::Table made{.id = {1}, .log = {std::string(32, '1')}, .name = "t"};
    made.connector = connector;
    made.format = "json";
    made.options = {{"connector", connector}};
    if (!path.empty()) made.options["path"] = path;
    return made;
}

class SourcesTest : public testing::Test {
  protected:
    void SetUp() override {
        log::EmbeddedLogOptions embedded;
        embedded.keep_free_bytes = 0;
        const auto logs = log::make_log_factory({&files_, &clock_, &metrics_, embedded, {}});
        ASSERT_OK_AND_ASSIGN(log_,
                             logs->open({.directory = "log/1", .id = {std::string(32, '1')}}));
        ASSERT_OK(machine_.create_directories("/logs"));
    }

    MemoryFileSystem files_;
    MemoryFileSystem machine_;
    SteppedClock clock_;
    Metrics metrics_;
    std::shared_ptr<log::PartitionedLog> log_;
    Sources sources_{machine_, {}, {}, clock_, &metrics_};
};

/// Whoever adds a connector with a source adds what fetches for it.
TEST_F(SourcesTest, EveryConnectorWithASourceHasOneAndTheOthersHaveNone) {
    sources_.allow({"/logs"});
    for (const catalog::ConnectorFacts& connector : catalog::connectors()) {
        const catalog::Table of =
            table(std::string(connector.name), connector.has_source ? "/logs/a.log" : "");
        EXPECT_OK(Sources::check(of)) << connector.name;
        EXPECT_OK(sources_.admit(of)) << connector.name;
        EXPECT_EQ(Sources::directory_of(of), connector.has_source ? "/logs" : "");
        EXPECT_EQ(sources_.survey(of).empty(), !connector.has_source);
        ASSERT_OK_AND_ASSIGN(const auto source, sources_.open(of, log_));
        EXPECT_EQ(source != nullptr, connector.has_source) << connector.name;
        if (source) {
            source->step();
            EXPECT_TRUE(source->is_caught_up()) << "there is nothing to fetch";
            EXPECT_EQ(source->facts().size(), 1U) << "the path matches nothing";
        }
    }
}

TEST_F(SourcesTest, RefusesWhatCanNeverWorkAndWhatMayNotBeRead) {
    EXPECT_ERROR(Sources::check(table("file", "logs/a.log")), ErrorCode::kInvalidInput);
    catalog::Table slow = table("file", "/logs/a.log");
    slow.options["line_wait"] = "a while";
    EXPECT_ERROR(Sources::check(slow), ErrorCode::kInvalidInput);
    EXPECT_ERROR(sources_.open(slow, log_), ErrorCode::kInvalidInput);
    EXPECT_ERROR(sources_.admit(table("file", "/logs/a.log")), ErrorCode::kInvalidInput);
    sources_.allow({"/logs"});
    EXPECT_OK(sources_.admit(table("file", "/logs/a.log")));
}

/// `operators` knows no catalog: that the two name the same formats and options is held here.
TEST(Connectors, TheirFormatsAreThoseOfTheDecoders) {
    for (const catalog::FormatFacts& format : catalog::formats()) {
        std::vector<std::string_view> declared = {"timezone"};
        for (const catalog::OptionFacts& option : format.options) declared.push_back(option.name);
        const auto decoded = operators::format_options(format.name);
        EXPECT_TRUE(std::ranges::is_permutation(declared, decoded)) << format.name;
    }
}

}  // namespace
}  // namespace braid::app
