// SPDX-License-Identifier: Apache-2.0
#include "manifest/json_writer.h"

#include <limits>

#include <gtest/gtest.h>

#include "manifest/shared_list.h"

namespace braid::manifest {
namespace {

using std::string_literals::operator""s;

TEST(JsonWriter, PutsCommasAndColons) {
    std::string text;
    JsonWriter json(text);
    json.begin_object();
    json.field("a", 1);
    json.key("b");
    json.begin_array();
    json.number(int64_t{-2});
    json.begin_object();
    json.end_object();
    json.begin_array();
    json.end_array();
    json.null();
    json.end_array();
    json.field("c", true);
    json.field("d", std::string("x"));
    json.field("e", 0.25);
    json.end_object();
    EXPECT_EQ(text, R"({"a":1,"b":[-2,{},[],null],"c":true,"d":"x","e":0.25})");
}

TEST(JsonWriter, EscapesWhatJsonForbids) {
    std::string text;
    JsonWriter(text).text("\"\\/\b\f\n\r\t\0\x1f\x7f é日😀"s);
    EXPECT_EQ(text, R"("\"\\/\b\f\n\r\t\u0000\u001f\u007f é日😀")");
}

TEST(JsonWriter, KeepsTheLimitsOfNumbers) {
    std::string text;
    JsonWriter json(text);
    json.begin_array();
    json.number(std::numeric_limits<int64_t>::min());
    json.number(std::numeric_limits<uint64_t>::max());
    json.number(0.1);
    json.number(1e300);
    json.number(std::numeric_limits<double>::infinity());
    json.hex(std::string_view("\0\xff", 2));
    json.end_array();
    EXPECT_EQ(text, R"([-9223372036854775808,18446744073709551615,0.1,1e+300,null,"00ff"])");
}

TEST(JsonWriter, BreaksTheOuterLevelsOnly) {
    std::string text;
    JsonWriter json(text, 2);
    json.begin_object();
    json.key("a");
    json.begin_array();
    for (int id = 1; id <= 2; ++id) {
        json.begin_object();
        json.field("id", id);
        json.field("x", 0);
        json.end_object();
    }
    json.end_array();
    json.key("b");
    json.begin_array();
    json.end_array();
    json.end_object();
    EXPECT_EQ(text, "{\n \"a\":[\n  {\"id\":1,\"x\":0},\n  {\"id\":2,\"x\":0}\n ],\n \"b\":[]\n}");
}

TEST(JsonWriter, KeepsShortArraysOnOneLine) {
    std::string text;
    JsonWriter json(text, 9);
    json.begin_array();
    json.begin_short_array();
    json.number(1);
    json.begin_short_array();
    json.number(2);
    json.end_array();
    json.number(3);
    json.end_array();
    json.number(4);
    json.end_array();
    EXPECT_EQ(text, "[\n [1,[2],3],\n 4\n]");
}

TEST(SharedList, ReadsLikeAVector) {
    const SharedList<int> empty;
    EXPECT_TRUE(empty.empty());
    EXPECT_EQ(empty.begin(), empty.end());
    SharedList<int> list = {3, 1, 2};
    list.push_back(5);
    EXPECT_EQ(list.size(), 4U);
    EXPECT_EQ(list.front() + list.back() + list[1], 9);
    EXPECT_EQ(std::vector<int>(list.begin(), list.end()), (std::vector<int>{3, 1, 2, 5}));
    static_assert(std::random_access_iterator<SharedList<int>::Iterator>);
}

TEST(SharedList, CopiesStayAsTheyWere) {
    SharedList<int> list = {1, 2};
    const SharedList<int> before = list;
    list.push_back(3);
    list.edit([](SharedList<int>::Items& items) { items.erase(items.begin()); });
    EXPECT_EQ(before.size(), 2U);
    EXPECT_EQ(std::vector<int>(list.begin(), list.end()), (std::vector<int>{2, 3}));
    EXPECT_EQ(&before[1], &list[0]) << "items are shared, not copied";
}

}  // namespace
}  // namespace braid::manifest
