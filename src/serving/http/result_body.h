// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "columnar/column.h"
#include "columnar/text_io.h"
#include "net/http.h"
#include "serving/session/session.h"

namespace braid::serving {

inline constexpr size_t kAnswerBytesMax = 64 << 20;

enum class ResultForm : unsigned char {
    kJson,     // {"columns":[{"name","type"}],"rows":[[…]],"tag":"SELECT 1"}
    kCsv,      // RFC 4180 with a header; NULL is nothing, the empty text is ""
    kObjects,  // {"rows":[{"column":value}]}
};

/// The form that the Accept headers like best, JSON without any; false: none will do.
bool choose_form(const std::vector<net::HttpHeader>& headers, ResultForm& form);
std::string_view content_type(ResultForm form);

/// How many rows of a result are wanted, and whether there were more.
struct ResultPage {
    uint64_t rows_max = UINT64_MAX;
    bool has_more = false;
};

/// Takes the rows of a cursor into one body. Exhausted (54000) beyond kAnswerBytesMax: such answers
/// belong to the PostgreSQL protocol, which sends row by row.
Result<std::string> write_result(Cursor& cursor, ResultForm form, const Session& session,
                                 ResultPage* page = nullptr);

/// One CSV field, quoted where it needs to be.
void append_csv_field(std::string_view text, std::string& out);

}  // namespace braid::serving
