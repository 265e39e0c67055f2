// SPDX-License-Identifier: Apache-2.0
// The forms of PartitionedLog under their common suite.
#include "log/conformance_test_support.h"
#include "log/memory_log.h"

namespace braid::log {
namespace {

using test::kLogId;
using test::kPartitions;

class EmbeddedForm {
  public:
    EmbeddedForm() {
        auto log = open_embedded_log(files_, clock_, "log/7", kLogId, kPartitions,
                                     test::tiny_extents(), nullptr);
        EXPECT_OK(log);
        log_ = *std::move(log);
    }
    PartitionedLog& log() { return *log_; }
    static std::optional<PartitionId> add_partition() { return std::nullopt; }

  private:
    MemoryFileSystem files_;
    SteppedClock clock_;
    std::unique_ptr<PartitionedLog> log_;
};

class MemoryForm {
  public:
    PartitionedLog& log() { return log_; }
    std::optional<PartitionId> add_partition() { return log_.add_partition({0}); }

  private:
    SteppedClock clock_;
    MemoryLog log_{clock_, kLogId, Positions::zero(kPartitions)};
};

/// Offsets that leave some out, and partitions that begin anywhere.
class SparseForm {
  public:
    PartitionedLog& log() { return log_; }
    std::optional<PartitionId> add_partition() { return log_.add_partition({1'000'000}); }

  private:
    SteppedClock clock_;
    MemoryLog log_{clock_, kLogId, {{{17}, {0}, {1LL << 40}}}, seeded_holes(1)};
};

}  // namespace

namespace test {

INSTANTIATE_TYPED_TEST_SUITE_P(Embedded, PartitionedLogConformance, EmbeddedForm);
INSTANTIATE_TYPED_TEST_SUITE_P(Memory, PartitionedLogConformance, MemoryForm);
INSTANTIATE_TYPED_TEST_SUITE_P(Sparse, PartitionedLogConformance, SparseForm);

}  // namespace test
}  // namespace braid::log
