// SPDX-License-Identifier: Apache-2.0
#include <array>

#include "plan/function_rows_internal.h"

namespace braid::plan {

namespace {

// Overflow, division and rounding differ in DuckDB, by result or by error: nearly all bodies are
// ours.
constexpr FunctionRow kArithmeticRows[] = {
    {"+(int4,int4)", "int4"},
    {"+(int4,int8)", "int8"},
    {"+(int8,int4)", "int8"},
    {"+(int8,int8)", "int8"},
    {"+(numeric,numeric)", "numeric"},
    {"+(float8,float8)", "float8"},
    {"-(int4,int4)", "int4"},
    {"-(int4,int8)", "int8"},
    {"-(int8,int4)", "int8"},
    {"-(int8,int8)", "int8"},
    {"-(numeric,numeric)", "numeric"},
    {"-(float8,float8)", "float8"},
    {"*(int4,int4)", "int4"},
    {"*(int4,int8)", "int8"},
    {"*(int8,int4)", "int8"},
    {"*(int8,int8)", "int8"},
    {"*(numeric,numeric)", "numeric"},
    {"*(float8,float8)", "float8"},
    {"/(int4,int4)", "int4"},
    {"/(int4,int8)", "int8"},
    {"/(int8,int4)", "int8"},
    {"/(int8,int8)", "int8"},
    {"/(numeric,numeric)", "numeric"},
    {"/(float8,float8)", "float8"},
    {"%(int4,int4)", "int4"},
    {"%(int8,int8)", "int8"},
    {"%(numeric,numeric)", "numeric"},
    {"^(float8,float8)", "float8"},
    {"^(numeric,numeric)", "numeric"},
    {"-(int4)", "int4"},
    {"-(int8)", "int8"},
    {"-(numeric)", "numeric"},
    {"-(float8)", "float8", kSameInDuck, "-$1"},
    {"+(int4)", "int4", kSameInDuck, "$1"},
    {"+(int8)", "int8", kSameInDuck, "$1"},
    {"+(numeric)", "numeric", kSameInDuck, "$1"},
    {"+(float8)", "float8", kSameInDuck, "$1"},
    {"&(int4,int4)", "int4", kSameInDuck, "$1 & $2"},
    {"&(int8,int8)", "int8", kSameInDuck, "$1 & $2"},
    {"|(int4,int4)", "int4", kSameInDuck, "$1 | $2"},
    {"|(int8,int8)", "int8", kSameInDuck, "$1 | $2"},
    {"#(int4,int4)", "int4", kRewrittenInDuck, "xor($1, $2)"},
    {"#(int8,int8)", "int8", kRewrittenInDuck, "xor($1, $2)"},
    {"~(int4)", "int4", kSameInDuck, "~$1"},
    {"~(int8)", "int8", kSameInDuck, "~$1"},
    {"<<(int4,int4)", "int4"},
    {"<<(int8,int4)", "int8"},
    {">>(int4,int4)", "int4"},
    {">>(int8,int4)", "int8"},
};

/// The wider operand decides; two of smallint stay smallint. One with an integer has the integer's
/// body.
constexpr FunctionRow kSmallintRows[] = {
    {"+(int2,int2)", "int2"},   {"+(int2,int4)", "int4"},  {"+(int4,int2)", "int4"},
    {"+(int2,int8)", "int8"},   {"+(int8,int2)", "int8"},  {"-(int2,int2)", "int2"},
    {"-(int2,int4)", "int4"},   {"-(int4,int2)", "int4"},  {"-(int2,int8)", "int8"},
    {"-(int8,int2)", "int8"},   {"*(int2,int2)", "int2"},  {"*(int2,int4)", "int4"},
    {"*(int4,int2)", "int4"},   {"*(int2,int8)", "int8"},  {"*(int8,int2)", "int8"},
    {"/(int2,int2)", "int2"},   {"/(int2,int4)", "int4"},  {"/(int4,int2)", "int4"},
    {"/(int2,int8)", "int8"},   {"/(int8,int2)", "int8"},  {"%(int2,int2)", "int2"},
    {"mod(int2,int2)", "int2"}, {"-(int2)", "int2"},       {"+(int2)", "int2"},
    {"abs(int2)", "int2"},      {"@(int2)", "int2"},       {"~(int2)", "int2"},
    {"&(int2,int2)", "int2"},   {"|(int2,int2)", "int2"},  {"#(int2,int2)", "int2"},
    {"<<(int2,int4)", "int2"},  {">>(int2,int4)", "int2"},
};

constexpr FunctionRow kNumberRows[] = {
    {"abs(int4)", "int4"},
    {"abs(int8)", "int8"},
    {"abs(numeric)", "numeric"},
    {"abs(float8)", "float8", kSameInDuck, "abs($1)"},
    {"@(int4)", "int4"},
    {"@(int8)", "int8"},
    {"@(numeric)", "numeric"},
    {"@(float8)", "float8", kRewrittenInDuck, "abs($1)"},
    {"ceil(float8)", "float8", kSameInDuck, "ceil($1)"},
    {"ceil(numeric)", "numeric"},
    {"ceiling(float8)", "float8", kSameInDuck, "ceil($1)"},
    {"ceiling(numeric)", "numeric"},
    {"floor(float8)", "float8", kSameInDuck, "floor($1)"},
    {"floor(numeric)", "numeric"},
    {"round(float8)", "float8"},
    {"round(numeric)", "numeric"},
    {"round(numeric,int4)", "numeric"},
    {"trunc(float8)", "float8", kSameInDuck, "trunc($1)"},
    {"trunc(numeric)", "numeric"},
    {"trunc(numeric,int4)", "numeric"},
    {"sign(float8)", "float8"},
    {"sign(numeric)", "numeric"},
    {"mod(int4,int4)", "int4"},
    {"mod(int8,int8)", "int8"},
    {"mod(numeric,numeric)", "numeric"},
    {"div(numeric,numeric)", "numeric"},
    {"power(float8,float8)", "float8"},
    {"power(numeric,numeric)", "numeric"},
    {"pow(float8,float8)", "float8"},
    {"pow(numeric,numeric)", "numeric"},
    {"sqrt(float8)", "float8"},
    {"sqrt(numeric)", "numeric"},
    {"exp(float8)", "float8"},
    {"exp(numeric)", "numeric"},
    {"ln(float8)", "float8"},
    {"ln(numeric)", "numeric"},
    {"log(float8)", "float8"},
    {"log(numeric)", "numeric"},
    {"log(numeric,numeric)", "numeric"},
    {"log10(float8)", "float8"},
    {"log10(numeric)", "numeric"},
    {"scale(numeric)", "int4"},
    {"trim_scale(numeric)", "numeric"},
    {"gcd(int4,int4)", "int4"},
    {"gcd(int8,int8)", "int8"},
    {"width_bucket(float8,float8,float8,int4)", "int4"},
};

}  // namespace

void add_arithmetic(FunctionTable& table) {
    table.add(kArithmeticRows);
    table.add(kSmallintRows);
    table.add(kNumberRows);
}

}  // namespace braid::plan
