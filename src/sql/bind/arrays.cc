// SPDX-License-Identifier: Apache-2.0
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error_makers.h"
#include "columnar/text_io.h"
#include "sql/bind/binder_internal.h"

namespace braid::sql {
namespace {

bool needs_quotes(std::string_view text) {
    if (text.empty() || text == "NULL" || text == "null") return true;
    return text.find_first_of("{}\",\\ \t\n\r\v\f") != std::string_view::npos;
}

/// Reads '{a,"b c",NULL}' from left to right.
class ArrayReader {
  public:
    explicit ArrayReader(std::string_view text) : text_(text) {}

    Result<std::vector<std::optional<std::string>>> run() {
        skip_blanks();
        if (!take('{'))
            return malformed("Array value must start with \"{\" or dimension information.");
        std::vector<std::optional<std::string>> out;
        skip_blanks();
        if (take('}')) return finish(std::move(out));
        for (;;) {
            skip_blanks();
            out.push_back(TRY(element()));
            skip_blanks();
            if (take('}')) return finish(std::move(out));
            if (!take(',')) return malformed("Unexpected end of input.");
        }
    }

  private:
    Result<std::optional<std::string>> element() {
        if (at_ < text_.size() && text_[at_] == '{') {
            return unsupported("arrays of more than one dimension are not supported");
        }
        if (take('"')) {
            std::string out;
            while (at_ < text_.size() && text_[at_] != '"') {
                if (text_[at_] == '\\') ++at_;
                if (at_ < text_.size()) out += text_[at_++];
            }
            if (!take('"')) return malformed("Unexpected end of input.");
            return std::optional(std::move(out));
        }
        std::string out;
        while (at_ < text_.size() && text_[at_] != ',' && text_[at_] != '}') {
            if (text_[at_] == '\\') ++at_;
            if (at_ < text_.size()) out += text_[at_++];
        }
        while (!out.empty() && out.back() == ' ') out.pop_back();
        if (out.empty()) return malformed("Unexpected \",\" or \"}\" character.");
        if (out == "NULL" || out == "null") return std::optional<std::string>();
        return std::optional(std::move(out));
    }

    Result<std::vector<std::optional<std::string>>> finish(
        std::vector<std::optional<std::string>> out) {
        skip_blanks();
        if (at_ != text_.size()) return malformed("Junk after closing right brace.");
        return out;
    }

    Error malformed(std::string detail) const {
        return invalid_input("malformed array literal: \"{}\"", text_)
            .with_sqlstate("22P02")
            .with_detail(std::move(detail));
    }
    void skip_blanks() {
        while (at_ < text_.size() &&
               (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t')) {
            ++at_;
        }
    }
    bool take(char c) {
        if (at_ >= text_.size() || text_[at_] != c) return false;
        ++at_;
        return true;
    }

    std::string_view text_;
    size_t at_ = 0;
};

}  // namespace

void append_array_element(const Datum& element, std::string& out) {
    if (element.is_null()) {
        out += "NULL";
        return;
    }
    std::string text;
    format_text(element, utc_format(), text);
    if (!needs_quotes(text)) {
        out += text;
        return;
    }
    out += '"';
    for (const char c : text) {
        if (c == '"' || c == '\\') out += '\\';
        out += c;
    }
    out += '"';
}

Result<std::vector<std::optional<std::string>>> parse_array(std::string_view text) {
    return ArrayReader(text).run();
}

}  // namespace braid::sql
