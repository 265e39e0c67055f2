// SPDX-License-Identifier: Apache-2.0
#include "serving/http/json_request.h"

#include <utility>

#include "base/error_makers.h"
#include "columnar/text_io.h"

namespace braid::serving {

namespace {

/// Reads the few forms of JSON that a request may have.
class Reader {
  public:
    explicit Reader(std::string_view text) : text_(text) {}

    Error wrong(std::string_view wanted) const {
        return invalid_input("invalid JSON at byte {}: expected {}", at_, wanted)
            .with_sqlstate("22P02");
    }
    void skip_blanks() {
        while (at_ < text_.size() && std::string_view(" \t\r\n").find(text_[at_]) != text_.npos)
            ++at_;
    }
    bool take(char wanted) {
        skip_blanks();
        if (at_ == text_.size() || text_[at_] != wanted) return false;
        ++at_;
        return true;
    }
    bool at_end() {
        skip_blanks();
        return at_ == text_.size();
    }

    Result<std::string> string() {
        if (!take('"')) return wrong("a string");
        std::string out;
        while (at_ < text_.size()) {
            const char each = text_[at_];
            if (each == '"') {
                ++at_;
                return out;
            }
            if (static_cast<unsigned char>(each) < 0x20) return wrong("no control character");
            ++at_;
            if (each != '\\') {
                out += each;
            } else {
                TRY(escape(out));
            }
        }
        return wrong("the end of a string");
    }

    /// null, true, false, a number or a string, as text.
    Result<std::optional<std::string>> scalar() {
        skip_blanks();
        if (at_ == text_.size()) return wrong("a value");
        if (text_[at_] == '"') return std::optional(TRY(string()));
        for (const std::string_view word : {"null", "true", "false"}) {
            if (!text_.substr(at_).starts_with(word)) continue;
            at_ += word.size();
            if (word == "null") return std::optional<std::string>();
            return std::optional(std::string(word));
        }
        return std::optional(TRY(number()));
    }

  private:
    bool is_digit() const { return at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9'; }

    bool digits() {
        const size_t from = at_;
        while (is_digit()) ++at_;
        return at_ > from;
    }

    Result<std::string> number() {
        const size_t from = at_;
        if (text_[at_] == '-') ++at_;
        const size_t first = at_;
        if (!digits()) return wrong("null, true, false, a number or a string");
        if (text_[first] == '0' && at_ - first > 1) return wrong("a number without leading zeros");
        if (at_ < text_.size() && text_[at_] == '.') {
            ++at_;
            if (!digits()) return wrong("digits");
        }
        if (at_ < text_.size() && (text_[at_] == 'e' || text_[at_] == 'E')) {
            ++at_;
            if (at_ < text_.size() && (text_[at_] == '+' || text_[at_] == '-')) ++at_;
            if (!digits()) return wrong("digits");
        }
        return std::string(text_.substr(from, at_ - from));
    }

    Result<uint32_t> four_hex() {
        if (text_.size() - at_ < 4) return wrong("four hex digits");
        uint32_t value = 0;
        for (int i = 0; i < 4; ++i, ++at_) {
            const char each = text_[at_];
            uint32_t digit = 0;
            if (each >= '0' && each <= '9') {
                digit = static_cast<uint32_t>(each - '0');
            } else if ((each | 0x20) >= 'a' && (each | 0x20) <= 'f') {
                digit = static_cast<uint32_t>((each | 0x20) - 'a' + 10);
            } else {
                return wrong("four hex digits");
            }
            value = value * 16 + digit;
        }
        return value;
    }

    Result<void> escape(std::string& out) {
        if (at_ == text_.size()) return wrong("an escape");
        const char each = text_[at_++];
        switch (each) {
            case '"':
            case '\\':
            case '/':
                out += each;
                return {};
            case 'b':
                out += '\b';
                return {};
            case 'f':
                out += '\f';
                return {};
            case 'n':
                out += '\n';
                return {};
            case 'r':
                out += '\r';
                return {};
            case 't':
                out += '\t';
                return {};
            case 'u':
                break;
            default:
                return wrong("an escape");
        }
        uint32_t code = TRY(four_hex());
        if (code >= 0xD800 && code < 0xDC00) {
            if (text_.substr(at_, 2) != "\\u") return wrong("the second half of a pair");
            at_ += 2;
            const uint32_t low = TRY(four_hex());
            if (low < 0xDC00 || low > 0xDFFF) return wrong("the second half of a pair");
            code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
        } else if (code >= 0xDC00 && code <= 0xDFFF) {
            return wrong("the first half of a pair");
        } else if (code == 0) {
            return wrong("no zero byte");
        }
        append_utf8(code, out);
        return {};
    }

    static void append_utf8(uint32_t code, std::string& out) {
        if (code < 0x80) {
            out += static_cast<char>(code);
            return;
        }
        const int more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
        static constexpr uint32_t kLead[] = {0, 0xC0, 0xE0, 0xF0};
        out += static_cast<char>(kLead[more] | code >> (6 * more));
        for (int i = more - 1; i >= 0; --i)
            out += static_cast<char>(0x80 | (code >> (6 * i) & 0x3F));
    }

    std::string_view text_;
    size_t at_ = 0;
};

Result<void> read_params(Reader& reader, SqlRequest& request) {
    if (!reader.take('[')) return reader.wrong("an array");
    if (reader.take(']')) return {};
    do {
        request.params.push_back(TRY(reader.scalar()));
    } while (reader.take(','));
    if (!reader.take(']')) return reader.wrong("',' or ']'");
    return {};
}

}  // namespace

Result<SqlRequest> parse_sql_request(std::string_view body) {
    Reader reader(body);
    if (!is_valid_utf8(body)) {
        return invalid_input("the request body is not UTF-8").with_sqlstate("22021");
    }
    SqlRequest request;
    bool has_query = false;
    bool has_params = false;
    if (!reader.take('{')) return reader.wrong("an object");
    do {
        const std::string key = TRY(reader.string());
        if (!reader.take(':')) return reader.wrong("':'");
        if (key == "query" && !std::exchange(has_query, true)) {
            request.query = TRY(reader.string());
        } else if (key == "params" && !std::exchange(has_params, true)) {
            TRY(read_params(reader, request));
        } else {
            return invalid_input("unexpected member \"{}\" in the request", key)
                .with_hint("A request is {\"query\": \"…\", \"params\": […]}.");
        }
    } while (reader.take(','));
    if (!reader.take('}')) return reader.wrong("',' or '}'");
    if (!reader.at_end()) return reader.wrong("nothing more");
    if (!has_query) return invalid_input("the request has no \"query\"");
    return request;
}

}  // namespace braid::serving
