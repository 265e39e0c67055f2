// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/memory_file_system.h"
#include "base/metric.h"
#include "base/test_support.h"
#include "manifest/manifest.h"
#include "manifest/test_support.h"
#include "operators/fold/fold_test_support.h"
#include "runs/run_file.h"

namespace braid::housekeeping {

/// A stream of one partition with a view, in a data directory in memory, whose seals and publishes
/// are done by hand.
class KeptStream : public testing::Test {
  protected:
    void SetUp() override;

    VersionId create_view(ViewId id, const std::string& name);
    manifest::StatePtr head() const { return manifest_->head(); }
    /// Seals these records for each version, in one file.
    void seal(const std::vector<std::string>& records);
    /// One record {"k": key, "n": number} each.
    void seal(const std::string& key, int64_t number);
    /// Publishes all that is sealed as what batch would have computed from the origin.
    void publish() { publish_from(0); }
    /// The same of what lies behind the last cut alone.
    void publish_new();
    std::vector<manifest::Run> runs_of(VersionId version) const;
    bool exists(const manifest::Run& run);
    /// "k count sum distinct" of the ⊕ of all runs of a version.
    std::vector<std::string> answer(VersionId version);
    /// The same of all records, computed in one fold.
    std::vector<std::string> expected() const;
    uint64_t count_run_files();

    MemoryFileSystem files_;
    SteppedClock clock_;
    Metrics metrics_;
    operators::TestViews views_;
    std::unique_ptr<manifest::Manifest> manifest_;
    catalog::Table table_;
    ViewId view_;
    VersionId version_;
    std::vector<std::string> records_;

  private:
    void publish_from(int64_t begin);
    manifest::Run write(runs::RunFile& file, VersionId version,
                        const std::vector<std::string>& records);
};

}  // namespace braid::housekeeping
