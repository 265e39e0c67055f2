// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/metric.h"
#include "catalog/catalog.h"
#include "collect/allowed_files.h"
#include "collect/source.h"
#include "log/partitioned_log.h"

namespace braid::app {

/// Makes the source of a stream, by the connector that its table names, and holds what of this
/// machine sources may read: the one place that knows which sources there are. Where clients bring
/// the records every call is well and gives nothing. Thread-safe.
class Sources {
  public:
    /// `machine` is rooted at "/"; `resolve` and `closed` as in AllowedFiles. All outlive this;
    /// `metrics` may be null.
    Sources(FileSystem& machine, collect::AllowedFiles::ResolveLinks resolve,
            const std::vector<std::string>& closed, const Clock& clock, Metrics* metrics);

    /// Whether the options of a table can work at all: InvalidInput (22023) if not.
    static Result<void> check(const catalog::Table& table);
    /// The directory of this machine that must be allowed for a table that check() admits; empty:
    /// none.
    static std::string directory_of(const catalog::Table& table);

    /// These directories and all below them may be read, from now on.
    void allow(const std::vector<std::string>& directories);
    /// Whether what the table names may be read: 42501 if not.
    Result<void> admit(const catalog::Table& table) const;
    /// What will keep records from coming as things are: one sentence each.
    std::vector<std::string> survey(const catalog::Table& table) const;
    /// Null where clients bring the records.
    Result<std::shared_ptr<collect::Source>> open(const catalog::Table& table,
                                                  std::shared_ptr<log::PartitionedLog> log) const;

  private:
    // Sources read through it; it judges each look for itself.
    const std::unique_ptr<collect::AllowedFiles> files_;
    const Clock& clock_;
    Metrics* const metrics_;
};

}  // namespace braid::app
