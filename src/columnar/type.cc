// SPDX-License-Identifier: Apache-2.0
#include "columnar/type.h"

#include <array>
#include <charconv>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "base/check.h"

namespace braid {
namespace {

struct TypeFacts {
    TypeKind kind;
    TypeAlias alias;
    uint32_t oid;
    int16_t typlen;
    std::string_view name;           // as format_type prints it
    std::string_view internal_name;  // pg_type.typname
};

using enum TypeKind;
using enum TypeAlias;

/// pg_type of PostgreSQL 15. The plain kinds stand first, in the order of TypeKind.
constexpr std::array kTypes = {
    TypeFacts{kUnknown, kNone, 705, -2, "unknown", "unknown"},
    TypeFacts{kBool, kNone, 16, 1, "boolean", "bool"},
    TypeFacts{kInt4, kNone, 23, 4, "integer", "int4"},
    TypeFacts{kInt8, kNone, 20, 8, "bigint", "int8"},
    TypeFacts{kNumeric, kNone, 1700, -1, "numeric", "numeric"},
    TypeFacts{kFloat8, kNone, 701, 8, "double precision", "float8"},
    TypeFacts{kText, kNone, 25, -1, "text", "text"},
    TypeFacts{kDate, kNone, 1082, 4, "date", "date"},
    TypeFacts{kTimestamp, kNone, 1114, 8, "timestamp without time zone", "timestamp"},
    TypeFacts{kTimestampTz, kNone, 1184, 8, "timestamp with time zone", "timestamptz"},
    TypeFacts{kInterval, kNone, 1186, 16, "interval", "interval"},
    TypeFacts{kInt4, kInt2, 21, 2, "smallint", "int2"},
    TypeFacts{kInt8, kOid, 26, 4, "oid", "oid"},
    TypeFacts{kInt8, kXid, 28, 4, "xid", "xid"},
    TypeFacts{kText, kName, 19, 64, "name", "name"},
    TypeFacts{kText, kChar, 18, 1, "\"char\"", "\"char\""},
    TypeFacts{kText, kVarchar, 1043, -1, "character varying", "varchar"},
    TypeFacts{kInt8, kRegclass, 2205, 4, "regclass", "regclass"},
    TypeFacts{kInt8, kRegtype, 2206, 4, "regtype", "regtype"},
    TypeFacts{kInt8, kRegproc, 24, 4, "regproc", "regproc"},
    TypeFacts{kText, kTextArray, 1009, -1, "text[]", "_text"},
    TypeFacts{kText, kNameArray, 1003, -1, "name[]", "_name"},
    TypeFacts{kText, kOidArray, 1028, -1, "oid[]", "_oid"},
    TypeFacts{kText, kInt2Array, 1005, -1, "smallint[]", "_int2"},
    TypeFacts{kText, kInt2Vector, 22, -1, "int2vector", "int2vector"},
    TypeFacts{kText, kAclArray, 1034, -1, "aclitem[]", "_aclitem"},
    TypeFacts{kText, kCharArray, 1002, -1, "\"char\"[]", "_char"},
    TypeFacts{kText, kVarcharArray, 1015, -1, "character varying[]", "_varchar"},
    TypeFacts{kText, kBoolArray, 1000, -1, "boolean[]", "_bool"},
    TypeFacts{kText, kInt4Array, 1007, -1, "integer[]", "_int4"},
    TypeFacts{kText, kInt8Array, 1016, -1, "bigint[]", "_int8"},
    TypeFacts{kText, kNumericArray, 1231, -1, "numeric[]", "_numeric"},
    TypeFacts{kText, kFloat8Array, 1022, -1, "double precision[]", "_float8"},
    TypeFacts{kText, kDateArray, 1182, -1, "date[]", "_date"},
    TypeFacts{kText, kTimestampArray, 1115, -1, "timestamp without time zone[]", "_timestamp"},
    TypeFacts{kText, kTimestampTzArray, 1185, -1, "timestamp with time zone[]", "_timestamptz"},
    TypeFacts{kText, kIntervalArray, 1187, -1, "interval[]", "_interval"},
};

struct ArrayFacts {
    TypeAlias array;
    Type element;
};

/// The first of an element is its array.
constexpr std::array kArrays = {
    ArrayFacts{kTextArray, Type::of(kText)},
    ArrayFacts{kVarcharArray, Type::aliased(kText, kVarchar)},
    ArrayFacts{kNameArray, Type::aliased(kText, kName)},
    ArrayFacts{kCharArray, Type::aliased(kText, kChar)},
    ArrayFacts{kBoolArray, Type::of(kBool)},
    ArrayFacts{kInt2Array, Type::aliased(kInt4, kInt2)},
    ArrayFacts{kInt4Array, Type::of(kInt4)},
    ArrayFacts{kInt8Array, Type::of(kInt8)},
    ArrayFacts{kOidArray, Type::aliased(kInt8, kOid)},
    ArrayFacts{kNumericArray, Type::of(kNumeric)},
    ArrayFacts{kFloat8Array, Type::of(kFloat8)},
    ArrayFacts{kDateArray, Type::of(kDate)},
    ArrayFacts{kTimestampArray, Type::of(kTimestamp)},
    ArrayFacts{kTimestampTzArray, Type::of(kTimestampTz)},
    ArrayFacts{kIntervalArray, Type::of(kInterval)},
    ArrayFacts{kInt2Vector, Type::aliased(kInt4, kInt2)},
    ArrayFacts{kAclArray, Type::of(kText)},
};

struct Synonym {
    std::string_view name;
    std::string_view means;
};

/// Further spellings of the grammar, beside the two names of each type.
constexpr std::array kSynonyms = {
    Synonym{"int", "integer"},
    Synonym{"decimal", "numeric"},
    Synonym{"dec", "numeric"},
    Synonym{"float", "double precision"},
    Synonym{"timestamp(6)", "timestamp"},
    Synonym{"timestamp(6) without time zone", "timestamp"},
    Synonym{"timestamp(6) with time zone", "timestamptz"},
    Synonym{"timestamptz(6)", "timestamptz"},
};

const TypeFacts& facts_of(const Type& type) {
    if (type.alias == kNone) {
        const TypeFacts& facts = kTypes[static_cast<size_t>(type.kind)];
        DCHECK(facts.kind == type.kind);
        return facts;
    }
    for (const TypeFacts& facts : kTypes) {
        if (facts.alias == type.alias) return facts;
    }
    CHECK(false);
    return kTypes[0];
}

constexpr int kNumericPrecisionMax = 1000;
constexpr int kNumericScaleMax = 1000;
constexpr int kVarcharLengthMax = 32'767;  // what Type::precision holds
constexpr int kTypmodHeader = 4;

bool lookup(std::string_view name, Type& type) {
    for (const Synonym& synonym : kSynonyms) {
        if (synonym.name == name) name = synonym.means;
    }
    for (const TypeFacts& facts : kTypes) {
        if (facts.name == name || facts.internal_name == name) {
            type = {facts.kind, facts.alias, -1, 0};
            return true;
        }
    }
    return false;
}

std::string_view trimmed(std::string_view text) {
    while (text.starts_with(' ')) text.remove_prefix(1);
    while (text.ends_with(' ')) text.remove_suffix(1);
    return text;
}

bool parse_modifier(std::string_view text, int& value) {
    text = trimmed(text);
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc() && end == text.data() + text.size();
}

bool parse_numeric_modifiers(std::string_view modifiers, Type& type) {
    const size_t comma = modifiers.find(',');
    int precision = 0;
    int scale = 0;
    if (!parse_modifier(modifiers.substr(0, comma), precision)) return false;
    if (comma != std::string_view::npos && !parse_modifier(modifiers.substr(comma + 1), scale)) {
        return false;
    }
    if (precision < 1 || precision > kNumericPrecisionMax) return false;
    if (scale < -kNumericScaleMax || scale > kNumericScaleMax) return false;
    type = Type::numeric(precision, scale);
    return true;
}

}  // namespace

std::string Type::name() const {
    const std::string_view name = facts_of(*this).name;
    if (precision < 0) return std::string(name);
    if (kind == TypeKind::kNumeric) return fmt::format("numeric({},{})", precision, scale);
    return fmt::format("{}({})", name, precision);
}

uint32_t Type::oid() const { return facts_of(*this).oid; }

int32_t Type::typmod() const {
    if (precision < 0) return -1;
    if (kind != TypeKind::kNumeric) return precision + kTypmodHeader;
    return ((precision << 16) | (scale & 0x7ff)) + kTypmodHeader;
}

int16_t Type::typlen() const { return facts_of(*this).typlen; }

bool is_array(const Type& type) { return element_of(type).has_value(); }

std::optional<Type> element_of(const Type& array) {
    if (array.alias == TypeAlias::kNone) return std::nullopt;
    for (const ArrayFacts& facts : kArrays) {
        if (array.alias == facts.array) return facts.element;
    }
    return std::nullopt;
}

std::optional<Type> array_of(const Type& element) {
    for (const ArrayFacts& facts : kArrays) {
        if (element.kind == facts.element.kind && element.alias == facts.element.alias) {
            return Type::aliased(TypeKind::kText, facts.array);
        }
    }
    return std::nullopt;
}

bool parse_type_name(std::string_view name, Type& type) {
    name = trimmed(name);
    if (lookup(name, type)) return true;
    if (name.ends_with("[]")) {
        Type element;
        if (!parse_type_name(name.substr(0, name.size() - 2), element)) return false;
        const std::optional<Type> array = array_of(element);
        if (array) type = *array;
        return array.has_value();
    }
    const size_t open = name.find('(');
    if (open == std::string_view::npos || !name.ends_with(')')) return false;
    Type plain;
    if (!lookup(trimmed(name.substr(0, open)), plain)) return false;
    const std::string_view modifiers = name.substr(open + 1, name.size() - open - 2);
    if (plain.kind == kNumeric) return parse_numeric_modifiers(modifiers, type);
    if (plain.alias != kVarchar) return false;
    int length = 0;
    if (!parse_modifier(modifiers, length) || length < 1 || length > kVarcharLengthMax)
        return false;
    type = plain;
    type.precision = static_cast<int16_t>(length);
    return true;
}

bool type_of_oid(uint32_t oid, Type& type) {
    for (const TypeFacts& facts : kTypes) {
        if (facts.oid == oid) {
            type = {facts.kind, facts.alias, -1, 0};
            return true;
        }
    }
    return false;
}

}  // namespace braid
