// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "columnar/ascii.h"
#include "operators/expr/body_internal.h"
#include "operators/expr/functions/utf8_internal.h"
#include "operators/expr/functions/value_errors_internal.h"
#include "plan/identifier.h"

/// concat, format and quoting: functions that take any number of texts, NULL among them.
namespace braid::operators {

namespace {

using View = std::string_view;

void quote_identifier(std::string& out, View name) { plan::append_identifier(name, out); }

void quote_literal(std::string& out, View text) {
    if (text.find('\\') != View::npos) out += 'E';
    out += '\'';
    for (const char c : text) {
        if (c == '\'' || c == '\\') out += c;
        out += c;
    }
    out += '\'';
}

bool is_too_long(const std::string& text) { return text.size() > kTextResultBytesMax; }

/// Any number of texts of one row.
class Texts {
  public:
    explicit Texts(const Call& call) : call_(call) {}
    size_t count() const { return call_.arguments.size(); }
    std::optional<View> at(size_t argument, size_t row) const {
        const Column& column = call_.arguments[argument];
        if (column.is_null(row)) return std::nullopt;
        return column.at<View>(row);
    }

  private:
    const Call& call_;
};

Column concat(Call& call) {
    const Texts texts(call);
    TextResult result(call);
    std::string scratch;
    for (size_t row = 0; row < call.rows; ++row) {
        if (!call.is_active(row)) continue;
        if (!call.pace.spend(kRowWork)) break;
        scratch.clear();
        for (size_t i = 0; i < texts.count() && !is_too_long(scratch); ++i) {
            scratch.append(texts.at(i, row).value_or(""));
        }
        result.set(row, scratch);
    }
    return result.finish();
}

Column concat_with_separator(Call& call) {
    const Texts texts(call);
    TextResult result(call);
    std::string scratch;
    for (size_t row = 0; row < call.rows; ++row) {
        const std::optional<View> separator = texts.at(0, row);
        if (!call.is_active(row) || !separator.has_value()) continue;
        if (!call.pace.spend(kRowWork)) break;
        scratch.clear();
        bool is_first = true;
        for (size_t i = 1; i < texts.count() && !is_too_long(scratch); ++i) {
            const std::optional<View> text = texts.at(i, row);
            if (!text.has_value()) continue;
            if (!is_first) scratch.append(*separator);
            scratch.append(*text);
            is_first = false;
        }
        result.set(row, scratch);
    }
    return result.finish();
}

/// One "%…" of a format: argument position, width and kind as written.
struct Specifier {
    int argument = -1;        // from 1; -1 = the next
    int width_argument = -2;  // from 1; -1 = the next; -2 = none
    int width = 0;
    bool is_left = false;
    char kind = 's';
};

Error format_error(std::string message) { return bad_parameter(std::move(message)); }

Error unterminated() { return format_error("unterminated format() type specifier"); }

/// Reads digits off the front; nothing if there are none.
Result<std::optional<int>> take_number(View& format) {
    if (format.empty() || !ascii::is_digit(format[0])) return std::optional<int>();
    int value = 0;
    while (!format.empty() && ascii::is_digit(format[0])) {
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, format[0] - '0', &value)) {
            return argument_error("22003", "number is out of range");
        }
        format.remove_prefix(1);
    }
    return std::optional<int>(value);
}

/// Reads "n$" after '*'.
Result<int> take_width_argument(View& format) {
    const std::optional<int> number = TRY(take_number(format));
    if (!number.has_value()) return -1;
    if (format.empty()) return unterminated();
    if (format[0] != '$') {
        return format_error("width argument position must be ended by \"$\"");
    }
    format.remove_prefix(1);
    if (*number == 0) {
        return format_error("format specifies argument 0, but arguments are numbered from 1");
    }
    return *number;
}

/// Reads what follows '%'.
Result<Specifier> take_specifier(View& format) {
    Specifier out;
    const View start = format;
    const std::optional<int> number = TRY(take_number(format));
    if (number.has_value()) {
        if (format.empty()) return unterminated();
        if (format[0] == '$') {
            if (*number == 0) {
                return format_error(
                    "format specifies argument 0, but arguments are numbered from 1");
            }
            out.argument = *number;
            format.remove_prefix(1);
        } else {
            format = start;  // it was the width
        }
    }
    while (!format.empty() && format[0] == '-') {
        out.is_left = true;
        format.remove_prefix(1);
    }
    if (!format.empty() && format[0] == '*') {
        format.remove_prefix(1);
        out.width_argument = TRY(take_width_argument(format));
    } else {
        out.width = TRY(take_number(format)).value_or(0);
    }
    if (format.empty()) return unterminated();
    out.kind = format[0];
    if (out.kind != 's' && out.kind != 'I' && out.kind != 'L') {
        return format_error("unrecognized format() type specifier \"" +
                            std::string(utf8_first(format)) + "\"");
    }
    format.remove_prefix(1);
    return out;
}

