// SPDX-License-Identifier: Apache-2.0
// Sessions, DDL, REFRESH, seals, archiving, trimming and release race on a whole node, one
// interleaving a seed, with power cuts between. BRAID_RACE_FIRST and BRAID_RACE_SEEDS choose others
// than the usual seeds.
#include <string>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/sim/race.h"
#include "tests/support/environment.h"

namespace braid::testing {
namespace {

/// Each found a fault once.
constexpr uint64_t kRegressions[] = {226, 240, 1002, 1006, 1015, 1018};

/// False when the seed found something.
bool holds(uint64_t seed) {
    Race race(seed);
    const auto faults = race.run();
    EXPECT_TRUE(faults.empty()) << fmt::format(
        "{}\nAgain: BRAID_RACE_FIRST={} BRAID_RACE_SEEDS=1 races_test", fmt::join(faults, "\n"),
        seed);
    return faults.empty();
}

TEST(Races, HoldForEverySeedThatFoundAFault) {
    for (const uint64_t seed : kRegressions) {
        if (!holds(seed)) return;
    }
}

TEST(Races, HoldForManySeeds) {
    const uint64_t first = number_of("BRAID_RACE_FIRST", 1);
    const uint64_t count = number_of("BRAID_RACE_SEEDS", 25);
    for (uint64_t seed = first; seed < first + count; ++seed) {
        if (!holds(seed)) return;
    }
}

TEST(Races, AStreamThatCanBeSeenCanBeUsed) {
    for (uint64_t seed = 1; seed <= 20; ++seed) {
        Simulation simulation(seed);
        simulation.run([&] {
            ThreadWorkers workers({.clock = &simulation});
            TestNode node(TestNode::small_options(), simulation, workers);
            ASSERT_TRUE(node.start());
            Thread maker("maker", [&] { node.run("CREATE TABLE u (a int)"); });
            auto session = node.open_session();
            while (node.table("u") == TableId{}) simulation.rest_us(1);
            const auto used = session->query("INSERT INTO u VALUES (1); SELECT a FROM u");
            EXPECT_TRUE(used) << "seed " << seed << ": " << used.error().to_string();
            maker.join();
            session.reset();
        });
        if (HasFailure()) return;
    }
}

}  // namespace
}  // namespace braid::testing
