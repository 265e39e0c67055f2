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

/// One result, row by row, in one of the forms.
class BodyWriter {
  public:
    BodyWriter(const Schema& schema, ResultForm form, const Session& session)
        : schema_(schema), form_(form), session_(session) {
        for (const Field& field : schema.fields) {
            std::string& key = keys_.emplace_back();
            append_json_string(field.name, key);
        }
    }

    void begin(std::string& out) const {
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

    void write(const Batch& batch, size_t row, bool is_first, std::string& out) const {
        if (form_ == ResultForm::kCsv) return write_csv(batch, row, out);
        const bool is_object = form_ == ResultForm::kObjects;
        out += is_first ? "\n" : ",\n";
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

    void end(const std::string& tag, std::string& out) const {
        if (form_ == ResultForm::kCsv) return;
        out += "\n]";
        if (form_ == ResultForm::kJson) {
            out += ",\"tag\":";
            append_json_string(tag, out);
        }
        out += "}\n";
    }

  private:
    static Type shown_type(const Type& type) {
        return type.kind == TypeKind::kUnknown ? Type::of(TypeKind::kText) : type;
    }

    static bool is_object_id(TypeAlias alias) {
        return alias == TypeAlias::kRegclass || alias == TypeAlias::kRegtype ||
               alias == TypeAlias::kRegproc;
    }

    void write_value(const Column& column, size_t row, std::string& out) const {
        if (is_object_id(column.type().alias) && !column.is_null(row)) {
            const auto& system = session_.system();
            append_json_string(system.name_of(column.type().alias, column.at<int64_t>(row)), out);
            return;
        }
        append_json_value(column, row, session_.settings().format(), JsonNumeric::kString, out);
    }

    void write_csv(const Batch& batch, size_t row, std::string& out) const {
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

    const Schema& schema_;
    const ResultForm form_;
    const Session& session_;
    std::vector<std::string> keys_;
};

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

Result<std::string> write_result(Cursor& cursor, ResultForm form, const Session& session,
                                 ResultPage* page) {
    static const Schema kNoColumns;
    const Schema& schema = cursor.schema() ? *cursor.schema() : kNoColumns;
    const BodyWriter writer(schema, form, session);
    std::string out;
    uint64_t rows = 0;
    if (cursor.schema() || form != ResultForm::kCsv) writer.begin(out);
    Batch batch;
    const uint64_t rows_max = page == nullptr ? UINT64_MAX : page->rows_max;
    while (cursor.schema() && TRY(cursor.next(batch))) {
        if (page != nullptr) page->has_more |= batch.length > rows_max - rows;
        const size_t wanted = std::min<uint64_t>(batch.length, rows_max - rows);
        for (size_t row = 0; row < wanted; ++row) {
            writer.write(batch, row, rows++ == 0, out);
        }
        if (out.size() <= kAnswerBytesMax) continue;
        return Error(exhausted("the answer has more than {} MiB", kAnswerBytesMax >> 20))
            .with_hint("Use LIMIT, or read it over the PostgreSQL protocol.")
            .with_sqlstate("54000");
    }
    writer.end(cursor.tag(rows), out);
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
