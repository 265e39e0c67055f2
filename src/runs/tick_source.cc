// SPDX-License-Identifier: Apache-2.0
#include "runs/tick_source.h"

namespace braid::runs {

const operators::GroupTable* Tick::table(VersionId version) const {
    const auto place = tables.find(version);
    return place == tables.end() ? nullptr : place->second.get();
}

}  // namespace braid::runs
