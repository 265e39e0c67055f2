// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "columnar/type.h"
#include "plan/cast.h"

/// PostgreSQL's rules about types (its manual, chapter 10 "Type Conversion", and the catalogs
/// pg_type and pg_cast of version 15). A type here is its kind and alias; precision plays no part.
namespace braid::sql {

bool same_type(const Type& left, const Type& right);
Type without_precision(const Type& type);
inline bool is_unknown(const Type& type) { return type.kind == TypeKind::kUnknown; }

/// pg_type.typcategory: 'B'oolean, 'N'umeric, 'S'tring, 'D'ate/time, 'T'imespan, 'A'rray, 'X'
/// unknown, 'U' user, 'Z' internal.
char category_of(const Type& type);
bool is_preferred(const Type& type);

/// A value of the type has one text only, so that equal values are equal as text.
bool has_one_text(const Type& type);

/// How a value gets from one type to another.
struct CastPath {
    enum class Kind : uint8_t { kNone, kSame, kRelabel, kFunction, kThroughText };
    Kind kind = Kind::kNone;
    const plan::Cast* cast = nullptr;
    const plan::Cast* second = nullptr;  // kThroughText: from text to the target
};
/// kNone if there is no cast that may be applied in this context.
CastPath cast_path(const Type& from, const Type& to, plan::CastContext context);
/// Also true for unknown literals, and for parameters declared "any" (kUnknown).
bool can_coerce(const Type& from, const Type& to, plan::CastContext context);

/// The type that all of them can take (UNION, CASE, VALUES, …): PostgreSQL's select_common_type. On
/// failure `culprit` is the index of the type that did not match and `against` the one chosen until
/// then.
struct CommonType {
    std::optional<Type> type;
    size_t culprit = 0;
    Type against;
};
CommonType common_type(std::span<const Type> types);

/// "integer, unknown", as error messages list argument types.
std::string type_list(std::span<const Type> types);

}  // namespace braid::sql
