// SPDX-License-Identifier: Apache-2.0
#include "serving/session/json_text.h"

#include <cmath>

#include <fmt/format.h>

namespace braid::serving {

void append_json_string(std::string_view text, std::string& out) {
    out += '"';
    size_t plain = 0;  // where what needs no escape began
    for (size_t i = 0; i < text.size(); ++i) {
        const auto byte = static_cast<unsigned char>(text[i]);
        if (byte >= 0x20 && byte != '"' && byte != '\\' && byte != 0x7F) continue;
        out.append(text.substr(plain, i - plain));
        plain = i + 1;
        switch (byte) {
            case '"':
                out += "\\\"";
                break;
            case '\\':
                out += "\\\\";
                break;
            case '\n':
                out += "\\n";
                break;
            case '\r':
                out += "\\r";
                break;
            case '\t':
                out += "\\t";
                break;
            default:
                out += fmt::format("\\u{:04x}", byte);
                break;
        }
    }
    out.append(text.substr(plain));
    out += '"';
}

void append_json_value(const Column& column, size_t row, const TextFormat& format,
                       JsonNumeric numeric, std::string& out) {
    if (column.is_null(row)) {
        out += "null";
        return;
    }
    bool is_bare = false;
    switch (column.type().kind) {
        case TypeKind::kBool:
            out += column.at<uint8_t>(row) != 0 ? "true" : "false";
            return;
        case TypeKind::kInt4:
        case TypeKind::kInt8:
            is_bare = true;
            break;
        case TypeKind::kFloat8:
            is_bare = std::isfinite(column.at<double>(row));
            break;
        case TypeKind::kNumeric:
            is_bare = numeric == JsonNumeric::kNumber && column.at<Numeric>(row).is_finite();
            break;
        case TypeKind::kText:
        case TypeKind::kUnknown:
            append_json_string(column.at<std::string_view>(row), out);
            return;
        default:
            break;
    }
    if (!is_bare) out += '"';
    format_text(column, row, format, out);  // digits, signs, colons: nothing that needs an escape
    if (!is_bare) out += '"';
}

}  // namespace braid::serving
