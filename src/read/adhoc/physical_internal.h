// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

#include "columnar/type.h"

namespace braid::read {

/// How values lie in DuckDB. Types of ours that share a form differ only by what the binder knows.
enum class Physical : uint8_t {
    kBoolean,  // bool
    kInteger,  // int4, date
    kBigint,   // int8, timestamp, timestamptz, oid
    kDouble,   // float8
    kVarchar,  // text and every alias of it
    kBlob,     // numeric, interval: operators/expr/numeric_blob.h
};
inline constexpr Physical kPhysicalForms[] = {Physical::kBoolean, Physical::kInteger,
                                              Physical::kBigint,  Physical::kDouble,
                                              Physical::kVarchar, Physical::kBlob};

constexpr Physical physical_of(TypeKind kind) {
    switch (kind) {
        case TypeKind::kBool:
            return Physical::kBoolean;
        case TypeKind::kInt4:
        case TypeKind::kDate:
            return Physical::kInteger;
        case TypeKind::kInt8:
        case TypeKind::kTimestamp:
        case TypeKind::kTimestampTz:
            return Physical::kBigint;
        case TypeKind::kFloat8:
            return Physical::kDouble;
        case TypeKind::kUnknown:
        case TypeKind::kText:
            return Physical::kVarchar;
        case TypeKind::kNumeric:
        case TypeKind::kInterval:
            return Physical::kBlob;
    }
    return Physical::kVarchar;
}
constexpr Physical physical_of(const Type& type) { return physical_of(type.kind); }

/// A kind of this form.
constexpr TypeKind kind_of(Physical form) {
    switch (form) {
        case Physical::kBoolean:
            return TypeKind::kBool;
        case Physical::kInteger:
            return TypeKind::kInt4;
        case Physical::kBigint:
            return TypeKind::kInt8;
        case Physical::kDouble:
            return TypeKind::kFloat8;
        case Physical::kVarchar:
            return TypeKind::kText;
        case Physical::kBlob:
            return TypeKind::kNumeric;
    }
    return TypeKind::kText;
}

/// DuckDB's name of the form.
constexpr std::string_view sql_name(Physical form) {
    switch (form) {
        case Physical::kBoolean:
            return "BOOLEAN";
        case Physical::kInteger:
            return "INTEGER";
        case Physical::kBigint:
            return "BIGINT";
        case Physical::kDouble:
            return "DOUBLE";
        case Physical::kVarchar:
            return "VARCHAR";
        case Physical::kBlob:
            return "BLOB";
    }
    return "BLOB";
}

/// The function that runs a kernel expression with a result of this form. Booleans come as TINYINT
/// and are cast outside: DuckDB takes such a cast for one that may fail, and so neither moves a
/// filter across a projection nor changes the order of conditions beside it.
constexpr std::string_view kernel_function(Physical form) {
    switch (form) {
        case Physical::kBoolean:
            return "b_eval_boolean";
        case Physical::kInteger:
            return "b_eval_integer";
        case Physical::kBigint:
            return "b_eval_bigint";
        case Physical::kDouble:
            return "b_eval_double";
        case Physical::kVarchar:
            return "b_eval_varchar";
        case Physical::kBlob:
            return "b_eval_blob";
    }
    return "b_eval_blob";
}

/// The function that gives all elements of a table function's call as a list of this form.
constexpr std::string_view list_function(Physical form) {
    switch (form) {
        case Physical::kBoolean:
            return "b_list_boolean";
        case Physical::kInteger:
            return "b_list_integer";
        case Physical::kBigint:
            return "b_list_bigint";
        case Physical::kDouble:
            return "b_list_double";
        case Physical::kVarchar:
            return "b_list_varchar";
        case Physical::kBlob:
            return "b_list_blob";
    }
    return "b_list_blob";
}

/// The function that gives the value that is in a sorted list most often, the first of them.
constexpr std::string_view mode_function(TypeKind kind) {
    if (kind == TypeKind::kInterval) return "b_mode_interval";
    switch (physical_of(kind)) {
        case Physical::kBoolean:
            return "b_mode_boolean";
        case Physical::kInteger:
            return "b_mode_integer";
        case Physical::kBigint:
            return "b_mode_bigint";
        case Physical::kDouble:
            return "b_mode_double";
        case Physical::kVarchar:
            return "b_mode_varchar";
        case Physical::kBlob:
            break;
    }
    return "b_mode_numeric";
}

}  // namespace braid::read
