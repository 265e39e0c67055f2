// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "serving/pgwire/frontend_message.h"

/// The first byte is the message's type, zero for a startup packet. Everything that was read must
/// lie in the message.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace braid::serving::pgwire;
    if (size == 0) return 0;
    const char type = static_cast<char>(data[0]);
    const std::string_view body(reinterpret_cast<const char*>(data) + 1, size - 1);
    if (type == '\0') {
        if (const auto packet = parse_startup(body)) {
            if (const auto* startup = std::get_if<Startup>(&*packet)) {
                for (const auto& [name, value] : startup->parameters) {
                    CHECK(!name.empty());
                    if (name == "options") (void)parse_options(value).has_value();
                }
            }
        }
        return 0;
    }
    const auto message = parse_message(type, body);
    if (!message) return 0;
    CHECK(is_message_type(type));
    if (const auto* bind = std::get_if<Bind>(&*message)) {
        const size_t formats = bind->parameter_is_binary.size();
        CHECK(formats <= 1 || formats == bind->values.size());
        for (const auto& value : bind->values) {
            if (!value) continue;
            CHECK(value->data() >= body.data());
            CHECK(value->data() + value->size() <= body.data() + body.size());
        }
    }
    return 0;
}
