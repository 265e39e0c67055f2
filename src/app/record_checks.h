// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "base/mutex.h"
#include "operators/decode/decoder.h"
#include "serving/record_checker.h"

namespace braid::app {

/// Decodes records of requests as the layers will, and forgets the values. Keeps decoders that are
/// not in use, by stream.
class RecordChecks final : public serving::RecordChecker {
  public:
    static constexpr size_t kRecordsMax = 1000;
    static constexpr size_t kBytesMax = 256 << 10;
    static constexpr size_t kReasonsMax = 5;

    serving::RecordCheck check(const catalog::Table& table,
                               std::span<const std::string_view> records) override;

  private:
    struct Machine {
        std::unique_ptr<operators::Decoder> decoder;
        operators::DecodedSlice decoded;
    };
    std::unique_ptr<Machine> take(const catalog::Table& table);
    void give_back(TableId table, std::unique_ptr<Machine> machine);

    Mutex mutex_;
    std::map<TableId, std::vector<std::unique_ptr<Machine>>> idle_ GUARDED_BY(mutex_);
};

}  // namespace braid::app
