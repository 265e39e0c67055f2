// SPDX-License-Identifier: Apache-2.0
#include "app/record_checks.h"

#include <algorithm>
#include <utility>

#include "operators/decode/declared_decoder.h"

namespace braid::app {

namespace {

constexpr size_t kIdleStreamsMax = 256;  // streams come and go; beyond it all decoders are dropped

}  // namespace

serving::RecordCheck RecordChecks::check(const catalog::Table& table,
                                         std::span<const std::string_view> records) {
    size_t count = 0;
    for (size_t bytes = 0; count < std::min(records.size(), kRecordsMax); ++count) {
        bytes += records[count].size();
        if (bytes > kBytesMax) break;
    }
    serving::RecordCheck check{.checked = count};
    auto machine = take(table);
    if (machine == nullptr || count == 0) return {};
    operators::RecordSlice slice;
    slice.records = records.first(count);
    const std::vector<bool> wanted(table.columns.fields.size() + operators::kRecordColumnCount);
    machine->decoder->decode(slice, wanted, machine->decoded);
    check.bad = machine->decoded.bad.size();
    for (const operators::BadRecord& each : machine->decoded.bad) {
        if (check.reasons.size() == kReasonsMax) break;
        check.reasons.push_back({each.row, each.reason});
    }
    give_back(table.id, std::move(machine));
    return check;
}

std::unique_ptr<RecordChecks::Machine> RecordChecks::take(const catalog::Table& table) {
    {
        const ScopedLock lock(mutex_);
        auto& idle = idle_[table.id];
        if (!idle.empty()) {
            auto machine = std::move(idle.back());
            idle.pop_back();
            return machine;
        }
    }
    auto decoder = operators::make_decoder_of(table);
    if (!decoder) return nullptr;
    auto machine = std::make_unique<Machine>();
    machine->decoder = *std::move(decoder);
    return machine;
}

void RecordChecks::give_back(TableId table, std::unique_ptr<Machine> machine) {
    machine->decoded = {};  // points into the request
    const ScopedLock lock(mutex_);
    if (idle_.size() > kIdleStreamsMax) idle_.clear();
    idle_[table].push_back(std::move(machine));
}

}  // namespace braid::app
