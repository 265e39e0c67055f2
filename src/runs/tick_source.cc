// SPDX-License-Identifier: Apache-2.0
#include "runs/tick_source.h"

namespace braid::runs {

std::span<const std::shared_ptr<const operators::GroupTable>> Tick::tables_of(
    VersionId version) const {
    const auto place = tables.find(version);
    if (place == tables.end()) return {};
    return place->second;
}

const operators::GroupTable* Tick::table_of(VersionId version, std::string_view key) const {
    const auto all = tables_of(version);
    if (all.empty()) return nullptr;
    return all[operators::GroupTable::shard_of(key, all.size())].get();
}

size_t Tick::group_count(VersionId version) const {
    size_t groups = 0;
    for (const auto& table : tables_of(version)) groups += table->size();
    return groups;
}

}  // namespace braid::runs
