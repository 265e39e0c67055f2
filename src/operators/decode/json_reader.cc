// SPDX-License-Identifier: Apache-2.0
#include <simdjson.h>

#include "operators/decode/json_reader_internal.h"

namespace braid::operators {
namespace {

namespace ondemand = simdjson::ondemand;
using simdjson::error_code;

std::string describe(error_code error) {
    switch (error) {
        case simdjson::EMPTY:
            return "record is empty";
        case simdjson::UTF8_ERROR:
            return "invalid byte sequence for encoding \"UTF8\"";
        case simdjson::UNCLOSED_STRING:
            return "invalid JSON: unterminated string";
        case simdjson::UNESCAPED_CHARS:
            return "invalid JSON: control character in a string";
        case simdjson::STRING_ERROR:
            return "invalid JSON: invalid escape in a string";
        case simdjson::MEMALLOC:
            return "out of memory";
        default:
            return "invalid JSON";
    }
}

std::string_view trimmed(std::string_view token) {
    const size_t end = token.find_last_not_of(" \t\n\r");
    return token.substr(0, end == std::string_view::npos ? 0 : end + 1);
}

}  // namespace

/// simdjson's on-demand interface checks only what is asked of it: so every value is visited, also
/// those that no column wants.
struct JsonReader::Body {
    ondemand::parser parser;
    ondemand::document document;
    std::vector<char> padded;
    std::string_view record;
    JsonRow* row = nullptr;
    std::string* reason = nullptr;

    bool read();
    bool read_field(ondemand::field field);
    bool set_value(int column, ondemand::value value);
    bool set_string(int column, ondemand::value value);
    bool check(ondemand::value value, int depth);
    bool check_array(ondemand::value value, int depth);
    bool check_object(ondemand::value value, int depth);
    bool check_scalar(std::string_view token);
    std::string_view in_record(const char* from, const char* to) const;
    /// The rest of the record is still read: the column may come again.
    bool refuse(int column) {
        row->refuse(column, std::move(*reason));
        return true;
    }
    bool fail(std::string message) {
        *reason = std::move(message);
        return false;
    }
    bool fail(error_code error) { return fail(describe(error)); }
};

JsonReader::JsonReader() : body_(std::make_unique<Body>()) {}
JsonReader::~JsonReader() = default;

bool JsonReader::read(std::string_view record, JsonRow& row, std::string& reason) {
    body_->record = record;
    body_->row = &row;
    body_->reason = &reason;
    return body_->read();
}

bool JsonReader::Body::read() {
    // simdjson reads beyond the end, records have no padding.
    padded.resize(record.size() + simdjson::SIMDJSON_PADDING);
    if (!record.empty()) std::memcpy(padded.data(), record.data(), record.size());
    std::memset(padded.data() + record.size(), 0, simdjson::SIMDJSON_PADDING);
    const simdjson::padded_string_view view(padded.data(), record.size(), padded.size());
    if (const error_code error = parser.iterate(view).get(document)) return fail(error);
    ondemand::object object;
    if (const error_code error = document.get_object().get(object)) {
        if (error == simdjson::INCORRECT_TYPE) return fail("record is not a JSON object");
        return fail(error);
    }
    for (auto next : object) {
        ondemand::field field;
        if (const error_code error = std::move(next).get(field)) return fail(error);
        if (!read_field(std::move(field))) return false;
    }
    // It has a location unless all is read.
    if (document.current_location().error() != simdjson::OUT_OF_BOUNDS) {
        return fail("invalid JSON: something follows the object");
    }
    return row->finish(*reason);
}

bool JsonReader::Body::read_field(ondemand::field field) {
    std::string_view key;
    if (const error_code error = field.unescaped_key().get(key)) return fail(error);
    const int column = row->find_column(key);
    if (column == JsonRow::kNoColumn) return check(field.value(), 2);
    row->claim(column);
    return set_value(column, field.value());
}

bool JsonReader::Body::set_value(int column, ondemand::value value) {
    const char* from = value.raw_json_token().data();
    if (*from == '"') return set_string(column, value);
    if (*from != '{' && *from != '[') {
        const std::string_view token = trimmed(value.raw_json_token());
        if (!check_scalar(token)) return false;
        const std::string_view scalar = in_record(token.data(), token.data() + token.size());
        return row->set_scalar(column, scalar, *reason) || refuse(column);
    }
    if (!check(value, 2)) return false;
    // What follows is a comma or brace of the record itself.
    const char* next = nullptr;
    if (const error_code error = document.current_location().get(next)) return fail(error);
    return row->set_nested(column, trimmed(in_record(from, next)), *reason) || refuse(column);
}

bool JsonReader::Body::set_string(int column, ondemand::value value) {
    const std::string_view raw = value.raw_json_token();
    std::string_view text;
    if (const error_code error = value.get_string().get(text)) return fail(error);
    // Without an escape the text stands in the record as it is.
    const std::string_view same = in_record(raw.data() + 1, raw.data() + 1 + text.size());
    const bool is_plain =
        same == text &&
        padded[static_cast<size_t>(raw.data() - padded.data()) + 1 + text.size()] == '"';
    return row->set_string(column, is_plain ? same : row->keep(text), is_plain, *reason) ||
           refuse(column);
}

std::string_view JsonReader::Body::in_record(const char* from, const char* to) const {
    return record.substr(static_cast<size_t>(from - padded.data()), static_cast<size_t>(to - from));
}

bool JsonReader::Body::check(ondemand::value value, int depth) {
    if (depth > kDepthMax) {
        return fail("record is nested deeper than " + std::to_string(kDepthMax) + " levels");
    }
    const std::string_view token = value.raw_json_token();
    switch (token[0]) {
        case '{':
            return check_object(value, depth);
        case '[':
            return check_array(value, depth);
        case '"': {
            std::string_view text;
            const error_code error = value.get_string().get(text);
            return error ? fail(error) : true;
        }
        default:
            return check_scalar(trimmed(token));
    }
}

bool JsonReader::Body::check_object(ondemand::value value, int depth) {
    ondemand::object object;
    if (const error_code error = value.get_object().get(object)) return fail(error);
    for (auto next : object) {
        ondemand::field field;
        if (const error_code error = std::move(next).get(field)) return fail(error);
        std::string_view key;
        if (const error_code error = field.unescaped_key().get(key)) return fail(error);
        if (!check(field.value(), depth + 1)) return false;
    }
    return true;
}

bool JsonReader::Body::check_array(ondemand::value value, int depth) {
    ondemand::array array;
    if (const error_code error = value.get_array().get(array)) return fail(error);
    for (auto next : array) {
        ondemand::value element;
        if (const error_code error = std::move(next).get(element)) return fail(error);
        if (!check(element, depth + 1)) return false;
    }
    return true;
}

bool JsonReader::Body::check_scalar(std::string_view token) {
    if (classify_scalar(token) != JsonScalar::kNone) return true;
    return fail("invalid JSON: \"" + std::string(token.substr(0, 40)) + "\" is no value");
}

}  // namespace braid::operators
