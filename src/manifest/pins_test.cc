// SPDX-License-Identifier: Apache-2.0
#include "manifest/pins.h"

#include <gtest/gtest.h>

#include "base/memory_file_system.h"
#include "base/test_support.h"
#include "manifest/test_support.h"

namespace braid::manifest {
namespace {

TEST(Pins, KnowTheOldestVersionThatIsHeld) {
    Pins pins;
    EXPECT_EQ(pins.oldest(0), std::nullopt);
    Pins::PinPtr seven = pins.add({7}, 100);
    Pins::PinPtr nine = pins.add({9}, 200);
    const Pins::PinPtr again = nine;
    EXPECT_EQ(pins.size(), 2U);
    EXPECT_EQ(pins.oldest(0), ManifestNumber{7});
    EXPECT_EQ(pins.oldest(100), ManifestNumber{7});
    EXPECT_EQ(pins.oldest(101), ManifestNumber{9}) << "what is too old does not count";
    EXPECT_EQ(pins.oldest(201), std::nullopt);
    seven.reset();
    nine.reset();
    EXPECT_EQ(pins.oldest(0), ManifestNumber{9}) << "it is held once more";
}

TEST(Pins, MayBeLetGoAfterTheirOwner) {
    Pins::PinPtr left;
    {
        Pins pins;
        left = pins.add({1}, 5);
    }
    EXPECT_EQ(left->since_us(), 5);
}

TEST(Pins, AManifestPinsItsHead) {
    MemoryFileSystem files;
    SteppedClock clock;
    ASSERT_OK_AND_ASSIGN(const auto manifest, Manifest::open(files, clock, "manifest"));
    ASSERT_OK(manifest->commit({CreateTable{test_table({1}, "t")}}));
    const PinnedState pinned = manifest->pin();
    ASSERT_OK(manifest->commit({DropTable{{1}}}));
    EXPECT_TRUE(pinned.state->catalog.tables.contains({1}));
    EXPECT_EQ(manifest->pins().oldest(0), pinned.state->number);
    EXPECT_EQ(pinned.pin->since_us(), clock.monotonic_us());
}

}  // namespace
}  // namespace braid::manifest
