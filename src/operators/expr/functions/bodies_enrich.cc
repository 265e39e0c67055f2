// SPDX-License-Identifier: Apache-2.0
#include <optional>

#include "base/error_makers.h"
#include "operators/enrich/function_data.h"
#include "operators/expr/body_internal.h"

/// client, os, country, region: what function data tells of a text. Programs remember their
/// answers.
namespace braid::operators {

namespace {

using View = std::string_view;

Error not_loaded(View what) { return unsupported("no {} is loaded", what).with_sqlstate("55000"); }

template <auto lookup>
Column ask_user_agents(Call& call) {
    const EnrichData* data = call.context.enrich.get();
    return map_text<View>(call, [&](std::string& out, View agent) -> Result<void> {
        if (data == nullptr || data->user_agents == nullptr)
            return not_loaded("user agent database");
        out = (data->user_agents.get()->*lookup)(agent);
        return {};
    });
}

template <auto lookup>
Column ask_regions(Call& call) {
    const EnrichData* data = call.context.enrich.get();
    TextResult result(call);
    const auto address = reader<View>(call, 0);
    for (size_t row = 0; row < call.rows; ++row) {
        if (!call.is_active(row)) continue;
        if (!call.pace.spend(row_work(address[row]))) break;
        if (data == nullptr || data->regions == nullptr) {
            result.fail(row, not_loaded("region database"));
            continue;
        }
        const std::optional<std::string> found = (data->regions.get()->*lookup)(address[row]);
        if (found.has_value()) result.set(row, *found);
    }
    return result.finish();
}

}  // namespace

void add_enrich_bodies(BodyTable& table) {
    table.add("client(text)", ask_user_agents<&UserAgentRules::client>);
    table.add("os(text)", ask_user_agents<&UserAgentRules::os>);
    table.add("country(text)", ask_regions<&RegionDatabase::country>);
    table.add("region(text)", ask_regions<&RegionDatabase::region>);
}

}  // namespace braid::operators
