// SPDX-License-Identifier: Apache-2.0
#include "serving/session/record_appender.h"

#include "base/error_makers.h"
#include "base/hash.h"

namespace braid::serving {

Result<log::AppendOutcome> RecordAppender::append(const catalog::Table& table,
                                                  std::optional<uint32_t> partition,
                                                  const log::AppendRequest& request) {
    const auto log = TRY(control_.log_of(table.id));
    const uint32_t count = log->partition_count();
    uint32_t chosen = 0;
    if (partition) {
        if (*partition >= count) {
            return invalid_input("partition {} of \"{}\" does not exist", *partition, table.name)
                .with_detail(fmt::format("It has {} partitions, counted from 0.", count))
                .with_sqlstate("22023");
        }
        chosen = *partition;
    } else if (request.key) {
        chosen = static_cast<uint32_t>(hash64(request.key->key) % count);
    } else {
        chosen = turn_.fetch_add(1, std::memory_order_relaxed) % count;
    }
    return log->append(PartitionId{chosen}, request);
}

}  // namespace braid::serving
