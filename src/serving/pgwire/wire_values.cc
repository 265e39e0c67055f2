// SPDX-License-Identifier: Apache-2.0
#include "serving/pgwire/wire_values.h"

#include <string>
#include <utility>

#include "base/error_makers.h"
#include "serving/pgwire/foreign_values.h"

namespace braid::serving::pgwire {

namespace {

constexpr uint32_t kInt2Oid = 21;
constexpr uint32_t kFloat4Oid = 700;
constexpr uint32_t kBpcharOid = 1042;
constexpr uint32_t kJsonOid = 114;
constexpr uint32_t kUnknownOid = 705;  // declared so, a parameter is inferred
constexpr uint32_t kBpcharArrayOid = 1014;
constexpr uint32_t kFloat4ArrayOid = 1021;

Error bad_binary(std::string_view what) {
    return invalid_input("incorrect binary data format in bind parameter of type {}", what)
        .with_sqlstate("22P03");
}

Result<Datum> read_binary(std::string_view bytes, const Type& type) {
    const bool is_text = type.kind == TypeKind::kText || type.kind == TypeKind::kUnknown;
    if (!is_text || is_array(type)) return parse_binary(bytes, type);
    return Datum{type, TRY(foreign_text(kUnknownOid, bytes))};
}

bool is_object(TypeAlias alias) {
    return alias == TypeAlias::kRegclass || alias == TypeAlias::kRegtype ||
           alias == TypeAlias::kRegproc;
}

}  // namespace

Type bound_type(uint32_t oid) {
    switch (oid) {
        case kInt2Oid:
            return Type::of(TypeKind::kInt4);
        case kFloat4Oid:
            return Type::of(TypeKind::kFloat8);
        case kBpcharOid:
        case kJsonOid:
            return Type::of(TypeKind::kText);
        case kFloat4ArrayOid:
            return *array_of(Type::of(TypeKind::kFloat8));
        case kBpcharArrayOid:
            return *array_of(Type::of(TypeKind::kText));
        default:
            break;
    }
    Type type;
    if (!type_of_oid(oid, type)) return Type::of(TypeKind::kUnknown);
    if (type.kind == TypeKind::kText && !is_array(type)) return Type::of(TypeKind::kText);
    return type;
}

uint32_t described_oid(uint32_t declared_oid, const Type& type) {
    if (is_foreign_type(declared_oid) || bound_type(declared_oid).kind != TypeKind::kUnknown)
        return declared_oid;
    return type.kind == TypeKind::kUnknown ? Type::of(TypeKind::kText).oid() : type.oid();
}

Result<Datum> read_parameter(std::optional<std::string_view> bytes, bool is_binary,
                             uint32_t declared_oid, const Type& type, const TextFormat& format) {
    if (!bytes) return Datum::null(type);
    if (!is_binary) {
        if (bytes->find('\0') != std::string_view::npos) {
            return invalid_input("invalid byte sequence for encoding \"UTF8\": 0x00")
                .with_sqlstate("22021");
        }
        return parse_text(TRY(normalised_text(declared_oid, *bytes)), type, format);
    }
    if (declared_oid == kInt2Oid && type.kind == TypeKind::kInt4) {
        if (bytes->size() != 2) return bad_binary("smallint");
        return Datum{
            type,
            TRY(parse_binary(*bytes, Type::aliased(TypeKind::kInt4, TypeAlias::kInt2))).value};
    }
    // What the client said of its bytes counts, not what the statement makes of the value.
    const bool is_inferred = declared_oid == 0 || declared_oid == kUnknownOid;
    if (!is_inferred && declared_oid != type.oid()) {
        return parse_text(TRY(foreign_text(declared_oid, *bytes)), type, format);
    }
    return read_binary(*bytes, type);
}

RowWriter::RowWriter(const Schema& schema, const std::vector<bool>& is_binary,
                     const TextFormat& format, const SystemCatalog& system)
    : format_(format), system_(system) {
    for (size_t i = 0; i < schema.fields.size(); ++i) {
        const TypeAlias alias = schema.fields[i].type.alias;
        const bool binary = !is_binary.empty() && is_binary[is_binary.size() == 1 ? 0 : i];
        forms_.push_back(binary             ? Form::kBinary
                         : is_object(alias) ? Form::kObjectName
                                            : Form::kText);
    }
}

void RowWriter::write(const Batch& batch, size_t row, BackendMessages& out) const {
    out.begin_row(forms_.size());
    for (size_t i = 0; i < forms_.size(); ++i) {
        const Column& column = batch.columns[i];
        if (column.is_null(row)) {
            out.null_value();
            continue;
        }
        const size_t size_at = out.begin_value();
        switch (forms_[i]) {
            case Form::kText:
                format_text(column, row, format_, out.buffer());
                break;
            case Form::kBinary:
                format_binary(column, row, out.buffer());
                break;
            case Form::kObjectName:
                out.buffer() += system_.name_of(column.type().alias, column.at<int64_t>(row));
                break;
        }
        out.end_value(size_at);
    }
    out.end_row();
}

}  // namespace braid::serving::pgwire
