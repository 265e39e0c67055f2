// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace braid {

/// How a value is held in memory. One kind per physical form.
enum class TypeKind : uint8_t {
    kUnknown,    // an untyped literal or NULL before the binder has resolved it; held as text
    kBool,       // uint8_t, 0 or 1
    kInt4,       // int32_t
    kInt8,       // int64_t
    kNumeric,    // Numeric
    kFloat8,     // double
    kText,       // std::string_view, valid UTF-8 without NUL
    kDate,       // int32_t, days since 2000-01-01; INT32_MAX/MIN = infinity/-infinity
    kTimestamp,  // int64_t, microseconds since 2000-01-01 00:00; INT64_MAX/MIN = infinity/-infinity
    kTimestampTz,  // int64_t, microseconds since 2000-01-01 00:00 UTC; likewise
    kInterval,     // Interval
};

/// Types of PostgreSQL that are one of the kinds above under another name and OID. They occur in
/// system relations, in what clients ask of them, and in parameters and results of statements.
enum class TypeAlias : uint8_t {
    kNone,
    kInt2,      // kInt4
    kOid,       // kInt8
    kXid,       // kInt8
    kName,      // kText
    kChar,      // kText, PostgreSQL's "char"
    kVarchar,   // kText; a length is checked by the cast that made it
    kRegclass,  // kInt8, printed as the relation's name
    kRegtype,   // kInt8, printed as the type's name
    kRegproc,   // kInt8
    // Arrays are kText that holds the literal, such as {a,b}, as array_out writes it.
    kTextArray,
    kNameArray,
    kOidArray,
    kInt2Array,
    kInt2Vector,  // "1 2 3"
    kAclArray,
    kCharArray,
    kVarcharArray,
    kBoolArray,
    kInt4Array,
    kInt8Array,
    kNumericArray,
    kFloat8Array,
    kDateArray,
    kTimestampArray,
    kTimestampTzArray,
    kIntervalArray,
};

/// A type of PostgreSQL as Braid knows it. `precision` and `scale` hold numeric(p,s), `precision`
/// also the length of varchar(n); -1 = unconstrained.
struct Type {
    TypeKind kind = TypeKind::kUnknown;
    TypeAlias alias = TypeAlias::kNone;
    int16_t precision = -1;
    int16_t scale = 0;

    static constexpr Type of(TypeKind kind) { return {kind, TypeAlias::kNone, -1, 0}; }
    static constexpr Type numeric(int precision, int scale) {
        return {TypeKind::kNumeric, TypeAlias::kNone, static_cast<int16_t>(precision),
                static_cast<int16_t>(scale)};
    }
    static constexpr Type aliased(TypeKind kind, TypeAlias alias) { return {kind, alias, -1, 0}; }

    /// As format_type prints it: "timestamp with time zone", "numeric(10,2)".
    std::string name() const;
    /// PostgreSQL's OID, typmod and typlen, for the wire.
    uint32_t oid() const;
    int32_t typmod() const;
    int16_t typlen() const;

    friend bool operator==(const Type&, const Type&) = default;
};

/// True for arrays and int2vector.
bool is_array(const Type& type);
/// nullopt for what is no array. Items of an ACL count as text.
std::optional<Type> element_of(const Type& array);
/// nullopt for the elements of no array that Braid has.
std::optional<Type> array_of(const Type& element);

/// Reads "int4", "bigint", "numeric(10,2)", "timestamptz", … (lower case, without schema). False if
/// unknown.
bool parse_type_name(std::string_view name, Type& type);
/// The type of a parameter that a client declared by OID; false if unknown.
bool type_of_oid(uint32_t oid, Type& type);

struct Interval64 {
    int64_t us = 0;
    int32_t days = 0;
    int32_t months = 0;
    friend bool operator==(const Interval64&, const Interval64&) = default;
};

}  // namespace braid
