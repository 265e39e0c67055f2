// SPDX-License-Identifier: Apache-2.0
// A whole node, everybody who uses it and everything that befalls it, one story a seed.
// BRAID_SIM_FIRST and BRAID_SIM_SEEDS choose others than the usual seeds, BRAID_SIM_STORY tells
// them.
#include "tests/sim/node_sim.h"

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/support/environment.h"

namespace braid::testing {
namespace {

/// False when the seed found something.
bool holds(uint64_t seed) {
    NodeSim simulation(seed);
    const auto findings = simulation.run();
    if (std::getenv("BRAID_SIM_STORY") != nullptr) {
        std::cout << fmt::format("seed {}\n{}\n", seed, fmt::join(simulation.story(), "\n"));
    }
    EXPECT_TRUE(findings.empty()) << fmt::format(
        "seed {}\n{}\n\nfound:\n{}\n\nagain: BRAID_SIM_FIRST={} BRAID_SIM_SEEDS=1 "
        "build/dev/bin/node_sim_test --gtest_filter=*ManySeeds",
        seed, fmt::join(simulation.story(), "\n"), fmt::join(findings, "\n"), seed);
    return findings.empty();
}

/// Each found something once: "seed why" a line.
TEST(NodeSim, HoldsForEverySeedThatIsKept) {
    std::ifstream kept("tests/sim/node_sim_seeds.txt");
    ASSERT_TRUE(kept) << "run this in the root of the tree";
    std::string line;
    while (std::getline(kept, line)) {
        if (line.empty() || line.starts_with('#')) continue;
        holds(std::stoull(line));
    }
}

TEST(NodeSim, HoldsForManySeeds) {
    const uint64_t first = number_of("BRAID_SIM_FIRST", 1);
    const uint64_t count = number_of("BRAID_SIM_SEEDS", 25);
    for (uint64_t seed = first; seed < first + count; ++seed) holds(seed);
}

/// Or a seed would be no way to see it again.
TEST(NodeSim, TellsTheSameStoryTwice) {
    NodeSim once(number_of("BRAID_SIM_FIRST", 1));
    NodeSim again(number_of("BRAID_SIM_FIRST", 1));
    EXPECT_EQ(once.run(), again.run());
    EXPECT_EQ(once.story(), again.story());
    EXPECT_EQ(once.operations(), again.operations());
}

}  // namespace
}  // namespace braid::testing
