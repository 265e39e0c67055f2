// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "operators/aggregate/group_table.h"
#include "operators/aggregate/state_row.h"
#include "operators/fold/view_folder.h"
#include "read/merge/view_finisher.h"
#include "runs/run_file.h"
#include "runs/snapshot.h"

namespace braid::read {

/// What runs and ticks hold about one key, copied, as long as that is little. One thread at a time.
class PointRows {
  public:
    /// Beyond so many rows of all sources nothing is kept.
    static constexpr size_t kRowsMax = 16'384;

    explicit PointRows(std::string key) : key_(std::move(key)) {}
    const std::string& key() const { return key_; }

    /// Nothing is added where they hold nothing. `sections`: those beyond 0.
    Result<void> add_run(const runs::RunReader& run, uint32_t sections);
    void add_tick(const operators::GroupTable& tick);

    bool is_empty() const { return sources_.empty() && !is_too_much_; }
    /// read_point() must be asked instead of finish().
    bool is_too_much() const { return is_too_much_; }
    /// ⊕ of the states, finished: one row of what the finisher gives, or none where it drops it.
    /// Not of none.
    Result<Batch> finish(const operators::BoundView& view, ViewFinisher& finisher) const;

  private:
    struct Row {
        uint32_t section = 0;
        std::string subkey;
        std::string state;
    };
    /// Of one run or tick, by section; that of section 0 comes first.
    using Source = std::vector<Row>;

    /// False once there are too many.
    bool add(uint32_t section, const operators::StateRow& row);
    void give_up();
    Result<void> visit(const Source& source, const operators::RowVisitor& visit) const;

    std::string key_;
    std::vector<Source> sources_;
    size_t rows_ = 0;
    size_t bytes_ = 0;  // of subkeys and states
    bool is_too_much_ = false;
};

/// The row of one key at a tiling, however much there is of it: memory as a scan of it takes
/// (ViewScan). No row where there is no such group.
Result<Batch> read_point(const operators::BoundView& view, const runs::Tiling& tiling,
                         const std::string& key, const ViewRows& wanted);

}  // namespace braid::read
