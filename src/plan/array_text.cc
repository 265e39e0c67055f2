// SPDX-License-Identifier: Apache-2.0
#include "plan/array_text.h"

#include <cstdint>
#include <optional>
#include <vector>

#include "columnar/text_io.h"

namespace braid::plan {

Result<std::string> array_as_written(std::string_view text) {
    std::vector<int32_t> dimensions;
    const ArrayElements elements = TRY(parse_array_text(text, &dimensions));
    if (dimensions.size() > 1) return std::string(text);
    std::string out = "{";
    for (const std::optional<std::string>& element : elements) {
        if (out.size() > 1) out += ',';
        append_array_element(element, out);
    }
    return out + "}";
}

}  // namespace braid::plan
