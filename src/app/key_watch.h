// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"
#include "base/worker.h"
#include "manifest/manifest.h"
#include "read/merge/pinned_snapshot.h"

namespace braid::app {

/// Finds views that have more groups than their keys_max also when nobody reads them: from their
/// sealed runs, once for each manifest version.
class KeyWatch {
  public:
    /// The parts must outlive it.
    explicit KeyWatch(const read::ReadParts& parts) : parts_(parts) {}

    StepOutcome step();
    /// 53400 where the version has more groups: of all events up to now, or of the sealed ones
    /// where speed is too far behind to say. Thread-safe.
    Result<void> check(VersionId version) const;

  private:
    /// Of the sealed ones.
    Result<void> check_at(const manifest::StatePtr& state, VersionId version) const;

    const read::ReadParts& parts_;
    ManifestNumber seen_;
};

}  // namespace braid::app
