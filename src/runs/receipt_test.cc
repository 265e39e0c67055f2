// SPDX-License-Identifier: Apache-2.0
#include "runs/receipt.h"

#include <gtest/gtest.h>

namespace braid::runs {
namespace {

Receipt sample() {
    Receipt receipt;
    receipt.manifest = {42};
    receipt.mode = "live";
    receipt.cut["access"] = {{{17}, {4}}};
    receipt.frontier["access"] = {{{20}, {9}}};
    receipt.frontier["b\"ü"] = {{{1}}};
    receipt.speed_share = 0.25;
    receipt.views["visits"] = {
        .version = {3},
        .complete_since = {{{0}, {0}}},
        .account = {.counted = 5, .filtered = 4, .quarantined = 3, .failed = 2}};
    receipt.parts.push_back({.view = "visits",
                             .kind = "batch",
                             .box = {{{{0}, {0}, {17}}, {{1}, {0}, {4}}}},
                             .digest = Digest{.low = 1, .high = 0xab},
                             .rows = 9});
    receipt.parts.push_back({.view = "visits",
                             .kind = "tick",
                             .box = {{{{0}, {17}, {20}}, {{1}, {4}, {9}}}},
                             .digest = std::nullopt,
                             .rows = 2});
    receipt.quarantined = 5;
    return receipt;
}

TEST(Receipt, IsOneLineOfJson) {
    EXPECT_EQ(
        to_json(sample()),
        R"({"manifest":42,"mode":"live","cut":{"access":[17,4]},)"
        R"("frontier":{"access":[20,9],"b\"ü":[1]},"speed_share":0.25,)"
        R"("views":{"visits":{"version":3,"complete_since":[0,0],"counted":5,"filtered":4,)"
        R"("quarantined":3,"failed":2,"expired":0}},)"
        R"("runs":[{"view":"visits","kind":"batch","box":[[0,0,17],[1,0,4]],)"
        R"("digest":"00000000000000ab0000000000000001","rows":9},)"
        R"({"view":"visits","kind":"tick","box":[[0,17,20],[1,4,9]],"digest":null,"rows":2}],)"
        R"("quarantined":5,"expired":0})");
}

TEST(Receipt, SaysHowManyRunsItLeavesOff) {
    const std::string text = to_json(sample(), 1);
    EXPECT_NE(text.find(R"("rows":9}],"runs_left_off":1,"quarantined")"), std::string::npos)
        << text;
    EXPECT_EQ(to_json(sample(), 2).find("runs_left_off"), std::string::npos);
}

TEST(Receipt, OfNothingIsWhole) {
    EXPECT_EQ(
        to_json({}),
        R"({"manifest":0,"mode":"","cut":{},"frontier":{},"speed_share":0,"views":{},"runs":[],)"
        R"("quarantined":0,"expired":0})");
}

}  // namespace
}  // namespace braid::runs
