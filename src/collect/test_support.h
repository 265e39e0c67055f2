// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "base/clock.h"
#include "base/memory_file_system.h"
#include "base/metric.h"
#include "base/test_support.h"
#include "base/trace.h"
#include "collect/file_source.h"
#include "log/embedded_log.h"

/// What tests of sources share; included only from *_test.cc.

namespace braid::collect::test {

using Lines = std::vector<std::string>;

/// A file source over a log of two partitions in memory, and what was traced meanwhile.
class FollowedLog {
  public:
    FollowedLog() {
        log_options_.keep_free_bytes = 0;
        set_trace_sink([this](TraceLevel, std::string_view, std::string_view message) {
            traced_.emplace_back(message);
        });
    }
    ~FollowedLog() { set_trace_sink({}); }
    FollowedLog(const FollowedLog&) = delete;
    FollowedLog& operator=(const FollowedLog&) = delete;

    /// Also again: the log is closed and recovered, as after a crash.
    void start(FileSystem& machine) {
        source_.reset();
        log_.reset();
        ASSERT_OK_AND_ASSIGN(
            log_, log::open_embedded_log(data_, clock_, "log/1", id_, 2, log_options_, nullptr));
        ASSERT_OK_AND_ASSIGN(
            source_, FileSource::open(machine, clock_, log_, options_, &metrics_, "access"));
    }
    /// Steps until nothing progresses; then the next look finds new and renamed files.
    void run() {
        for (int steps = 0; source_->step().progressed; ++steps) ASSERT_LT(steps, 10'000);
        clock_.advance_us(options_.scan_interval_us);
    }
    /// Everything in the log, partition after partition.
    Lines lines() {
        Lines all;
        for (uint32_t index = 0; index < 2; ++index) {
            const Offset end = log_->durable_end().at[index];
            for (Offset at{0}; at < end;) {
                const auto batch = log_->read({{index}, at, end}, 1000);
                EXPECT_OK(batch);
                if (!batch) return all;
                all.insert(all.end(), batch->records.begin(), batch->records.end());
                at = batch->next;
            }
        }
        return all;
    }
    bool was_traced(std::string_view part) const {
        return std::ranges::any_of(traced_, [&](const std::string& message) {
            return message.find(part) != std::string::npos;
        });
    }

  protected:
    const LogId id_{"0123456789abcdef0123456789abcdef"};
    MemoryFileSystem data_;
    SteppedClock clock_;
    Metrics metrics_;
    FileSourceOptions options_;
    log::EmbeddedLogOptions log_options_;
    std::shared_ptr<log::PartitionedLog> log_;
    std::unique_ptr<FileSource> source_;
    Lines traced_;
};

}  // namespace braid::collect::test
