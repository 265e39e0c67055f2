// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

/// Parameters of PostgreSQL's types that Braid has no values of. A client declares them by OID;
/// they are taken as the text that PostgreSQL would show, and the statement says what becomes of
/// it.
namespace braid::serving::pgwire {

/// A type, or an array of one, whose values can be read here.
bool is_foreign_type(uint32_t oid);

/// 22P03 for bytes that are none, 0A000 for a type whose binary form is not known here.
Result<std::string> foreign_text(uint32_t oid, std::string_view binary);

/// The text of a value as PostgreSQL writes it, from what a client wrote: a uuid may come without
/// its hyphens.
Result<std::string> normalised_text(uint32_t oid, std::string_view text);

}  // namespace braid::serving::pgwire
