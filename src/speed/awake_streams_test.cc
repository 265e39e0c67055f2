// SPDX-License-Identifier: Apache-2.0
#include "speed/awake_streams.h"

#include <gtest/gtest.h>

namespace braid::speed {
namespace {

std::vector<uint64_t> tables_of(const AwakeStreams& streams) {
    std::vector<uint64_t> tables;
    for (const auto& each : streams.all()) tables.push_back(each.table.value);
    return tables;
}

TEST(AwakeStreams, RestUntilWoken) {
    AwakeStreams streams;
    EXPECT_TRUE(streams.all().empty());
    streams.wake({7});
    streams.wake({3});
    EXPECT_EQ(tables_of(streams), (std::vector<uint64_t>{3, 7}));
    streams.rest(streams.all()[0]);
    EXPECT_EQ(tables_of(streams), (std::vector<uint64_t>{7}));
    streams.wake({3});
    EXPECT_EQ(tables_of(streams), (std::vector<uint64_t>{3, 7}));
}

TEST(AwakeStreams, WhatCameMeanwhileIsNotSleptThrough) {
    AwakeStreams streams;
    streams.wake({1});
    const auto given = streams.all();
    streams.wake({1});
    streams.rest(given[0]);
    EXPECT_EQ(tables_of(streams), (std::vector<uint64_t>{1}));
}

TEST(AwakeStreams, OneWhoFoundMoreOutweighsOneWhoFoundNothing) {
    AwakeStreams streams;
    streams.wake({1});
    const auto one = streams.all();
    const auto other = streams.all();
    streams.rest(one[0]);
    streams.keep({1});
    EXPECT_EQ(tables_of(streams), (std::vector<uint64_t>{1}));
    streams.rest(other[0]);
    EXPECT_EQ(tables_of(streams), (std::vector<uint64_t>{1}));
}

}  // namespace
}  // namespace braid::speed
