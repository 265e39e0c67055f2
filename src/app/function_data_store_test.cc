// SPDX-License-Identifier: Apache-2.0
#include "app/function_data_store.h"

#include <filesystem>

#include <gtest/gtest.h>

#include "base/posix_file_system.h"
#include "base/test_support.h"

namespace braid::app {
namespace {

constexpr const char* kRules =
    "user_agent_parsers:\n  - regex: '(Firefox)/(\\d+)'\n"
    "os_parsers:\n  - regex: '(Linux)'\n";

/// A data directory on disk, where libraries open files by themselves, and files to configure.
class FunctionDataStoreTest : public testing::Test {
  protected:
    void SetUp() override {
        root_ = testing::TempDir() + "function_data_" +
                testing::UnitTest::GetInstance()->current_test_info()->name();
        std::filesystem::remove_all(root_);
        std::filesystem::create_directories(root_);
        ASSERT_OK_AND_ASSIGN(files_, open_posix_file_system(root_));
        const std::string here = std::filesystem::current_path().string();
        configured_.regions_ipv4 = here + "/tests/data/regions.mmdb";
        configured_.user_agent_rules = configure("rules.yaml", kRules);
    }
    void TearDown() override { std::filesystem::remove_all(root_); }

    /// Writes a file to be configured; gives its path.
    std::string configure(const std::string& name, std::string_view content) {
        if (files_->exists(name).value()) {
            EXPECT_OK(files_->remove(name));
        }
        EXPECT_OK(put_new(*files_, name, as_bytes(content)));
        return root_ + "/" + name;
    }
    std::string regions() const {
        const auto machine = open_posix_file_system("/");
        return (*machine)->read_all(configured_.regions_ipv4).value();
    }
    /// What a node would commit for both kinds.
    Result<std::vector<catalog::FunctionData>> adopt() {
        return FunctionDataStore(*files_, root_ + "/cache", configured_)
            .changes(catalog_, {"user_agent", "geo"});
    }
    void flip(const std::string& path) {
        std::string content = files_->read_all(path).value();
        content[content.size() / 2] ^= 4;
        EXPECT_OK(files_->remove(path));
        EXPECT_OK(put_new(*files_, path, as_bytes(content)));
    }

    std::string root_;
    std::unique_ptr<FileSystem> files_;
    FunctionDataFiles configured_;
    catalog::Catalog catalog_;
};

TEST_F(FunctionDataStoreTest, LoadsWhatWasCopiedIn) {
    ASSERT_OK_AND_ASSIGN(const auto data, adopt());
    ASSERT_EQ(data.size(), 2U);
    configured_ = {};  // the copies are enough
    FunctionDataStore later(*files_, root_ + "/cache", configured_);
    ASSERT_OK_AND_ASSIGN(const auto loaded, later.load(data));
    EXPECT_EQ(loaded->user_agents->client("Firefox/9"), "Firefox");
    EXPECT_EQ(loaded->regions->country("81.2.69.160"), "GB");
}

TEST_F(FunctionDataStoreTest, RefusesDataThatCannotBeUsedBeforeTheyAreAdopted) {
    const std::string whole = regions();
    const std::pair<const char*, std::string> bad[] = {
        {"garbage", "no database at all"},
        {"empty", ""},
        {"cut short", whole.substr(0, whole.size() / 2)},
        {"cut at its beginning", whole.substr(whole.size() / 2)},
        {"rules instead", kRules}};
    const std::string good = configured_.regions_ipv4;
    for (const auto& [kind, content] : bad) {
        configured_.regions_ipv4 = configure("regions.mmdb", content);
        const auto refused = adopt();
        ASSERT_ERROR(refused, ErrorCode::kInvalidInput) << kind;
        EXPECT_EQ(refused.error().sqlstate(), "F0000") << kind;
        EXPECT_NE(refused.error().detail().find(configured_.regions_ipv4), std::string::npos);
    }
    configured_.regions_ipv4 = good;
    for (const std::string& content :
         {whole, std::string("user_agent_parsers: 7"), std::string("- a\n- b\n"), std::string(),
          std::string("user_agent_parsers:\n  - regex: '((('\nos_parsers:\n  - regex: x\n"),
          std::string(kRules).substr(0, 30)}) {
        configured_.user_agent_rules = configure("bad.yaml", content);
        EXPECT_ERROR(adopt(), ErrorCode::kInvalidInput, "F0000");
    }
    configured_.user_agent_rules = root_ + "/rules.yaml";
    ASSERT_OK_AND_ASSIGN(const auto data, adopt());
    EXPECT_EQ(data.size(), 2U) << "what an earlier try left does no harm";
}

TEST_F(FunctionDataStoreTest, ServesNoCopyThatIsNotWhatWasCopiedIn) {
    ASSERT_OK_AND_ASSIGN(const auto data, adopt());
    for (const catalog::FunctionData& each : data) {
        const std::string directory = "function_data/" + each.name + "-1";
        const std::string path = directory + (each.name == "geo" ? "/ipv4.mmdb" : "/regexes.yaml");
        flip(path);
        FunctionDataStore later(*files_, root_ + "/cache", {});
        const auto refused = later.load({each});
        ASSERT_ERROR(refused, ErrorCode::kCorrupt);
        EXPECT_NE(refused.error().message().find(directory), std::string::npos);
        flip(path);
        ASSERT_OK(later.load({each}));
        ASSERT_OK(files_->remove(path));
        FunctionDataStore last(*files_, root_ + "/cache", {});
        EXPECT_ERROR(last.load({each}), ErrorCode::kCorrupt);
    }
}

TEST_F(FunctionDataStoreTest, CompilesAnewWhatIsNotTheAutomatonOfItsRules) {
    ASSERT_OK_AND_ASSIGN(const auto data, adopt());
    configured_.user_agent_rules =
        configure("other.yaml",
                  "user_agent_parsers:\n  - regex: '(a)'\n  - regex: '(curl)'\n"
                  "  - regex: '(Fire)'\nos_parsers:\n  - regex: '(x)'\n");
    catalog_.function_data["user_agent"] = data[0];
    ASSERT_OK_AND_ASSIGN(const auto other, adopt());
    std::vector<std::string> compiled;
    ASSERT_OK_AND_ASSIGN(const auto names, files_->list("cache"));
    for (const std::string& name : names) {
        if (name.ends_with(".hs")) compiled.push_back("cache/" + name);
    }
    ASSERT_EQ(compiled.size(), 2u);
    // Each under the other's name.
    ASSERT_OK(files_->move_no_replace(compiled[0], "cache/aside"));
    ASSERT_OK(files_->move_no_replace(compiled[1], compiled[0]));
    ASSERT_OK(files_->move_no_replace("cache/aside", compiled[1]));
    FunctionDataStore later(*files_, root_ + "/cache", {});
    ASSERT_OK_AND_ASSIGN(const auto loaded, later.load({data[0]}));
    EXPECT_EQ(loaded->user_agents->client("Firefox/9"), "Firefox");
    EXPECT_EQ(loaded->user_agents->client("curl"), "Other");
}

}  // namespace
}  // namespace braid::app
