// SPDX-License-Identifier: Apache-2.0
#include "serving/http/result_body.h"

#include <algorithm>
#include <tuple>
#include <vector>

#include <fmt/format.h>

#include "base/error_makers.h"
#include "serving/http/media_type.h"
#include "serving/session/json_text.h"

namespace braid::serving {

namespace {

Type shown_type(const Type& type) {
    return type.kind == TypeKind::kUnknown ? Type::of(TypeKind::kText) : type;
}

bool is_object_id(TypeAlias alias) {
    return alias == TypeAlias::kRegclass || alias == TypeAlias::kRegtype ||
           alias == TypeAlias::kRegproc;
}

}  // namespace

bool choose_form(const std::vector<net::HttpHeader>& headers, ResultForm& form) {
    const Welcome json = welcome_of("application/json", headers);
    const Welcome csv = welcome_of("text/csv", headers);
    const auto rank = [](const Welcome& each) {
        return std::tuple(each.quality, each.specificity, -static_cast<int64_t>(each.position));
    };
    form = rank(csv) > rank(json) ? ResultForm::kCsv : ResultForm::kJson;
    return json.quality > 0 || csv.quality > 0;
}

std::string_view content_type(ResultForm form) {
    return form == ResultForm::kCsv ? "text/csv; charset=utf-8; header=present"
                                    : "application/json";
}

ResultWriter::ResultWriter(const Schema* schema, ResultForm form, const Session& session)
    : schema_(schema == nullptr ? Schema{} : *schema),
      form_(form),
      session_(session),
      is_shown_(schema != nullptr || form != ResultForm::kCsv) {
    for (const Field& field : schema_.fields) {
        std::string& key = keys_.emplace_back();
        append_json_string(field.name, key);
    }
}

void ResultWriter::begin(std::string& out) const {
    if (!is_shown_) return;
    switch (form_) {
        case ResultForm::kJson: {
            out += "{\"columns\":[";
            for (size_t i = 0; i < keys_.size(); ++i) {
                out += fmt::format("{}{{\"name\":{},\"type\":", i == 0 ? "" : ",", keys_[i]);
                append_json_string(shown_type(schema_.fields[i].type).name(), out);
                out += '}';
            }
            out += "],\"rows\":[";
            return;
        }
        case ResultForm::kCsv:
            for (size_t i = 0; i < schema_.fields.size(); ++i) {
                if (i > 0) out += ',';
                append_csv_field(schema_.fields[i].name, out);
            }
            out += "\r\n";
            return;
        case ResultForm::kObjects:
            out += "{\"rows\":[";
            return;
    }
}

void ResultWriter::write(const Batch& batch, size_t row, std::string& out) {
    if (form_ == ResultForm::kCsv) {
        write_csv(batch, row, out);
    } else {
        write_json(batch, row, out);
    }
    ++rows_;
}

void ResultWriter::write_json(const Batch& batch, size_t row, std::string& out) const {
    const bool is_object = form_ == ResultForm::kObjects;
    out += rows_ == 0 ? "\n" : ",\n";
    out += is_object ? '{' : '[';
    for (size_t i = 0; i < keys_.size(); ++i) {
        if (i > 0) out += ',';
        if (is_object) {
            out += keys_[i];
            out += ':';
        }
        write_value(batch.columns[i], row, out);
    }
    out += is_object ? '}' : ']';
}

void ResultWriter::end(const Cursor& cursor, std::string& out) const {
    if (form_ == ResultForm::kCsv) return;
    out += "\n]";
    if (form_ == ResultForm::kJson) {
        out += ",\"tag\":";
        append_json_string(cursor.tag(rows_), out);
    }
    out += "}\n";
}

void ResultWriter::write_value(const Column& column, size_t row, std::string& out) const {
    if (is_object_id(column.type().alias) && !column.is_null(row)) {
        const auto& system = session_.system();
        append_json_string(system.name_of(column.type().alias, column.at<int64_t>(row)), out);
        return;
    }
    append_json_value(column, row, session_.settings().format(), JsonNumeric::kString, out);
}

void ResultWriter::write_csv(const Batch& batch, size_t row, std::string& out) const {
    std::string text;
    for (size_t i = 0; i < batch.columns.size(); ++i) {
        if (i > 0) out += ',';
        const Column& column = batch.columns[i];
        if (column.is_null(row)) continue;
        text.clear();
        if (is_object_id(column.type().alias)) {
            text = session_.system().name_of(column.type().alias, column.at<int64_t>(row));
        } else {
            format_text(column, row, session_.settings().format(), text);
        }
        append_csv_field(text, out);
    }
    out += "\r\n";
}

namespace {

Error page_too_large() {
    return exhausted("the page has more than {} MiB", kPageBytesMax >> 20)
        .with_hint("Ask for fewer rows by limit, or read them with POST /v1/sql.")
        .with_sqlstate("54000");
}

}  // namespace

Result<std::string> write_page(Cursor& cursor, const Session& session, MemoryShare* share,
                               ResultPage& page) {
    ResultWriter writer(&*cursor.schema(), ResultForm::kObjects, session);
    MemoryClaim held(share);
    std::string out;
    writer.begin(out);
    Batch batch;
    while (TRY(cursor.next(batch))) {
        const uint64_t wanted = std::min<uint64_t>(batch.length, page.rows_max - writer.rows());
        page.has_more |= batch.length > wanted;
        for (size_t row = 0; row < wanted; ++row) {
            writer.write(batch, row, out);
            if (out.size() > kPageBytesMax) return page_too_large();
            if (!held.hold(out.capacity())) return held.refusal();
        }
    }
    writer.end(cursor, out);
    return out;
}

void append_csv_field(std::string_view text, std::string& out) {
    if (!text.empty() && text.find_first_of(",\"\r\n") == std::string_view::npos) {
        out += text;
        return;
    }
    out += '"';
    for (const char each : text) {
        if (each == '"') out += '"';
        out += each;
    }
    out += '"';
}

}  // namespace braid::serving
