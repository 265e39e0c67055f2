// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/result.h"
#include "log/partitioned_log.h"
#include "model/box.h"
#include "model/ids.h"
#include "speed/speed_parts.h"

namespace braid::speed {

/// Reads a stream from its log slice by slice so that it can be cut at closed vectors
/// (log/commit_order.h): in epochs, each up to ends that were read in one step, and within one in
/// the order of sequences. One thread at a time.
class SliceReader {
  public:
    SliceReader(const SpeedParts& parts, const SpeedOptions& options, const catalog::Table& table,
                log::PartitionedLog& log);

    /// Goes on at a closed vector.
    void start(const Positions& from);
    /// Up to where slices were given.
    const Positions& position() const { return position_; }
    /// Whether what was given ends at a closed vector.
    bool is_closed() const { return is_closed_; }
    /// The end of the epoch: a closed vector.
    const Positions& end() const { return end_; }
    bool is_at_end() const { return position_ == end_; }
    /// At most so many records lie before the end of the epoch.
    uint64_t left() const;
    /// Where an epoch has ended: the next one, up to a vector read in one step.
    void begin_epoch(const Positions& end);
    /// Passes over what is left of the epoch.
    void skip();
    /// The log has got partitions: of those nothing lies in the epoch.
    void grow(const Positions& origin);

    /// The next slice; not at the end of the epoch. One without records is a hole that was passed.
    /// After an error nothing has changed.
    Result<log::RecordBatch> next();

  private:
    /// Reads, for each partition that has not reached the epoch's end, its next slice.
    Result<void> read_ahead();
    Result<log::RecordBatch> read(PartitionId partition);
    /// Of those read, the one with the lowest sequence; null at the end of the epoch.
    std::optional<log::RecordBatch>* first();

    const SpeedParts& parts_;
    const size_t slice_records_max_;
    const catalog::Table& table_;
    log::PartitionedLog& log_;
    Positions end_;
    Positions position_;
    bool is_closed_ = true;
    uint64_t last_sequence_ = 0;                          // of the records that were given last
    std::vector<std::optional<log::RecordBatch>> ahead_;  // by partition
};

}  // namespace braid::speed
