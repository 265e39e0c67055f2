// SPDX-License-Identifier: Apache-2.0
#include "collect/allowed_files.h"

#include <array>
#include <filesystem>
#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error_makers.h"
#include "base/memory_file_system.h"
#include "base/posix_file_system.h"
#include "base/test_support.h"

namespace braid::collect {
namespace {

using testing::HasSubstr;

std::string sqlstate_of(const Result<void>& outcome) {
    return outcome ? "" : std::string(outcome.error().sqlstate());
}

template <typename T>
std::string sqlstate_of(const Result<T>& outcome) {
    return outcome ? "" : std::string(outcome.error().sqlstate());
}

class AllowedFilesTest : public testing::Test {
  protected:
    void SetUp() override {
        for (const char* directory : {"/var/log", "/var/logs", "/srv/node/data/manifest"}) {
            ASSERT_OK(machine_.create_directories(directory));
        }
        for (const char* path : {"/var/log/a.log", "/var/logs/b.log", "/etc.conf",
                                 "/srv/node/a.log", "/srv/node/data/manifest/1"}) {
            ASSERT_OK(machine_.create(path));
        }
    }
    /// Links of a machine whose files lie in memory.
    Result<std::string> resolve(const std::string& path) const {
        const auto link = links_.find(path);
        return link == links_.end() ? path : link->second;
    }

