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

/// How wide an integer is; 0 for what is none.
int width_of(const Type& type) {
    if (type.kind == TypeKind::kInt4) return type.alias == TypeAlias::kInt2 ? 2 : 4;
    return type.kind == TypeKind::kInt8 ? 8 : 0;
}

/// Arrays whose cast leaves the literal as it is: every element of the one is, as it is written,
/// one of the other.
bool has_text_of(const Type& from, const Type& to) {
    const auto source = element_of(from);
    const auto target = element_of(to);
    if (!source || !target) return false;
    if (source->kind == TypeKind::kText || target->kind == TypeKind::kText) {
        return target->kind == TypeKind::kText;
    }
    if (to.alias == TypeAlias::kInt2Vector) return false;  // of another form
    if (same_type(*source, *target)) return true;
    if (width_of(*source) == 0) return false;
    return width_of(*target) >= width_of(*source) || target->kind == TypeKind::kNumeric ||
           (source->alias == TypeAlias::kOid && target->alias == TypeAlias::kInt2);
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
        default:
            break;
    }
    if (is_array(type)) return 'A';
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

bool has_one_text(const Type& type) {
    if (const auto element = element_of(type)) return has_one_text(*element);
    switch (type.kind) {
        case TypeKind::kBool:
        case TypeKind::kInt4:
        case TypeKind::kInt8:
        case TypeKind::kText:
        case TypeKind::kDate:
        case TypeKind::kTimestamp:
            return true;
        case TypeKind::kUnknown:
        case TypeKind::kNumeric:      // 1 and 1.0
        case TypeKind::kFloat8:       // 0 and -0
        case TypeKind::kTimestampTz:  // as the session's zone writes it
        case TypeKind::kInterval:     // 1 day and 24:00:00
            return false;
    }
    std::unreachable();
}

CastPath cast_path(const Type& from, const Type& to, CastContext context) {
    using Kind = CastPath::Kind;
    if (same_type(from, to)) return {Kind::kSame};
    if (const Cast* cast = find_cast_fast(from, to)) {
        if (cast->context > context) return {};
        return {cast->is_relabel ? Kind::kRelabel : Kind::kFunction, cast};
    }
    if (context == CastContext::kImplicit) return {};
    if (context == CastContext::kExplicit && has_text_of(from, to)) return {Kind::kRelabel};
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
