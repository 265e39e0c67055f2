// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "columnar/column.h"
#include "columnar/text_io.h"
#include "sql/sql.h"

namespace braid::serving::pgwire {

/// What the server says, appended to one buffer that the connection sends in large pieces.
class BackendMessages {
  public:
    std::string& buffer() { return out_; }
    size_t size() const { return out_.size(); }

    void authentication_ok();
    void parameter_status(std::string_view name, std::string_view value);
    void backend_key(uint32_t process, uint32_t secret);
    void negotiate_version(uint16_t minor, std::span<const std::string> unknown_options);
    /// 'I' idle, 'T' in a transaction block, 'E' in a failed one.
    void ready_for_query(char status);

    /// `is_binary`: none is text for all, one is for all, else one per column.
    void row_description(const Schema& schema, const std::vector<bool>& is_binary);
    void parameter_description(std::span<const uint32_t> oids);
    void no_data() { empty('n'); }
    void command_complete(std::string_view tag);
    void empty_query() { empty('I'); }
    void parse_complete() { empty('1'); }
    void bind_complete() { empty('2'); }
    void close_complete() { empty('3'); }
    void portal_suspended() { empty('s'); }

    /// `severity`: "ERROR", or "FATAL" when the connection ends with it.
    void error(const Error& error, std::string_view severity);
    void notice(const sql::Notice& notice);

    // DataRow, value by value: begin_row(n), then n of the others, then end_row().
    void begin_row(size_t columns);
    void null_value();
    /// Appends the value's bytes to buffer() and gives them their length: `size_at` comes from
    /// here.
    size_t begin_value();
    void end_value(size_t size_at);
    void end_row();
    /// Forgets a row that was begun.
    void drop_row();

  private:
    void begin(char type);
    void end();
    void empty(char type);
    void byte(char value) { out_ += value; }
    void word16(size_t value);
    void word32(uint32_t value);
    void text(std::string_view value);
    void field(char code, std::string_view value);
    void put32(size_t at, uint32_t value);

    std::string out_;
    size_t begun_ = 0;  // where the message under way has its type
};

}  // namespace braid::serving::pgwire
