// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

#include "columnar/type.h"
#include "plan/function.h"

namespace braid::plan {

/// Where PostgreSQL applies a cast without being asked: each context allows those before it too.
enum class CastContext : uint8_t {
    kImplicit,    // in expressions, to make a function or operator fit
    kAssignment,  // when a value goes into a column
    kExplicit,    // only by CAST or ::
};

/// One row of PostgreSQL's pg_cast, or of its casts through text input and output.
struct Cast {
    Type from;  // without precision, as `to`
    Type to;
    CastContext context = CastContext::kExplicit;
    /// The same bytes under another name: the function only changes the type.
    bool is_relabel = false;
    const Function* function = nullptr;
};

/// All casts between different types; precision plays no part. A literal of kind kUnknown is not
/// cast but read by columnar/text_io.h. numeric(p,s) and varchar(n) need a second step:
/// "cast:numeric(numeric,int4,int4)" and "cast:varchar(text,int4)", which cuts in silence as an
/// explicit cast does.
std::span<const Cast> casts();
const Cast* find_cast(const Type& from, const Type& to);

/// "output:text(T)": the type's output function, which is not always its cast to text (true gives
/// t).
const Function* output_function(const Type& type);

}  // namespace braid::plan
