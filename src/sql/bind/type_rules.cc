// SPDX-License-Identifier: Apache-2.0
#include "sql/bind/type_rules.h"

#include <map>
#include <utility>

namespace braid::sql {
namespace {

using plan::Cast;
using plan::CastContext;

constexpr Type kText = Type::of(TypeKind::kText);

int id_of(const Type& type) {
    return static_cast<int>(type.kind) * 256 + static_cast<int>(type.alias);
}

const Cast* find_cast_fast(const Type& from, const Type& to) {
    using Index = std::map<std::pair<int, int>, const Cast*>;
    static const Index* const index = [] {
        auto* built = new Index;
        for (const Cast& cast : plan::casts()) {
            built->emplace(std::pair(id_of(cast.from), id_of(cast.to)), &cast);
        }
        return built;
    }();
    const auto found = index->find({id_of(from), id_of(to)});
    return found == index->end() ? nullptr : found->second;
}

}  // namespace

bool same_type(const Type& left, const Type& right) {
    return left.kind == right.kind && left.alias == right.alias;
}

Type without_precision(const Type& type) { return Type::aliased(type.kind, type.alias); }

char category_of(const Type& type) {
    switch (type.alias) {
        case TypeAlias::kXid:
            return 'U';
        case TypeAlias::kChar:
            return 'Z';
        case TypeAlias::kTextArray:
        case TypeAlias::kNameArray:
        case TypeAlias::kOidArray:
        case TypeAlias::kInt2Array:
        case TypeAlias::kInt2Vector:
        case TypeAlias::kAclArray:
        case TypeAlias::kCharArray:
            return 'A';
        default:
            break;
    }
    switch (type.kind) {
        case TypeKind::kUnknown:
            return 'X';
        case TypeKind::kBool:
            return 'B';
        case TypeKind::kInt4:
        case TypeKind::kInt8:
        case TypeKind::kNumeric:
        case TypeKind::kFloat8:
            return 'N';
        case TypeKind::kText:
            return 'S';
        case TypeKind::kDate:
        case TypeKind::kTimestamp:
        case TypeKind::kTimestampTz:
            return 'D';
        case TypeKind::kInterval:
            return 'T';
    }
    std::unreachable();
}

bool is_preferred(const Type& type) {
    if (type.alias == TypeAlias::kOid) return true;
    if (type.alias != TypeAlias::kNone) return false;
    switch (type.kind) {
        case TypeKind::kBool:
        case TypeKind::kFloat8:
        case TypeKind::kText:
        case TypeKind::kTimestampTz:
        case TypeKind::kInterval:
            return true;
        default:
            return false;
    }
}

std::optional<Type> element_of(const Type& array) {
    switch (array.alias) {
        case TypeAlias::kTextArray:
            return kText;
        case TypeAlias::kNameArray:
            return Type::aliased(TypeKind::kText, TypeAlias::kName);
        case TypeAlias::kCharArray:
            return Type::aliased(TypeKind::kText, TypeAlias::kChar);
        case TypeAlias::kOidArray:
            return Type::aliased(TypeKind::kInt8, TypeAlias::kOid);
        case TypeAlias::kInt2Array:
        case TypeAlias::kInt2Vector:
            return Type::aliased(TypeKind::kInt4, TypeAlias::kInt2);
        case TypeAlias::kAclArray:
            return kText;
        default:
            return std::nullopt;
    }
}

std::optional<Type> array_of(const Type& element) {
    if (element.kind == TypeKind::kText) {
        switch (element.alias) {
            case TypeAlias::kNone:
            case TypeAlias::kVarchar:
                return Type::aliased(TypeKind::kText, TypeAlias::kTextArray);
            case TypeAlias::kName:
                return Type::aliased(TypeKind::kText, TypeAlias::kNameArray);
            case TypeAlias::kChar:
                return Type::aliased(TypeKind::kText, TypeAlias::kCharArray);
            default:
                return std::nullopt;
        }
    }
    if (element.alias == TypeAlias::kOid) {
        return Type::aliased(TypeKind::kText, TypeAlias::kOidArray);
    }
    if (element.alias == TypeAlias::kInt2) {
        return Type::aliased(TypeKind::kText, TypeAlias::kInt2Array);
    }
    return std::nullopt;
}

CastPath cast_path(const Type& from, const Type& to, CastContext context) {
    using Kind = CastPath::Kind;
    if (same_type(from, to)) return {Kind::kSame};
    if (const Cast* cast = find_cast_fast(from, to)) {
        if (cast->context > context) return {};
        return {cast->is_relabel ? Kind::kRelabel : Kind::kFunction, cast};
    }
    if (context == CastContext::kImplicit) return {};
    // All arrays are the same text.
    const bool both_arrays = category_of(from) == 'A' && category_of(to) == 'A';
    if (both_arrays && context == CastContext::kExplicit) return {Kind::kRelabel};
    // Every type can be written as text and read from it: to a string by assignment, from one
    // explicitly.
    const bool to_string = category_of(to) == 'S';
    const bool from_string = category_of(from) == 'S' && context == CastContext::kExplicit;
    if (!to_string && !from_string) return {};
    const Cast* first = find_cast_fast(from, kText);
    const Cast* second = find_cast_fast(kText, to);
    if (first == nullptr || second == nullptr) return {};
    return {Kind::kThroughText, first, second};
}

bool can_coerce(const Type& from, const Type& to, CastContext context) {
    if (is_unknown(from) || is_unknown(to)) return true;
    return cast_path(from, to, context).kind != CastPath::Kind::kNone;
}

CommonType common_type(std::span<const Type> types) {
    CommonType out;
    Type chosen = Type::of(TypeKind::kUnknown);
    for (size_t i = 0; i < types.size(); ++i) {
        const Type& type = types[i];
        if (is_unknown(type)) continue;
        if (is_unknown(chosen)) {
            chosen = type;
        } else if (same_type(type, chosen)) {
            continue;
        } else if (category_of(type) != category_of(chosen)) {
            return {std::nullopt, i, chosen};
        } else if (!is_preferred(chosen) && can_coerce(chosen, type, CastContext::kImplicit) &&
                   !can_coerce(type, chosen, CastContext::kImplicit)) {
            chosen = type;
        }
    }
    if (is_unknown(chosen)) chosen = kText;
    for (size_t i = 0; i < types.size(); ++i) {
        if (!can_coerce(types[i], chosen, CastContext::kImplicit)) return {std::nullopt, i, chosen};
    }
    // A precision survives only where all agree on it.
    bool all_equal = true;
    for (const Type& type : types) all_equal = all_equal && type == types[0];
    out.type =
        all_equal && !types.empty() && !is_unknown(types[0]) ? types[0] : without_precision(chosen);
    return out;
}

std::string type_list(std::span<const Type> types) {
    std::string out;
    for (const Type& type : types) {
        if (!out.empty()) out += ", ";
        out += without_precision(type).name();
    }
    return out;
}

}  // namespace braid::sql
