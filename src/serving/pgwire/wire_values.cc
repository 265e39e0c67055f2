// SPDX-License-Identifier: Apache-2.0
#include "serving/pgwire/wire_values.h"

#include <bit>
#include <string>
#include <utility>

#include "base/error_makers.h"

namespace braid::serving::pgwire {

namespace {

constexpr uint32_t kInt2Oid = 21;
constexpr uint32_t kFloat4Oid = 700;
constexpr uint32_t kBpcharOid = 1042;
constexpr uint32_t kJsonOid = 114;

Error bad_binary(std::string_view what) {
    return invalid_input("incorrect binary data format in bind parameter of type {}", what)
        .with_sqlstate("22P03");
}

uint32_t big_endian(std::string_view bytes) {
    uint32_t value = 0;
    for (const char each : bytes) value = value << 8 | static_cast<uint8_t>(each);
    return value;
}

Result<Datum> read_binary(std::string_view bytes, uint32_t declared_oid, const Type& type) {
    if (declared_oid == kInt2Oid) {
        if (bytes.size() != 2) return bad_binary("smallint");
        const auto value = static_cast<int16_t>(big_endian(bytes));
        if (type.kind == TypeKind::kInt8) return Datum::int8(value);
        return Datum::int4(value);
    }
    if (declared_oid == kFloat4Oid) {
        if (bytes.size() != 4) return bad_binary("real");
        return Datum::float8(static_cast<double>(std::bit_cast<float>(big_endian(bytes))));
    }
    if (type.kind == TypeKind::kText || type.kind == TypeKind::kUnknown) {
        if (!is_valid_utf8(bytes) || bytes.find('\0') != std::string_view::npos) {
            return invalid_input("invalid byte sequence for encoding \"UTF8\"")
                .with_sqlstate("22021");
        }
        return Datum{type, std::string(bytes)};
    }
    return parse_binary(bytes, type);
}

bool is_array(TypeAlias alias) {
    switch (alias) {
        case TypeAlias::kTextArray:
        case TypeAlias::kNameArray:
        case TypeAlias::kOidArray:
        case TypeAlias::kInt2Array:
        case TypeAlias::kInt2Vector:
        case TypeAlias::kCharArray:
        case TypeAlias::kAclArray:
            return true;
        default:
            return false;
    }
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
        default:
            break;
    }
    Type type;
    if (!type_of_oid(oid, type)) return Type::of(TypeKind::kUnknown);
    if (type.kind == TypeKind::kText && !is_array(type.alias)) return Type::of(TypeKind::kText);
    return type;
}

uint32_t described_oid(uint32_t declared_oid, const Type& type) {
    if (declared_oid != 0 && bound_type(declared_oid).kind != TypeKind::kUnknown)
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
        return parse_text(*bytes, type, format);
    }
    Datum value = TRY(read_binary(*bytes, declared_oid, type));
    if (value.type.kind != type.kind) return bad_binary(type.name());
    return value;
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
