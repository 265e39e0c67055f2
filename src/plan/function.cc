// SPDX-License-Identifier: Apache-2.0
#include "plan/function.h"

#include <map>
#include <utility>

#include "base/check.h"
#include "plan/function_rows_internal.h"

namespace braid::plan {

namespace {

/// Functions by name and by key. Views point into the strings of the table and of `keys`.
struct Index {
    std::map<std::string, const Function*, std::less<>> by_key;
    std::map<std::string, std::vector<const Function*>, std::less<>> by_name;
};

Type type_of(std::string_view name) {
    if (name == "any") return Type::of(TypeKind::kUnknown);
    if (name == "char") return Type::aliased(TypeKind::kText, TypeAlias::kChar);
    Type type;
    CHECK(parse_type_name(name, type));
    return type;
}

FunctionTable build_table() {
    FunctionTable table;
    add_comparisons(table);
    add_arithmetic(table);
    add_text_functions(table);
    add_time_functions(table);
    add_casts(table);
    add_catalog_functions(table);
    for (size_t i = 0; i < table.casts.size(); ++i) {
        table.casts[i].function = &table.functions[table.cast_functions[i]];
    }
    return table;
}

Index build_index() {
    Index index;
    for (const Function& function : function_table().functions) {
        const bool is_new = index.by_key.emplace(function.key(), &function).second;
        CHECK(is_new);
        index.by_name[function.name].push_back(&function);
    }
    return index;
}

const Index& function_index() {
    static const Index* const index = new Index(build_index());
    return *index;
}

}  // namespace

const FunctionTable& function_table() {
    // Never destroyed: plans that outlive main's locals still point into it.
    static const FunctionTable* const table = new FunctionTable(build_table());
    return *table;
}

void FunctionTable::add(const FunctionRow& row) {
    const size_t open = row.signature.find('(');
    CHECK(open != std::string_view::npos && row.signature.ends_with(')'));
    Function function;
    function.name = row.signature.substr(0, open);
    function.result = type_of(row.result);
    std::string_view types = row.signature.substr(open + 1);
    types.remove_suffix(1);
    if (types.ends_with("...")) {
        function.is_variadic = true;
        types.remove_suffix(3);
    }
    while (!types.empty()) {
        const size_t comma = types.find(',');
        function.arguments.push_back(type_of(types.substr(0, comma)));
        types.remove_prefix(comma == std::string_view::npos ? types.size() : comma + 1);
    }
    function.is_strict = (row.flags & kNotStrict) == 0;
    function.allowed_in_views = (row.flags & kSession) == 0;
    function.is_memoised = (row.flags & kMemoised) != 0;
    if ((row.flags & kSameInDuck) != 0) function.duck = DuckBody::kSame;
    if ((row.flags & kRewrittenInDuck) != 0) function.duck = DuckBody::kRewritten;
    function.duck_sql = row.duck_sql;
    CHECK_EQ(function.duck == DuckBody::kOwn, function.duck_sql.empty());
    CHECK_LT(functions.size(), size_t{UINT16_MAX});
    function.index = static_cast<uint16_t>(functions.size());
    functions.push_back(std::move(function));
}

void FunctionTable::add(std::span<const FunctionRow> rows) {
    for (const FunctionRow& row : rows) add(row);
}

void FunctionTable::add_cast(const CastRow& row) {
    std::string signature("cast:");
    signature.append(row.to).append("(").append(row.from).append(")");
    add(FunctionRow{signature, row.to, row.flags, row.duck_sql});
    casts.push_back({.from = functions.back().arguments[0],
                     .to = functions.back().result,
                     .context = row.context,
                     .is_relabel = row.is_relabel,
                     .function = nullptr});
    cast_functions.push_back(functions.size() - 1);
}

void FunctionTable::add_relabel(std::string_view from, std::string_view to, CastContext context) {
    add_cast({from, to, context, kSameInDuck, "$1", true});
}

namespace {

struct ArrayKey {
    TypeAlias alias;
    std::string_view key;
};
constexpr ArrayKey kArrayKeys[] = {
    {TypeAlias::kTextArray, "_text"},
    {TypeAlias::kNameArray, "_name"},
    {TypeAlias::kOidArray, "_oid"},
    {TypeAlias::kInt2Array, "_int2"},
    {TypeAlias::kInt2Vector, "int2vector"},
    {TypeAlias::kAclArray, "_aclitem"},
    {TypeAlias::kCharArray, "_char"},
    {TypeAlias::kVarcharArray, "_varchar"},
    {TypeAlias::kBoolArray, "_bool"},
    {TypeAlias::kInt4Array, "_int4"},
    {TypeAlias::kInt8Array, "_int8"},
    {TypeAlias::kNumericArray, "_numeric"},
    {TypeAlias::kFloat8Array, "_float8"},
    {TypeAlias::kDateArray, "_date"},
    {TypeAlias::kTimestampArray, "_timestamp"},
    {TypeAlias::kTimestampTzArray, "_timestamptz"},
    {TypeAlias::kIntervalArray, "_interval"},
};

std::string_view array_key(TypeAlias alias) {
    for (const ArrayKey& each : kArrayKeys) {
        if (each.alias == alias) return each.key;
    }
    return {};
}

}  // namespace

std::string_view type_key(const Type& type) {
    switch (type.alias) {
        case TypeAlias::kNone:
            break;
        case TypeAlias::kInt2:
            return "int2";
        case TypeAlias::kOid:
            return "oid";
        case TypeAlias::kXid:
            return "xid";
        case TypeAlias::kName:
            return "name";
        case TypeAlias::kChar:
            return "char";
        case TypeAlias::kVarchar:
            return "varchar";
        case TypeAlias::kRegclass:
            return "regclass";
        case TypeAlias::kRegtype:
            return "regtype";
        case TypeAlias::kRegproc:
            return "regproc";
        default:
            return array_key(type.alias);
    }
    switch (type.kind) {
        case TypeKind::kUnknown:
            return "any";
        case TypeKind::kBool:
            return "bool";
        case TypeKind::kInt4:
            return "int4";
        case TypeKind::kInt8:
            return "int8";
        case TypeKind::kNumeric:
            return "numeric";
        case TypeKind::kFloat8:
            return "float8";
        case TypeKind::kText:
            return "text";
        case TypeKind::kDate:
            return "date";
        case TypeKind::kTimestamp:
            return "timestamp";
        case TypeKind::kTimestampTz:
            return "timestamptz";
        case TypeKind::kInterval:
            return "interval";
    }
    CHECK(false);
    return {};
}

std::string Function::key() const {
    std::string key = name + "(";
    for (size_t i = 0; i < arguments.size(); ++i) {
        if (i > 0) key += ',';
        key += type_key(arguments[i]);
    }
    if (is_variadic) key += "...";
    return key + ")";
}

std::string Function::duck_name() const { return "b_" + std::to_string(index); }

std::span<const Function> functions() { return function_table().functions; }

std::vector<const Function*> overloads_of(std::string_view name) {
    const auto& by_name = function_index().by_name;
    const auto found = by_name.find(name);
    return found == by_name.end() ? std::vector<const Function*>() : found->second;
}

const Function* function_by_key(std::string_view key) {
    const auto& by_key = function_index().by_key;
    const auto found = by_key.find(key);
    return found == by_key.end() ? nullptr : found->second;
}

}  // namespace braid::plan
