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
        R"("quarantined":3,"failed":2,"expired":0,"erased":0}},)"
        R"("runs":[{"view":"visits","kind":"batch","box":[[0,0,17],[1,0,4]],)"
        R"("digest":"00000000000000ab0000000000000001","rows":9},)"
        R"({"view":"visits","kind":"tick","box":[[0,17,20],[1,4,9]],"digest":null,"rows":2}],)"
        R"("quarantined":5,"expired":0})");
}

TEST(Receipt, TellsWhatHasExpiredAndWhatWasErased) {
    Receipt receipt = sample();
    receipt.views["visits"].account.expired = 7;
    receipt.views["visits"].account.erased = 3;
    receipt.views["visits"].horizon_us = 1'700'000'000'000'000;
    receipt.expired = 7;
    const std::string text = to_json(receipt);
    EXPECT_NE(
        text.find(R"("failed":2,"expired":7,"erased":3,"horizon":"2023-11-14 22:13:20+00"}})"),
        std::string::npos)
        << text;
    EXPECT_TRUE(text.ends_with(R"("quarantined":5,"expired":7})")) << text;
}

TEST(Receipt, SaysHowManyRunsItLeavesOff) {
    Receipt receipt = sample();
    receipt.parts.pop_back();
    receipt.parts_left_off = 1;
    const std::string text = to_json(receipt);
    EXPECT_NE(text.find(R"("rows":9}],"runs_left_off":1,"quarantined")"), std::string::npos)
        << text;
    EXPECT_EQ(to_json(sample()).find("runs_left_off"), std::string::npos);
}

TEST(Receipt, OfNothingIsWhole) {
    EXPECT_EQ(
        to_json({}),
        R"({"manifest":0,"mode":"","cut":{},"frontier":{},"speed_share":0,"views":{},"runs":[],)"
        R"("quarantined":0,"expired":0})");
}

ReceiptSource source() {
    auto runs = std::make_shared<TiledRuns>();
    runs->view = "visits";
    runs->stream = "access";
    runs->facts = {.version = {3},
                   .complete_since = {{{0}, {0}}},
                   .account = {.counted = 4, .filtered = 4, .quarantined = 3, .failed = 2}};
    runs->cut = {{{17}, {4}}};
    runs->parts = {sample().parts[0]};
    runs->batch_events = 3;
    runs->speed_events = 0;
    ReceiptSource::Tick tick{.is_own = false,
                             .box = sample().parts[1].box,
                             .rows = 2,
                             .account = {.counted = 1, .quarantined = 2}};
    ReceiptSource source;
    source.manifest = {42};
    source.mode = "live";
    source.views.push_back({std::move(runs), {std::move(tick)}, {{{20}, {9}}}});
    source.ends["b"] = {{{1}}};
    source.own.push_back({.view = "b", .kind = "own", .rows = 7});
    return source;
}

TEST(Receipt, IsMadeOfRunsAndTicks) {
    const Receipt made = make_receipt(source());
    EXPECT_EQ(made.manifest, ManifestNumber{42});
    EXPECT_EQ(made.mode, "live");
    EXPECT_EQ(made.cut.at("access"), (Cut{{{17}, {4}}}));
    EXPECT_EQ(made.frontier.at("access"), (Positions{{{20}, {9}}}));
    EXPECT_EQ(made.frontier.at("b"), (Positions{{{1}}}));
    EXPECT_EQ(made.speed_share, 0.25);
    EXPECT_EQ(made.views.at("visits").account.counted, 5U);
    EXPECT_EQ(made.quarantined, 5U);
    ASSERT_EQ(made.parts.size(), 3U);
    EXPECT_EQ(made.parts[0].kind, "batch");
    EXPECT_EQ(made.parts[1].kind, "tick");
    EXPECT_EQ(made.parts[2].rows, 7U);
    EXPECT_EQ(made.parts_left_off, 0U);
}

TEST(Receipt, CanBeMadeWithoutItsParts) {
    const Receipt made = make_receipt(source(), ReceiptParts::kCounted);
    EXPECT_TRUE(made.parts.empty());
    EXPECT_EQ(made.parts_left_off, 3U);
    EXPECT_EQ(made.quarantined, 5U);
}

}  // namespace
}  // namespace braid::runs
