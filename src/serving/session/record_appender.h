// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "catalog/catalog.h"
#include "log/partitioned_log.h"
#include "serving/control.h"

namespace braid::serving {

inline constexpr size_t kRecordBytesMax = 1 << 20;

/// The way of records from clients into the logs: partitions in turn, one request in one piece.
/// Thread-safe.
class RecordAppender {
  public:
    explicit RecordAppender(const Control& control) : control_(control) {}

    /// `partition`: where to, or nullopt for the next one in turn; a request that repeats a key
    /// goes where its key says, so that it meets its first time again.
    Result<log::AppendOutcome> append(const catalog::Table& table,
                                      std::optional<uint32_t> partition,
                                      const log::AppendRequest& request);

  private:
    const Control& control_;
    std::atomic<uint32_t> turn_{0};
};

}  // namespace braid::serving