    MemoryFileSystem machine_;
    std::map<std::string, std::string> links_;
    AllowedFiles files_{machine_,
                        [this](const std::string& path) { return resolve(path); },
                        {"/srv/node/data", "", "/mnt/store"}};
};

TEST_F(AllowedFilesTest, NothingIsAllowedByDefault) {
    for (const char* path : {"/var/log/a.log", "/etc.conf", "/*"}) {
        const auto checked = files_.check(path);
        EXPECT_EQ(sqlstate_of(checked), "42501") << path;
        EXPECT_EQ(sqlstate_of(files_.open(path)), "42501") << path;
    }
    EXPECT_EQ(sqlstate_of(files_.list("/var/log")), "42501");
    const auto refused = files_.check("/var/log/*.log");
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().hint(), HasSubstr("allow = [\"/var/log\"]"));
    EXPECT_THAT(refused.error().hint(), HasSubstr("--files /var/log"));
}

TEST_F(AllowedFilesTest, ADirectoryIsAllowedWithAllBelowItAndNothingBeside) {
    files_.allow({"/var/log/"});
    EXPECT_OK(files_.check("/var/log/a.log"));
    EXPECT_OK(files_.check("/var/log/*/not/yet/*.log"));
    EXPECT_OK(files_.open("/var/log/a.log"));
    EXPECT_OK(files_.list("/var/log"));
    for (const char* path : {"/var/logs/b.log", "/var/log*/a.log", "/var/*/a.log", "/var/lo"}) {
        EXPECT_EQ(sqlstate_of(files_.check(path)), "42501") << path;
    }
    EXPECT_EQ(sqlstate_of(files_.open("/var/logs/b.log")), "42501");
}

TEST_F(AllowedFilesTest, TheDataDirectoryStaysClosedInsideAnAllowedOne) {
    files_.allow({"/srv", "/"});
    EXPECT_OK(files_.open("/srv/node/a.log"));
    EXPECT_EQ(sqlstate_of(files_.check("/srv/node/data/manifest/*")), "42501");
    EXPECT_EQ(sqlstate_of(files_.open("/srv/node/data/manifest/1")), "42501");
    EXPECT_EQ(sqlstate_of(files_.list("/srv/node/data")), "42501");
    EXPECT_EQ(sqlstate_of(files_.list("/mnt/store")), "42501");
    EXPECT_EQ(sqlstate_of(files_.check("/mnt/store/dataset/t-1/*")), "42501");
}

TEST_F(AllowedFilesTest, LinksAreJudgedByWhereTheyLead) {
    files_.allow({"/var/log"});
    links_["/var/log/out.log"] = "/etc.conf";
    links_["/var/log/own.log"] = "/srv/node/data/manifest/1";
    links_["/var/log/in.log"] = "/var/log/a.log";
    links_["/elsewhere/a.log"] = "/var/log/a.log";
    EXPECT_EQ(sqlstate_of(files_.check("/var/log/out.log")), "42501");
    EXPECT_EQ(sqlstate_of(files_.open("/var/log/out.log")), "42501");
    EXPECT_EQ(sqlstate_of(files_.open("/var/log/own.log")), "42501");
    EXPECT_OK(files_.open("/var/log/in.log"));
    EXPECT_OK(files_.open("/elsewhere/a.log"));
    links_["/var/log/a.log"] = "/etc.conf";
    EXPECT_EQ(sqlstate_of(files_.open("/var/log/a.log")), "42501") << "a link since then";
}

TEST_F(AllowedFilesTest, AnAllowedDirectoryMayBeALink) {
    links_["/logs"] = "/var/log";
    files_.allow({"/logs"});
    EXPECT_OK(files_.open("/var/log/a.log"));
}

TEST_F(AllowedFilesTest, OpenFilesAreJudgedAgainWhenTheListChanges) {
    files_.allow({"/var/log"});
    ASSERT_OK_AND_ASSIGN(const auto file, files_.open("/var/log/a.log"));
    std::array<std::byte, 8> buffer{};
    EXPECT_OK(file->read_at(0, buffer));
    files_.allow({"/var"});
    EXPECT_OK(file->read_at(0, buffer));
    files_.allow({"/srv"});
    EXPECT_EQ(sqlstate_of(file->read_at(0, buffer)), "42501");
    files_.allow({"/var/log"});
    EXPECT_OK(file->read_at(0, buffer));
}

TEST_F(AllowedFilesTest, NothingIsWritten) {
    files_.allow({"/"});
    EXPECT_ERROR(files_.create("/var/log/new"), ErrorCode::kUnsupported);
    EXPECT_ERROR(files_.remove("/var/log/a.log"), ErrorCode::kUnsupported);
    EXPECT_ERROR(files_.create_directories("/var/new"), ErrorCode::kUnsupported);
}

TEST(AllowedFilesOfTheMachine, ALinkThatIsPutInPlaceOfAFileIsNotFollowed) {
    namespace fs = std::filesystem;
    std::string folder = fs::temp_directory_path() / "braid-allowed-XXXXXX";
    ASSERT_NE(mkdtemp(folder.data()), nullptr);
    folder = fs::canonical(folder);
    fs::create_directories(folder + "/allowed/deep");
    fs::create_directories(folder + "/secret");
    ASSERT_OK_AND_ASSIGN(const auto plain, open_posix_file_system("/"));
    for (const char* name : {"/allowed/deep/a", "/secret/a"})
        ASSERT_OK(plain->create(folder + name));
    ASSERT_OK_AND_ASSIGN(const auto machine, open_posix_file_system("/", Links::kRefused));
    bool is_swapped = false;
    // The swap falls exactly between the judgement and the open.
    AllowedFiles files(*machine,
                       [&](const std::string& path) -> Result<std::string> {
                           auto place = resolve_links(path);
                           if (is_swapped && path.ends_with("/a")) {
                               fs::remove_all(folder + "/allowed/deep");
                               fs::create_directory_symlink(folder + "/secret",
                                                            folder + "/allowed/deep");
                           }
                           return place;
                       },
                       {});
    files.allow({folder + "/allowed"});
    EXPECT_OK(files.open(folder + "/allowed/deep/a"));
    is_swapped = true;
    EXPECT_ERROR(files.open(folder + "/allowed/deep/a"), ErrorCode::kNotFound);
    is_swapped = false;
    EXPECT_EQ(sqlstate_of(files.open(folder + "/allowed/deep/a")), "42501");
    EXPECT_EQ(sqlstate_of(files.list(folder + "/allowed/deep")), "42501");
    fs::remove_all(folder);
}

TEST(FixedDirectory, EndsBeforeTheFirstPattern) {
    EXPECT_EQ(fixed_directory("/var/log/*/access.log"), "/var/log");
    EXPECT_EQ(fixed_directory("/var/log/access.log"), "/var/log");
    EXPECT_EQ(fixed_directory("/var/lo[gG]/x"), "/var");
    EXPECT_EQ(fixed_directory("/*.log"), "/");
    EXPECT_EQ(fixed_directory("/a"), "/");
}

}  // namespace
}  // namespace braid::collect
