// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "plan/cast.h"
#include "plan/function.h"

namespace braid::plan {

/// How a row differs from a strict function that views may use and DuckDB calls back.
enum RowFlag : uint8_t {
    kPlainRow = 0,
    kNotStrict = 1,
    kSession = 2,  // depends on clock, session or catalog
    kMemoised = 4,
    kSameInDuck = 8,
    kRewrittenInDuck = 16,
};

/// A function as written in the tables: "split_part(text,text,int4)", "text".
struct FunctionRow {
    std::string_view signature;
    std::string_view result;
    int flags = kPlainRow;
    std::string_view duck_sql = {};
};

/// A cast as written in the tables; `flags` as above.
struct CastRow {
    std::string_view from;
    std::string_view to;
    CastContext context;
    int flags = kPlainRow;
    std::string_view duck_sql = {};
    bool is_relabel = false;
};

/// Collects the rows of all families, in the order of calls.
class FunctionTable {
  public:
    void add(const FunctionRow& row);
    void add(std::span<const FunctionRow> rows);
    /// Adds the function "cast:to(from)" and remembers the cast; function pointers come when all is
    /// built.
    void add_cast(const CastRow& row);
    void add_relabel(std::string_view from, std::string_view to, CastContext context);

    std::vector<Function> functions;
    std::vector<Cast> casts;
    std::vector<size_t> cast_functions;  // index of the function of each cast
};

void add_comparisons(FunctionTable& table);
void add_arithmetic(FunctionTable& table);
void add_text_functions(FunctionTable& table);
void add_time_functions(FunctionTable& table);
void add_casts(FunctionTable& table);
void add_catalog_functions(FunctionTable& table);

/// The finished table; casts point into its functions.
const FunctionTable& function_table();

}  // namespace braid::plan
