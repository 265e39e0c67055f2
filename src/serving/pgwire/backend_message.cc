// SPDX-License-Identifier: Apache-2.0
#include "serving/pgwire/backend_message.h"

namespace braid::serving::pgwire {

namespace {

/// The protocol ends texts with a zero byte, so there is none inside.
std::string_view up_to_zero(std::string_view text) { return text.substr(0, text.find('\0')); }

}  // namespace

void BackendMessages::begin(char type) {
    begun_ = out_.size();
    out_ += type;
    out_.append(4, '\0');
}

void BackendMessages::end() { put32(begun_ + 1, static_cast<uint32_t>(out_.size() - begun_ - 1)); }

void BackendMessages::empty(char type) {
    begin(type);
    end();
}

void BackendMessages::word16(size_t value) {
    byte(static_cast<char>(value >> 8));
    byte(static_cast<char>(value));
}

void BackendMessages::word32(uint32_t value) {
    out_.append(4, '\0');
    put32(out_.size() - 4, value);
}

void BackendMessages::put32(size_t at, uint32_t value) {
    for (size_t i = 0; i < 4; ++i) out_[at + i] = static_cast<char>(value >> (24 - 8 * i));
}

void BackendMessages::text(std::string_view value) {
    out_ += up_to_zero(value);
    out_ += '\0';
}

void BackendMessages::field(char code, std::string_view value) {
    if (value.empty()) return;
    byte(code);
    text(value);
}

void BackendMessages::authentication_ok() {
    begin('R');
    word32(0);
    end();
}

void BackendMessages::parameter_status(std::string_view name, std::string_view value) {
    begin('S');
    text(name);
    text(value);
    end();
}

void BackendMessages::backend_key(uint32_t process, uint32_t secret) {
    begin('K');
    word32(process);
    word32(secret);
    end();
}

void BackendMessages::negotiate_version(uint16_t minor,
                                        std::span<const std::string> unknown_options) {
    begin('v');
    word32(uint32_t{3} << 16 | minor);
    word32(static_cast<uint32_t>(unknown_options.size()));
    for (const std::string& option : unknown_options) text(option);
    end();
}

void BackendMessages::ready_for_query(char status) {
    begin('Z');
    byte(status);
    end();
}

void BackendMessages::row_description(const Schema& schema, const std::vector<bool>& is_binary) {
    begin('T');
    word16(schema.fields.size());
    for (size_t i = 0; i < schema.fields.size(); ++i) {
        const Field& field = schema.fields[i];
        // An untyped literal that nobody asked for anything is text, as PostgreSQL says since 10.
        const Type type =
            field.type.kind == TypeKind::kUnknown ? Type::of(TypeKind::kText) : field.type;
        text(field.name);
        word32(0);  // not a column of a table that could be updated
        word16(0);
        word32(type.oid());
        word16(static_cast<uint16_t>(type.typlen()));
        word32(static_cast<uint32_t>(type.typmod()));
        word16(!is_binary.empty() && is_binary[is_binary.size() == 1 ? 0 : i] ? 1 : 0);
    }
    end();
}

void BackendMessages::parameter_description(std::span<const uint32_t> oids) {
    begin('t');
    word16(oids.size());
    for (const uint32_t oid : oids) word32(oid);
    end();
}

void BackendMessages::command_complete(std::string_view tag) {
    begin('C');
    text(tag);
    end();
}

void BackendMessages::error(const Error& error, std::string_view severity) {
    begin('E');
    field('S', severity);
    field('V', severity);
    field('C', error.sqlstate());
    field('M', error.message());
    field('D', error.detail());
    field('H', error.hint());
    if (error.position() > 0) field('P', std::to_string(error.position()));
    std::string context;
    for (const std::string& line : error.context_lines()) {
        if (!context.empty()) context += '\n';
        context += line;
    }
    field('W', context);
    byte('\0');
    end();
}

void BackendMessages::notice(const sql::Notice& notice) {
    const std::string_view severity =
        notice.severity == sql::Notice::Severity::kWarning ? "WARNING" : "NOTICE";
    begin('N');
    field('S', severity);
    field('V', severity);
    field('C', notice.sqlstate);
    field('M', notice.message);
    field('D', notice.detail);
    field('H', notice.hint);
    byte('\0');
    end();
}

void BackendMessages::begin_row(size_t columns) {
    begin('D');
    word16(columns);
}

void BackendMessages::null_value() { word32(UINT32_MAX); }

size_t BackendMessages::begin_value() {
    word32(0);
    return out_.size() - 4;
}

void BackendMessages::end_value(size_t size_at) {
    put32(size_at, static_cast<uint32_t>(out_.size() - size_at - 4));
}

void BackendMessages::end_row() { end(); }
void BackendMessages::drop_row() { out_.resize(begun_); }

}  // namespace braid::serving::pgwire
