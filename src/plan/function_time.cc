// SPDX-License-Identifier: Apache-2.0
#include "plan/function_rows_internal.h"

namespace braid::plan {

namespace {

// Infinities, months and zones: every body is ours. Functions that read a zone take the one that
// the view pinned, or the session's.
constexpr FunctionRow kTimeOperators[] = {
    {"+(date,int4)", "date"},
    {"+(int4,date)", "date"},
    {"-(date,int4)", "date"},
    {"-(date,date)", "int4"},
    {"+(date,interval)", "timestamp"},
    {"+(interval,date)", "timestamp"},
    {"-(date,interval)", "timestamp"},
    {"+(timestamp,interval)", "timestamp"},
    {"+(interval,timestamp)", "timestamp"},
    {"-(timestamp,interval)", "timestamp"},
    {"-(timestamp,timestamp)", "interval"},
    {"+(timestamptz,interval)", "timestamptz"},
    {"+(interval,timestamptz)", "timestamptz"},
    {"-(timestamptz,interval)", "timestamptz"},
    {"-(timestamptz,timestamptz)", "interval"},
    {"+(interval,interval)", "interval"},
    {"-(interval,interval)", "interval"},
    {"-(interval)", "interval"},
    {"*(interval,float8)", "interval"},
    {"*(float8,interval)", "interval"},
    {"/(interval,float8)", "interval"},
};

constexpr FunctionRow kTimeFunctions[] = {
    {"extract(text,date)", "numeric"},
    {"extract(text,timestamp)", "numeric"},
    {"extract(text,timestamptz)", "numeric"},
    {"extract(text,interval)", "numeric"},
    {"date_part(text,date)", "float8"},
    {"date_part(text,timestamp)", "float8"},
    {"date_part(text,timestamptz)", "float8"},
    {"date_part(text,interval)", "float8"},
    {"date_trunc(text,timestamp)", "timestamp"},
    {"date_trunc(text,timestamptz)", "timestamptz"},
    {"date_trunc(text,timestamptz,text)", "timestamptz"},
    {"date_trunc(text,interval)", "interval"},
    {"date_bin(interval,timestamp,timestamp)", "timestamp"},
    {"date_bin(interval,timestamptz,timestamptz)", "timestamptz"},
    {"timezone(text,timestamp)", "timestamptz"},
    {"timezone(text,timestamptz)", "timestamp"},
    {"timezone(interval,timestamp)", "timestamptz"},
    {"timezone(interval,timestamptz)", "timestamp"},
    {"to_char(timestamp,text)", "text"},
    {"to_char(timestamptz,text)", "text"},
    {"to_char(interval,text)", "text"},
    {"to_char(int4,text)", "text"},
    {"to_char(int8,text)", "text"},
    {"to_char(numeric,text)", "text"},
    {"to_char(float8,text)", "text"},
    {"to_timestamp(float8)", "timestamptz"},
    {"isfinite(date)", "bool"},
    {"isfinite(timestamp)", "bool"},
    {"isfinite(timestamptz)", "bool"},
    {"isfinite(interval)", "bool"},
    {"make_date(int4,int4,int4)", "date"},
    {"age(timestamp,timestamp)", "interval"},
    {"age(timestamptz,timestamptz)", "interval"},
    {"justify_days(interval)", "interval"},
    {"justify_hours(interval)", "interval"},
    {"justify_interval(interval)", "interval"},
};

}  // namespace

void add_time_functions(FunctionTable& table) {
    table.add(kTimeOperators);
    table.add(kTimeFunctions);
}

}  // namespace braid::plan
