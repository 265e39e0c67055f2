// SPDX-License-Identifier: Apache-2.0
#include "columnar/type.h"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace braid {
namespace {

Type type_named(std::string_view name) {
    Type type;
    EXPECT_TRUE(parse_type_name(name, type)) << name;
    return type;
}

TEST(Type, PrintsNamesAsFormatType) {
    EXPECT_EQ(type_named("int4").name(), "integer");
    EXPECT_EQ(type_named("timestamptz").name(), "timestamp with time zone");
    EXPECT_EQ(type_named("decimal").name(), "numeric");
    EXPECT_EQ(type_named("numeric(10,2)").name(), "numeric(10,2)");
    EXPECT_EQ(type_named("numeric( 10 , -2 )").name(), "numeric(10,-2)");
    EXPECT_EQ(type_named("varchar(10)").name(), "character varying(10)");
    EXPECT_EQ(type_named("_text").name(), "text[]");
}

TEST(Type, ReadsItsOwnNames) {
    for (const char* name :
         {"bool",       "int4",     "int8",      "numeric",     "numeric(38,10)", "float8",
          "text",       "date",     "timestamp", "timestamptz", "interval",       "int2",
          "oid",        "xid",      "name",      "varchar",     "varchar(5)",     "regclass",
          "regtype",    "regproc",  "text[]",    "name[]",      "oid[]",          "int2[]",
          "int2vector", "_aclitem", "\"char\"",  "unknown"}) {
        const Type type = type_named(name);
        EXPECT_EQ(type_named(type.name()), type) << name;
    }
}

TEST(Type, KnowsItsOid) {
    for (const uint32_t oid : {16U,   18U,   19U,   20U,   21U,   22U,   23U,   24U,   25U,
                               26U,   28U,   701U,  705U,  1002U, 1003U, 1005U, 1009U, 1028U,
                               1034U, 1043U, 1082U, 1114U, 1184U, 1186U, 1700U, 2205U, 2206U}) {
        Type type;
        ASSERT_TRUE(type_of_oid(oid, type)) << oid;
        EXPECT_EQ(type.oid(), oid);
    }
    Type type;
    EXPECT_FALSE(type_of_oid(600, type));
}

TEST(Type, RefusesWhatItDoesNotKnow) {
    Type type;
    for (const char* name :
         {"", "point", "numeric(0)", "numeric(1001)", "numeric(10,1001)", "numeric(a)",
          "numeric(10", "text(5)", "varchar(0)", "float4", "timestamp(3)", "char"}) {
        EXPECT_FALSE(parse_type_name(name, type)) << name;
    }
}

TEST(Type, CountsTypmodAsTheWireWants) {
    EXPECT_EQ(type_named("int4").typmod(), -1);
    EXPECT_EQ(type_named("numeric(10,2)").typmod(), ((10 << 16) | 2) + 4);
    EXPECT_EQ(type_named("numeric(10,-2)").typmod(), ((10 << 16) | 2046) + 4);
    EXPECT_EQ(type_named("varchar(10)").typmod(), 14);
    EXPECT_EQ(type_named("name").typlen(), 64);
    EXPECT_EQ(type_named("text").typlen(), -1);
}

}  // namespace
}  // namespace braid
