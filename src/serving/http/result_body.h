// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/memory_share.h"
#include "base/result.h"
#include "columnar/column.h"
#include "columnar/text_io.h"
#include "net/http.h"
#include "serving/session/session.h"

namespace braid::serving {

inline constexpr size_t kPageBytesMax = 64 << 20;

enum class ResultForm : unsigned char {
    kJson,     // {"columns":[{"name","type"}],"rows":[[…]],"tag":"SELECT 1"}
    kCsv,      // RFC 4180 with a header; NULL is nothing, the empty text is ""
    kObjects,  // {"rows":[{"column":value}]}
};

/// The form that the Accept headers like best, JSON without any; false: none will do.
bool choose_form(const std::vector<net::HttpHeader>& headers, ResultForm& form);
std::string_view content_type(ResultForm form);

/// One result in one of the forms, piece by piece. One thread at a time.
class ResultWriter {
  public:
    /// Without a schema the statement gives no rows. The session outlives it.
    ResultWriter(const Schema* schema, ResultForm form, const Session& session);

    void begin(std::string& out) const;
    void write(const Batch& batch, size_t row, std::string& out);
    void end(const Cursor& cursor, std::string& out) const;
    /// So many were written.
    uint64_t rows() const { return rows_; }

  private:
    void write_json(const Batch& batch, size_t row, std::string& out) const;
    void write_csv(const Batch& batch, size_t row, std::string& out) const;
    void write_value(const Column& column, size_t row, std::string& out) const;

    const Schema schema_;
    const ResultForm form_;
    const Session& session_;
    const bool is_shown_;
    std::vector<std::string> keys_;
    uint64_t rows_ = 0;
};

/// How many rows of a result are wanted, and whether there were more.
struct ResultPage {
    uint64_t rows_max = UINT64_MAX;
    bool has_more = false;
};

/// Takes rows of a cursor, which has a schema, into one body of objects. Exhausted: 54000 beyond
/// kPageBytesMax, 53200 where `share` (null: any) has no more for it.
Result<std::string> write_page(Cursor& cursor, const Session& session, MemoryShare* share,
                               ResultPage& page);

/// One CSV field, quoted where it needs to be.
void append_csv_field(std::string_view text, std::string& out);

}  // namespace braid::serving
