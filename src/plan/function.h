// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "columnar/type.h"

namespace braid::plan {

/// Where the body of a function comes from when a statement runs in DuckDB. In Braid's own kernel
/// every function has a body of ours.
enum class DuckBody : uint8_t {
    kSame,       // DuckDB's function or operator of the same meaning, written as `duck_sql`
    kRewritten,  // another DuckDB expression, `duck_sql` with $1, $2, … for the arguments
    kOwn,        // our kernel's body, registered in DuckDB under duck_name()
};

/// One function, operator or cast with exact argument types. Operators are called by their sign
/// ("+", "~~"); a cast to T is called "cast:T" with one argument (plus precision and scale for
/// numeric(p,s), or a length for varchar(n), as int4 constants). An argument of kind kUnknown,
/// "any" in keys, takes a value of any type; the body sees it as text through output_function()
/// (plan/cast.h), which callers of DuckDB write out.
struct Function {
    std::string name;
    std::vector<Type> arguments;
    Type result;
    bool is_variadic = false;  // the last argument repeats, one or more times
    bool is_strict = true;     // NULL in, NULL out, without calling the body
    bool allowed_in_views =
        true;  // false: depends on clock, session or catalog (refused there with the reason)
    /// Values of this function are looked up once per distinct argument (user agents, addresses).
    bool is_memoised = false;
    DuckBody duck = DuckBody::kOwn;
    /// Empty for kOwn; else an expression with $1, $2, … for the arguments, which the caller
    /// parenthesises.
    std::string duck_sql;

    /// Unique: "split_part(text,text,int4)", "+(int4,int4)", "cast:int4(text)", "concat(any...)".
    /// Bodies are found by it.
    std::string key() const;
    /// A name that is safe in generated SQL: "b_" and the function's index.
    std::string duck_name() const;
    uint16_t index = 0;
};

/// The table. Built once, immutable, same order in every process of one build.
std::span<const Function> functions();
/// All overloads of a name; empty if there is none.
std::vector<const Function*> overloads_of(std::string_view name);
const Function* function_by_key(std::string_view key);
/// A type as keys spell it, without precision: PostgreSQL's typname, or "any" for kUnknown.
std::string_view type_key(const Type& type);

}  // namespace braid::plan
