// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <limits>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/clock.h"
#include "base/memory_file_system.h"
#include "base/test_support.h"
#include "base/trace.h"
#include "log/embedded_log.h"

/// What tests of logs share; included only from *_test.cc.

namespace braid::log::test {

inline const LogId kLogId{"0123456789abcdef0123456789abcdef"};
inline constexpr PartitionId kFirst{0};

/// Extents of a few hundred bytes, so that a short history rolls often.
inline EmbeddedLogOptions tiny_extents() {
    EmbeddedLogOptions options;
    options.extent_bytes_max = 400;
    options.keep_free_bytes = 0;
    return options;
}

/// The records must outlive the request.
inline AppendRequest request_of(const std::vector<std::string>& records) {
    AppendRequest request;
    request.records.assign(records.begin(), records.end());
    return request;
}

/// All that comes from an offset on.
inline Interval from(Offset offset, PartitionId partition = kFirst) {
    return {partition, offset, {std::numeric_limits<int64_t>::max()}};
}

/// All records of a partition from an offset on; the error of the first read that fails.
inline Result<std::vector<std::string>> read_from(PartitionedLog& log, PartitionId partition,
                                                  Offset at, size_t records_max = 1000) {
    std::vector<std::string> records;
    while (true) {
        const RecordBatch batch = TRY(log.read(from(at, partition), records_max));
        EXPECT_LE(batch.records.size(), records_max);
        if (batch.next == at) return records;
        records.insert(records.end(), batch.records.begin(), batch.records.end());
        at = batch.next;
    }
}

/// Keeps expected warnings of recovery out of the output of a test that causes thousands of them.
class QuietTrace {
  public:
    QuietTrace() {
        set_trace_sink([](TraceLevel, std::string_view, std::string_view) {});
    }
    ~QuietTrace() { set_trace_sink({}); }
    QuietTrace(const QuietTrace&) = delete;
    QuietTrace& operator=(const QuietTrace&) = delete;
};

}  // namespace braid::log::test