/// Formats one row.
class Formatter {
  public:
    Formatter(const Texts& texts, size_t row, std::string& out)
        : texts_(texts), row_(row), out_(out) {}

    Result<void> run(View format) {
        while (true) {
            const size_t at = format.find('%');
            out_.append(format.substr(0, at));
            if (at == View::npos) return {};
            format.remove_prefix(at + 1);
            if (format.empty()) return unterminated();
            if (format[0] == '%') {
                out_ += '%';
                format.remove_prefix(1);
                continue;
            }
            TRY(append(TRY(take_specifier(format))));
            if (out_.size() > kTextResultBytesMax) return text_too_long();
        }
    }

  private:
    Result<std::optional<View>> take_argument(int number) {
        const size_t index = number < 0 ? next_ : static_cast<size_t>(number);
        if (index >= texts_.count()) return format_error("too few arguments for format()");
        next_ = index + 1;
        return texts_.at(index, row_);
    }

    Result<int> width_of(const Specifier& specifier) {
        if (specifier.width_argument == -2) return specifier.width;
        const std::optional<View> text = TRY(take_argument(specifier.width_argument));
        if (!text.has_value()) return 0;
        const auto value = TRY(parse_text(*text, Type::of(TypeKind::kInt4), utc_format()));
        return value.as<int32_t>();
    }

    Result<void> append(const Specifier& specifier) {
        int width = TRY(width_of(specifier));
        const std::optional<View> text = TRY(take_argument(specifier.argument));
        std::string value;
        if (specifier.kind == 'I') {
            if (!text.has_value()) {
                return argument_error("22004",
                                      "null values cannot be formatted as an SQL identifier");
            }
            quote_identifier(value, *text);
        } else if (specifier.kind == 'L') {
            if (text.has_value()) {
                quote_literal(value, *text);
            } else {
                value = "NULL";
            }
        } else {
            value = text.value_or("");
        }
        if (width == INT32_MIN) return argument_error("22003", "number is out of range");
        const bool is_left = specifier.is_left || width < 0;
        if (width < 0) width = -width;
        const size_t length = utf8_length(value);
        const size_t missing =
            static_cast<size_t>(width) > length ? static_cast<size_t>(width) - length : 0;
        if (missing > kTextResultBytesMax) return text_too_long();
        if (is_left) out_.append(value);
        out_.append(missing, ' ');
        if (!is_left) out_.append(value);
        return {};
    }

    const Texts& texts_;
    size_t row_;
    std::string& out_;
    size_t next_ = 1;
};

Column format_texts(Call& call) {
    const Texts texts(call);
    TextResult result(call);
    std::string scratch;
    for (size_t row = 0; row < call.rows; ++row) {
        const std::optional<View> format = texts.at(0, row);
        if (!call.is_active(row) || !format.has_value()) continue;
        if (!call.pace.spend(row_work(*format))) break;
        scratch.clear();
        Result<void> done = Formatter(texts, row, scratch).run(*format);
        if (done.has_value()) {
            result.set(row, scratch);
        } else {
            result.fail(row, std::move(done).error());
        }
    }
    return result.finish();
}

Column quote_bool(Call& call) {
    TextResult result(call);
    for (size_t row = 0; row < call.rows; ++row) {
        if (!call.is_active(row)) continue;
        if (!call.pace.spend(kRowWork)) break;
        if (call.arguments[0].is_null(row)) {
            result.set(row, "NULL");
        } else {
            result.set(row, call.arguments[0].at<uint8_t>(row) != 0 ? "'true'" : "'false'");
        }
    }
    return result.finish();
}

Column quote_nullable(Call& call) {
    const Texts texts(call);
    TextResult result(call);
    std::string scratch;
    for (size_t row = 0; row < call.rows; ++row) {
        if (!call.is_active(row)) continue;
        if (!call.pace.spend(kRowWork)) break;
        scratch.clear();
        const std::optional<View> text = texts.at(0, row);
        if (text.has_value()) {
            quote_literal(scratch, *text);
        } else {
            scratch = "NULL";
        }
        result.set(row, scratch);
    }
    return result.finish();
}

}  // namespace

void add_text_format_bodies(BodyTable& table) {
    table.add("concat(any...)", concat);
    table.add("concat_ws(text,any...)", concat_with_separator);
    table.add("format(text)", format_texts);
    table.add("format(text,any...)", format_texts);
    table.add("quote_ident(text)",
              [](Call& call) { return map_text<View>(call, quote_identifier); });
    for (const char* name : {"quote_literal(text)", "quote_literal(any)"}) {
        table.add(name, [](Call& call) { return map_text<View>(call, quote_literal); });
    }
    for (const char* name : {"quote_nullable(text)", "quote_nullable(any)"}) {
        table.add(name, quote_nullable);
    }
    // These go through the cast to text, which spells booleans out.
    table.add("quote_literal(bool)", quote_bool);
    table.add("quote_nullable(bool)", quote_bool);
}

}  // namespace braid::operators
