// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace braid::plan {

/// A name as SQL: in double quotes where PostgreSQL's quote_ident puts them.
void append_identifier(std::string_view name, std::string& out);

}  // namespace braid::plan
