// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "columnar/column.h"
#include "columnar/text_io.h"
#include "serving/pgwire/backend_message.h"
#include "serving/system/system_catalog.h"

namespace braid::serving::pgwire {

/// The type under which a parameter is bound that the client declared by OID. Clients send small
/// integers and short floats, which Braid widens; a type that it does not know is left to be
/// inferred.
Type bound_type(uint32_t oid);

/// The OID that a client is told of a parameter: the one that it declared, or the inferred type's.
uint32_t described_oid(uint32_t declared_oid, const Type& type);

/// A parameter's value, of the type that the statement wants. Errors: 22P02, 22P03, 22021 and those
/// of input functions.
Result<Datum> read_parameter(std::optional<std::string_view> bytes, bool is_binary,
                             uint32_t declared_oid, const Type& type, const TextFormat& format);

/// Writes the rows of one result as DataRow messages.
class RowWriter {
  public:
    /// All must outlive it. `is_binary`: none is text for all, one is for all, else one per column.
    RowWriter(const Schema& schema, const std::vector<bool>& is_binary, const TextFormat& format,
              const SystemCatalog& system);
    void write(const Batch& batch, size_t row, BackendMessages& out) const;

  private:
    enum class Form : uint8_t { kText, kBinary, kObjectName };
    std::vector<Form> forms_;
    const TextFormat& format_;
    const SystemCatalog& system_;
};

}  // namespace braid::serving::pgwire
